package collab

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bizsync/bizsync/store"
)

type slowCreds struct {
	*world
	slow atomic.Bool
}

func (s *slowCreds) AccessRevision(ctx context.Context) (uint64, error) {
	if s.slow.Load() {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return s.world.AccessRevision(ctx)
}

// A socket that was admitted (its session was read) just before the logout, and is in the roster just after the poll that saw the new revision.
func TestAdmittedJustBeforeTheLogout(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		l.open(1)
		session := store.Session{ID: store.NewID(), User: l.users[0], ExpiresAt: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
		if err := l.CreateSession(l.Context(), session, [32]byte{1}); err != nil {
			l.Fatal(err)
		}
		seconds(5)
		// api.admit reads the session here. Then:
		if err := l.DeleteSession(l.Context(), l.users[0], session.ID); err != nil {
			l.Fatal(err)
		}
		l.hub.EndSession(session.ID)
		l.hub.CredentialsChanged()
		synctest.Wait()
		// and only now the socket comes to the room (the document had to be loaded, or the goroutine waited for its turn).
		late := l.openAs(newModel(900, l.users[0], nil), func(p *Peer) { p.Session = session.ID })
		begin := time.Now()
		seconds(3)
		late.wantClosed(l, CloseUnauthorized)
		late.typed(nil, "after the logout")
		seconds(1)
		if got := l.fresh(l.T, l.doc); got.Clients() != 0 {
			l.Error("written 3 s after the logout")
		}
		<-late.done
		l.Logf("it was closed after %v", time.Since(begin))
	})
}

// Commits work, the poll of credentials doesn't (a connection of the pool hangs), and no message comes: the logged-out session goes on writing.
func TestALoggedOutSessionWritesNothing(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		s := &slowCreds{world: l.world}
		other := NewHub(Options{Store: s})
		session := store.Session{ID: store.NewID(), User: l.users[0], ExpiresAt: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
		if err := l.CreateSession(l.Context(), session, [32]byte{1}); err != nil {
			l.Fatal(err)
		}
		mine := l.hub
		l.hub = other
		tb := l.openAs(newModel(900, l.users[0], nil), func(p *Peer) { p.Session = session.ID })
		l.hub = mine
		seconds(2)
		s.slow.Store(true)
		seconds(0.1)
		if err := l.DeleteSession(l.Context(), l.users[0], session.ID); err != nil {
			l.Fatal(err)
		}
		seconds(4)
		tb.typed(nil, "after the logout")
		seconds(0.5)
		if got := l.fresh(l.T, l.doc); got.Clients() != 0 {
			l.Error("written 4 s after the logout")
		}
		s.slow.Store(false)
		if err := other.Stop(l.Context()); err != nil {
			l.Error(err)
		}
	})
}
