package relay

import (
	"fmt"
	"testing"
	"testing/synctest"
)

// TestLocalOverflow fills the inbox of a receiver that stands still: memory stays bounded, and the receiver learns that it has missed something.
func TestLocalOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, rec, release := NewBus(), newRecorder(), make(chan struct{})
		h := rec.handler()
		tell := h.Message
		h.Message = func(doc Document, payload []byte) {
			<-release
			tell(doc, payload)
		}
		m := NewMetrics(nil)
		slow := NewLocal(bus, h, m)
		fast := NewLocal(bus, newRecorder().handler(), nil)
		synctest.Wait()
		if got := rec.gapCount(); got != 1 {
			t.Fatalf("%d gaps at the start, want 1", got)
		}
		const most = maxQueue / (MaxPayload + itemOverhead)
		for i := range most + 5 {
			if err := fast.Publish(document(i), make([]byte, MaxPayload)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if q := slow.Health().QueuedBytes; q > maxQueue || q < maxQueue-2*MaxPayload {
			t.Errorf("%d bytes queued, want almost %d", q, maxQueue)
		}
		if got := droppedFor(t, m, dropOverflow); got != 5 {
			t.Errorf("%d counted as dropped, want 5", got)
		}
		close(release)
		synctest.Wait()
		if got := len(rec.all()); got != most || rec.gapCount() != 2 || slow.Health().QueuedBytes != 0 {
			t.Errorf("%d messages, %d gaps, %d bytes still queued; want %d, 2, 0", got, rec.gapCount(), slow.Health().QueuedBytes, most)
		}
		if err := fast.Publish(document(1), []byte("after")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := rec.all(); got[len(got)-1].payload != "after" || rec.gapCount() != 2 {
			t.Errorf("after the gap: %d messages, %d gaps", len(got), rec.gapCount())
		}
		slow.Close()
		fast.Close()
	})
}

func TestQueueIsFirstInFirstOut(t *testing.T) {
	q := newQueue(NewMetrics(nil).queueBytes)
	for i := range 10 {
		if ok, err := q.push(item{topic{toDocument, document(i)}, []byte(fmt.Sprint(i))}); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	items := q.take()
	if len(q.take()) != 0 {
		t.Error("taken twice")
	}
	for i, it := range items {
		if it.to.id != document(i) {
			t.Errorf("place %d has document %x", i, it.to.id)
		}
	}
	if want := 10 * (1 + itemOverhead); q.size() != want {
		t.Errorf("size %d before the release, want %d", q.size(), want)
	}
	q.release(items)
	q.close()
	if ok, err := q.push(item{}); ok || err == nil || q.size() != 0 {
		t.Errorf("closed and empty: push %v, %v, size %d", ok, err, q.size())
	}
}
