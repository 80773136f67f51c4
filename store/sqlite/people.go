package sqlite

import (
	"context"
	"fmt"

	"github.com/bizsync/bizsync/store"
)

// FindPeople looks at every account: SQLite knows neither other letters' cases nor where words begin.
func (s *Store) FindPeople(ctx context.Context, query string, limit int) (people []store.User, err error) {
	search := store.NewPeopleSearch(query, limit)
	if search.Empty() {
		return nil, nil
	}
	err = s.read(ctx, func(t *tx) error {
		err := t.each(func(rows *sqlRows) error {
			var u store.User
			err := rows.Scan(&u.ID, &u.Email, &u.Name)
			search.Add(u.ID, u.Email, u.Name)
			return err
		}, "SELECT id, email, name FROM users u WHERE "+isPerson)
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
