package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
)

// Targets, which are printed as met or not.
const (
	targetElsewhere = 250 * time.Millisecond
	targetAck       = 100 * time.Millisecond
)

// row is a line of the table.
type row struct {
	title string
	cell  func(*result) string
}

var rows = []row{
	{"edits/s, deliveries/s", func(r *result) string {
		return fmt.Sprintf("%.0f, %.0f", float64(r.edits())/r.wall().Seconds(), float64(r.elsewhere.Count()+r.here.Count())/r.table.measured.Seconds())
	}},
	{"edit → other node p50, p99, most", func(r *result) string { return r.elsewhere.String() }},
	{"edit → same node", func(r *result) string { return r.here.String() }},
	{"ack p50, p99, most", func(r *result) string { return r.acks.String() }},
	{"lost, doubled, not acknowledged", func(r *result) string {
		return fmt.Sprintf("%d, %d, %d of %d", r.lost, r.doubled, r.unacked, r.typed)
	}},
	{"CPU s per 1,000 edits: node A", func(r *result) string { return r.perThousand(r.used("A")) }},
	{"node B", func(r *result) string { return r.perThousand(r.used("B")) }},
	{"Redis", func(r *result) string { return r.perThousand(r.used("Redis")) }},
	{"PostgreSQL", func(r *result) string { return r.perThousand(r.used("PostgreSQL")) }},
	{"edits, rows, documents a commit", func(r *result) string {
		commits := r.commits()
		return fmt.Sprintf("%.1f, %.1f, %.1f", r.committed()/commits, r.counted("bizsync_commit_rows_sum")/commits, r.counted("bizsync_commit_documents_sum")/commits)
	}},
	{"commits/s of both nodes, mean and p99 of a commit", func(r *result) string {
		commits := r.commits()
		return fmt.Sprintf("%.0f, %s, %s", commits/r.wall().Seconds(), timing.Milliseconds(seconds(r.counted("bizsync_commit_seconds_sum")/commits)), r.commitWithin(0.99))
	}},
	{"WAL bytes, Redis commands an edit", func(r *result) string {
		return fmt.Sprintf("%.0f, %.2f", (r.after.wal-r.before.wal)/r.committed(), r.commands()/r.committed())
	}},
	{"memory of A, B, Redis, PostgreSQL", func(r *result) string {
		var sizes []string
		for _, name := range []string{"A", "B", "Redis", "PostgreSQL"} {
			sizes = append(sizes, fmt.Sprintf("%d", r.memory[name]>>20))
		}
		return strings.Join(sizes, ", ") + " MiB"
	}},
	{"cores: nodes, Redis, PostgreSQL, load, others", func(r *result) string {
		all := []time.Duration{r.used("A") + r.used("B"), r.used("Redis"), r.used("PostgreSQL"), r.after.own - r.before.own}
		others := r.after.machine - r.before.machine
		var cores []string
		for _, used := range all {
			cores = append(cores, fmt.Sprintf("%.2f", used.Seconds()/r.wall().Seconds()))
			others -= used
		}
		return strings.Join(append(cores, fmt.Sprintf("%.2f", max(0, others.Seconds()/r.wall().Seconds()))), ", ")
	}},
	{"the load's own lag p50, p99, most", func(r *result) string { return r.lag.String() }},
	{fmt.Sprintf("p99 to the other node ≤ %v", targetElsewhere), func(r *result) string { return meets(&r.elsewhere, targetElsewhere) }},
	{fmt.Sprintf("p99 of acks ≤ %v", targetAck), func(r *result) string { return meets(&r.acks, targetAck) }},
}

// table writes the results of all scenarios.
func table(w io.Writer, results []*result) {
	line := func(title string, cell func(*result) string) {
		fmt.Fprintf(w, "| %s |", title)
		for _, r := range results {
			fmt.Fprintf(w, " %s |", cell(r))
		}
		fmt.Fprintln(w)
	}
	line("", func(r *result) string { return r.title })
	line("---", func(*result) string { return "---:" })
	for _, row := range rows {
		line(row.title, row.cell)
	}
}

