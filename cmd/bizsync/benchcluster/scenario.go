package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
	"golang.org/x/sync/errgroup"
)

// seat is a place in each of a scenario's rooms.
type seat struct {
	node   int
	writes bool
}

// scenario is a load.
type scenario struct {
	name, title string
	rooms       int
	seats       []seat
	every       time.Duration // a writer types a letter
}

func scenarios() []scenario {
	room := make([]seat, 50)
	for i := range room {
		room[i] = seat{node: i / 25, writes: i < 10}
	}
	crowd := make([]seat, 10)
	for i := range crowd {
		crowd[i] = seat{node: i % 2, writes: true}
	}
	return []scenario{
		{"room", "1 room × 50, 10 on A type 10/s", 1, room, time.Second / 10},
		{"rooms", "500 rooms × 2, the one on A types 2/s", 500, []seat{{node: 0, writes: true}, {node: 1}}, time.Second / 2},
		{"crowd", "100 rooms × 10, all 1,000 type 5/s", 100, crowd, time.Second / 5},
	}
}

const (
	// An edit may take 5 s when everything goes wrong. What has not come when nothing has happened for longer than that is lost.
	settleTime = 6 * time.Second
	// settleMost bounds the wait while something still happens.
	settleMost = time.Minute
)

// load is a scenario at work.
type load struct {
	*cluster
	scenario
	people  []*lab.Account
	table   *timetable
	quiet   time.Duration // when nothing happens for so long, what hasn't come is lost
	rooms   []*room
	clients []*client
}

