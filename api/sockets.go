package api

import (
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/bizsync/bizsync/collab"
)

// connTiming are the periods of connections; tests shorten them.
type connTiming struct {
	ping    time.Duration // between pings
	silence time.Duration // without a byte from the peer while we read: it is gone
	stall   time.Duration // without progress of a write: it is gone
	grace   time.Duration // for the closing handshake
	budget  time.Duration // waiting for the budget of large frames
	window  time.Duration // over which a large frame must come at a crawl at least, while others wait for budget
	look    time.Duration // between looks at all that
}

// defaultConnTiming is CONTRACT's, a little earlier: a connection is alive while any byte was read in the last 20 s, and then its client is seen to be gone.
func defaultConnTiming() connTiming {
	return connTiming{ping: 9 * time.Second, silence: 19 * time.Second, stall: 19 * time.Second, grace: 3 * time.Second, budget: 20 * time.Second, window: 5 * time.Second, look: 500 * time.Millisecond}
}

// sockets are a node's WebSockets. One goroutine looks after them, while there are any: it pings, and ends those whose peer is gone.
type sockets struct {
	limit  int64        // of a frame, in bytes
	budget *frameBudget // for frames above largeFrame
	timing connTiming
	began  time.Time
	work   *sync.WaitGroup // has whatever is started here; it is above zero while there are connections

	mu   sync.Mutex
	open []*conn       // guarded by mu
	stop chan struct{} // guarded by mu; ends the watch, nil when there is none
}

func newSockets(limit int64, timing connTiming, work *sync.WaitGroup) *sockets {
	return &sockets{limit: limit, budget: newFrameBudget(largeFrameBudget, limit), timing: timing, began: time.Now(), work: work}
}

// now is the clock of all connections: nanoseconds since the node began.
func (s *sockets) now() int64 { return int64(time.Since(s.began)) }

// add makes an upgraded connection one of the node's. ahead is what was read of it already, at most scratchBytes. finish must be called when it was served.
func (s *sockets) add(nc net.Conn, ahead []byte) *conn {
	c := &conn{of: s}
	c.wire.init(nc, s.timing.stall)
	now := s.now()
	c.heard.Store(now)
	c.pingAt = now + rand.Int64N(int64(s.timing.ping)) // so that not all of them are due at once
	if len(ahead) > 0 {
		c.scratch = scratches.Get().(*[scratchBytes]byte)
		c.w = copy(c.scratch[:], ahead)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.at = len(s.open)
	s.open = append(s.open, c)
	if s.stop == nil {
		stop := make(chan struct{})
		s.stop = stop
		s.work.Go(func() { s.watch(stop) })
	}
	return c
}

// remove forgets a connection.
func (s *sockets) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.open) - 1
	s.open[c.at] = s.open[last]
	s.open[c.at].at = c.at
	s.open[last] = nil
	s.open = s.open[:last]
	if last == 0 {
		s.open = nil
		close(s.stop)
		s.stop = nil
	}
}

// watch looks after all connections until stop is closed.
func (s *sockets) watch(stop <-chan struct{}) {
	tick := time.NewTicker(s.timing.look)
	defer tick.Stop()
	var round []*conn
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		s.mu.Lock()
		round = append(round[:0], s.open...)
		s.mu.Unlock()
		for _, c := range round {
			c.look(s.now())
		}
		clear(round)
	}
}

// look pings, writes what waits and has nobody to wait for it, and ends a connection whose peer is silent while we read, takes nothing, doesn't answer
// a close frame, or keeps others waiting for the end of its large frame. It waits for nothing.
func (c *conn) look(now int64) {
	if !c.mu.TryLock() {
		return // written to at this moment: another time
	}
	defer c.mu.Unlock()
	if cut := c.cutAt.Load(); cut != 0 {
		if now >= cut {
			c.wire.Close()
			return
		}
	} else if began := c.reading.Load(); began != 0 && now-max(began, c.heard.Load()) >= int64(c.of.timing.silence) {
		c.drop()
		return
	} else if h := c.large.Load(); h != nil && began != 0 && now >= h.paid.Load() && c.of.budget.wanted(h) {
		c.close(collab.CloseTryAgain, "others wait while a large frame doesn't get on")
	}
	if now >= c.pingAt {
		c.pingAt = now + int64(c.of.timing.ping)
		c.sayPing()
	}
	c.pump()
	if len(c.rest) > 0 && now-c.stuck >= int64(c.of.timing.stall) || c.broken != nil && !c.closing {
		c.drop()
	}
}
