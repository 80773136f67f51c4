package crdt

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
)

// State is un-integrated state: per client the runs of structs by clock, adjacent
// ones joined, and a delete set. It is either a whole document or a delta whose
// runs begin anywhere. It copies what it is given. Not safe for concurrent use,
// not even for reading.
//
// Deleted content and GC structs count as deleted, whether a delete set says so
// or not, as Yjs counts them.
type State struct {
	clients map[uint64]*clientState
	order   []*clientState      // clients by descending id, unless unsorted
	recent  *clientState        // the client looked up last
	roots   map[string]struct{} // root type names
	runs    int
	ranges  int
	bytes   int // of the encoding, about
	kept    []*clientState
	scratch *fitting // of the Fits that have this state as their top layer; nil before the first

	unsorted bool
	doubt    bool // some runs are marked levelOpen
	repeats  uint64
}

// clientState is what a State holds of one client.
type clientState struct {
	id     uint64
	lo, hi uint32 // the first stretch of clocks without a gap; equal if there is none
	beyond *spans // the stretches behind it, after gaps; nil if there are none
	runs   ordered[run]
	data   []byte // heads and bodies of the runs, and what joining left behind
	dels   spans
}

// run is one struct, or several joined into one. Its entry's key is its clock.
type run struct {
	off    int    // in data: head, then body
	head   uint32 // bytes of origin, right origin, parent and parentSub
	body   uint32 // bytes of content, as in wireStruct
	length uint32 // clocks
	info   byte
	right  uint8 // offset of the right origin in the head
	// What is known of how deep it is nested: see levelOpen. 0 if nobody has asked.
	level uint16
}

func (r *run) kind() byte { return r.info & contentMask }

const (
	// maxJoined bounds the body of a joined run, so that 32 bits count it.
	maxJoined = 1 << 28
	// Rough sizes on the wire, for Size: a client's block and delete header, a
	// struct's info byte and length, a delete range.
	clientBytes, structBytes, rangeBytes = 9, 2, 4
	// What Reset keeps for reuse.
	maxKeptClients, maxKeptBytes = 64, 1 << 16
)

// NewState makes an empty State.
func NewState() *State {
	return &State{clients: make(map[uint64]*clientState), roots: make(map[string]struct{})}
}

// Reset empties the state. It keeps a bounded amount of memory for reuse.
func (s *State) Reset() {
	for _, c := range s.order {
		if len(s.kept) >= maxKeptClients || cap(c.data) > maxKeptBytes {
			continue
		}
		c.runs.reset()
		c.dels.reset()
		*c = clientState{runs: c.runs, dels: c.dels, data: c.data[:0]}
		s.kept = append(s.kept, c)
	}
	if len(s.order) > maxKeptClients {
		s.clients, s.order = make(map[uint64]*clientState), nil
	} else {
		clear(s.clients)
		clear(s.order)
		s.order = s.order[:0]
	}
	if len(s.roots) > maxKeptClients {
		s.roots = make(map[string]struct{})
	} else {
		clear(s.roots)
	}
	s.recent, s.unsorted, s.doubt = nil, false, false
	s.runs, s.ranges, s.bytes = 0, 0, 0
}

// IsEmpty says whether the state has neither structs nor deletes.
func (s *State) IsEmpty() bool { return s.runs == 0 && s.ranges == 0 }

// Repeats counts the structs of applied updates that the state had already, whole or in part: what came first stayed.
func (s *State) Repeats() uint64 { return s.repeats }

// Size is about the number of bytes that Encode would give, found at once.
func (s *State) Size() int { return 2 + s.bytes }

// Clients is the number of clients that the state has structs or deletes of.
func (s *State) Clients() int { return len(s.clients) }

// look gives what the state holds of a client, or nil.
func (s *State) look(id uint64) *clientState {
	if s.recent != nil && s.recent.id == id {
		return s.recent
	}
	c := s.clients[id]
	if c != nil {
		s.recent = c
	}
	return c
}

// client gives what the state holds of a client, for writing.
func (s *State) client(id uint64) *clientState {
	if c := s.look(id); c != nil {
		return c
	}
	var c *clientState
	if n := len(s.kept); n > 0 {
		c, s.kept = s.kept[n-1], s.kept[:n-1]
	} else {
		c = new(clientState)
	}
	c.id = id
	s.clients[id] = c
	if n := len(s.order); n > 0 && s.order[n-1].id < id {
		s.unsorted = true
	}
	s.order = append(s.order, c)
	s.recent = c
	s.bytes += clientBytes
	return c
}

// sorted gives the clients by descending id, the order in which Yjs writes them.
func (s *State) sorted() []*clientState {
	if s.unsorted {
		slices.SortFunc(s.order, func(a, b *clientState) int { return cmp.Compare(b.id, a.id) })
		s.unsorted = false
	}
	return s.order
}

