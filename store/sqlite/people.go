package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

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

// Guest gives the account that stands for a person of another system. Most calls find it as it is, and write nothing.
func (s *Store) Guest(ctx context.Context, key uuid.UUID, external, name string) (guest store.User, err error) {
	if !store.ValidExternal(external) {
		return store.User{}, fmt.Errorf("guest of key %v: %q is no name for a person", key, external)
	}
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
	err := t.row("SELECT u.id FROM guests o JOIN users u ON u.id = o.user WHERE o.key = ?2 AND o.external = ?3 AND "+isActive, now(), blob(key), external).Scan(&id)
	if err != nil {
		return store.User{}, err
	}
	return readUser(t, id)
}

// makeGuest finds or makes a guest of that name, unless its key doesn't hold.
func makeGuest(t *tx, key uuid.UUID, external, name string) (store.User, error) {
	var lender store.UserID
	at := now()
	err := t.row("SELECT k.user FROM api_keys k JOIN users u ON u.id = k.user AND u.disabled = 0 WHERE k.id = ? AND (k.expires_at > ?) IS NOT FALSE", blob(key), at).Scan(&lender)
	if err != nil {
		return store.User{}, err
	}
	guest, err := readGuest(t, key, external)
	switch {
	case err == nil:
		err = t.exec("UPDATE users SET name = ?1, updated_at = ?2 WHERE id = ?3 AND name <> ?1", name, at, blob(guest.ID))
	case errors.Is(err, store.ErrNotFound):
		guest.ID = store.NewID()
		err = t.exec("INSERT INTO users (id, email, email_key, name, role, password_hash, created_at, updated_at) VALUES (?1, '', ' ' || ?2, ?3, ?4, '', ?5, ?5)",
			blob(guest.ID), guest.ID.String(), name, string(store.RoleMember), at)
		if err == nil {
			err = t.exec("INSERT INTO guests (user, key, lender, external) VALUES (?, ?, ?, ?)", blob(guest.ID), blob(key), blob(lender), external)
		}
	}
	if err != nil {
		return store.User{}, err
	}
	return readUser(t, guest.ID)
}
