package sqlite

import "context"

// Exec lets tests change the database behind the store's back.
func Exec(ctx context.Context, s *Store, query string, args ...any) error {
	return s.write(ctx, func(t *tx) error { return t.exec(query, args...) })
}

// Transact runs statements in one transaction.
func Transact(ctx context.Context, s *Store, statements ...string) error {
	return s.write(ctx, func(t *tx) error {
		for _, q := range statements {
			if err := t.exec(q); err != nil {
				return err
			}
		}
		return nil
	})
}

// CancelledIn runs a statement in a transaction whose context ends before its COMMIT.
func CancelledIn(ctx context.Context, s *Store, query string) error {
	ctx, cancel := context.WithCancel(ctx)
	return s.write(ctx, func(t *tx) error {
		defer cancel()
		return t.exec(query)
	})
}

// Panic panics in a transaction, after a statement.
func Panic(ctx context.Context, s *Store, query string) error {
	return s.write(ctx, func(t *tx) error {
		if err := t.exec(query); err != nil {
			return err
		}
		panic("in a transaction")
	})
}

// Drop takes the writer's connection away.
func Drop(s *Store) {
	<-s.writer.turn
	s.writer.drop()
	s.writer.give()
}

// Pragma reads a setting of the writer's connection; an error is its value.
func Pragma(ctx context.Context, s *Store, name string) (value string) {
	err := s.write(ctx, func(t *tx) error { return t.row("PRAGMA " + name).Scan(&value) })
	if err != nil {
		return err.Error()
	}
	return value
}

// Known says how many documents' heads the writer knows without asking.
func Known(s *Store) int {
	<-s.writer.turn
	defer s.writer.give()
	return len(s.writer.memo.heads)
}
