package collab

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bizsync/bizsync/store"
)

// sees gives the state that a tab has of another client; "" when it sees none.
func (tb *tab) sees(client uint64) string {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	e, ok := tb.peers[client]
	if !ok || e.left() {
		return ""
	}
	return string(e.state)
}

// announce sends an awareness entry as given.
func (tb *tab) announce(client, clock uint64, state string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.send(awarenessMessage(appendAwarenessEntry([]byte{1}, awarenessEntry{client: client, clock: clock, state: []byte(state)})))
}

func TestPresenceIsSignedByTheServer(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a, b := l.open(0), l.open(1)
		a.announce(a.id, 5, `{"user":{"name":"The Boss","id":"root","color":"#abc"},"name":"Boss","cursor":{"anchor":1}}`)
		l.settle()
		var state struct {
			User struct{ ID, Name, Color string }
			Name string
		}
		if err := json.Unmarshal([]byte(b.sees(a.id)), &state); err != nil {
			l.Fatalf("%v in %q", err, b.sees(a.id))
		}
		want := "Name of " + a.user.String()
		if state.User.ID != a.user.String() || state.User.Name != want || state.Name != want || state.User.Color != "#abc" {
			l.Errorf("seen as %+v", state)
		}
		late := l.open(2)
		if late.sees(a.id) != b.sees(a.id) {
			l.Errorf("a newcomer sees %q", late.sees(a.id))
		}
		a.leave(l)
		l.settle()
		if b.sees(a.id) != "" || late.sees(a.id) != "" {
			l.Error("still seen after leaving")
		}
	})
}

func TestStatesThatAreNotShown(t *testing.T) {
	for _, state := range []string{`"text"`, `17`, `[1]`, `{"a":`, ``, `{"big":"` + strings.Repeat("x", 64<<10) + `"}`} {
		inLab(t, 3, Options{}, func(l *lab) {
			watcher := l.open(1)
			m := newModel(7, l.users[0], nil)
			a := l.openAs(m, nil)
			l.settle()
			before := watcher.sees(7)
			a.announce(7, 9, state)
			l.settle()
			if got := watcher.sees(7); got != before {
				l.Errorf("%.20q is shown as %.40q", state, got)
			}
			a.wantClosed(l, 0)
		})
	}
}

// A connection speaks for one client id, and for nobody else's.
func TestNobodySpeaksForOthers(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a, b, c := l.open(0), l.open(1), l.open(2)
		l.settle()
		own := c.sees(a.id)
		b.announce(a.id, 99, `{"user":{"name":"forged"}}`)
		b.announce(a.id, 100, `null`)
		b.announce(a.id+1000, 1, `null`)
		l.settle()
		if got := c.sees(a.id); got != own {
			l.Errorf("seen as %q, was %q", got, own)
		}
		// Nor after it has left, by an echo or under its own name.
		a.leave(l)
		l.settle()
		b.announce(a.id, 99, `{"user":{"name":"forged"}}`)
		l.settle()
		if got := c.sees(a.id); got != "" {
			l.Errorf("the departed is seen as %q", got)
		}
	})
}

// Neither by coming with another account's client id, nor, within an account, by an echo of a tab that has left.
func TestNobodyTakesAClientIDOver(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a, tab, watcher := l.open(0), l.open(0), l.open(2)
		l.settle()
		own := watcher.sees(a.id)
		l.openAs(newModel(a.id, l.users[1], nil), nil)
		l.settle()
		if got := watcher.sees(a.id); got != own {
			l.Errorf("seen as %q, was %q", got, own)
		}
		clock := a.caretAt
		a.leave(l)
		l.settle()
		tab.announce(a.id, clock, "{}")
		l.settle()
		if watcher.sees(a.id) != "" || watcher.sees(tab.id) == "" {
			l.Error("an echo brought a departed tab back, or took its sender away")
		}
	})
}

// A tab that shows nothing of itself, and whose first frame is an echo, keeps its sibling's caret only until that moves.
func TestASiblingsEchoTakesNoCaretAway(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a, watcher := l.open(0), l.open(1)
		l.settle()
		quiet := l.openSilent(0)
		quiet.announce(a.id, a.caretAt, `{"user":{"name":"echo"}}`)
		l.settle()
		a.announce(a.id, a.caretAt+1, `{"cursor":{"anchor":7}}`)
		l.settle()
		if got := watcher.sees(a.id); !strings.Contains(got, `"anchor":7`) {
			l.Errorf("seen as %q after moving", got)
		}
		quiet.leave(l)
		l.settle()
		if watcher.sees(a.id) == "" {
			l.Error("the caret went with the tab that had echoed it")
		}
	})
}

func TestAReconnectTakesItsCaretOver(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		watcher := l.open(1)
		old := l.open(0)
		l.settle()
		// The old connection is half open: nobody has missed it yet.
		again := l.openAs(old.model, nil)
		l.settle()
		old.link.pull()
		<-old.done
		l.settle()
		if watcher.sees(again.id) == "" {
			l.Error("the caret went with the old connection")
		}
	})
}

