package collab

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// outbox holds what one connection has still to be told. Putting never blocks; one writer empties it. It is bounded in bytes: a reader that falls
// further behind is cut with 1013, and its next sync brings what it missed.
//
// The answer to a step 1 stands outside of that bound, or a large document could never be opened while somebody types in it; there is one at a time.
type outbox struct {
	conn  Conn
	limit int
	bytes *atomic.Int64 // of all outboxes of the node
	wake  chan struct{} // of capacity 1

	msgs [][]byte // owned by the writer: memory for what it writes at once

	mu        sync.Mutex
	queue     []outgoing // guarded by mu, like all that follows
	waiting   int        // bytes that count: of queue, and of what the writer has taken and not written yet
	answering bool       // an answer waits, or is being written
	closed    bool
	linger    time.Duration // between the last word and closing
	code      int
	reason    string
}

// outgoing is a message on its way to a connection.
type outgoing struct {
	msg    []byte
	answer bool
}

// spareMessages bounds the queue memory that a quiet connection keeps.
const spareMessages = 256

func newOutbox(conn Conn, limit int, bytes *atomic.Int64) *outbox {
	return &outbox{conn: conn, limit: limit, bytes: bytes, wake: make(chan struct{}, 1)}
}

// put queues a message that nobody may change any more. It is dropped once the outbox is closing.
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
	o.add(outgoing{msg: msg})
}

// putAnswer queues the answer to a step 1; false when another one is on its way.
func (o *outbox) putAnswer(msg []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.answering {
		return false
	}
	if !o.closed {
		o.answering = true
		o.add(outgoing{msg: msg, answer: true})
	}
	return true
}

// busy says whether an answer is on its way.
func (o *outbox) busy() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.answering
}

// finish lets the writer send what is queued and then close the connection.
func (o *outbox) finish(code int, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.shut(code, reason)
	}
}

// finishAfter is finish, but the connection stays open for a while when all is sent.
func (o *outbox) finishAfter(linger time.Duration, code int, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.linger = linger
		o.shut(code, reason)
	}
}

// outcome says with which code and reason the connection was closed.
func (o *outbox) outcome() (code int, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.code, o.reason
}

// The caller of shut, drop, add and done holds mu.

func (o *outbox) shut(code int, reason string) {
	o.closed, o.code, o.reason = true, code, reason
	o.signal()
}

func (o *outbox) drop() {
	for _, out := range o.queue {
		o.done(out)
	}
	o.queue = nil
}

func (o *outbox) add(out outgoing) {
	o.queue = append(o.queue, out)
	if !out.answer {
		o.waiting += len(out.msg)
	}
	o.bytes.Add(int64(len(out.msg)))
	o.signal()
}

func (o *outbox) done(out outgoing) {
	if out.answer {
		o.answering = false
	} else {
		o.waiting -= len(out.msg)
	}
	o.bytes.Add(-int64(len(out.msg)))
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) take(reuse []outgoing) (outs []outgoing, closed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	outs, o.queue = o.queue, reuse[:0]
	return outs, o.closed
}

// written takes messages off the account that the writer is done with.
func (o *outbox) written(outs []outgoing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, out := range outs {
		o.done(out)
	}
}

// run writes until the outbox is finished or a write fails, then closes the connection. After keepAlive of silence it sends
// an empty awareness frame, since browsers don't show their scripts any pings.
func (o *outbox) run(keepAlive time.Duration) {
	alive := time.NewTimer(keepAlive)
	defer alive.Stop()
	var spare []outgoing
	for {
		select {
		case <-alive.C:
			o.put(emptyAwareness())
		case <-o.wake:
		}
		outs, closed := o.take(spare)
		if !o.write(outs) {
			closed = true
		}
		if closed {
			o.mu.Lock()
			o.drop()
			code, reason, linger := o.code, o.reason, o.linger
			o.mu.Unlock()
			if linger > 0 {
				time.Sleep(linger)
			}
			o.conn.Close(code, reason)
			return
		}
		if len(outs) > 0 {
			alive.Reset(keepAlive)
		}
		if spare = outs; cap(spare) > spareMessages {
			spare = nil
		}
	}
}

// What is written at once is at most so many messages, and bytes but for the first message.
const (
	writeMessages = 64
	writeBytes    = 64 << 10
)

// write sends messages in order, several at once; false when the connection takes no more. What was accepted is told even while the node goes away; the Conn bounds
// each write.
func (o *outbox) write(outs []outgoing) bool {
	ok := true
	for len(outs) > 0 {
		msgs := o.msgs[:0]
		bytes := 0
		for _, out := range outs {
			if len(msgs) == writeMessages || len(msgs) > 0 && bytes+len(out.msg) > writeBytes {
				break
			}
			bytes += len(out.msg)
			msgs = append(msgs, out.msg)
		}
		if ok {
			if err := o.conn.Write(context.Background(), msgs...); err != nil {
				o.finish(CloseTryAgain, "write failed")
				ok = false
			}
		}
		o.written(outs[:len(msgs)])
		clear(outs[:len(msgs)])
		outs = outs[len(msgs):]
		clear(msgs)
		o.msgs = msgs
	}
	return ok
}
