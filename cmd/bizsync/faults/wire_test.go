package faults

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// wire is a node's way to Redis on which single messages between nodes can be lost, repeated, held back or changed.
type wire struct {
	listener net.Listener
	backend  string
	wg       sync.WaitGroup

	mu     sync.Mutex // guards what follows
	pairs  map[*pair]bool
	tamper func(message) []message // what a document's message becomes; nil: itself
	closed bool
}

// pair is a connection through the wire.
type pair struct {
	node, redis net.Conn
	swallowed   atomic.Bool
}

func (p *pair) close() {
	p.node.Close()
	p.redis.Close()
}

func newWire(backend string) (*wire, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wire{listener: l, backend: backend, pairs: map[*pair]bool{}}
	w.wg.Go(w.accept)
	return w, nil
}

func (w *wire) addr() string { return w.listener.Addr().String() }

func (w *wire) accept() {
	for {
		node, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.wg.Go(func() { w.connect(node) })
	}
}

func (w *wire) connect(node net.Conn) {
	redis, err := net.Dial("tcp", w.backend)
	if err != nil {
		node.Close()
		return
	}
	p := &pair{node: node, redis: redis}
	w.mu.Lock()
	w.pairs[p] = true
	if w.closed {
		p.close()
	}
	w.mu.Unlock()
	w.wg.Go(func() {
		defer p.close()
		_, _ = io.Copy(swallowing{redis, p}, node)
	})
	defer func() {
		p.close()
		w.mu.Lock()
		delete(w.pairs, p)
		w.mu.Unlock()
	}()
	in := bufio.NewReader(redis)
	for {
		v, err := readValue(in)
		if err != nil {
			return
		}
		if _, err := (swallowing{node, p}).Write(w.pass(v)); err != nil {
			return
		}
	}
}

// pass gives what a value from Redis becomes.
func (w *wire) pass(v value) []byte {
	m, ok := v.message()
	if !ok || !bytes.HasPrefix(m.channel, []byte("document:")) {
		return v.raw
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tamper == nil {
		return v.raw
	}
	var b []byte
	for _, m := range w.tamper(m) {
		b = appendStrings(b, v.strings[0], v.strings[1], m.channel, m.payload)
	}
	return b
}

// swallowing writes to a connection until its pair is swallowed; then it only pretends.
type swallowing struct {
	to net.Conn
	p  *pair
}

func (s swallowing) Write(b []byte) (int, error) {
	if s.p.swallowed.Load() {
		return len(b), nil
	}
	return s.to.Write(b)
}

// with has documents' messages become something else from now on; nil: they pass as they are. f is called by one goroutine at a time.
func (w *wire) with(f func(message) []message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tamper = f
}

// swallow lets nothing through any more on the connections of this moment, and neither end notices. New ones work.
func (w *wire) swallow() (connections int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.pairs {
		p.swallowed.Store(true)
	}
	return len(w.pairs)
}

func (w *wire) close() {
	w.listener.Close()
	w.mu.Lock()
	w.closed = true
	for p := range w.pairs {
		p.close()
	}
	w.mu.Unlock()
	w.wg.Wait()
}
