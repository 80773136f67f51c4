package collab

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"github.com/bizsync/bizsync/store"
)

// Each client id that is announced is bound in the database, so one frame, by a viewer at that, must not announce thousands.
func TestAFrameAnnouncesOneClientID(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		viewer := l.open(2)
		l.settle()
		bound := 0
		l.setPoison(func(b store.Batch) error {
			for _, d := range b.Documents {
				bound += len(d.Announce)
			}
			return nil
		})
		for round := range uint64(100) {
			const n = 1000
			update := lib0.AppendVarUint(nil, n)
			for i := range uint64(n) {
				update = appendAwarenessEntry(update, awarenessEntry{client: 1_000_000 + round*n + i, clock: 1, state: []byte("{}")})
			}
			viewer.mu.Lock()
			viewer.send(awarenessMessage(update))
			viewer.mu.Unlock()
			time.Sleep(10 * time.Millisecond)
		}
		l.settle()
		viewer.wantClosed(l, 0)
		if bound == 0 || bound > 10 {
			l.Errorf("%d client ids were bound for one connection in a second", bound)
		}
	})
}

// Frames that come backwards take a turn each once the first is there; the room stays responsive meanwhile, and all are committed.
func TestFramesThatComeBackwards(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a, b := l.open(0), l.open(1)
		var us []crdt.Update
		for i := range heldMost {
			var at *crdt.ID
			if i > 0 {
				at = &crdt.ID{Client: a.id, Clock: uint32(i - 1)}
			}
			us = append(us, a.draft(at, "x"))
		}
		for _, u := range slices.Backward(us[1:]) {
			a.raw(syncUpdate, u)
		}
		l.settle()
		a.wantAcked(l, false)
		a.raw(syncUpdate, us[0])
		time.Sleep(1500 * time.Millisecond)
		l.settle()
		a.wantAcked(l, true)
		wantHas(l, us[heldMost-1], true, b)
	})
}

// Questions cost the server more than the asker, so they are answered at a measured pace, and whoever asks without end still hears that access has ended.
func TestAFloodOfQuestions(t *testing.T) {
	inLab(t, 4, Options{}, func(l *lab) {
		asker := l.open(1)
		l.settle()
		answers := 0
		asker.mu.Lock()
		asker.onTold = func(crdt.Update) { answers++ }
		asker.mu.Unlock()
		stop := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			step1 := syncMessage(syncStep1, crdt.StateVector{}.Encode())
			for {
				select {
				case asker.link.up <- asker.link.packet(step1):
				case <-asker.link.cut:
					return
				case <-stop:
					return
				}
			}
		}()
		time.Sleep(10 * time.Second)
		asker.mu.Lock()
		if answers < 50 || answers > 100 {
			l.Errorf("%d answers in 10 s", answers)
		}
		asker.mu.Unlock()
		if _, err := l.RemoveMember(l.Context(), l.doc, l.users[1], uuid.Nil); err != nil {
			l.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		asker.wantClosed(l, CloseForbidden)
		close(stop)
		<-done
	})
}
