package crdt

import "slices"

// chunkSize bounds a chunk of an ordered list, and so the work of an insertion.
const chunkSize = 256

type entry[T any] struct {
	key uint32
	val T
}

// ordered is a list of entries by ascending key, none of them all zero. A single
// entry stands in the list itself: most clients of most documents have but one run
// or delete range. More are in chunks: appending is immediate, an insertion anywhere
// moves at most one chunk.
type ordered[T comparable] struct {
	one  [1]entry[T] // the only entry; zero if there is none, or if there is a chunked
	many *chunked[T]
}

// chunked is the memory of a list that has had more than one entry. No chunk is empty.
type chunked[T comparable] struct {
	chunks [][]entry[T]
	n      int
}

// place is the position of an entry in an ordered list, or just behind the last
// entry of a chunk.
type place struct{ chunk, i int }

// len gives the number of entries.
func (o *ordered[T]) len() int {
	switch {
	case o.many != nil:
		return o.many.n
	case o.one[0] == entry[T]{}:
		return 0
	}
	return 1
}

// chunks goes over the entries, several at a time. None may come or go meanwhile.
func (o *ordered[T]) chunks(yield func([]entry[T]) bool) {
	if o.many == nil {
		if o.len() > 0 {
			yield(o.one[:])
		}
		return
	}
	for _, c := range o.many.chunks {
		if !yield(c) {
			return
		}
	}
}

// last gives the entry with the highest key, or nil.
func (o *ordered[T]) last() *entry[T] {
	m := o.many
	if m == nil {
		if o.one[0] == (entry[T]{}) {
			return nil
		}
		return &o.one[0]
	}
	if len(m.chunks) == 0 {
		return nil
	}
	c := m.chunks[len(m.chunks)-1]
	return &c[len(c)-1]
}

// lowest gives the lowest key of a list that isn't empty.
func (o *ordered[T]) lowest() uint32 {
	if o.many == nil {
		return o.one[0].key
	}
	return o.many.chunks[0][0].key
}

// find gives the place of the last entry whose key is at most key.
func (o *ordered[T]) find(key uint32) (place, bool) {
	if o.many == nil {
		return place{}, o.one[0].key <= key && o.len() > 0
	}
	chunks := o.many.chunks
	if k := len(chunks) - 1; k >= 0 {
		if i := len(chunks[k]) - 1; chunks[k][i].key <= key {
			return place{k, i}, true // what is asked for most often
		}
	}
	lo, hi := 0, len(chunks)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); chunks[mid][0].key <= key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return place{}, false
	}
	c := chunks[lo-1]
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
	if o.many == nil {
		if p.chunk > 0 {
			return nil
		}
		return o.last()
	}
	if p.chunk >= len(o.many.chunks) {
		return nil
	}
	return &o.many.chunks[p.chunk][p.i]
}

// next gives the place after p, which may be behind the end.
func (o *ordered[T]) next(p place) place {
	if o.many != nil && p.i+1 < len(o.many.chunks[p.chunk]) {
		return place{p.chunk, p.i + 1}
	}
	return place{p.chunk + 1, 0}
}

// push appends an entry; its key must be the highest.
func (o *ordered[T]) push(e entry[T]) {
	m := o.many
	if m == nil {
		if o.one[0] == (entry[T]{}) {
			o.one[0] = e
			return
		}
		m = o.spill()
	}
	m.n++
	if k := len(m.chunks) - 1; k >= 0 && len(m.chunks[k]) < chunkSize {
		m.chunks[k] = append(m.chunks[k], e)
		return
	}
	m.addChunk(e)
}

// reserve makes room for n entries in a list that never had any, if they are some.
func (o *ordered[T]) reserve(n int) {
	if n >= 8 && o.many == nil {
		o.makeRoom(n)
	}
}

func (o *ordered[T]) makeRoom(n int) {
	if o.len() > 0 {
		return
	}
	chunks := make([][]entry[T], 1, (n+chunkSize-1)/chunkSize)
	chunks[0] = make([]entry[T], 0, min(n, chunkSize))
	o.many = &chunked[T]{chunks: chunks[:0]}
}

// spill makes a chunk of the only entry.
func (o *ordered[T]) spill() *chunked[T] {
	o.many = &chunked[T]{n: 1, chunks: [][]entry[T]{append(make([]entry[T], 0, 2), o.one[0])}}
	o.one[0] = entry[T]{}
	return o.many
}

