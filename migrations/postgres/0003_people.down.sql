DROP FUNCTION IF EXISTS append_batch_3;
DELETE FROM users WHERE email_key LIKE ' %'; -- guests
DROP TABLE IF EXISTS guests, purges, document_kinds;
DROP INDEX IF EXISTS documents_in_trash;
