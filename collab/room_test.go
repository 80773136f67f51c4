package collab

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

func TestNothingIsToldBeforeItIsCommitted(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a, b := l.open(0), l.open(1)
		release := l.hold()
		u := a.typed(nil, "hello")
		l.settle()
		a.wantAcked(l, false)
		wantHas(l, u, false, b)

		late := l.open(1) // joins during the commit
		wantHas(l, u, false, late)
		if !late.gotStep2 {
			l.Error("a newcomer must get the committed state while a commit is in flight")
		}
		release()
		a.wantAcked(l, true)
		wantHas(l, u, true, b, late)
		if !l.holds(l, l.doc, u) {
			l.Error("an acknowledged edit is not in the database")
		}
	})
}

func TestTwoAuthorsShareOneCommit(t *testing.T) {
	inLab(t, 4, Options{}, func(l *lab) {
		a, b, c := l.open(0), l.open(1), l.open(2)
		release := l.hold()
		a.typed(nil, "first") // in flight
		l.settle()
		before := l.count(l.doc)
		ua, ub := a.typed(&crdt.ID{Client: a.id, Clock: 4}, "more"), b.typed(nil, "other")
		ua2 := a.typed(&crdt.ID{Client: a.id, Clock: 8}, "!")
		synctest.Wait()
		l.mu.Lock()
		commits := l.commits
		l.mu.Unlock()
		release()
		wantHas(l, ua, true, b, c)
		wantHas(l, ua2, true, b, c)
		wantHas(l, ub, true, a, c)
		a.wantAcked(l, true)
		b.wantAcked(l, true)
		l.mu.Lock()
		commits = l.commits - commits
		l.mu.Unlock()
		if rows := l.count(l.doc) - before; rows != 3 || commits != 1 {
			l.Errorf("%d rows in %d further commits, want one row for the first edit, then one commit with one row for each author", rows, commits)
		}
	})
}

// count gives the number of rows of a document's log.
func (w *world) count(doc store.DocumentID) uint64 {
	heads, err := w.Heads(context.Background(), []store.DocumentID{doc})
	if err != nil || len(heads) != 1 {
		return 0
	}
	return heads[0].Seq
}

func TestHeldUntilTheGapIsFilled(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a, b := l.open(0), l.open(1)
		first, second := a.draft(nil, "one"), a.draft(&crdt.ID{Client: 101, Clock: 2}, "two")
		a.raw(syncUpdate, second)
		l.settle()
		a.wantAcked(l, false)
		wantHas(l, second, false, b)
		a.raw(syncUpdate, first)
		l.settle()
		a.wantAcked(l, true)
		wantHas(l, second, true, b)
	})
}

func TestAGapThatStaysIsAskedFor(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a, b := l.open(0), l.open(1)
		first, second := a.draft(nil, "one"), a.draft(&crdt.ID{Client: 101, Clock: 2}, "two")
		a.mu.Lock()
		a.doc.Apply(first)
		a.doc.Apply(second)
		a.mu.Unlock()
		a.raw(syncUpdate, second)
		time.Sleep(1900 * time.Millisecond)
		a.wantAcked(l, false)
		time.Sleep(200 * time.Millisecond) // after 2 s step 1 comes, and the model answers with everything
		l.settle()
		a.wantAcked(l, true)
		wantHas(l, second, true, b)
		a.wantRefused(l)
	})
}

func TestAskingBacksOff(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		var asked []time.Duration
		begin := time.Now()
		sent := func() int { _, n := a.acks(); return n }
		n := sent()
		future := crdt.ID{Client: 101, Clock: 50}
		for time.Since(begin) < 2*time.Minute {
			a.raw(syncUpdate, insertion(future, &crdt.ID{Client: 101, Clock: 49}, "x"))
			n++
			time.Sleep(500 * time.Millisecond)
			if now := sent(); now > n { // the model has answered a step 1 with a step 2
				asked = append(asked, time.Since(begin))
				n = now
			}
		}
		if len(asked) < 5 || len(asked) > 9 {
			l.Errorf("asked %d times in two minutes, at %v; want pauses of 1, 2, 4, 8, 16 and 30 s", len(asked), asked)
		}
	})
}

func TestADeleteOfTheFutureIsNotStored(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		victim, attacker := l.open(0), l.open(1)
		victim.typed(nil, "hi")
		l.settle()
		rows := l.count(l.doc)
		attacker.raw(syncUpdate, deletion(crdt.ID{Client: victim.id, Clock: 2}, 1000))
		time.Sleep(5 * time.Second)
		if got := l.count(l.doc); got != rows {
			l.Errorf("%d rows, want %d", got, rows)
		}
		victim.typed(&crdt.ID{Client: victim.id, Clock: 1}, " there")
		l.settle()
		victim.wantAcked(l, true)
		if text, err := l.fresh(l, l.doc).Text("t"); err != nil || text != "hi there" {
			l.Errorf("the document reads %q, %v", text, err)
		}
	})
}

