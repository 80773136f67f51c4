package main

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
	"github.com/bizsync/bizsync/cmd/bizsync/lab/wire"
)

// typing is a load: people in rooms, some of whom type.
type typing struct {
	rooms, clients, writers int           // rooms, in each of them clients, of whom so many type
	rate                    float64       // updates of a writer a second
	settle                  time.Duration // from joining to typing
	warmUp, measured        time.Duration // how long they type
	drain, stall            time.Duration // how long is waited for what is under way: at most, and while nothing comes
	split                   bool          // writers are at the first node, all others at the second
}

// updates is how many a writer sends.
func (t typing) updates() int { return int(t.rate * (t.warmUp + t.measured).Seconds()) }

func (t typing) interval() time.Duration { return time.Duration(float64(time.Second) / t.rate) }

// author is who types a script in one room.
type author struct {
	script *script
	every  time.Duration
	start  atomic.Int64     // when the first update is due
	sent   atomic.Int64     // updates
	by     *listener        // nil: it could not connect
	lag    timing.Histogram // how late the harness itself was; owned by write
}

// due is when an update was to be sent. A stalled server that keeps a writer from sending is not let off: latency counts from here.
func (a *author) due(n int) time.Duration {
	return time.Duration(a.start.Load()) + time.Duration(n)*a.every
}

// write sends the first updates of the script at their times.
func (a *author) write(ctx context.Context, n int) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range n {
		if wait := a.due(i) - a.by.clock.now(); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		} else if ctx.Err() != nil {
			return ctx.Err()
		}
		a.lag.Add(a.by.clock.now() - a.due(i))
		if err := a.by.sync(wire.StepUpdate, a.script.updates[i]); err != nil {
			return err
		}
		a.sent.Add(1)
	}
	return nil
}

// listener is a client that counts which updates come to it. A delivery is one update that came to one client other than its author's; merged ones count one by one.
type listener struct {
	*client
	authors []*author     // of its room
	own     int           // which of them it is itself, -1 for none
	counts  *atomic.Int64 // the moment from which latencies count, by when an update was due

	delivered atomic.Uint64 // deliveries

	// Owned by the client's reader until that has ended.
	got     [][]uint64 // of each author: a bit for each update
	latency timing.Histogram
	counted uint64 // deliveries of which the latency counts
	doubled uint64
	echoed  uint64 // own updates that came back
	foreign uint64 // structs that nobody here has typed
}

// hear notes what an update brings.
func (l *listener) hear(_ uint64, update []byte, at time.Duration) error {
	return visitStructs(update, func(got structs) {
		for i, a := range l.authors {
			if a.script.client == got.client {
				l.take(i, got, at)
				return
			}
		}
		l.foreign++
	})
}

func (l *listener) take(number int, got structs, at time.Duration) {
	a := l.authors[number]
	first, end, ok := a.script.delivered(got)
	if !ok {
		l.foreign++
		return
	}
	if number == l.own {
		l.echoed += uint64(end - first)
		return
	}
	fresh := uint64(0)
	for n := first; n < end; n++ {
		word, bit := n/64, uint64(1)<<(n%64)
		for word >= len(l.got[number]) {
			l.got[number] = append(l.got[number], 0)
		}
		if l.got[number][word]&bit != 0 {
			l.doubled++
			continue
		}
		l.got[number][word] |= bit
		fresh++
		if due := a.due(n); due >= time.Duration(l.counts.Load()) {
			l.latency.Add(at - due)
			l.counted++
		}
	}
	l.delivered.Add(fresh)
}

// missing is how many of an author's updates never came.
func (l *listener) missing(number int) uint64 {
	got := 0
	for _, word := range l.got[number] {
		got += bits.OnesCount64(word)
	}
	return uint64(max(0, l.authors[number].sent.Load()-int64(got)))
}

// typed is a typing load at work.
type typed struct {
	typing
	clock     clock
	counts    atomic.Int64
	authors   []*author
	listeners []*listener
}

// seat makes everybody's clients.
func (t typing) seat(s *server, scripts []*script) (*typed, error) {
	if t.writers > len(scripts) || t.updates() > len(scripts[0].updates) {
		return nil, fmt.Errorf("there are %d scripts of %d updates, and %d of %d are needed", len(scripts), len(scripts[0].updates), t.writers, t.updates())
	}
	all := &typed{typing: t, clock: s.clock}
	for range t.rooms {
		name, err := s.room()
		if err != nil {
			return nil, err
		}
		var authors []*author
		for w := range t.writers {
			authors = append(authors, &author{script: scripts[w], every: t.interval()})
		}
		for k := range t.clients {
			l := &listener{client: s.client(name), authors: authors, own: -1, counts: &all.counts, got: make([][]uint64, t.writers)}
			l.onSync = l.hear
			if k < t.writers {
				l.own, authors[k].by = k, l
			} else if t.split {
				l.node = 1
			}
			all.listeners = append(all.listeners, l)
		}
		all.authors = append(all.authors, authors...)
	}
	return all, nil
}

