CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
DROP TRIGGER IF EXISTS audit_undeleted ON audit;
DROP FUNCTION IF EXISTS refuse_audit_deletion;
DROP TABLE IF EXISTS audit_kept, guest_limits;
