package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
	"github.com/bizsync/bizsync/cmd/bizsync/lab/wire"
)

// joining is people who join a large document, alone and at once.
type joining struct {
	document []byte // one update
	alone    int    // so many one after the other
	together int    // so many at once
	rounds   int    // so many times
}

// arrival is an update that came while joining.
type arrival struct {
	at     time.Duration
	step   uint64
	update []byte
}

// newcomer is who joins. What comes is looked at only when everybody who joins at once has joined, since looking takes longer than joining should.
type newcomer struct {
	*client
	began  time.Duration
	enough int           // bytes after which it may be complete
	maybe  chan struct{} // closed when it may be

	mu      sync.Mutex // guards what follows
	arrived []arrival
	bytes   int
	told    bool // maybe is closed
	answer  bool // a step 2 has come
}

// newcomerBuffer holds the document and what comes beside it.
const newcomerBuffer = 4 << 20

func (n *newcomer) hear(step uint64, update []byte, at time.Duration) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.arrived = append(n.arrived, arrival{at, step, update})
	n.bytes += len(update)
	n.answer = n.answer || step == wire.Step2
	if n.answer && n.bytes >= n.enough && !n.told {
		n.told = true
		close(n.maybe)
	}
	return nil
}

// took is how long it took until a step 2 and all of the document were there, in however many messages, in whatever order and however joined; ok is false while something is missing.
func (n *newcomer) took(all coverage) (took time.Duration, ok bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	got, answered := coverage{}, false
	for _, a := range n.arrived {
		if err := got.add(a.update); err != nil {
			return 0, false, fmt.Errorf("what came while joining: %w", err)
		}
		answered = answered || a.step == wire.Step2
		if answered && got.covers(all) {
			return a.at - n.began, true, nil
		}
	}
	return 0, false, nil
}

// run has somebody bring the document, and then others join.
func (j joining) run(ctx context.Context, s *server, profile profiler) (*result, error) {
	all := coverage{}
	if err := all.add(j.document); err != nil {
		return nil, fmt.Errorf("the large document: %w", err)
	}
	room, err := s.room()
	if err != nil {
		return nil, err
	}
	first := s.client(room)
	if err := first.join(ctx); err != nil {
		return nil, err
	}
	defer first.leave()
	if err := first.sync(wire.StepUpdate, j.document); err != nil {
		return nil, fmt.Errorf("bring the document: %w", err)
	}
	group := &newcomers{joining: j, server: s, room: room, all: all, result: &result{}}
	if err := group.ready(ctx); err != nil {
		return nil, err
	}
	m, err := startMeter(s.parts)
	if err != nil {
		return nil, err
	}
	profiled := profile.cpu(ctx, profiledJoining)
	err = group.play(ctx)
	r := group.result
	var useErr error
	r.use, useErr = m.stop()
	return r, errors.Join(err, useErr, profiled(), profile.heap(ctx))
}

// profiledJoining is how much of joining is profiled; it takes longer.
const profiledJoining = 3 * time.Second

// newcomers are those who join a document.
type newcomers struct {
	joining
	server  *server
	room    string
	all     coverage
	result  *result
	buffers [][]byte
}

// trialTime is how long the first newcomers wait for the whole document, each.
const trialTime = 2 * time.Second

// ready waits until a newcomer gets the whole document.
func (g *newcomers) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	for {
		// Who comes before the document has come may not be told of it by every server: then another one tries.
		soon, cancel := context.WithTimeout(ctx, trialTime)
		trial := &newcomers{joining: g.joining, server: g.server, room: g.room, all: g.all, result: &result{}, buffers: g.buffers}
		err := trial.join(soon, 1, &timing.Histogram{})
		cancel()
		if err == nil && len(trial.result.failures) == 0 {
			g.buffers = trial.buffers
			return nil
		}
		if sleep(ctx, 300*time.Millisecond) != nil {
			return errors.Join(fmt.Errorf("the document doesn't come back: %q", trial.result.failures), err)
		}
	}
}

func (g *newcomers) play(ctx context.Context) error {
	for range g.alone {
		if err := g.join(ctx, 1, &g.result.latency); err != nil {
			return err
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	for range g.rounds {
		if err := g.join(ctx, g.together, &g.result.together); err != nil {
			return err
		}
		if err := sleep(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// join lets so many join at once.
func (g *newcomers) join(ctx context.Context, n int, into *timing.Histogram) error {
	for len(g.buffers) < n {
		b := make([]byte, newcomerBuffer)
		for i := 0; i < len(b); i += 4096 { // the system gives pages out when they are touched: not while somebody joins
			b[i] = 1
		}
		g.buffers = append(g.buffers, b)
	}
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	var joining sync.WaitGroup
	all := make([]*newcomer, n)
	errs := make([]error, n)
	for i := range all {
		one := &newcomer{client: g.server.client(g.room), enough: len(g.document) / 2, maybe: make(chan struct{})}
		one.buffer, one.keeps, one.onSync = g.buffers[i], true, one.hear
		all[i] = one
		joining.Go(func() {
			one.began = one.clock.now()
			if errs[i] = one.connect(ctx); errs[i] != nil {
				return
			}
			select {
			case <-one.maybe:
			case <-one.ended:
				errs[i] = fmt.Errorf("join: %w", one.err)
			case <-ctx.Done():
				errs[i] = errors.New("join: not enough came")
			}
		})
	}
	joining.Wait()
	defer func() {
		var leaving sync.WaitGroup
		for _, one := range all {
			leaving.Go(one.leave)
		}
		leaving.Wait()
	}()
	for i, one := range all {
		if errs[i] != nil {
			g.result.fail("", 1, errs[i])
			continue
		}
		took, err := one.complete(ctx, g.all)
		if err != nil {
			g.result.fail("join: ", 1, err)
			continue
		}
		into.Add(took)
		g.result.connections++
	}
	return nil
}

// complete waits until it has joined, and gives how long that took.
func (n *newcomer) complete(ctx context.Context, all coverage) (time.Duration, error) {
	for {
		if took, ok, err := n.took(all); ok || err != nil {
			return took, err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return 0, fmt.Errorf("a part of the document is missing: %w", err)
		}
	}
}

// coverage is which clocks of which clients some updates bring.
type coverage map[uint64][]structs

// add adds what an update brings.
func (c coverage) add(update []byte) error {
	return visitStructs(update, func(got structs) {
		have := c[got.client]
		if n := len(have); n > 0 && have[n-1].end == got.first {
			have[n-1].end = got.end
			return
		}
		c[got.client] = append(have, got)
	})
}

// covers says whether it has all that the other has.
func (c coverage) covers(other coverage) bool {
	for client, want := range other {
		have := slices.SortedFunc(slices.Values(c[client]), func(a, b structs) int { return cmp.Compare(a.first, b.first) })
		for _, w := range want {
			at := w.first
			for _, h := range have {
				if h.first <= at {
					at = max(at, h.end)
				}
			}
			if at < w.end {
				return false
			}
		}
	}
	return true
}
