DROP FUNCTION IF EXISTS append_batch_1;
DROP TABLE IF EXISTS coverings, snapshots, bindings, batches, history, updates, heads, members, documents, links, sessions, users, secrets;
