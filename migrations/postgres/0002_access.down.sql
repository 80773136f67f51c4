DROP TRIGGER IF EXISTS user_changed ON users;
DROP TRIGGER IF EXISTS user_deleted ON users;
DROP TRIGGER IF EXISTS session_ended ON sessions;
DROP TABLE IF EXISTS notices, notice_heads, api_keys, access_revision;
DROP FUNCTION IF EXISTS move_access_revision;
