package api

import (
	"bytes"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
	"pgregory.net/rapid"

	"github.com/bizsync/bizsync/collab"
)

// budgeted is a message as the model sees it.
type budgeted struct {
	hold  *largeFrameHold
	owner string
	given <-chan struct{} // nil: it doesn't wait
}

// waits says whether a message waits.
func (m *budgeted) waits() bool {
	select {
	case <-m.given:
		m.given = nil
	default:
	}
	return m.given != nil
}

// looksRight checks what a budget believes against the messages that are there.
func looksRight(t *rapid.T, b *frameBudget, messages []*budgeted) {
	var held int64
	claimed, holding, waiting := map[string]int64{}, 0, 0
	for _, m := range messages {
		h := m.hold
		if m.waits() != (h.queue != nil) || !m.waits() && h.held != h.want || h.held > h.claim {
			t.Fatalf("a message waits: %v; %+v", m.waits(), h)
		}
		if m.waits() {
			waiting++
		}
		if h.held > 0 {
			holding++
		}
		held += h.held
		if h.queue != h.owner.beyond {
			claimed[m.owner] += h.claim
		}
	}
	if b.free != b.total-held || b.free < 0 || len(b.holding) != holding {
		t.Fatalf("%d of %d are free, %d are held by %d (%d are known)", b.free, b.total, held, holding, len(b.holding))
	}
	beyond := 0
	for name, o := range b.owners {
		if o.claimed != claimed[name] || o.claimed > b.share {
			t.Fatalf("%s has claimed %d, messages claim %d; the share is %d", name, o.claimed, claimed[name], b.share)
		}
		beyond += o.beyond.Len()
	}
	if n := b.growing.Len() + b.coming.Len() + beyond; n != waiting {
		t.Fatalf("%d wait, %d are known", waiting, n)
	}
	if !b.sound() {
		t.Fatal("not all can come to their end")
	}
}

// Whatever comes, grows, ends and is cut in whatever order: no more is held than there is, no owner's frames can become more than its share, and when nobody is cut any more
// all come to their end, without anybody giving up waiting.
func TestFrameBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(4, 64).Draw(t, "total")
		largest := rapid.Int64Range(1, total).Draw(t, "largest")
		b := newFrameBudget(total, largest)
		var messages []*budgeted
		leave := func(i int) {
			b.leave(messages[i].hold)
			messages = append(messages[:i], messages[i+1:]...)
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			what := rapid.SampledFrom([]string{"enter", "enter", "grow", "grow", "whole", "leave"}).Draw(t, "what")
			if what == "enter" || len(messages) == 0 {
				m := &budgeted{owner: rapid.SampledFrom([]string{"ann", "bob", "eve", "joe", "kim"}).Draw(t, "owner")}
				claim := rapid.Int64Range(1, largest).Draw(t, "claim")
				m.hold, m.given = b.enter(m.owner, claim, rapid.Int64Range(1, claim).Draw(t, "first"))
				messages = append(messages, m)
				looksRight(t, b, messages)
				continue
			}
			i := rapid.IntRange(0, len(messages)-1).Draw(t, "which")
			switch m := messages[i]; {
			case what == "leave":
				leave(i)
			case m.waits():
			case what == "grow":
				m.given = b.grow(m.hold, rapid.Int64Range(m.hold.held, m.hold.claim).Draw(t, "size"))
			default:
				b.whole(m.hold)
			}
			looksRight(t, b, messages)
		}
		for len(messages) > 0 {
			moved := false
			for i := 0; i < len(messages); i++ {
				m := messages[i]
				if m.waits() {
					continue
				}
				moved = true
				if m.hold.held < m.hold.claim {
					m.given = b.grow(m.hold, m.hold.claim)
				} else {
					leave(i)
				}
				looksRight(t, b, messages)
				break
			}
			if !moved {
				t.Fatalf("all of %d messages wait", len(messages))
			}
		}
		if b.free != total || len(b.owners) != 0 || len(b.holding) != 0 {
			t.Fatalf("%d of %d are free; %d owners and %d messages are known", b.free, total, len(b.owners), len(b.holding))
		}
	})
}

// large is a connection of an owner's that sends large messages, with its client's end.
type large struct {
	conn   *conn
	client *websocket.Conn
	raw    net.Conn
	read   chan error // how many bytes the next message had doesn't matter; closed when the connection has ended
}

// largeConn has a connection read until it ends, as rooms do.
func largeConn(t *testing.T, node *sockets, owner string) *large {
	t.Helper()
	l := &large{read: make(chan error, 16)}
	l.conn, l.client, l.raw = connPair(t, node)
	l.conn.owner = owner
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(l.read)
		for {
			_, err := l.conn.Read()
			l.read <- err
			if err != nil {
				l.conn.giveBack()
				return
			}
		}
	}()
	t.Cleanup(func() {
		l.raw.Close()
		<-done
	})
	return l
}

