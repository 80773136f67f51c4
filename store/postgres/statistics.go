package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/bizsync/bizsync/store"
)

// countedBytes is up to which size on disk a table is counted row by row; of a larger one the planner is asked how many it expects, which is as good as the last ANALYZE.
const countedBytes = 16 << 20

// Statistics counts small tables and estimates large ones.
func (s *Store) Statistics(ctx context.Context) (st store.Statistics, err error) {
	err = s.read(ctx, func(t *tx) error {
		var users, guests, all, trashed int64
		for _, c := range []struct {
			into        *int64
			table, rows string
		}{
			{&users, "users", "users"},
			{&guests, "guests", "guests"},
			{&all, "documents", "documents"},
			{&trashed, "documents", "documents WHERE deleted_at IS NOT NULL"},
			{&st.LogRows, "updates", "updates"},
		} {
			n, err := countRows(t, c.table, c.rows)
			if err != nil {
				return fmt.Errorf("table %s: %w", c.table, err)
			}
			*c.into = n
		}
		st.Users, st.Guests, st.Documents, st.Trashed = int(max(users-guests, 0)), int(guests), int(max(all-trashed, 0)), int(trashed)
		return t.row("SELECT pg_database_size(current_database())").Scan(&st.LogBytes)
	})
	if err != nil {
		return store.Statistics{}, fmt.Errorf("read statistics: %w", err)
	}
	return st, nil
}

// countRows says how many rows there are, of a table and what restricts it.
func countRows(t *tx, table, rows string) (n int64, err error) {
	var size int64
	if err := t.row("SELECT pg_relation_size(to_regclass($1))", table).Scan(&size); err != nil {
		return 0, err
	}
	if size <= countedBytes {
		err := t.row("SELECT count(*) FROM " + rows).Scan(&n)
		return n, err
	}
	var text []byte
	if err := t.row("EXPLAIN (FORMAT JSON) SELECT FROM " + rows).Scan(&text); err != nil {
		return 0, err
	}
	var plans []struct {
		Plan struct {
			Rows float64 `json:"Plan Rows"`
		}
	}
	if err := json.Unmarshal(text, &plans); err != nil || len(plans) != 1 {
		return 0, fmt.Errorf("read plan %q: %w", text, err)
	}
	return int64(plans[0].Plan.Rows), nil
}
