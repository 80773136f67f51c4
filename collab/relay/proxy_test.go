package relay

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy is a network between a node and Redis that a test can break.
type proxy struct {
	listener net.Listener
	backend  string
	wg       sync.WaitGroup

	mu     sync.Mutex
	links  []*link
	closed bool
}

type link struct {
	ends      [2]net.Conn
	swallowed atomic.Bool
}

func startProxy(t *testing.T, backend string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, backend: backend}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) url() string { return "redis://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.backend)
		if err != nil {
			client.Close()
			continue
		}
		l := &link{ends: [2]net.Conn{client, server}}
		p.mu.Lock()
		if p.closed {
			l.close()
		}
		p.links = append(p.links, l)
		p.mu.Unlock()
		p.wg.Go(func() { l.copy(client, server) })
		p.wg.Go(func() { l.copy(server, client) })
	}
}

func (l *link) close() {
	l.ends[0].Close()
	l.ends[1].Close()
}

func (l *link) copy(to, from net.Conn) {
	defer l.close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if l.swallowed.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// swallow lets nothing through any more on the connections of this moment, without either end noticing. New ones work.
func (p *proxy) swallow() (connections int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		l.swallowed.Store(true)
	}
	return len(p.links)
}

// cut closes the connections of this moment.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		l.close()
	}
}
