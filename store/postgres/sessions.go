package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

// slideEvery is how long a session's expiry stays before it is moved: not every request writes.
const slideEvery = time.Minute

const sessionColumns = "s.id, s.user_id, s.user_agent, s.address, s.created_at, s.last_seen, s.expires_at"

// sessionFields are the places of sessionColumns.
func sessionFields(s *store.Session) []any {
	return []any{&s.ID, &s.User, &s.UserAgent, &s.Address, &s.CreatedAt, &s.LastSeen, &s.ExpiresAt}
}

func inUTC(s store.Session) store.Session {
	s.CreatedAt, s.LastSeen, s.ExpiresAt = s.CreatedAt.UTC(), s.LastSeen.UTC(), s.ExpiresAt.UTC()
	return s
}

// CreateSession stores a login. ErrNotFound for an unknown or disabled user.
func (s *Store) CreateSession(ctx context.Context, session store.Session, tokenHash [32]byte) error {
	err := s.write(ctx, func(t *tx) error {
		if session.ID == uuid.Nil || session.ExpiresAt.IsZero() {
			return errors.New("a session needs an id and an expiry")
		}
		if err := keepPerson(t, session.User); err != nil {
			return fmt.Errorf("user %v: %w", session.User, err)
		}
		err := t.exec("INSERT INTO sessions (token_hash, id, user_id, user_agent, address, created_at, last_seen, expires_at)"+
			" VALUES ($1, $2, $3, $4, $5, coalesce($6, now()), coalesce($7, $6, now()), $8)",
			tokenHash[:], session.ID, session.User, clean(session.UserAgent), clean(session.Address),
			orNull(session.CreatedAt), orNull(session.LastSeen), session.ExpiresAt)
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
	var slide bool
	err = s.query(ctx, func(t *tx) error {
		session, user, slide, err = readSession(t, tokenHash)
		return err
	})
	if err == nil && slide {
		err = s.write(ctx, func(t *tx) error {
			err := t.exec("UPDATE sessions SET last_seen = now(), expires_at = now() + $2::interval WHERE token_hash = $1 AND expires_at > now()", tokenHash[:], idle)
			if err != nil {
				return err
			}
			session, user, _, err = readSession(t, tokenHash) // it may have ended meanwhile
			return err
		})
	}
	if err != nil {
		return store.Session{}, store.User{}, fmt.Errorf("session: %w", err)
	}
	return session, user, nil
}

// readSession gives a session that has not expired; slide says that its expiry is due to be moved.
func readSession(t *tx, tokenHash [32]byte) (session store.Session, user store.User, slide bool, err error) {
	fields := append(append(sessionFields(&session), &slide), userFields(&user)...)
	err = t.row("SELECT "+sessionColumns+", s.last_seen < now() - $2::interval, "+userColumns+
		" FROM sessions s JOIN users u ON u.id = s.user_id AND NOT u.disabled WHERE s.token_hash = $1 AND s.expires_at > now()", tokenHash[:], slideEvery).
		Scan(fields...)
	user.CreatedAt, user.UpdatedAt = user.CreatedAt.UTC(), user.UpdatedAt.UTC()
	return inUTC(session), user, slide, err
}

// Sessions lists a user's sessions that have not expired, newest login first.
func (s *Store) Sessions(ctx context.Context, user store.UserID, p store.Page) (sessions []store.Session, next string, err error) {
	after, err := sessionsList.parse(p.Cursor, afterAll)
	if err != nil {
		return nil, "", fmt.Errorf("list sessions: %w", err)
	}
	size := pageSize(p)
	err = s.query(ctx, func(t *tx) error {
		sessions = nil
		return t.each(func(rows pgx.Rows) error {
			var s store.Session
			err := rows.Scan(sessionFields(&s)...)
			sessions = append(sessions, inUTC(s))
			return err
		}, "SELECT "+sessionColumns+" FROM sessions s WHERE s.user_id = $1 AND s.expires_at > now() AND (s.created_at, s.id) < ($2, $3)"+
			" ORDER BY s.created_at DESC, s.id DESC LIMIT $4", user, after.at(), after.id, size+1)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list sessions of user %v: %w", user, err)
	}
	sessions, next = cut(sessionsList, sessions, size, func(s store.Session) position { return place(s.CreatedAt, s.ID) })
	return sessions, next, nil
}

// DeleteSession ends one session of a user.
func (s *Store) DeleteSession(ctx context.Context, user store.UserID, id uuid.UUID) error {
	err := s.write(ctx, func(t *tx) error {
		n, err := t.changed("DELETE FROM sessions WHERE id = $1 AND user_id = $2", id, user)
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
		if most, err = sweepNotices(t, limit); err != nil {
			return err
		}
		for _, table := range []string{"links", "sessions"} {
			n, err := t.changed("DELETE FROM "+table+" WHERE token_hash IN"+
				" (SELECT token_hash FROM "+table+" WHERE expires_at <= now() LIMIT $1 FOR UPDATE SKIP LOCKED)", limit)
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
