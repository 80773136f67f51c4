-- What owners have decided about guests, and from when on the audit log is kept.

-- What a guest may have in a document at most, since an owner has said so: 0 is nothing. Tokens of those who are no owners don't raise it.
CREATE TABLE IF NOT EXISTS guest_limits (
    document BLOB    NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    user     BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role     INTEGER NOT NULL,
    PRIMARY KEY (document, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS guest_limits_by_user ON guest_limits (user);

-- Entries of the audit log from before then may be deleted. Whoever moves it writes an entry that says so in the same transaction.
CREATE TABLE IF NOT EXISTS audit_kept (
    one   INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    since INTEGER NOT NULL
) STRICT;
INSERT INTO audit_kept (one, since) VALUES (1, 0) ON CONFLICT DO NOTHING;

DROP TRIGGER IF EXISTS audit_undeleted;
CREATE TRIGGER audit_undeleted BEFORE DELETE ON audit WHEN NOT coalesce(old.at < (SELECT since FROM audit_kept), 0)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
