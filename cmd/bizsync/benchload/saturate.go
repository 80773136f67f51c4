package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
)

// step is one rate that a saturation has tried.
type step struct {
	*result
	rate float64 // of a writer
	ok   bool
}

// saturation looks for the highest rate at which a typing load is clean.
type saturation struct {
	typing                // whose rate is the first
	factor  float64       // by which the rate grows while steps are clean
	steps   int           // at most
	latency time.Duration // the highest p99 that counts as clean
}

// nearEnough is how near the lowest rate that failed comes to the highest that was clean.
const nearEnough = 1.08

// run looks for it at a server.
func (s saturation) run(ctx context.Context, at *server, scripts []*script, profile profiler, log io.Writer) (*result, error) {
	return s.search(len(scripts[0].updates), func(rate float64) (*step, error) {
		load := s.typing
		load.rate = rate
		r, err := load.run(ctx, at, scripts, profile.of(fmt.Sprintf("%.0f", rate)))
		if err != nil {
			return nil, fmt.Errorf("at %.0f updates a second of each writer: %w", rate, err)
		}
		one := &step{result: r, rate: rate, ok: r.clean(s.latency)}
		fmt.Fprintf(log, "  %.0f updates/s offered: %s: %s\n", r.offered, map[bool]string{true: "clean", false: "not clean"}[one.ok], r)
		return one, nil
	})
}

// search raises the rate until a step isn't clean, and then halves the gap. A step that failed while others disturbed it is repeated once. What it gives is the step with the most deliveries among the clean ones, or nothing measured if
// none was. A writer has so many updates at most.
func (s saturation) search(updates int, try func(rate float64) (*step, error)) (*result, error) {
	var steps []*step
	var best *step
	good, bad, repeated := 0.0, 0.0, false
	for load := s.typing; len(steps) < s.steps && (bad == 0 || good == 0 || bad/good >= nearEnough); {
		one, err := try(load.rate)
		if err != nil {
			return nil, err
		}
		steps = append(steps, one)
		if !one.ok && !repeated && one.use.others() > mostDisturbed {
			repeated = true
			continue
		}
		repeated = false
		if one.ok {
			good = max(good, load.rate)
			if best == nil || one.deliveries() > best.deliveries() {
				best = one
			}
		} else {
			bad = load.rate
		}
		switch {
		case bad == 0:
			load.rate *= s.factor
		case good == 0:
			load.rate /= s.factor * s.factor
		default:
			load.rate = (good + bad) / 2
		}
		if n := load.updates(); n < 1 || n > updates {
			break // there is nothing to type, or no more than what was typed already
		}
	}
	if best == nil {
		return &result{steps: steps, failures: []string{"no rate was clean"}}, nil
	}
	r := *best.result
	r.steps, r.lost, r.doubled = steps, 0, 0
	for _, one := range steps { // what was lost counts, wherever that was
		r.lost += one.lost
		r.doubled += one.doubled
	}
	return &r, nil
}

// highest is the highest clean rate of a writer, 0 for none.
func (r *result) highest() (rate float64) {
	for _, s := range r.steps {
		if s.ok {
			rate = max(rate, s.rate)
		}
	}
	return rate
}

// limit says what ended a saturation: the lowest rate above the clean ones, and who was busy then. Empty when nothing of the kind was tried.
func (r *result) limit() string {
	var worst *step
	for _, s := range r.steps {
		if !s.ok && s.rate > r.highest() && (worst == nil || s.rate < worst.rate) {
			worst = s
		}
	}
	switch {
	case worst != nil:
		return fmt.Sprintf("not clean at %.0f updates/s: %.0f were sent, p99 %s, lost %d; server %.2f, harness %.2f, others %.2f cores", worst.offered, worst.sending(),
			timing.Milliseconds(worst.latency.Quantile(0.99)), worst.lost, worst.use.cores(), worst.use.harnessCores(), worst.use.others())
	case len(r.steps) > 0:
		return "no rate failed above that: it can do more"
	default:
		return ""
	}
}
