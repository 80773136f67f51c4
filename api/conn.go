package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
	"golang.org/x/sync/semaphore"

	"github.com/bizsync/bizsync/collab"
)

const (
	// scratchBytes holds the frames of ordinary typing without another buffer.
	scratchBytes = 4 << 10
	// largeFrame is the size in bytes above which a frame takes from the node's budget for large frames.
	largeFrame = 1 << 20
	// largeFrameBudget is what large frames in transit may hold on a node, in bytes.
	largeFrameBudget = 64 << 20
	// closeReasonBytes is what fits in a close frame beside the code (RFC 6455, 5.5).
	closeReasonBytes = 123
)

// connTiming are the periods of a connection; tests shorten them.
type connTiming struct {
	ping    time.Duration // between pings
	silence time.Duration // without a byte from the peer while we read: it is gone
	stall   time.Duration // without progress of a write: it is gone
	grace   time.Duration // for the closing handshake
	budget  time.Duration // waiting for the budget of large frames
}

// defaultConnTiming is CONTRACT's, a second earlier: a connection is alive while any byte was read in the last 20 s, and then its client is seen to be gone.
func defaultConnTiming() connTiming {
	return connTiming{ping: 9 * time.Second, silence: 19 * time.Second, stall: 20 * time.Second, grace: 3 * time.Second, budget: 20 * time.Second}
}

// conn is one WebSocket as package collab sees it (collab.Conn).
//
// The limit on frames is our own: SetReadLimit of the library closes with 1009, after which clients come back at once with the same frame. Liveness is our
// own too: the library's Ping needs somebody at work in Read, and rooms pause reading for back-pressure.
type conn struct {
	ws     *websocket.Conn
	wire   *wire
	limit  int64               // of a frame, in bytes
	budget *semaphore.Weighted // of the node, for frames above largeFrame
	timing connTiming

	// Owned by the reader.
	scratch []byte
	held    int64 // bytes of the budget

	reading atomic.Int64 // when the Read in progress began on the wire's clock, 0: reading is paused
	writing sync.Mutex   // held while a message or a ping is being written
	pingDue atomic.Bool  // a ping found a message being written, and follows it

	once   sync.Once
	closed chan struct{}  // closed by whoever ends the connection
	tasks  sync.WaitGroup // watch and the closing handshake
}

var _ collab.Conn = (*conn)(nil)

// newConn takes over an upgraded connection; end must be called when it has been served.
func newConn(ws *websocket.Conn, w *wire, limit int64, budget *semaphore.Weighted, t connTiming) *conn {
	ws.SetReadLimit(-1)
	c := &conn{ws: ws, wire: w, limit: limit, budget: budget, timing: t, scratch: make([]byte, scratchBytes), closed: make(chan struct{})}
	c.tasks.Go(c.watch)
	return c
}

// Read returns the next binary message. io.EOF says that the client left in good order.
func (c *conn) Read(ctx context.Context) ([]byte, error) {
	c.giveBack()
	stop := context.AfterFunc(ctx, func() { c.Close(collab.CloseGoingAway, "") })
	defer stop()
	c.reading.Store(max(c.wire.elapsed(), 1))
	defer c.reading.Store(0)

	// The library tears a connection down when a context ends, without a close frame; ours is ended by Close.
	typ, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return nil, readError(err)
	}
	if typ != websocket.MessageBinary {
		return nil, &collab.CloseError{Code: collab.CloseMalformed, Reason: "text messages are not part of the protocol"}
	}
	return c.readMessage(ctx, r)
}

// readMessage reads to the message's end. The buffer grows with what has arrived, never with what a header claims.
func (c *conn) readMessage(ctx context.Context, r io.Reader) ([]byte, error) {
	buf, n := c.scratch, 0
	for {
		m, err := r.Read(buf[n:])
		n += m
		if int64(n) > c.limit {
			return nil, &collab.CloseError{Code: collab.CloseTooLarge, Reason: fmt.Sprintf("a frame may have at most %d bytes", c.limit)}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, readError(err)
		}
		if n < len(buf) {
			continue
		}
		size := min(2*int64(len(buf)), c.limit+1)
		if err := c.take(ctx, size); err != nil {
			return nil, err
		}
		grown := make([]byte, size)
		copy(grown, buf)
		buf = grown
	}
	if n <= scratchBytes {
		return append(make([]byte, 0, n), buf[:n]...), nil
	}
	return buf[:n:n], nil
}

// take holds size bytes of the node's budget. Waiting for it is a pause of our own, not silence of the peer.
func (c *conn) take(ctx context.Context, size int64) error {
	if size <= largeFrame {
		return nil
	}
	began := c.reading.Swap(0)
	defer func() { c.reading.Store(max(began, c.wire.elapsed())) }()
	ctx, cancel := context.WithTimeout(ctx, c.timing.budget)
	defer cancel()
	if err := c.budget.Acquire(ctx, size-c.held); err != nil {
		return &collab.CloseError{Code: collab.CloseTryAgain, Reason: "too many large frames at once"}
	}
	c.held = size
	return nil
}

