package collab

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

// inCluster runs a test with two nodes on one database; poll is the period of comparing heads.
func inCluster(t *testing.T, lost int, poll time.Duration, f func(l *lab, other *Hub, b *bus)) {
	t.Helper()
	o := Options{}
	o.Timing.HeadPoll = poll
	inLab(t, 3, o, func(l *lab) {
		b := &bus{rng: rand.New(rand.NewPCG(1, 1)), wg: &l.wg, lost: lost, shared: newFickle()}
		b.join(l.hub)
		o.Store = l.world
		other := b.join(NewHub(o))
		seconds(3.1) // until all nodes are known
		f(l, other, b)
		if err := other.Stop(l.Context()); err != nil && !l.Failed() {
			l.Error(err)
		}
	})
}

// openOn connects a user to another node.
func (l *lab) openOn(h *Hub, user int) *tab {
	mine := l.hub
	l.hub = h
	defer func() { l.hub = mine }()
	return l.open(user)
}

func TestEditsCrossNodesAtOnce(t *testing.T) {
	inCluster(t, 0, time.Hour, func(l *lab, other *Hub, b *bus) {
		a, far := l.open(0), l.openOn(other, 1)
		ua := a.typed(nil, "here")
		uf := far.typed(nil, "there")
		l.settle()
		l.settle()
		wantHas(l, ua, true, far)
		wantHas(l, uf, true, a)
		if b.count < 2 {
			l.Errorf("%d messages", b.count)
		}
	})
}

// A large update doesn't travel through the relay; the message says to read it.
func TestLargeUpdatesAreReadFromTheDatabase(t *testing.T) {
	inCluster(t, 0, time.Hour, func(l *lab, other *Hub, _ *bus) {
		a, far := l.open(0), l.openOn(other, 1)
		u := a.typed(nil, strings.Repeat("x", relayInline+1))
		time.Sleep(500 * time.Millisecond)
		l.settle()
		wantHas(l, u, true, far)
	})
}

// A lost message is found by the hole that it leaves, or, when it was the last one, by comparing heads.
func TestLostMessagesAreFound(t *testing.T) {
	inCluster(t, 0, time.Hour, func(l *lab, other *Hub, b *bus) {
		a, far := l.open(0), l.openOn(other, 1)
		b.mu.Lock()
		b.lost = 100
		b.mu.Unlock()
		lost := a.typed(nil, "lost")
		l.settle()
		b.mu.Lock()
		b.lost = 0
		b.mu.Unlock()
		next := a.typed(nil, "next")
		time.Sleep(500 * time.Millisecond)
		l.settle()
		wantHas(l, lost, true, far)
		wantHas(l, next, true, far)
	})
	inCluster(t, 100, time.Second, func(l *lab, other *Hub, _ *bus) {
		a, far := l.open(0), l.openOn(other, 1)
		u := a.typed(nil, "never relayed")
		time.Sleep(2 * time.Second)
		l.settle()
		wantHas(l, u, true, far)
	})
	inCluster(t, 100, time.Hour, func(l *lab, other *Hub, _ *bus) {
		a, far := l.open(0), l.openOn(other, 1)
		u := a.typed(nil, "never relayed")
		l.settle()
		wantHas(l, u, false, far)
		other.Missed() // the relay was away
		time.Sleep(500 * time.Millisecond)
		l.settle()
		wantHas(l, u, true, far)
	})
}

func TestRowsMessage(t *testing.T) {
	m := rowsMessage{epoch: uuid.New(), first: 7, prev: -9, ids: []store.RowID{-1, 5}, update: insertion(crdt.ID{Client: 1}, nil, "x")}
	whole := m.encode()
	got, err := decodeRows(whole)
	if err != nil || got.epoch != m.epoch || got.first != 7 || got.prev != -9 || len(got.ids) != 2 || got.ids[0] != -1 || !got.inline || string(got.update.Bytes()) != string(m.update.Bytes()) {
		t.Errorf("%+v, %v", got, err)
	}
	withoutUpdate := len(whole) - len(m.update.Bytes())
	for n := range whole {
		if got, err := decodeRows(whole[:n]); err == nil && (n != withoutUpdate || got.inline) {
			t.Errorf("%d of %d bytes are taken for a message", n, len(whole))
		}
	}
}

func FuzzRowsMessage(f *testing.F) {
	f.Add(rowsMessage{epoch: uuid.Max, first: 7, ids: []store.RowID{-1, 5}, update: insertion(crdt.ID{Client: 1}, nil, "x")}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeRows(b)
		if err == nil && (m.first == 0 || len(m.ids) == 0) {
			t.Errorf("%+v", m)
		}
	})
}
