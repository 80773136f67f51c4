package collab

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Quantiles are those of what was recent, at most a tenth too long, and old durations leave them.
func TestRecentDurations(t *testing.T) {
	l := &latency{Histogram: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "x"})}
	now := time.Now()
	within := func(what string, got, want time.Duration) {
		t.Helper()
		if got < want || got > want*11/10+1 {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	if s := l.spread(now); s != (Spread{}) {
		t.Errorf("of nothing: %+v", s)
	}
	for range 98 {
		l.observe(3*time.Millisecond, now)
	}
	for range 2 {
		l.observe(time.Second, now)
	}
	s := l.spread(now.Add(30 * time.Second))
	within("p50", s.P50, 3*time.Millisecond)
	within("p99", s.P99, time.Second)

	next := now.Add(recentPeriod)
	for range 1000 {
		l.observe(20*time.Microsecond, next)
	}
	within("p50 of two periods", l.spread(next).P50, 20*time.Microsecond)
	within("p99 of two periods", l.spread(next).P99, 3*time.Millisecond)
	within("p99 of the second", l.spread(next.Add(recentPeriod)).P99, 20*time.Microsecond)
	if s := l.spread(next.Add(3 * recentPeriod)); s != (Spread{}) {
		t.Errorf("long after: %+v", s)
	}
	if n := l.count(); n != 1100 {
		t.Errorf("%d in all", n)
	}
	for _, d := range []time.Duration{-1, 0, 1, recentLeast, time.Hour} {
		l.observe(d, next) // at the ends of the classes
	}
}
