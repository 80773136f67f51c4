package main

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
	"github.com/bizsync/bizsync/cmd/bizsync/lab/wire"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// cursors is people in one room who move their cursors all the time, and whose clients send on every awareness change that they hear, as y-websocket's does.
type cursors struct {
	clients          int
	every            time.Duration // everybody moves
	warmUp, measured time.Duration
	settle           time.Duration // for everybody's last position to come, and for what is made of it
}

// mover is one of them.
type mover struct {
	*client
	first  uint64 // awareness id of the first of all
	all    []*mover
	every  time.Duration
	start  atomic.Int64  // when it moves for the first time
	counts *atomic.Int64 // the moment from which latencies count
	queue  chan []byte   // awareness updates that wait to be sent

	over atomic.Uint64 // updates for which there was no place in the queue

	// Owned by the reader until it has ended.
	seen    []uint64 // of each mover: the newest clock
	echoed  uint64   // updates sent on
	latency timing.Histogram
}

// moverQueue is more than ever waits, unless the server stops reading: a browser's own queue has no end.
const moverQueue = 1 << 14

var errQueue = errors.New("the server reads too slowly what its clients echo")

// due is when a mover's clock is to come.
func (m *mover) due(clock uint64) time.Duration {
	return time.Duration(m.start.Load()) + time.Duration(clock-1)*m.every
}

// move moves the cursor until a moment.
func (m *mover) move(ctx context.Context, end time.Duration) error {
	for clock := uint64(1); m.due(clock) < end; clock++ {
		if err := m.clock.sleepUntil(ctx, m.due(clock)); err != nil {
			return err
		}
		m.send(appendState([]byte{1}, m.awarenessID(), clock, cursorState(m.number, clock)))
	}
	return nil
}

// cursorState is like that of an editor: who it is, and a selection in terms of Yjs's relative positions.
func cursorState(number int, clock uint64) string {
	b := []byte(`{"user":{"name":"user `)
	b = strconv.AppendInt(b, int64(number), 10)
	b = append(b, `","color":"#30bced"},"cursor":{"anchor":{"type":null,"tname":"content","item":null,"assoc":0},"head":{"item":{"client":1000001,"clock":`...)
	b = strconv.AppendUint(b, clock, 10)
	return string(append(b, `}}}}`...))
}

// send queues an awareness update.
func (m *mover) send(update []byte) {
	select {
	case m.queue <- update:
	default:
		m.over.Add(1)
	}
}

// write sends what is queued until the connection or ctx ends.
func (m *mover) write(ctx context.Context) {
	for {
		select {
		case update := <-m.queue:
			if m.awareness(update) != nil {
				return // the reader ends, too, and tells
			}
		case <-m.ended:
			return
		case <-ctx.Done():
			return
		}
	}
}

// hear takes an awareness update, and sends on what is news in it. (y-protocols calls an entry news when its clock is higher than the known one.)
func (m *mover) hear(update []byte, at time.Duration) error {
	d := decoder{wire.Decoder{Rest: update}}
	n := d.Number()
	news, entries := uint64(0), make([]byte, 0, len(update))
	for ; n > 0 && d.Err == nil; n-- {
		before := d.Rest
		id, clock, _ := d.Number(), d.Number(), d.Bytes()
		if d.Err != nil {
			break
		}
		i := id - m.first
		if id == m.awarenessID() || i >= uint64(len(m.seen)) || clock <= m.seen[i] {
			continue
		}
		m.seen[i] = clock
		entries = append(entries, before[:len(before)-len(d.Rest)]...)
		news++
		if due := m.all[i].due(clock); due >= time.Duration(m.counts.Load()) {
			m.latency.Add(at - due)
		}
	}
	if d.Err == nil && news > 0 {
		m.echoed++
		m.send(append(lib0.AppendVarUint(make([]byte, 0, len(entries)+2), news), entries...))
	}
	return d.Err
}

// seat makes everybody's clients.
func (c cursors) seat(s *server, counts *atomic.Int64) ([]*mover, error) {
	room, err := s.room()
	if err != nil {
		return nil, err
	}
	all := make([]*mover, c.clients)
	for i := range all {
		m := &mover{client: s.client(room), all: all, every: c.every, counts: counts, queue: make(chan []byte, moverQueue), seen: make([]uint64, c.clients)}
		m.onAwareness = m.hear
		all[i] = m
		m.first = all[0].awarenessID()
	}
	return all, nil
}

func (c cursors) run(ctx context.Context, s *server, profile profiler) (*result, error) {
	var counts atomic.Int64
	all, err := c.seat(s, &counts)
	if err != nil {
		return nil, err
	}
	var clients []*client
	for _, m := range all {
		clients = append(clients, m.client)
	}
	crowd := join(ctx, clients)
	defer crowd.leave()
	r := &result{connections: len(crowd.clients)}
	r.fail("join: ", crowd.failed, crowd.firstErr)
	if crowd.failed > 0 {
		return r, nil // those who are missing would count as unseen
	}
	start := s.clock.now() + 50*time.Millisecond
	counts.Store(int64(start + c.warmUp))
	end := start + c.warmUp + c.measured
	moving, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	var movers sync.WaitGroup
	for i, m := range all {
		m.start.Store(int64(start + c.every*time.Duration(i)/time.Duration(len(all))))
		work.Go(func() { m.write(moving) })
		movers.Go(func() { _ = m.move(moving, end) }) // it ends early with ctx only
	}
	defer movers.Wait()
	defer stop()
	if err := s.clock.sleepUntil(ctx, start+c.warmUp); err != nil {
		return nil, err
	}
	m, err := startMeter(s.parts)
	if err != nil {
		return nil, err
	}
	profiled := profile.cpu(ctx, c.measured)
	movers.Wait()
	if r.use, err = m.stop(); err != nil {
		return nil, err
	}
	if err := errors.Join(profiled(), sleep(ctx, c.settle)); err != nil {
		return nil, err
	}
	n, first := crowd.dropped()
	r.fail("dropped: ", n, first)
	crowd.leave()
	stop()
	work.Wait()
	c.evaluate(all, end, r)
	return r, nil
}

// evaluate adds up what everybody has seen. A cursor whose last position somebody doesn't know is lost, to them.
func (c cursors) evaluate(all []*mover, end time.Duration, r *result) {
	r.span = c.warmUp + c.measured
	for _, m := range all {
		r.latency.Merge(&m.latency)
		r.sent += m.echoed
		r.refused += m.refused
		r.malformed += m.malformed
		r.frames += m.frames.Load()
		r.fail("", int(m.over.Load()), errQueue)
		for i, other := range all {
			last := uint64((end-other.due(1)-1)/c.every) + 1
			if other != m && m.seen[i] < last {
				r.lost++
			}
		}
	}
}
