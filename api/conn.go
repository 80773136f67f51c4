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

	"github.com/bizsync/bizsync/collab"
)

const (
	// firstBytes is what a message's memory begins with when it is longer; from there it grows with what arrives.
	firstBytes = 4 << 10
	// closeReasonBytes is what fits in a close frame beside the code (RFC 6455, 5.5).
	closeReasonBytes = maxControlBytes - 2
)

// errEnded: the connection is closed, or being closed.
var errEnded = errors.New("the connection has ended")

// conn is one WebSocket (RFC 6455, the server's side) as package collab sees it (collab.Conn).
//
// It costs little while nothing happens: no buffer, and no goroutine but the one that serves it, which is also its only reader. Pings, silence, stalled writes and
// unanswered closes are found by the node's watch (see sockets). Messages are read and written here, without the library's locks and timers for each.
type conn struct {
	of   *sockets
	wire wire
	at   int // in of.open, guarded by of.mu

	login *keptLogin // guarded by the mu of loginKeeper; nil: none

	// Owned by the reader.
	scratch  *[scratchBytes]byte // borrowed while it has bytes that were not looked at: those from r to w
	r, w     int
	part     [maxHeaderBytes]byte // the beginning of a header
	parted   int                  // how much of it
	frame    frameHeader          // the data frame that is being read
	left     int64                // bytes of its payload that were not looked at
	owner    string               // whose large frames it has (see frameBudget)
	limit    int64                // of a message; 0: that of the node
	rests    bool                 // Read says ErrQuiet instead of waiting for a message of a peer that is not lively
	arrived  error                // what await came to, for Read; nil: bytes, or nothing
	said     int64                // when the last message came
	streak   int                  // of messages without a long pause between them
	peerDone bool                 // the peer has sent its close frame, or is gone
	lost     bool                 // what arrives can't be read as frames any more

	heard   atomic.Int64 // when the peer was last heard, byte by byte and so below the level of frames, on the clock of sockets
	reading atomic.Int64 // when the Read in progress began, 0: reading is paused
	cutAt   atomic.Int64 // when the closing handshake has lasted long enough; 0: there is none

	large atomic.Pointer[largeFrameHold] // of the message that is read, or was read last; nil: it isn't large. Written by the reader

	// Guarded by mu; see send.go.
	mu      sync.Mutex
	rest    [][]byte // what the network didn't take yet, in order
	flusher bool     // somebody waits in wire.write, and is the only one to touch wire.out and rest[0]
	full    bool     // the network took less than it was given, last time
	stuck   int64    // since when the network has taken nothing of rest
	pong    []byte   // the answer to the last ping, which follows rest; nil: none
	ping    bool     // a ping follows rest
	last    []byte   // the close frame, which follows all; nil: none, or written
	closing bool     // nothing more is sent
	broken  error    // why nothing can be written any more
	pingAt  int64    // when the next ping is due
	giveUp  context.CancelFunc
}

var _ collab.Conn = (*conn)(nil)

// A peer is lively that has sent so many messages without a pause of this length.
const (
	livelyMessages = 8
	quietAfter     = int64(2 * time.Second)
)

// Read returns the next binary message. io.EOF says that the client left in good order. With rests it waits only for who is lively or in the middle of a message, and else
// gives collab.ErrQuiet: await waits then, on a smaller stack.
func (c *conn) Read() ([]byte, error) {
	c.giveBack()
	if c.cutAt.Load() != 0 {
		return nil, errEnded
	}
	c.reading.Store(max(c.of.now(), 1))
	b, err := c.message()
	if errors.Is(err, collab.ErrQuiet) {
		return nil, err // and await goes on reading
	}
	c.reading.Store(0)
	switch {
	case err == nil:
		c.note(c.heard.Load())
		return b, nil
	case c.cutAt.Load() != 0 && !errors.Is(err, io.EOF):
		return nil, errEnded // by us; what the reader noticed of it says nothing
	}
	return nil, err
}

