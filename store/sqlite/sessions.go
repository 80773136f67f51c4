package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// slideEvery is how long a session's expiry stays before it is moved: not every request writes.
const slideEvery = time.Minute

const sessionColumns = "s.id, s.user, s.user_agent, s.address, s.created_at, s.last_seen, s.expires_at"

// CreateSession stores a login. ErrNotFound for an unknown or disabled user.
func (s *Store) CreateSession(ctx context.Context, session store.Session, tokenHash [32]byte) error {
	err := s.write(ctx, func(t *tx) error {
		if session.ID == uuid.Nil || session.ExpiresAt.IsZero() {
			return errors.New("a session needs an id and an expiry")
		}
		err := wantPerson(t, session.User)
		if err != nil {
			return fmt.Errorf("user %v: %w", session.User, err)
		}
		created := orNow(session.CreatedAt, now())
		err = t.exec("INSERT INTO sessions (token_hash, id, user, user_agent, address, created_at, last_seen, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			tokenHash[:], blob(session.ID), blob(session.User), session.UserAgent, session.Address,
			created, orNow(session.LastSeen, created), session.ExpiresAt.UnixMilli())
		if taken(err) {
			err = store.ErrConflict
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("create session: %w", err)
	}
	return nil
}

// SessionByToken gives a session that has not expired, with its user, and slides its expiry.
func (s *Store) SessionByToken(ctx context.Context, tokenHash [32]byte, idle time.Duration) (session store.Session, user store.User, err error) {
	var seen int64
	err = s.read(ctx, func(t *tx) error {
		session, user, err = readSession(t, tokenHash)
		seen = session.LastSeen.UnixMilli()
		return err
	})
	if err == nil && now()-seen > slideEvery.Milliseconds() {
		err = s.writeBeside(ctx, func(t *tx) error {
			at := now()
			delete(t.memo.credentials, session.ID)
			err := t.exec("UPDATE sessions SET last_seen = ?1, expires_at = ?2 WHERE token_hash = ?3 AND expires_at > ?1",
				at, at+idle.Milliseconds(), tokenHash[:])
			if err != nil {
				return err
			}
			session, user, err = readSession(t, tokenHash) // it may have ended meanwhile
			return err
		})
	}
	if err != nil {
		return store.Session{}, store.User{}, fmt.Errorf("session: %w", err)
	}
	return session, user, nil
}

func readSession(t *tx, tokenHash [32]byte) (session store.Session, user store.User, err error) {
	var created, seen, expires, userCreated, userUpdated int64
	err = t.row("SELECT "+sessionColumns+", "+userColumns+
		" FROM sessions s JOIN users u ON u.id = s.user AND u.disabled = 0 WHERE s.token_hash = ? AND s.expires_at > ?", tokenHash[:], now()).
		Scan(&session.ID, &session.User, &session.UserAgent, &session.Address, &created, &seen, &expires,
			&user.ID, &user.Email, &user.Name, &user.Role, &user.PasswordHash, &user.Disabled, &userCreated, &userUpdated)
	session.CreatedAt, session.LastSeen, session.ExpiresAt = at(created), at(seen), at(expires)
	user.CreatedAt, user.UpdatedAt = at(userCreated), at(userUpdated)
	return session, user, err
}

// Sessions lists a user's sessions that have not expired, newest login first.
func (s *Store) Sessions(ctx context.Context, user store.UserID, p store.Page) (sessions []store.Session, next string, err error) {
	after, err := sessionsList.parse(p.Cursor, afterAll)
	if err != nil {
		return nil, "", fmt.Errorf("list sessions: %w", err)
	}
	size := pageSize(p)
	err = s.read(ctx, func(t *tx) error {
		return t.each(func(rows *sqlRows) error {
			var s store.Session
			var created, seen, expires int64
			err := rows.Scan(&s.ID, &s.User, &s.UserAgent, &s.Address, &created, &seen, &expires)
			s.CreatedAt, s.LastSeen, s.ExpiresAt = at(created), at(seen), at(expires)
			sessions = append(sessions, s)
			return err
		}, "SELECT "+sessionColumns+" FROM sessions s WHERE s.user = ? AND s.expires_at > ? AND (s.created_at, s.id) < (?, ?)"+
			" ORDER BY s.created_at DESC, s.id DESC LIMIT ?", blob(user), now(), after.time, blob(after.id), size+1)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list sessions of user %v: %w", user, err)
	}
	sessions, next = cut(sessionsList, sessions, size, func(s store.Session) position {
		return position{s.CreatedAt.UnixMilli(), s.ID}
	})
	return sessions, next, nil
}

// DeleteSession ends one session of a user.
func (s *Store) DeleteSession(ctx context.Context, user store.UserID, id uuid.UUID) error {
	err := s.write(ctx, func(t *tx) error {
		n, err := t.changed("DELETE FROM sessions WHERE id = ? AND user = ?", blob(id), blob(user))
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete session %v: %w", id, err)
	}
	return nil
}

// DeleteExpiredSessions removes sessions and one-time links that have expired, and notices beyond those that are kept, at most limit of each.
func (s *Store) DeleteExpiredSessions(ctx context.Context, limit int) (most int, err error) {
	limit = max(limit, 0)
	err = s.write(ctx, func(t *tx) error {
		at := now()
		if most, err = sweepNotices(t, limit); err != nil {
			return err
		}
		for _, table := range []string{"links", "sessions"} {
			n, err := t.changed("DELETE FROM "+table+" WHERE token_hash IN (SELECT token_hash FROM "+table+" WHERE expires_at <= ? LIMIT ?)", at, limit)
			if err != nil {
				return err
			}
			most = max(most, n)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("delete expired sessions: %w", err)
	}
	return most, nil
}
