package collab

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

func TestPresenceCrossesNodes(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		seconds(1)
		a, far := l.open(0), l.openOn(other, 1)
		seconds(0.5)
		if far.sees(a.id) == "" || a.sees(far.id) == "" {
			l.Fatalf("seen as %q and %q", far.sees(a.id), a.sees(far.id))
		}
		if !strings.Contains(far.sees(a.id), a.user.String()) {
			l.Errorf("not signed: %q", far.sees(a.id))
		}
		late := l.openOn(other, 2)
		if late.sees(a.id) != far.sees(a.id) {
			l.Errorf("a newcomer on the other node sees %q", late.sees(a.id))
		}
		a.announce(a.id, 50, `{"cursor":{"anchor":7}}`)
		seconds(0.3)
		if !strings.Contains(far.sees(a.id), `"anchor":7`) {
			l.Errorf("a moved caret is seen as %q", far.sees(a.id))
		}
		a.leave(l)
		seconds(0.9)
		if far.sees(a.id) != "" || late.sees(a.id) != "" {
			l.Error("still seen after leaving")
		}
	})
}

// Typing crosses nodes without a message for each caret's step: what moved is told as one, twenty times a second at most.
func TestCaretsAreToldTogether(t *testing.T) {
	inCluster(t, 0, time.Hour, func(l *lab, other *Hub, b *bus) {
		a, far := l.open(0), l.openOn(other, 1)
		seconds(1)
		before := b.messages()
		for i := range 1000 {
			a.announce(a.id, uint64(100+i), fmt.Sprintf(`{"cursor":{"anchor":%d}}`, i))
			time.Sleep(time.Millisecond)
		}
		seconds(0.2)
		if !strings.Contains(far.sees(a.id), `"anchor":999`) {
			l.Errorf("seen as %q", far.sees(a.id))
		}
		if n := b.messages() - before; n > 40 { // some come twice
			l.Errorf("%d messages", n)
		}
	})
}

// A node that missed everything finds out at the next roll call, and takes away who is not called.
func TestLostPresenceIsHealed(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		seconds(1)
		far := l.openOn(other, 1)
		seconds(1)
		b.lose(100)
		a, brief := l.open(0), l.open(2)
		seconds(1)
		if far.sees(a.id) != "" {
			l.Fatal("nothing was lost")
		}
		b.lose(0)
		seconds(12)
		if far.sees(a.id) == "" || a.sees(far.id) == "" || far.sees(brief.id) == "" {
			l.Errorf("after a roll call seen as %q and %q", far.sees(a.id), a.sees(far.id))
		}
		b.lose(100)
		brief.leave(l)
		seconds(1)
		b.lose(0)
		seconds(12)
		if far.sees(brief.id) != "" {
			l.Error("somebody is still seen who left when messages were lost")
		}
		// A new subscription needs no roll call.
		b.lose(100)
		another := l.open(0)
		seconds(0.2)
		b.lose(0)
		l.hub.Missed()
		other.Missed()
		seconds(1.5)
		if far.sees(another.id) == "" {
			l.Error("somebody is not seen after a new subscription")
		}
	})
}

// Somebody whose node is killed comes back on another one under the same client id, and is seen there and elsewhere at once.
func TestAReconnectToAnotherNodeIsSeen(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		seconds(1)
		far, watcher := l.openOn(other, 1), l.open(0)
		seconds(1)
		if watcher.sees(far.id) == "" {
			l.Fatal("not seen at first")
		}
		other.crash()
		far.link.pull()
		<-far.done
		seconds(0.5)
		back := l.openAs(far.model, nil)
		back.announce(back.id, back.caretAt+1, `{"cursor":1}`)
		seconds(0.5)
		if got := watcher.sees(far.id); !strings.Contains(got, `"cursor":1`) {
			l.Errorf("seen as %q", got)
		}
		// The dead node's lease ends meanwhile, which must not take the new connection's state away.
		seconds(15)
		if watcher.sees(far.id) == "" {
			l.Error("gone with the dead node")
		}
	})
}

