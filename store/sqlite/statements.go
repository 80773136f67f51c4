package sqlite

import "database/sql"

// sqlRows keeps the queries' callbacks short to write.
type sqlRows = sql.Rows

// forms are the statements of the append path, for each size of a chunk. They say OR FAIL because a failure undoes the whole transaction anyway: that spares
// SQLite the copies of pages with which it could undo the statement alone.
var forms = struct {
	heads, accounts, credentials, bindings map[int]string
	insertBindings, insertRows             map[int]string
}{
	heads: sized(func(n int) string {
		return "WITH wanted (id) AS (VALUES " + repeated("(?)", n) + ") SELECT " + headColumns + " FROM wanted w CROSS JOIN " + headTables + " WHERE h.document = w.id"
	}),
	accounts: sized(func(n int) string {
		return "WITH wanted (id) AS (VALUES " + repeated("(?)", n) + ") SELECT u.id, coalesce(k.expires_at, 1 << 62) FROM wanted w CROSS JOIN users u ON u.id = w.id" +
			" LEFT JOIN guests g ON g.user = u.id LEFT JOIN api_keys k ON k.id = g.key LEFT JOIN users l ON l.id = k.user WHERE u.disabled = 0 AND (g.user IS NULL OR l.disabled = 0)"
	}),
	credentials: sized(func(n int) string {
		return "WITH wanted (id) AS (VALUES " + repeated("(?)", n) + ") SELECT s.id, s.expires_at FROM wanted w CROSS JOIN sessions s ON s.id = w.id JOIN users u ON u.id = s.user AND u.disabled = 0" +
			" UNION ALL SELECT k.id, coalesce(k.expires_at, 1 << 62) FROM wanted w CROSS JOIN api_keys k ON k.id = w.id JOIN users u ON u.id = k.user AND u.disabled = 0"
	}),
	bindings: sized(func(n int) string {
		return "WITH wanted (document, client) AS (VALUES " + repeated("(?, ?)", n) + ") SELECT b.document, b.client, b.user" +
			" FROM wanted w CROSS JOIN bindings b ON b.document = w.document AND b.client = w.client"
	}),
	insertBindings: sized(func(n int) string {
		return "INSERT OR FAIL INTO bindings (document, client, user) VALUES " + repeated("(?, ?, ?)", n)
	}),
	insertRows: sized(func(n int) string {
		return "INSERT OR FAIL INTO updates (n, document, seq, prev_n, id, prev, author, created_at, data) VALUES " + repeated("(?, ?, ?, ?, ?, ?, ?, ?, ?)", n)
	}),
}

const (
	insertHead = "INSERT INTO heads (document, seq, row, last_n, epoch, access_version, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
	// moveHead moves a head that is still at the row that it is said to be at.
	moveHead    = "UPDATE OR FAIL heads SET seq = ?, row = ?, last_n = ?, changed_at = ? WHERE document = ? AND row = ?"
	insertBatch = "INSERT OR FAIL INTO batches (run, number, created_at, outcome) VALUES (?, ?, ?, ?)"
)

func sized(form func(n int) string) map[int]string {
	m := make(map[int]string, len(chunkSizes))
	for _, n := range chunkSizes {
		m[n] = form(n)
	}
	return m
}

// tail begins a query with the table tail (n, seq): the rows of document ?1 after number ?2 that are in the log, from its head backwards.
const tail = "WITH RECURSIVE tail (n, seq, prev_n) AS (" +
	"SELECT u.n, u.seq, u.prev_n FROM heads h CROSS JOIN updates u ON u.n = h.last_n AND u.document = h.document AND u.seq = h.seq" +
	" WHERE h.document = ?1 AND h.seq > ?2" +
	" UNION ALL " +
	"SELECT u.n, u.seq, u.prev_n FROM tail t CROSS JOIN updates u ON u.n = t.prev_n AND u.document = ?1 AND u.seq = t.seq - 1" +
	" WHERE t.seq > ?2 + 1) "

// tailRows reads those rows in order. Only their numbers are sorted; the limit, which is none, keeps SQLite from leaving the sorting out.
const tailRows = tail + "SELECT u.seq, u.id, u.prev, u.author, u.data FROM (SELECT n FROM tail ORDER BY seq LIMIT -1) t CROSS JOIN updates u ON u.n = t.n"

// tailRow gives the id of row ?2 + 1.
const tailRow = tail + "SELECT u.id FROM tail t CROSS JOIN updates u ON u.n = t.n WHERE t.seq = ?2 + 1"