// Peers ignore a client that comes back at the clock at which they were told that it has left; so it is told that itself.
func TestComingBackAtTheSameClock(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		watcher := l.open(1)
		a := l.open(0)
		l.settle()
		a.leave(l)
		l.settle()
		if watcher.sees(a.id) != "" {
			l.Fatal("still seen")
		}
		a.mu.Lock()
		a.caretAt-- // connect announces at the next clock; a stock client comes back at the same
		a.mu.Unlock()
		l.openAs(a.model, nil)
		l.settle()
		if watcher.sees(a.id) == "" {
			l.Error("not seen after coming back")
		}
	})
}

func TestTwoTabsKeepBothCarets(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a, b, watcher := l.open(0), l.open(0), l.open(1)
		l.settle()
		for range 3 { // each echoes what it hears of the other
			a.mu.Lock()
			a.sendCaret()
			a.mu.Unlock()
			b.mu.Lock()
			b.sendCaret()
			b.mu.Unlock()
			l.settle()
		}
		if watcher.sees(a.id) == "" || watcher.sees(b.id) == "" {
			l.Error("a caret is missing")
		}
	})
}

// Nobody hears of a client id before it is bound to its account in the database.
func TestPresenceWaitsForItsBinding(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		watcher := l.open(1)
		l.settle()
		release := l.hold()
		a := l.open(0)
		l.settle()
		if watcher.sees(a.id) != "" {
			l.Error("told before it was bound")
		}
		release()
		if watcher.sees(a.id) == "" {
			l.Error("not told after it was bound")
		}
	})
}

// However often carets move, each connection gets at most twenty frames a second.
func TestPresenceIsCoalesced(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		watcher, a := l.open(1), l.open(0)
		l.settle()
		heard := 0
		done := make(chan struct{})
		watcher.mu.Lock()
		watcher.onPresence = func() { heard++ }
		watcher.mu.Unlock()
		go func() {
			for range 1000 {
				a.mu.Lock()
				a.sendCaret()
				a.mu.Unlock()
				time.Sleep(time.Millisecond)
			}
			close(done)
		}()
		<-done
		l.settle()
		watcher.mu.Lock()
		defer watcher.mu.Unlock()
		if heard < 15 || heard > 22 {
			l.Errorf("%d frames in a second", heard)
		}
	})
}

func TestASilentRoomKeepsItsConnectionsAlive(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		l.settle()
		last, longest := time.Now(), time.Duration(0)
		a.mu.Lock()
		a.onPresence = func() {
			longest = max(longest, time.Since(last))
			last = time.Now()
		}
		a.mu.Unlock()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		a.mu.Lock()
		defer a.mu.Unlock()
		if longest = max(longest, time.Since(last)); longest > 20*time.Second {
			l.Errorf("silent for %v", longest)
		}
	})
}

func TestEditorsAreListed(t *testing.T) {
	inLab(t, 2, Options{}, func(l *lab) {
		begin := time.Now()
		a := l.open(0)
		time.Sleep(3 * time.Second)
		l.open(1)
		a.typed(nil, "x")
		l.settle()
		list, whole := l.hub.Editors(l.doc)
		if !whole || len(list) != 2 || list[0].User != a.user || list[0].Role != store.Owner || list[1].Role != store.Viewer {
			l.Fatalf("editors %+v", list)
		}
		if !list[0].Since.Equal(begin) || list[0].LastActive.Sub(begin) < 3*time.Second {
			l.Errorf("since %v, active %v after the start", list[0].Since.Sub(begin), list[0].LastActive.Sub(begin))
		}
		if got, _ := l.hub.Editors(l.docs[1]); len(got) != 0 {
			l.Errorf("editors of a closed document: %v", got)
		}
	})
}

// A reader that takes nothing is cut when too much waits for it, and hurts nobody.
func TestASlowReaderIsCut(t *testing.T) {
	o := Options{}
	o.Limits.OutboxBytes = 100 << 10
	inLab(t, 3, o, func(l *lab) {
		slow, a, b := l.open(1), l.open(0), l.open(1)
		stop := make(chan struct{})
		slow.stop.Store(&stop)
		for range 1000 {
			var text = strings.Repeat("x", 1000)
			a.typed(nil, text)
			time.Sleep(10 * time.Millisecond)
		}
		l.settle()
		a.wantAcked(l, true)
		if b.doc.Hash() != a.doc.Hash() {
			l.Error("another reader is behind")
		}
		if waiting := l.hub.outboxBytes.Load(); waiting > 200<<10 {
			l.Errorf("%d bytes wait", waiting)
		}
		close(stop)
		l.settle()
		slow.wantClosed(l, CloseTryAgain)
	})
}