// documents makes a document for each room, and a token for each seat in it.
func (l *load) documents(ctx context.Context) (tokens [][]string, err error) {
	tokens = make([][]string, len(l.rooms))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(lab.AtOnce)
	for i, r := range l.rooms {
		work.Go(func() (err error) {
			editors := l.editors(i)
			if r.doc, err = lab.Document(ctx, l.nodes[0], fmt.Sprintf("%s %d", l.name, i), editors); err != nil {
				return err
			}
			tokens[i] = make([]string, len(editors))
			for j, p := range editors {
				if tokens[i][j], err = p.Token(ctx, l.nodes[0], r.doc); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return nil, fmt.Errorf("make the documents: %w", err)
	}
	return tokens, nil
}

// seat makes a client for each seat of each room.
func (l *load) seat() {
	writers := 0
	for _, s := range l.seats {
		if s.writes {
			writers++
		}
	}
	for i := range l.scenario.rooms {
		r := &room{}
		for number, s := range l.seats {
			c := &client{room: r, seat: number, node: s.node, writer: -1, table: l.table, heard: make([]receipt, writers)}
			if s.writes {
				c.writer = len(r.writers)
				r.writers = append(r.writers, c)
				// Everybody begins at another moment of the first interval; those of a room are spread over it.
				at := c.writer*l.scenario.rooms + i
				c.offset = l.every * time.Duration(at) / time.Duration(writers*l.scenario.rooms)
			}
			r.clients = append(r.clients, c)
		}
		l.clients = append(l.clients, r.clients...)
		l.rooms = append(l.rooms, r)
	}
}

// connect opens everybody's socket.
func (l *load) connect(ctx context.Context, tokens [][]string) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(lab.AtOnce)
	for i, r := range l.rooms {
		for _, c := range r.clients {
			work.Go(func() error {
				dialing, cancel := context.WithTimeout(ctx, lab.Patience)
				defer cancel()
				return c.connect(dialing, "ws://"+l.nodes[c.node].Addr+"/collab/"+r.doc+"?token="+tokens[i][c.seat])
			})
		}
	}
	if err := work.Wait(); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

// write has all writers type by the timetable, which begins in a moment, until it ends or ctx is done. wait gives the errors of the clients' writers.
func (l *load) write(ctx context.Context) (wait func() []error) {
	l.table.start.Store(int64(l.table.now() + time.Second))
	var writing sync.WaitGroup
	errs := make([]error, len(l.clients))
	for i, c := range l.clients {
		if c.writer >= 0 {
			writing.Go(func() { errs[i] = c.write(ctx) })
		}
	}
	return func() []error {
		writing.Wait()
		return errs
	}
}

// editors are the people of a room, its owner first: another one for each seat, since the server commits a row for each author.
func (l *load) editors(room int) []*lab.Account {
	var some []*lab.Account
	for i := range l.seats {
		some = append(some, l.people[(room+i)%len(l.people)])
	}
	return some
}

// leave ends all connections.
func (l *load) leave() {
	for _, c := range l.clients {
		c.leave()
	}
}

// sum adds something of all clients up.
func (l *load) sum(of func(*client) uint64) (n uint64) {
	for _, c := range l.clients {
		n += of(c)
	}
	return n
}

func sent(c *client) uint64 { return c.sent.Load() }

// run plays the scenario and gives what came of it. profiles is a folder for the nodes' profiles, empty for none.
func (l *load) run(ctx context.Context, profiles string) (*result, error) {
	defer l.leave()
	l.seat()
	tokens, err := l.documents(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.connect(ctx, tokens); err != nil {
		return nil, err
	}
	typing, stop := context.WithCancel(ctx)
	defer stop()
	written := l.write(typing)
	before, after, err := l.measure(typing, profiles)
	if err != nil {
		stop()
	}
	errs := written()
	if err != nil {
		return nil, err
	}
	if err := l.settle(ctx); err != nil {
		return nil, err
	}
	r := &result{load: l, before: before, after: after, memory: map[string]int64{}}
	for name, p := range l.processes() {
		if r.memory[name], err = lab.PSS(p.PID()); err != nil {
			return nil, err
		}
	}
	l.leave()
	r.evaluate(errs)
	if err := r.compareTexts(ctx); err != nil {
		return nil, err
	}
	for _, n := range l.nodes {
		r.complaints = append(r.complaints, n.Complaints()...)
	}
	return r, nil
}

// measure reads everything at the beginning and the end of the time that counts.
func (l *load) measure(ctx context.Context, profiles string) (before, after reading, err error) {
	begin := time.Duration(l.table.start.Load()) + l.table.warmUp
	// What asking costs is over when the time begins.
	if err := l.until(ctx, begin-time.Second/2); err != nil {
		return before, after, err
	}
	if err := l.count(ctx, &before); err != nil {
		return before, after, err
	}
	if err := l.until(ctx, begin); err != nil {
		return before, after, err
	}
	before.sent = l.sum(sent)
	if err := l.use(&before); err != nil {
		return before, after, err
	}
	profiling, ended := errgroup.WithContext(ctx)
	if profiles != "" {
		for _, n := range l.nodes {
			profiling.Go(func() error {
				return n.ProfileCPU(ended, filepath.Join(profiles, l.name+"-"+n.Name+".prof"), l.table.measured)
			})
		}
	}
	if err := l.until(ctx, l.table.end()); err != nil {
		return before, after, err
	}
	after.sent = l.sum(sent)
	if err := l.use(&after); err != nil {
		return before, after, err
	}
	if err := l.count(ctx, &after); err != nil {
		return before, after, err
	}
	return before, after, profiling.Wait()
}

// until waits for a moment of the timetable.
func (l *load) until(ctx context.Context, at time.Duration) error {
	select {
	case <-time.After(at - l.table.now()):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle waits until everything that was typed is everywhere and acknowledged, or nothing happens any more.
func (l *load) settle(ctx context.Context) error {
	want := uint64(0)
	for _, r := range l.rooms {
		for _, c := range r.writers {
			want += c.sent.Load()*uint64(len(r.clients)) + 1 // the others, its acknowledgements, and the first frame's
		}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	began, last, lastAt := time.Now(), uint64(0), time.Now()
	for {
		there := l.sum(func(c *client) uint64 {
			if c.writer < 0 {
				return c.delivered.Load()
			}
			return c.delivered.Load() + c.decided.Load()
		})
		if there > last {
			last, lastAt = there, time.Now()
		}
		if there >= want || time.Since(lastAt) > l.quiet || time.Since(began) > settleMost {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