// giveBack returns what the last large frame held of the budget.
func (c *conn) giveBack() {
	if c.held > 0 {
		c.budget.Release(c.held)
		c.held = 0
	}
}

// readError makes a leaving client io.EOF.
func readError(err error) error {
	switch websocket.CloseStatus(err) {
	case websocket.StatusNormalClosure, websocket.StatusGoingAway, websocket.StatusNoStatusRcvd:
		return io.EOF
	}
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return fmt.Errorf("read frame: %w", err)
}

// Write sends binary messages, small ones together. It fails when the peer takes nothing for the stall time.
func (c *conn) Write(ctx context.Context, msgs ...[]byte) error {
	stop := context.AfterFunc(ctx, func() { c.Close(collab.CloseGoingAway, "") })
	defer stop()
	if err := c.writeMessages(msgs); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	if c.pingDue.Load() {
		return c.ping()
	}
	return nil
}

func (c *conn) writeMessages(msgs [][]byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if len(msgs) == 1 {
		return c.writeMessage(msgs[0])
	}
	c.wire.cork()
	for _, b := range msgs {
		if err := c.writeMessage(b); err != nil {
			return errors.Join(err, c.wire.uncork())
		}
	}
	return c.wire.uncork()
}

// writeMessage is for whoever holds the lock.
func (c *conn) writeMessage(b []byte) error {
	select {
	case <-c.closed:
		return io.ErrClosedPipe
	default:
		return c.ws.Write(context.Background(), websocket.MessageBinary, b)
	}
}

// Heard says when the peer was last heard, byte by byte.
func (c *conn) Heard() time.Time { return c.wire.lastHeard() }

// Close starts the closing handshake and returns. After the grace period the network connection is cut, answered or not. Only the first call counts.
func (c *conn) Close(code int, reason string) {
	c.once.Do(func() {
		close(c.closed)
		c.tasks.Go(func() {
			cut := time.AfterFunc(c.timing.grace, func() { c.wire.Close() })
			defer cut.Stop()
			// The handshake's errors say that the peer is gone already, which is what was wanted.
			_ = c.ws.Close(websocket.StatusCode(code), cutReason(reason))
		})
	})
}

// drop ends a connection whose peer is gone: nobody would answer a handshake.
func (c *conn) drop() {
	c.once.Do(func() {
		close(c.closed)
		c.wire.Close()
		c.tasks.Go(func() { _ = c.ws.CloseNow() })
	})
}

// end closes the connection, if nobody has, and waits for all that it started. Nobody may be reading any more.
func (c *conn) end() {
	c.Close(int(websocket.StatusNormalClosure), "")
	c.tasks.Wait()
	c.giveBack()
}

// watch pings and ends the connection when its peer has been silent for too long while we were reading.
func (c *conn) watch() {
	pings := time.NewTicker(c.timing.ping)
	defer pings.Stop()
	check := time.NewTimer(c.timing.silence)
	defer check.Stop()
	for {
		select {
		case <-c.closed:
			return
		case <-pings.C:
			if err := c.ping(); err != nil {
				c.drop()
				return
			}
		case <-check.C:
			left := c.patience()
			if left <= 0 {
				c.drop()
				return
			}
			check.Reset(left)
		}
	}
}

// patience says for how much longer the peer may be silent.
func (c *conn) patience() time.Duration {
	began := c.reading.Load()
	if began == 0 {
		return c.timing.silence / 20 // paused: look again soon
	}
	last := max(began, c.wire.heard.Load())
	return c.timing.silence - time.Duration(c.wire.elapsed()-last)
}

// ping writes an empty ping frame (RFC 6455, 5.5.2), after the message that is being written, if there is one: then whoever holds the lock comes here when
// it has let go. (A long message's progress is a sign of life of its own.)
//
// It goes beside the library, whose own ping waits for the pong and ends the connection when the send buffer is full for five seconds. Between messages
// that is safe: every frame of the library's reaches the wire in one Write, but for messages, and those hold the lock.
func (c *conn) ping() error {
	c.pingDue.Store(true)
	if !c.writing.TryLock() {
		return nil
	}
	defer c.writing.Unlock()
	select {
	case <-c.closed:
		return nil
	default:
	}
	if !c.pingDue.CompareAndSwap(true, false) {
		return nil
	}
	if _, err := c.wire.Write([]byte{0x89, 0x00}); err != nil {
		return fmt.Errorf("write ping: %w", err)
	}
	return nil
}

// cutReason shortens a reason to what a close frame can carry, at the border of a character.
func cutReason(s string) string {
	if len(s) <= closeReasonBytes {
		return s
	}
	s = s[:closeReasonBytes]
	for len(s) > 0 {
		if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size > 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s
}
