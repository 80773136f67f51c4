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