// covers says whether c has all of [start, end).
func (c *clientState) covers(start, end uint32) bool {
	return start >= c.lo && end <= c.hi || c.beyond != nil && c.beyond.covers(start, end)
}

// meets says whether c has any of [start, end).
func (c *clientState) meets(start, end uint32) bool {
	return start < c.hi && end > c.lo || c.beyond != nil && c.beyond.meets(start, end)
}

// endFrom gives how far c goes without a gap from clock on.
func (c *clientState) endFrom(clock uint32) uint32 {
	if clock >= c.lo && clock <= c.hi {
		clock = c.hi
	}
	if c.beyond != nil {
		clock = c.beyond.endFrom(clock)
	}
	return clock
}

// contiguous gives the client's clock in a state vector.
func (c *clientState) contiguous() uint32 {
	if c.lo != 0 {
		return 0
	}
	return c.hi
}

// StateVector says what the state has without a gap from clock 0 on. In a delta,
// clients that begin later are left out.
func (s *State) StateVector() StateVector {
	sv := make(StateVector, len(s.order))
	for _, c := range s.order {
		if n := c.contiguous(); n > 0 {
			sv[c.id] = n
		}
	}
	return sv
}

// Hash is a SHA-256 over state vector and delete set in a canonical form: the
// same for all orders of arrival and however the runs were joined.
func (s *State) Hash() [32]byte {
	buf := make([]byte, 0, 64+16*len(s.order)+8*s.ranges)
	for _, c := range s.sorted() {
		if n := c.contiguous(); n > 0 {
			buf = binary.AppendUvarint(buf, c.id)
			buf = binary.AppendUvarint(buf, uint64(n))
		}
	}
	// No id reaches this: it ends the state vector.
	buf = binary.AppendUvarint(buf, maxClient+1)
	for _, c := range s.order {
		if c.dels.n == 0 {
			continue
		}
		buf = binary.AppendUvarint(buf, c.id)
		buf = binary.AppendUvarint(buf, uint64(c.dels.n))
		for _, chunk := range c.dels.chunks {
			for _, e := range chunk {
				buf = binary.AppendUvarint(buf, uint64(e.key))
				buf = binary.AppendUvarint(buf, uint64(e.val))
			}
		}
	}
	return sha256.Sum256(buf)
}

// Stats counts what a State holds.
type Stats struct {
	Clients      int // that have structs
	Structs      int // runs of structs, after joining
	DeleteRanges int // of the delete set, what waits for its structs included
	Roots        int // root types named
	Bytes        int // of the encoding, about

	Length  int // clocks of all structs: elements that were ever inserted, as far as is known
	Deleted int // those of them that are deleted
}

// Stats counts what the state holds, in time linear in its clients and delete ranges.
func (s *State) Stats() Stats {
	st := Stats{Structs: s.runs, DeleteRanges: s.ranges, Roots: len(s.roots), Bytes: s.Size()}
	for _, c := range s.order {
		if c.runs.n == 0 {
			continue
		}
		st.Clients++
		st.Length += c.held(0, maxClock)
		for _, chunk := range c.dels.chunks {
			for _, e := range chunk {
				st.Deleted += c.held(e.key, e.val)
			}
		}
	}
	return st
}

// held counts the clocks of [start, end) that c has structs of.
func (c *clientState) held(start, end uint32) int {
	n := 0
	if from, to := max(start, c.lo), min(end, c.hi); from < to {
		n = int(to - from)
	}
	if c.beyond == nil {
		return n
	}
	p := c.beyond.from(start)
	for e := c.beyond.at(p); e != nil && e.key < end; e = c.beyond.at(p) {
		if from, to := max(start, e.key), min(end, e.val); from < to {
			n += int(to - from)
		}
		p = c.beyond.next(p)
	}
	return n
}

// Roots lists the names of the root types that structs name, sorted.
func (s *State) Roots() []string { return slices.Sorted(maps.Keys(s.roots)) }

// joins says whether w continues r in the sense that both are one struct: the
// same client without a gap (which the caller has checked), inserted directly
// behind r's last element and before the same neighbour, with content that joins.
func (c *clientState) joins(clock uint32, r *run, w *wireStruct) bool {
	kind := w.kind()
	if kind != r.kind() || (kind != contentString && kind != contentDeleted) {
		return kind == contentGC && r.kind() == contentGC
	}
	if w.info&hasOrigin == 0 || w.origin.Client != c.id || w.origin.Clock != clock+r.length-1 {
		return false
	}
	if (w.info^r.info)&hasRightOrigin != 0 || (w.info|r.info)&hasParentSub != 0 {
		return false
	}
	if w.info&hasRightOrigin != 0 && !bytes.Equal(w.head[w.right:], c.data[r.off+int(r.right):r.off+int(r.head)]) {
		return false
	}
	// Only a run at the end of data grows: moving others would not be linear.
	return kind == contentDeleted ||
		r.off+int(r.head)+int(r.body) == len(c.data) && int(r.body)+len(w.body) <= maxJoined
}
