package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
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

// Guest gives the account that stands for a person of another system. Most calls find it as it is, and write nothing.
func (s *Store) Guest(ctx context.Context, key uuid.UUID, external, name string) (guest store.User, err error) {
	if !store.ValidExternal(external) {
		return store.User{}, fmt.Errorf("guest of key %v: %q is no name for a person", key, external)
	}
	name = clean(name)
	err = s.read(ctx, func(t *tx) error {
		guest, err = readGuest(t, key, external)
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && guest.Name != name {
		err = s.write(ctx, func(t *tx) error {
			guest, err = makeGuest(t, key, external, name)
			return err
		})
	}
	if err != nil {
		return store.User{}, fmt.Errorf("guest of key %v: %w", key, err)
	}
	return guest, nil
}

// readGuest finds a guest that is active.
func readGuest(t *tx, key uuid.UUID, external string) (store.User, error) {
	var id store.UserID
	err := t.row("SELECT u.id FROM guests o JOIN users u ON u.id = o.user_id WHERE o.key = $1 AND o.external = $2 AND "+isActive, key, external).Scan(&id)
	if err != nil {
		return store.User{}, err
	}
	return readUser(t, id)
}

// makeGuest finds or makes a guest of that name, unless its key doesn't hold. It locks the key's user, then the key, so that neither ends meanwhile and one makes the guest at a time.
func makeGuest(t *tx, key uuid.UUID, external, name string) (store.User, error) {
	var lender store.UserID
	err := t.row("SELECT user_id FROM api_keys WHERE id = $1", key).Scan(&lender)
	if err == nil {
		err = keepPerson(t, lender)
	}
	if err == nil {
		err = t.row("SELECT 1 FROM api_keys WHERE id = $1 AND (expires_at > now()) IS NOT FALSE FOR NO KEY UPDATE", key).Scan(new(int))
	}
	if err != nil {
		return store.User{}, err
	}
	guest, err := readGuest(t, key, external)
	switch {
	case err == nil:
		err = t.exec("UPDATE users SET name = $1, updated_at = now() WHERE id = $2 AND name <> $1", name, guest.ID)
	case errors.Is(err, store.ErrNotFound):
		guest.ID = store.NewID()
		err = t.exec("INSERT INTO users (id, email, email_key, name, role, password_hash, created_at, updated_at) VALUES ($1, '', $2, $3, $4, '', now(), now())",
			guest.ID, " "+guest.ID.String(), name, string(store.RoleMember))
		if err == nil {
			err = t.exec("INSERT INTO guests (user_id, key, lender, external) VALUES ($1, $2, $3, $4)", guest.ID, key, lender, external)
		}
	}
	if err != nil {
		return store.User{}, err
	}
	return readUser(t, guest.ID)
}
