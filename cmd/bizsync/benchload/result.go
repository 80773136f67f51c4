package main

import (
	"fmt"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
)

// result is what came of a scenario at one server. Which fields mean something is the scenario's matter.
type result struct {
	connections int
	failures    []string // each kind once, with how often

	offered                      float64 // updates a second
	sent                         uint64  // updates
	expected, delivered, lost    uint64  // deliveries
	counted                      uint64  // deliveries of updates that were due in the time that was measured
	doubled, echoed, foreign     uint64
	frames, bytes                uint64 // received by clients in the time that was measured
	statuses, refused, malformed uint64
	span                         time.Duration    // in which what was counted came
	sendSpan                     time.Duration    // in which everything was sent
	drained                      time.Duration    // from the last update sent to the last delivery
	latency                      timing.Histogram // from when an update was due; of joining alone
	together                     timing.Histogram // of joining with others
	lag                          timing.Histogram // the harness's own
	use                          use

	steps    []*step // of a saturation
	idleSize float64 // bytes of memory a connection

	compared, uncommitted int // documents whose committed content was looked at, and that lack something
	relayed               []relayPoint
}

// fail notes what went wrong so many times, and why the first time.
func (r *result) fail(what string, times int, first error) {
	if times > 0 {
		r.failures = append(r.failures, fmt.Sprintf("%s%d times, first: %v", what, times, first))
	}
}

// deliveries is how many came a second.
func (r *result) deliveries() float64 { return float64(r.counted) / max(r.span.Seconds(), 1e-9) }

// sending is how many updates were sent a second.
func (r *result) sending() float64 { return float64(r.sent) / max(r.sendSpan.Seconds(), 1e-9) }

// perMillion is the processor time of the server in seconds for a million deliveries.
func (r *result) perMillion() float64 {
	return r.use.cpu().Seconds() / float64(max(r.counted, 1)) * 1e6
}

// clean says whether everybody was there all the time and everything came in time.
func (r *result) clean(most time.Duration) bool {
	return r.lost == 0 && len(r.failures) == 0 && r.counted > 0 && r.latency.Quantile(0.99) <= most && r.sending() >= 0.95*r.offered
}

// String is the line that is shown when a scenario has ended.
func (r *result) String() string {
	s := fmt.Sprintf("%d connections", r.connections)
	if r.expected > 0 {
		s += fmt.Sprintf(", %.0f deliveries/s, %.1f CPU s per 1M, p50 %s, p99 %s, most %s, lost %d, doubled %d, %.2f frames a delivery", r.deliveries(), r.perMillion(),
			timing.Milliseconds(r.latency.Quantile(0.5)), timing.Milliseconds(r.latency.Quantile(0.99)), timing.Milliseconds(r.latency.Most()), r.lost, r.doubled, float64(r.frames)/float64(max(r.counted, 1)))
	}
	if r.idleSize > 0 {
		s += fmt.Sprintf(", %.1f KiB a connection", r.idleSize/1024)
	}
	if r.together.Count() > 0 {
		s += fmt.Sprintf(", joining alone p50 %s, with others p50 %s", timing.Milliseconds(r.latency.Quantile(0.5)), timing.Milliseconds(r.together.Quantile(0.5)))
	}
	for _, p := range r.use.parts {
		s += fmt.Sprintf("; %s %.2f cores, %d MiB", p.name, r.use.share(p.cpu), p.most>>20)
	}
	return s + fmt.Sprintf("; harness %.2f cores, others %.2f", r.use.harnessCores(), r.use.others())
}
