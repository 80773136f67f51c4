package collab

import (
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
)

// A document whose head another node's transaction holds for long is waited for apart: the others' commits go on as ever.
func TestALockedDocumentHoldsUpNoOther(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		l.doc = l.docs[1]
		b := l.open(0)
		l.settle()
		gate := make(chan struct{})
		l.mu.Lock()
		l.locked = func(doc store.DocumentID) bool { return doc == l.docs[0] }
		l.poison = func(batch store.Batch) error {
			if !batch.NoWait {
				<-gate
			}
			return nil
		}
		l.mu.Unlock()
		stuck := a.typed(nil, "stuck")
		for range 20 {
			b.typed(nil, "goes on")
			time.Sleep(20 * time.Millisecond)
		}
		b.wantAcked(l, true)
		a.wantAcked(l, false)
		wantHas(l, stuck, true, a)
		close(gate)
		l.mu.Lock()
		l.locked, l.poison = nil, nil
		l.mu.Unlock()
		l.settle()
		a.wantAcked(l, true)
		if !l.holds(l, l.docs[0], stuck) {
			l.Error("it is not in the database")
		}
	})
}
