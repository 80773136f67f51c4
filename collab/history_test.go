package collab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/sqlite"
)

// A room that is open when the 24 h of leniency end stays lenient.
func TestLeniencyEndsInAnOpenRoom(t *testing.T) {
	o := Options{}
	o.Timing.HeadPoll = time.Minute
	inLab(t, 3, o, func(l *lab) {
		heads, err := l.Heads(l.Context(), []store.DocumentID{l.doc})
		if err != nil {
			l.Fatal(err)
		}
		if _, err := l.ChangeEpoch(l.Context(), l.doc, heads[0].Epoch); err != nil {
			l.Fatal(err)
		}
		a, evil := l.open(0), l.open(1)
		seconds(25 * 3600)
		heads, err = l.Heads(l.Context(), []store.DocumentID{l.doc})
		if err != nil || heads[0].Lenient {
			l.Fatalf("%+v %v", heads, err)
		}
		a.typed(nil, "mine")
		seconds(1)
		u := insertion(crdt.ID{Client: a.id, Clock: 4}, &crdt.ID{Client: a.id, Clock: 3}, " and a lie")
		evil.raw(syncUpdate, u)
		seconds(1)
		if l.holds(l.T, l.doc, u) {
			l.Error("25 h after the restore somebody wrote under another account's client id")
		}
		evil.wantClosed(l, CloseClientID)
	})
}

type countRows struct {
	*world
	rows atomic.Int64
}

func (c *countRows) Rows(ctx context.Context, doc store.DocumentID, after uint64, limit int) (store.RowPage, error) {
	c.rows.Add(1)
	time.Sleep(time.Millisecond) // a database takes its time
	return c.world.Rows(ctx, doc, after, limit)
}

// A room with a hole catches up by a snapshot, and has rows above it already that follow the snapshot directly.
func TestASnapshotBelowWhatIsAbove(t *testing.T) {
	o := Options{}
	inLab(t, 3, o, func(l *lab) {
		c := &countRows{world: l.world}
		b := &bus{rng: rand.New(rand.NewPCG(1, 1)), wg: &l.wg, lost: 0, shared: newFickle()}
		b.join(l.hub)
		oo := Options{Store: c}
		oo.Timing.HeadPoll = 2 * time.Hour // a node that slept
		other := b.join(NewHub(oo))
		a, far := l.open(0), l.openOn(other, 1)
		seconds(1)
		b.lose(100)
		for i := range 60 {
			var o *crdt.ID
			if i > 0 {
				o = &crdt.ID{Client: a.id, Clock: uint32(i - 1)}
			}
			a.typed(o, "x")
			l.settle()
		}
		if err := l.hub.compact(l.Context(), l.doc); err != nil {
			l.Fatal(err)
		}
		seconds(12 * 60) // covered rows have moved
		b.lose(0)
		u := a.typed(&crdt.ID{Client: a.id, Clock: 59}, "y")
		time.Sleep(300 * time.Millisecond)
		before := c.rows.Load()
		time.Sleep(300 * time.Millisecond)
		n := c.rows.Load() - before
		wantHas(l, u, true, far)
		r := other.open[l.doc]
		l.Logf("upTo %d, %d rows read in 0.3 s", r.seen.Load(), n)
		if r.seen.Load() != 61 {
			l.Errorf("upTo is %d, want 61", r.seen.Load())
		}
		if n > 5 {
			l.Errorf("%d reads of the log in 0.3 s", n)
		}
		other.crash()
	})
}

// swapped is a database that can be exchanged for a restored one.
type swapped struct{ Store }

