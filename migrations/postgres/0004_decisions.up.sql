-- What owners have decided about guests, and from when on the audit log is kept.

-- What a guest may have in a document at most, since an owner has said so: 0 is nothing. Tokens of those who are no owners don't raise it.
CREATE TABLE IF NOT EXISTS guest_limits (
    document uuid     NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    user_id  uuid     NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role     smallint NOT NULL,
    PRIMARY KEY (document, user_id)
);
CREATE INDEX IF NOT EXISTS guest_limits_by_user ON guest_limits (user_id);

-- Entries of the audit log from before then may be deleted. Whoever moves it writes an entry that says so in the same transaction.
CREATE TABLE IF NOT EXISTS audit_kept (
    one   boolean     NOT NULL PRIMARY KEY CHECK (one),
    since timestamptz NOT NULL
);
INSERT INTO audit_kept (one, since) VALUES (true, '-infinity') ON CONFLICT DO NOTHING;

CREATE OR REPLACE FUNCTION refuse_audit_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(old.at < (SELECT since FROM audit_kept), false) THEN
        RETURN old;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE OR REPLACE TRIGGER audit_undeleted BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_audit_deletion();
