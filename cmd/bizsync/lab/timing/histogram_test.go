package timing

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A quantile is that of the sorted durations, or at most 3.2 % or a microsecond longer.
func TestQuantiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfN(rapid.Int64Range(0, int64(2*time.Minute)), 1, 200).Draw(t, "durations")
		parts := [2]Histogram{}
		for i, d := range some {
			parts[i%2].Add(time.Duration(d))
		}
		h := &parts[0]
		h.Merge(&parts[1])
		slices.Sort(some)
		for _, q := range []float64{0.5, 0.99, 1} {
			rank := 0
			for float64(rank+1) < q*float64(len(some)) {
				rank++
			}
			exact := time.Duration(some[rank])
			if got := h.Quantile(q); got < exact-time.Microsecond || got > exact+exact*32/1000+time.Microsecond {
				t.Fatalf("quantile %v is %v, not %v", q, got, exact)
			}
		}
		if h.Count() != uint64(len(some)) || h.Most() != time.Duration(some[len(some)-1]) {
			t.Fatalf("%d durations, at most %v", h.Count(), h.Most())
		}
	})
}

func TestHistogramAtItsEdges(t *testing.T) {
	var h Histogram
	if h.Quantile(0.99) != 0 || h.String() != "–" {
		t.Error("nothing was measured, and something is told")
	}
	h.Add(-time.Second) // a clock that is read twice
	h.Add(time.Hour)
	if h.Count() != 2 || h.Most() != time.Hour {
		t.Errorf("%d durations, at most %v", h.Count(), h.Most())
	}
}
