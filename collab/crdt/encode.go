package crdt

import (
	"unicode/utf8"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// Encode gives everything as one v1 update that Yjs reads: clients in descending
// order, gaps as Skips (a first block may begin above clock 0). Content that is
// deleted is left out where that makes the update smaller: such structs become
// ContentDeleted and keep their ids, so nothing that refers to them breaks.
func (s *State) Encode() Update { return s.Diff(nil) }

// Diff gives what a peer with state vector sv lacks: per client the structs from
// its clock on, the first one sliced, and always the whole delete set.
func (s *State) Diff(sv StateVector) Update {
	if s.IsEmpty() {
		return Update{}
	}
	u := Update{tidy: true, tidyDels: true, ascendingDels: true}
	clients := &s.clients
	blocks, delClients := 0, 0
	size := 16 + clientBytes*clients.n + rangeBytes*s.ranges
	for c := range clients.sorted {
		if from := sv[c.id]; c.end() > from {
			blocks++
			size += c.sizeFrom(from)
		}
		if c.dels.len() > 0 {
			delClients++
		}
	}
	w := writer{b: make([]byte, 0, size+size/16)}
	w.b = lib0.AppendVarUint(w.b, uint64(blocks))
	for c := range clients.sorted {
		if blocks == 0 {
			break // looking up the others costs more than all else
		}
		if from := sv[c.id]; c.end() > from {
			w.block(c, from)
			blocks--
		}
	}
	u.structs, u.types, u.tidy = w.structs, w.types, !w.skips
	u.dels, u.ranges = len(w.b), s.ranges
	w.b = lib0.AppendVarUint(w.b, uint64(delClients))
	for c := range clients.sorted {
		if c.dels.len() == 0 {
			continue
		}
		w.b = lib0.AppendVarUint(w.b, c.id)
		w.b = lib0.AppendVarUint(w.b, uint64(c.dels.len()))
		for chunk := range c.dels.chunks {
			for _, e := range chunk {
				w.b = lib0.AppendVarUint(w.b, uint64(e.key))
				w.b = lib0.AppendVarUint(w.b, uint64(e.val-e.key))
			}
		}
	}
	u.b = w.b
	return u
}

// end gives the clock behind the client's last struct, gaps or not.
func (c *clientState) end() uint32 {
	if l := c.runs.last(); l != nil {
		return l.key + l.val.length
	}
	return 0
}

// sizeFrom guesses how many bytes the structs from a clock on take: as many in
// proportion as all take.
func (c *clientState) sizeFrom(clock uint32) int {
	size := hole + len(c.data) + structBytes*c.runs.len()
	if clock > 0 {
		end := uint64(c.end())
		size = 2*structBytes + int(uint64(size)*(end-uint64(clock))/end)
	}
	return size
}

// writer appends blocks of structs.
type writer struct {
	b       []byte
	structs int // written in all, without Skips
	types   int // those of them that hold a type
	skips   bool

	// The ContentDeleted or GC written last in this block, which may still grow:
	// the offset of its length in b, its clocks, and its right origin and info.
	open       bool
	openAt     int
	openStart  uint32
	openLength uint32
	openRight  []byte
	openInfo   byte
}

// hole makes room in the block's header for the number of structs.
const hole = 5

// block writes what c has from clock on, at least one struct.
func (w *writer) block(c *clientState, from uint32) {
	start := len(w.b)
	w.b = append(w.b, make([]byte, hole)...)
	w.b = lib0.AppendVarUint(w.b, c.id)
	p, ok := c.runs.find(from)
	if ok {
		if e := c.runs.at(p); e.key+e.val.length <= from {
			p = c.runs.next(p)
		}
	}
	clock := max(from, c.runs.at(p).key)
	w.b = lib0.AppendVarUint(w.b, uint64(clock))
	w.open = false
	before, skips := w.structs, 0
	dels := c.dels.from(clock)
	for e := c.runs.at(p); e != nil; e = c.runs.at(p) {
		if e.key > clock {
			w.b = append(w.b, contentSkip)
			w.b = lib0.AppendVarUint(w.b, uint64(e.key-clock))
			w.open = false
			w.skips = true
			skips++
			clock = e.key
		}
		dels = w.run(c, e, clock, dels)
		clock = e.key + e.val.length
		p = c.runs.next(p)
	}
	// Close the hole: write the number and move the block against it.
	var count [hole]byte
	n := copy(count[:], lib0.AppendVarUint(count[:0], uint64(w.structs-before+skips)))
	copy(w.b[start:], count[:n])
	copy(w.b[start+n:], w.b[start+hole:])
	w.b = w.b[:len(w.b)-hole+n]
}

// run writes what e has from clock on, deleted content left out where that is
// shorter. dels is a place at or before the first deleted range to look at; the
// place for the run that follows is returned.
func (w *writer) run(c *clientState, e *entry[run], clock uint32, dels place) place {
	end := e.key + e.val.length
	switch e.val.kind() {
	case contentGC, contentDeleted:
		w.deleted(c, e, clock, end)
		return dels
	case contentType, contentDoc:
		if e.val.kind() == contentType {
			w.types++
		}
		w.segment(c, &piece{e: e, clock: e.key}, clock, end)
		return dels
	}
	body := piece{e: e, clock: e.key}
	for {
		d := c.dels.at(dels)
		if d != nil && d.val <= clock {
			dels = c.dels.next(dels)
			continue
		}
		if d == nil || d.key >= end {
			break
		}
		a, b := max(d.key, clock), min(d.val, end)
		if w.worth(c, e, clock, a, b) {
			if a > clock {
				w.segment(c, &body, clock, a)
			}
			w.deleted(c, e, a, b)
			clock = b
		}
		if d.val >= end {
			break
		}
		dels = c.dels.next(dels)
	}
	if clock < end {
		w.segment(c, &body, clock, end)
	}
	return dels
}

// worth says whether writing [a, b) of a run as deleted makes the update shorter,
// when [clock, a) has still to be written.
func (w *writer) worth(c *clientState, e *entry[run], clock, a, b uint32) bool {
	end := e.key + e.val.length
	if a == clock && b == end {
		return true
	}
	if e.val.kind() != contentString {
		return false
	}
	// Each further struct costs its info byte, origin, right origin and length.
	right := 0
	if e.val.info&hasRightOrigin != 0 {
		right = int(e.val.head) - int(e.val.right)
	}
	cost := 2 + right + lib0.VarUintLen(c.id) + lib0.VarUintLen(uint64(b))
	saved := int(b - a) // at least: a unit takes a byte or more
	if a > clock && b < end {
		cost *= 2
	}
	return saved > cost
}

// piece remembers how far into a run's body the writer has come, so that writing
// a run in pieces walks it once.
type piece struct {
	e     *entry[run]
	clock uint32
	at    int  // offset in the body of clock
	lead  bool // clock is the second half of a cut surrogate pair
}

// farClocks is from where on it pays to look for a clock from the end of a run.
const farClocks = 64

// move goes on to clock and says whether that cuts a surrogate pair.
func (p *piece) move(body []byte, clock uint32) (cut bool) {
	n := clock - p.clock
	if n == 0 {
		return p.lead
	}
	r := &p.e.val
	rest := p.e.key + r.length - clock
	if r.kind() == contentString && rest < n && n >= farClocks {
		// Near the end of a long run, as what a peer lacks mostly is.
		p.at, cut = utf16OffsetBefore(body, int(rest))
	} else {
		if p.lead {
			n--
		}
		var i int
		i, cut = bodyOffset(r.kind(), body[p.at:], n)
		p.at += i
	}
	if cut {
		p.at += utf8.UTFMax
	}
	p.clock, p.lead = clock, cut
	return cut
}

// segment writes [start, end) of a run as it is.
func (w *writer) segment(c *clientState, p *piece, start, end uint32) {
	r := &p.e.val
	w.open = false
	w.structs++
	w.head(c, p.e, start)
	body := c.bodyOf(r)
	kind := r.kind()
	if kind != contentString && kind != contentAny && kind != contentJSON {
		w.b = append(w.b, body...)
		return
	}
	lead := p.move(body, start)
	first, last, trail := p.at, len(body), false
	if end < p.e.key+r.length {
		trail = p.move(body, end)
		last = p.at
		if trail {
			last -= 4
		}
	}
	body = body[first:last]
	if kind != contentString {
		w.b = lib0.AppendVarUint(w.b, uint64(end-start))
		w.b = append(w.b, body...)
		return
	}
	n := len(body)
	if lead {
		n += len(replacement)
	}
	if trail {
		n += len(replacement)
	}
	w.b = lib0.AppendVarUint(w.b, uint64(n))
	if lead {
		w.b = append(w.b, replacement...)
	}
	w.b = append(w.b, body...)
	if trail {
		w.b = append(w.b, replacement...)
	}
}

// head writes info byte, origin, right origin and parent of a run sliced at start.
func (w *writer) head(c *clientState, e *entry[run], start uint32) {
	r := &e.val
	head := c.headOf(r)
	if start == e.key {
		w.b = append(append(w.b, r.info), head...)
		return
	}
	w.b = append(w.b, r.info|hasOrigin)
	w.b = lib0.AppendVarUint(w.b, c.id)
	w.b = lib0.AppendVarUint(w.b, uint64(start-1))
	if r.info&hasRightOrigin != 0 {
		w.b = append(w.b, head[r.right:]...)
	}
}

// deleted writes [start, end) of a run as ContentDeleted, or as GC if it is that,
// and joins it to the one before where the rule for joining allows.
func (w *writer) deleted(c *clientState, e *entry[run], start, end uint32) {
	r := &e.val
	gc := r.kind() == contentGC
	if w.continues(c, e, start) {
		w.b = w.b[:w.openAt]
		w.openLength += end - start
		w.b = lib0.AppendVarUint(w.b, uint64(w.openLength))
		return
	}
	at := len(w.b)
	if gc {
		w.b = append(w.b, contentGC)
	} else {
		w.head(c, e, start)
		w.b[at] = w.b[at]&^contentMask | contentDeleted
	}
	w.structs++
	w.open, w.openAt, w.openStart, w.openLength = true, len(w.b), start, end-start
	w.openInfo = w.b[at]
	w.openRight = nil
	if w.openInfo&hasRightOrigin != 0 {
		w.openRight = c.headOf(r)[r.right:]
	}
	w.b = lib0.AppendVarUint(w.b, uint64(w.openLength))
}

// continues says whether the run e, from start on, joins the deleted struct that
// was written last.
func (w *writer) continues(c *clientState, e *entry[run], start uint32) bool {
	r := &e.val
	if !w.open || w.openStart+w.openLength != start {
		return false
	}
	if r.kind() == contentGC || w.openInfo == contentGC {
		return r.kind() == contentGC && w.openInfo == contentGC
	}
	if (r.info^w.openInfo)&hasRightOrigin != 0 || (r.info|w.openInfo)&hasParentSub != 0 {
		return false
	}
	if start == e.key {
		if r.info&hasOrigin == 0 {
			return false
		}
		origin := cursor{b: c.headOf(r)}
		if origin.id() != (ID{Client: c.id, Clock: start - 1}) {
			return false
		}
	}
	return r.info&hasRightOrigin == 0 || string(w.openRight) == string(c.headOf(r)[r.right:])
}