// A client whose removal was told here comes back elsewhere at that clock: it is told so, answers with the next clock, and is seen.
func TestAReturnAtAnOldClockIsSeenOnOtherNodes(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		seconds(1)
		watcher, a := l.open(1), l.open(0)
		seconds(0.5)
		a.leave(l)
		seconds(0.5)
		if watcher.sees(a.id) != "" {
			l.Fatal("still seen")
		}
		back := l.openOn(other, 0)
		back.leave(l) // opens the room there, with an id of its own
		mine := l.hub
		l.hub = other
		again := newModel(a.id, a.user, nil)
		again.caretAt = 0 // announces at clock 1 again
		l.openAs(again, nil)
		l.hub = mine
		seconds(1.5)
		if watcher.sees(a.id) == "" {
			l.Error("not seen")
		}
	})
}

func TestConnectionsAreEndedOnAnyNode(t *testing.T) {
	login := uuid.New()
	inCluster(t, 0, time.Hour, func(l *lab, other *Hub, b *bus) {
		seconds(1.1)
		a, far := l.open(0), l.openOn(other, 1)
		mine := l.hub
		l.hub = other
		cookie := l.openAs(newModel(900, l.users[0], nil), func(p *Peer) { p.Session = login })
		l.hub = mine
		seconds(1)
		list, _ := l.hub.EditorsOf(far.user)
		if len(list) != 1 || !l.hub.Disconnect(list[0].Conn) || l.hub.Disconnect(uuid.New()) {
			l.Fatalf("%+v", list)
		}
		l.hub.EndSession(login)
		seconds(0.2)
		far.wantClosed(l, CloseForbidden)
		cookie.wantClosed(l, CloseUnauthorized)
		a.wantClosed(l, 0)
	})
}

// A1 without a single message: whoever lost the login, the account or the key is out within 3 s, on every node.
func TestLapsedCredentialsEndConnections(t *testing.T) {
	inCluster(t, 100, time.Second, func(l *lab, other *Hub, b *bus) {
		session := store.Session{ID: store.NewID(), User: l.users[0], ExpiresAt: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)} // the database has a clock of its own
		if err := l.CreateSession(l.Context(), session, [32]byte{1}); err != nil {
			l.Fatal(err)
		}
		key, err := l.CreateAPIKey(l.Context(), store.APIKey{User: l.users[0], Name: "key"}, [32]byte{2})
		if err != nil {
			l.Fatal(err)
		}
		mine := l.hub
		l.hub = other
		cookie := l.openAs(newModel(900, l.users[0], nil), func(p *Peer) { p.Session = session.ID })
		keyed := l.openAs(newModel(901, l.users[0], nil), func(p *Peer) { p.Key = key.ID })
		person := l.openAs(newModel(902, l.users[1], nil), nil)
		stays := l.openAs(newModel(903, l.users[0], nil), nil)
		l.hub = mine
		seconds(5)
		for _, tb := range []*tab{cookie, keyed, person, stays} {
			tb.wantClosed(l, 0)
		}
		if err := l.DeleteSession(l.Context(), l.users[0], session.ID); err != nil {
			l.Fatal(err)
		}
		seconds(2)
		cookie.wantClosed(l, CloseUnauthorized)
		keyed.wantClosed(l, 0)
		if err := l.DeleteAPIKey(l.Context(), l.users[0], key.ID); err != nil {
			l.Fatal(err)
		}
		keyed.typed(nil, "after the key was revoked")
		seconds(2)
		keyed.wantClosed(l, CloseUnauthorized)
		if got := l.fresh(l.T, l.doc); got.Clients() != 0 {
			l.Error("an edit by a revoked key was committed")
		}
		disabled := true
		if _, err := l.ChangeUser(l.Context(), l.users[1], store.UserChange{Disabled: &disabled}); err != nil {
			l.Fatal(err)
		}
		seconds(2)
		person.wantClosed(l, CloseUnauthorized)
		stays.wantClosed(l, 0)
		if n, fresh := other.AccessRevision(); !fresh || n == 0 {
			l.Errorf("revision %d, fresh %v", n, fresh)
		}
	})
}

func TestDifferentStatesAreFoundAndReloaded(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		a, far := l.open(0), l.openOn(other, 1)
		a.typed(nil, "the truth")
		seconds(35)
		a.wantClosed(l, 0)
		far.wantClosed(l, 0)
		// The other node takes a row for what it is not, as if a bit had flipped.
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
		seconds(31)
		far.wantClosed(l, CloseGoingAway)
		again := l.openOn(other, 1)
		seconds(0.1)
		again.mu.Lock()
		defer again.mu.Unlock()
		a.mu.Lock()
		defer a.mu.Unlock()
		if again.doc.Hash() != a.doc.Hash() {
			l.Error("the document is not the same again")
		}
	})
}

