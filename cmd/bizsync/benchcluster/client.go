package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
	"github.com/bizsync/bizsync/cmd/bizsync/lab/wire"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// timetable says when everybody types. Durations count from its zero.
type timetable struct {
	zero     time.Time
	start    atomic.Int64  // when the first letter is due, in nanoseconds; set before anybody types
	every    time.Duration // of one writer
	warmUp   time.Duration // not measured
	measured time.Duration // thereafter
}

func (t *timetable) now() time.Duration { return time.Since(t.zero) }

// due is when a writer's nth letter is, who begins at an offset of their own.
func (t *timetable) due(offset time.Duration, n uint64) time.Duration {
	return time.Duration(t.start.Load()) + offset + time.Duration(n)*t.every
}

// counts says whether what is due then is measured.
func (t *timetable) counts(due time.Duration) bool {
	since := due - time.Duration(t.start.Load())
	return since >= t.warmUp && since < t.warmUp+t.measured
}

// end is when the last letter has been due.
func (t *timetable) end() time.Duration {
	return time.Duration(t.start.Load()) + t.warmUp + t.measured
}

// room is a document and who is connected to it. Its writers' number is that of their Yjs client id above firstClient.
type room struct {
	doc     string
	clients []*client
	writers []*client
}

// client is one connection. What isn't atomic belongs to its reader until that has ended, or to its writer.
type client struct {
	// Set at construction.
	room   *room
	seat   int // in the room, from 0
	node   int
	writer int           // its number among the room's, -1: it only reads
	offset time.Duration // of its first letter
	table  *timetable
	ws     *websocket.Conn

	joined  chan struct{} // closed when the server has answered step 1
	ended   chan struct{} // closed when reading has ended
	leaving atomic.Bool

	sent      atomic.Uint64 // letters
	decided   atomic.Uint64 // update frames, of which the empty step 2 at the beginning is the first
	delivered atomic.Uint64 // letters of others, each once

	lag timing.Histogram // owned by the writer: how late it was itself

	// Owned by the reader.
	isJoined   bool
	heard      []receipt // of each of the room's writers
	echoed     uint64    // own letters that came back
	askedAgain int       // step 1 messages after the first
	refused    uint64
	elsewhere  timing.Histogram // from when a letter was due until it came, typed at another node
	here       timing.Histogram // and at this one
	acks       timing.Histogram // from when a letter was due until it was acknowledged
	err        error            // why reading ended; nil after leaving
}

// connect opens the document's socket and returns when the client has what the server has.
func (c *client) connect(ctx context.Context, url string) error {
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{"bizsync.v1"}})
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	ws.SetReadLimit(-1)
	c.ws, c.joined, c.ended = ws, make(chan struct{}), make(chan struct{})
	go c.read()
	if err := ws.Write(ctx, websocket.MessageBinary, []byte{wire.Sync, wire.Step1, 1, 0}); err != nil {
		return fmt.Errorf("ask for the document: %w", err)
	}
	select {
	case <-c.joined:
		return nil
	case <-c.ended:
		return fmt.Errorf("join: %w", c.err)
	case <-ctx.Done():
		return fmt.Errorf("join: %w", ctx.Err())
	}
}

// leave ends the connection and waits for its reader, if it was ever open.
func (c *client) leave() {
	if c.ws == nil {
		return
	}
	c.leaving.Store(true)
	_ = c.ws.CloseNow() // it was closed by the other side
	<-c.ended
}

// read handles what comes until the connection ends. It has no context: one would cost a registration for each message, and leave ends it as well.
func (c *client) read() {
	defer close(c.ended)
	buffer := make([]byte, 1024)
	for {
		n, err := c.message(&buffer)
		if err == nil {
			err = c.handle(buffer[:n])
		}
		if err != nil {
			if !c.leaving.Load() {
				c.err = err
				_ = c.ws.CloseNow()
			}
			return
		}
	}
}

// message reads one into the buffer, which grows.
func (c *client) message(buffer *[]byte) (n int, err error) {
	_, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return 0, err
	}
	for {
		if n == len(*buffer) {
			*buffer = append(*buffer, make([]byte, n)...)
		}
		k, err := r.Read((*buffer)[n:])
		n += k
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

func (c *client) handle(message []byte) error {
	at := c.table.now()
	d := wire.Decoder{Rest: message}
	switch kind := d.Number(); kind {
	case wire.Sync:
		step, body := d.Number(), d.Bytes()
		if d.Err != nil {
			return d.Err
		}
		if step == wire.Step1 {
			return c.answer()
		}
		if step == wire.Step2 && !c.isJoined {
			c.isJoined = true
			close(c.joined)
		}
		return c.hear(body, at)
	case messageAck:
		decided := d.Number()
		if d.Err != nil {
			return d.Err
		}
		// The first frame was the empty step 2, the next one brought letter 0.
		for frame := max(c.decided.Load()+1, 2); frame <= decided; frame++ {
			if due := c.table.due(c.offset, frame-2); c.table.counts(due) {
				c.acks.Add(at - due)
			}
		}
		c.decided.Store(decided)
	case messageRefused:
		c.refused++
	case wire.Auth:
		return fmt.Errorf("denied: %q", d.Rest)
	}
	return d.Err
}

// answer answers the server's step 1 by an empty step 2: nobody has anything when they join, and later the server has no reason to ask.
func (c *client) answer() error {
	if c.isJoined {
		c.askedAgain++
		return nil
	}
	return c.ws.Write(context.Background(), websocket.MessageBinary, lib0.AppendVarBytes([]byte{wire.Sync, wire.Step2}, []byte{0, 0}))
}

// hear notes the letters of an update.
func (c *client) hear(update []byte, at time.Duration) error {
	return readLetters(update, func(r letters) error {
		i := r.client - firstClient
		if i >= uint64(len(c.heard)) {
			return fmt.Errorf("%w: letters of client %d", errNotTyped, r.client)
		}
		if int(i) == c.writer {
			c.echoed += uint64(len(r.text))
			return nil
		}
		fresh, err := c.heard[i].take(r)
		c.delivered.Add(fresh)
		if err != nil || fresh < uint64(len(r.text)) { // what has been here before is counted as doubled, and not timed
			return err
		}
		author := c.room.writers[i]
		took := &c.here
		if author.node != c.node {
			took = &c.elsewhere
		}
		for n := r.clock; n < r.clock+fresh; n++ {
			if due := c.table.due(author.offset, n); c.table.counts(due) {
				took.Add(at - due)
			}
		}
		return nil
	})
}

// write types by the timetable, to its end.
func (c *client) write(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var message []byte
	for n := uint64(0); ; n++ {
		due := c.table.due(c.offset, n)
		if due >= c.table.end() {
			return nil
		}
		timer.Reset(due - c.table.now())
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if c.table.counts(due) {
			c.lag.Add(c.table.now() - due)
		}
		message = appendTyped(message[:0], firstClient+uint64(c.writer), n)
		// Without a context for the same reason as in read: leave ends it.
		if err := c.ws.Write(context.Background(), websocket.MessageBinary, message); err != nil {
			return fmt.Errorf("type letter %d: %w", n, err)
		}
		c.sent.Add(1)
	}
}