// run lets everybody join and type, and gives what came of it.
func (t typing) run(ctx context.Context, s *server, scripts []*script, profile profiler) (*result, error) {
	all, err := t.seat(s, scripts)
	if err != nil {
		return nil, err
	}
	var clients []*client
	for _, l := range all.listeners {
		clients = append(clients, l.client)
	}
	crowd := join(ctx, clients)
	defer crowd.leave()
	if err := sleep(ctx, t.settle); err != nil {
		return nil, err
	}
	r := &result{connections: len(crowd.clients)}
	r.fail("join: ", crowd.failed, crowd.firstErr)
	if err := all.play(ctx, s, crowd, r, profile); err != nil {
		return nil, err
	}
	n, first := crowd.dropped()
	r.fail("dropped: ", n, first)
	crowd.leave()
	all.evaluate(r)
	return r, all.compare(ctx, s, r)
}

// mostCompared is of how many rooms the committed content is looked at.
const mostCompared = 20

// compare looks at what ours has committed: everything that anybody was told has to be there.
func (t *typed) compare(ctx context.Context, s *server, r *result) error {
	if s.committed == nil {
		return nil
	}
	step := max(1, t.rooms/mostCompared)
	for i := 0; i < t.rooms; i += step {
		update, err := s.committed(ctx, t.listeners[i*t.clients].room)
		if err != nil {
			return fmt.Errorf("committed content: %w", err)
		}
		there, sent := coverage{}, coverage{}
		if err := there.add(update); err != nil {
			return fmt.Errorf("committed content: %w", err)
		}
		for _, a := range t.authors[i*t.writers : (i+1)*t.writers] {
			if n := a.sent.Load(); n > 0 {
				sent[a.script.client] = []structs{{a.script.client, 0, a.script.ends[n-1]}}
			}
		}
		if r.compared++; !there.covers(sent) {
			r.uncommitted++
		}
	}
	r.fail("what was told is not committed: ", r.uncommitted, errUncommitted)
	return nil
}

var errUncommitted = errors.New("a document lacks some of it")

// play has them type, and measures.
func (t *typed) play(ctx context.Context, s *server, crowd *crowd, r *result, profile profiler) error {
	start := t.clock.now() + 50*time.Millisecond
	counts := start + t.warmUp
	t.counts.Store(int64(counts))
	typing, stop := context.WithTimeout(ctx, t.warmUp+t.measured+t.drain)
	defer stop()
	var writing sync.WaitGroup
	errs := make([]error, len(t.authors))
	for i, a := range t.authors {
		if !a.by.alive() {
			continue
		}
		// They begin spread over one interval, in no order of rooms.
		const prime = 7919
		a.start.Store(int64(start + a.every*time.Duration(i*prime%len(t.authors))/time.Duration(len(t.authors))))
		r.offered += float64(t.updates()) / (t.warmUp + t.measured).Seconds()
		writing.Go(func() { errs[i] = a.write(typing, t.updates()) })
	}
	defer writing.Wait()
	defer stop()
	normally := context.AfterFunc(typing, t.breakOff)
	if err := t.clock.sleepUntil(ctx, counts); err != nil {
		return err
	}
	m, err := startMeter(s.parts)
	if err != nil {
		return err
	}
	profiled := profile.cpu(ctx, t.measured)
	frames, bytes := crowd.received()
	writing.Wait()
	normally()
	written := t.clock.now()
	last := t.settle(ctx, written)
	framesAfter, bytesAfter := crowd.received()
	r.frames, r.bytes = framesAfter-frames, bytesAfter-bytes
	r.use, err = m.stop()
	r.drained = last - written
	r.span = max(last, written, counts+t.measured) - counts
	r.sendSpan = max(written, counts+t.measured) - start
	for _, err := range errs {
		if err != nil {
			r.fail("write: ", 1, err)
		}
	}
	return errors.Join(err, profiled(), profile.heap(ctx))
}

// breakOff ends the writers' connections: a server that doesn't read any more would keep them for ever.
func (t *typed) breakOff() {
	for _, a := range t.authors {
		if a.by.alive() {
			_ = a.by.ws.CloseNow() // the writer and the reader tell
		}
	}
}

// settle waits until everything has come, or nothing has come for a while, or for too long, and gives the moment when the last thing came.
func (t *typed) settle(ctx context.Context, written time.Duration) (last time.Duration) {
	expected := t.expected()
	last = written
	for before := uint64(0); t.clock.now()-written < t.drain; {
		there := uint64(0)
		for _, l := range t.listeners {
			there += l.delivered.Load()
		}
		if there != before {
			before, last = there, t.clock.now()
		}
		if there >= expected || t.clock.now()-last > t.stall || sleep(ctx, 5*time.Millisecond) != nil {
			break
		}
	}
	return last
}

// expected is how many deliveries there have to be.
func (t *typed) expected() (n uint64) {
	for _, l := range t.listeners {
		for i, a := range l.authors {
			if i != l.own {
				n += uint64(a.sent.Load())
			}
		}
	}
	return n
}

// evaluate adds up what everybody has counted. Readers and writers have ended.
func (t *typed) evaluate(r *result) {
	r.expected = t.expected()
	for _, a := range t.authors {
		r.sent += uint64(a.sent.Load())
		r.lag.Merge(&a.lag)
	}
	for _, l := range t.listeners {
		for i := range l.authors {
			if i != l.own {
				r.lost += l.missing(i)
			}
		}
		if l.node > 0 || !t.split { // with two nodes, what matters is how long it takes to the other
			r.latency.Merge(&l.latency)
		}
		r.delivered += l.delivered.Load()
		r.counted += l.counted
		r.doubled += l.doubled
		r.echoed += l.echoed
		r.foreign += l.foreign
		r.statuses += l.statuses
		r.malformed += l.malformed
		r.refused += l.refused
	}
}
