package api

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/redis"
)

// countingStore counts how often the database is asked for a login.
type countingStore struct {
	store.Store
	asked atomic.Int64
}

func (s *countingStore) SessionByToken(ctx context.Context, hash [32]byte, idle time.Duration) (store.Session, store.User, error) {
	s.asked.Add(1)
	return s.Store.SessionByToken(ctx, hash, idle)
}

// fickleCache is a cache between a server and what it caches in, which tests have misbehave.
type fickleCache struct {
	SessionCache

	mu     sync.Mutex
	broken error // every call fails
	frozen bool  // every call lasts as long as it may
	lie    func(store.CachedSession, bool) (store.CachedSession, bool)
}

func (c *fickleCache) set(change func(*fickleCache)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *fickleCache) trouble(ctx context.Context) error {
	c.mu.Lock()
	broken, frozen := c.broken, c.frozen
	c.mu.Unlock()
	if frozen {
		<-ctx.Done()
		return ctx.Err()
	}
	return broken
}

func (c *fickleCache) CachedSession(ctx context.Context, hash [32]byte, idle time.Duration) (store.CachedSession, bool, error) {
	if err := c.trouble(ctx); err != nil {
		return store.CachedSession{}, false, err
	}
	found, ok, err := c.SessionCache.CachedSession(ctx, hash, idle)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lie != nil {
		found, ok = c.lie(found, ok)
	}
	return found, ok, err
}

func (c *fickleCache) CacheSession(ctx context.Context, hash [32]byte, s store.CachedSession, idle time.Duration) error {
	if err := c.trouble(ctx); err != nil {
		return err
	}
	return c.SessionCache.CacheSession(ctx, hash, s, idle)
}

func (c *fickleCache) ForgetSession(ctx context.Context, hash [32]byte) error {
	if err := c.trouble(ctx); err != nil {
		return err
	}
	return c.SessionCache.ForgetSession(ctx, hash)
}

// cached are two servers that have nothing in common but the database and a cache of sessions: what one of them does the other hears of from nobody.
type cached struct {
	one, two *harness
	store    *countingStore
	cache    *fickleCache // the second server's way to the cache
	memory   *redis.Memory
}

func newCached(t *testing.T, poll time.Duration) *cached {
	t.Helper()
	c := &cached{store: &countingStore{Store: openStore(t)}, memory: redis.NewMemory()}
	c.cache = &fickleCache{SessionCache: c.memory}
	c.one = startServer(t, c.store, "node-1", poll, func(o *Options) { o.Sessions = c.memory })
	c.two = startServer(t, c.store, "node-2", poll, func(o *Options) { o.Sessions = c.cache })
	c.fresh(t)
	return c
}

// fresh waits until both nodes know the access revision.
func (c *cached) fresh(t *testing.T) {
	t.Helper()
	want, err := c.store.AccessRevision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []*harness{c.one, c.two} {
		eventually(t, "the access revision is known", func() bool {
			number, fresh := h.hub.AccessRevision()
			return fresh && number == want
		})
	}
}

// warm has a login in the cache.
func (c *cached) warm(p *person) {
	c.one.t.Helper()
	_, hash := hashOf(c.one.t, p)
	eventually(c.one.t, "the login is cached", func() bool {
		p.call("GET", "/api/v1/session", nil).wants(200, "")
		_, ok, err := c.memory.CachedSession(c.one.t.Context(), hash, time.Hour)
		return ok && err == nil
	})
}

func hashOf(t *testing.T, p *person) (token string, hash [32]byte) {
	t.Helper()
	hash, ok := hashToken(p.cookie)
	if !ok {
		t.Fatal("no cookie")
	}
	return p.cookie, hash
}

// refusedSoon waits until somebody isn't let in any more.
func (p *person) refusedSoon() {
	p.h.t.Helper()
	began := time.Now()
	eventually(p.h.t, "the login is refused", func() bool { return p.call("GET", "/api/v1/session", nil).status == 401 })
	if took := time.Since(began); took > 2*time.Second {
		p.h.t.Errorf("it took %v", took)
	}
}

func TestSessionCacheSparesTheDatabase(t *testing.T) {
	c := newCached(t, 100*time.Millisecond)
	ann := c.one.person("ann", store.RoleMember)
	c.fresh(t)
	c.warm(ann)
	before := c.store.asked.Load()
	for range 50 {
		for _, h := range []*harness{c.one, c.two} {
			if u := decode[User](ann.on(h).call("GET", "/api/v1/session", nil).wants(200, "")); u.ID != ann.user.ID || u.Email != ann.user.Email || u.Name != "ann" {
				t.Fatalf("%+v", u)
			}
		}
	}
	if asked := c.store.asked.Load() - before; asked > 0 {
		t.Errorf("the database was asked %d times", asked)
	}
	_, hash := hashOf(t, ann)
	if got, ok, err := c.memory.CachedSession(t.Context(), hash, time.Hour); err != nil || !ok || got.User.PasswordHash != "" {
		t.Errorf("%+v %v %v", got, ok, err)
	}
}

