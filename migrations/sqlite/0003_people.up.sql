-- What people share by: kinds of documents, a trash that empties itself, guests. Unlike what 0001 says, documents are deleted for good now: their heads go first, so that no
-- batch finds them any more, and their logs after them.

-- The kinds of documents that are not rich text. A table, not a column of documents: that can't be added twice.
CREATE TABLE IF NOT EXISTS document_kinds (
    document BLOB NOT NULL PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
    kind     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS documents_in_trash ON documents (deleted_at) WHERE deleted_at IS NOT NULL;

-- Documents that are gone, and of whose log something is left: where its newest row is, as heads said it.
CREATE TABLE IF NOT EXISTS purges (
    document BLOB    NOT NULL PRIMARY KEY,
    seq      INTEGER NOT NULL,
    last_n   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Accounts for people of other systems, which API keys have made. Their emails are empty, and their keys of emails begin with a space, as no other's does.
CREATE TABLE IF NOT EXISTS guests (
    user     BLOB NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    key      BLOB NOT NULL,                      -- the API key that it belongs to, which may be gone
    lender   BLOB NOT NULL REFERENCES users (id), -- whose key that is
    external TEXT NOT NULL,                      -- the other system's name for the person
    UNIQUE (key, external)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS guests_by_lender ON guests (lender);
