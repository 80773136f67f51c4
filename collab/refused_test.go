package collab

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

// noPoll keeps the room from hearing of changed rights before the commit does.
func noPoll() Options {
	o := Options{}
	o.Timing.HeadPoll = time.Hour
	return o
}

// What is staged for one author may be refused yet, so nothing of another author may rest on it.
func TestNothingRestsOnARefusedRow(t *testing.T) {
	inLab(t, 4, noPoll(), func(l *lab) {
		a, v, b := l.open(0), l.open(1), l.open(2)
		release := l.hold()
		a.typed(nil, "in flight")
		l.settle()
		v.typed(nil, "abc") // gathers
		synctest.Wait()
		b.raw(syncUpdate, b.draft(&crdt.ID{Client: v.id, Clock: 2}, "on top"))
		synctest.Wait()
		l.setRole(l, l.doc, l.users[1], store.Viewer)
		release()
		time.Sleep(500 * time.Millisecond)
		l.settle()
		if fit := (crdt.Known{}).Fit(l.fresh(l, l.doc).Encode(), nil); fit.Missing {
			l.Error("the stored document refers to structs that it lacks")
		}
		a.wantAcked(l, true)
		b.wantAcked(l, false)
	})
}

// A delete of what is only staged is a delete of the future, as far as anybody but its author can know.
func TestADeleteOfWhatIsOnlyStaged(t *testing.T) {
	inLab(t, 4, noPoll(), func(l *lab) {
		a, v, b := l.open(0), l.open(1), l.open(2)
		v.typed(nil, "hi")
		l.settle()
		release := l.hold()
		a.typed(nil, "in flight")
		l.settle()
		v.typed(&crdt.ID{Client: v.id, Clock: 1}, "abc")
		synctest.Wait()
		b.raw(syncUpdate, deletion(crdt.ID{Client: v.id, Clock: 2}, 3))
		synctest.Wait()
		l.setRole(l, l.doc, l.users[1], store.Viewer)
		release()
		time.Sleep(3 * time.Second)
		l.settle()
		l.setRole(l, l.doc, l.users[1], store.Editor)
		v.leave(l)
		l.openAs(v.model, nil) // the same page comes back and brings its text
		time.Sleep(2 * time.Second)
		l.settle()
		if text, err := l.fresh(l, l.doc).Text("t"); err != nil || (text != "in flighthiabc" && text != "hiabcin flight") {
			l.Errorf("the document reads %q, %v", text, err)
		}
	})
}

func TestStagedBytesOfARoomThatFails(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		release := l.hold()
		a.typed(nil, "hello")
		l.settle()
		if _, err := l.TrashDocument(l.Context(), l.doc, uuid.Nil); err != nil {
			l.Fatal(err)
		}
		l.hub.AccessChanged(l.doc)
		l.settle()
		if len(l.hub.all()) != 0 {
			l.Fatal("the room is still there")
		}
		release()
		time.Sleep(time.Second)
		if got := l.hub.staged.Load(); got != 0 {
			l.Errorf("%d bytes stay counted as staged", got)
		}
	})
}

// The remainder of a step 2 whose foreign part was refused has no number of its own: what becomes of it is not told twice.
func TestARefusedStep2IsToldOnce(t *testing.T) {
	inLab(t, 4, noPoll(), func(l *lab) {
		a, b, v := l.open(0), l.open(1), l.open(2)
		a.typed(nil, "mine")
		l.settle()
		release := l.hold()
		a.typed(&crdt.ID{Client: a.id, Clock: 3}, "in flight")
		l.settle()
		forged := insertion(crdt.ID{Client: a.id, Clock: 13}, nil, "forged")
		b.raw(syncStep2, crdt.MergeUpdates(forged, b.draft(nil, "own")))
		v.typed(nil, "beside it")
		time.Sleep(300 * time.Millisecond)
		l.setRole(l, l.doc, l.users[1], store.Viewer)
		release()
		time.Sleep(500 * time.Millisecond)
		l.settle()
		b.wantRefused(l, CloseClientID)
		b.wantAcked(l, true)
		for _, err := range b.malform {
			l.Error(err)
		}
	})
}

// An error says that this try was not committed; an earlier one whose answer got lost may have been.
func TestAnErrorAfterALostAnswer(t *testing.T) {
	for name, first := range map[string]fault{"committed": faultTimeoutDone, "not committed": faultTimeoutNot} {
		t.Run(name, func(t *testing.T) {
			inLab(t, 3, Options{}, func(l *lab) {
				a := l.open(0)
				l.settle()
				before := l.count(l.doc)
				script := []fault{first, faultError, faultError}
				l.setFault(func(int) fault {
					if len(script) == 0 {
						return faultNone
					}
					f := script[0]
					script = script[1:]
					return f
				})
				a.typed(nil, "once")
				time.Sleep(3 * time.Second)
				synctest.Wait()
				a.wantAcked(l, true)
				if got := l.count(l.doc) - before; got != 1 {
					l.Errorf("%d rows, want 1", got)
				}
			})
		})
	}
}

