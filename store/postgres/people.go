package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

// FindPeople looks at every account: what the database knows of cases and words depends on its collation.
func (s *Store) FindPeople(ctx context.Context, query string, limit int) (people []store.User, err error) {
	search := store.NewPeopleSearch(query, limit)
	if search.Empty() {
		return nil, nil
	}
	err = s.read(ctx, func(t *tx) error {
		err := t.each(func(rows pgx.Rows) error {
			var u store.User
			err := rows.Scan(&u.ID, &u.Email, &u.Name)
			search.Add(u.ID, u.Email, u.Name)
			return err
		}, "SELECT id, email, name FROM users u WHERE "+isPerson)
		if err != nil {
			return err
		}
		return t.each(func(rows pgx.Rows) error {
			u, err := scanUser(rows)
			people = append(people, u)
			return err
		}, "SELECT "+userColumns+" FROM unnest($1::uuid[]) WITH ORDINALITY AS f (id, place) JOIN users u ON u.id = f.id ORDER BY f.place", search.Found())
	})
	if err != nil {
		return nil, fmt.Errorf("find people: %w", err)
	}
	return people, nil
}
