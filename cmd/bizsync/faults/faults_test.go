package faults

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// fault is something that goes wrong with a cluster on which people are typing.
type fault struct {
	name      string
	nodes     int      // 0: two
	flags     []string // of the nodes
	sentinels bool     // Redis has a replica and is watched
	rounds    int      // of the whole suite; 0: one
	ci        int      // rounds of the short suite; 0: not in it
	// launch starts the nodes, on an empty database; nil: all at once.
	launch func(c *cluster)
	// run makes it happen once, and returns when it is over, or says so before by cluster.over.
	run func(c *cluster)
}

func allFaults() []fault {
	return slices.Concat(nodeFaults(), presenceFaults(), redisFaults(), relayFaults(), compactionFaults(), postgresFaults(), accessFaults())
}

// result is what came of a fault.
type result struct {
	rounds, typed, acked, lost int
	took                       []time.Duration // until all agreed, each round
	err                        error
}

// try tries a fault on a program, until the rounds are over or the oracle has spoken.
func (f *fault) try(logf func(format string, args ...any), program string, rounds int, hope time.Duration) (res result) {
	res.err = try(logf, func(r *trial) {
		c := startCluster(r, program, f)
		c.hope = hope
		c.types(usualPace)
		c.acked(2 * c.count().Writers)
		for _, n := range c.nodes {
			var err error
			n.before, err = n.use()
			c.must(err)
		}
		for res.rounds < rounds && len(r.errs) == 0 {
			c.types(usualPace)
			c.acked(c.count().Writers)
			c.ended, c.afterwards = time.Time{}, func() {}
			f.run(c)
			if c.ended.IsZero() {
				c.over()
			}
			c.types(0)
			took, lost := c.converges(c.ended)
			res.rounds++
			res.took = append(res.took, took)
			res.lost += lost
			c.afterwards()
		}
		// Life goes on.
		c.types(usualPace)
		c.acked(2 * c.count().Writers)
		c.types(0)
		_, lost := c.converges(time.Now())
		c.move()
		c.attended("all people are shown at all nodes in the end", c.nodes, true, time.Now(), vanishTime)
		n := c.count()
		res.typed, res.acked, res.lost = n.Typed, n.Acked, res.lost+lost
		for _, n := range c.nodes {
			c.complainOf(n.recovered())
		}
	})
	return res
}

// TestFaults tries all faults, or the short suite's, and prints what came of them. The short suite tries several at a time: what
// it waits for is mostly time that must pass. The whole one measures how long a cluster takes to agree, and has the machine to itself.
func TestFaults(t *testing.T) {
	whole := os.Getenv("BIZSYNC_FAULTS") == "all"
	faults := allFaults()
	results := make([]result, len(faults))
	t.Cleanup(func() { printResults(t, faults, results) })
	for i, f := range faults {
		rounds := f.ci
		if whole {
			rounds = max(f.rounds, 1)
		}
		if n, err := strconv.Atoi(os.Getenv("BIZSYNC_ROUNDS")); err == nil && rounds > 0 {
			rounds = n
		}
		if rounds == 0 {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			if !whole {
				t.Parallel()
			}
			results[i] = f.try(t.Logf, program, rounds, hopeTime)
			if err := results[i].err; err != nil {
				t.Error(err)
			}
		})
	}
}

// printResults prints a line for each fault that was tried.
func printResults(t *testing.T, faults []fault, results []result) {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fault\trounds\ttyped\tacked\tlost\ttime to converge: median, worst\t")
	for i, res := range results {
		outcome := ""
		if res.err != nil {
			outcome = "FAILED"
		} else if res.rounds == 0 {
			continue
		}
		slices.Sort(res.took)
		var median, worst time.Duration
		if len(res.took) > 0 {
			median, worst = res.took[len(res.took)/2], res.took[len(res.took)-1]
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%v, %v\t%s\n", faults[i].name, res.rounds, res.typed, res.acked, res.lost,
			median.Round(time.Millisecond), worst.Round(time.Millisecond), outcome)
	}
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
	fmt.Print(table.String())
}
