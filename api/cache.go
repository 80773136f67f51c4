package api

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bizsync/bizsync/store"
)

const (
	// cacheTime bounds asking the cache: there is the database to ask, and a person waits.
	cacheTime = 500 * time.Millisecond
	// cachedSlide is how often the database moves the expiry of a login that is used (see store.Accounts.SessionByToken); what the cache has is good until it is due.
	cachedSlide = time.Minute
	// cacheSkew is how far the clocks of a node and the database may differ for the cache to be used.
	cacheSkew = 5 * time.Second
	// ownRevisionLife is how long an access revision that this node has read itself stands for the present one, as those that the hub polls.
	ownRevisionLife = 1500 * time.Millisecond
)

// SessionCache keeps logins as the database had them, for all nodes. It may forget anything, fail, be slow, or give back what is out of date; it must not make up
// what this installation didn't put there. Its methods are called concurrently.
type SessionCache interface {
	// CachedSession gives what was cached under a cookie's hash, and lets it be forgotten idle later than now.
	CachedSession(ctx context.Context, tokenHash [32]byte, idle time.Duration) (c store.CachedSession, ok bool, err error)
	CacheSession(ctx context.Context, tokenHash [32]byte, c store.CachedSession, idle time.Duration) error
	ForgetSession(ctx context.Context, tokenHash [32]byte) error
}

// ownRevision is the access revision as this node has read it after it ended a login, changed an account or deleted a key itself: what was cached before isn't
// believed here from then on, though the hub may not have polled since.
type ownRevision struct {
	mu     sync.Mutex
	number uint64
	known  bool
	asked  time.Time
}

func (o *ownRevision) note(number uint64, known bool, asked time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if asked.After(o.asked) {
		o.number, o.known, o.asked = number, known, asked
	}
}

// revision gives the access revision as it was at most 1.5 s ago; fresh is false when that isn't known.
func (s *Server) revision() (number uint64, fresh bool) {
	o := &s.own
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.asked) < ownRevisionLife {
		return o.number, o.known
	}
	return s.hub.AccessRevision()
}

// credentialsChanged is called after a login was ended, an account changed or a key deleted: it has all nodes look at who may still be there.
func (s *Server) credentialsChanged(ctx context.Context) {
	if s.sessions != nil {
		asked := time.Now()
		number, err := s.store.AccessRevision(ctx)
		s.own.note(number, err == nil, asked)
	}
	s.hub.CredentialsChanged()
	s.streams.look()
}

// sessionByToken finds a login, in the cache where that is certain to be right, else in the database. It gives store.ErrNotFound for one that is unknown or has ended.
func (s *Server) sessionByToken(ctx context.Context, hash [32]byte) (store.Session, store.User, error) {
	// The revision is read before the database: what the database says then holds at least at that revision.
	var revision uint64
	var fresh bool
	if s.sessions != nil {
		revision, fresh = s.revision()
	}
	if fresh {
		if c, ok := s.cachedSession(ctx, hash); ok && c.Revision == revision && stillGood(c, time.Now()) {
			return c.Session, c.User, nil
		}
	}
	session, user, err := s.store.SessionByToken(ctx, hash, s.sessionIdle)
	if err != nil {
		return store.Session{}, store.User{}, fmt.Errorf("session: %w", err)
	}
	if fresh {
		user.PasswordHash = ""
		limited, cancel := context.WithTimeout(ctx, cacheTime)
		defer cancel()
		c := store.CachedSession{Session: session, User: user, Revision: revision, Slid: session.LastSeen}
		if err := s.sessions.CacheSession(limited, hash, c, s.sessionIdle); err != nil {
			s.log.DebugContext(ctx, "a session can't be cached", "error", err)
		}
	}
	return session, user, nil
}

func (s *Server) cachedSession(ctx context.Context, hash [32]byte) (store.CachedSession, bool) {
	ctx, cancel := context.WithTimeout(ctx, cacheTime)
	defer cancel()
	c, ok, err := s.sessions.CachedSession(ctx, hash, s.sessionIdle)
	if err != nil {
		s.log.DebugContext(ctx, "the cache of sessions doesn't answer", "error", err)
		return store.CachedSession{}, false
	}
	return c, ok
}

// stillGood says whether a cached login has neither expired nor is due to be moved in the database.
func stillGood(c store.CachedSession, now time.Time) bool {
	age := now.Sub(c.Slid)
	return now.Before(c.Session.ExpiresAt) && age < cachedSlide && age > -cacheSkew
}

// forgetSession takes a login that has ended out of the cache.
func (s *Server) forgetSession(ctx context.Context, hash [32]byte) {
	if s.sessions == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, cacheTime)
	defer cancel()
	if err := s.sessions.ForgetSession(ctx, hash); err != nil {
		s.log.DebugContext(ctx, "a session can't be taken out of the cache; it isn't believed all the same", "error", err)
	}
}
