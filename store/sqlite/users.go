package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

const userColumns = "u.id, u.email, u.name, u.role, u.password_hash, u.disabled, u.created_at, u.updated_at"

func scanUser(r scanner) (u store.User, err error) {
	var created, updated int64
	err = r.Scan(&u.ID, &u.Email, &u.Name, &u.Role, &u.PasswordHash, &u.Disabled, &created, &updated)
	u.CreatedAt, u.UpdatedAt = at(created), at(updated)
	return u, err
}

// Conditions on an account u.
const (
	// isActive: it is not disabled, and no guest whose key doesn't hold at ?1.
	isActive = "u.disabled = 0 AND NOT EXISTS (SELECT 1 FROM guests g WHERE g.user = u.id AND NOT EXISTS" +
		" (SELECT 1 FROM api_keys gk JOIN users gu ON gu.id = gk.user AND gu.disabled = 0 WHERE gk.id = g.key AND (gk.expires_at > ?1) IS NOT FALSE))"
	// isPerson: it is not disabled, and no guest.
	isPerson = "u.disabled = 0 AND " + noGuest
	noGuest  = "NOT EXISTS (SELECT 1 FROM guests g WHERE g.user = u.id)"
)

// emailKey is the form in which emails are compared.
func emailKey(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// wantActive fails with ErrNotFound unless that account exists and is active.
func wantActive(t *tx, id store.UserID) error {
	return t.row("SELECT 1 FROM users u WHERE u.id = ?2 AND "+isActive, now(), blob(id)).Scan(new(int))
}

// wantPerson fails with ErrNotFound unless that account exists, is not disabled, and no guest.
func wantPerson(t *tx, id store.UserID) error {
	return t.row("SELECT 1 FROM users u WHERE u.id = ? AND "+isPerson, blob(id)).Scan(new(int))
}

// CreateUser inserts a user.
func (s *Store) CreateUser(ctx context.Context, u store.User) (user store.User, err error) {
	err = s.write(ctx, func(t *tx) error {
		user, err = insertUser(t, u)
		return err
	})
	if err != nil {
		return store.User{}, fmt.Errorf("create user: %w", err)
	}
	return user, nil
}

// InviteUser inserts a user, with a link for their first password.
func (s *Store) InviteUser(ctx context.Context, u store.User, tokenHash [32]byte, ttl time.Duration) (user store.User, err error) {
	err = s.write(ctx, func(t *tx) error {
		if user, err = insertUser(t, u); err != nil {
			return err
		}
		return insertLink(t, store.LinkPassword, user.ID, tokenHash, ttl)
	})
	if err != nil {
		return store.User{}, fmt.Errorf("invite user: %w", err)
	}
	return user, nil
}

func insertUser(t *tx, u store.User) (store.User, error) {
	if !u.Role.Valid() {
		return store.User{}, fmt.Errorf("role %q is not valid", u.Role)
	}
	if emailKey(u.Email) == "" {
		return store.User{}, errors.New("email is empty")
	}
	if u.ID == uuid.Nil {
		u.ID = store.NewID()
	}
	created := orNow(u.CreatedAt, now())
	updated := orNow(u.UpdatedAt, created)
	u.CreatedAt, u.UpdatedAt = at(created), at(updated)
	err := t.exec("INSERT INTO users (id, email, email_key, name, role, password_hash, disabled, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		blob(u.ID), u.Email, emailKey(u.Email), u.Name, string(u.Role), u.PasswordHash, u.Disabled, created, updated)
	if taken(err) {
		return store.User{}, fmt.Errorf("email %q: %w", u.Email, store.ErrConflict)
	}
	return u, err
}

// CreateFirstAdmin inserts u as an admin if no user exists.
func (s *Store) CreateFirstAdmin(ctx context.Context, u store.User) (user store.User, err error) {
	u.Role = store.RoleAdmin
	err = s.write(ctx, func(t *tx) error {
		any, err := hasUsers(t)
		if err == nil && any {
			err = store.ErrSetupDone
		}
		if err != nil {
			return err
		}
		if user, err = insertUser(t, u); err != nil {
			return err
		}
		return t.exec("DELETE FROM links WHERE kind = ?", string(store.LinkSetup))
	})
	if err != nil {
		return store.User{}, fmt.Errorf("create first admin: %w", err)
	}
	return user, nil
}

func hasUsers(t *tx) (any bool, err error) {
	err = t.row("SELECT EXISTS (SELECT 1 FROM users)").Scan(&any)
	return any, err
}

// HasUsers says whether any account exists.
func (s *Store) HasUsers(ctx context.Context) (any bool, err error) {
	err = s.read(ctx, func(t *tx) error {
		any, err = hasUsers(t)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look for users: %w", err)
	}
	return any, nil
}

// User gives an account, disabled or not, a person's or a guest's.
func (s *Store) User(ctx context.Context, id store.UserID) (user store.User, err error) {
	err = s.read(ctx, func(t *tx) error {
		user, err = readUser(t, id)
		return err
	})
	if err != nil {
		return store.User{}, fmt.Errorf("user %v: %w", id, err)
	}
	return user, nil
}

func readUser(t *tx, id store.UserID) (store.User, error) {
	u, err := scanUser(t.row("SELECT "+userColumns+" FROM users u WHERE u.id = ?", blob(id)))
	if err != nil {
		return store.User{}, err
	}
	err = t.row("SELECT key FROM guests WHERE user = ?", blob(id)).Scan(&u.Key)
	if errors.Is(err, store.ErrNotFound) {
		return u, nil
	}
	u.Guest = true
	return u, err
}

// UserByEmail finds an account by its email, without regard to case and surrounding space.
func (s *Store) UserByEmail(ctx context.Context, email string) (user store.User, err error) {
	err = s.read(ctx, func(t *tx) error {
		user, err = scanUser(t.row("SELECT "+userColumns+" FROM users u WHERE u.email_key = ?", emailKey(email)))
		return err
	})
	if err != nil {
		return store.User{}, fmt.Errorf("user by email: %w", err)
	}
	return user, nil
}

// Users lists accounts without guests, oldest first.
func (s *Store) Users(ctx context.Context, p store.Page) (users []store.User, next string, err error) {
	after, err := usersList.parse(p.Cursor, beforeAll)
	if err != nil {
		return nil, "", fmt.Errorf("list users: %w", err)
	}
	size := pageSize(p)
	err = s.read(ctx, func(t *tx) error {
		return t.each(func(rows *sqlRows) error {
			u, err := scanUser(rows)
			users = append(users, u)
			return err
		}, "SELECT "+userColumns+" FROM users u WHERE (u.created_at, u.id) > (?, ?) AND "+noGuest+" ORDER BY u.created_at, u.id LIMIT ?", after.time, blob(after.id), size+1)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list users: %w", err)
	}
	users, next = cut(usersList, users, size, func(u store.User) position {
		return position{u.CreatedAt.UnixMilli(), u.ID}
	})
	return users, next, nil
}

// SetPassword replaces a user's password hash, and ends their other sessions and their links.
func (s *Store) SetPassword(ctx context.Context, id store.UserID, hash string, keep uuid.UUID) error {
	err := s.write(ctx, func(t *tx) error { return setPassword(t, id, hash, keep) })
	if err != nil {
		return fmt.Errorf("set password of user %v: %w", id, err)
	}
	return nil
}

func setPassword(t *tx, id store.UserID, hash string, keep uuid.UUID) error {
	n, err := t.changed("UPDATE users AS u SET password_hash = ?, updated_at = ? WHERE id = ? AND "+noGuest, hash, now(), blob(id))
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return err
	}
	if err := t.exec("DELETE FROM sessions WHERE user = ? AND id <> ?", blob(id), blob(keep)); err != nil {
		return err
	}
	return t.exec("DELETE FROM links WHERE user = ?", blob(id)) // or one from before would set another password
}
