package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// shared is what Shared and Memory have in common.
type shared interface {
	Renew(ctx context.Context, n store.Node, leases []store.Lease, gone []uuid.UUID) (lost bool, err error)
	Nodes(ctx context.Context) ([]store.Node, error)
	Leases(ctx context.Context, run uuid.UUID) ([]store.Lease, error)
	Leave(ctx context.Context, run uuid.UUID) error
	CachedSession(ctx context.Context, tokenHash [32]byte, idle time.Duration) (store.CachedSession, bool, error)
	CacheSession(ctx context.Context, tokenHash [32]byte, c store.CachedSession, idle time.Duration) error
	ForgetSession(ctx context.Context, tokenHash [32]byte) error
	Close() error
}

var _, _ shared = (*Shared)(nil), (*Memory)(nil)

// world is an implementation under test as two nodes see it. Its methods end the test on any failure.
type world struct {
	*testing.T
	a, b shared
	// pass makes everything that is shared d older.
	pass func(d time.Duration)
	// empty forgets everything, like FLUSHALL.
	empty func()
}

func TestMemory(t *testing.T) {
	for name, test := range suite {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := NewMemory()
				test(world{t, m, m, time.Sleep, func() {
					m.mu.Lock()
					defer m.mu.Unlock()
					clear(m.nodes)
					clear(m.leases)
					clear(m.sessions)
				}})
				if err := m.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestRedis(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	onServers(t, s.url(), s)
}

// onServers runs the suite on the Redis behind url, whose masters are these.
func onServers(t *testing.T, url string, masters ...*server) {
	for name, test := range suite {
		t.Run(name, func(t *testing.T) {
			w := world{T: t, a: openShared(t, url), b: openShared(t, url)}
			w.empty = func() {
				for _, m := range masters {
					if err := m.client(t).FlushAll(t.Context()).Err(); err != nil {
						t.Fatal(err)
					}
				}
			}
			w.pass = func(d time.Duration) {
				for _, m := range masters {
					age(t, m, d)
				}
			}
			w.empty()
			test(w)
		})
	}
}

// age shortens the life of every key that has one by d.
func age(t *testing.T, s *server, d time.Duration) {
	t.Helper()
	c := s.client(t)
	for _, key := range c.Keys(t.Context(), "*").Val() {
		left, err := c.PTTL(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		if left < 0 {
			continue // for ever, or gone meanwhile
		}
		if err := c.PExpire(t.Context(), key, left-d).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

var suite = map[string]func(world){
	"nodes come and go": func(w world) {
		a, b := newNode("a"), newNode("b")
		w.nodes()
		w.renew(w.a, a, nil, nil, false)
		w.renew(w.b, b, nil, nil, false)
		w.nodes(a, b)
		b.Roster, b.Connections = 7, 3
		w.renew(w.b, b, nil, nil, false)
		w.nodes(a, b)
		w.ok(w.a.Leave(w.Context(), a.Run))
		w.nodes(b)
		w.renew(w.a, a, nil, nil, false) // nothing was lost: it left
		w.nodes(a, b)
	},

	"a node that doesn't renew expires, and is told so": func(w world) {
		a, b := newNode("a"), newNode("b")
		w.renew(w.a, a, nil, nil, false)
		w.renew(w.b, b, nil, nil, false)
		w.pass(NodeTTL / 2)
		w.renew(w.b, b, nil, nil, false)
		w.pass(NodeTTL/2 + time.Second)
		w.nodes(b)
		w.renew(w.a, a, nil, nil, true)
		w.nodes(a, b)
		w.renew(w.a, a, nil, nil, false)
	},

	"leases come and go": func(w world) {
		a, b := newNode("a"), newNode("b")
		one, two, three := newLease(a, "Ann"), newLease(a, "Bob"), newLease(b, "Cid")
		w.renew(w.a, a, []store.Lease{one, two}, nil, false)
		w.renew(w.b, b, []store.Lease{three}, nil, false)
		w.leases(a, one, two)
		w.leases(b, three)
		two.LastActive, two.Role = two.LastActive.Add(time.Minute), store.Viewer
		w.renew(w.a, a, []store.Lease{two}, []uuid.UUID{one.Conn, uuid.New()}, false)
		w.leases(a, two)
		w.leases(b, three)
		w.ok(w.a.Leave(w.Context(), a.Run))
		w.leases(a)
		w.leases(b, three)
	},

	"each lease expires by itself": func(w world) {
		a := newNode("a")
		old, young := newLease(a, "Ann"), newLease(a, "Bob")
		w.renew(w.a, a, []store.Lease{old}, nil, false)
		for range 3 {
			w.pass(NodeTTL - time.Second)
			w.renew(w.a, a, nil, nil, false)
		}
		w.renew(w.a, a, []store.Lease{young}, nil, false)
		w.leases(a, old, young)
		for range 3 {
			w.pass(NodeTTL - time.Second)
			w.renew(w.a, a, nil, nil, false)
		}
		w.leases(a, young)
		w.pass(LeaseTTL)
		w.leases(a)
	},

	"a node's record doesn't keep leases, nor leases a record": func(w world) {
		a := newNode("a")
		lease := newLease(a, "Ann")
		w.renew(w.a, a, []store.Lease{lease}, nil, false)
		w.pass(NodeTTL + time.Second)
		w.nodes()
		w.leases(a, lease)
		w.renew(w.a, a, nil, nil, true)
		w.pass(LeaseTTL)
		w.leases(a)
	},

	"emptied": func(w world) {
		a, b := newNode("a"), newNode("b")
		lease, hash, c := newLease(a, "Ann"), [32]byte{1}, newSession()
		w.renew(w.a, a, []store.Lease{lease}, nil, false)
		w.ok(w.a.CacheSession(w.Context(), hash, c, time.Minute))
		w.empty()
		w.nodes()
		w.leases(a)
		w.noSession(w.a, hash)
		w.renew(w.b, b, nil, nil, false) // it had nothing to lose
		w.renew(w.a, a, nil, nil, true)
		w.renew(w.a, a, []store.Lease{lease}, nil, false)
		w.nodes(a, b)
		w.leases(a, lease)
	},

	"many leases": func(w world) {
		a := newNode("a")
		all, gone := make([]store.Lease, 1234), make([]uuid.UUID, 0, 1234)
		for i := range all {
			all[i] = newLease(a, fmt.Sprint("person ", i))
		}
		w.renew(w.a, a, all, nil, false)
		w.leases(a, all...)
		for _, l := range all[:1100] {
			gone = append(gone, l.Conn)
		}
		w.renew(w.a, a, all[1100:1200], gone, false)
		w.leases(a, all[1100:]...)
		w.ok(w.b.Leave(w.Context(), a.Run))
		w.leases(a)
	},

	"names are kept up to a length": func(w world) {
		a := newNode("a")
		lease := newLease(a, strings.Repeat("\x00<é", 500))
		w.renew(w.a, a, []store.Lease{lease}, nil, false)
		lease.Name = strings.Repeat("\x00<é", 256)
		w.leases(a, lease)
	},

	"a node needs a run": func(w world) {
		if _, err := w.a.Renew(w.Context(), store.Node{Name: "nameless"}, nil, nil); err == nil {
			w.Error("no error")
		}
		w.nodes()
	},

	"sessions": func(w world) {
		hash, other := [32]byte{1}, [32]byte{2}
		c := newSession()
		w.noSession(w.a, hash)
		w.ok(w.a.CacheSession(w.Context(), hash, c, time.Minute))
		w.session(w.b, hash, c)
		w.noSession(w.b, other)
		c.Revision++
		c.User.Name = "Anna"
		w.ok(w.b.CacheSession(w.Context(), hash, c, time.Minute))
		w.session(w.a, hash, c)
		w.ok(w.a.ForgetSession(w.Context(), hash))
		w.ok(w.a.ForgetSession(w.Context(), hash))
		w.noSession(w.b, hash)
	},

	"a session's place slides": func(w world) {
		hash, c := [32]byte{3}, newSession()
		w.ok(w.a.CacheSession(w.Context(), hash, c, time.Minute))
		for range 3 {
			w.pass(40 * time.Second)
			w.session(w.b, hash, c)
		}
		w.pass(time.Minute)
		w.noSession(w.a, hash)
	},

	"an expired session is absent, however it is kept": func(w world) {
		hash, c := [32]byte{4}, newSession()
		c.Session.ExpiresAt = time.Now().Add(-time.Second)
		w.ok(w.a.CacheSession(w.Context(), hash, c, time.Minute))
		w.noSession(w.b, hash)
	},

	"nothing is cached for ever": func(w world) {
		hash, c := [32]byte{5}, newSession()
		for _, idle := range []time.Duration{0, -time.Second} {
			if err := w.a.CacheSession(w.Context(), hash, c, idle); err == nil {
				w.Errorf("cached for %v", idle)
			}
			if _, _, err := w.a.CachedSession(w.Context(), hash, idle); err == nil {
				w.Errorf("looked for with idle %v", idle)
			}
		}
		w.noSession(w.a, hash)
	},
}

func newNode(name string) store.Node {
	return store.Node{Run: uuid.New(), Name: name, Version: "1", StartedAt: time.Now().UTC().Round(0), Roster: 1, Connections: 2, Documents: 3}
}

func newLease(n store.Node, name string) store.Lease {
	now := time.Now().UTC().Round(0)
	return store.Lease{
		Conn: uuid.New(), Run: n.Run, Node: n.Name, Document: uuid.New(), User: uuid.New(), Name: name, Role: store.Editor,
		Since: now.Add(-time.Hour), LastActive: now,
	}
}

// newSession has a value in every field, a password hash among them.
func newSession() store.CachedSession {
	now := time.Now().UTC().Round(0)
	user := store.User{
		ID: uuid.New(), Email: "ann@example.org", Name: "Ann", Role: store.RoleAdmin, PasswordHash: "$argon2id$hush", Disabled: true,
		CreatedAt: now.Add(-3 * time.Hour), UpdatedAt: now.Add(-2 * time.Hour),
	}
	return store.CachedSession{
		Session: store.Session{
			ID: uuid.New(), User: user.ID, UserAgent: "Browser/1", Address: "192.0.2.1",
			CreatedAt: now.Add(-time.Hour), LastSeen: now, ExpiresAt: now.Add(time.Hour),
		},
		User: user, Revision: 9, Slid: now,
	}
}

func (w world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w world) renew(s shared, n store.Node, leases []store.Lease, gone []uuid.UUID, lost bool) {
	w.Helper()
	got, err := s.Renew(w.Context(), n, leases, gone)
	w.ok(err)
	if got != lost {
		w.Fatalf("renewed %s: lost is %v, want %v", n.Name, got, lost)
	}
}

// nodes checks what both nodes see.
func (w world) nodes(want ...store.Node) {
	w.Helper()
	for _, s := range []shared{w.a, w.b} {
		got, err := s.Nodes(w.Context())
		w.ok(err)
		byName := func(a, b store.Node) int { return strings.Compare(a.Name, b.Name) }
		slices.SortFunc(got, byName)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			w.Fatalf("nodes (-want +got):\n%s", diff)
		}
	}
}

func (w world) leases(n store.Node, want ...store.Lease) {
	w.Helper()
	want = slices.Clone(want)
	byConn := func(a, b store.Lease) int { return strings.Compare(a.Conn.String(), b.Conn.String()) }
	slices.SortFunc(want, byConn)
	for _, s := range []shared{w.a, w.b} {
		got, err := s.Leases(w.Context(), n.Run)
		w.ok(err)
		slices.SortFunc(got, byConn)
		if !slices.Equal(got, want) { // quicker than the difference
			w.Fatalf("leases of %s (-want +got):\n%s", n.Name, cmp.Diff(want, got))
		}
	}
}

func (w world) session(s shared, hash [32]byte, want store.CachedSession) {
	w.Helper()
	got, ok, err := s.CachedSession(w.Context(), hash, time.Minute)
	w.ok(err)
	want.User.PasswordHash = ""
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		w.Fatalf("session: there: %v (-want +got):\n%s", ok, diff)
	}
}

func (w world) noSession(s shared, hash [32]byte) {
	w.Helper()
	if got, ok, err := s.CachedSession(w.Context(), hash, time.Minute); ok || err != nil {
		w.Fatalf("session: %+v, there: %v, %v; want none", got, ok, err)
	}
}
