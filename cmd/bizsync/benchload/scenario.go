package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// scenario is a load that is put on one server after the other.
type scenario struct {
	name, title string
	nodes       int
	oursOnly    bool
	rooms       int // it needs
	run         func(ctx context.Context, j *job) (*result, error)
	figures     []figure
	mayLose     bool // it is a search for the rate at which servers fail
}

// job is a scenario at work on one server.
type job struct {
	*server
	scripts  []*script
	document []byte
	profile  profiler
	log      io.Writer
	highest  float64 // rate of a writer that an earlier scenario has found clean at this server; 0: it wasn't asked
}

// sizes are those of the scenarios; with quick they are too small to measure anything but that all works.
type sizes struct {
	measured, warmUp time.Duration
	stepTime         time.Duration
	steps            int
	drain, stall     time.Duration // of fixed loads and steps
	long, longStall  time.Duration // past saturation
	idleTime         time.Duration
	share            int // of rooms and connections: one in so many
	relayTime        time.Duration
}

func sizesOf(s settings) sizes {
	if s.quick {
		return sizes{measured: 2 * time.Second, warmUp: 500 * time.Millisecond, stepTime: time.Second, steps: 3, drain: 5 * time.Second, stall: 2 * time.Second,
			long: 10 * time.Second, longStall: 5 * time.Second, idleTime: time.Second, share: 10, relayTime: time.Second}
	}
	return sizes{measured: s.duration, warmUp: s.duration / 2, stepTime: s.duration / 2, steps: 12, drain: 15 * time.Second, stall: 3 * time.Second,
		long: 90 * time.Second, longStall: 20 * time.Second, idleTime: s.duration, share: 1, relayTime: s.duration}
}

const (
	cleanLatency = 200 * time.Millisecond // the highest p99 of a step that counts as clean
	joinAlone    = 15
	joinTogether = 20
	joinRounds   = 3
)

// overloadRooms is what past saturation needs when it has to look for the highest rate itself.
func (z sizes) overloadRooms() int { return z.steps + 1 }

func (z sizes) fixed(t typing) typing {
	t.settle, t.warmUp, t.measured, t.drain, t.stall = time.Second, z.warmUp, z.measured, z.drain, z.stall
	return t
}

func (z sizes) saturation(t typing) saturation {
	t.settle, t.measured, t.drain, t.stall = time.Second, z.stepTime, z.drain, z.stall
	return saturation{typing: t, factor: 2, steps: z.steps, latency: cleanLatency}
}

