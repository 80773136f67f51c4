package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// ChangeUser changes an account, and ends its sessions and links when it is disabled.
func (s *Store) ChangeUser(ctx context.Context, id store.UserID, c store.UserChange) (user store.User, err error) {
	err = s.write(ctx, func(t *tx) error {
		user, err = changeUser(t, id, c)
		return err
	})
	if err != nil {
		return store.User{}, fmt.Errorf("change user %v: %w", id, err)
	}
	return user, nil
}

func changeUser(t *tx, id store.UserID, c store.UserChange) (store.User, error) {
	before, err := readUser(t, id)
	if err == nil && before.Guest {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.User{}, err
	}
	after := c.Apply(before)
	if !after.Role.Valid() {
		return store.User{}, fmt.Errorf("role %q is not valid", after.Role)
	}
	if after == before {
		return before, nil
	}
	if !isAdmin(after) {
		if err := keepsAdmin(t, before); err != nil {
			return store.User{}, err
		}
	}
	err = t.exec("UPDATE users SET name = ?, role = ?, disabled = ?, updated_at = ? WHERE id = ?", after.Name, string(after.Role), after.Disabled, now(), blob(id))
	if err != nil {
		return store.User{}, err
	}
	if after.Disabled {
		if err := t.exec("DELETE FROM sessions WHERE user = ?", blob(id)); err != nil {
			return store.User{}, err
		}
		if err := t.exec("DELETE FROM links WHERE user = ?", blob(id)); err != nil {
			return store.User{}, err
		}
	}
	return readUser(t, id)
}

func isAdmin(u store.User) bool { return u.Role == store.RoleAdmin && !u.Disabled }

// AccessRevision reads the revision that triggers move.
func (s *Store) AccessRevision(ctx context.Context) (revision uint64, err error) {
	err = s.read(ctx, func(t *tx) error { return t.row("SELECT revision FROM access_revision").Scan(&revision) })
	if err != nil {
		return 0, fmt.Errorf("read access revision: %w", err)
	}
	return revision, nil
}

// Each of these finds a credential ?2 that holds now (?1).
const (
	holdsUser    = "SELECT 1 FROM users u WHERE u.id = ?2 AND " + isActive
	holdsSession = "SELECT 1 FROM sessions s JOIN users u ON u.id = s.user AND u.disabled = 0 WHERE s.id = ?2 AND s.expires_at > ?1"
	holdsKey     = "SELECT 1 FROM api_keys k JOIN users u ON u.id = k.user AND u.disabled = 0 WHERE k.id = ?2 AND (k.expires_at > ?1) IS NOT FALSE"
)

// Lapsed gives those credentials that don't hold any more.
func (s *Store) Lapsed(ctx context.Context, c store.Credentials) (gone store.Credentials, err error) {
	err = s.read(ctx, func(t *tx) error {
		at := now()
		for _, kind := range []struct {
			ids   []uuid.UUID
			gone  *[]uuid.UUID
			query string
		}{
			{c.Users, &gone.Users, holdsUser},
			{c.Sessions, &gone.Sessions, holdsSession},
			{c.Keys, &gone.Keys, holdsKey},
		} {
			for _, id := range kind.ids {
				switch err := t.row(kind.query, at, blob(id)).Scan(new(int)); {
				case errors.Is(err, store.ErrNotFound):
					*kind.gone = append(*kind.gone, id)
				case err != nil:
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return store.Credentials{}, fmt.Errorf("look for lapsed credentials: %w", err)
	}
	return gone, nil
}
