package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
	"golang.org/x/sync/errgroup"
)

// result is what came of a load.
type result struct {
	*load
	before, after reading
	memory        map[string]int64 // bytes, at the end
	complaints    []string         // of the nodes' logs

	typed, delivered      uint64 // letters, of the whole run
	elsewhere, here, acks timing.Histogram
	lag                   timing.Histogram

	lost      uint64 // letters that didn't come to a connection, one for each connection
	doubled   uint64 // letters that came twice, likewise
	unacked   uint64 // letters that weren't acknowledged
	refused   uint64
	echoed    uint64   // letters that came back to their writer, which is allowed
	asked     int      // times that a node asked a client for what it had sent already
	failures  []string // of connections
	texts     int      // committed texts that were compared
	wrongText int      // and were not what was typed
}

// evaluate adds up what all clients have counted. Their readers and writers have ended; errs is how the writers did.
func (r *result) evaluate(errs []error) {
	for i, c := range r.clients {
		r.typed += c.sent.Load()
		r.delivered += c.delivered.Load()
		r.elsewhere.Merge(&c.elsewhere)
		r.here.Merge(&c.here)
		r.acks.Merge(&c.acks)
		r.lag.Merge(&c.lag)
		r.echoed += c.echoed
		r.refused += c.refused
		r.asked += c.askedAgain
		if c.writer >= 0 {
			r.unacked += c.sent.Load() - min(max(c.decided.Load(), 1)-1, c.sent.Load())
		}
		for _, err := range []error{c.err, errs[i]} {
			if err != nil {
				r.failures = append(r.failures, err.Error())
			}
		}
		for number, author := range c.room.writers {
			if author == c {
				continue
			}
			missing, strange := c.heard[number].missing(author.sent.Load())
			r.lost += missing
			r.doubled += c.heard[number].doubled
			if strange > 0 {
				r.failures = append(r.failures, fmt.Sprintf("%d letters came that nobody has typed", strange))
			}
		}
	}
}

// compareTexts asks both nodes for each document's committed text, which must have as many of each letter as were typed.
func (r *result) compareTexts(ctx context.Context) error {
	var mu sync.Mutex
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(lab.AtOnce)
	for i, room := range r.rooms {
		typed := map[rune]uint64{}
		for _, c := range room.writers {
			for n := range c.sent.Load() {
				typed[rune(letterAt(n))]++
			}
		}
		for _, n := range r.nodes {
			work.Go(func() error {
				text, err := r.editors(i)[0].Text(ctx, n, room.doc, root)
				if err != nil {
					return err
				}
				there := map[rune]uint64{}
				for _, letter := range text {
					there[letter]++
				}
				same := len(there) == len(typed)
				for letter, times := range typed {
					same = same && there[letter] == times
				}
				mu.Lock()
				defer mu.Unlock()
				r.texts++
				if !same {
					r.wrongText++
				}
				return nil
			})
		}
	}
	return work.Wait()
}

// wrong says what has happened that may not; empty when everything is everywhere once.
func (r *result) wrong() string {
	var all []string
	for _, count := range []struct {
		n    uint64
		what string
	}{
		{r.lost, "lost"}, {r.doubled, "doubled"}, {r.unacked, "not acknowledged"}, {r.refused, "refused"},
		{uint64(len(r.failures)), "failures of connections"}, {uint64(r.wrongText), "wrong texts"},
	} {
		if count.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", count.n, count.what))
		}
	}
	return strings.Join(all, ", ")
}
