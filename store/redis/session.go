package redis

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/bizsync/bizsync/store"
)

// errIdle: what never expires isn't cached.
var errIdle = errors.New("cache a session: idle must be more than 0")

func sessionKey(tokenHash [32]byte) string {
	return "bizsync:session:" + hex.EncodeToString(tokenHash[:])
}

// CachedSession gives what CacheSession stored under the SHA-256 of a cookie, and lets it be forgotten idle later than now. ok is false when there is nothing, when
// the session has expired by this node's clock, and, counted, when the value is not genuine. The answer is as old as c.Slid and c.Revision say, and somebody
// may have put it back: the caller compares Revision with the database's.
func (s *Shared) CachedSession(ctx context.Context, tokenHash [32]byte, idle time.Duration) (c store.CachedSession, ok bool, err error) {
	if idle <= 0 {
		return c, false, errIdle
	}
	var found *goredis.StringCmd
	err = s.sessionExchange(ctx, callFind, func(ctx context.Context, pipe goredis.Pipeliner) {
		found = pipe.GetEx(ctx, sessionKey(tokenHash), idle)
	})
	if errors.Is(err, ErrResting) {
		s.metrics.session(sessionSkipped)
	}
	if err != nil {
		return store.CachedSession{}, false, err
	}
	if errors.Is(found.Err(), goredis.Nil) {
		s.metrics.session(sessionMiss)
		return store.CachedSession{}, false, nil
	}
	c, ok = open(s.key, tokenHash, []byte(found.Val()))
	if !ok {
		s.metrics.session(sessionForged)
		s.forged.Do(func() {
			s.log.Warn("a cached session in Redis is not genuine and was not believed; others like it are counted only")
		})
		return store.CachedSession{}, false, nil
	}
	if expired(c) {
		s.metrics.session(sessionMiss)
		return store.CachedSession{}, false, nil
	}
	s.metrics.session(sessionHit)
	return c, true, nil
}

// CacheSession stores what the database said of a session under the SHA-256 of its cookie, for idle, without the password hash.
func (s *Shared) CacheSession(ctx context.Context, tokenHash [32]byte, c store.CachedSession, idle time.Duration) error {
	if idle <= 0 {
		return errIdle
	}
	value, err := seal(s.key, tokenHash, c)
	if err != nil {
		return fmt.Errorf("seal session: %w", err)
	}
	return s.sessionExchange(ctx, callCache, func(ctx context.Context, pipe goredis.Pipeliner) {
		pipe.Set(ctx, sessionKey(tokenHash), value, idle)
	})
}

// ForgetSession takes a session out of the cache. It need not succeed: the end of a login moves the database's access revision.
func (s *Shared) ForgetSession(ctx context.Context, tokenHash [32]byte) error {
	return s.sessionExchange(ctx, callForget, func(ctx context.Context, pipe goredis.Pipeliner) {
		pipe.Del(ctx, sessionKey(tokenHash))
	})
}

func (s *Shared) sessionExchange(ctx context.Context, c call, commands func(context.Context, goredis.Pipeliner)) error {
	if !s.rested() {
		return ErrResting
	}
	return s.settle(ctx, c, s.exchange(ctx, sessionTimeout, commands))
}

func expired(c store.CachedSession) bool { return !time.Now().Before(c.Session.ExpiresAt) }
