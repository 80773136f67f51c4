DROP TABLE IF EXISTS requests;
DROP TABLE IF EXISTS audit;
DROP FUNCTION IF EXISTS refuse_audit_change;
DROP FUNCTION IF EXISTS append_batch_3;
DELETE FROM users WHERE email_key LIKE ' %'; -- guests
DROP TABLE IF EXISTS guests, purges, document_kinds;
DROP INDEX IF EXISTS documents_in_trash;