// scenarios are those of the table, in its order.
func scenarios(z sizes) []scenario {
	pairs := typing{rooms: 500 / z.share, clients: 2, writers: 2, rate: 4}
	small := typing{rooms: 200 / z.share, clients: 5, writers: 2, rate: 5}
	hot := typing{rooms: 1, clients: 50, writers: 10, rate: 80}
	crowd := typing{rooms: 1, clients: 200, writers: 10, rate: 10}
	apart := typing{rooms: 200 / z.share, clients: 2, writers: 1, rate: 4, split: true}
	idle := idling{connections: 2000 / z.share, settle: 3 * time.Second, measured: z.idleTime}
	moving := cursors{clients: 200 / min(z.share, 4), every: time.Second / 5, warmUp: z.warmUp, measured: z.measured, settle: 2 * time.Second}
	return []scenario{
		{name: "rooms", title: pairs.String(), nodes: 1, rooms: pairs.rooms, run: z.fixed(pairs).at,
			figures: []figure{perMillion(atMost("1/2 of the better", 0.5)), latency(under(10 * time.Millisecond))}},
		{name: "saturate-rooms", title: small.saturated(), nodes: 1, rooms: small.rooms * z.steps, run: z.saturation(small).at, mayLose: true,
			figures: []figure{deliveries(atLeast("1.5 times the better", 1.5)), perMillion(nil), latency(nil)}},
		{name: "saturate-room", title: hot.saturated(), nodes: 1, rooms: z.steps, run: z.saturation(hot).at, mayLose: true,
			figures: []figure{deliveries(atLeast("1.5 times the better", 1.5)), perMillion(nil), latency(nil)}},
		{name: "room", title: crowd.String(), nodes: 1, rooms: 1, run: z.fixed(crowd).at,
			figures: []figure{perMillion(atMost("1/2 of the better", 0.5)), latency(under(10 * time.Millisecond))}},
		{name: "idle", title: fmt.Sprintf("idle: %d connections in %d rooms, each with an awareness state", idle.connections, idle.connections/2), nodes: 1, rooms: idle.connections / 2,
			run:     func(ctx context.Context, j *job) (*result, error) { return idle.run(ctx, j.server, j.profile) },
			figures: []figure{perConnection(belowKiB(12))}},
		{name: "join", title: "join a document of 1.06 MB", nodes: 1, rooms: 1,
			run: func(ctx context.Context, j *job) (*result, error) {
				return joining{document: j.document, alone: joinAlone, together: joinTogether, rounds: joinRounds}.run(ctx, j.server, j.profile)
			},
			figures: []figure{joinedAlone(atMost("1/4 of the better", 0.25)), joinedTogether(atMost("1/8 of the better", 0.125))}},
		{name: "nodes", title: "two nodes and Redis: " + apart.String() + ", the other reads at the other node", nodes: 2, rooms: apart.rooms, run: z.fixed(apart).at,
			figures: []figure{perMillion(atMost("1/5 of the better", 0.2)), latency(under(60 * time.Millisecond)), apartCores()}},
		{name: "overload", title: "past saturation, " + hot.people() + ": twice its highest clean rate", nodes: 1, rooms: z.overloadRooms(), run: z.saturation(hot).past(z),
			figures: []figure{latency(under(time.Second)), offered(), drained(), memory()}},
		{name: "overload-rooms", title: "past saturation, " + small.people() + ": twice its highest clean rate", nodes: 1, rooms: small.rooms * z.overloadRooms(), run: z.saturation(small).past(z),
			figures: []figure{latency(under(time.Second)), offered(), drained(), memory()}},
		{name: "cursors", title: fmt.Sprintf("%d cursors in one room, each moves 5/s, every client echoes all it hears", moving.clients), nodes: 1, oursOnly: true, rooms: 1,
			run:     func(ctx context.Context, j *job) (*result, error) { return moving.run(ctx, j.server, j.profile) },
			figures: []figure{cores(underCores(1)), latency(nil), echoes()}},
		{name: "relaycost", title: "what a node pays for documents of others", nodes: 2, oursOnly: true,
			run: relaying{nodes: []int{2, 8, 32}, documents: []int{1, 10}, measured: z.relayTime}.at},
	}
}

// String is the load in words.
func (t typing) String() string {
	return fmt.Sprintf("%s, %d type %.0f/s", t.people(), t.writers, t.rate)
}

func (t typing) people() string {
	if t.rooms == 1 {
		return fmt.Sprintf("1 room × %d", t.clients)
	}
	return fmt.Sprintf("%d rooms × %d", t.rooms, t.clients)
}

func (t typing) saturated() string {
	return fmt.Sprintf("%s, %d type: the most with p99 ≤ %v and no loss", t.people(), t.writers, cleanLatency)
}

func (t typing) at(ctx context.Context, j *job) (*result, error) {
	return t.run(ctx, j.server, j.scripts, j.profile)
}

func (s saturation) at(ctx context.Context, j *job) (*result, error) {
	return s.run(ctx, j.server, j.scripts, j.profile, j.log)
}

// past offers twice of what was the highest clean rate, and waits long for what comes of it.
func (s saturation) past(z sizes) func(context.Context, *job) (*result, error) {
	return func(ctx context.Context, j *job) (*result, error) {
		if j.highest == 0 {
			r, err := s.at(ctx, j)
			if err != nil {
				return nil, err
			}
			if j.highest = r.highest(); j.highest == 0 {
				return nil, errors.New("no rate was clean")
			}
		}
		load := s.typing
		load.drain, load.stall = z.long, z.longStall
		load.rate = min(2*j.highest, float64(len(j.scripts[0].updates))/load.measured.Seconds())
		return load.at(ctx, j)
	}
}

// at ends the second node: what others do is played.
func (r relaying) at(ctx context.Context, j *job) (*result, error) {
	other := j.nodes[1]
	if err := other.Stop(); err != nil {
		return nil, err
	}
	j.parts = slices.DeleteFunc(j.parts, func(p part) bool { return p.Process == other.Process })
	j.profile.nodes = j.nodes[:1]
	m, err := startMeter(j.parts)
	if err != nil {
		return nil, err
	}
	result, err := r.run(ctx, j.nodes[0], j.redis, j.profile)
	used, useErr := m.stop()
	if err := errors.Join(err, useErr); err != nil {
		return nil, err
	}
	result.use = used
	return result, nil
}
