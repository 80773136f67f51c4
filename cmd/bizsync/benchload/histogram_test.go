package main

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
		parts := [2]histogram{}
		for i, d := range some {
			parts[i%2].add(time.Duration(d))
		}
		h := &parts[0]
		h.merge(&parts[1])
		slices.Sort(some)
		for _, q := range []float64{0.5, 0.99, 1} {
			rank := 0
			for float64(rank+1) < q*float64(len(some)) {
				rank++
			}
			exact := time.Duration(some[rank])
			if got := h.quantile(q); got < exact-time.Microsecond || got > exact+exact*32/1000+time.Microsecond {
				t.Fatalf("quantile %v is %v, not %v", q, got, exact)
			}
		}
		if h.count != uint64(len(some)) || h.most != time.Duration(some[len(some)-1]) {
			t.Fatalf("%d durations, at most %v", h.count, h.most)
		}
	})
}
