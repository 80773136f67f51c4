DROP TABLE IF EXISTS requests;
DROP TABLE IF EXISTS audit;
DELETE FROM users WHERE email_key LIKE ' %'; -- guests
DROP TABLE IF EXISTS guests;
DROP TABLE IF EXISTS purges;
DROP INDEX IF EXISTS documents_in_trash;
DROP TABLE IF EXISTS document_kinds;
