package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

// useEvery is how exact the last use of an API key is: not every request writes.
const useEvery = time.Minute

const keyColumns = "k.id, k.user_id, k.name, k.scopes, k.created_at, k.expires_at, k.last_used"

// scanKey reads keyColumns and what more is selected.
func scanKey(r scanner, more ...any) (k store.APIKey, err error) {
	var expires, used *time.Time
	err = r.Scan(append([]any{&k.ID, &k.User, &k.Name, &k.Scopes, &k.CreatedAt, &expires, &used}, more...)...)
	k.CreatedAt, k.ExpiresAt, k.LastUsed = k.CreatedAt.UTC(), orZero(expires), orZero(used)
	return k, err
}

// orZero is the inverse of orNull.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// CreateAPIKey stores a key. ErrNotFound for an unknown or disabled user.
func (s *Store) CreateAPIKey(ctx context.Context, k store.APIKey, tokenHash [32]byte) (key store.APIKey, err error) {
	if k.ID == uuid.Nil {
		k.ID = store.NewID()
	}
	scopes := notNil(k.Scopes)
	for i := range scopes {
		scopes[i] = clean(scopes[i])
	}
	err = s.write(ctx, func(t *tx) error {
		if err := keepPerson(t, k.User); err != nil {
			return fmt.Errorf("user %v: %w", k.User, err)
		}
		key, err = scanKey(t.row("INSERT INTO api_keys AS k (id, user_id, name, scopes, token_hash, created_at, expires_at)"+
			" VALUES ($1, $2, $3, $4, $5, coalesce($6, now()), $7) RETURNING "+keyColumns,
			k.ID, k.User, clean(k.Name), scopes, tokenHash[:], orNull(k.CreatedAt), orNull(k.ExpiresAt)))
		if taken(err) {
			err = store.ErrConflict
		}
		return err
	})
	if err != nil {
		return store.APIKey{}, fmt.Errorf("create API key: %w", err)
	}
	return key, nil
}

// APIKeys lists a user's keys, newest first.
func (s *Store) APIKeys(ctx context.Context, user store.UserID, p store.Page) (keys []store.APIKey, next string, err error) {
	after, err := keysList.parse(p.Cursor, afterAll)
	if err != nil {
		return nil, "", fmt.Errorf("list API keys: %w", err)
	}
	size := pageSize(p)
	err = s.query(ctx, func(t *tx) error {
		keys = nil
		return t.each(func(rows pgx.Rows) error {
			k, err := scanKey(rows)
			keys = append(keys, k)
			return err
		}, "SELECT "+keyColumns+" FROM api_keys k WHERE k.user_id = $1 AND (k.created_at, k.id) < ($2, $3) ORDER BY k.created_at DESC, k.id DESC LIMIT $4",
			user, after.at(), after.id, size+1)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list API keys of user %v: %w", user, err)
	}
	keys, next = cut(keysList, keys, size, func(k store.APIKey) position { return place(k.CreatedAt, k.ID) })
	return keys, next, nil
}

// DeleteAPIKey deletes one key of a user.
func (s *Store) DeleteAPIKey(ctx context.Context, user store.UserID, id uuid.UUID) error {
	err := s.write(ctx, func(t *tx) error {
		n, err := t.changed("DELETE FROM api_keys WHERE id = $1 AND user_id = $2", id, user)
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete API key %v: %w", id, err)
	}
	return nil
}

// APIKeyByToken gives a key that has not expired, with its user, and notes its use.
func (s *Store) APIKeyByToken(ctx context.Context, tokenHash [32]byte) (key store.APIKey, user store.User, err error) {
	var note bool
	err = s.query(ctx, func(t *tx) error {
		key, user, note, err = readKey(t, tokenHash)
		return err
	})
	if err == nil && note {
		err = s.write(ctx, func(t *tx) error {
			if err := t.exec("UPDATE api_keys SET last_used = now() WHERE token_hash = $1", tokenHash[:]); err != nil {
				return err
			}
			key, user, _, err = readKey(t, tokenHash) // it may be gone meanwhile
			return err
		})
	}
	if err != nil {
		return store.APIKey{}, store.User{}, fmt.Errorf("API key: %w", err)
	}
	return key, user, nil
}

// readKey gives a key that has not expired; note says that its last use is due to be moved.
func readKey(t *tx, tokenHash [32]byte) (key store.APIKey, user store.User, note bool, err error) {
	key, err = scanKey(t.row("SELECT "+keyColumns+", coalesce(k.last_used < now() - $2::interval, true), "+userColumns+
		" FROM api_keys k JOIN users u ON u.id = k.user_id AND NOT u.disabled WHERE k.token_hash = $1 AND (k.expires_at > now()) IS NOT FALSE", tokenHash[:], useEvery),
		append([]any{&note}, userFields(&user)...)...)
	user.CreatedAt, user.UpdatedAt = user.CreatedAt.UTC(), user.UpdatedAt.UTC()
	return key, user, note, err
}
