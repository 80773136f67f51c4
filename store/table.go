package store

import "iter"

// Table is a table on its way from one database to another, whatever the two are: columns have PostgreSQL's names, values are uuid.UUID, string, int64, bool, []byte,
// []string, time.Time, or nil for NULL.
type Table struct {
	Name    string
	Columns []string
	Count   int // of rows
	// Rows reads the rows, in the same order each time. Each may be kept. An error is the last that it gives.
	Rows iter.Seq2[[]any, error]
}
