package main

import (
	"fmt"
	"io"
	"strings"
)

// column is a server of the table.
type column struct {
	name  string
	title string
	ours  bool
}

// results are those of all runs, by scenario and column.
type results map[string]map[string][]*result

func (r results) add(scenario, column string, one *result) {
	if r[scenario] == nil {
		r[scenario] = map[string][]*result{}
	}
	r[scenario][column] = append(r[scenario][column], one)
}

// highest is the median of the highest clean rates that were found, 0 if none was.
func (r results) highest(scenario, column string) float64 {
	var all []float64
	for _, one := range r[scenario][column] {
		if rate := one.highest(); rate > 0 {
			all = append(all, rate)
		}
	}
	if len(all) == 0 {
		return 0
	}
	return median(all)
}

// mostDisturbed is how many cores others may have kept busy during a run that counts, unless there is no other.
const mostDisturbed = 0.25

// undisturbed are the runs that others didn't disturb, or all of them when there are no such. Runs that measured nothing are left out.
func undisturbed(all []*result) (some []*result) {
	var measured []*result
	for _, r := range all {
		if r.use.wall == 0 {
			continue
		}
		measured = append(measured, r)
		if r.use.others() <= mostDisturbed {
			some = append(some, r)
		}
	}
	if len(some) == 0 {
		return measured
	}
	return some
}

// table writes everything that was measured, one row a figure.
func table(w io.Writer, all []scenario, columns []column, measured results) {
	line := func(cells ...string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }
	head, rule := []string{"scenario", "figure"}, []string{"---", "---"}
	for _, c := range columns {
		head, rule = append(head, c.title), append(rule, "---:")
	}
	line(append(head, "target", "ours is at")...)
	line(append(rule, "---", "---")...)
	for _, s := range all {
		if measured[s.name] == nil {
			continue
		}
		if s.name == "relaycost" {
			relayRows(line, columns, measured[s.name])
		}
		title := s.title
		for _, f := range s.figures {
			line(append([]string{title, f.title}, f.cells(columns, measured[s.name])...)...)
			title = ""
		}
		for _, r := range alwaysShown {
			cells := []string{"", r.title}
			for _, c := range columns {
				cells = append(cells, r.show(measured[s.name][c.name]))
			}
			line(append(cells, "", "")...)
		}
	}
}

// cells are the medians of all columns, the target, and how ours is compared with it.
func (f figure) cells(columns []column, by map[string][]*result) (cells []string) {
	var others []float64
	values := map[string]float64{}
	for _, c := range columns {
		var some []float64
		for _, r := range undisturbed(by[c.name]) {
			some = append(some, f.of(r))
		}
		if len(some) == 0 {
			cells = append(cells, "–")
			continue
		}
		values[c.name] = median(some)
		if !c.ours {
			others = append(others, values[c.name])
		}
		cells = append(cells, f.format(values[c.name]))
	}
	if f.target == nil {
		return append(cells, "", "")
	}
	var verdicts []string
	for _, c := range columns {
		value, there := values[c.name]
		if !c.ours || !there {
			continue
		}
		ratio, met, ok := f.target.judge(value, others)
		switch {
		case !ok:
			verdicts = append(verdicts, "nothing to compare with")
		case met:
			verdicts = append(verdicts, fmt.Sprintf("%.2f, met", ratio))
		default:
			verdicts = append(verdicts, fmt.Sprintf("%.2f, NOT met", ratio))
		}
	}
	return append(cells, f.target.text, strings.Join(verdicts, "; "))
}

// alwaysShown are the rows below every scenario.
var alwaysShown = []struct {
	title string
	show  func([]*result) string
}{
	{"lost, doubled; failures (of all runs)", func(all []*result) string {
		lost, doubled, failures := uint64(0), uint64(0), 0
		for _, r := range all {
			lost, doubled, failures = lost+r.lost, doubled+r.doubled, failures+len(r.failures)
		}
		if len(all) == 0 {
			return "–"
		}
		return fmt.Sprintf("%d, %d; %d", lost, doubled, failures)
	}},
	{"cores: server, harness, others; MiB", func(all []*result) string {
		some := undisturbed(all)
		if len(some) == 0 {
			return "–"
		}
		of := func(f func(*result) float64) float64 {
			var values []float64
			for _, r := range some {
				values = append(values, f(r))
			}
			return median(values)
		}
		return fmt.Sprintf("%.2f, %.2f, %.2f; %.0f", of(func(r *result) float64 { return r.use.cores() }), of(func(r *result) float64 { return r.use.harnessCores() }),
			of(func(r *result) float64 { return r.use.others() }), of(func(r *result) float64 { return float64(r.use.most()) / (1 << 20) }))
	}},
	{"runs that count", func(all []*result) string {
		if len(all) == 0 {
			return "–"
		}
		some := undisturbed(all)
		if len(some) > 0 && some[0].use.others() > mostDisturbed {
			return fmt.Sprintf("%d of %d, all disturbed", len(some), len(all))
		}
		return fmt.Sprintf("%d of %d", len(some), len(all))
	}},
}

// relayRows are those of relaycost, whose results are medians of points.
func relayRows(line func(...string), columns []column, by map[string][]*result) {
	for _, c := range columns {
		if len(by[c.name]) == 0 {
			continue
		}
		for i, p := range by[c.name][0].relayed {
			var perMillion, cores, redis []float64
			for _, r := range by[c.name] {
				perMillion, cores = append(perMillion, r.relayed[i].perMillion()), append(cores, r.relayed[i].cores())
				redis = append(redis, r.relayed[i].redis.Seconds()/r.relayed[i].wall.Seconds())
			}
			cells := []string{"", fmt.Sprintf("CPU s per 1M messages, cores; cores of Redis: %d nodes, %d documents a commit, %.0f messages/s", p.nodes, p.documents, p.messages/p.wall.Seconds())}
			if i == 0 {
				cells[0] = fmt.Sprintf("what a node pays for documents of others, who commit %d times a second each", commitsPerSecond)
			}
			for _, other := range columns {
				cell := "–"
				if other.name == c.name {
					cell = fmt.Sprintf("%s, %.4f; %.3f", digits(median(perMillion)), median(cores), median(redis))
				}
				cells = append(cells, cell)
			}
			line(append(cells, "", "")...)
		}
	}
}
