package collab

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

func TestASingleNodeForgetsWhoLeft(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		for range 100 {
			l.openSilent(0).leave(l)
		}
		seconds(60)
		if n := len(l.hub.roster.gone); n > 0 {
			l.Errorf("a single node remembers %d connections that are gone, for ever", n)
		}
	})
}

// Two connections of one account, made in the same millisecond on two nodes, under one client id.
func TestConnectionsOfOneMomentDontContend(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		l.open(1)
		l.openOn(other, 1)
		seconds(3)
		mine := l.hub
		m1, m2 := newModel(900, l.users[0], nil), newModel(900, l.users[0], nil)
		l.openAs(m1, nil)
		l.hub = other
		l.openAs(m2, nil)
		l.hub = mine
		seconds(5)
		before := b.messages()
		seconds(60)
		n := b.messages() - before
		l.Logf("%d messages in a minute in which nobody did anything", n)
		if n > 100 {
			l.Error("the nodes never settle it")
		}
	})
}

// slowShared is Redis with a latency.
type slowShared struct {
	*fickle
	delay time.Duration
}

func (s slowShared) Renew(ctx context.Context, n store.Node, leases []store.Lease, gone []uuid.UUID) (bool, error) {
	time.Sleep(s.delay)
	return s.fickle.Renew(ctx, n, leases, gone)
}

// FLUSHALL, and the first renewal after it is one that brings a change, just before the other node looks.
func TestAFlushThatMeetsAChange(t *testing.T) {
	for _, delay := range []time.Duration{2 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond} {
		failed := 0
		const trials = 50
		for trial := range trials {
			inLab(t, 3, Options{}, func(l *lab) {
				f := newFickle()
				b := &bus{rng: rand.New(rand.NewPCG(1, uint64(trial))), wg: &l.wg, shared: slowShared{f, delay}}
				b.join(l.hub)
				time.Sleep(337 * time.Millisecond)
				other := b.join(NewHub(Options{Store: l.world}))
				l.open(0)
				l.open(1)
				l.open(1)
				seconds(3)
				time.Sleep(time.Duration(trial) * time.Second / trials)
				f.flush(l.hub.Run(), other.Run())
				l.open(0)
				seconds(60)
				if list, whole := other.Everyone(); len(list) != 4 || !whole {
					failed++
				}
				if err := other.Stop(l.Context()); err != nil {
					l.Error(err)
				}
			})
		}
		t.Logf("latency %v: %d of %d trials, a minute after FLUSHALL people are missing on the other node", delay, failed, trials)
		if failed > 0 {
			t.Fail()
		}
	}
}

// Redis is killed and comes back empty after 3 s.
func TestRedisRestartedEmptyWithinSeconds(t *testing.T) {
	for _, off := range []float64{0.1, 0.5, 0.9} {
		inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
			a, far := l.open(0), l.openOn(other, 1)
			seconds(5)
			seconds(off)
			f := b.shared.(*fickle)
			b.away(true)
			seconds(3)
			f.flush(l.hub.Run(), other.Run())
			b.away(false)
			l.hub.Missed()
			other.Missed()
			for i := range 50 {
				if i > 5 && a.sees(far.id) != "" && far.sees(a.id) != "" {
					l.Logf("off %v: seen again after %v s", off, float64(i)/2)
					if i > 11 {
						l.Error("too late")
					}
					return
				}
				seconds(0.5)
			}
			l.Errorf("off %v: not seen after 25 s: %q %q", off, a.sees(far.id), far.sees(a.id))
		})
	}
}

// One reader that has stopped reading.
func TestStopWithAStuckReader(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		mine := l.hub
		l.hub = other
		a, stuck := l.open(0), l.open(1)
		l.hub = mine
		seconds(2)
		gate := make(chan struct{})
		stuck.stop.Store(&gate)
		for i := range 700 {
			var o *crdt.ID
			if i > 0 {
				o = &crdt.ID{Client: a.id, Clock: uint32(i - 1)}
			}
			a.typed(o, "x")
			time.Sleep(10 * time.Millisecond)
		}
		a.wantAcked(l, true)
		begin := time.Now()
		ctx, cancel := context.WithTimeout(l.Context(), 6*time.Second)
		defer cancel()
		err := other.Stop(ctx)
		l.Logf("Stop took %v: %v", time.Since(begin), err)
		if err != nil {
			l.Errorf("stop: %v", err)
		}
		leases, _ := b.shared.Leases(l.Context(), other.Run())
		nodes, _ := b.shared.Nodes(l.Context())
		l.Logf("%d leases and %d nodes are left in Redis", len(leases), len(nodes))
		close(gate)
		stuck.link.pull()
		seconds(1)
		_ = strings.Contains
	})
}

// After Redis has come back empty, is it said that all are known before they are?
func TestWholeIsNotSaidTooEarly(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		f := newFickle()
		b := &bus{rng: rand.New(rand.NewPCG(1, 1)), wg: &l.wg, shared: f}
		b.join(l.hub)
		time.Sleep(337 * time.Millisecond)
		other := b.join(NewHub(Options{Store: l.world}))
		l.open(0)
		l.openOn(other, 1)
		seconds(3)
		b.away(true)
		seconds(8)
		f.flush()
		b.away(false)
		wrong := 0
		for range 200 {
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
			for _, h := range []*Hub{l.hub, other} {
				if list, whole := h.Everyone(); whole && len(list) != 2 {
					wrong++
				}
			}
		}
		if wrong > 0 {
			l.Errorf("for %d ms a node said that all are known, and didn't know all", 10*wrong)
		}
		if err := other.Stop(l.Context()); err != nil {
			l.Error(err)
		}
	})
}

// People come and go on a node, and Redis takes its time, while another node is killed.
func TestComingsAndGoingsHideNoDeadNode(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		b := &bus{rng: rand.New(rand.NewPCG(1, 1)), wg: &l.wg, shared: slowShared{newFickle(), 100 * time.Millisecond}}
		b.join(l.hub)
		other := b.join(NewHub(Options{Store: l.world}))
		far := l.openOn(other, 1)
		seconds(3)
		if list, _ := l.hub.EditorsOf(far.user); len(list) != 1 {
			l.Fatal("not known")
		}
		other.crash()
		far.link.pull()
		begin := time.Now()
		for time.Since(begin) < 30*time.Second {
			tb := l.openSilent(0)
			time.Sleep(50 * time.Millisecond)
			tb.leave(l)
			time.Sleep(20 * time.Millisecond)
			if list, _ := l.hub.EditorsOf(far.user); len(list) == 0 {
				break
			}
		}
		took := time.Since(begin)
		l.Logf("the dead node's people were shown for %v", took)
		if took > 10*time.Second {
			l.Error("longer than 10 s")
		}
	})
}

// A room is given up (reloaded) and its people don't come back.
func TestReloadedAndGone(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		a, far := l.open(0), l.openOn(other, 1)
		seconds(3)
		if far.sees(a.id) == "" {
			l.Fatal("not seen")
		}
		a.announce(a.id, 50, `{"cursor":{"anchor":7}}`)
		time.Sleep(time.Millisecond)
		l.hub.Relayed(l.doc, hashMessage{epoch: l.hub.open[l.doc].epoch, upTo: l.hub.open[l.doc].seen.Load(), row: store.RowID(l.hub.open[l.doc].seenRow.Load())}.encode())
		for i := range 80 {
			seconds(0.5)
			if far.sees(a.id) == "" {
				l.Logf("gone after %v s", float64(i+1)/2)
				if i > 40 {
					l.Error("too late")
				}
				return
			}
		}
		l.Error("still seen after 40 s")
	})
}
