-- What people share by: kinds of documents, a trash that empties itself, guests. Unlike what 0001 says, documents are deleted for good now: their heads go first, so that no
-- batch finds them any more, and their logs after them.

-- The kinds of documents that are not rich text. A table, not a column of documents: that can't be added twice.
CREATE TABLE IF NOT EXISTS document_kinds (
    document BLOB NOT NULL PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
    kind     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS documents_in_trash ON documents (deleted_at) WHERE deleted_at IS NOT NULL;

-- Documents that are gone, and of whose log something is left: where its newest row is, as heads said it.
CREATE TABLE IF NOT EXISTS purges (
    document BLOB    NOT NULL PRIMARY KEY,
    seq      INTEGER NOT NULL,
    last_n   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Accounts for people of other systems, which API keys have made. Their emails are empty, and their keys of emails begin with a space, as no other's does.
CREATE TABLE IF NOT EXISTS guests (
    user     BLOB NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    key      BLOB NOT NULL,                      -- the API key that it belongs to, which may be gone
    lender   BLOB NOT NULL REFERENCES users (id), -- whose key that is
    external TEXT NOT NULL,                      -- the other system's name for the person
    UNIQUE (key, external)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS guests_by_lender ON guests (lender);

-- What was done by whom, and the replies to requests that may be repeated.

-- Names are those of the moment: an account or a document may be gone. So nothing here refers to another table.
CREATE TABLE IF NOT EXISTS audit (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at         INTEGER NOT NULL,
    actor      BLOB,             -- NULL: nobody who is known, or the server itself
    actor_name TEXT    NOT NULL,
    key        BLOB,             -- the API key that was used; NULL: none
    action     TEXT    NOT NULL,
    subject    TEXT    NOT NULL, -- '': nothing in particular
    name       TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    detail     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS audit_by_time ON audit (at, id);
CREATE INDEX IF NOT EXISTS audit_by_actor ON audit (actor, at, id) WHERE actor IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_by_action ON audit (action, at, id);
CREATE INDEX IF NOT EXISTS audit_by_subject ON audit (subject, at, id) WHERE subject <> '';

-- It only grows. INSERT OR REPLACE deletes without a word to triggers of deletion, so it is refused by itself.
CREATE TRIGGER IF NOT EXISTS audit_unchanged BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER IF NOT EXISTS audit_undeleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER IF NOT EXISTS audit_unreplaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = new.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- Requests that were done, or are being done, under a key of the caller's own. Rows live for a day, so nothing refers to accounts: a sweep removes what is left of them.
CREATE TABLE IF NOT EXISTS requests (
    user        BLOB    NOT NULL CHECK (length(user) = 16),
    operation   TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    request     BLOB    NOT NULL CHECK (length(request) = 32), -- a hash of all that it says
    at          INTEGER NOT NULL, -- when it was answered; before that, when it was claimed
    lease_until INTEGER NOT NULL, -- an unanswered one may be claimed again from then on
    status      INTEGER,          -- NULL: unanswered; so are header, a JSON object of texts, and body
    header      TEXT,
    body        BLOB,
    PRIMARY KEY (user, operation, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS requests_by_time ON requests (at);
