package postgres

import "context"

// JournalSetting reads a setting of a journal's session; an error is its value.
func JournalSetting(ctx context.Context, s *Store, name string) (value string) {
	if err := s.journal.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value); err != nil {
		return err.Error()
	}
	return value
}