// Whatever the cache does, it logs nobody out who is logged in.
func TestSessionCacheLogsNobodyOut(t *testing.T) {
	c := newCached(t, 100*time.Millisecond)
	ann := c.one.person("ann", store.RoleMember).on(c.two)
	bob := c.one.person("bob", store.RoleMember)
	c.fresh(t)
	c.warm(ann)
	for name, trouble := range map[string]func(*fickleCache){
		"empty":  func(f *fickleCache) { f.SessionCache = redis.NewMemory() },
		"away":   func(f *fickleCache) { f.broken = errAway },
		"frozen": func(f *fickleCache) { f.frozen = true },
		"mixed up": func(f *fickleCache) {
			f.lie = func(store.CachedSession, bool) (store.CachedSession, bool) {
				return store.CachedSession{User: bob.user}, true
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.cache.set(trouble)
			defer c.cache.set(func(f *fickleCache) { f.SessionCache, f.broken, f.frozen, f.lie = c.memory, nil, false, nil })
			began := time.Now()
			if u := decode[User](ann.call("GET", "/api/v1/session", nil).wants(200, "")); u.ID != ann.user.ID {
				t.Errorf("%+v", u)
			}
			if took := time.Since(began); took > 3*cacheTime {
				t.Errorf("it took %v", took)
			}
			(&person{h: c.two, cookie: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}).call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
		})
	}
}

// A login that was ended on one node is refused there at once, and on the other within 2 s, whatever becomes of the cache and of what is in it.
func TestSessionCacheLetsNobodyIn(t *testing.T) {
	member, off := store.RoleMember, true
	for _, tt := range []struct {
		name    string
		trouble func(*fickleCache)
		end     func(c *cached, p *person)
	}{
		{"logout", nil, func(_ *cached, p *person) { p.call("DELETE", "/api/v1/session", nil).wants(204, "") }},
		{"logout while the cache is away", func(f *fickleCache) { f.broken = errAway }, func(_ *cached, p *person) { p.call("DELETE", "/api/v1/session", nil).wants(204, "") }},
		{"disabled", nil, func(c *cached, p *person) {
			if _, err := c.store.ChangeUser(t.Context(), p.user.ID, store.UserChange{Disabled: &off}); err != nil {
				t.Fatal(err)
			}
		}},
		{"new password", nil, func(c *cached, p *person) {
			if err := c.store.SetPassword(t.Context(), p.user.ID, "hash", store.NewID()); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCached(t, time.Second) // as it is by default
			ann := c.one.person("ann", store.RoleMember)
			c.fresh(t)
			c.warm(ann)
			_, hash := hashOf(t, ann)
			old, ok, err := c.memory.CachedSession(t.Context(), hash, time.Hour)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			if tt.trouble != nil {
				c.cache.set(tt.trouble)
			}
			tt.end(c, ann)
			if tt.name == "logout" {
				ann.call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
			}
			// Somebody who can write to the cache puts back what was there, again and again.
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					select {
					case <-stop:
						return
					default:
						_ = c.memory.CacheSession(context.Background(), hash, old, time.Hour)
					}
				}
			}()
			defer func() {
				close(stop)
				<-stopped
			}()
			ann.on(c.two).refusedSoon()
			ann.refusedSoon()
			for range 20 {
				ann.call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
				ann.on(c.two).call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
			}
		})
	}
	t.Run("a role that was taken away", func(t *testing.T) {
		c := newCached(t, time.Second)
		root := c.one.person("root", store.RoleAdmin)
		c.one.person("other", store.RoleAdmin)
		c.fresh(t)
		c.warm(root)
		if _, err := c.store.ChangeUser(t.Context(), root.user.ID, store.UserChange{Role: &member}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		eventually(t, "the role is gone", func() bool { return root.on(c.two).call("GET", "/api/v1/users", nil).status == 403 })
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// What is in the cache is used only by a node that knows the access revision: without it, only the database is believed.
func TestSessionCacheNeedsTheRevision(t *testing.T) {
	lying := &fickleCache{SessionCache: redis.NewMemory()}
	h := newHarness(t, func(o *Options) { o.Sessions = lying })
	ann := h.person("ann", store.RoleMember)
	now := time.Now()
	lying.set(func(f *fickleCache) {
		f.lie = func(store.CachedSession, bool) (store.CachedSession, bool) {
			return store.CachedSession{Session: store.Session{ID: store.NewID(), User: ann.user.ID, ExpiresAt: now.Add(time.Hour)}, User: ann.user, Slid: now}, true
		}
	})
	(&person{h: h, cookie: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}).call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
}

func TestStillGood(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name          string
		slid, expires time.Duration
		want          bool
	}{
		{"just moved", 0, time.Minute, true},
		{"almost due", -cachedSlide + time.Second, time.Minute, true},
		{"due to be moved", -cachedSlide, time.Minute, false},
		{"expired", -time.Second, 0, false},
		{"clocks a little apart", cacheSkew - time.Second, time.Minute, true},
		{"clocks far apart", cacheSkew, time.Minute, false},
	} {
		c := store.CachedSession{Slid: now.Add(tt.slid), Session: store.Session{ExpiresAt: now.Add(tt.expires)}}
		if got := stillGood(c, now); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