// A delete of the future inside a step 2, where Yjs puts what it can't use yet, must not hold up the rest.
func TestAStep2IsCutNotHeld(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a, b := l.open(0), l.open(1)
		good := a.draft(nil, "good")
		pending := insertion(crdt.ID{Client: 101, Clock: 90}, &crdt.ID{Client: 555, Clock: 3}, "pending")
		future := deletion(crdt.ID{Client: 102, Clock: 7}, 5)
		a.raw(syncStep2, crdt.MergeUpdates(good, pending, future))
		l.settle()
		time.Sleep(200 * time.Millisecond)
		a.wantAcked(l, true)
		wantHas(l, good, true, b)
		if sv := l.fresh(l, l.doc).StateVector(); sv[101] != 4 {
			l.Errorf("state vector %v", sv)
		}
	})
}

func TestRepeatedFramesAddNoRow(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		release := l.hold()
		u := a.typed(nil, "once")
		l.settle()
		a.raw(syncUpdate, u) // staged already: acknowledged with the batch that holds it
		l.settle()
		a.wantAcked(l, false)
		release()
		a.wantAcked(l, true)
		rows := l.count(l.doc)
		a.raw(syncUpdate, u)
		a.raw(syncStep2, u)
		a.raw(syncUpdate, mustParse([]byte{0, 0}))
		l.settle()
		a.wantAcked(l, true)
		if got := l.count(l.doc); got != rows || rows != 1 {
			l.Errorf("%d rows, then %d", rows, got)
		}
	})
}

func TestABatchIsSplitOnlyAfterADefiniteError(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		l.doc = l.docs[1]
		b := l.open(1)
		l.doc = l.docs[2]
		c := l.open(1)
		gate := make(chan struct{})
		l.setPoison(func(store.Batch) error { <-gate; return nil })
		c.typed(nil, "x")
		l.settle()
		// The first two documents go into the next commit together. Its first answer is lost; then the first document turns out to be what fails.
		a.typed(nil, "sick")
		ub := b.typed(nil, "well")
		synctest.Wait()
		lost, sizes := false, []int(nil)
		l.setPoison(func(batch store.Batch) error {
			sizes = append(sizes, len(batch.Documents))
			if !lost && len(batch.Documents) == 2 {
				lost = true
				return l.lose(batch)
			}
			for _, d := range batch.Documents {
				if d.Document == l.docs[0] {
					return errInjected
				}
			}
			return nil
		})
		close(gate)
		a.typed(&crdt.ID{Client: a.id, Clock: 3}, "er")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		b.wantAcked(l, true)
		if !l.holds(l, l.docs[1], ub) {
			l.Error("a document that fails held up another")
		}
		l.setPoison(nil)
		if len(sizes) < 6 || sizes[0] != 2 || sizes[1] != 2 || sizes[2] != 2 || sizes[3] != 1 || sizes[4] != 1 {
			l.Errorf("batches of %v documents; want 2 (its answer is lost), 2 again, 2 with patience, then one by one", sizes)
		}
		time.Sleep(2 * time.Second) // back-off is at most 1 s
		synctest.Wait()
		a.wantAcked(l, true)
	})
}

func TestWhileTheDatabaseIsAway(t *testing.T) {
	o := Options{}
	o.Limits.StagedDocBytes = 2000
	inLab(t, 4, o, func(l *lab) {
		a, b := l.open(0), l.open(1)
		l.settle()
		l.setFault(func(int) fault { return faultUnavailable })
		text := string(slices.Repeat([]byte("x"), 100))
		for i := range 300 {
			var at *crdt.ID
			if i > 0 {
				at = &crdt.ID{Client: a.id, Clock: a.clock - 1}
			}
			a.typed(at, text)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if decided, _ := a.acks(); decided > 1 { // the answer to our step 1 came before
			l.Errorf("%d frames acknowledged without a database", decided)
		}
		if staged := l.hub.staged.Load(); staged < 2000 || staged > 2300 {
			l.Errorf("%d bytes are staged, the limit is 2000", staged)
		}
		a.wantClosed(l, 0)
		// Presence goes on.
		b.announce(b.id, 50, `{"cursor":{"anchor":7}}`)
		l.settle()
		if got := a.sees(b.id); !strings.Contains(got, `"anchor":7`) {
			l.Errorf("the other is seen as %q", got)
		}
		l.setFault(nil)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		a.wantAcked(l, true)
		if got := b.doc.StateVector()[a.id]; got != 300*100 {
			l.Errorf("the other has %d of 30000 letters", got)
		}
		if a.doc.Hash() != l.fresh(l, l.doc).Hash() {
			l.Error("the database differs from its author")
		}
	})
}

// What waits for the database doesn't use up its connection's credit: a typist's own caret is seen, and typing goes on, up to the document's limit.
func TestATypistsPresenceWhileTheDatabaseIsAway(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a, b := l.open(0), l.open(1)
		l.settle()
		l.setFault(func(int) fault { return faultUnavailable })
		for range 4 * sessionCredit / 1000 {
			a.typed(nil, strings.Repeat("x", 1000))
			time.Sleep(time.Millisecond)
		}
		a.announce(a.id, 50, `{"cursor":{"anchor":7}}`)
		l.settle()
		if staged := l.hub.staged.Load(); staged < 3*sessionCredit {
			l.Errorf("%d bytes are staged of %d typed", staged, 4*sessionCredit)
		}
		if got := b.sees(a.id); !strings.Contains(got, `"anchor":7`) {
			l.Errorf("the typist is seen as %q", got)
		}
	})
}

