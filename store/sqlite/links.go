package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// CreateLink stores a one-time link. ErrNotFound for an unknown or disabled user.
func (s *Store) CreateLink(ctx context.Context, kind store.LinkKind, user store.UserID, tokenHash [32]byte, ttl time.Duration) error {
	err := s.write(ctx, func(t *tx) error { return insertLink(t, kind, user, tokenHash, ttl) })
	if err != nil {
		return fmt.Errorf("create link: %w", err)
	}
	return nil
}

func insertLink(t *tx, kind store.LinkKind, user store.UserID, tokenHash [32]byte, ttl time.Duration) error {
	var owner any // NULL
	switch {
	case kind == store.LinkSetup && user == uuid.Nil:
		err := t.exec("DELETE FROM links WHERE kind = ?1 AND token_hash NOT IN (SELECT token_hash FROM links WHERE kind = ?1 ORDER BY created_at DESC LIMIT ?2)",
			string(kind), store.SetupLinks-1)
		if err != nil {
			return err
		}
	case kind == store.LinkPassword:
		err := wantPerson(t, user)
		if err != nil {
			return fmt.Errorf("user %v: %w", user, err)
		}
		owner = blob(user)
	default:
		return fmt.Errorf("link of kind %q for user %v is not valid", kind, user)
	}
	at := now()
	err := t.exec("INSERT INTO links (token_hash, kind, user, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
		tokenHash[:], string(kind), owner, at, at+ttl.Milliseconds())
	if taken(err) {
		err = store.ErrConflict
	}
	return err
}

// Link says for whom an unused, unexpired link is.
func (s *Store) Link(ctx context.Context, kind store.LinkKind, tokenHash [32]byte) (user store.UserID, err error) {
	err = s.read(ctx, func(t *tx) error {
		user, err = readLink(t, kind, tokenHash)
		return err
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("link: %w", err)
	}
	return user, nil
}

func readLink(t *tx, kind store.LinkKind, tokenHash [32]byte) (user store.UserID, err error) {
	var owner []byte
	err = t.row("SELECT l.user FROM links l LEFT JOIN users u ON u.id = l.user"+
		" WHERE l.token_hash = ? AND l.kind = ? AND l.expires_at > ? AND coalesce(u.disabled, 0) = 0", tokenHash[:], string(kind), now()).Scan(&owner)
	if err != nil || owner == nil {
		return uuid.Nil, err
	}
	return uuid.FromBytes(owner)
}

// UseLink sets the password of a link's user, ends their sessions, and uses up this link and every other that could set their password.
func (s *Store) UseLink(ctx context.Context, tokenHash [32]byte, passwordHash string) (user store.User, err error) {
	err = s.write(ctx, func(t *tx) error {
		id, err := readLink(t, store.LinkPassword, tokenHash)
		if err != nil {
			return err
		}
		if id == uuid.Nil {
			return errors.New("link has no user")
		}
		if err := setPassword(t, id, passwordHash, uuid.Nil); err != nil {
			return err
		}
		user, err = readUser(t, id)
		return err
	})
	if err != nil {
		return store.User{}, fmt.Errorf("use link: %w", err)
	}
	return user, nil
}