// note notes that a message has come.
func (c *conn) note(at int64) {
	if at-c.said > quietAfter {
		c.streak = 0
	}
	c.said = at
	c.streak++
}

// mayRest says whether Read needn't wait here.
func (c *conn) mayRest() bool {
	return c.rests && c.wire.raw != nil && c.arrived == nil && (c.streak < livelyMessages || c.heard.Load()-c.said > quietAfter)
}

// await waits until something has arrived, or Read has an error to tell. It comes between two calls of Read of which the first gave collab.ErrQuiet. A connection at rest holds a
// goroutine that waits here, so the way is short and all frames small: two KiB of stack have to do.
func (c *conn) await() {
	s, n, err := c.wire.readScratch()
	if err != nil {
		c.arrived = err
		return
	}
	c.heard.Store(c.of.now())
	c.scratch, c.r, c.w = s, 0, n
}

// Limit bounds the messages that Read takes from now on.
func (c *conn) Limit(bytes int64) { c.limit = bytes }

// most is the largest message that is read now.
func (c *conn) most() int64 {
	if c.limit > 0 {
		return min(c.limit, c.of.limit)
	}
	return c.of.limit
}

// message reads frames up to the end of a message, and answers control frames on the way.
func (c *conn) message() ([]byte, error) {
	var msg []byte
	for first := true; ; first = false {
		if err := c.dataFrame(first); err != nil {
			return nil, err
		}
		if most := c.most(); c.frame.size > most-int64(len(msg)) {
			return nil, &collab.CloseError{Code: collab.CloseTooLarge, Reason: fmt.Sprintf("a frame may have at most %d bytes", most)}
		}
		var err error
		if msg, err = c.payload(msg, first && c.frame.final); err != nil {
			return nil, err
		}
		if c.frame.final {
			if h := c.large.Load(); h != nil {
				c.of.budget.whole(h)
			}
			return exact(msg), nil
		}
	}
}

// exact gives a message memory of its own size, where it has much more.
func exact(msg []byte) []byte {
	if cap(msg)-len(msg) > cap(msg)/4 {
		return append(make([]byte, 0, len(msg)), msg...)
	}
	return msg[:len(msg):len(msg)]
}

// dataFrame reads the header of the next frame that carries a message: the first, or one that continues it.
func (c *conn) dataFrame(first bool) error {
	for {
		h, err := c.header(first)
		if err != nil {
			return err
		}
		switch {
		case h.control():
			if err := c.control(h); err != nil {
				return err
			}
			continue
		case h.opcode == opText:
			err = malformedFrame("text messages are not part of the protocol")
		case first != (h.opcode == opBinary):
			err = malformedFrame("a message is in one piece, or continued")
		}
		c.frame, c.left = h, h.size
		return err
	}
}

// header reads a frame's header; between two messages the connection may rest.
func (c *conn) header(between bool) (frameHeader, error) {
	for {
		if c.parted == 0 {
			if h, n, err := c.parse(c.unread()); n > 0 || err != nil {
				c.skip(n)
				return h, err
			}
		}
		// The few bytes of a header that is cut in two are kept apart, so that nobody holds a scratch by sending one.
		for c.r < c.w && c.parted < len(c.part) {
			c.part[c.parted] = c.scratch[c.r]
			c.parted++
			c.skip(1)
			if h, n, err := c.parse(c.part[:c.parted]); n > 0 || err != nil {
				c.parted = 0
				return h, err
			}
		}
		if between && c.parted == 0 && c.mayRest() {
			return frameHeader{}, collab.ErrQuiet
		}
		if err := c.fill(); err != nil {
			return frameHeader{}, err
		}
	}
}

func (c *conn) parse(b []byte) (frameHeader, int, error) {
	h, n, err := parseFrameHeader(b)
	c.lost = c.lost || err != nil
	return h, n, err
}

// unread is what has arrived and was not looked at.
func (c *conn) unread() []byte {
	if c.scratch == nil {
		return nil
	}
	return c.scratch[c.r:c.w]
}