// A document that fails by itself, and slowly, doesn't make the others slow.
func TestASickDocumentThatFailsSlowly(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		l.doc = l.docs[1]
		b := l.open(1)
		l.settle()
		l.setPoison(func(batch store.Batch) error {
			for _, d := range batch.Documents {
				if d.Document == l.docs[0] {
					time.Sleep(time.Second)
					return errInjected
				}
			}
			return nil
		})
		a.typed(nil, "sick")
		time.Sleep(3 * time.Second)
		slow := 0
		for range 300 {
			b.typed(nil, "well")
			time.Sleep(100 * time.Millisecond)
			if decided, sent := b.acks(); decided < sent {
				slow++
			}
		}
		if slow > 90 { // one second in five
			l.Errorf("%d of 300 edits, one each 100 ms, were not acknowledged within that time", slow)
		}
		l.setPoison(nil)
		time.Sleep(time.Minute)
		a.wantAcked(l, true)
	})
}

func TestANodeFullOfStagedEditsTakesNoNewWriters(t *testing.T) {
	o := Options{}
	o.Limits.StagedNodeBytes = 1000
	inLab(t, 3, o, func(l *lab) {
		a := l.open(0)
		l.setFault(func(int) fault { return faultUnavailable })
		a.typed(nil, string(slices.Repeat([]byte("x"), 1200)))
		l.settle()
		writer, viewer := l.open(1), l.open(2)
		writer.wantClosed(l, CloseTryAgain)
		viewer.wantClosed(l, 0)
		l.setFault(nil)
		time.Sleep(2 * time.Second)
		a.wantAcked(l, true)
		l.open(1).wantClosed(l, 0)
	})
}

func TestIdleRoomsUnloadAndAreCompacted(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		for i := range 100 {
			var at *crdt.ID
			if i > 0 {
				at = &crdt.ID{Client: a.id, Clock: uint32(i - 1)}
			}
			a.typed(at, "x")
			time.Sleep(20 * time.Millisecond)
		}
		l.settle()
		a.leave(l)
		time.Sleep(29 * time.Second)
		if len(l.hub.all()) != 1 {
			l.Error("the room ended before 30 s")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(l.hub.all()) != 0 {
			l.Error("the room is still there after 31 s")
		}
		s, err := l.LoadSnapshot(l.Context(), l.doc)
		if err != nil || s.Seq != l.count(l.doc) {
			l.Errorf("snapshot %d of %d rows, %v", s.Seq, l.count(l.doc), err)
		}
		if b := l.open(1); b.doc.Hash() != a.doc.Hash() {
			l.Error("the document is another one after it was loaded again")
		}
	})
}

func TestALoadThatFailsRefusesTheRoom(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		l.mu.Lock()
		l.loadErr = errors.New("disk on fire")
		l.mu.Unlock()
		l.open(0).wantClosed(l, CloseTryAgain)
		l.mu.Lock()
		l.loadErr = nil
		l.mu.Unlock()
		l.open(0).wantClosed(l, 0)
		l.doc = store.NewID()
		l.docs = append(l.docs, l.doc)
		m := newModel(1, l.users[0], nil)
		tb := &tab{model: m, link: newLink(&l.wg, func() time.Duration { return 0 }), done: make(chan struct{})}
		l.tabs = append(l.tabs, tb)
		l.wg.Go(func() {
			defer close(tb.done)
			tb.err = l.hub.Serve(l.Context(), l.doc, peerOf(m, "", store.Owner, 0), tb.link)
		})
		<-tb.done
		tb.wantClosed(l, CloseNotFound)
	})
}

func TestStopCommitsWhatWasAccepted(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		release := l.hold()
		u := a.typed(nil, "last words")
		l.settle()
		stopped := make(chan error)
		go func() { stopped <- l.hub.Stop(l.Context()) }()
		time.Sleep(time.Second)
		release()
		if err := <-stopped; err != nil {
			l.Error(err)
		}
		synctest.Wait()
		a.wantAcked(l, true)
		a.wantClosed(l, CloseGoingAway)
		if !l.holds(l, l.doc, u) {
			l.Error("not committed")
		}
		l.open(0).wantClosed(l, CloseGoingAway)
	})
}
