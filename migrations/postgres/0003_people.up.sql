-- What people share by: kinds of documents, a trash that empties itself, guests. Unlike what 0001 says, documents are deleted for good now: their heads go first, so that no
-- batch finds them any more, and their logs after them.

-- The kinds of documents that are not rich text.
CREATE TABLE IF NOT EXISTS document_kinds (
    document uuid NOT NULL PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
    kind     text NOT NULL
);

CREATE INDEX IF NOT EXISTS documents_in_trash ON documents (deleted_at) WHERE deleted_at IS NOT NULL;

-- Documents that are gone, and of whose log something is left.
CREATE TABLE IF NOT EXISTS purges (
    document uuid NOT NULL PRIMARY KEY
);

-- Accounts for people of other systems, which API keys have made. Their emails are empty, and their keys of emails begin with a space, as no other's does.
CREATE TABLE IF NOT EXISTS guests (
    user_id  uuid NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    key      uuid NOT NULL,                      -- the API key that it belongs to, which may be gone
    lender   uuid NOT NULL REFERENCES users (id), -- whose key that is
    external text NOT NULL,                      -- the other system's name for the person
    UNIQUE (key, external)
);
CREATE INDEX IF NOT EXISTS guests_by_lender ON guests (lender);

-- append_batch_3 is append_batch_2 (which nodes of the version before go on calling) with one difference: guests whose key has ended, has expired or is a disabled account's are
-- refused like disabled authors.
CREATE OR REPLACE FUNCTION append_batch_3(
    in_run uuid, in_number bigint,
    in_doc uuid[], in_epoch uuid[], in_upto bigint[], in_upto_row bigint[], in_access bigint[],
    in_ann_doc integer[], in_ann_client bigint[], in_ann_user uuid[],
    in_row_doc integer[], in_row_id bigint[], in_row_author uuid[], in_row_credential uuid[], in_row_from integer[], in_row_to integer[], in_row_size integer[], in_row_data bytea[],
    in_clients bigint[], max_rows integer, max_bytes integer, in_no_wait boolean,
    OUT out_state smallint, OUT out_digest bigint,
    OUT doc_refused smallint[], OUT head_seq bigint[], OUT head_row bigint[], OUT head_epoch uuid[], OUT head_access bigint[], OUT head_deleted boolean[], OUT head_lenient boolean[],
    OUT ann_refused smallint[], OUT row_refused smallint[], OUT row_seq bigint[], OUT row_ids bigint[], OUT row_prev bigint[],
    OUT other_row integer[], OUT other_client bigint[],
    OUT more_foreign boolean[], OUT for_doc integer[], OUT for_seq bigint[], OUT for_id bigint[], OUT for_prev bigint[], OUT for_author uuid[], OUT for_data bytea[]
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    accepted CONSTANT smallint := 0;
    no_right CONSTANT smallint := 1;
    client_of_other CONSTANT smallint := 2;
    epoch_changed CONSTANT smallint := 3;
    document_gone CONSTANT smallint := 4;
    busy CONSTANT smallint := 5;
    none CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    docs integer := cardinality(in_doc);
    anns integer := cardinality(in_ann_doc);
    n_rows integer := cardinality(in_row_doc);
    at timestamptz;
    known boolean[];
    held boolean[];  -- of each document: another transaction holds its head, and we don't wait
    may boolean[];   -- of each row: its author may write, and its key is good
    bound boolean[]; -- of each row: all its clients are bound to its author already
    moved boolean[]; -- of each document: it got rows
    a integer := 1;
    j integer := 1;
    had bigint;      -- a document's last number before this batch
    next_seq bigint;
    row_there bigint;
    refused smallint;
    others bigint[];
    any_row boolean := false;
    r record;
BEGIN
    SELECT b.state, b.digest, b.doc_refused, b.ann_refused, b.row_refused, b.row_seq, b.row_ids, b.row_prev, b.other_row, b.other_client
      INTO STRICT out_state, out_digest, doc_refused, ann_refused, row_refused, row_seq, row_ids, row_prev, other_row, other_client
      FROM batches b WHERE b.run = in_run AND b.number = in_number;

    head_seq := array_fill(0::bigint, ARRAY[docs]);
    head_row := head_seq;
    head_access := head_seq;
    head_epoch := array_fill(none, ARRAY[docs]);
    head_deleted := array_fill(false, ARRAY[docs]);
    head_lenient := head_deleted;
    more_foreign := head_deleted;
    known := head_deleted;
    held := head_deleted;
    moved := head_deleted;
    for_doc := '{}'; for_seq := '{}'; for_id := '{}'; for_prev := '{}'; for_author := '{}'; for_data := '{}';

    IF out_state <> 0 THEN -- the heads of now
        FOR r IN SELECT x.i, h.seq, h.row_id, h.epoch, h.access_version, h.deleted, coalesce(h.reset_at > clock_timestamp() - interval '24 hours', false) AS lenient
                   FROM unnest(in_doc) WITH ORDINALITY AS x (document, i) JOIN heads h ON h.document = x.document LOOP
            head_seq[r.i] := r.seq; head_row[r.i] := r.row_id; head_epoch[r.i] := r.epoch;
            head_access[r.i] := r.access_version; head_deleted[r.i] := r.deleted; head_lenient[r.i] := r.lenient;
        END LOOP;
        RETURN;
    END IF;

    IF in_no_wait THEN
        FOR r IN SELECT x.i, h.seq, h.row_id, h.epoch, h.access_version, h.deleted, coalesce(h.reset_at > clock_timestamp() - interval '24 hours', false) AS lenient
                   FROM unnest(in_doc) WITH ORDINALITY AS x (document, i) JOIN heads h ON h.document = x.document
                  ORDER BY h.document FOR NO KEY UPDATE OF h SKIP LOCKED LOOP
            known[r.i] := true;
            head_seq[r.i] := r.seq; head_row[r.i] := r.row_id; head_epoch[r.i] := r.epoch;
            head_access[r.i] := r.access_version; head_deleted[r.i] := r.deleted; head_lenient[r.i] := r.lenient;
        END LOOP;
        FOR r IN SELECT x.i FROM unnest(in_doc, known) WITH ORDINALITY AS x (document, known, i) JOIN heads h ON h.document = x.document WHERE NOT x.known LOOP
            held[r.i] := true;
        END LOOP;
    ELSE
        FOR r IN SELECT x.i, h.seq, h.row_id, h.epoch, h.access_version, h.deleted, coalesce(h.reset_at > clock_timestamp() - interval '24 hours', false) AS lenient
                   FROM unnest(in_doc) WITH ORDINALITY AS x (document, i) JOIN heads h ON h.document = x.document
                  ORDER BY h.document FOR NO KEY UPDATE OF h LOOP
            known[r.i] := true;
            head_seq[r.i] := r.seq; head_row[r.i] := r.row_id; head_epoch[r.i] := r.epoch;
            head_access[r.i] := r.access_version; head_deleted[r.i] := r.deleted; head_lenient[r.i] := r.lenient;
        END LOOP;
    END IF;
    at := clock_timestamp();

    SELECT coalesce(array_agg(
               EXISTS (SELECT FROM users u WHERE u.id = x.author AND NOT u.disabled AND NOT EXISTS (SELECT FROM guests g WHERE g.user_id = u.id AND NOT EXISTS (
                   SELECT FROM api_keys k JOIN users l ON l.id = k.user_id AND NOT l.disabled WHERE k.id = g.key AND (k.expires_at > at) IS NOT FALSE)))
               AND (head_access[x.d] = in_access[x.d]
                    OR EXISTS (SELECT FROM members m WHERE m.document = in_doc[x.d] AND m.user_id = x.author AND m.role >= 3))
               ORDER BY x.i), '{}'),
           coalesce(array_agg(
               NOT EXISTS (SELECT FROM unnest(in_clients[x.f:x.t]) c WHERE NOT EXISTS (
                   SELECT FROM bindings b WHERE b.document = in_doc[x.d] AND b.client = c AND b.user_id = x.author))
               ORDER BY x.i), '{}')
      INTO may, bound
      FROM unnest(in_row_doc, in_row_author, in_row_from, in_row_to) WITH ORDINALITY AS x (d, author, f, t, i);
    IF cardinality(in_row_credential) > 0 THEN
        SELECT array_agg(x.may AND (x.credential = none
                   OR EXISTS (SELECT FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = x.credential AND NOT u.disabled AND s.expires_at > at)
                   OR EXISTS (SELECT FROM api_keys k JOIN users u ON u.id = k.user_id
                               WHERE k.id = x.credential AND NOT u.disabled AND (k.expires_at IS NULL OR k.expires_at > at)))
               ORDER BY x.i)
          INTO may FROM unnest(may, in_row_credential) WITH ORDINALITY AS x (may, credential, i);
    END IF;

    doc_refused := array_fill(accepted, ARRAY[docs]);
    ann_refused := array_fill(accepted, ARRAY[anns]);
    row_refused := array_fill(accepted, ARRAY[n_rows]);
    row_seq := array_fill(0::bigint, ARRAY[n_rows]);
    row_prev := row_seq;
    row_ids := row_seq;
    other_row := '{}';
    other_client := '{}';

    FOR i IN 1 .. docs LOOP
        refused := accepted;
        IF held[i] THEN
            refused := busy;
        ELSIF NOT known[i] OR head_deleted[i] THEN
            refused := document_gone;
        ELSIF head_epoch[i] <> in_epoch[i] OR head_seq[i] < in_upto[i] THEN
            refused := epoch_changed;
        ELSE
            -- The id of the row up to which the room has read. Whoever sweeps moves rows to history, so in this order nothing is missed. A number that is nowhere kept is
            -- another history: reloading is always right.
            IF in_upto[i] = 0 THEN
                row_there := 0;
            ELSIF in_upto[i] = head_seq[i] THEN
                row_there := head_row[i];
            ELSE
                SELECT u.id INTO row_there FROM updates u WHERE u.document = in_doc[i] AND u.seq = in_upto[i];
                IF NOT FOUND THEN
                    SELECT s.row_id INTO row_there FROM snapshots s WHERE s.document = in_doc[i] AND s.seq = in_upto[i];
                END IF;
                IF NOT FOUND THEN
                    SELECT o.id INTO row_there FROM history o WHERE o.document = in_doc[i] AND o.seq = in_upto[i] AND o.id = in_upto_row[i];
                END IF;
            END IF;
            IF row_there IS DISTINCT FROM in_upto_row[i] THEN
                refused := epoch_changed;
            END IF;
        END IF;
        doc_refused[i] := refused;

        had := head_seq[i];
        IF refused = accepted AND had > in_upto[i] THEN
            next_seq := in_upto[i] + 1;
            FOR r IN SELECT u.seq, u.id, u.prev, u.author, u.size, u.data FROM updates u
                     WHERE u.document = in_doc[i] AND u.seq >= next_seq ORDER BY u.seq LIMIT max_rows LOOP
                EXIT WHEN r.seq <> next_seq OR r.size > max_bytes;
                max_rows := max_rows - 1;
                max_bytes := max_bytes - r.size;
                next_seq := next_seq + 1;
                for_doc := for_doc || i; for_seq := for_seq || r.seq; for_id := for_id || r.id; for_prev := for_prev || r.prev;
                for_author := for_author || r.author; for_data := array_append(for_data, r.data);
            END LOOP;
            more_foreign[i] := next_seq <= had;
        END IF;

        WHILE a <= anns AND in_ann_doc[a] = i LOOP
            IF refused <> accepted THEN
                ann_refused[a] := refused;
            ELSE
                INSERT INTO bindings (document, client, user_id) VALUES (in_doc[i], in_ann_client[a], in_ann_user[a]) ON CONFLICT DO NOTHING;
                IF NOT FOUND AND NOT EXISTS (
                    SELECT FROM bindings b WHERE b.document = in_doc[i] AND b.client = in_ann_client[a] AND b.user_id = in_ann_user[a]) THEN
                    ann_refused[a] := client_of_other;
                END IF;
            END IF;
            a := a + 1;
        END LOOP;

        WHILE j <= n_rows AND in_row_doc[j] = i LOOP
            IF refused <> accepted THEN
                row_refused[j] := refused;
            ELSIF NOT may[j] THEN
                row_refused[j] := no_right;
            ELSE
                IF NOT bound[j] AND NOT head_lenient[i] THEN
                    SELECT array_agg(c.client ORDER BY c.n) INTO others
                      FROM unnest(in_clients[in_row_from[j]:in_row_to[j]]) WITH ORDINALITY AS c (client, n)
                      JOIN bindings b ON b.document = in_doc[i] AND b.client = c.client WHERE b.user_id <> in_row_author[j];
                    IF others IS NOT NULL THEN
                        row_refused[j] := client_of_other;
                        other_client := other_client || others;
                        other_row := other_row || array_fill(j, ARRAY[cardinality(others)]);
                    ELSE
                        INSERT INTO bindings (document, client, user_id)
                            SELECT in_doc[i], c, in_row_author[j] FROM unnest(in_clients[in_row_from[j]:in_row_to[j]]) c ON CONFLICT DO NOTHING;
                    END IF;
                END IF;
                IF row_refused[j] = accepted THEN
                    row_seq[j] := head_seq[i] + 1;
                    row_ids[j] := in_row_id[j];
                    row_prev[j] := head_row[i];
                    head_seq[i] := row_seq[j];
                    head_row[i] := row_ids[j];
                    moved[i] := true;
                    any_row := true;
                END IF;
            END IF;
            j := j + 1;
        END LOOP;
    END LOOP;

    IF any_row THEN
        INSERT INTO updates (document, seq, id, prev, author, created_at, size, data)
            SELECT in_doc[x.d], x.seq, x.id, x.prev, x.author, at, x.size, x.data
              FROM unnest(in_row_doc, row_seq, row_ids, row_prev, in_row_author, in_row_size, in_row_data) AS x (d, seq, id, prev, author, size, data)
             WHERE x.seq > 0;
        UPDATE heads h SET seq = x.seq, row_id = x.row_id, changed_at = greatest(at, h.changed_at)
          FROM unnest(in_doc, head_seq, head_row, moved) AS x (document, seq, row_id, moved)
         WHERE h.document = x.document AND x.moved;
    END IF;

    UPDATE batches b SET state = 1, doc_refused = append_batch_3.doc_refused, ann_refused = append_batch_3.ann_refused, row_refused = append_batch_3.row_refused,
           row_seq = append_batch_3.row_seq, row_ids = append_batch_3.row_ids, row_prev = append_batch_3.row_prev,
           other_row = append_batch_3.other_row, other_client = append_batch_3.other_client
     WHERE b.run = in_run AND b.number = in_number;
END
$$;

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