// skip is done with n bytes of unread.
func (c *conn) skip(n int) {
	if c.r += n; c.r == c.w && c.scratch != nil {
		scratches.Put(c.scratch)
		c.scratch, c.r, c.w = nil, 0, 0
	}
}

// fill waits for bytes when there are none.
func (c *conn) fill() error {
	if c.arrived == nil {
		c.await()
	}
	if err := c.arrived; err != nil {
		c.arrived = nil
		return c.readError(err)
	}
	return nil
}

// payload appends what the frame carries to msg. The memory grows with what has arrived, never with what a header claims; whole says that the frame is all of the
// message, so that its end is known.
func (c *conn) payload(msg []byte, whole bool) ([]byte, error) {
	if msg == nil && c.left == 0 {
		return []byte{}, nil
	}
	for c.left > 0 {
		if c.r == c.w && c.left < scratchBytes {
			// Together with whatever follows it.
			if err := c.fill(); err != nil {
				return nil, err
			}
		}
		if len(msg) == cap(msg) {
			grown, err := c.grow(msg, whole)
			if err != nil {
				return nil, err
			}
			msg = grown
		}
		room := msg[len(msg):min(int64(cap(msg)), int64(len(msg))+c.left)]
		n := copy(room, c.unread())
		if n > 0 {
			c.skip(n)
		} else {
			var err error
			if n, err = c.wire.readInto(room); err != nil {
				return nil, c.readError(err)
			}
			c.heard.Store(c.of.now())
		}
		unmask(room[:n], c.frame.key, c.frame.size-c.left)
		c.left -= int64(n)
		msg = msg[:len(msg)+n]
		if h := c.large.Load(); h != nil {
			h.came(n, c.of.now(), c.of.timing.window)
		}
	}
	return msg, nil
}

// grow makes room for what is there and as much again.
func (c *conn) grow(msg []byte, whole bool) ([]byte, error) {
	size, most := max(2*int64(len(msg)), firstBytes, int64(len(msg))+min(c.left, int64(c.w-c.r))), c.most()
	if whole {
		most = c.frame.size
	}
	size = min(size, most)
	if err := c.take(size, most); err != nil {
		return nil, err
	}
	return append(make([]byte, 0, size), msg...), nil
}

// control reads a control frame's payload and answers it. io.EOF says that the client leaves.
func (c *conn) control(h frameHeader) error {
	var p []byte
	if n := int(h.size); n > 0 && c.w-c.r >= n {
		p = c.scratch[c.r : c.r+n] // answered before anybody else gets the scratch
		defer c.skip(n)
	} else if n > 0 {
		p = make([]byte, 0, n)
		for len(p) < n {
			if c.r == c.w {
				if err := c.fill(); err != nil {
					c.lost = true
					return err
				}
			}
			b := c.unread()
			b = b[:min(len(b), n-len(p))]
			p = append(p, b...)
			c.skip(len(b))
		}
	}
	unmask(p, h.key, 0)
	switch h.opcode {
	case opPing:
		c.sayPong(p)
	case opClose:
		c.peerDone = true
		code, err := parseClose(p)
		if err != nil {
			return malformedFrame(err.Error())
		}
		c.Close(code, "")
		return io.EOF
	}
	return nil
}

// take holds size bytes of the node's budget for a message that may become most bytes. Waiting for it is a pause of our own, not silence of the peer.
func (c *conn) take(size, most int64) error {
	if size <= largeFrame {
		return nil
	}
	h := c.large.Load()
	var given <-chan struct{}
	if h == nil {
		h, given = c.of.budget.enter(c.owner, most, size)
	} else {
		given = c.of.budget.grow(h, size)
	}
	if given != nil {
		c.reading.Store(0)
	}
	h.paid.Store(c.of.now() + int64(c.of.timing.window))
	c.large.Store(h)
	if given == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.of.timing.budget)
	defer cancel()
	c.whenClosed(cancel)
	defer c.whenClosed(nil)
	select {
	case <-given:
	case <-ctx.Done():
		return &collab.CloseError{Code: collab.CloseTryAgain, Reason: "too many large frames at once"}
	}
	now := c.of.now()
	h.paid.Store(now + int64(c.of.timing.window))
	c.reading.Store(max(now, 1))
	return nil
}

