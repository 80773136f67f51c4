package sqlite

import "context"

// Exec lets tests change the database behind the store's back.
func Exec(ctx context.Context, s *Store, query string, args ...any) error {
	return s.write(ctx, func(t *tx) error { return t.exec(query, args...) })
}