// After a restore the document gets a new epoch, its rooms reload, and whoever still has what was lost brings it, his own or not.
func TestHistoryThatWentBack(t *testing.T) {
	inCluster(t, 0, time.Second, func(l *lab, other *Hub, b *bus) {
		a, far := l.open(0), l.openOn(other, 1)
		a.typed(nil, "kept ")
		seconds(1)
		u := far.typed(nil, "lost")
		seconds(1)
		wantHas(l, u, true, a)
		before, err := l.Heads(l.Context(), []store.DocumentID{l.doc})
		if err != nil {
			l.Fatal(err)
		}
		l.rewind(1)
		seconds(5)
		a.wantClosed(l, CloseGoingAway)
		far.wantClosed(l, CloseGoingAway)
		l.rewind(0)
		after, err := l.Heads(l.Context(), []store.DocumentID{l.doc})
		if err != nil || after[0].Epoch == before[0].Epoch || !after[0].Lenient {
			l.Errorf("head %+v, %v", after, err)
		}
		// A stranger's letters are taken from somebody else.
		bringer := l.open(1)
		foreign := insertion(crdt.ID{Client: far.id, Clock: 4}, &crdt.ID{Client: far.id, Clock: 3}, "!")
		if bringer.user == far.user {
			bringer = l.open(0)
		}
		bringer.raw(syncStep2, foreign)
		l.settle()
		bringer.wantRefused(l)
		bringer.wantAcked(l, true)
		if !l.holds(l.T, l.doc, foreign) {
			l.Error("it is not in the database")
		}
	})
}

// When a node goes away its sockets don't close all at once.
func TestPartingIsSpread(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		var tabs []*tab
		for i := range 20 {
			tabs = append(tabs, l.open(i%3))
		}
		begin := time.Now()
		var stopped time.Duration
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := l.hub.Stop(l.Context()); err != nil {
				l.Error(err)
			}
			stopped = time.Since(begin)
		}()
		early := 0
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		for _, tb := range tabs {
			if code, _ := tb.link.closed(); code == CloseGoingAway {
				early++
			}
		}
		<-done
		if early == 0 || early == len(tabs) {
			l.Errorf("%d of %d are closed after half the time", early, len(tabs))
		}
		if stopped > 1500*time.Millisecond {
			l.Errorf("stopping took %v", stopped)
		}
		for _, tb := range tabs {
			tb.wantClosed(l, CloseGoingAway)
		}
	})
}

func TestPresenceMessage(t *testing.T) {
	m := presenceMessage{
		run: uuid.New(), roll: true, called: []called{{1, 2}, {1 << 50, 3}},
		entries: []farEntry{{awarenessEntry{7, 8, []byte(`{"x":1}`)}, 1234567, uuid.New()}, {awarenessEntry: awarenessEntry{9, 1, []byte("null")}}},
	}
	whole := m.encode()
	got, err := decodeRelayed(whole)
	if err != nil || got.presence.run != m.run || !got.presence.roll || len(got.presence.called) != 2 || len(got.presence.entries) != 2 ||
		!bytes.Equal(got.presence.encode(), whole) {
		t.Errorf("%+v, %v", got, err)
	}
	for n := range whole {
		if got, err := decodeRelayed(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes are taken for %+v", n, len(whole), got)
		}
	}
	h := hashMessage{epoch: uuid.New(), upTo: 7, row: -3, hash: [32]byte{1}}
	if got, err := decodeRelayed(h.encode()); err != nil || got.hash != h {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzRelayed(f *testing.F) {
	f.Add(presenceMessage{roll: true, called: []called{{1, 2}}, entries: []farEntry{{awarenessEntry: awarenessEntry{7, 8, []byte("{}")}}}}.encode())
	f.Add(hashMessage{upTo: 1}.encode())
	f.Add(rowsMessage{epoch: uuid.Max, first: 7, ids: []store.RowID{-1, 5}, update: insertion(crdt.ID{Client: 1}, nil, "x")}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeRelayed(b)
		if err != nil {
			return
		}
		if m.kind == relayPresence {
			if _, err := decodeRelayed(m.presence.encode()); err != nil {
				t.Errorf("what was read can't be read again: %v", err)
			}
		}
	})
}