// addChunk begins a chunk, in memory kept by reset if there is some.
func (m *chunked[T]) addChunk(e entry[T]) {
	k := len(m.chunks)
	var c []entry[T]
	if k < cap(m.chunks) {
		c = m.chunks[:k+1][k][:0]
	}
	if k > 0 && cap(c) == 0 {
		c = make([]entry[T], 0, chunkSize) // after a full one it will fill, too
	}
	m.chunks = append(m.chunks, append(c, e))
}

// insert puts e where its key belongs.
func (o *ordered[T]) insert(e entry[T]) {
	l := o.last()
	if l == nil || l.key < e.key {
		o.push(e)
		return
	}
	p, ok := o.find(e.key)
	if !ok {
		p.i = -1
	}
	o.insertBehind(p, e)
}

// insertBehind puts e behind the entry at p, or at the beginning if p.i is -1, where
// its key must belong. It gives the place of e.
func (o *ordered[T]) insertBehind(p place, e entry[T]) place {
	m := o.many
	if m == nil {
		m = o.spill()
	}
	m.n++
	p.i++
	c := m.chunks[p.chunk]
	if len(c) < chunkSize {
		m.chunks[p.chunk] = slices.Insert(c, p.i, e)
		return p
	}
	if p.i == len(c) && p.chunk == len(m.chunks)-1 {
		m.addChunk(e)
		return place{p.chunk + 1, 0}
	}
	right := append(make([]entry[T], 0, chunkSize), c[chunkSize/2:]...)
	left := c[:chunkSize/2]
	at := p
	if p.i <= chunkSize/2 {
		left = slices.Insert(left, p.i, e)
	} else {
		at = place{p.chunk + 1, p.i - chunkSize/2}
		right = slices.Insert(right, at.i, e)
	}
	m.chunks[p.chunk] = left
	m.chunks = slices.Insert(m.chunks, p.chunk+1, right)
	return at
}

// remove takes out the entry at p. What was behind it is then at the returned place.
func (o *ordered[T]) remove(p place) place {
	m := o.many
	if m == nil {
		o.one[0] = entry[T]{}
		return place{}
	}
	m.n--
	c := slices.Delete(m.chunks[p.chunk], p.i, p.i+1)
	m.chunks[p.chunk] = c
	switch {
	case len(c) == 0:
		m.chunks = slices.Delete(m.chunks, p.chunk, p.chunk+1)
		return place{p.chunk, 0}
	case p.i == len(c):
		return place{p.chunk + 1, 0}
	}
	return p
}

// reset empties the list and keeps at most one chunk's memory.
func (o *ordered[T]) reset() {
	o.one[0] = entry[T]{}
	m := o.many
	if m == nil {
		return
	}
	if len(m.chunks) > 1 {
		clear(m.chunks[1:cap(m.chunks)])
		m.chunks = m.chunks[:1:1]
	}
	if len(m.chunks) > 0 {
		m.chunks[0] = m.chunks[0][:0]
	}
	m.chunks = m.chunks[:0]
	m.n = 0
}

// span is a range of clocks, end excluded.
type span struct{ start, end uint32 }

// spans is a set of clocks: ascending ranges that neither overlap nor touch.
// The key of an entry is the range's start and the value its end.
type spans struct{ ordered[uint32] }

// add puts [start, end) into the set and says how many more ranges that has then.
// It takes amortised time for the ranges that it swallows, plus a logarithm.
func (s *spans) add(start, end uint32) (more int) {
	if start >= end {
		return 0
	}
	l := s.last()
	switch {
	case l == nil || l.val < start:
		s.push(entry[uint32]{start, end})
		return 1
	case l.key <= start:
		l.val = max(l.val, end)
		return 0
	}
	p, ok := s.find(start)
	var e *entry[uint32]
	if ok {
		e = s.at(p)
	}
	if !ok || e.val < start {
		s.insert(entry[uint32]{start, end})
		more++
		p, _ = s.find(start)
		e = s.at(p)
	} else if e.val >= end {
		return 0
	} else {
		e.val = end
	}
	for q := s.next(p); ; {
		n := s.at(q)
		if n == nil || n.key > e.val {
			return more
		}
		e.val = max(e.val, n.val)
		q = s.remove(q)
		more--
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
