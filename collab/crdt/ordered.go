package crdt

import "slices"

// chunkSize bounds a chunk of an ordered list, and so the work of an insertion.
const chunkSize = 256

type entry[T any] struct {
	key uint32
	val T
}

// ordered is a list of entries by ascending key, in chunks: appending is
// immediate, an insertion anywhere moves at most one chunk. No chunk is empty.
type ordered[T any] struct {
	chunks [][]entry[T]
	n      int
}

// place is the position of an entry in an ordered list, or just behind the last
// entry of a chunk.
type place struct{ chunk, i int }

// last gives the entry with the highest key, or nil.
func (o *ordered[T]) last() *entry[T] {
	if len(o.chunks) == 0 {
		return nil
	}
	c := o.chunks[len(o.chunks)-1]
	return &c[len(c)-1]
}

// find gives the place of the last entry whose key is at most key.
func (o *ordered[T]) find(key uint32) (place, bool) {
	lo, hi := 0, len(o.chunks)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); o.chunks[mid][0].key <= key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return place{}, false
	}
	c := o.chunks[lo-1]
	i, j := 0, len(c)
	for i < j {
		if mid := int(uint(i+j) >> 1); c[mid].key <= key {
			i = mid + 1
		} else {
			j = mid
		}
	}
	return place{lo - 1, i - 1}, true
}

// from gives the place of the first entry whose span can hold or follow key: the
// last one at or below key, or else the very first.
func (o *ordered[T]) from(key uint32) place {
	p, _ := o.find(key)
	return p
}

// at gives the entry at p, or nil behind the end.
func (o *ordered[T]) at(p place) *entry[T] {
	if p.chunk >= len(o.chunks) {
		return nil
	}
	return &o.chunks[p.chunk][p.i]
}

// next gives the place after p, which may be behind the end.
func (o *ordered[T]) next(p place) place {
	if p.i+1 < len(o.chunks[p.chunk]) {
		return place{p.chunk, p.i + 1}
	}
	return place{p.chunk + 1, 0}
}

// push appends an entry; its key must be the highest.
func (o *ordered[T]) push(e entry[T]) {
	o.n++
	if k := len(o.chunks) - 1; k >= 0 && len(o.chunks[k]) < chunkSize {
		o.chunks[k] = append(o.chunks[k], e)
		return
	}
	o.addChunk(e)
}

// addChunk begins a chunk, in memory kept by reset if there is some.
func (o *ordered[T]) addChunk(e entry[T]) {
	k := len(o.chunks)
	var c []entry[T]
	if k < cap(o.chunks) {
		c = o.chunks[:k+1][k][:0]
	}
	if k > 0 && cap(c) == 0 {
		c = make([]entry[T], 0, chunkSize) // after a full one it will fill, too
	}
	o.chunks = append(o.chunks, append(c, e))
}

// insert puts e where its key belongs.
func (o *ordered[T]) insert(e entry[T]) {
	l := o.last()
	if l == nil || l.key < e.key {
		o.push(e)
		return
	}
	o.n++
	p, ok := o.find(e.key)
	if ok {
		p.i++
	}
	c := o.chunks[p.chunk]
	if len(c) < chunkSize {
		o.chunks[p.chunk] = slices.Insert(c, p.i, e)
		return
	}
	right := append(make([]entry[T], 0, chunkSize), c[chunkSize/2:]...)
	left := c[:chunkSize/2]
	if p.i <= chunkSize/2 {
		left = slices.Insert(left, p.i, e)
	} else {
		right = slices.Insert(right, p.i-chunkSize/2, e)
	}
	o.chunks[p.chunk] = left
	o.chunks = slices.Insert(o.chunks, p.chunk+1, right)
}

// remove takes out the entry at p. What was behind it is then at the returned place.
func (o *ordered[T]) remove(p place) place {
	o.n--
	c := slices.Delete(o.chunks[p.chunk], p.i, p.i+1)
	o.chunks[p.chunk] = c
	switch {
	case len(c) == 0:
		o.chunks = slices.Delete(o.chunks, p.chunk, p.chunk+1)
		return place{p.chunk, 0}
	case p.i == len(c):
		return place{p.chunk + 1, 0}
	}
	return p
}

// reset empties the list and keeps at most one chunk's memory.
func (o *ordered[T]) reset() {
	if len(o.chunks) > 1 {
		clear(o.chunks[1:cap(o.chunks)])
		o.chunks = o.chunks[:1:1]
	}
	if len(o.chunks) > 0 {
		o.chunks[0] = o.chunks[0][:0]
	}
	o.chunks = o.chunks[:0]
	o.n = 0
}

// span is a range of clocks, end excluded.
type span struct{ start, end uint32 }

// spans is a set of clocks: ascending ranges that neither overlap nor touch.
// The key of an entry is the range's start and the value its end.
type spans struct{ ordered[uint32] }

// add puts [start, end) into the set. It takes amortised time for the ranges
// that it swallows, plus a logarithm.
func (s *spans) add(start, end uint32) {
	if start >= end {
		return
	}
	l := s.last()
	if l == nil || l.val < start {
		s.push(entry[uint32]{start, end})
		return
	}
	p, ok := s.find(start)
	var e *entry[uint32]
	if ok {
		e = s.at(p)
	}
	if !ok || e.val < start {
		s.insert(entry[uint32]{start, end})
		p, _ = s.find(start)
		e = s.at(p)
	} else if e.val >= end {
		return
	} else {
		e.val = end
	}
	for q := s.next(p); ; {
		n := s.at(q)
		if n == nil || n.key > e.val {
			return
		}
		e.val = max(e.val, n.val)
		q = s.remove(q)
		e = s.at(p)
	}
}

// covers says whether all of [start, end) is in the set.
func (s *spans) covers(start, end uint32) bool {
	p, ok := s.find(start)
	return ok && s.at(p).val >= end
}

// meets says whether any of [start, end) is in the set.
func (s *spans) meets(start, end uint32) bool {
	if len(s.chunks) == 0 {
		return false
	}
	p, ok := s.find(end - 1)
	return ok && s.at(p).val > start
}

// endFrom gives the end of the range that holds clock or ends there, else clock.
func (s *spans) endFrom(clock uint32) uint32 {
	if p, ok := s.find(clock); ok {
		return max(clock, s.at(p).val)
	}
	return clock
}

// gaps appends to dst the parts of [start, end) that are not in the set.
func (s *spans) gaps(start, end uint32, dst []span) []span {
	for p := s.from(start); start < end; p = s.next(p) {
		e := s.at(p)
		if e == nil || e.key >= end {
			return append(dst, span{start, end})
		}
		if e.key > start {
			dst = append(dst, span{start, e.key})
		}
		start = max(start, e.val)
	}
	return dst
}
