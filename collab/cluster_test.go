package collab

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/redis"
)

// fickle is what the nodes of a test share; it can be away and forget.
type fickle struct {
	mu   sync.Mutex
	mem  *redis.Memory
	away bool
	lost map[uuid.UUID]bool // runs that are to be told that their record was lost
}

func newFickle() *fickle { return &fickle{mem: redis.NewMemory(), lost: make(map[uuid.UUID]bool)} }

var errAway = errors.New("no Redis")

func (f *fickle) now() (*redis.Memory, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return nil, errAway
	}
	return f.mem, nil
}

func (f *fickle) setAway(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
}

// flush forgets everything.
func (f *fickle) flush(runs ...uuid.UUID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mem = redis.NewMemory()
	for _, run := range runs {
		f.lost[run] = true
	}
}

func (f *fickle) Renew(ctx context.Context, n store.Node, leases []store.Lease, gone []uuid.UUID) (bool, error) {
	m, err := f.now()
	if err != nil {
		return false, err
	}
	_, err = m.Renew(ctx, n, leases, gone)
	f.mu.Lock()
	defer f.mu.Unlock()
	lost := f.lost[n.Run]
	delete(f.lost, n.Run)
	return lost, err
}

func (f *fickle) Nodes(ctx context.Context) ([]store.Node, error) {
	m, err := f.now()
	if err != nil {
		return nil, err
	}
	return m.Nodes(ctx)
}

func (f *fickle) Leases(ctx context.Context, run uuid.UUID) ([]store.Lease, error) {
	m, err := f.now()
	if err != nil {
		return nil, err
	}
	return m.Leases(ctx, run)
}

func (f *fickle) Leave(ctx context.Context, run uuid.UUID) error {
	m, err := f.now()
	if err != nil {
		return err
	}
	return m.Leave(ctx, run)
}

// wantOnline checks who is online by what a hub says.
func wantOnline(l *lab, h *Hub, whole bool, tabs ...*tab) {
	l.Helper()
	want := make(map[store.UserID]int)
	for _, tb := range tabs {
		want[tb.user]++
	}
	list, complete := h.Everyone()
	got := make(map[store.UserID]int)
	for _, e := range list {
		got[e.User]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || complete != whole {
		l.Errorf("online: %v, whole %v; want %v, whole %v", got, complete, want, whole)
	}
}

// seconds lets virtual time pass.
func seconds(n float64) {
	time.Sleep(time.Duration(n * float64(time.Second)))
	synctest.Wait()
}

func TestEveryNodeKnowsEveryone(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		seconds(2.1)
		a := l.open(0)
		seconds(0.1)
		far := l.openOn(other, 1)
		seconds(0.5)
		for _, h := range []*Hub{l.hub, other} {
			wantOnline(l, h, true, a, far)
			nodes, whole := h.Nodes()
			if len(nodes) != 2 || !whole {
				l.Errorf("nodes %+v, whole %v", nodes, whole)
			}
			if list, _ := h.Editors(l.doc); len(list) != 2 || list[0].User != a.user || list[0].Run != l.hub.Run() || list[1].Run != other.Run() {
				l.Errorf("editors %+v", list)
			}
			if list, _ := h.EditorsOf(far.user); len(list) != 1 || list[0].Document != l.doc {
				l.Errorf("connections of one account: %+v", list)
			}
		}
		a.leave(l)
		seconds(0.9) // P1: a clean leave shows within 1 s
		wantOnline(l, other, true, far)
		wantOnline(l, l.hub, true, far)
	})
}

// Messages about who came may be lost, all of them: what is shared tells.
func TestEveryoneIsKnownThoughMessagesAreLost(t *testing.T) {
	inCluster(t, 100, time.Second, func(l *lab, other *Hub, b *bus) {
		a, far := l.open(0), l.openOn(other, 1)
		seconds(3)
		wantOnline(l, other, true, a, far)
		a.leave(l)
		seconds(3)
		wantOnline(l, other, true, far)
	})
}

// P1: a killed node's editors are gone within 10 s, on every node, from the lists and from the documents.
func TestAKilledNodesPeopleAreGone(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		seconds(1.1)
		a, far := l.open(0), l.openOn(other, 1)
		seconds(1)
		wantOnline(l, l.hub, true, a, far)
		if a.sees(far.id) == "" || far.sees(a.id) == "" {
			l.Fatal("they don't see each other")
		}
		w := l.hub.Watch(l.doc)
		defer w.Close()
		other.crash()
		far.link.pull()
		seconds(10)
		wantOnline(l, l.hub, true, a)
		if a.sees(far.id) != "" {
			l.Error("somebody on a dead node is still shown in the document")
		}
		changes, err := w.Next(l.Context())
		if err != nil || len(changes) != 1 || changes[0].Kind != Left || changes[0].Editor.User != far.user {
			l.Errorf("told %+v, %v", changes, err)
		}
		if nodes, _ := l.hub.Nodes(); len(nodes) != 1 {
			l.Errorf("nodes %+v", nodes)
		}
	})
}

