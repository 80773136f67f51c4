package relay

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// join makes one more relay of the cluster under test.
type join func(t *testing.T, h Handler, m *Metrics) Relay

func TestLocal(t *testing.T) {
	suite(t, func(*testing.T) join {
		bus := NewBus()
		return func(_ *testing.T, h Handler, m *Metrics) Relay { return NewLocal(bus, h, m) }
	})
}

func TestRedis(t *testing.T) {
	suite(t, func(t *testing.T) join { return joinRedis(startRedis(t).url()) })
}

// suite is what every relay promises.
func suite(t *testing.T, newCluster func(*testing.T) join) {
	t.Run("others hear, oneself does not", func(t *testing.T) {
		nodes := startNodes(t, newCluster(t), 3)
		publish(t, nodes[0], document(1), "from 0")
		nodes[1].waitMessage(t, "from 0")
		nodes[2].waitMessage(t, "from 0")
		// What 1 sends after it has heard 0 reaches 0 after anything that 0 could have heard of itself.
		publish(t, nodes[1], document(2), "from 1")
		nodes[0].waitMessage(t, "from 1")
		if got := nodes[0].all(); len(got) != 1 || got[0].doc != document(2) {
			t.Errorf("0 was told %v, want only what 1 sent", got)
		}
	})

	t.Run("sizes", func(t *testing.T) {
		nodes := startNodes(t, newCluster(t), 2)
		if err := nodes[0].relay.Publish(document(1), make([]byte, MaxPayload+1)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("one byte too many: %v, want ErrTooLarge", err)
		}
		largest := string(bytes.Repeat([]byte{0xab}, MaxPayload))
		publish(t, nodes[0], document(1), largest)
		publish(t, nodes[0], document(2), "")
		nodes[1].wait(t, "the largest and the empty one", 10*time.Second, func(got []message, _ int) bool { return len(got) == 2 })
		for _, m := range nodes[1].all() {
			if want := map[Document]string{document(1): largest, document(2): ""}[m.doc]; m.payload != want {
				t.Errorf("document %x: %d bytes came, want %d", m.doc, len(m.payload), len(want))
			}
		}
	})

	t.Run("the payload stays the caller's", func(t *testing.T) {
		nodes := startNodes(t, newCluster(t), 2)
		mine := []byte("before")
		if err := nodes[0].relay.Publish(document(1), mine); err != nil {
			t.Fatal(err)
		}
		copy(mine, "after!")
		nodes[1].waitMessage(t, "before")
	})

	t.Run("each receiver owns its payload", func(t *testing.T) {
		cluster := newCluster(t)
		scribble := newRecorder()
		h := scribble.handler()
		tell := h.Message
		h.Message = func(doc Document, payload []byte) {
			tell(doc, payload)
			clear(payload)
		}
		startNode(t, cluster, scribble, h)
		nodes := startNodes(t, cluster, 2)
		for i := range 100 {
			publish(t, nodes[0], document(i), "keep")
		}
		nodes[1].wait(t, "all", 10*time.Second, func(got []message, _ int) bool { return len(got) == 100 })
		for _, m := range nodes[1].all() {
			if m.payload != "keep" {
				t.Fatalf("got %q", m.payload)
			}
		}
	})

	t.Run("10,000 messages of 1,000 documents from four goroutines, each once", func(t *testing.T) {
		nodes := startNodes(t, newCluster(t), 2)
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := range 2500 {
					n := w*2500 + i
					publish(t, nodes[0], document(n%1000), fmt.Sprintf("message %d", n))
				}
			})
		}
		wg.Wait()
		nodes[1].wait(t, "all", 20*time.Second, func(got []message, _ int) bool { return len(got) == 10_000 })
		seen := map[message]bool{}
		for _, m := range nodes[1].all() {
			var n int
			if _, err := fmt.Sscanf(m.payload, "message %d", &n); err != nil || m.doc != document(n%1000) || seen[m] {
				t.Fatalf("%q for document %x, seen before: %v", m.payload, m.doc, seen[m])
			}
			seen[m] = true
		}
		if got := value(t, nodes[0].metrics.sent); got != 10_000 {
			t.Errorf("%v counted as sent", got)
		}
		if got := value(t, nodes[1].metrics.received); got != 10_000 {
			t.Errorf("%v counted as received", got)
		}
	})

	t.Run("only what interests is told", func(t *testing.T) {
		cluster := newCluster(t)
		rec := newRecorder()
		h := rec.handler()
		h.Interested = func(doc Document) bool { return doc == document(7) }
		choosy := startNode(t, cluster, rec, h)
		nodes := startNodes(t, cluster, 1)
		for i := range 20 {
			publish(t, nodes[0], document(i), fmt.Sprint(i))
		}
		publish(t, nodes[0], document(7), "end")
		choosy.waitMessage(t, "end")
		poll(t, "the others counted", 10*time.Second, func() bool { return value(t, choosy.metrics.unhosted) == 19 })
		if got := choosy.all(); len(got) != 2 {
			t.Errorf("told %v", got)
		}
	})

	t.Run("notices and control reach the others, each as what it is", func(t *testing.T) {
		nodes := startNodes(t, newCluster(t), 3)
		same := document(1) // whose id is a person's too
		for _, err := range []error{
			nodes[0].relay.Notify(same, []byte("notice")), nodes[0].relay.Control([]byte("control")), nodes[0].relay.Control(nil),
			nodes[0].relay.Publish(same, []byte("message")),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		want := []message{{same, "notice", toUser}, {Document{}, "control", toNodes}, {Document{}, "", toNodes}, {same, "message", toDocument}}
		for _, n := range nodes[1:] {
			n.wait(t, "all", 10*time.Second, func(got []message, _ int) bool { return len(got) == len(want) })
			for _, m := range want {
				if !slices.Contains(n.all(), m) {
					t.Errorf("told %v, want %v among it", n.all(), m)
				}
			}
		}
		// What 1 sends after it has heard 0 reaches 0 after anything that 0 could have heard of itself.
		if err := nodes[1].relay.Control([]byte("answer")); err != nil {
			t.Fatal(err)
		}
		nodes[0].waitMessage(t, "answer")
		if got := nodes[0].all(); len(got) != 1 {
			t.Errorf("0 was told %v, want only the answer", got)
		}
		large := make([]byte, MaxPayload+1)
		if a, b := nodes[0].relay.Notify(same, large), nodes[0].relay.Control(large); !errors.Is(a, ErrTooLarge) || !errors.Is(b, ErrTooLarge) {
			t.Errorf("one byte too many: %v, %v, want ErrTooLarge", a, b)
		}
		if err := nodes[0].relay.Close(); err != nil {
			t.Fatal(err)
		}
		if a, b := nodes[0].relay.Notify(same, nil), nodes[0].relay.Control(nil); !errors.Is(a, ErrClosed) || !errors.Is(b, ErrClosed) {
			t.Errorf("after Close: %v, %v, want ErrClosed", a, b)
		}
	})

	t.Run("who has no use for notices and control is not told", func(t *testing.T) {
		cluster := newCluster(t)
		rec := newRecorder()
		h := rec.handler()
		h.Notice, h.Control = nil, nil
		deaf := startNode(t, cluster, rec, h)
		other := startNodes(t, cluster, 1)[0]
		if err := errors.Join(other.relay.Notify(document(1), []byte("n")), other.relay.Control([]byte("c"))); err != nil {
			t.Fatal(err)
		}
		publish(t, other, document(1), "end")
		deaf.waitMessage(t, "end")
		poll(t, "the others counted", 10*time.Second, func() bool { return value(t, deaf.metrics.unhosted) == 2 })
		if got := deaf.all(); len(got) != 1 {
			t.Errorf("told %v", got)
		}
	})

	t.Run("health", func(t *testing.T) {
		node := startNodes(t, newCluster(t), 1)[0]
		poll(t, "connected", 10*time.Second, func() bool { h := node.relay.Health(); return h.Connected && !h.Since.IsZero() })
	})

	t.Run("closing sends what is queued", func(t *testing.T) {
		nodes := startNodes(t, newCluster(t), 2)
		for i := range 1000 {
			publish(t, nodes[0], document(i), "last words")
		}
		if err := nodes[0].relay.Close(); err != nil {
			t.Fatal(err)
		}
		nodes[1].wait(t, "all", 10*time.Second, func(got []message, _ int) bool { return len(got) == 1000 })
	})

	t.Run("closed is closed", func(t *testing.T) {
		cluster := newCluster(t)
		here := goleak.IgnoreCurrent()
		rec := newRecorder()
		h := rec.handler()
		var mu sync.Mutex
		closed := false
		tell := h.Message
		h.Message = func(doc Document, payload []byte) {
			mu.Lock()
			defer mu.Unlock()
			if closed {
				t.Error("told something after Close")
			}
			tell(doc, payload)
		}
		first := startNode(t, cluster, rec, h)
		second := startNodes(t, cluster, 1)[0]
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					publish(t, second, document(i), "chatter")
				}
			}
		})
		rec.waitMessage(t, "chatter")
		if err := first.relay.Close(); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		closed = true
		mu.Unlock()
		if err := first.relay.Publish(document(1), nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Publish after Close: %v, want ErrClosed", err)
		}
		close(stop)
		wg.Wait()
		for _, n := range []*node{first, second} {
			if err := n.relay.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		goleak.VerifyNone(t, here)
	})
}

// node is a relay and what it was told.
type node struct {
	*recorder
	relay   Relay
	metrics *Metrics
}

func startNode(t *testing.T, cluster join, rec *recorder, h Handler) *node {
	t.Helper()
	n := &node{recorder: rec, metrics: NewMetrics(nil)}
	n.relay = cluster(t, h, n.metrics)
	t.Cleanup(func() { n.relay.Close() })
	n.waitGap(t, 1)
	return n
}

// startNodes returns when all are subscribed.
func startNodes(t *testing.T, cluster join, n int) []*node {
	t.Helper()
	nodes := make([]*node, n)
	for i := range nodes {
		rec := newRecorder()
		nodes[i] = startNode(t, cluster, rec, rec.handler())
	}
	return nodes
}

func publish(t *testing.T, n *node, doc Document, payload string) {
	t.Helper()
	if err := n.relay.Publish(doc, []byte(payload)); err != nil {
		t.Errorf("publish: %v", err)
	}
}