// However long a node doesn't know what became of its batch, the key is there when it asks.
func TestAKeyOutlivesALongSilence(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		l.settle()
		before := l.count(l.doc)
		begin, first := time.Now(), true
		l.setFault(func(int) fault {
			switch {
			case first:
				first = false
				return faultTimeoutDone
			case time.Since(begin) < 12*time.Minute:
				return faultTimeoutNot
			}
			return faultNone
		})
		a.typed(nil, "once")
		time.Sleep(13 * time.Minute)
		synctest.Wait()
		a.wantAcked(l, true)
		if got := l.count(l.doc) - before; got != 1 {
			l.Errorf("%d rows, want 1", got)
		}
	})
}

// A client that never answers our step 1 can't make the room remember its frames for ever.
func TestFramesWithoutADecisionAreBounded(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		tb := l.open(0)
		stop := make(chan struct{})
		tb.stop.Store(&stop)
		gap := insertion(crdt.ID{Client: tb.id, Clock: 50}, &crdt.ID{Client: tb.id, Clock: 49}, "x")
		for range openMost + 1000 {
			select {
			case tb.link.up <- tb.link.packet(syncMessage(syncUpdate, gap.Bytes())):
			case <-tb.link.cut:
			}
		}
		l.settle()
		close(stop)
		time.Sleep(time.Minute)
		l.settle()
		tb.wantClosed(l, CloseTryAgain)
	})
}

// stuck is a Conn that takes nothing until its gate opens.
type stuck struct {
	gate   chan struct{}
	closed chan int
}

func (c stuck) Read() ([]byte, error)        { <-c.gate; return nil, errCut }
func (c stuck) Send([]Message) (bool, error) { return false, nil }
func (stuck) Limit(int64)                    {}
func (c stuck) Flush() error                 { <-c.gate; return nil }
func (stuck) Heard() time.Time               { return time.Now() }
func (c stuck) Close(code int, _ string)     { c.closed <- code }

// What waits for a reader that takes nothing is counted, and so is what is being written. Beyond the limit the connection is closed, when what was under way is out.
func TestOutboxCountsWhatIsBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counted atomic.Int64
		c := stuck{make(chan struct{}), make(chan int, 1)}
		o := &outbox{conn: c, limit: 64 << 10, bytes: &counted}
		letters := make([]byte, 30<<10)
		for _, want := range []int64{30<<10 + outgoingCost, 60<<10 + 2*outgoingCost} {
			o.put(Message{Body: letters})
			o.flush()
			if got := counted.Load(); got != want {
				t.Errorf("%d bytes are counted while %d wait", got, want)
			}
		}
		if code, _ := o.outcome(); code != 0 {
			t.Errorf("closed with %d within the limit", code)
		}
		o.put(Message{Body: letters})
		if code, _ := o.outcome(); code != CloseTryAgain {
			t.Error("more than the limit waits")
		}
		o.flush()
		close(c.gate)
		o.join()
		if got := <-c.closed; got != CloseTryAgain {
			t.Errorf("closed with %d", got)
		}
		if got := counted.Load(); got != 0 {
			t.Errorf("%d bytes are counted in the end", got)
		}
	})
}

// gated is a Conn that writes nothing before its gate opens, and counts the answers that it is given.
type gated struct {
	in      chan []byte
	gate    chan struct{}
	answers atomic.Int64
}

func (c *gated) Read() ([]byte, error) {
	b, ok := <-c.in
	if !ok {
		return nil, errCut
	}
	return b, nil
}

func (c *gated) Send(msgs []Message) (bool, error) {
	for _, m := range msgs {
		if m.Body[0] == messageSync && m.Body[1] == syncStep2 {
			c.answers.Add(1)
		}
	}
	select {
	case <-c.gate:
		return true, nil
	default:
		return false, nil
	}
}

func (*gated) Limit(int64) {}

func (c *gated) Flush() error {
	<-c.gate
	return nil
}

func (*gated) Heard() time.Time { return time.Now() }

func (c *gated) Close(int, string) {}

// A slow reader that asks again and again is answered once more, when it has the first answer.
func TestQuestionsOfASlowReader(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		l.open(0).typed(nil, strings.Repeat("hello", 20_000)) // an answer that fills what a connection may have waiting
		l.settle()
		c := &gated{in: make(chan []byte), gate: make(chan struct{})}
		done := make(chan error)
		go func() {
			done <- l.hub.Serve(l.Context(), l.doc, peerOf(newModel(7, l.users[1], nil), "", store.Editor, 1), c)
		}()
		for range 50 {
			c.in <- syncMessage(syncStep1, crdt.StateVector{}.Encode())
		}
		time.Sleep(time.Second) // the last of them is paced
		close(c.gate)
		time.Sleep(time.Second)
		if got := c.answers.Load(); got != 2 {
			l.Errorf("%d answers to 50 questions, want 2", got)
		}
		close(c.in)
		<-done
	})
}
