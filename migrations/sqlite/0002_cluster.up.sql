-- What several nodes need: API keys, the revision of all access, notices to people, histories that went back, and what was imported.

CREATE TABLE IF NOT EXISTS api_keys (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user       BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    scopes     TEXT    NOT NULL, -- a JSON array of strings
    token_hash BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER, -- NULL: never
    last_used  INTEGER  -- NULL: never
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS api_keys_by_user ON api_keys (user, created_at, id);

-- The last number that each person's notices have got.
CREATE TABLE IF NOT EXISTS notice_heads (
    user BLOB    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    seq  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Titles and names are those of the moment.
CREATE TABLE IF NOT EXISTS notices (
    user       BLOB    NOT NULL REFERENCES notice_heads (user) ON DELETE CASCADE,
    seq        INTEGER NOT NULL,
    id         BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    kind       TEXT    NOT NULL,
    document   BLOB    NOT NULL,
    title      TEXT    NOT NULL,
    role       INTEGER NOT NULL, -- store.Role; 0: none
    actor      BLOB,             -- NULL: nobody in particular
    actor_name TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    read_at    INTEGER,          -- NULL: unread
    PRIMARY KEY (user, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS notices_unread ON notices (user, seq) WHERE read_at IS NULL;

-- One row. The revision moves whenever something ends that has let somebody in: see the triggers below. It is a time in microseconds, so that a file that was restored from a
-- copy never gives a revision again that it had given before for something else.
CREATE TABLE IF NOT EXISTS access_revision (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO access_revision (only_row, revision) VALUES (1, CAST(unixepoch('subsec') * 1000000 AS INTEGER)) ON CONFLICT DO NOTHING;

CREATE TRIGGER IF NOT EXISTS user_changed AFTER UPDATE ON users
    WHEN (old.email, old.name, old.role, old.disabled, old.password_hash) IS NOT (new.email, new.name, new.role, new.disabled, new.password_hash)
BEGIN
    UPDATE access_revision SET revision = max(revision + 1, CAST(unixepoch('subsec') * 1000000 AS INTEGER));
END;
CREATE TRIGGER IF NOT EXISTS user_deleted AFTER DELETE ON users
BEGIN
    UPDATE access_revision SET revision = max(revision + 1, CAST(unixepoch('subsec') * 1000000 AS INTEGER));
END;
CREATE TRIGGER IF NOT EXISTS session_ended AFTER DELETE ON sessions
    WHEN old.expires_at > unixepoch('subsec') * 1000
BEGIN
    UPDATE access_revision SET revision = max(revision + 1, CAST(unixepoch('subsec') * 1000000 AS INTEGER));
END;
CREATE TRIGGER IF NOT EXISTS api_key_deleted AFTER DELETE ON api_keys
BEGIN
    UPDATE access_revision SET revision = max(revision + 1, CAST(unixepoch('subsec') * 1000000 AS INTEGER));
END;

-- When a document's history went back for the last time, so that for 24 hours anybody who still has the lost edits may bring them. A table, not a column of heads: that can't
-- be added twice, and hardly any document has one.
CREATE TABLE IF NOT EXISTS resets (
    document BLOB    NOT NULL PRIMARY KEY,
    reset_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
