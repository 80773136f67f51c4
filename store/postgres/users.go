package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

const userColumns = "u.id, u.email, u.name, u.role, u.password_hash, u.disabled, u.created_at, u.updated_at"

// userFields are the places of userColumns.
func userFields(u *store.User) []any {
	return []any{&u.ID, &u.Email, &u.Name, &u.Role, &u.PasswordHash, &u.Disabled, &u.CreatedAt, &u.UpdatedAt}
}

func scanUser(r scanner) (u store.User, err error) {
	err = r.Scan(userFields(&u)...)
	u.CreatedAt, u.UpdatedAt = u.CreatedAt.UTC(), u.UpdatedAt.UTC()
	return u, err
}

// Conditions on an account u.
const (
	// isActive: it is not disabled, and no guest whose key doesn't hold now.
	isActive = "NOT u.disabled AND NOT EXISTS (SELECT FROM guests g WHERE g.user_id = u.id AND NOT EXISTS" +
		" (SELECT FROM api_keys gk JOIN users gu ON gu.id = gk.user_id AND NOT gu.disabled WHERE gk.id = g.key AND (gk.expires_at > now()) IS NOT FALSE))"
	// isPerson: it is not disabled, and no guest.
	isPerson = "NOT u.disabled AND " + noGuest
	noGuest  = "NOT EXISTS (SELECT FROM guests g WHERE g.user_id = u.id)"
)

// emailKey is the form in which emails are compared.
func emailKey(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// orNull gives t, or NULL for the zero time.
func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// wantActive fails with ErrNotFound unless that account exists and is active. It can't be deleted before the end of the transaction.
func wantActive(t *tx, id store.UserID) error {
	return t.row("SELECT 1 FROM users u WHERE u.id = $1 AND "+isActive+" FOR KEY SHARE", id).Scan(new(int))
}

// wantPerson fails with ErrNotFound unless that account exists, is not disabled, and no guest. It can't be deleted before the end of the transaction.
func wantPerson(t *tx, id store.UserID) error {
	return t.row("SELECT 1 FROM users u WHERE u.id = $1 AND "+isPerson+" FOR KEY SHARE", id).Scan(new(int))
}

// keepPerson is wantPerson, and the account can't be disabled before the end of the transaction: for what disabling ends. Many may do so at once.
func keepPerson(t *tx, id store.UserID) error {
	return t.row("SELECT 1 FROM users u WHERE u.id = $1 AND "+isPerson+" FOR SHARE", id).Scan(new(int))
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
	if !storable(u.Email) {
		return store.User{}, errors.New("email is not valid text")
	}
	if u.ID == uuid.Nil {
		u.ID = store.NewID()
	}
	user, err := scanUser(t.row("INSERT INTO users AS u (id, email, email_key, name, role, password_hash, disabled, created_at, updated_at)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8, now()), coalesce($9, $8, now())) RETURNING "+userColumns,
		u.ID, u.Email, emailKey(u.Email), clean(u.Name), string(u.Role), u.PasswordHash, u.Disabled, orNull(u.CreatedAt), orNull(u.UpdatedAt)))
	if taken(err) {
		return store.User{}, fmt.Errorf("email %q: %w", u.Email, store.ErrConflict)
	}
	return user, err
}

// lockSetup lets one transaction at a time decide about the first admin: nobody makes an account meanwhile.
func lockSetup(t *tx) error { return t.exec("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE") }

// CreateFirstAdmin inserts u as an admin if no user exists.
func (s *Store) CreateFirstAdmin(ctx context.Context, u store.User) (user store.User, err error) {
	u.Role = store.RoleAdmin
	err = s.write(ctx, func(t *tx) error {
		if err := lockSetup(t); err != nil {
			return err
		}
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
		return t.exec("DELETE FROM links WHERE kind = $1", string(store.LinkSetup))
	})
	if err != nil {
		return store.User{}, fmt.Errorf("create first admin: %w", err)
	}
	return user, nil
}

func hasUsers(t *tx) (any bool, err error) {
	err = t.row("SELECT EXISTS (SELECT FROM users)").Scan(&any)
	return any, err
}

// HasUsers says whether any account exists.
func (s *Store) HasUsers(ctx context.Context) (any bool, err error) {
	err = s.query(ctx, func(t *tx) error {
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
	err = s.query(ctx, func(t *tx) error {
		user, err = readUser(t, id)
		return err
	})
	if err != nil {
		return store.User{}, fmt.Errorf("user %v: %w", id, err)
	}
	return user, nil
}

func readUser(t *tx, id store.UserID) (store.User, error) {
	return lockUser(t, id, "")
}

// lockUser reads an account, and locks its row as lock says.
func lockUser(t *tx, id store.UserID, lock string) (u store.User, err error) {
	var key uuid.NullUUID
	err = t.row("SELECT "+userColumns+", (SELECT g.key FROM guests g WHERE g.user_id = u.id) FROM users u WHERE u.id = $1"+lock, id).Scan(append(userFields(&u), &key)...)
	u.CreatedAt, u.UpdatedAt = u.CreatedAt.UTC(), u.UpdatedAt.UTC()
	u.Guest, u.Key = key.Valid, key.UUID
	return u, err
}

// UserByEmail finds an account by its email, without regard to case and surrounding space.
func (s *Store) UserByEmail(ctx context.Context, email string) (user store.User, err error) {
	err = s.query(ctx, func(t *tx) error {
		if !storable(email) {
			return store.ErrNotFound
		}
		user, err = scanUser(t.row("SELECT "+userColumns+" FROM users u WHERE u.email_key = $1", emailKey(email)))
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
	err = s.query(ctx, func(t *tx) error {
		users = nil
		return t.each(func(rows pgx.Rows) error {
			u, err := scanUser(rows)
			users = append(users, u)
			return err
		}, "SELECT "+userColumns+" FROM users u WHERE (u.created_at, u.id) > ($1, $2) AND "+noGuest+" ORDER BY u.created_at, u.id LIMIT $3", after.at(), after.id, size+1)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list users: %w", err)
	}
	users, next = cut(usersList, users, size, func(u store.User) position { return place(u.CreatedAt, u.ID) })
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
	n, err := t.changed("UPDATE users AS u SET password_hash = $1, updated_at = now() WHERE id = $2 AND "+noGuest, hash, id)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return err
	}
	if err := t.exec("DELETE FROM sessions WHERE user_id = $1 AND id <> $2", id, keep); err != nil {
		return err
	}
	return t.exec("DELETE FROM links WHERE user_id = $1", id) // or one from before would set another password
}
