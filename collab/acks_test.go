package collab

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

// mute is a Conn that sends one frame again and again, as fast as it is read, and takes nothing until told so.
type mute struct {
	*wireConn
	frame []byte
	left  int
	fed   chan struct{}
	end   chan struct{}
	stuck chan struct{}
	sent  int
	mu2   sync.Mutex
}

func (c *mute) Read() ([]byte, error) {
	if c.left == 0 {
		close(c.fed)
		<-c.end
		return nil, errCut
	}
	c.left--
	return c.frame, nil
}

func (c *mute) Send(msgs []Message) (bool, error) {
	c.mu2.Lock()
	c.sent += len(msgs)
	c.mu2.Unlock()
	select {
	case <-c.stuck:
		return true, nil
	default:
		return false, nil
	}
}

func (c *mute) Flush() error { <-c.stuck; return nil }

// What waits for a reader that has stopped is bounded by its real memory, and taking it holds up nobody.
func TestAcksOfAStoppedReader(t *testing.T) {
	w := newWorld(t, 3, 2)
	const frames = 100_000 // a client may send so many in a minute
	hub := NewHub(Options{Store: w, Limits: Limits{UpdatesPerSecond: 1e12, UpdateBurst: 1e9}})
	c := &mute{wireConn: newWireConn(), frame: syncMessage(syncUpdate, []byte{0, 0}), left: frames, fed: make(chan struct{}), end: make(chan struct{}), stuck: make(chan struct{})}
	var wg sync.WaitGroup
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	wg.Go(func() { _ = hub.Serve(t.Context(), w.docs[0], peerOf(newModel(7, w.users[0], nil), "", 3, 1), c) })
	<-c.fed
	for busy := true; busy; time.Sleep(time.Millisecond) {
		m := &hub.all()[0].mail
		m.mu.Lock()
		busy = m.running
		m.mu.Unlock()
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("one client that doesn't read its acks holds %d MiB; %d MiB are counted", grown>>20, hub.outboxBytes.Load()>>20)
	}
	close(c.stuck) // it reads
	began, worst := time.Now(), time.Duration(0)
	for hub.outboxBytes.Load() > 0 && time.Since(began) < 20*time.Second {
		answer, asked := make(chan struct{}), time.Now()
		// Whoever tells the connection something waits for the outbox: so does the room.
		hub.all()[0].post(event{do: func() {
			for _, s := range hub.all()[0].sessions {
				s.put(emptyAwareness())
			}
			close(answer)
		}})
		<-answer
		worst = max(worst, time.Since(asked))
		time.Sleep(time.Millisecond)
	}
	if d := time.Since(began); d > time.Second || worst > 50*time.Millisecond {
		t.Errorf("a reader that takes all at once was sent %d messages in %v, and %d bytes wait still; the room waited up to %v for the outbox", c.sent, d, hub.outboxBytes.Load(), worst)
	}
	close(c.end)
	wg.Wait()
	_ = hub.Stop(t.Context())
}