// A node that goes away in order is forgotten at once.
func TestANodeThatPartsIsForgottenAtOnce(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		seconds(1.1)
		a, far := l.open(0), l.openOn(other, 1)
		seconds(1)
		wantOnline(l, l.hub, true, a, far)
		begin := time.Now()
		if err := other.Stop(l.Context()); err != nil {
			l.Fatal(err)
		}
		far.wantClosed(l, CloseGoingAway)
		seconds(0.5)
		wantOnline(l, l.hub, true, a)
		if a.sees(far.id) != "" {
			l.Error("still shown in the document")
		}
		if nodes, _ := l.hub.Nodes(); len(nodes) != 1 {
			l.Errorf("nodes %+v", nodes)
		}
		if took := time.Since(begin); took > 3*time.Second {
			l.Errorf("it took %v", took)
		}
	})
}

// While Redis is away each node shows its own people and says so; then all return by themselves.
func TestAloneWithoutRedis(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		seconds(1.1)
		a, far := l.open(0), l.openOn(other, 1)
		seconds(1)
		w := l.hub.Watch(uuid.Nil)
		defer w.Close()
		b.away(true)
		seconds(8)
		wantOnline(l, l.hub, false, a)
		wantOnline(l, other, false, far)
		if a.sees(far.id) != "" {
			l.Error("somebody is shown of whom nothing is known")
		}
		changes, err := w.Next(l.Context())
		if err != nil || len(changes) != 2 || changes[0].Kind != Left || changes[1].Kind != Scope || changes[1].Whole {
			l.Errorf("told %+v, %v", changes, err)
		}
		b.away(false)
		other.Missed()
		l.hub.Missed()
		seconds(5)
		wantOnline(l, l.hub, true, a, far)
		wantOnline(l, other, true, a, far)
		if a.sees(far.id) == "" || far.sees(a.id) == "" {
			l.Error("they don't see each other again")
		}
	})
}

// Redis that is back for a moment only brings nobody who stays.
func TestAloneAgainSoon(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		a, far := l.open(0), l.openOn(other, 1)
		seconds(1)
		b.away(true)
		seconds(8)
		b.away(false)
		l.hub.Missed()
		other.Missed()
		seconds(1.2)
		if a.sees(far.id) == "" {
			l.Fatal("they don't see each other in between")
		}
		b.away(true)
		seconds(8)
		wantOnline(l, l.hub, false, a)
		if a.sees(far.id) != "" {
			l.Error("somebody is shown of whom nothing is known")
		}
		b.away(false)
	})
}

// When Redis forgets everything, nobody is told that anybody left.
func TestFlushedPresenceIsRebuilt(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		seconds(1.1)
		a, far := l.open(0), l.openOn(other, 1)
		seconds(3.3)
		w := l.hub.Watch(uuid.Nil)
		defer w.Close()
		b.shared.(*fickle).flush(l.hub.Run(), other.Run())
		seconds(5)
		wantOnline(l, l.hub, true, a, far)
		for _, run := range []uuid.UUID{l.hub.Run(), other.Run()} {
			if leases, err := b.shared.Leases(l.Context(), run); err != nil || len(leases) != 1 {
				l.Errorf("leases %+v, %v", leases, err)
			}
		}
		if changes := w.take(); len(changes) != 0 {
			l.Errorf("told %+v", changes)
		}
	})
}

func TestAWatchGathersChanges(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		w := l.hub.Watch(l.doc)
		defer w.Close()
		elsewhere := l.hub.Watch(l.docs[1])
		defer elsewhere.Close()
		if list, whole := w.Snapshot(); len(list) != 1 || !whole || list[0].User != a.user {
			l.Fatalf("begins with %+v", list)
		}
		seconds(1)
		brief := l.open(1)
		brief.leave(l)
		synctest.Wait()
		b := l.open(1)
		changes, err := w.Next(l.Context())
		if err != nil || len(changes) != 1 || changes[0].Kind != Joined || changes[0].Editor.User != b.user {
			l.Fatalf("told %+v, %v", changes, err)
		}
		l.setRole(l.T, l.doc, b.user, store.Viewer)
		l.hub.AccessChanged(l.doc)
		a.leave(l)
		seconds(1)
		changes, err = w.Next(l.Context())
		if err != nil || len(changes) != 2 || changes[0].Kind != Left || changes[1].Kind != Changed || changes[1].Editor.Role != store.Viewer {
			l.Errorf("told %+v, %v", changes, err)
		}
		if changes := elsewhere.take(); len(changes) != 0 {
			l.Errorf("told of another document: %+v", changes)
		}
		ctx, cancel := context.WithTimeout(l.Context(), time.Second)
		defer cancel()
		if changes, err := w.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			l.Errorf("%+v, %v", changes, err)
		}
	})
}

func TestActivityIsTold(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		w := l.hub.Watch(l.doc)
		defer w.Close()
		seconds(60) // the unchanged awareness is renewed meanwhile
		if changes := w.take(); len(changes) != 0 {
			l.Fatalf("told of somebody who did nothing: %+v", changes)
		}
		begin := time.Now()
		for range 30 {
			a.typed(nil, "x")
			seconds(1)
		}
		changes := w.take()
		if len(changes) != 1 || changes[0].Kind != Changed || !changes[0].Editor.LastActive.After(begin.Add(10*time.Second)) {
			l.Errorf("told %+v", changes)
		}
	})
}