// whenClosed has Close call f, once and at once if it was called already; nil: nothing any more.
func (c *conn) whenClosed(f context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.giveUp = f; c.closing && f != nil {
		f()
	}
}

// giveBack returns what the last large frame held of the budget.
func (c *conn) giveBack() {
	if h := c.large.Load(); h != nil {
		c.large.Store(nil)
		c.of.budget.leave(h)
	}
}

// readError is for what the network says: its end is the peer's way of leaving.
func (c *conn) readError(err error) error {
	if errors.Is(err, io.EOF) {
		c.peerDone = true
		return io.EOF
	}
	return fmt.Errorf("read frame: %w", err)
}

// Heard says when the peer was last heard, byte by byte.
func (c *conn) Heard() time.Time { return c.of.began.Add(time.Duration(c.heard.Load())) }

// Close starts the closing handshake and returns: the close frame follows what is being written, and whoever is reading stops. After the grace period the network
// connection is cut, answered or not. Only the first call counts.
func (c *conn) Close(code int, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close(code, reason)
}

// close is Close for who holds mu.
func (c *conn) close(code int, reason string) {
	if c.closing {
		return
	}
	c.closing = true
	var payload []byte
	if code != closeNoStatus {
		payload = append([]byte{byte(code >> 8), byte(code)}, cutReason(reason)...)
	}
	c.last = append(appendFrameHeader(nil, opClose, len(payload)), payload...)
	c.follow()
	c.end(c.of.timing.grace)
}

// drop ends a connection whose peer is gone: nobody would answer a handshake. The caller holds mu.
func (c *conn) drop() {
	c.closing = true
	c.end(0)
	c.wire.Close()
}

// end sets the time at which the connection is cut and wakes whoever reads. The caller holds mu.
func (c *conn) end(grace time.Duration) {
	c.cutAt.Store(max(c.of.now(), 1) + int64(grace))
	if c.giveUp != nil {
		c.giveUp()
	}
	// Fails only for a connection that is closed already.
	_ = c.wire.SetReadDeadline(time.Unix(1, 0))
}

// finish closes the connection, if nobody has, in good order as far as the peer takes part, and gives back all that it holds. It is called once, by the reader, who
// reads no more.
func (c *conn) finish() {
	c.Close(collab.CloseNormal, "")
	c.giveBack()
	c.lingering()
	c.wire.Close()
	if c.scratch != nil {
		c.skip(c.w - c.r)
	}
	c.of.remove(c)
}

// lingering reads on until the peer has answered the close frame, or is cut. What is closed with unread bytes would lose the close frame on its way.
func (c *conn) lingering() {
	c.arrived = nil // of who waited at rest: most likely the deadline that closing has set
	c.mu.Lock()
	err := c.wire.SetReadDeadline(time.Time{})
	unwritten := len(c.rest) > 0 && !c.flusher && c.broken == nil
	c.mu.Unlock()
	if unwritten {
		_ = c.Flush() // it says that the connection has ended, which it has
	}
	for err == nil && !c.peerDone {
		switch {
		case c.lost:
			c.skip(c.w - c.r)
			err = c.fill()
		case c.left > 0:
			if c.r == c.w {
				err = c.fill()
			}
			n := min(c.left, int64(c.w-c.r))
			c.left -= n
			c.skip(int(n))
		default:
			var h frameHeader
			if h, err = c.header(false); c.lost {
				err = nil
			} else if err == nil && h.control() {
				err = c.control(h)
			} else if err == nil {
				c.left = h.size
			}
		}
	}
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
