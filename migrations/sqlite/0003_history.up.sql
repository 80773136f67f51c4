-- When a document's history went back for the last time, so that for 24 hours anybody who still has the lost edits may bring them. A table, not a column of heads: that can't
-- be added twice, and hardly any document has one.
CREATE TABLE IF NOT EXISTS resets (
    document BLOB    NOT NULL PRIMARY KEY,
    reset_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
