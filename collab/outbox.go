package collab

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// outbox holds what one connection has still to be told. Putting never blocks; one writer empties it. It is bounded in bytes: a reader that falls
// further behind is cut with 1013, and its next sync brings what it missed.
type outbox struct {
	conn  Conn
	limit int
	bytes *atomic.Int64 // of all outboxes of the node
	wake  chan struct{} // of capacity 1

	mu      sync.Mutex
	queue   [][]byte // guarded by mu, like all that follows
	waiting int      // bytes of queue, and of what the writer has taken and not written yet
	closed  bool
	code    int
	reason  string
}

// spareMessages bounds the queue memory that a quiet connection keeps.
const spareMessages = 256

func newOutbox(conn Conn, limit int, bytes *atomic.Int64) *outbox {
	return &outbox{conn: conn, limit: limit, bytes: bytes, wake: make(chan struct{}, 1)}
}

// put queues a message that nobody may change any more. One that is larger than the limit passes when nothing else waits. It is dropped once the outbox is closing.
func (o *outbox) put(msg []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	if o.waiting+len(msg) > o.limit && o.waiting > 0 {
		o.shut(CloseTryAgain, "too slow a reader")
		o.drop()
		return
	}
	o.queue = append(o.queue, msg)
	o.count(len(msg))
	o.signal()
}

// finish lets the writer send what is queued and then close the connection.
func (o *outbox) finish(code int, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.shut(code, reason)
	}
}

func (o *outbox) shut(code int, reason string) {
	o.closed, o.code, o.reason = true, code, reason
	o.signal()
}

// count keeps account of n more bytes that wait. The caller holds mu.
func (o *outbox) count(n int) {
	o.waiting += n
	o.bytes.Add(int64(n))
}

// drop forgets what is queued. The caller holds mu.
func (o *outbox) drop() {
	for _, msg := range o.queue {
		o.count(-len(msg))
	}
	o.queue = nil
}

// written takes a message off the account that the writer is done with.
func (o *outbox) written(msg []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count(-len(msg))
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) take(reuse [][]byte) (msgs [][]byte, closed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	msgs, o.queue = o.queue, reuse[:0]
	return msgs, o.closed
}

// run writes until the outbox is finished or a write fails, then closes the connection. After keepAlive of silence it sends
// an empty awareness frame, since browsers don't show their scripts any pings.
func (o *outbox) run(keepAlive time.Duration) {
	ctx := context.Background() // what was accepted is told even while the node goes away; the Conn bounds each write
	alive := time.NewTimer(keepAlive)
	defer alive.Stop()
	var spare [][]byte
	for {
		select {
		case <-alive.C:
			o.put(emptyAwareness())
		case <-o.wake:
		}
		var err error
		msgs, closed := o.take(spare)
		for i, msg := range msgs {
			if err == nil {
				if err = o.conn.Write(ctx, msg); err != nil {
					o.finish(CloseTryAgain, "write failed")
					closed = true
				}
			}
			o.written(msg)
			msgs[i] = nil
		}
		if closed {
			o.mu.Lock()
			o.drop()
			code, reason := o.code, o.reason
			o.mu.Unlock()
			o.conn.Close(code, reason)
			return
		}
		if len(msgs) > 0 {
			alive.Reset(keepAlive)
		}
		if spare = msgs; cap(spare) > spareMessages {
			spare = nil
		}
	}
}

// outcome says with which code and reason the connection was closed.
func (o *outbox) outcome() (code int, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.code, o.reason
}
