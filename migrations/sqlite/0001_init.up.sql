-- Ids are UUIDs as 16 bytes, times are Unix milliseconds. Bytes called packed are in the form of store.Pack.

CREATE TABLE IF NOT EXISTS secrets (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS users (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email         TEXT    NOT NULL,
    email_key     TEXT    NOT NULL UNIQUE, -- the email trimmed and in lower case
    name          TEXT    NOT NULL,
    role          TEXT    NOT NULL CHECK (role IN ('admin', 'member')),
    password_hash TEXT    NOT NULL,
    disabled      INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS users_by_age ON users (created_at, id);

CREATE TABLE IF NOT EXISTS sessions (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    id         BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    user       BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_agent TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_by_user ON sessions (user);
CREATE INDEX IF NOT EXISTS sessions_by_expiry ON sessions (expires_at);

CREATE TABLE IF NOT EXISTS links (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    kind       TEXT    NOT NULL CHECK (kind IN ('setup', 'password')),
    user       BLOB    REFERENCES users (id) ON DELETE CASCADE, -- NULL for setup
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_by_user ON links (user);
CREATE INDEX IF NOT EXISTS links_by_expiry ON links (expires_at);

CREATE TABLE IF NOT EXISTS documents (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    key        TEXT    UNIQUE, -- NULL: none
    title      TEXT    NOT NULL,
    title_key  TEXT    NOT NULL, -- the title in lower case, which searches look at
    owner      BLOB    NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    deleted_at INTEGER -- NULL: not in the trash
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS documents_by_owner ON documents (owner);

CREATE TABLE IF NOT EXISTS members (
    document   BLOB    NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    user       BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       INTEGER NOT NULL CHECK (role BETWEEN 1 AND 4), -- store.Role
    created_at INTEGER NOT NULL,
    PRIMARY KEY (document, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members_by_user ON members (user);

-- What orders a document's log. Each commit changes this row, so no index covers what changes. changed_at is the time of the newest change of
-- title, members, trash or content: lists join it in, rather than that every commit moves an index entry of documents.
-- No foreign keys from here on: whoever appends has just read the document's head in the same transaction, and documents are never deleted for good.
CREATE TABLE IF NOT EXISTS heads (
    document       BLOB    NOT NULL PRIMARY KEY,
    seq            INTEGER NOT NULL,
    row            INTEGER NOT NULL,
    last_n         INTEGER NOT NULL, -- updates.n of that row, 0 when there is none; it stays when the row goes to history
    epoch          BLOB    NOT NULL CHECK (length(epoch) = 16),
    access_version INTEGER NOT NULL,
    deleted        INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
    changed_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The log of all documents, in the order of commits: a commit for a hundred documents writes a page or two at the end, where a table or an index that is sorted
-- by document would rewrite a hundred. A document's rows are found from its head backwards by prev_n. Numbers of rows that went to history are used again, so
-- whoever follows prev_n compares document and seq.
CREATE TABLE IF NOT EXISTS updates (
    n          INTEGER PRIMARY KEY,
    document   BLOB    NOT NULL,
    seq        INTEGER NOT NULL,
    prev_n     INTEGER NOT NULL,
    id         INTEGER NOT NULL,
    prev       INTEGER NOT NULL,
    author     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    data       BLOB    NOT NULL -- packed
) STRICT;

-- Rows that a snapshot has covered for long, in the order in which a document's history is read.
CREATE TABLE IF NOT EXISTS history (
    document   BLOB    NOT NULL,
    seq        INTEGER NOT NULL,
    id         INTEGER NOT NULL,
    prev       INTEGER NOT NULL,
    author     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    data       BLOB    NOT NULL, -- packed
    PRIMARY KEY (document, seq, id)
) STRICT, WITHOUT ROWID;

-- Idempotency keys with what their batch came to. Numbers of a run grow with time, so the oldest keys of a run are its first.
CREATE TABLE IF NOT EXISTS batches (
    run        BLOB    NOT NULL,
    number     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    outcome    BLOB    NOT NULL,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS bindings (
    document BLOB    NOT NULL,
    client   INTEGER NOT NULL,
    user     BLOB    NOT NULL,
    PRIMARY KEY (document, client)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS snapshots (
    document   BLOB    NOT NULL PRIMARY KEY,
    seq        INTEGER NOT NULL,
    row        INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    state      BLOB    NOT NULL -- packed
) STRICT, WITHOUT ROWID;

-- When a snapshot first covered the rows up to seq. It outlives the snapshot, so that a document that is compacted every minute is swept too.
CREATE TABLE IF NOT EXISTS coverings (
    document   BLOB    NOT NULL,
    seq        INTEGER NOT NULL,
    covered_at INTEGER NOT NULL,
    PRIMARY KEY (document, seq)
) STRICT, WITHOUT ROWID;
