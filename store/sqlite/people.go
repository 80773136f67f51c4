package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/bizsync/bizsync/store"
)

// likely leaves out accounts that have no word ?1 of ASCII anywhere: most. SQLite knows neither other letters' cases nor where words begin, so names with any of those are looked at.
const likely = "(instr(u.email_key, ?1) = 1 OR instr(lower(u.name), ?1) > 0 OR u.name GLOB '*[^ -~]*') AND "

// FindPeople looks at every account, and reads those that it may be about.
func (s *Store) FindPeople(ctx context.Context, query string, limit int) (people []store.User, err error) {
	search := store.NewPeopleSearch(query, limit)
	if search.Empty() {
		return nil, nil
	}
	err = s.read(ctx, func(t *tx) error {
		query, args := "SELECT id, email, name FROM users u WHERE "+isPerson, []any(nil)
		if word := search.Query(); !strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r > '~' }) {
			query, args = "SELECT id, email, name FROM users u WHERE "+likely+isPerson, []any{word}
		}
		err := t.each(func(rows *sqlRows) error {
			var u store.User
			err := rows.Scan(&u.ID, &u.Email, &u.Name)
			search.Add(u.ID, u.Email, u.Name)
			return err
		}, query, args...)
		if err != nil {
			return err
		}
		for _, id := range search.Found() {
			u, err := readUser(t, id)
			if err != nil {
				return err
			}
			people = append(people, u)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find people: %w", err)
	}
	return people, nil
}
