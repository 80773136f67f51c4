package api

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// wireChunk is how many bytes go to the kernel at once, so that a long message is seen to make progress.
	wireChunk = 64 << 10
	// wireBlocked is how long a chunk takes when it found the send buffer full. Such a chunk gets through only because the peer acknowledged bytes.
	wireBlocked = 50 * time.Millisecond
	// wireBuffered is more than send buffers hold; what goes through beyond it shows the same.
	wireBuffered = 8 << 20
)

// wire is the network connection under a WebSocket. It notes when the peer was last heard, byte by byte and so below the level of frames, and gives up
// a write that makes no progress. Its methods may be called concurrently.
type wire struct {
	net.Conn
	began time.Time
	stall time.Duration // the longest time without progress of a write

	heard atomic.Int64 // when the peer was last heard, nanoseconds since began
	mu    sync.Mutex   // one Write at a time, so that what one call writes stays together

	corked bool    // guarded by mu
	kept   *[]byte // guarded by mu: what waits while it is corked; nil: nothing
}

// corks has buffers of wireChunk bytes for what waits.
var corks = sync.Pool{New: func() any { b := make([]byte, 0, wireChunk); return &b }}

func newWire(c net.Conn, stall time.Duration) *wire {
	return &wire{Conn: c, began: time.Now(), stall: stall}
}

// elapsed is the wire's own clock: nanoseconds since it was made.
func (w *wire) elapsed() int64 { return int64(time.Since(w.began)) }

// lastHeard is when the peer was last heard.
func (w *wire) lastHeard() time.Time { return w.began.Add(time.Duration(w.heard.Load())) }

// Read notes any byte as a sign of life.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.heard.Store(w.elapsed())
	}
	return n, err
}

// Write fails with os.ErrDeadlineExceeded when the peer took nothing for the stall time.
func (w *wire) Write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.corked {
		return w.write(p)
	}
	if w.kept != nil && len(*w.kept)+len(p) > wireChunk {
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) > wireChunk {
		return w.write(p)
	}
	if w.kept == nil {
		w.kept = corks.Get().(*[]byte)
	}
	*w.kept = append(*w.kept, p...)
	return len(p), nil
}

// cork keeps what is written from now on, as long as it is little, until uncork.
func (w *wire) cork() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.corked = true
}

// uncork sends what was kept.
func (w *wire) uncork() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.corked = false
	return w.flush()
}

// The caller of flush and write holds mu.

func (w *wire) flush() error {
	if w.kept == nil {
		return nil
	}
	_, err := w.write(*w.kept)
	*w.kept = (*w.kept)[:0]
	corks.Put(w.kept)
	w.kept = nil
	return err
}

func (w *wire) write(p []byte) (n int, err error) {
	for n < len(p) {
		began := time.Now()
		if err := w.SetWriteDeadline(began.Add(w.stall)); err != nil {
			return n, err
		}
		m, err := w.Conn.Write(p[n:min(n+wireChunk, len(p))])
		n += m
		if m > 0 && (n > wireBuffered || time.Since(began) > wireBlocked) {
			w.heard.Store(w.elapsed())
		}
		if err != nil && (m == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return n, err
		}
	}
	return n, nil
}

// wireTap puts a wire under the connection that an upgrade takes over.
type wireTap struct {
	http.ResponseWriter
	stall time.Duration
	wire  *wire // set by Hijack
}

// Hijack is called once by the upgrade.
func (t *wireTap) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	t.wire = newWire(c, t.stall)
	// What the server had read ahead stays in rw.Reader; the writer would go around the wire and is replaced.
	return t.wire, bufio.NewReadWriter(rw.Reader, bufio.NewWriterSize(t.wire, 4<<10)), nil
}
