package crdt

import (
	"math"
	"slices"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// loadBytes is from how many bytes on the memory for a client's structs is taken at
// once: growing step by step takes twice as much for a moment.
const loadBytes = 1 << 20

// Apply adds everything that u has and s lacks. On the same (client, clock) the
// first to come wins. What comes after a gap is kept, detached, and takes its
// place when the gap closes. The cost is that of u, amortised, plus a logarithm
// of the number of runs.
func (s *State) Apply(u Update) {
	if u.b == nil {
		return
	}
	if u.structs > 0 {
		var w wireStruct
		c := cursor{b: u.b}
		c.begin()
		s.clients.reserve(c.blocks)
		for c.nextBlock() {
			if c.structs == 0 {
				continue
			}
			var cl *clientState
			for c.next(&w) {
				if w.kind() == contentSkip {
					continue
				}
				if cl == nil {
					cl = s.client(c.client)
					cl.runs.reserve(c.structs)
					if n := u.dels - c.pos; c.blocks == 0 && len(cl.data) == 0 && n >= loadBytes {
						cl.data = slices.Grow(cl.data, n)
					}
				}
				s.add(cl, &w)
			}
		}
	}
	if u.ranges > 0 {
		d := deleteCursor{cursor: cursor{b: u.b, pos: u.dels}}
		d.begin()
		s.clients.reserve(d.blocks)
		for d.nextClient() {
			if d.structs == 0 {
				continue
			}
			cl := s.client(d.client)
			cl.dels.reserve(d.structs)
			for d.nextRange() {
				s.addDelete(cl, d.start, d.end)
			}
		}
	}
}

func (s *State) addDelete(c *clientState, start, end uint32) {
	more := c.dels.add(start, end)
	s.ranges += more
	s.bytes += rangeBytes * more
}

// add puts what is new of w into c.
func (s *State) add(c *clientState, w *wireStruct) {
	lo, hi := c.first()
	switch {
	case c.stretches != nil:
		s.addBetween(c, w)
	case w.clock == hi || w.end() == lo || lo == hi:
		s.place(c, w)
	case w.clock >= lo && w.end() <= hi:
		s.repeats++
	default:
		s.addBetween(c, w)
	}
}

// addBetween handles what doesn't simply follow: parts of w may be known, and
// there may be gaps.
func (s *State) addBetween(c *clientState, w *wireStruct) {
	all := c.stretches
	if all == nil {
		all = new(spans)
		all.add(c.first())
	}
	rest := *w
	lacking := uint32(0)
	var gaps [4]span
	for _, g := range all.gaps(w.clock, w.end(), gaps[:0]) {
		lacking += g.end - g.start
		rest.cutBefore(c.id, g.start)
		piece := rest
		piece.cutAfter(g.end)
		s.place(c, &piece)
	}
	if lacking < w.length {
		s.repeats++
	}
	all.add(w.clock, w.end())
	if c.stretches = all; all.len() == 1 {
		c.stretches = nil
	}
}

// place puts w, all of it new, where it belongs among the runs.
func (s *State) place(c *clientState, w *wireStruct) {
	kind := w.kind()
	if kind == contentGC || kind == contentDeleted {
		s.addDelete(c, w.clock, w.end())
	}
	last := c.runs.last()
	before := last
	if before != nil && before.key > w.clock {
		before = nil
		if p, ok := c.runs.find(w.clock); ok {
			before = c.runs.at(p)
		}
	}
	if before != nil && before.key+before.val.length == w.clock && c.joins(before.key, &before.val, w) {
		before.val.length += w.length
		n := c.appendBody(w)
		before.val.body += uint32(n)
		s.bytes += n
		return
	}
	if w.parent == parentRoot {
		if _, known := s.roots[string(w.root)]; !known {
			s.roots[string(w.root)] = struct{}{}
		}
	}
	start := len(c.data)
	if start > math.MaxUint32 {
		panic("crdt: a client's content takes more than 4 GiB")
	}
	c.data = append(c.data, w.head...)
	n := c.appendBody(w)
	e := entry[run]{w.clock, run{
		start:  uint32(start),
		head:   uint32(len(w.head)),
		body:   uint32(n),
		length: w.length,
		info:   w.info,
		right:  w.right,
	}}
	if before == last {
		c.runs.push(e)
	} else {
		c.runs.insert(e)
	}
	s.runs++
	s.bytes += structBytes + len(w.head) + n
}

const replacement = "\uFFFD"

// appendBody adds w's body to the client's data and gives its size in bytes.
func (c *clientState) appendBody(w *wireStruct) int {
	n := len(c.data)
	if w.lead {
		c.data = append(c.data, replacement...)
	}
	c.data = append(c.data, w.body...)
	if w.trail {
		c.data = append(c.data, replacement...)
	}
	return len(c.data) - n
}

// cutBefore drops what w has before clock, which must lie inside w. What remains
// has its own predecessor as origin and keeps its right origin, as Yjs slices.
func (w *wireStruct) cutBefore(client uint64, clock uint32) {
	n := clock - w.clock
	if n == 0 {
		return
	}
	kind := w.kind()
	if kind != contentGC && kind != contentSkip {
		w.head, w.right = sliceHead(client, clock, w.head[w.right:], w.info)
		w.info |= hasOrigin
		w.parent = parentNone
		w.origin = ID{Client: client, Clock: clock - 1}
	}
	i, cut := w.offset(n)
	if cut {
		i += 4
	}
	w.body, w.lead = w.body[i:], cut
	w.clock = clock
	w.length -= n
	w.raw = nil
}

// cutAfter drops what w has from clock on.
func (w *wireStruct) cutAfter(clock uint32) {
	if clock >= w.end() {
		return
	}
	i, cut := w.offset(clock - w.clock)
	w.body, w.trail = w.body[:i], cut
	w.length = clock - w.clock
	w.raw = nil
}

// offset gives the place in the body of the n-th element, n at least one, and
// whether that cuts a surrogate pair: both halves then become U+FFFD, as in Yjs.
func (w *wireStruct) offset(n uint32) (offset int, cut bool) {
	if w.lead {
		n--
	}
	return bodyOffset(w.kind(), w.body, n)
}

func bodyOffset(kind byte, body []byte, n uint32) (offset int, cut bool) {
	switch kind {
	case contentString:
		return utf16Offset(body, int(n))
	case contentAny:
		c := cursor{b: body}
		c.skipAny(int(n))
		return c.pos, false
	case contentJSON:
		c := cursor{b: body}
		for range n {
			c.varBytes()
		}
		return c.pos, false
	}
	return 0, false
}

// sliceHead makes the head of a struct sliced at clock: its own predecessor as
// origin, and the right origin if info says that rest begins with one.
func sliceHead(client uint64, clock uint32, rest []byte, info byte) (head []byte, right uint8) {
	head = lib0.AppendVarUint(make([]byte, 0, 32), client)
	head = lib0.AppendVarUint(head, uint64(clock-1))
	right = uint8(len(head))
	if info&hasRightOrigin != 0 {
		head = append(head, rest...)
	}
	return head, right
}
