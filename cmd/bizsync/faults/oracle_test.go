package faults

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/postgres"
)

const (
	// healTime is the time after a fault in which everybody has to agree (CONTRACT C1).
	healTime = 5 * time.Second
	// hopeTime is how long the oracle waits to tell what heals late from what never does.
	hopeTime = 30 * time.Second
)

// digest is of a document's text, state vector and delete set.
type digest struct {
	Text, Vector, Deleted string
	Pending               bool
}

// audit is what is wrong with a document's text.
type audit struct{ Lost, Repeated, Torn []string }

// agreement is what the clients say after a fault.
type agreement struct {
	Digests map[string]digest
	Audits  map[string]audit
	Why     any // there is none
}

// converges looks whether all clients and new ones at every node agree, which they must do soon after `since`, whether what was acknowledged is there once, and whether
// the database holds the same. It says how long that took and how many tokens were lost.
func (c *cluster) converges(since time.Time) (took time.Duration, lost int) {
	var newcomers []place
	seen := map[string]bool{}
	for _, p := range c.places {
		if !seen[p.Node+p.Room] {
			newcomers = append(newcomers, p)
		}
		seen[p.Node+p.Room] = true
	}
	var a agreement
	c.must(c.crowd.Call("converge", map[string]any{"newcomers": newcomers, "limit": c.hope.Milliseconds()}, c.hope+rig.Patience, &a))
	took = time.Since(since)
	if a.Why != nil {
		c.must(verdict{fmt.Sprintf("%v after the fault there is no agreement: %v", took.Round(time.Millisecond), a.Why)})
	}
	if took > healTime {
		c.broken("it took %v until all agreed", took.Round(time.Millisecond))
	}
	for room, a := range a.Audits {
		if lost += len(a.Lost); len(a.Lost)+len(a.Repeated)+len(a.Torn) > 0 {
			c.broken("document %s: lost %v, repeated %v, torn %v", room, a.Lost, a.Repeated, a.Torn)
		}
	}
	c.complainOf(c.rebuilt(a.Digests))
	for _, r := range c.crowd.refused() {
		if c.expected == nil || !c.expected(r) {
			c.broken("somebody was refused: %+v", r)
		}
	}
	c.complainOf(c.crowd.Wrong())
	return took, lost
}

func (c *cluster) complainOf(err error) {
	if err != nil {
		c.complain(err)
	}
}

// rebuilt compares what Yjs makes of the database's rows with what the clients have. Each row that brings text must bring some that is new:
// a batch that was repeated and committed twice would not. (Two people may well delete the same.)
func (c *cluster) rebuilt(digests map[string]digest) error {
	ctx, cancel := context.WithTimeout(context.Background(), rig.Patience)
	defer cancel()
	s, err := postgres.Open(ctx, c.postgres.url(c.postgres.Addr()), postgres.Options{MaxConns: 1, JournalConns: 1})
	if err != nil {
		return err
	}
	defer s.Close()
	for room, want := range digests {
		id, err := uuid.Parse(room)
		if err != nil {
			return err
		}
		state := crdt.NewState()
		var updates []string
		add := func(what string, update []byte) error {
			u, err := crdt.ParseUpdate(update)
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			before := state.StateVector()
			state.Apply(u)
			if !c.restored && u.HasStructs() && maps.Equal(before, state.StateVector()) {
				return fmt.Errorf("%s brings nothing new", what)
			}
			updates = append(updates, base64.StdEncoding.EncodeToString(update))
			return nil
		}
		_, err = s.LoadDocument(ctx, id, store.Loader{
			Binding:  func(store.Binding) error { return nil },
			Snapshot: func(s store.Snapshot) error { return add(fmt.Sprintf("the snapshot up to row %d", s.Seq), s.State) },
			Row:      func(r store.Row) error { return add(fmt.Sprintf("row %d", r.Seq), r.Update) },
		})
		if err != nil {
			return verdict{fmt.Sprintf("document %s can't be rebuilt from the database: %v", room, err)}
		}
		var got digest
		if err := c.crowd.Call("digest", map[string]any{"updates": updates}, rig.Patience, &got); err != nil {
			return err
		}
		if got != want {
			return verdict{fmt.Sprintf("document %s as rebuilt from the database is %+v, to its clients %+v", room, got, want)}
		}
	}
	return nil
}