// remarks writes what the table has no place for.
func (r *result) remarks(w io.Writer) {
	var commands []string
	calls := map[string]float64{}
	for name := range r.after.commands {
		calls[name] = r.after.commands[name] - r.before.commands[name]
	}
	for _, name := range slices.SortedFunc(maps.Keys(calls), func(a, b string) int { return cmp.Compare(calls[b], calls[a]) }) {
		if per := calls[name] / r.committed(); per >= 0.001 {
			commands = append(commands, fmt.Sprintf("%s %.3f", name, per))
		}
	}
	fmt.Fprintf(w, "%s: %d documents on both nodes read as typed; Redis commands an edit: %s\n", r.name, r.texts-r.wrongText, strings.Join(commands, ", "))
	for _, name := range slices.Sorted(maps.Keys(r.after.metrics)) {
		for _, shown := range []string{"bizsync_catch_ups_total", "bizsync_commit_failures_total", "bizsync_frames_held", "bizsync_relay_dropped_total", "bizsync_relay_gaps_total", "bizsync_compactions_total",
			"bizsync_database_pool_waits_total", "bizsync_hash_comparisons_total", "bizsync_relayed_total"} {
			if n := r.counted(name); strings.HasPrefix(name, shown) && n != 0 {
				fmt.Fprintf(w, "%s: %s %.0f\n", r.name, name, n)
			}
		}
	}
	if r.asked > 0 {
		fmt.Fprintf(w, "%s: nodes asked %d times for what they had been sent\n", r.name, r.asked)
	}
	for _, what := range r.complaints {
		fmt.Fprintf(w, "%s: %s\n", r.name, what)
	}
	for i, failure := range r.failures {
		if i == 5 {
			fmt.Fprintf(w, "%s: and %d more\n", r.name, len(r.failures)-i)
			break
		}
		fmt.Fprintf(w, "%s: %s\n", r.name, failure)
	}
}

// wall is how long was measured.
func (r *result) wall() time.Duration { return r.after.at.Sub(r.before.at) }

// edits are those that were typed meanwhile.
func (r *result) edits() uint64 { return r.after.sent - r.before.sent }

func (r *result) used(name string) time.Duration { return r.after.used[name] - r.before.used[name] }

// counted is by how much a metric has grown.
func (r *result) counted(metric string) float64 {
	return r.after.metrics[metric] - r.before.metrics[metric]
}

// commits and committed are transactions and edits that the nodes have committed; at least one, so that a cluster that commits nothing shows as numbers, too.
func (r *result) commits() float64   { return max(1, r.counted("bizsync_commit_seconds_count")) }
func (r *result) committed() float64 { return max(1, r.counted("bizsync_updates_committed_total")) }

// commitWithin gives the bound of the nodes' own histogram within which a share q of the commits stayed.
func (r *result) commitWithin(q float64) string {
	const prefix, suffix = `bizsync_commit_seconds_bucket{le="`, `"}`
	least := math.Inf(1)
	for name := range r.after.metrics {
		if bound, ok := strings.CutPrefix(name, prefix); ok && r.counted(name) >= q*r.commits() {
			if le, err := strconv.ParseFloat(strings.TrimSuffix(bound, suffix), 64); err == nil {
				least = min(least, le)
			}
		}
	}
	if math.IsInf(least, 1) {
		return "beyond all bounds"
	}
	return "≤ " + timing.Milliseconds(seconds(least))
}

// commands are the calls of all of Redis's commands but our own.
func (r *result) commands() (sum float64) {
	for name, calls := range r.after.commands {
		if name != "info" {
			sum += calls - r.before.commands[name]
		}
	}
	return sum
}

// perThousand is processor time per 1,000 edits.
func (r *result) perThousand(used time.Duration) string {
	return fmt.Sprintf("%.3f", used.Seconds()/float64(r.edits())*1000)
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// meets says whether the 99th percentile is within a target. What was never measured isn't.
func meets(h *timing.Histogram, target time.Duration) string {
	if h.Count() > 0 && h.Quantile(0.99) <= target {
		return "met"
	}
	return "not met"
}
