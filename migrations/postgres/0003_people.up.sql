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
