package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/wire"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// Messages of Hocuspocus alone; those of y-websocket it puts behind a document's name.
const (
	messageStatus = 8
	messagePing   = 9
	messagePong   = 10

	authToken, authDenied, authGranted = 0, 1, 2

	// providerVersion is that of the Hocuspocus provider whose frames ours are.
	providerVersion = "4.8.0"
)

// endpoint is how clients reach a server.
type endpoint struct {
	urls       []string // of each node; {room} stands for a room's name
	hocuspocus bool     // what it speaks; y-websocket otherwise
	token      string   // Hocuspocus's
	headers    []http.Header
}

// clock gives the time since the harness began; all moments count from there.
type clock struct{ zero time.Time }

func (c clock) now() time.Duration { return time.Since(c.zero) }

// sleepUntil waits for a moment.
func (c clock) sleepUntil(ctx context.Context, at time.Duration) error { return sleep(ctx, at-c.now()) }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// client is one connection to a server, in one room.
type client struct {
	// Set before it connects.
	number      int // of all clients of the server: which headers it has, and its awareness id
	node        int
	room        string
	server      *endpoint
	clock       clock
	announces   bool                                                     // an awareness state when it joins
	onSync      func(step uint64, update []byte, at time.Duration) error // is told of step 2 and updates by the reader; nil: they don't matter
	onAwareness func(update []byte, at time.Duration) error              // likewise
	buffer      []byte                                                   // that messages are read into
	keeps       bool                                                     // what onSync is told stays as it is

	name   []byte // in front of every message; empty in y-websocket
	ws     *websocket.Conn
	joined chan struct{} // closed with the first step 2
	ended  chan struct{} // closed when reading has ended

	leaving       atomic.Bool
	frames, bytes atomic.Uint64 // received

	writing sync.Mutex // guards what follows
	message []byte

	// Owned by the reader.
	at        time.Duration // when the message came that is handled
	kept      int           // bytes at the beginning of the buffer that stay
	isJoined  bool
	asked     bool // it has sent step 1
	answered  bool // it has answered the server's step 1
	statuses  uint64
	malformed uint64
	refused   uint64
	err       error // why reading ended; nil after leaving
}

// joinTime is how long joining may take, where that isn't what is measured.
const joinTime = 20 * time.Second

var errDenied = errors.New("the server denies it")

// connect opens the socket and asks for the document; joined tells when it is there.
func (c *client) connect(ctx context.Context) error {
	options := &websocket.DialOptions{HTTPHeader: http.Header{}}
	if n := len(c.server.headers); n > 0 {
		options.HTTPHeader = c.server.headers[c.number%n].Clone()
	}
	ws, _, err := websocket.Dial(ctx, strings.ReplaceAll(c.server.urls[c.node%len(c.server.urls)], "{room}", c.room), options)
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	ws.SetReadLimit(-1)
	c.ws, c.joined, c.ended = ws, make(chan struct{}), make(chan struct{})
	if !c.server.hocuspocus {
		c.asked = true
		go c.read()
		return c.ask()
	}
	c.name = lib0.AppendVarString(nil, c.room)
	go c.read()
	hello := append(c.name[:len(c.name):len(c.name)], wire.Auth, authToken)
	hello = lib0.AppendVarString(hello, c.server.token)
	return c.write(lib0.AppendVarString(hello, providerVersion))
}

// join connects and returns when the client has what the server has.
func (c *client) join(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	if err := c.connect(ctx); err != nil {
		c.leave()
		return err
	}
	select {
	case <-c.joined:
		return nil
	case <-c.ended:
		return fmt.Errorf("join: %w", c.err)
	case <-ctx.Done():
		c.leave()
		return fmt.Errorf("join: no step 2: %w", ctx.Err())
	}
}

// leave ends the connection and waits for its reader, if it was ever open.
func (c *client) leave() {
	if c.ws == nil {
		return
	}
	c.leaving.Store(true)
	// A close frame goes out; its answer is waited for a moment only.
	hurry := time.AfterFunc(200*time.Millisecond, func() { _ = c.ws.CloseNow() })
	_ = c.ws.Close(websocket.StatusNormalClosure, "") // it may be closed already
	hurry.Stop()
	<-c.ended
}

