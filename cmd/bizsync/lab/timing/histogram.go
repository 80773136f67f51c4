// Package timing sums up how long something took, again and again.
package timing

import (
	"fmt"
	"math"
	"time"
)

const (
	// An octave of durations has 32 buckets, so a quantile is at most 3 % too long.
	octaveBits = 5
	// octaves reach from a microsecond to 134 s. What takes longer counts as that.
	octaves = 27
	// mantissaBits are those of a float64, and firstBucket what the shift makes of 1.
	mantissaBits = 52
	firstBucket  = 1023 << octaveBits
)

// Histogram counts durations in buckets whose width grows with the duration: the exponent and the first bits of the mantissa of a float64 are the bucket. The zero
// value is empty; adding never allocates. It is for one goroutine at a time.
type Histogram struct {
	buckets [octaves << octaveBits]uint32
	count   uint64
	most    time.Duration
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	us := 1 + max(float64(d)/float64(time.Microsecond), 0)
	h.buckets[min(int(math.Float64bits(us)>>(mantissaBits-octaveBits))-firstBucket, len(h.buckets)-1)]++
	h.count++
	h.most = max(h.most, d)
}

// Merge counts all that another one has counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
	h.count += other.count
	h.most = max(h.most, other.most)
}

// Quantile gives the duration that a share q of all, from 0 to 1, doesn't exceed. It is 0 for an empty histogram.
func (h *Histogram) Quantile(q float64) time.Duration {
	want, seen := uint64(math.Ceil(q*float64(h.count))), uint64(0)
	for i, n := range h.buckets {
		if seen += uint64(n); n > 0 && seen >= want {
			edge := math.Float64frombits(uint64(i+1+firstBucket) << (mantissaBits - octaveBits))
			return min(time.Duration((edge-1)*float64(time.Microsecond)), h.most)
		}
	}
	return h.most
}

// Count is how many durations were added.
func (h *Histogram) Count() uint64 { return h.count }

// Most is the longest of them, exactly.
func (h *Histogram) Most() time.Duration { return h.most }

// String gives median, 99th percentile and maximum.
func (h *Histogram) String() string {
	if h.count == 0 {
		return "–"
	}
	return fmt.Sprintf("%s, %s, %s", Milliseconds(h.Quantile(0.5)), Milliseconds(h.Quantile(0.99)), Milliseconds(h.most))
}

// Milliseconds writes a duration with two or three digits.
func Milliseconds(d time.Duration) string {
	ms := d.Seconds() * 1000
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}
