package api

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/coder/websocket"
)

const (
	// scratchBytes is what is read from a connection at once: many frames of typing.
	scratchBytes = 8 << 10
	// gatherBytes is what is written to a connection at once from several messages.
	gatherBytes = 64 << 10
)

// A connection at rest has no buffer; it borrows one while bytes go through.
var (
	scratches = sync.Pool{New: func() any { return new([scratchBytes]byte) }}
	gathers   = sync.Pool{New: func() any { b := make([]byte, 0, gatherBytes); return &b }}
)

// wire is the network connection under a WebSocket: reads that hold no buffer while they wait, and writes that needn't wait. One goroutine at a time reads and
// one writes.
type wire struct {
	net.Conn
	raw   syscall.RawConn // nil: only waiting reads and writes
	stall time.Duration   // bounds a write where raw is nil

	out outgoing
	in  incoming
}

// outgoing is a write in progress.
type outgoing struct {
	step func(fd uintptr) bool // made once, so that a write allocates nothing
	p    []byte
	wait bool // until the network takes something
	n    int
	err  error
}

// incoming is a read in progress.
type incoming struct {
	step func(fd uintptr) bool
	p    []byte              // nil: a scratch is borrowed
	lent *[scratchBytes]byte // the scratch
	n    int
	err  error
}

func (w *wire) init(c net.Conn, stall time.Duration) {
	w.Conn, w.stall = c, stall
	if s, ok := c.(syscall.Conn); ok && triable {
		if raw, err := s.SyscallConn(); err == nil {
			w.raw, w.out.step, w.in.step = raw, w.writeStep, w.readStep
		}
	}
}

// write writes what the network takes now, which may be nothing; with wait, it waits until that is something. Where writes can't be tried, it always waits,
// until everything is written.
func (w *wire) write(p []byte, wait bool) (int, error) {
	if w.raw == nil {
		if err := w.SetWriteDeadline(time.Now().Add(w.stall)); err != nil {
			return 0, fmt.Errorf("write: %w", err)
		}
		return w.Write(p)
	}
	o := &w.out
	o.p, o.wait, o.n, o.err = p, wait, 0, nil
	err := w.raw.Write(o.step)
	o.p = nil
	if err != nil {
		return 0, fmt.Errorf("write: %w", err)
	}
	return o.n, o.err
}

func (w *wire) writeStep(fd uintptr) bool {
	o := &w.out
	o.n, o.err = tryWrite(fd, o.p)
	return o.n > 0 || o.err != nil || !o.wait
}

// readInto waits until something has arrived and reads it.
func (w *wire) readInto(p []byte) (int, error) {
	if w.raw == nil {
		n, err := w.Read(p)
		if n > 0 {
			err = nil // the next Read says it again
		}
		return n, err
	}
	in := &w.in
	in.p, in.n, in.err = p, 0, nil
	err := w.raw.Read(in.step)
	in.p = nil
	if err != nil {
		return 0, fmt.Errorf("read: %w", err)
	}
	return in.n, in.err
}

// readScratch waits until something has arrived and reads it into a borrowed scratch, which the caller puts back. There is none with an error.
func (w *wire) readScratch() (*[scratchBytes]byte, int, error) {
	if w.raw == nil {
		s := scratches.Get().(*[scratchBytes]byte)
		n, err := w.Read(s[:])
		if n > 0 {
			return s, n, nil
		}
		scratches.Put(s)
		return nil, 0, err
	}
	n, err := w.readInto(nil)
	s := w.in.lent
	w.in.lent = nil
	return s, n, err
}

func (w *wire) readStep(fd uintptr) bool {
	in := &w.in
	if in.p != nil {
		in.n, in.err = tryRead(fd, in.p)
		return in.n > 0 || in.err != nil
	}
	s := scratches.Get().(*[scratchBytes]byte)
	if in.n, in.err = tryRead(fd, s[:]); in.n > 0 {
		in.lent = s
		return true
	}
	scratches.Put(s)
	return in.err != nil
}

// upgraded is what is left of a request that became a WebSocket.
type upgraded struct {
	conn        net.Conn
	ahead       []byte // what the HTTP server had read already
	subprotocol string
}

// upgrade answers the opening handshake and takes the connection over from the HTTP server. When it fails, it has answered. The origin must have been checked.
//
// The library does the handshake, and no more: a connection of its own holds kilobytes of buffers and locks. Compression is not agreed to.
func upgrade(w http.ResponseWriter, r *http.Request) (upgraded, error) {
	tap := &wireTap{ResponseWriter: w}
	ws, err := websocket.Accept(tap, r, &websocket.AcceptOptions{Subprotocols: []string{acksProtocol}, InsecureSkipVerify: true})
	if err != nil {
		if tap.taken.conn != nil {
			tap.taken.conn.Close()
		}
		return upgraded{}, fmt.Errorf("upgrade: %w", err)
	}
	tap.taken.subprotocol = ws.Subprotocol()
	// It has a finalizer, and is never collected before it is closed.
	_ = ws.CloseNow()
	return tap.taken, nil
}

// wireTap keeps the connection that an upgrade takes over, and gives the upgrade a dead one.
type wireTap struct {
	http.ResponseWriter
	taken upgraded // set by Hijack
}

// Hijack is called once by the upgrade.
func (t *wireTap) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	t.taken.conn = c
	if n := rw.Reader.Buffered(); n > 0 {
		ahead, err := rw.Reader.Peek(n)
		if err != nil {
			c.Close()
			return nil, nil, fmt.Errorf("read ahead: %w", err)
		}
		t.taken.ahead = bytes.Clone(ahead)
	}
	none := &deadConn{}
	return none, bufio.NewReadWriter(bufio.NewReaderSize(none, 1), bufio.NewWriterSize(io.Discard, 1)), nil
}

// deadConn is at its end from the start. Closing it closes nothing, so that the library's connection may be forgotten.
type deadConn struct{ net.Conn }

func (*deadConn) Read([]byte) (int, error)    { return 0, io.EOF }
func (*deadConn) Write(p []byte) (int, error) { return len(p), nil }
func (*deadConn) Close() error                { return nil }
