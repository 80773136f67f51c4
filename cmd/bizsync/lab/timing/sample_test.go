package timing

import (
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	var hundred Sample
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1)*time.Millisecond)
	}
	for _, tt := range []struct {
		sample Sample
		p      float64
		want   time.Duration
	}{
		{nil, 99, 0},
		{Sample{time.Second}, 50, time.Second},
		{hundred, 50, 51 * time.Millisecond},
		{hundred, 99, 100 * time.Millisecond},
		{hundred, 100, 100 * time.Millisecond},
		{Sample{1_234_567}, 100, 1_230_000}, // to ten microseconds
	} {
		if got := tt.sample.Percentile(tt.p); got != tt.want {
			t.Errorf("%v %% of %d: %v, not %v", tt.p, len(tt.sample), got, tt.want)
		}
	}
}
