package api

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bizsync/bizsync/store"
)

// loginStore counts how often logins are looked up.
type loginStore struct {
	store.Store
	mu    sync.Mutex
	looks map[[32]byte]int
	fails error
}

func (s *loginStore) SessionByToken(_ context.Context, hash [32]byte, _ time.Duration) (store.Session, store.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks[hash]++
	return store.Session{}, store.User{}, s.fails
}

// voidConn is a connection that takes everything and says nothing.
type voidConn struct{ deadConn }

func (*voidConn) SetReadDeadline(time.Time) error  { return nil }
func (*voidConn) SetWriteDeadline(time.Time) error { return nil }

// Each login is looked up once a period, however many sockets it has; while the database is away nobody loses their login; one that has ended takes its sockets along.
func TestLoginKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var work sync.WaitGroup
		st := &loginStore{looks: map[[32]byte]int{}}
		k := newLoginKeeper(t.Context(), st, time.Hour, &work)
		node := newSockets(1<<20, defaultConnTiming(), &work)
		one, two := [32]byte{1}, [32]byte{2}
		var conns []*conn
		for i := range 5 {
			c := &conn{of: node}
			c.wire.Conn = &voidConn{}
			hash := one
			if i == 4 {
				hash = two
			}
			k.keep(hash, c)
			k.keep(hash, c)
			conns = append(conns, c)
		}
		look := func(periods int) (first, second int) {
			st.mu.Lock()
			clear(st.looks)
			st.mu.Unlock()
			time.Sleep(time.Duration(periods)*loginPeriod + loginPeriod/60)
			st.mu.Lock()
			defer st.mu.Unlock()
			return st.looks[one], st.looks[two]
		}
		look(1) // the first come early
		if a, b := look(10); a < 9 || a > 11 || b < 9 || b > 11 {
			t.Errorf("looked %d and %d times in ten periods", a, b)
		}
		st.mu.Lock()
		st.fails = fmt.Errorf("look: %w", store.ErrUnavailable)
		st.mu.Unlock()
		look(2)
		for _, c := range conns {
			if c.closing {
				t.Error("closed because the database was away")
			}
		}
		k.forget(conns[4])
		st.mu.Lock()
		st.fails = fmt.Errorf("look: %w", store.ErrNotFound)
		st.mu.Unlock()
		if _, b := look(2); b != 0 {
			t.Error("looked after a login without sockets")
		}
		for i, c := range conns {
			if c.closing != (i < 4) {
				t.Errorf("connection %d: closed %v", i, c.closing)
			}
			k.forget(c)
		}
		work.Wait()
		if len(k.open) != 0 {
			t.Errorf("%d logins are left", len(k.open))
		}
	})
}
