package collab

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

// lab is a hub in virtual time with tabs that do only what a test makes them do.
type lab struct {
	*testing.T
	*world
	hub  *Hub
	doc  store.DocumentID
	wg   sync.WaitGroup
	next uint64
	tabs []*tab
}

// tab is a model client on a link without latency; what the server sends is taken at once.
type tab struct {
	*model
	link *link
	err  error                         // of Serve, after ended
	done chan struct{}                 // closed when Serve has returned
	stop atomic.Pointer[chan struct{}] // not nil: nothing is taken from the link until it is closed
}

// inLab runs a test in a bubble with users editors of one document; the last is a viewer.
func inLab(t *testing.T, users int, o Options, f func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, users, 3)
		w.setRole(t, w.docs[0], w.users[users-1], store.Viewer)
		o.Store = w
		l := &lab{T: t, world: w, hub: NewHub(o), doc: w.docs[0], next: 100}
		f(l)
		w.setFault(nil)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := l.hub.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
		for _, tab := range l.tabs {
			<-tab.done
			tab.link.pull()
		}
		l.wg.Wait()
		if got := l.hub.staged.Load(); got != 0 {
			t.Errorf("%d bytes are counted as staged in the end", got)
		}
		if got := l.hub.outboxBytes.Load(); got != 0 {
			t.Errorf("%d bytes are counted in outboxes in the end", got)
		}
		for _, err := range w.broken {
			t.Error(err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

// open connects a user with a client id of its own and waits until all is quiet.
func (l *lab) open(user int) *tab {
	l.next++
	return l.openAs(newModel(l.next, l.users[user], rand.New(rand.NewPCG(l.next, 0))), nil)
}

// openSilent connects a user that announces no presence.
func (l *lab) openSilent(user int) *tab {
	l.next++
	m := newModel(l.next, l.users[user], rand.New(rand.NewPCG(l.next, 0)))
	m.silent = true
	return l.openAs(m, nil)
}

// openAs connects a model; change may alter the peer before.
func (l *lab) openAs(m *model, change func(*Peer)) *tab {
	l.Helper()
	access, err := l.Resolve(l.Context(), l.doc.String(), m.user)
	if err != nil {
		l.Fatal(err)
	}
	peer := peerOf(m, "Name of "+m.user.String(), access.Role, access.Version)
	if change != nil {
		change(&peer)
	}
	tb := &tab{model: m, link: newLink(&l.wg, func() time.Duration { return 0 }), done: make(chan struct{})}
	l.tabs = append(l.tabs, tb)
	l.wg.Go(func() {
		defer close(tb.done)
		tb.err = l.hub.Serve(l.Context(), l.doc, peer, tb.link)
	})
	l.wg.Go(func() {
		for {
			select {
			case msg := <-tb.link.deliver:
				if stop := tb.stop.Load(); stop != nil {
					<-*stop
				}
				tb.receive(msg)
			case <-tb.link.cut:
				return
			}
		}
	})
	tb.connect(tb.link)
	synctest.Wait()
	return tb
}

// hold makes all commits hang until the returned function is called.
func (l *lab) hold() (release func()) {
	gate := make(chan struct{})
	l.mu.Lock()
	l.poison = func(store.Batch) error { <-gate; return nil }
	l.mu.Unlock()
	return func() {
		l.mu.Lock()
		l.poison = nil
		l.mu.Unlock()
		close(gate)
		l.settle()
	}
}

// settle lets enough virtual time pass for a commit to be gathered and told.
func (l *lab) settle() {
	time.Sleep(60 * time.Millisecond)
	synctest.Wait()
}

// acks gives how many update frames of the present connection the tab knows to be decided, and how many it sent.
func (tb *tab) acks() (decided, sent int) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return tb.ackedTo, len(tb.sent)
}

func (tb *tab) wantAcked(l *lab, want bool) {
	l.Helper()
	if decided, sent := tb.acks(); (decided == sent) != want {
		l.Errorf("%d of %d frames are decided; want all: %v", decided, sent, want)
	}
}

// wantRefused checks the codes of all refusals so far.
func (tb *tab) wantRefused(l *lab, want ...int) {
	l.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if len(tb.refused) != len(want) {
		l.Fatalf("refused with %v, want %v", tb.refused, want)
	}
	for i := range want {
		if tb.refused[i] != want[i] {
			l.Fatalf("refused with %v, want %v", tb.refused, want)
		}
	}
}

// wantClosed checks with which code the server closed; 0: it is open.
func (tb *tab) wantClosed(l *lab, want int) {
	l.Helper()
	if code, reason := tb.link.closed(); code != want {
		l.Errorf("closed with %d %q, want %d", code, reason, want)
	}
}

// has says whether the tab's document has all of u.
func (tb *tab) has(u crdt.Update) bool {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	fit := crdt.Known{tb.doc}.Fit(u, nil)
	return fit.Update.IsEmpty() && !fit.Missing
}

// wantHas checks who knows of an edit.
func wantHas(l *lab, u crdt.Update, want bool, tabs ...*tab) {
	l.Helper()
	for _, tb := range tabs {
		if tb.has(u) != want {
			l.Errorf("client %d has the edit: %v, want %v", tb.id, !want, want)
		}
	}
}

// typed makes an insertion of the tab's own, after origin, and sends it.
func (tb *tab) typed(origin *crdt.ID, text string) crdt.Update {
	u := tb.draft(origin, text)
	tb.local(u)
	return u
}

// draft makes an insertion without sending it.
func (tb *tab) draft(origin *crdt.ID, text string) crdt.Update {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	u := insertion(crdt.ID{Client: tb.id, Clock: tb.clock}, origin, text)
	tb.clock += uint32(len(text))
	return u
}

// raw sends an update that the tab's document does not have.
func (tb *tab) raw(step uint64, u crdt.Update) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.sendUpdate(step, u)
}

func (tb *tab) leave(l *lab) {
	tb.link.pull()
	tb.mu.Lock()
	tb.conn = nil
	tb.mu.Unlock()
	<-tb.done
}
