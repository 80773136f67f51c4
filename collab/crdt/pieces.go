package crdt

import (
	"slices"
	"unicode/utf8"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// minPiece is the least limit that Pieces heeds: below it a piece would hold
// little but its headers.
const minPiece = 256

// sliceBytes is at most what slicing adds to a struct: origin and count.
const sliceBytes = 24

// Pieces gives what Diff(have) gives, in updates of at most limit bytes each, to
// be applied in their order. A single element that can't be cut makes its piece
// longer, a string or a list of values is cut instead, never inside a surrogate
// pair. If all of it is within the limit there is one piece, the bytes of Diff.
// A limit below 256 counts as 256.
//
// A piece refers only to what have covers, to earlier pieces and to itself, so
// that a peer integrates each one as it comes; per client it has one range of
// clocks, which follows that of the piece before. What can't be integrated with
// all that the state has (behind a gap, or for want of a reference) comes behind
// everything else. Each piece deletes what is deleted of its own structs; all
// other delete ranges are in the last piece, or last pieces if they are many.
//
// The time is that of Diff, and linear in its size apart from logarithms.
func (s *State) Pieces(have StateVector, limit int) []Update {
	return cut(s.Diff(have), have, max(limit, minPiece))
}

// cut cuts what Diff has made for have.
func cut(u Update, have StateVector, limit int) []Update {
	if len(u.b) <= limit {
		return []Update{u}
	}
	c := cutter{u: u, have: have, limit: limit, headOf: -1, tailOf: -1}
	c.gather()
	c.walk()
	c.last()
	return c.out
}

// walker is a client of the update that is cut, on its way through its block.
type walker struct {
	id     uint64
	known  uint32 // the peer has its clocks below this one by now
	clock  uint32 // of the struct at pos
	pos    uint32
	left   uint32 // structs not read yet
	skips  uint32 // Skips read since the last struct
	active bool   // it has structs in the piece at hand: count with Skips, types, from clock from on,
	// first whole struct at begin, behind the last one end
	count, types uint32
	from         uint32
	begin, end   uint32
	// Its delete ranges: the next one, and where and how many are behind it. The last one read has start equal to end.
	start, stop      uint32
	delPos, delsLeft uint32
	waiting          []wait[int32]
}

// cutter is the work of Pieces: it follows the blocks of an update that Diff has
// made in an order in which every struct comes after what it refers to.
type cutter struct {
	u       Update
	have    StateVector
	limit   int
	walkers []walker // by descending client
	recent  int32    // the walker looked up last
	force   bool     // nothing more fits: go on without looking at references
	out     []Update

	// The piece at hand.
	active         []int32 // walkers with structs in it
	used           int     // bytes, about
	structs, skips int
	// The parts of sliced structs that it begins or ends with, and whose they are; -1 for nobody.
	head, tail     []byte
	headOf, tailOf int32

	dels []idSpan // of the piece that is written
	rest []idSpan // delete ranges of what is not in any piece
}

// gather makes a walker for each client.
func (c *cutter) gather() {
	d := beginDeletes(c.u.b, c.u.dels)
	more := d.nextClient()
	dels := func(w *walker) {
		w.delPos, w.delsLeft = uint32(d.pos), uint32(d.structs)
		c.nextRange(w)
		d.skipRanges()
		more = d.nextClient()
	}
	var s wireStruct
	b := beginStructs(c.u.b)
	c.walkers = make([]walker, 0, max(b.blocks, d.blocks))
	for b.nextBlock() {
		for more && d.client > b.client {
			c.walkers = append(c.walkers, walker{id: d.client, known: c.have[d.client]})
			dels(&c.walkers[len(c.walkers)-1])
		}
		c.walkers = append(c.walkers, walker{
			id: b.client, known: c.have[b.client],
			clock: b.clock, pos: uint32(b.pos), left: uint32(b.structs),
		})
		if more && d.client == b.client {
			dels(&c.walkers[len(c.walkers)-1])
		}
		for b.next(&s) {
		}
	}
	for more {
		c.walkers = append(c.walkers, walker{id: d.client, known: c.have[d.client]})
		dels(&c.walkers[len(c.walkers)-1])
	}
}

// nextRange reads the walker's next delete range.
func (c *cutter) nextRange(w *walker) {
	w.start, w.stop = 0, 0
	if w.delsLeft == 0 {
		return
	}
	d := deleteCursor{cursor: cursor{b: c.u.b, pos: int(w.delPos), structs: 1}}
	d.nextRange()
	w.start, w.stop, w.delPos = d.start, d.end, uint32(d.pos)
	w.delsLeft--
}

// walk puts all structs into pieces: first what the peer can integrate, then the rest.
func (c *cutter) walk() {
	var ready []int32
	for i := range c.walkers {
		for ready = append(ready, int32(i)); len(ready) > 0; {
			i := ready[len(ready)-1]
			ready = c.advance(i, ready[:len(ready)-1])
		}
	}
	c.force = true
	for i := range c.walkers {
		c.advance(int32(i), nil)
	}
}

// advance takes a client's structs up to the first that depends on something
// missing, and appends to ready the clients that waited for what it took.
func (c *cutter) advance(i int32, ready []int32) []int32 {
	w := &c.walkers[i]
	var s wireStruct
	b := cursor{b: c.u.b, pos: int(w.pos), structs: int(w.left), client: w.id, clock: w.clock}
	for b.next(&s) {
		if s.kind() == contentSkip {
			w.skips++
			c.passed(w, &b)
			continue
		}
		if !c.force {
			if on, need, ok := c.lacks(w, &s); !ok {
				if on >= 0 {
					o := &c.walkers[on]
					o.waiting = pushWait(o.waiting, wait[int32]{need, i})
				}
				break
			}
		}
		c.take(i, &s, b.pos)
		w.known = s.end()
		c.passed(w, &b)
	}
	for len(w.waiting) > 0 && w.waiting[0].need < w.known {
		ready = append(ready, w.waiting[0].client)
		w.waiting = popWait(w.waiting)
	}
	return ready
}

// passed notes that all before the cursor is done.
func (c *cutter) passed(w *walker, b *cursor) {
	w.pos, w.left, w.clock = uint32(b.pos), uint32(b.structs), b.clock
}

// lacks says which client must be further before the struct can be integrated (-1
// for one that brings nothing), and which of its clocks is needed.
func (c *cutter) lacks(w *walker, s *wireStruct) (on int32, need uint32, ok bool) {
	if s.clock > w.known {
		return -1, 0, false
	}
	check := func(id ID) bool {
		if id.Client == w.id {
			return true
		}
		need = id.Clock
		if on = c.index(id.Client); on < 0 {
			return need < c.have[id.Client]
		}
		return need < c.walkers[on].known
	}
	if s.info&hasOrigin != 0 && s.kind() != contentGC && !check(s.origin) {
		return on, need, false
	}
	if s.info&hasRightOrigin != 0 && !check(s.rightOrigin) {
		return on, need, false
	}
	if s.parent == parentItem && !check(s.parentID) {
		return on, need, false
	}
	return 0, 0, true
}

// index gives the walker of a client, or -1.
func (c *cutter) index(id uint64) int32 {
	if int(c.recent) < len(c.walkers) && c.walkers[c.recent].id == id {
		return c.recent
	}
	i, ok := slices.BinarySearchFunc(c.walkers, id, func(w walker, id uint64) int {
		switch {
		case w.id > id:
			return -1
		case w.id < id:
			return 1
		}
		return 0
	})
	if !ok {
		return -1
	}
	c.recent = int32(i)
	return c.recent
}

// take puts a struct, which ends at offset end of the update, into the piece at
// hand, or cuts it, or begins new pieces.
func (c *cutter) take(i int32, s *wireStruct, end int) {
	w := &c.walkers[i]
	c.takeDeletes(w, s.clock, s.clock)
	begin := end - len(s.raw)
	cost := len(s.raw) + c.delsCost(w, s.end())
	whole := !sliceable(s) || 2*cost <= c.limit
	if c.used > 0 && whole && c.used+c.header(w)+cost > c.limit {
		c.close()
	}
	if whole || c.used+c.header(w)+cost <= c.limit {
		c.used += cost
		c.enter(i, s, begin)
		w.end = uint32(end)
		return
	}
	for rest := *s; ; {
		room := c.limit - c.used - c.header(w) - sliceBytes
		if c.used > 0 && 2*room < c.limit {
			c.close()
			continue
		}
		n := c.units(w, &rest, max(room, 1))
		if n == rest.length {
			c.used += len(rest.body) + sliceBytes + c.delsCost(w, rest.end())
			if rest.raw == nil { // what is left of one that was sliced; whole ones may follow
				begin = end
				c.headOf, c.head = i, appendStruct(c.head[:0], &rest)
			}
			c.enter(i, &rest, begin)
			w.end = uint32(end)
			return
		}
		front := rest
		front.cutAfter(rest.clock + n)
		c.used += len(front.body) + sliceBytes + c.delsCost(w, front.end())
		c.enter(i, &front, begin)
		w.end = uint32(begin)
		c.tailOf, c.tail = i, appendStruct(c.tail[:0], &front)
		c.close()
		rest.cutBefore(w.id, front.end())
	}
}

// header is about what the headers of the client's block and delete ranges will
// add to the piece at hand.
func (c *cutter) header(w *walker) int {
	if w.active {
		return 0
	}
	return 2*lib0.VarUintLen(w.id) + lib0.VarUintLen(uint64(w.clock)) + 2*hole
}

// enter counts a struct, and its deletes, for the piece at hand. If it is the
// first of its client, the whole ones begin at begin.
func (c *cutter) enter(i int32, s *wireStruct, begin int) {
	w := &c.walkers[i]
	if !w.active {
		c.used += c.header(w)
		w.active, w.from, w.count, w.types = true, s.clock, 0, 0
		w.begin = uint32(begin)
		w.skips = 0 // none stands before a block
		c.active = append(c.active, i)
	}
	w.count += 1 + w.skips
	c.skips += int(w.skips)
	w.skips = 0
	c.structs++
	if s.kind() == contentType {
		w.types++
	}
	c.takeDeletes(w, s.clock, s.end())
}

// sliceable says whether a struct is of several elements that have bytes.
func sliceable(s *wireStruct) bool {
	switch s.kind() {
	case contentString, contentAny, contentJSON:
		return s.length > 1
	}
	return false
}

// units gives how many of a struct's elements, at least one, take at most room
// bytes with their delete ranges.
func (c *cutter) units(w *walker, s *wireStruct, room int) uint32 {
	n := unitsWithin(s, room)
	for n > 1 {
		at, cut := len(s.body), false
		if n < s.length {
			at, cut = s.offset(n)
		}
		if cut {
			n++ // both halves of a pair
			at += utf8.UTFMax
		}
		if over := at + c.delsCost(w, s.clock+n) - room; over <= 0 || at <= utf8.UTFMax {
			break
		}
		n /= 2
	}
	return min(n, s.length)
}

// unitsWithin gives how many elements the first size bytes of a body have, at
// least one character or value.
func unitsWithin(s *wireStruct, size int) uint32 {
	if size >= len(s.body) {
		return s.length
	}
	if s.kind() == contentString {
		for size > 0 && !utf8.RuneStart(s.body[size]) {
			size--
		}
		if size == 0 {
			_, size = utf8.DecodeRune(s.body)
		}
		return uint32(utf16Len(s.body[:size]))
	}
	b := cursor{b: s.body}
	for n := uint32(0); ; n++ {
		if s.kind() == contentAny {
			b.skipAny(1)
		} else {
			b.varBytes()
		}
		if b.pos > size {
			return max(n, 1)
		}
	}
}

// delsCost gives the bytes of the walker's delete ranges up to clock to, or of
// some of them if that is more than the limit.
func (c *cutter) delsCost(w *walker, to uint32) int {
	cost := 0
	for at := *w; at.start < at.stop && at.start < to && cost <= c.limit; c.nextRange(&at) {
		cost += lib0.VarUintLen(uint64(at.start)) + lib0.VarUintLen(uint64(at.stop-at.start))
	}
	return cost
}

// takeDeletes moves what the walker's next delete ranges have within [from, to) to
// those of the piece, and what they have before to the rest.
func (c *cutter) takeDeletes(w *walker, from, to uint32) {
	for w.start < w.stop {
		if w.start < from {
			stop := min(w.stop, from)
			c.rest = append(c.rest, idSpan{w.id, span{w.start, stop}})
			w.start = stop
		}
		if stop := min(w.stop, to); w.start < stop {
			c.dels = append(c.dels, idSpan{w.id, span{w.start, stop}})
			w.start = stop
		}
		if w.start < w.stop {
			return
		}
		c.nextRange(w)
	}
}

// close writes the piece at hand, if there is anything in it, and begins another.
func (c *cutter) close() {
	if len(c.active) > 0 {
		c.write()
	}
}

// write makes an update of the piece's structs and of dels with their delete ranges.
func (c *cutter) write() {
	slices.Sort(c.active)
	u := Update{structs: c.structs, tidy: c.skips == 0, tidyDels: true, ascendingDels: true}
	b := make([]byte, 0, c.used+16)
	b = lib0.AppendVarUint(b, uint64(len(c.active)))
	for _, i := range c.active {
		w := &c.walkers[i]
		b = lib0.AppendVarUint(b, uint64(w.count))
		b = lib0.AppendVarUint(b, w.id)
		b = lib0.AppendVarUint(b, uint64(w.from))
		if i == c.headOf {
			b = append(b, c.head...)
		}
		b = append(b, c.u.b[w.begin:w.end]...)
		if i == c.tailOf {
			b = append(b, c.tail...)
		}
		u.types += int(w.types)
		w.active = false
	}
	c.dels = uniteRanges(c.dels)
	u.dels, u.ranges = len(b), len(c.dels)
	u.b = appendDeletes(b, c.dels)
	c.out = append(c.out, u)
	c.active, c.dels = c.active[:0], c.dels[:0]
	c.used, c.structs, c.skips, c.headOf, c.tailOf = 0, 0, 0, -1, -1
}

// last writes the last piece, with the delete ranges that are left, or several if
// these are too many for it.
func (c *cutter) last() {
	for i := range c.walkers {
		c.takeDeletes(&c.walkers[i], maxClock+1, 0)
	}
	rest := uniteRanges(c.rest)
	for len(rest) > 0 || len(c.active) > 0 {
		n, client := 0, uint64(maxClient+1)
		for ; n < len(rest); n++ {
			r := rest[n]
			cost := lib0.VarUintLen(uint64(r.start)) + lib0.VarUintLen(uint64(r.end-r.start))
			if r.client != client {
				client = r.client
				cost += lib0.VarUintLen(client) + hole
			}
			if c.used+cost > c.limit && c.used > 0 {
				break
			}
			c.used += cost
		}
		c.dels = append(c.dels, rest[:n]...)
		c.write()
		rest = rest[n:]
	}
}
