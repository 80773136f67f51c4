package collab

import (
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Figures are what a node tells of itself to a person at a glance. (Metrics tell it to programs, and all of it.)
type Figures struct {
	Rooms       int // documents that are loaded
	Connections int // of this node, to documents
	Damaged     int // documents that could not be read to their end when they were last opened

	Commits        uint64 // since the start
	CommitFailures uint64 // tries that failed, or whose outcome was unknown, since the start
	Commit, Ack    Spread // of the last one to two minutes
}

// Spread sums durations up; both are 0 when there were none.
type Spread struct {
	P50, P99 time.Duration
}

// Figures gives the figures of this moment.
func (h *Hub) Figures() Figures {
	connections, _ := h.roster.count()
	now := time.Now()
	f := Figures{Connections: connections, Commits: h.metrics.commitSeconds.count(), CommitFailures: h.metrics.failures.Load(),
		Commit: h.metrics.commitSeconds.spread(now), Ack: h.metrics.ackSeconds.spread(now)}
	h.mu.Lock()
	defer h.mu.Unlock()
	f.Rooms, f.Damaged = len(h.open), len(h.damaged)
	return f
}

const (
	// recentPeriod is how long durations are counted together. Those of the period before are remembered.
	recentPeriod = time.Minute
	// recentLeast is the upper bound of the first class of durations; each next one is a tenth longer, and the last one, of over a minute, has no bound.
	recentLeast   = 10 * time.Microsecond
	recentGrowth  = 1.1
	recentClasses = 170
)

// latency is a histogram for Prometheus that remembers besides which durations were recent.
type latency struct {
	prometheus.Histogram

	mu     sync.Mutex
	total  uint64                // guarded by mu, like all that follows
	began  time.Time             // of the present period
	recent [recentClasses]uint32 // of the present period
	before [recentClasses]uint32 // of the period before
}

// observe counts a duration that ended at now.
func (l *latency) observe(took time.Duration, now time.Time) {
	l.Observe(took.Seconds())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	l.total++
	l.recent[recentClass(took)]++
}

// turn begins a new period when it is time. It is called with mu held.
func (l *latency) turn(now time.Time) {
	age := now.Sub(l.began)
	if age < recentPeriod {
		return
	}
	l.before = [recentClasses]uint32{}
	if age < 2*recentPeriod {
		l.before = l.recent
	}
	l.began, l.recent = now, [recentClasses]uint32{}
}

func (l *latency) count() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// spread gives the quantiles of recent durations, up to a tenth too long.
func (l *latency) spread(now time.Time) Spread {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	var n uint64
	for i := range l.recent {
		n += uint64(l.recent[i]) + uint64(l.before[i])
	}
	quantile := func(q float64) time.Duration {
		rank, seen := uint64(math.Ceil(q*float64(n))), uint64(0)
		for i := range l.recent {
			if seen += uint64(l.recent[i]) + uint64(l.before[i]); seen >= rank && seen > 0 {
				return recentBound(i)
			}
		}
		return 0
	}
	return Spread{P50: quantile(.5), P99: quantile(.99)}
}

func recentClass(d time.Duration) int {
	if d <= recentLeast {
		return 0
	}
	return min(int(math.Ceil(math.Log(float64(d)/float64(recentLeast))/math.Log(recentGrowth))), recentClasses-1)
}

func recentBound(class int) time.Duration {
	return time.Duration(float64(recentLeast) * math.Pow(recentGrowth, float64(class)))
}
