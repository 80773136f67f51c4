DROP FUNCTION IF EXISTS append_batch_2;
DROP TABLE IF EXISTS imports;
ALTER TABLE IF EXISTS heads DROP COLUMN IF EXISTS reset_at;
DROP TRIGGER IF EXISTS user_changed ON users;
DROP TRIGGER IF EXISTS user_deleted ON users;
DROP TRIGGER IF EXISTS session_ended ON sessions;
DROP TABLE IF EXISTS notices, notice_heads, api_keys, access_revision;
DROP FUNCTION IF EXISTS move_access_revision;