// begins sends the head of a frame, and so many bytes of it.
func (l *large) begins(t *testing.T, frame []byte, n int) {
	t.Helper()
	if _, err := l.raw.Write(frame[:n]); err != nil {
		t.Fatal(err)
	}
}

// flows sends bytes at a rate, in small pieces, until the connection doesn't take them any more.
func (l *large) flows(b []byte, perSecond int) {
	const piece = 10 * time.Millisecond
	tick := time.NewTicker(piece)
	defer tick.Stop()
	step := max(1, perSecond*int(piece)/int(time.Second))
	for began, sent := time.Now(), 0; sent < len(b); <-tick.C {
		// Ticks may be late.
		due := min(len(b), max(sent+1, int(time.Since(began)/piece+1)*step))
		if _, err := l.raw.Write(b[sent:due]); err != nil {
			return
		}
		sent = due
	}
}

// free waits until so much of a budget is free.
func (b *frameBudget) awaitFree(t *testing.T, want int64) {
	t.Helper()
	eventually(t, "the budget is held as it should be", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.free == want
	})
}

// closeCode reads what a client hears up to the close code.
func (l *large) closeCode(t *testing.T) int {
	t.Helper()
	for {
		if _, _, err := l.client.Read(t.Context()); err != nil {
			return int(websocket.CloseStatus(err))
		}
	}
}

// Whoever sends most of many large frames, and no more, holds a share of the budget. Others don't notice; those that the share has no room for wait, and are read when it has.
func TestLargeFramesOfOneOwner(t *testing.T) {
	const size = 2 << 20
	timing := quick()
	timing.silence, timing.budget, timing.window = 10*time.Second, 10*time.Second, 10*time.Second
	node := testSockets(t, size, timing)
	node.budget = newFrameBudget(4*size, size)
	frame := clientFrame(opBinary, true, make([]byte, size))
	var eves []*large
	for range 4 {
		eves = append(eves, largeConn(t, node, "eve"))
	}
	for i, l := range eves {
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = l.raw.Write(frame[:len(frame)-1])
		}()
		if i == 0 {
			<-sent
			node.budget.awaitFree(t, 3*size)
		} else {
			t.Cleanup(func() { l.raw.Close(); <-sent })
		}
	}
	eventually(t, "three wait", func() bool {
		node.budget.mu.Lock()
		defer node.budget.mu.Unlock()
		o := node.budget.owners["eve"]
		return o != nil && o.beyond.Len() == 3
	})
	for range 3 {
		bob := largeConn(t, node, "bob")
		go func() { _, _ = bob.raw.Write(frame) }()
		if err := <-bob.read; err != nil {
			t.Errorf("somebody else: %v", err)
		}
	}
	node.budget.awaitFree(t, 3*size)
	// The first ends, and the next comes in.
	eves[0].begins(t, frame[len(frame)-1:], 1)
	if err := <-eves[0].read; err != nil {
		t.Error(err)
	}
	for range 3 {
		var next *large
		eventually(t, "another one is read", func() bool {
			i := slices.IndexFunc(eves, func(l *large) bool { return l.conn.large.Load() != nil && l.conn.reading.Load() != 0 })
			if i >= 0 {
				next = eves[i]
			}
			return i >= 0
		})
		node.budget.awaitFree(t, 3*size)
		next.begins(t, frame[len(frame)-1:], 1)
		if err := <-next.read; err != nil {
			t.Error(err)
		}
	}
	node.budget.awaitFree(t, 4*size)
}

// Two large messages of one owner that come at the same time, in pieces whose sum nobody knows, both arrive: they don't wait for each other.
func TestLargeFragmentedMessagesTogether(t *testing.T) {
	const size, pieces = 4 << 20, 64
	timing := quick()
	timing.silence, timing.budget = 10*time.Second, 10*time.Second
	node := testSockets(t, size, timing)
	node.budget = newFrameBudget(size+1<<20, size)
	var all []*large
	for _, owner := range []string{"ann", "ann", "bob", "bob"} {
		l := largeConn(t, node, owner)
		all = append(all, l)
		go func() {
			piece := make([]byte, size/pieces)
			for i := range pieces {
				opcode := byte(opContinuation)
				if i == 0 {
					opcode = opBinary
				}
				if _, err := l.raw.Write(clientFrame(opcode, i == pieces-1, piece)); err != nil {
					return
				}
			}
		}()
	}
	for i, l := range all {
		if err := <-l.read; err != nil {
			t.Errorf("message %d: %v", i, err)
		}
	}
	node.budget.awaitFree(t, size+1<<20)
}