// alive says whether the connection is open. Whoever asks comes after the end of join.
func (c *client) alive() bool {
	if c.ws == nil {
		return false
	}
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// ask sends step 1: what the server has, for somebody who has nothing.
func (c *client) ask() error {
	if err := c.sync(wire.Step1, []byte{0}); err != nil {
		return err
	}
	if !c.announces {
		return nil
	}
	state := fmt.Sprintf(`{"user":{"name":"user %d","color":"#30bced"},"cursor":{"anchor":1,"head":1}}`, c.number)
	return c.awareness(appendState([]byte{1}, c.awarenessID(), 1, state))
}

func (c *client) awarenessID() uint64 {
	const first = 500_000_000
	return first + uint64(c.number)
}

// appendState appends an entry of an awareness update.
func appendState(update []byte, client, clock uint64, state string) []byte {
	return lib0.AppendVarString(lib0.AppendVarUint(lib0.AppendVarUint(update, client), clock), state)
}

// sync sends a sync message.
func (c *client) sync(step byte, payload []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.message = lib0.AppendVarBytes(append(append(c.message[:0], c.name...), wire.Sync, step), payload)
	return c.write(c.message)
}

// awareness sends an awareness update.
func (c *client) awareness(update []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.message = lib0.AppendVarBytes(append(append(c.message[:0], c.name...), wire.Awareness), update)
	return c.write(c.message)
}

// write has no context, like read: one would cost a registration for each message, and leave ends it as well.
func (c *client) write(message []byte) error {
	if err := c.ws.Write(context.Background(), websocket.MessageBinary, message); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// read handles what comes until the connection ends.
func (c *client) read() {
	defer close(c.ended)
	for {
		message, err := c.next()
		if err == nil {
			c.at = c.clock.now()
			c.frames.Add(1)
			c.bytes.Add(uint64(len(message)))
			if err = c.handle(message); errors.Is(err, wire.ErrCut) || errors.Is(err, errUnknown) {
				c.malformed++
				continue
			}
		}
		if err != nil {
			if !c.leaving.Load() {
				c.err = err
				_ = c.ws.CloseNow() // it was closed by the other side, or is now
			}
			return
		}
	}
}

// next reads a message into the buffer, which grows.
func (c *client) next() ([]byte, error) {
	_, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return nil, err
	}
	const least = 4 << 10
	end := c.kept
	for {
		if end == len(c.buffer) {
			larger := make([]byte, max(2*(end-c.kept), least))
			end = copy(larger, c.buffer[c.kept:end])
			c.buffer, c.kept = larger, 0
		}
		n, err := r.Read(c.buffer[end:])
		end += n
		if errors.Is(err, io.EOF) {
			message := c.buffer[c.kept:end]
			if c.keeps {
				c.kept = end
			}
			return message, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (c *client) handle(message []byte) error {
	d := decoder{wire.Decoder{Rest: message}}
	if c.server.hocuspocus {
		if len(message) == 1 { // about the connection, not a document
			if message[0] == messagePing {
				return c.write([]byte{messagePong})
			}
			return nil
		}
		d.Bytes()
	}
	switch kind := d.Number(); kind {
	case wire.Sync:
		step, update := d.Number(), d.Bytes()
		if d.Err != nil {
			return d.Err
		}
		return c.synced(step, update)
	case wire.Awareness:
		if update := d.Bytes(); d.Err == nil && c.onAwareness != nil {
			return c.onAwareness(update, c.at)
		}
	case wire.Auth:
		switch what := d.Number(); {
		case !c.server.hocuspocus:
			c.refused++ // what y-websocket's clients are told about a single message
		case what == authDenied:
			return fmt.Errorf("%w: %q", errDenied, d.Bytes())
		case what == authGranted && !c.asked:
			c.asked = true
			return c.ask()
		}
	case messageStatus:
		if c.statuses++; d.Number() == 0 {
			c.refused++
		}
	}
	return d.Err
}

func (c *client) synced(step uint64, update []byte) error {
	if step == wire.Step1 {
		if c.answered {
			return nil
		}
		c.answered = true
		return c.sync(wire.Step2, []byte{0, 0}) // it has nothing when it joins, and later there is no reason to ask
	}
	if c.onSync != nil {
		if err := c.onSync(step, update, c.at); err != nil {
			return err
		}
	}
	if step == wire.Step2 && !c.isJoined {
		c.isJoined = true
		close(c.joined)
	}
	return nil
}