// The database is restored to one row less; before the other node's next look, somebody types two letters on a node that opens the document anew.
func TestRestoredAndTypedOnWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, dir2 := t.TempDir(), t.TempDir()
		st1, err := sqlite.Open(t.Context(), filepath.Join(dir, "b.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		l := &lab{T: t, next: 100}
		l.world = &world{Store: st1, committed: map[store.DocumentID]*crdt.State{}, unknown: map[uuid.UUID]store.Batch{}}
		for i := range 2 {
			u, err := st1.CreateUser(t.Context(), store.User{Email: fmt.Sprintf("u%d@example.com", i), Name: "U", Role: store.RoleMember})
			if err != nil {
				t.Fatal(err)
			}
			l.users = append(l.users, u.ID)
		}
		d, _, err := st1.CreateDocument(t.Context(), store.Document{Title: "D", Owner: l.users[0]}, nil)
		if err != nil {
			t.Fatal(err)
		}
		l.doc = d.ID
		l.setRole(t, l.doc, l.users[1], store.Editor)
		b := &bus{rng: rand.New(rand.NewPCG(1, 1)), wg: &l.wg, shared: newFickle()}
		sw := &swapped{st1}
		hubB := b.join(NewHub(Options{Store: sw}))
		l.hub = hubB
		far := l.open(1)
		far.typed(nil, "kept")
		seconds(1.5)
		for _, f := range []string{"b.db", "b.db-wal"} {
			data, err := os.ReadFile(filepath.Join(dir, f))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir2, f), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		far.typed(&crdt.ID{Client: far.id, Clock: 3}, "lost")
		l.settle()
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second + 100*time.Millisecond)))
		synctest.Wait()
		st2, err := sqlite.Open(t.Context(), filepath.Join(dir2, "b.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		sw.Store = st2
		l.world.Store = st2
		hubA := b.join(NewHub(Options{Store: st2}))
		l.hub = hubA
		a := l.open(0)
		a.typed(nil, "new ")
		l.settle()
		a.typed(&crdt.ID{Client: a.id, Clock: 3}, "text")
		l.settle()
		for range 5 {
			seconds(1)
		}
		far.wantClosed(l, CloseGoingAway)
		heads, err := st2.Heads(t.Context(), []store.DocumentID{l.doc})
		if err != nil || !heads[0].Lenient {
			l.Errorf("head %+v, %v", heads, err)
		}
		if err := hubA.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if err := hubB.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		for _, tb := range l.tabs {
			tb.link.pull()
			<-tb.done
		}
		l.wg.Wait()
		if err := errors.Join(st1.Close(), st2.Close()); err != nil {
			t.Error(err)
		}
	})
}

// The node that has the wrong content tells its hash first: the right one reloads, every time, and nobody reloads the wrong one.
func TestTheWrongNodeIsReloaded(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		b := &bus{rng: rand.New(rand.NewPCG(1, 1)), wg: &l.wg, shared: newFickle()}
		b.join(l.hub)
		other := b.join(NewHub(Options{Store: l.world}))
		far := l.openOn(other, 1) // its room, the wrong one, is a little older
		seconds(2)
		a := l.open(0)
		a.typed(nil, "the truth")
		seconds(1)
		b.lose(100)
		a.typed(nil, "written")
		l.settle()
		page, err := l.Rows(l.Context(), l.doc, 0, 10)
		if err != nil {
			l.Fatal(err)
		}
		last := page.Rows[len(page.Rows)-1]
		other.Relayed(l.doc, rowsMessage{
			epoch: page.Head.Epoch, first: last.Seq, prev: last.Prev, ids: []store.RowID{last.ID}, update: insertion(crdt.ID{Client: 77}, nil, "flipped"),
		}.encode())
		l.settle()
		b.lose(0)
		kicked := 0
		for range 300 {
			seconds(1)
			if code, _ := a.link.closed(); code != 0 {
				kicked++
				<-a.done
				a = l.openAs(a.model, nil) // comes back, as clients do
			}
		}
		code, _ := far.link.closed()
		l.Logf("in 5 minutes the right node's client was closed %d times, the wrong node's with %d", kicked, code)
		if code == 0 {
			l.Error("the wrong one was never reloaded")
		}
		if err := other.Stop(l.Context()); err != nil {
			l.Error(err)
		}
	})
}

// An editor says two things under one client id and clock on two nodes; a third node hears of the rows in the other order, and shows another text than
// everybody else, for ever: the hash of state vector and delete set can't tell.
func TestTwoThingsUnderOneClock(t *testing.T) {
	apart := 0
	const trials = 40
	for seed := range uint64(trials) {
		inLab(t, 3, Options{}, func(l *lab) {
			b := &bus{rng: rand.New(rand.NewPCG(seed, 1)), wg: &l.wg, shared: newFickle()}
			b.join(l.hub)
			n2, n3 := b.join(NewHub(Options{Store: l.world})), b.join(NewHub(Options{Store: l.world}))
			mine := l.hub
			e1, e2 := newModel(900, l.users[0], nil), newModel(900, l.users[0], nil)
			e1.silent, e2.silent = true, true
			t1 := l.openAs(e1, nil)
			l.hub = n2
			t2 := l.openAs(e2, nil)
			l.hub = mine
			l.openOn(n3, 1)
			seconds(2)
			t1.raw(syncUpdate, insertion(crdt.ID{Client: 900}, nil, "a"))
			t2.raw(syncUpdate, insertion(crdt.ID{Client: 900}, nil, "b"))
			seconds(70)
			want, _ := l.fresh(l.T, l.doc).Text("t")
			c, err := n3.Content(l.Context(), l.doc)
			if err != nil {
				l.Fatal(err)
			}
			got, _ := c.Text("t")
			if got != want {
				apart++
			}
			for _, h := range []*Hub{n2, n3} {
				if err := h.Stop(l.Context()); err != nil {
					l.Error(err)
				}
			}
		})
	}
	if apart > 0 {
		t.Errorf("%d of %d: 70 s later a node shows another text than the database has", apart, trials)
	}
}