// A message that has come claims no more than it holds, however long a room takes over it.
func TestLargeMessageThatHasCome(t *testing.T) {
	const size = 1<<20 + 1
	node := testSockets(t, 8<<20, quick())
	server, _, raw := connPair(t, node)
	server.owner = "ann"
	go func() {
		_, _ = raw.Write(append(clientFrame(opBinary, false, make([]byte, size-1)), clientFrame(opContinuation, true, []byte{1})...))
	}()
	if b, err := server.Read(); err != nil || len(b) != size {
		t.Fatal(len(b), err)
	}
	node.budget.mu.Lock()
	defer node.budget.mu.Unlock()
	if held, claimed := largeFrameBudget-node.budget.free, node.budget.owners["ann"].claimed; held < size || held > 2*size || claimed != held {
		t.Errorf("it holds %d and claims %d", held, claimed)
	}
}

// A large frame that doesn't get on is cut as soon as somebody waits for what it holds, and not before; one on a slow line never is.
func TestLargeFrameThatCrawls(t *testing.T) {
	const size, rest = 2 << 20, 150 << 10
	whole := clientFrame(opBinary, true, make([]byte, size))
	pieces := append(clientFrame(opBinary, false, make([]byte, size-rest)), bytes.Repeat(clientFrame(opPing, true, make([]byte, 120)), 5000)...)
	for _, tt := range []struct {
		name   string
		frames []byte
		rate   int  // of the rest, in bytes a second
		pause  bool // before it, for as long as may be, with nobody who waits
		cut    bool
	}{
		{"on a line of 1 Mbit/s", whole, 125_000, false, false},
		{"on a line of 1 Mbit/s, after a pause", whole, 125_000, true, false},
		{"at a crawl", whole, crawl / 4, false, true},
		{"with pings only", pieces, 200_000, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			timing := quick()
			timing.silence, timing.budget, timing.window = 10*time.Second, 10*time.Second, 500*time.Millisecond
			node := testSockets(t, 2*size, timing)
			node.budget = newFrameBudget(2*size, 2*size)
			slow, other := largeConn(t, node, "slow"), largeConn(t, node, "other")
			begun := len(whole) - rest
			slow.begins(t, tt.frames, begun)
			eventually(t, "it holds budget", func() bool { return slow.conn.large.Load() != nil })
			if tt.pause {
				time.Sleep(2 * timing.window) // what is tested: that nothing happens in this time
			}
			// It begins with what is free, and waits for more.
			go func() { _ = other.client.Write(t.Context(), websocket.MessageBinary, make([]byte, 2*size)) }()
			flown := make(chan struct{})
			go func() {
				defer close(flown)
				slow.flows(tt.frames[begun:], tt.rate)
			}()
			err := <-slow.read
			if cut := err != nil; cut != tt.cut {
				t.Errorf("cut: %v (%v)", cut, err)
			}
			if tt.cut {
				if code := slow.closeCode(t); code != collab.CloseTryAgain {
					t.Errorf("closed with %d", code)
				}
			}
			if err := <-other.read; err != nil {
				t.Errorf("who waited: %v", err)
			}
			slow.raw.Close()
			<-flown
			node.budget.awaitFree(t, 2*size)
		})
	}
}

// Until the rooms know who it is, a connection takes no more than they say: a longer message ends at its header, and one in pieces where it grows past it.
func TestConnLimit(t *testing.T) {
	const limit = 1000
	for _, tt := range []struct {
		name   string
		limit  int64
		frames []byte
		want   int // bytes of the message, -1: too large
	}{
		{"at the limit", limit, clientFrame(opBinary, true, make([]byte, limit)), limit},
		{"a header", limit, clientFrame(opBinary, true, make([]byte, limit+1))[:8], -1},
		{"the header of a piece", limit, append(clientFrame(opBinary, false, make([]byte, limit)), clientFrame(opContinuation, true, []byte{1})[:6]...), -1},
		{"pieces up to the limit", limit, append(clientFrame(opBinary, false, make([]byte, limit-1)), clientFrame(opContinuation, true, []byte{1})...), limit},
		{"no more limit", 0, clientFrame(opBinary, true, make([]byte, 5*limit)), 5 * limit},
		{"more than the node's", 1 << 30, clientFrame(opBinary, true, make([]byte, 10*limit+1))[:8], -1},
	} {
		server, _, raw := connPair(t, testSockets(t, 10*limit, quick()))
		server.Limit(limit / 2)
		server.Limit(tt.limit)
		if _, err := raw.Write(tt.frames); err != nil {
			t.Fatal(err)
		}
		b, err := server.Read()
		if tt.want >= 0 && (err != nil || len(b) != tt.want) {
			t.Errorf("%s: %d bytes, %v", tt.name, len(b), err)
		}
		if no, ok := errors.AsType[*collab.CloseError](err); tt.want < 0 && (!ok || no.Code != collab.CloseTooLarge) {
			t.Errorf("%s: %d bytes, %v", tt.name, len(b), err)
		}
	}
}
