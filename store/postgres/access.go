package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

// adminLock is the advisory lock of whoever may be taking an admin away: one transaction at a time.
const adminLock = 0x62697a61646d696e // "bizadmin"

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
	if c.Role != nil || c.Disabled != nil {
		if err := t.exec("SELECT pg_advisory_xact_lock($1)", int64(adminLock)); err != nil {
			return store.User{}, err
		}
	}
	before, err := lockUser(t, id, " FOR NO KEY UPDATE")
	if err == nil && before.Guest {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.User{}, err
	}
	after := c.Apply(before)
	after.Name = clean(after.Name)
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
	after, err = scanUser(t.row("UPDATE users AS u SET name = $1, role = $2, disabled = $3, updated_at = now() WHERE id = $4 RETURNING "+userColumns,
		after.Name, string(after.Role), after.Disabled, id))
	if err != nil || !after.Disabled {
		return after, err
	}
	if err := t.exec("DELETE FROM sessions WHERE user_id = $1", id); err != nil {
		return store.User{}, err
	}
	return after, t.exec("DELETE FROM links WHERE user_id = $1", id)
}

func isAdmin(u store.User) bool { return u.Role == store.RoleAdmin && !u.Disabled }

// AccessRevision reads the revision that triggers move.
func (s *Store) AccessRevision(ctx context.Context) (revision uint64, err error) {
	err = query(ctx, s.watch, func(t *tx) error { return t.row("SELECT revision FROM access_revision").Scan(&revision) })
	if err != nil {
		return 0, fmt.Errorf("read access revision: %w", err)
	}
	return revision, nil
}

// lapsed gives the credentials that don't hold any more, each with its kind.
const lapsed = "SELECT 0, c FROM unnest($1::uuid[]) c WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = c AND " + isActive + ")" +
	" UNION ALL " +
	"SELECT 1, c FROM unnest($2::uuid[]) c WHERE NOT EXISTS" +
	" (SELECT FROM sessions s JOIN users u ON u.id = s.user_id AND NOT u.disabled WHERE s.id = c AND s.expires_at > now())" +
	" UNION ALL " +
	"SELECT 2, c FROM unnest($3::uuid[]) c WHERE NOT EXISTS" +
	" (SELECT FROM api_keys k JOIN users u ON u.id = k.user_id AND NOT u.disabled WHERE k.id = c AND (k.expires_at > now()) IS NOT FALSE)"

// Lapsed gives those credentials that don't hold any more, in one statement.
func (s *Store) Lapsed(ctx context.Context, c store.Credentials) (gone store.Credentials, err error) {
	if len(c.Users)+len(c.Sessions)+len(c.Keys) == 0 {
		return store.Credentials{}, nil
	}
	err = query(ctx, s.watch, func(t *tx) error {
		gone = store.Credentials{}
		kinds := [...]*[]uuid.UUID{&gone.Users, &gone.Sessions, &gone.Keys}
		return t.each(func(rows pgx.Rows) error {
			var kind int
			var id uuid.UUID
			if err := rows.Scan(&kind, &id); err != nil {
				return err
			}
			*kinds[kind] = append(*kinds[kind], id)
			return nil
		}, lapsed, notNil(c.Users), notNil(c.Sessions), notNil(c.Keys))
	})
	if err != nil {
		return store.Credentials{}, fmt.Errorf("look for lapsed credentials: %w", err)
	}
	return gone, nil
}
