-- API keys, the revision of all access, and notices to people.

CREATE TABLE IF NOT EXISTS api_keys (
    id         uuid        NOT NULL PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name       text        NOT NULL,
    scopes     text[]      NOT NULL,
    token_hash bytea       NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz, -- NULL: never
    last_used  timestamptz  -- NULL: never
);
CREATE INDEX IF NOT EXISTS api_keys_by_user ON api_keys (user_id, created_at, id);

-- The last number that each person's notices have got. Whoever writes notices holds this row's lock, of several people in order of their ids, until the commit: so the numbers
-- have no gaps, and become visible in their order.
CREATE TABLE IF NOT EXISTS notice_heads (
    user_id uuid   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    seq     bigint NOT NULL
) WITH (fillfactor = 50);

-- Titles and names are those of the moment.
CREATE TABLE IF NOT EXISTS notices (
    user_id    uuid        NOT NULL REFERENCES notice_heads (user_id) ON DELETE CASCADE,
    seq        bigint      NOT NULL,
    id         uuid        NOT NULL UNIQUE,
    kind       text        NOT NULL,
    document   uuid        NOT NULL,
    title      text        NOT NULL,
    role       smallint    NOT NULL, -- store.Role; 0: none
    actor      uuid,                 -- NULL: nobody in particular
    actor_name text        NOT NULL,
    created_at timestamptz NOT NULL,
    read_at    timestamptz,          -- NULL: unread
    PRIMARY KEY (user_id, seq)
);
CREATE INDEX IF NOT EXISTS notices_unread ON notices (user_id, seq) WHERE read_at IS NULL;

-- One row. The revision moves whenever something ends that has let somebody in: see the triggers below. They do it, not the program, since nodes of the version before know
-- nothing of it. It is a time in microseconds, so that a database that was restored from a copy never gives a revision again that it had given before for something else.
CREATE TABLE IF NOT EXISTS access_revision (
    only_row boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
    revision bigint  NOT NULL
) WITH (fillfactor = 10);
INSERT INTO access_revision (revision) VALUES ((extract(epoch FROM clock_timestamp()) * 1000000)::bigint) ON CONFLICT DO NOTHING;

-- Once a transaction, however many rows it changes.
CREATE OR REPLACE FUNCTION move_access_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE access_revision SET revision = greatest(revision + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
     WHERE xmin <> pg_current_xact_id()::xid;
    RETURN NULL;
END $$;

-- Deferred to the commit: the one row that all of them lock is locked last and shortly, so it is in no deadlock.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'users'::regclass AND tgname = 'user_changed') THEN
        CREATE CONSTRAINT TRIGGER user_changed AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            WHEN ((OLD.email, OLD.name, OLD.role, OLD.disabled, OLD.password_hash) IS DISTINCT FROM (NEW.email, NEW.name, NEW.role, NEW.disabled, NEW.password_hash))
            EXECUTE FUNCTION move_access_revision();
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'users'::regclass AND tgname = 'user_deleted') THEN
        CREATE CONSTRAINT TRIGGER user_deleted AFTER DELETE ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            EXECUTE FUNCTION move_access_revision();
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'sessions'::regclass AND tgname = 'session_ended') THEN
        CREATE CONSTRAINT TRIGGER session_ended AFTER DELETE ON sessions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            WHEN (OLD.expires_at > now())
            EXECUTE FUNCTION move_access_revision();
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'api_keys'::regclass AND tgname = 'api_key_deleted') THEN
        CREATE CONSTRAINT TRIGGER api_key_deleted AFTER DELETE ON api_keys DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            EXECUTE FUNCTION move_access_revision();
    END IF;
END $$;
