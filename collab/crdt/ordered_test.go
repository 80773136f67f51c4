package crdt

import "testing"

// A range that swallows whole chunks leaves nothing of them, and nothing else is lost.
func TestSpansSwallowChunks(t *testing.T) {
	const ranges = 5 * chunkSize
	for _, c := range []struct {
		name     string
		from, to uint32
	}{
		{"all", 0, 3 * ranges},
		{"all but the first and the last", 3, 3*ranges - 5},
		{"from within a chunk to within another", 3 * (chunkSize / 2), 3*4*chunkSize + 90},
		{"one chunk", 3 * chunkSize, 3*2*chunkSize - 1},
	} {
		var s spans
		for i := range uint32(ranges) {
			s.add(3*i, 3*i+1)
		}
		before := s.len()
		more := s.add(c.from, c.to)
		want := 1
		for i := range uint32(ranges) {
			if 3*i+1 < c.from || 3*i > c.to {
				want++
			}
		}
		if s.len() != want || before+more != want {
			t.Errorf("%s: %d ranges, told %d, want %d", c.name, s.len(), before+more, want)
		}
		if !s.covers(c.from, c.to) {
			t.Errorf("%s: not all of it is there", c.name)
		}
		last, n := int64(-1), 0
		for chunk := range s.chunks {
			for _, e := range chunk {
				if int64(e.key) <= last {
					t.Errorf("%s: a range at %d after one that ends at %d", c.name, e.key, last)
				}
				last = int64(e.val)
				n++
			}
		}
		if n != want {
			t.Errorf("%s: %d ranges in the chunks, want %d", c.name, n, want)
		}
	}
}
