package sqlite

import "database/sql"

// sqlRows keeps the queries' callbacks short to write.
type sqlRows = sql.Rows

// forms are the statements of the append path, for each size of a chunk. They say OR FAIL because a failure undoes the whole transaction anyway: that spares
// SQLite the copies of pages with which it could undo the statement alone.
var forms = struct {
	heads, accounts, bindings             map[int]string
	insertBindings, insertRows, moveHeads map[int]string
}{
	heads: sized(func(n int) string {
		return "SELECT " + headColumns + " FROM heads h WHERE h.document IN (" + repeated("?", n) + ")"
	}),
	accounts: sized(func(n int) string {
		return "SELECT id FROM users WHERE disabled = 0 AND id IN (" + repeated("?", n) + ")"
	}),
	bindings: sized(func(n int) string {
		return "WITH wanted (document, client) AS (VALUES " + repeated("(?, ?)", n) + ") SELECT b.document, b.client, b.user" +
			" FROM wanted w CROSS JOIN bindings b ON b.document = w.document AND b.client = w.client"
	}),
	insertBindings: sized(func(n int) string {
		return "INSERT OR FAIL INTO bindings (document, client, user) VALUES " + repeated("(?, ?, ?)", n)
	}),
	insertRows: sized(func(n int) string {
		return "INSERT OR FAIL INTO updates (document, seq, id, prev, author, created_at, data) VALUES " + repeated("(?, ?, ?, ?, ?, ?, ?)", n)
	}),
	moveHeads: sized(func(n int) string {
		return "INSERT OR FAIL INTO heads (document, seq, row, epoch, access_version, changed_at) VALUES " + repeated("(?, ?, ?, ?, ?, ?)", n) +
			" ON CONFLICT (document) DO UPDATE SET seq = excluded.seq, row = excluded.row, changed_at = excluded.changed_at"
	}),
}

func sized(form func(n int) string) map[int]string {
	m := make(map[int]string, len(chunkSizes))
	for _, n := range chunkSizes {
		m[n] = form(n)
	}
	return m
}
