package collab

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

// A document that can't be read to its end is shown as far as it is whole, and nobody edits it. Others are none the worse, and once it is repaired it is as it was.
func TestDamagedDocumentIsForReading(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.openSilent(0)
		first := a.typed(nil, "one")
		l.settle()
		second := a.typed(&crdt.ID{Client: a.id, Clock: 2}, "two")
		l.settle()
		third := a.typed(&crdt.ID{Client: a.id, Clock: 5}, "three")
		l.settle()
		a.leave(l)
		time.Sleep(time.Minute)
		synctest.Wait()
		scratch := func(broken func(*store.Row)) {
			l.mu.Lock()
			l.scratched = broken
			l.mu.Unlock()
		}
		scratch(func(r *store.Row) {
			if r.Seq == 2 {
				r.Update = []byte{1, 2, 3}
			}
		})

		b, p := l.openSilent(1), l.provide()
		doc := l.doc.String()
		wantHas(l, first, true, b)
		wantHas(l, second, false, b)
		b.raw(syncUpdate, typing(901, 0, "x"))
		l.settle()
		b.wantRefused(l, CloseForbidden)
		b.wantClosed(l, 0)
		p.says(doc, auth(doc+"/0"))
		p.says(doc, asks(nil))
		p.want(doc, "readonly step2(one) step1")
		if _, err := l.hub.Content(l.Context(), l.doc); !errors.Is(err, ErrDamaged) {
			l.Errorf("content: %v", err)
		}
		time.Sleep(time.Minute) // heads are compared, and nothing comes of it
		b.wantClosed(l, 0)

		l.doc = l.docs[1]
		c := l.open(0)
		u := c.typed(nil, "elsewhere")
		l.settle()
		c.wantAcked(l, true)
		l.doc = l.docs[0]

		p.leave()
		b.leave(l)
		time.Sleep(time.Minute)
		scratch(nil)
		d := l.openSilent(1)
		wantHas(l, third, true, d)
		d.typed(nil, "again")
		l.settle()
		d.wantAcked(l, true)
		wantHas(l, u, false, d)
	})
}

// A document of which nothing is whole is refused, for good: nobody gets an empty one instead.
func TestDamagedFromTheBeginning(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.openSilent(0)
		a.typed(nil, "one")
		l.settle()
		a.leave(l)
		time.Sleep(time.Minute)
		l.mu.Lock()
		l.scratched = func(r *store.Row) { r.Update = nil }
		l.mu.Unlock()
		b := l.openSilent(1)
		b.wantClosed(l, CloseForbidden)
		p := l.provide()
		doc := l.doc.String()
		p.says(doc, auth(doc+"/0"))
		p.want(doc, "denied: the document is damaged and can't be opened; an administrator has to repair it")
		p.leave()
		l.mu.Lock()
		l.scratched = nil
		l.mu.Unlock()
	})
}

// A fault of ours in one document ends its room, and no more than that.
func TestRoomThatPanics(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		u := a.typed(nil, "hello")
		l.settle()
		l.doc = l.docs[1]
		b := l.open(1)
		for _, r := range l.hub.all() {
			if r.doc == l.docs[0] {
				r.post(event{do: func() { panic("a fault of ours") }})
			}
		}
		l.settle()
		a.wantClosed(l, CloseGoingAway)
		b.typed(nil, "elsewhere")
		l.settle()
		b.wantAcked(l, true)
		l.doc = l.docs[0]
		c := l.open(1)
		wantHas(l, u, true, c)
	})
}

// Whoever asks for the content of a room that panics over it isn't kept waiting, and who comes next gets it.
func TestContentOfARoomThatPanics(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		a.typed(nil, "hello")
		l.settle()
		for _, r := range l.hub.all() {
			r.post(event{do: func() { r.state = nil }})
		}
		asked := time.Now()
		if c, err := l.hub.Content(l.Context(), l.doc); err == nil || time.Since(asked) > time.Second {
			l.Errorf("content %v, %v after %v", c, err, time.Since(asked))
		}
		l.settle()
		if c, err := l.hub.Content(l.Context(), l.doc); err != nil || len(c.Update) < len("hello") {
			l.Errorf("content of the room that was loaded anew: %v, %v", c, err)
		}
	})
}

// A batch that can't be merged ends its room; what others have staged beside it is committed.
func TestBatchThatPanics(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		u := a.typed(nil, "hello")
		l.settle()
		l.doc = l.docs[1]
		b := l.open(1)
		for _, r := range l.hub.all() {
			if r.doc == l.docs[0] {
				r.post(event{do: func() {
					r.next = newBatch(r)
					r.next.rows = []authorRow{{author: r.sessions[0].peer.writer(), layer: r.newLayer()}} // a row of nothing, which no frame makes
				}})
			}
		}
		b.typed(nil, "elsewhere")
		l.settle()
		a.wantClosed(l, CloseGoingAway)
		b.wantAcked(l, true)
		if staged := l.hub.staged.Load(); staged != 0 {
			l.Errorf("%d bytes are staged for ever", staged)
		}
		l.doc = l.docs[0]
		c := l.open(1)
		wantHas(l, u, true, c)
	})
}
