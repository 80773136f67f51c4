package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// useEvery is how exact the last use of an API key is: not every request writes.
const useEvery = time.Minute

const keyColumns = "k.id, k.user, k.name, k.scopes, k.created_at, k.expires_at, k.last_used"

// scanKey reads keyColumns and what more is selected.
func scanKey(r scanner, more ...any) (k store.APIKey, err error) {
	var created int64
	var expires, used sql.NullInt64
	var scopes []byte
	if err := r.Scan(append([]any{&k.ID, &k.User, &k.Name, &scopes, &created, &expires, &used}, more...)...); err != nil {
		return store.APIKey{}, err
	}
	if err := json.Unmarshal(scopes, &k.Scopes); err != nil {
		return store.APIKey{}, fmt.Errorf("scopes of key %v: %w", k.ID, err)
	}
	k.CreatedAt, k.ExpiresAt, k.LastUsed = at(created), orZero(expires), orZero(used)
	return k, nil
}

// orNull gives t in Unix milliseconds, or NULL for the zero time; orZero is its inverse.
func orNull(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

func orZero(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return at(ms.Int64)
}

// CreateAPIKey stores a key. ErrNotFound for an unknown or disabled user.
func (s *Store) CreateAPIKey(ctx context.Context, k store.APIKey, tokenHash [32]byte) (key store.APIKey, err error) {
	if k.ID == uuid.Nil {
		k.ID = store.NewID()
	}
	scopes, err := json.Marshal(append([]string{}, k.Scopes...))
	if err != nil {
		return store.APIKey{}, fmt.Errorf("create API key: %w", err)
	}
	err = s.write(ctx, func(t *tx) error {
		err := wantPerson(t, k.User)
		if err != nil {
			return fmt.Errorf("user %v: %w", k.User, err)
		}
		err = t.exec("INSERT INTO api_keys (id, user, name, scopes, token_hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
			blob(k.ID), blob(k.User), k.Name, string(scopes), tokenHash[:], orNow(k.CreatedAt, now()), orNull(k.ExpiresAt))
		if taken(err) {
			err = store.ErrConflict
		}
		if err != nil {
			return err
		}
		key, err = scanKey(t.row("SELECT "+keyColumns+" FROM api_keys k WHERE k.id = ?", blob(k.ID)))
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
	err = s.read(ctx, func(t *tx) error {
		return t.each(func(rows *sqlRows) error {
			k, err := scanKey(rows)
			keys = append(keys, k)
			return err
		}, "SELECT "+keyColumns+" FROM api_keys k WHERE k.user = ? AND (k.created_at, k.id) < (?, ?) ORDER BY k.created_at DESC, k.id DESC LIMIT ?",
			blob(user), after.time, blob(after.id), size+1)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list API keys of user %v: %w", user, err)
	}
	keys, next = cut(keysList, keys, size, func(k store.APIKey) position {
		return position{k.CreatedAt.UnixMilli(), k.ID}
	})
	return keys, next, nil
}

// DeleteAPIKey deletes one key of a user.
func (s *Store) DeleteAPIKey(ctx context.Context, user store.UserID, id uuid.UUID) error {
	err := s.write(ctx, func(t *tx) error {
		n, err := t.changed("DELETE FROM api_keys WHERE id = ? AND user = ?", blob(id), blob(user))
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
	err = s.read(ctx, func(t *tx) error {
		key, user, err = readKey(t, tokenHash)
		return err
	})
	if err == nil && now()-key.LastUsed.UnixMilli() > useEvery.Milliseconds() {
		err = s.writeBeside(ctx, func(t *tx) error {
			if err := t.exec("UPDATE api_keys SET last_used = ? WHERE token_hash = ?", now(), tokenHash[:]); err != nil {
				return err
			}
			key, user, err = readKey(t, tokenHash) // it may be gone meanwhile
			return err
		})
	}
	if err != nil {
		return store.APIKey{}, store.User{}, fmt.Errorf("API key: %w", err)
	}
	return key, user, nil
}

// readKey gives a key that has not expired, with its user.
func readKey(t *tx, tokenHash [32]byte) (key store.APIKey, user store.User, err error) {
	var created, updated int64
	key, err = scanKey(t.row("SELECT "+keyColumns+", "+userColumns+
		" FROM api_keys k JOIN users u ON u.id = k.user AND u.disabled = 0 WHERE k.token_hash = ? AND (k.expires_at > ?) IS NOT FALSE", tokenHash[:], now()),
		&user.ID, &user.Email, &user.Name, &user.Role, &user.PasswordHash, &user.Disabled, &created, &updated)
	user.CreatedAt, user.UpdatedAt = at(created), at(updated)
	return key, user, err
}
