package crdt

import (
	"bytes"
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
	clients clientTable
	recent  *clientState        // the client looked up last
	roots   map[string]struct{} // root type names
	runs    int
	ranges  int
	bytes   int      // of the encoding, about
	scratch *fitting // of the Fits that have this state as their top layer; nil before the first

	doubt   bool // some runs are marked levelOpen
	repeats uint64
}

// clientState is what a State holds of one client.
type clientState struct {
	id        uint64
	stretches *spans // the clocks of the runs, if there are gaps between them; else nil
	runs      ordered[run]
	data      []byte // heads and bodies of the runs, and what joining left behind; below 4 GiB
	dels      spans
}

// run is one struct, or several joined into one. Its entry's key is its clock.
type run struct {
	start  uint32 // in data: head, then body
	head   uint32 // bytes of origin, right origin, parent and parentSub
	body   uint32 // bytes of content, as in wireStruct
	length uint32 // clocks
	info   byte
	right  uint8 // offset of the right origin in the head
	// What is known of how deep it is nested: see levelOpen. 0 if nobody has asked.
	level uint16
}

func (r *run) kind() byte { return r.info & contentMask }

// bodyAt gives where in the client's data the content is.
func (r *run) bodyAt() (from, to int) {
	from = int(r.start) + int(r.head)
	return from, from + int(r.body)
}

// headOf gives origin, right origin, parent and parentSub of a run, as on the wire.
func (c *clientState) headOf(r *run) []byte { return c.data[r.start : int(r.start)+int(r.head)] }

// bodyOf gives the content of a run.
func (c *clientState) bodyOf(r *run) []byte {
	from, to := r.bodyAt()
	return c.data[from:to]
}

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
	return &State{roots: make(map[string]struct{})}
}

// Reset empties the state. It keeps a bounded amount of memory for reuse.
func (s *State) Reset() {
	s.clients.reset()
	if len(s.roots) > maxKeptClients {
		s.roots = make(map[string]struct{})
	} else {
		clear(s.roots)
	}
	s.recent, s.doubt = nil, false
	s.runs, s.ranges, s.bytes = 0, 0, 0
}

// IsEmpty says whether the state has neither structs nor deletes.
func (s *State) IsEmpty() bool { return s.runs == 0 && s.ranges == 0 }

// Repeats counts the structs of applied updates that the state had already, whole or in part: what came first stayed.
func (s *State) Repeats() uint64 { return s.repeats }

// Size is about the number of bytes that Encode would give, found at once.
func (s *State) Size() int { return 2 + s.bytes }

// Clients is the number of clients that the state has structs or deletes of.
func (s *State) Clients() int { return s.clients.n }

// look gives what the state holds of a client, or nil.
func (s *State) look(id uint64) *clientState {
	if s.recent != nil && s.recent.id == id {
		return s.recent
	}
	c := s.clients.find(id)
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
	c := s.clients.add(id)
	s.recent = c
	s.bytes += clientBytes
	return c
}

// first gives the first stretch of clocks without a gap; both are 0 if there are no runs.
func (c *clientState) first() (start, end uint32) {
	if c.stretches != nil {
		e := c.stretches.at(place{})
		return e.key, e.val
	}
	l := c.runs.last()
	if l == nil {
		return 0, 0
	}
	return c.runs.lowest(), l.key + l.val.length
}

// covers says whether c has all of [start, end).
func (c *clientState) covers(start, end uint32) bool {
	if c.stretches != nil {
		return c.stretches.covers(start, end)
	}
	lo, hi := c.first()
	return start >= lo && end <= hi
}

// meets says whether c has any of [start, end).
func (c *clientState) meets(start, end uint32) bool {
	if c.stretches != nil {
		return c.stretches.meets(start, end)
	}
	lo, hi := c.first()
	return start < hi && end > lo
}

// endFrom gives how far c goes without a gap from clock on.
func (c *clientState) endFrom(clock uint32) uint32 {
	if c.stretches != nil {
		return c.stretches.endFrom(clock)
	}
	if lo, hi := c.first(); clock >= lo {
		clock = max(clock, hi)
	}
	return clock
}

// contiguous gives the client's clock in a state vector.
func (c *clientState) contiguous() uint32 {
	lo, hi := c.first()
	if lo != 0 {
		return 0
	}
	return hi
}

// StateVector says what the state has without a gap from clock 0 on. In a delta,
// clients that begin later are left out.
func (s *State) StateVector() StateVector {
	sv := make(StateVector, s.clients.n)
	for c := range s.clients.all {
		if n := c.contiguous(); n > 0 {
			sv[c.id] = n
		}
	}
	return sv
}

// Hash is a SHA-256 over state vector and delete set in a canonical form: the
// same for all orders of arrival and however the runs were joined.
func (s *State) Hash() [32]byte {
	buf := make([]byte, 0, 64+16*s.clients.n+8*s.ranges)
	for c := range s.clients.sorted {
		if n := c.contiguous(); n > 0 {
			buf = binary.AppendUvarint(buf, c.id)
			buf = binary.AppendUvarint(buf, uint64(n))
		}
	}
	// No id reaches this: it ends the state vector.
	buf = binary.AppendUvarint(buf, maxClient+1)
	for c := range s.clients.sorted {
		if c.dels.len() == 0 {
			continue
		}
		buf = binary.AppendUvarint(buf, c.id)
		buf = binary.AppendUvarint(buf, uint64(c.dels.len()))
		for chunk := range c.dels.chunks {
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
	for c := range s.clients.all {
		if c.runs.len() == 0 {
			continue
		}
		st.Clients++
		st.Length += c.held(0, maxClock)
		for chunk := range c.dels.chunks {
			for _, e := range chunk {
				st.Deleted += c.held(e.key, e.val)
			}
		}
	}
	return st
}

// held counts the clocks of [start, end) that c has structs of.
func (c *clientState) held(start, end uint32) int {
	if c.stretches == nil {
		lo, hi := c.first()
		return max(0, int(min(end, hi))-int(max(start, lo)))
	}
	n := 0
	p := c.stretches.from(start)
	for e := c.stretches.at(p); e != nil && e.key < end; e = c.stretches.at(p) {
		if from, to := max(start, e.key), min(end, e.val); from < to {
			n += int(to - from)
		}
		p = c.stretches.next(p)
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
	if w.info&hasRightOrigin != 0 && !bytes.Equal(w.head[w.right:], c.headOf(r)[r.right:]) {
		return false
	}
	// Only a run at the end of data grows: moving others would not be linear.
	_, end := r.bodyAt()
	return kind == contentDeleted || end == len(c.data) && int(r.body)+len(w.body) <= maxJoined
}
