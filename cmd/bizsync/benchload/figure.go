package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
)

// figure is a row of the table: something that is measured of every server.
type figure struct {
	title  string
	of     func(*result) float64
	format func(float64) string
	target *target // nil: none
}

// target is what ours has to reach.
type target struct {
	text  string
	times float64 // of the best of the others; 0: limit is what counts
	limit float64
	least bool // it is to be reached, not to be kept below
}

func atMost(text string, times float64) *target { return &target{text: "≤ " + text, times: times} }
func atLeast(text string, times float64) *target {
	return &target{text: "≥ " + text, times: times, least: true}
}

func under(d time.Duration) *target {
	return &target{text: fmt.Sprintf("≤ %v", d), limit: d.Seconds()}
}

func belowKiB(n float64) *target { return &target{text: fmt.Sprintf("≤ %.0f", n), limit: n} }

func underCores(n float64) *target { return &target{text: fmt.Sprintf("< %.0f", n), limit: n} }

// judge compares ours with the target and the others. ratio is ours by the best of the others, or by the limit; ok is false when there is nothing to compare with.
func (t *target) judge(ours float64, others []float64) (ratio float64, met, ok bool) {
	best := t.limit
	if t.times > 0 {
		if len(others) == 0 {
			return 0, false, false
		}
		if best = slices.Min(others); t.least {
			best = slices.Max(others)
		}
	}
	if best <= 0 {
		return 0, false, false
	}
	ratio = ours / best
	wanted := cmp.Or(t.times, 1)
	if t.least {
		return ratio, ratio >= wanted, true
	}
	return ratio, ratio <= wanted, true
}

func perMillion(t *target) figure {
	return figure{"CPU s per 1M deliveries", (*result).perMillion, digits, t}
}

func deliveries(t *target) figure {
	return figure{"deliveries/s", (*result).deliveries, func(v float64) string { return fmt.Sprintf("%.0f", v) }, t}
}

func latency(t *target) figure { return figure{"p99", p99, inMilliseconds, t} }

func joinedAlone(t *target) figure {
	return figure{"alone, p50", func(r *result) float64 { return r.latency.Quantile(0.5).Seconds() }, inMilliseconds, t}
}

func joinedTogether(t *target) figure {
	return figure{fmt.Sprintf("%d at once, p50", joinTogether), func(r *result) float64 { return r.together.Quantile(0.5).Seconds() }, inMilliseconds, t}
}

func perConnection(t *target) figure {
	return figure{"KiB RSS a connection", func(r *result) float64 { return r.idleSize / 1024 }, digits, t}
}

func cores(t *target) figure {
	return figure{"cores", func(r *result) float64 { return r.use.cores() }, func(v float64) string { return fmt.Sprintf("%.2f", v) }, t}
}

func memory() figure {
	return figure{"most MiB RSS", func(r *result) float64 { return float64(r.use.most()) / (1 << 20) }, func(v float64) string { return fmt.Sprintf("%.0f", v) }, nil}
}

// echoes is how many awareness updates clients have sent on, which the server has to read.
func echoes() figure {
	return figure{"awareness updates echoed a second", func(r *result) float64 { return float64(r.sent) / r.span.Seconds() }, func(v float64) string { return fmt.Sprintf("%.0f", v) }, nil}
}

// offered is how much of it could be sent: who is past saturation may have to read more slowly.
func offered() figure {
	return figure{"updates/s offered", func(r *result) float64 { return r.offered }, func(v float64) string { return fmt.Sprintf("%.0f", v) }, nil}
}

func drained() figure {
	return figure{"s from the last update sent to the last delivery", func(r *result) float64 { return r.drained.Seconds() }, digits, nil}
}

// apartCores is what ours pays for a database.
func apartCores() figure {
	return figure{"CPU s per 1M deliveries of PostgreSQL, apart", func(r *result) float64 {
		for _, p := range r.use.parts {
			if p.apart {
				return p.cpu.Seconds() / float64(max(r.counted, 1)) * 1e6
			}
		}
		return 0
	}, func(v float64) string {
		if v == 0 {
			return "–" // it has none
		}
		return digits(v)
	}, nil}
}

func p99(r *result) float64 { return r.latency.Quantile(0.99).Seconds() }

func inMilliseconds(seconds float64) string {
	return timing.Milliseconds(time.Duration(seconds * float64(time.Second)))
}

// digits are about three.
func digits(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

// median of at least one.
func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}
