package sqlite

import (
	"context"
	"fmt"

	"github.com/bizsync/bizsync/store"
)

// Statistics counts, and estimates how long the log is when it is long.
func (s *Store) Statistics(ctx context.Context) (st store.Statistics, err error) {
	err = s.read(ctx, func(t *tx) error {
		// Of accounts and documents the rows of a narrow index are counted; those in the trash have an index of their own.
		err := t.row("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM guests), (SELECT count(*) FROM documents), (SELECT count(*) FROM documents WHERE deleted_at IS NOT NULL),"+
			" (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)").Scan(&st.Users, &st.Guests, &st.Documents, &st.Trashed, &st.LogBytes)
		if err != nil {
			return err
		}
		st.Users -= st.Guests
		st.Documents -= st.Trashed
		st.LogRows, err = logRows(t)
		return err
	})
	if err != nil {
		return store.Statistics{}, fmt.Errorf("read statistics: %w", err)
	}
	return st, nil
}

// A log of fewer rows than logSamples*logSample is counted; of a longer one so many samples, of so many places each, say how full it is. It has no index that would be quicker
// to count than itself, with all its updates.
const (
	logSamples = 64
	logSample  = 256
)

func logRows(t *tx) (rows int64, err error) {
	err = t.row("SELECT count(*) FROM (SELECT 1 FROM updates LIMIT ?)", logSamples*logSample).Scan(&rows)
	if err != nil || rows < logSamples*logSample {
		return rows, err
	}
	var first, last int64
	// Two subqueries: each is one step down the tree, where both in one would be a look at every row.
	if err := t.row("SELECT (SELECT min(n) FROM updates), (SELECT max(n) FROM updates)").Scan(&first, &last); err != nil {
		return 0, err
	}
	// The samples are at even distances: a sweep empties the log here and there, and most at its beginning.
	places, found := last-first+1, int64(0)
	for i := range int64(logSamples) {
		from := first + i*(places-logSample)/(logSamples-1)
		var n int64
		if err := t.row("SELECT count(*) FROM updates WHERE n >= ? AND n < ?", from, from+logSample).Scan(&n); err != nil {
			return 0, err
		}
		found += n
	}
	return max(rows, int64(float64(found)/(logSamples*logSample)*float64(places))), nil
}
