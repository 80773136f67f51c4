-- What was done by whom, and the replies to requests that may be repeated.

-- Names are those of the moment: an account or a document may be gone. So nothing here refers to another table.
CREATE TABLE IF NOT EXISTS audit (
    id         uuid             NOT NULL PRIMARY KEY,
    at         timestamptz      NOT NULL,
    actor      uuid,                      -- NULL: nobody who is known, or the server itself
    actor_name text             NOT NULL,
    key        uuid,                      -- the API key that was used; NULL: none
    action     text COLLATE "C" NOT NULL, -- searched by its beginning, too
    subject    text             NOT NULL, -- '': nothing in particular
    name       text             NOT NULL,
    address    text             NOT NULL,
    detail     text             NOT NULL
);
CREATE INDEX IF NOT EXISTS audit_by_time ON audit (at, id);
CREATE INDEX IF NOT EXISTS audit_by_actor ON audit (actor, at, id) WHERE actor IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_by_action ON audit (action, at, id);
CREATE INDEX IF NOT EXISTS audit_by_subject ON audit (subject, at, id) WHERE subject <> '';

-- It only grows.
CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- Requests that were done, or are being done, under a key of the caller's own. Rows live for a day, so nothing refers to accounts: a sweep removes what is left of them.
CREATE TABLE IF NOT EXISTS requests (
    user_id     uuid        NOT NULL,
    operation   text        NOT NULL,
    key         text        NOT NULL,
    request     bytea       NOT NULL CHECK (length(request) = 32), -- a hash of all that it says
    at          timestamptz NOT NULL, -- when it was answered; before that, when it was claimed
    lease_until timestamptz NOT NULL, -- an unanswered one may be claimed again from then on
    status      integer,              -- NULL: unanswered; so are header, a JSON object of texts, and body
    header      text,
    body        bytea,
    PRIMARY KEY (user_id, operation, key)
);
CREATE INDEX IF NOT EXISTS requests_by_time ON requests (at);
