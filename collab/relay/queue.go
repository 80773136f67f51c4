package relay

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// itemOverhead is about what a queued message costs beside its bytes, so that empty ones are bounded too.
const itemOverhead = 64

type item struct {
	to   topic
	data []byte
}

func (it item) cost() int { return len(it.data) + itemOverhead }

// queue is a first-in-first-out of many producers and one consumer, bounded in bytes. What the consumer took counts until it is released.
type queue struct {
	gauge prometheus.Gauge
	wake  chan struct{} // holds one token when something was pushed

	mu     sync.Mutex
	items  []item
	bytes  int
	closed bool
}

func newQueue(gauge prometheus.Gauge) *queue {
	return &queue{gauge: gauge, wake: make(chan struct{}, 1)}
}

// push adds an item without blocking, and says whether there was room. It fails only with ErrClosed.
func (q *queue) push(it item) (bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false, ErrClosed
	}
	if q.bytes+it.cost() > maxQueue {
		return false, nil
	}
	q.items = append(q.items, it)
	q.bytes += it.cost()
	q.gauge.Set(float64(q.bytes))
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true, nil
}

// take returns all that waits.
func (q *queue) take() []item {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items = nil
	return items
}

// release gives back the room of items that were taken and are done with.
func (q *queue) release(items []item) {
	n := 0
	for _, it := range items {
		n += it.cost()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= n
	q.gauge.Set(float64(q.bytes))
}

func (q *queue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}
