package relay

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Bus connects the Local relays of one process. Its methods may be called from any goroutine.
type Bus struct {
	mu      sync.RWMutex
	members []*Local
}

// NewBus makes a bus without members.
func NewBus() *Bus { return &Bus{} }

// Local is a relay within a process: the only one of a single node, or one of several in tests.
type Local struct {
	// Set at construction.
	bus     *Bus
	handler Handler
	metrics *Metrics
	since   time.Time
	inbox   *queue
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once

	overflowed atomic.Bool // messages were dropped since the last Gap
}

// NewLocal joins a bus; handler.Gap is called once at the start. m may be nil.
func NewLocal(bus *Bus, handler Handler, m *Metrics) *Local {
	if m == nil {
		m = NewMetrics(nil)
	}
	l := &Local{
		bus: bus, handler: handler, metrics: m, since: time.Now(), inbox: newQueue(m.queueBytes),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	bus.mu.Lock()
	bus.members = append(bus.members, l)
	bus.mu.Unlock()
	go l.run()
	return l
}

// Publish implements Relay. A receiver with 8 MiB waiting loses the message and is told by a Gap.
func (l *Local) Publish(doc Document, payload []byte) error {
	return l.send(topic{toDocument, doc}, payload)
}

// Notify implements Relay.
func (l *Local) Notify(user [16]byte, payload []byte) error {
	return l.send(topic{toUser, user}, payload)
}

// Control implements Relay.
func (l *Local) Control(payload []byte) error {
	return l.send(topic{kind: toNodes}, payload)
}

func (l *Local) send(to topic, payload []byte) error {
	if len(payload) > MaxPayload {
		return ErrTooLarge
	}
	l.bus.mu.RLock()
	defer l.bus.mu.RUnlock()
	if !slices.Contains(l.bus.members, l) {
		return ErrClosed
	}
	l.metrics.sent.Inc()
	for _, other := range l.bus.members {
		if other != l {
			other.deliver(to, payload)
		}
	}
	return nil
}

func (l *Local) deliver(to topic, payload []byte) {
	if !l.handler.interested(to) {
		l.metrics.unhosted.Inc()
		return
	}
	fits, err := l.inbox.push(item{to, slices.Clone(payload)})
	if err == nil && !fits {
		l.metrics.drop(dropOverflow, 1)
		l.overflowed.Store(true)
	}
}

// run tells the handler what is in the inbox; it owns all calls to it.
func (l *Local) run() {
	defer close(l.stopped)
	l.gap()
	for {
		select {
		case <-l.stop:
			return
		case <-l.inbox.wake:
		}
		for _, it := range l.inbox.take() {
			select {
			case <-l.stop:
				return
			default:
			}
			l.metrics.received.Inc()
			l.handler.tell(it.to, it.data)
			l.inbox.release([]item{it})
		}
		// Asked after the inbox has room again: what is dropped from here on sets it anew, and wakes this loop with the next message that fits.
		if l.overflowed.Swap(false) {
			l.gap()
		}
	}
}

func (l *Local) gap() {
	l.metrics.gaps.Inc()
	if l.handler.Gap != nil {
		l.handler.Gap()
	}
}

// Health implements Relay: in process there is nothing to be cut off from.
func (l *Local) Health() Health {
	return Health{Connected: true, Since: l.since, QueuedBytes: l.inbox.size()}
}

// Close implements Relay. What was published is with the receivers already; what waits for this one is forgotten.
func (l *Local) Close() error {
	l.once.Do(func() {
		l.bus.mu.Lock()
		l.bus.members = slices.DeleteFunc(l.bus.members, func(m *Local) bool { return m == l })
		l.bus.mu.Unlock()
		l.inbox.close()
		close(l.stop)
	})
	<-l.stopped
	return nil
}
