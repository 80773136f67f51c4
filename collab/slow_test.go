package collab

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
)

// taken is the document of a client that was given all of what a connection has got.
func (c *wireConn) taken(t *testing.T) *crdt.State {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := crdt.NewState()
	for _, b := range c.got {
		f, err := parseFrame(b)
		if err != nil {
			t.Fatal(err)
		}
		if f.carriesEdits() {
			s.Apply(f.update)
		}
	}
	return s
}

// A reader that stops holds no more than the backlog, however much is typed, costs the others nothing, and is equal again as soon as it reads.
func TestBacklogBecomesOneDiff(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		slow := newWireConn()
		slow.slow = make(chan struct{})
		done := make(chan error, 1)
		l.wg.Go(func() {
			m := newModel(7, l.users[1], nil)
			done <- l.hub.Serve(l.Context(), l.doc, peerOf(m, "", 3, 1), slow)
		})
		synctest.Wait()
		writers := make([]*tab, 20)
		for i := range writers {
			writers[i] = l.openSilent(0)
		}
		text := strings.Repeat("x", 2<<10)
		for round := range 60 { // more than twice the backlog
			for _, tb := range writers {
				var origin *crdt.ID
				if round > 0 {
					origin = &crdt.ID{Client: tb.id, Clock: uint32(round*len(text)) - 1}
				}
				tb.typed(origin, text)
			}
			l.settle()
			if got := l.hub.outboxBytes.Load(); got > backlogBytes+4<<20 {
				l.Fatalf("%d bytes wait for one reader", got)
			}
		}
		for _, tb := range writers {
			tb.wantAcked(l, true)
		}
		close(slow.slow)
		slow.mu.Lock()
		slow.slow = nil
		slow.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		if code, reason := slow.closed(); code != 0 {
			l.Fatalf("closed with %d %q", code, reason)
		}
		c, err := l.hub.Content(l.Context(), l.doc)
		if err != nil {
			l.Fatal(err)
		}
		if got := slow.taken(l.T).Encode().Bytes(); string(got) != string(c.Update) {
			l.Errorf("the slow reader has %d bytes of %d", len(got), len(c.Update))
		}
		slow.mu.Lock()
		for _, b := range slow.got {
			if len(b) > pieceBytes+64<<10 {
				l.Errorf("a message of %d bytes", len(b))
			}
		}
		slow.mu.Unlock()
		slow.Close(1, "")
		<-done
	})
}

// A large document goes out in pieces, the last of which is the step 2, with what was typed meanwhile.
func TestLargeAnswerGoesOutInPieces(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		tb := l.openSilent(0)
		for i := range 5 {
			tb.typed(nil, strings.Repeat(string(rune('a'+i)), 700_000))
			l.settle()
		}
		p.says(doc, auth(doc+"/1"))
		p.hears(doc)
		p.slow = make(chan struct{})
		p.says(doc, asks(nil))
		first := p.hears(doc)
		if !strings.HasPrefix(first, "update(") || strings.Contains(first, "step2") {
			l.Errorf("%.40q came before the first piece", first)
		}
		tb.typed(nil, "tail")
		l.settle()
		slow := p.slow
		p.wireConn.mu.Lock()
		p.slow = nil
		p.wireConn.mu.Unlock()
		close(slow)
		l.settle()
		rest := p.hears(doc)
		if strings.Count(rest, "step2(") != 1 || strings.Count(first+rest, "update(") < 3 {
			l.Errorf("%.200q", rest)
		}
	})
}

// A paste of many MiB reaches everybody in pieces.
func TestLargeUpdateGoesOutInPieces(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a, b := l.open(0), l.open(1)
		u := a.typed(nil, strings.Repeat("long ", 900_000))
		l.settle()
		wantHas(l, u, true, b)
		a.wantAcked(l, true)
	})
}

// Changes of presence that a slow reader missed are told together, with who has left.
func TestPresenceOfASlowReader(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		a, b := l.open(0), l.open(1)
		p.says(doc, auth(doc+"/1"))
		p.says(doc, asks(nil))
		p.wireConn.mu.Lock()
		slow := make(chan struct{})
		p.slow = slow
		p.wireConn.mu.Unlock()
		a.typed(nil, strings.Repeat("x", 2<<20))
		l.settle()
		p.hears(doc)
		b.leave(l)
		l.settle()
		p.want(doc, "")
		p.wireConn.mu.Lock()
		p.slow = nil
		p.wireConn.mu.Unlock()
		close(slow)
		l.settle()
		if got := p.hears(doc); !strings.HasSuffix(got, "awareness") {
			l.Errorf("heard %.100q", got)
		}
	})
}

// Who pastes one large thing after the other waits at its own socket for each to be committed; what others type in the document goes on at once.
func TestPasteStormWaitsForItself(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a, b := l.open(0), l.open(1)
		release := l.hold()
		text := strings.Repeat("x", 1<<20)
		go func() {
			for range 20 {
				a.typed(nil, text)
			}
		}()
		l.settle()
		if got := l.hub.staged.Load(); got > 2<<20 {
			l.Errorf("%d bytes of one paster are staged", got)
		}
		u := b.typed(nil, "letter")
		l.settle()
		release()
		l.settle()
		b.wantAcked(l, true)
		wantHas(l, u, true, a)
		time.Sleep(2 * time.Second)
		a.wantAcked(l, true)
	})
}

// What a connection's client has held in all of its documents together is bounded, and a document alone never gets there.
func TestHeldBytesOfAConnection(t *testing.T) {
	o := outbox{}
	one, other := &session{out: &o}, &session{out: &o}
	if !o.mayHold(heldLimit) {
		t.Error("one document may hold nothing")
	}
	one.holds(heldLimit)
	other.holds(connectionHeld - heldLimit)
	if o.mayHold(1) {
		t.Error("more than is allowed for all")
	}
	one.holds(0)
	if !o.mayHold(heldLimit) || o.mayHold(heldLimit+1) {
		t.Errorf("%d bytes are on the account", o.held.Load())
	}
}
