package timing

import (
	"fmt"
	"time"
)

// Sample is a few durations, sorted.
type Sample []time.Duration

// Percentile gives the duration that p percent of the sample stay below, or the longest for 100; 0 when there are none.
func (s Sample) Percentile(p float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	return s[min(int(p/100*float64(len(s))), len(s)-1)].Round(10 * time.Microsecond)
}

func (s Sample) String() string {
	return fmt.Sprintf("p50 %v, p99 %v, at most %v", s.Percentile(50), s.Percentile(99), s.Percentile(100))
}
