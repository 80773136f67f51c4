DROP TRIGGER IF EXISTS audit_undeleted;
CREATE TRIGGER audit_undeleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
DROP TABLE IF EXISTS audit_kept;
DROP TABLE IF EXISTS guest_limits;
