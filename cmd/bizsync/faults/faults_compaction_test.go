package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/postgres"
)

// compactionFaults are those of the log, while it is compacted.
func compactionFaults() []fault {
	return []fault{
		{name: "two compact one document every 200 ms, with kills", rounds: 3, ci: 1, run: compacted},
	}
}

// compacted has two compact one document, as two nodes would that never rest, and takes covered rows out of the log at once, while half of what the nodes tell each other
// is lost, so that they read a log that is changing under them. Now and then one of the two, or a node, dies in the middle.
func compacted(c *cluster) {
	doc, err := uuid.Parse(c.rooms[0])
	c.must(err)
	// Every covering looks an hour old, so that its rows may go.
	_, err = c.postgres.query(`CREATE OR REPLACE FUNCTION hour_ago() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.covered_at = now() - interval ''1 hour''; RETURN NEW; END';
		CREATE OR REPLACE TRIGGER hour_ago BEFORE INSERT ON coverings FOR EACH ROW EXECUTE FUNCTION hour_ago()`)
	c.must(err)
	for _, n := range c.nodes {
		n.wire.with(loses(c))
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var workers [2]compactor
	for i := range workers {
		w := &workers[i]
		w.url, w.doc = c.postgres.url(c.postgres.Addr()), doc
		wg.Go(func() { w.work(ctx) })
	}
	defer func() { cancel(); wg.Wait() }()
	for range 3 {
		c.moment(2 * time.Second)
		n := c.any()
		c.must(n.kill())
		c.must(n.start())
		c.acked(c.count().Writers)
	}
	cancel()
	wg.Wait()
	for _, n := range c.nodes {
		n.wire.with(nil)
	}
	c.over()
	saved := 0
	for _, w := range workers {
		if w.err != nil {
			c.broken("a compaction: %v", w.err)
		}
		saved += w.saved
	}
	rows, err := c.postgres.query("SELECT count(*) FROM history WHERE document = '" + c.rooms[0] + "'")
	c.must(err)
	c.logf("%d snapshots saved, %d and %d times the other was faster, %d and %d deaths, %s rows taken out of the log", saved, workers[0].beaten, workers[1].beaten,
		workers[0].deaths, workers[1].deaths, rows)
	if saved == 0 || rows == "0" {
		c.must(errors.New("nothing was compacted"))
	}
}

// compactor does what nodes do to a document with a long tail.
type compactor struct {
	url                   string
	doc                   store.DocumentID
	saved, beaten, deaths int
	err                   error
}

// work compacts until ctx is done.
func (w *compactor) work(ctx context.Context) {
	for ctx.Err() == nil {
		if err := w.live(ctx); err != nil && ctx.Err() == nil {
			w.err = err
			return
		}
	}
}

// live compacts ten times, and dies in the middle of the next: all its connections end.
func (w *compactor) live(ctx context.Context) error {
	s, err := postgres.Open(ctx, w.url, postgres.Options{MaxConns: 2, JournalConns: 1})
	if err != nil {
		return err
	}
	defer s.Close()
	for range 10 {
		if err := w.compact(ctx, s); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
	dying, cancel := context.WithTimeout(ctx, time.Duration(newRandom().Int64N(int64(20*time.Millisecond))))
	defer cancel()
	if w.compact(dying, s) != nil {
		w.deaths++
	}
	return nil
}

// compact writes a snapshot of all rows of this moment, and takes the rows out of the log that any snapshot covers.
func (w *compactor) compact(ctx context.Context, s *postgres.Store) error {
	state := crdt.NewState()
	apply := func(b []byte) error {
		u, err := crdt.ParseUpdate(b)
		if err == nil {
			state.Apply(u)
		}
		return err
	}
	var replaces uint64
	head, err := s.LoadDocument(ctx, w.doc, store.Loader{
		Binding:  func(store.Binding) error { return nil },
		Snapshot: func(s store.Snapshot) error { replaces = s.Seq; return apply(s.State) },
		Row:      func(r store.Row) error { return apply(r.Update) },
	})
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	saved, err := s.SaveSnapshot(ctx, w.doc, head.Epoch, replaces, store.Snapshot{Seq: head.Seq, Row: head.Row, State: state.Encode().Bytes()})
	switch {
	case err != nil:
		return fmt.Errorf("save: %w", err)
	case saved:
		w.saved++
	case head.Seq > replaces:
		w.beaten++
	}
	if _, err := s.SweepCovered(ctx, 10_000); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}
