package collab

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bizsync/bizsync/collab/crdt"
)

// A reader that asks and stops holds a few MiB, whatever the document has.
func TestStoppedReadersOfALargeDocument(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.openSilent(0)
		text := strings.Repeat("x", 4<<20)
		for i := range uint32(3) { // 12 MiB
			var origin *crdt.ID
			if i > 0 {
				origin = &crdt.ID{Client: a.id, Clock: i*uint32(len(text)) - 1}
			}
			a.typed(origin, text)
			l.settle()
		}
		a.wantAcked(l, true)
		heap := func() uint64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before := heap()
		slow := make(chan struct{})
		var all []*provider
		for range 5 {
			p := l.provide()
			p.slow = slow
			doc := l.doc.String()
			p.says(doc, auth(doc+"/1"))
			p.says(doc, asks(crdt.StateVector{a.id: 1}))
			all = append(all, p)
		}
		synctest.Wait()
		if grown := (heap() - before) >> 20; grown > 45 {
			l.Errorf("five stopped readers of 12 MiB hold %d MiB; %d MiB are counted", grown, l.hub.outboxBytes.Load()>>20)
		}
		for _, p := range all {
			p.wireConn.mu.Lock()
			p.slow = nil
			p.wireConn.mu.Unlock()
		}
		close(slow)
		for _, p := range all {
			p.leave()
		}
	})
}

// The pieces of an update come in an order in which a reader that has what was there before can use each at once.
func TestPiecesOfAnUpdateAreInOrder(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		first, second := l.open(0), l.open(1)
		if first.id > second.id {
			first, second = second, first // Yjs's own order of clients is the descending one
		}
		first.typed(nil, "a")
		second.typed(nil, "b")
		l.settle()
		r := l.hub.all()[0]
		long := strings.Repeat("long ", 150_000)
		one := first.draft(&crdt.ID{Client: first.id, Clock: 0}, long)
		two := second.draft(&crdt.ID{Client: first.id, Clock: uint32(len(long))}, long)
		u := crdt.MergeUpdates(one, two)
		r.state.Apply(u)
		msgs := r.updateMessages(u)
		if len(msgs) < 2 {
			l.Fatalf("%d pieces of %d bytes", len(msgs), len(u.Bytes()))
		}
		piece, err := syncUpdateOf(msgs[0])
		if err != nil {
			l.Fatal(err)
		}
		reached := crdt.StateVector{first.id: 1, second.id: 1}
		piece.RaiseTo(reached)
		if reached[first.id] == 1 || reached[second.id] != 1 {
			l.Errorf("the first piece brings %v; client %d builds on client %d", reached, second.id, first.id)
		}
	})
}
