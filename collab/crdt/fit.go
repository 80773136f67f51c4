package crdt

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"
)

// Known is what a room knows: layers, oldest first (committed, in flight,
// gathering). The first layer starts at clock 0; a later layer continues where
// the earlier ones end. Not safe for concurrent use, like the layers themselves.
type Known []*State

// Fit is the answer of Known.Fit.
type Fit struct {
	// Update is the part of the given update that the layers lack and that can
	// be applied on top of them: the same bytes when all of it is new and fits,
	// encoded anew otherwise, empty when nothing remains.
	Update Update

	Structs      int // wire structs that Update has, for the limits on what a frame adds; TooMany if not counted
	NewClients   int // clients of Update's structs that no layer knows
	DeleteRanges int // delete ranges that Update has
	NewRoots     int // root type names in Update that no layer knows, counted up to 65,536
	Depth        int // depth of the deepest type that Update adds, 1 in a root, counted up to 65,534; 0 if it adds none
	Bytes        int // length of Update's bytes; 0 if it is empty

	// Writers are the clients under which Update has structs, each once. The
	// slice is reused by the next Fit with the same top layer.
	Writers []uint64

	Missing bool // something was cut: a gap, or a reference or delete range beyond what is known
	Foreign bool // something new was cut because owner refused its client
	Layer   int  // the highest layer that already holds any struct or delete of the update; -1 if none
}

// TooMany is the Structs of a Fit that gave up: the update adds more than is
// sorted out within bounded memory (blocks of more than 131,072 clients, more than
// 262,144 delete ranges, more than 524,288 changes of depth), and more than the protocol's limits allow. Update is then
// the whole update, not cut, so that nobody takes it for one that adds nothing.
// It is above every limit and must be refused.
const TooMany = math.MaxInt32

// Bounds within which Fit works; they keep its memory below 32 MiB beside the
// update and its result.
const (
	maxStrands  = 1 << 17 // blocks with new structs
	maxStretch  = 1 << 19 // alternations between blocks of one client; stretches of one level
	maxRanges   = 1 << 18 // delete ranges to write, after uniting them
	maxNewRoots = 1 << 16
	keptScratch = 64
)

// strand is one block of an update that has new structs, on its way through the
// work list. A blocked strand is in the heap of the client that it waits for.
type strand struct {
	client      int32 // index of its fitClient
	pos         uint32
	structs     uint32 // not read yet
	clock       uint32 // of the struct at pos
	need        uint32 // the clock that must be known of the client waited for
	left, right int32  // heap of waiting strands, or next in the ready list; -1 for none
	rank        int32
}

// fitClient is a client with new structs in the update.
type fitClient struct {
	id      uint64
	start   uint32 // what the layers know, contiguously
	end     uint32 // the same with what is kept of the update
	waiting int32  // heap of the strands that wait for this client, lowest need on top; -1 for none
	first   int32  // stretches kept, in ascending order of clock; -1 for none
	last    int32
	levels  []levelSpan // of the structs kept, by clock, if the update has types
	kept    uint32      // structs kept
	skips   uint32      // jumps over detached stretches of a layer, between kept structs
	jump    bool        // the end moved over one since the last kept struct
	known   bool        // by some layer
	gaps    bool        // some layer has detached stretches
	refused bool        // by owner
}

// stretch is a series of kept structs within one block.
type stretch struct {
	strand  int32
	pos     uint32
	clock   uint32 // at pos
	start   uint32 // from which clock on, if the first struct is sliced
	end     uint32 // up to which clock, if the last struct is cut; else 0
	structs uint32 // to look at from pos on
	next    int32
}

// idSpan is a delete range.
type idSpan struct {
	client uint64
	span
}

// fitting is the memory of a Fit, reused by the next one.
type fitting struct {
	layers   []*clientState // what each layer holds of the client at hand
	clients  []fitClient
	strands  []strand
	stretch  []stretch
	writers  []uint64
	ranges   []idSpan
	gaps     []span
	more     []span
	newRoots map[uint64]struct{}

	u      Update
	known  Known
	fit    Fit
	same   bool // so far all of u is new, kept, and in the form in which we would write it
	kept   int  // structs
	types  int  // those of them that hold a type
	levels int  // level spans, in all
	ready  int32
}

// scratch is the memory of the top layer, made when it is first wanted: most documents that are open are only read.
func (k Known) scratch() *fitting {
	if len(k) == 0 {
		return new(fitting)
	}
	top := k[len(k)-1]
	if top.scratch == nil {
		top.scratch = new(fitting)
	}
	return top.scratch
}

var rootSeed = maphash.MakeSeed()

// Fit cuts u to what can be staged on top of the layers. Per client it keeps the
// structs up to the first one with a gap before it or with an origin, right
// origin or parent that neither the layers nor the kept part of u have, wherever
// in u that is; delete ranges are clipped at the clocks known by then. What any
// layer has already is dropped, partly known structs are sliced. So the result
// always integrates completely in a Yjs document that has what the layers have.
//
// owner is asked once for each client that brings structs which no layer has;
// false cuts them all. A nil owner allows all. Deletes are never refused.
//
// An update that has the same clocks twice with different references contradicts
// itself; what follows on the copy that can't be kept may then be cut, too.
//
// What adds types also needs all their parents up to a root, to tell how deep they
// are nested: a type is cut if a layer has not got one of them, even if u brings it. Yjs goes down a tree of types by recursion when it is deleted,
// collected, copied or written as text or JSON; with Node's stack, and that of most
// browsers, some of that fails from a depth of about 1,200 on. Whoever sets a limit
// must stay well below.
//
// The time is linear in u, apart from logarithms: a work list goes on with a
// block when what it waits for is there (as Yjs's integrateStructs does), so the
// order inside u doesn't matter. An update that is all new costs no memory.
func (k Known) Fit(u Update, owner func(client uint64) bool) Fit {
	f := k.scratch()
	f.begin(k, u)
	if u.structs == 1 && u.ranges == 0 && f.same && f.letter(owner) {
		return f.end()
	}
	if u.structs > 0 {
		f.gather()
		f.ask(owner)
		f.work()
	}
	if u.ranges > 0 && f.fit.Structs != TooMany {
		f.deletes()
	}
	f.finish()
	return f.end()
}

// letter is the short way for what is nearly always asked: one struct that
// continues its client. It says false, with nothing done, if it isn't that simple.
func (f *fitting) letter(owner func(client uint64) bool) bool {
	var w wireStruct
	c := beginStructs(f.u.b)
	c.nextBlock()
	c.next(&w)
	end, known, gaps := f.look(c.client)
	if gaps || w.clock != end {
		return false
	}
	if _, _, ok := f.lacks(c.client, end, &w); !ok {
		return false
	}
	depth := uint16(0)
	if f.u.types > 0 {
		var ok bool
		if depth, ok = f.level(c.client, end, &w); !ok {
			return false
		}
	}
	if owner != nil && !owner(c.client) {
		f.fit.Foreign = true
		return true
	}
	f.fit.Depth = int(depth)
	f.writers = append(f.writers, c.client)
	f.fit.Update, f.fit.Structs, f.fit.Bytes, f.fit.Writers = f.u, 1, len(f.u.b), f.writers
	if !known {
		f.fit.NewClients = 1
	}
	if w.parent == parentRoot {
		f.root(w.root)
	}
	return true
}

func (f *fitting) begin(k Known, u Update) {
	f.u, f.known = u, k
	f.fit = Fit{Layer: -1}
	f.same = u.tidy && u.tidyDels
	f.kept, f.types, f.levels = 0, 0, 0
	if u.types > 0 {
		for _, s := range k {
			if s.doubt {
				s.clearDoubt()
			}
		}
	}
	f.ready = -1
	if cap(f.layers) < len(k) {
		f.layers = make([]*clientState, len(k))
	}
	f.layers = f.layers[:len(k)]
	f.clients, f.strands, f.stretch = f.clients[:0], f.strands[:0], f.stretch[:0]
	f.writers, f.ranges = f.writers[:0], f.ranges[:0]
}

// end lets go of what it shouldn't keep.
func (f *fitting) end() Fit {
	fit := f.fit
	f.u, f.known, f.newRoots = Update{}, nil, nil
	f.fit.Update, f.fit.Writers = Update{}, nil
	clear(f.layers)
	if max(cap(f.clients), cap(f.strands), cap(f.stretch), cap(f.writers), cap(f.ranges), cap(f.gaps), cap(f.more)) > keptScratch {
		*f = fitting{}
	}
	return fit
}

// look finds what the layers hold of a client, and how far that goes.
func (f *fitting) look(id uint64) (end uint32, known, gaps bool) {
	for i, s := range f.known {
		c := s.look(id)
		f.layers[i] = c
		if c != nil && c.runs.len() > 0 {
			known = true
			if start, to := c.first(); c.stretches == nil && start <= end {
				end = max(end, to)
			} else {
				gaps = true
				end = c.endFrom(end)
			}
		}
	}
	if gaps {
		end = f.closeGaps(end)
	}
	return end, known, gaps
}

// closeGaps goes on from end as far as the layers at hand reach together.
func (f *fitting) closeGaps(end uint32) uint32 {
	for {
		before := end
		for _, c := range f.layers {
			if c != nil {
				end = c.endFrom(end)
			}
		}
		if end == before {
			return end
		}
	}
}

// nextDetached gives the lowest clock above clock at which a layer at hand goes on
// after a gap.
func (f *fitting) nextDetached(clock uint32) uint32 {
	next := uint32(math.MaxUint32)
	for _, c := range f.layers {
		if c == nil {
			continue
		}
		if c.stretches == nil {
			if start, _ := c.first(); start > clock {
				next = min(next, start)
			}
			continue
		}
		p, ok := c.stretches.find(clock)
		if ok {
			p = c.stretches.next(p)
		}
		if e := c.stretches.at(p); e != nil {
			next = min(next, e.key)
		}
	}
	return next
}

// layered notes in fit.Layer which layers at hand hold any of [start, end).
func (f *fitting) layered(start, end uint32) {
	for i := len(f.layers) - 1; i > f.fit.Layer; i-- {
		if c := f.layers[i]; c != nil && c.meets(start, end) {
			f.fit.Layer = i
		}
	}
}

// detached says whether the layers at hand have all of [start, end), although
// clocks before it are missing.
func (f *fitting) detached(start, end uint32) bool {
	for start < end {
		next := f.closeGaps(start)
		if next == start {
			return false
		}
		start = next
	}
	return true
}

// gather finds the blocks with new structs and makes a strand of each.
func (f *fitting) gather() {
	var w wireStruct
	for c := beginStructs(f.u.b); c.nextBlock(); {
		end, known, gaps := f.look(c.client)
		added := false
		for c.structs > 0 {
			pos, clock, left := c.pos, c.clock, c.structs
			c.next(&w)
			if w.kind() == contentSkip {
				continue
			}
			f.layered(w.clock, w.end())
			if w.clock < end {
				f.same = false
			}
			if added || w.end() <= end || gaps && f.detached(w.clock, w.end()) {
				continue
			}
			added = true
			if len(f.strands) == maxStrands {
				f.giveUp()
				return
			}
			if len(f.strands) == keptScratch {
				n := min(c.blocks+1, maxStrands-keptScratch)
				f.strands, f.clients = slices.Grow(f.strands, n), slices.Grow(f.clients, n)
			}
			f.strands = append(f.strands, strand{
				client: f.addClient(c.client, end, known, gaps),
				pos:    uint32(pos), structs: uint32(left), clock: clock, left: -1, right: -1,
			})
		}
	}
	if !f.u.tidy {
		f.unite()
	}
}

func (f *fitting) giveUp() {
	f.fit.Structs = TooMany
	f.strands, f.stretch, f.clients = f.strands[:0], f.stretch[:0], f.clients[:0]
}

func (f *fitting) addClient(id uint64, end uint32, known, gaps bool) int32 {
	n := len(f.clients)
	if n > 0 && f.clients[n-1].id == id {
		return int32(n - 1)
	}
	f.clients = append(f.clients, fitClient{
		id: id, start: end, end: end, known: known, gaps: gaps, waiting: -1, first: -1, last: -1,
	})
	return int32(n)
}

// unite brings the clients of an untidy update into order, each once.
func (f *fitting) unite() {
	ids := make([]uint64, len(f.strands))
	for i := range f.strands {
		ids[i] = f.clients[f.strands[i].client].id
	}
	slices.SortFunc(f.clients, func(a, b fitClient) int { return cmp.Compare(b.id, a.id) })
	f.clients = slices.CompactFunc(f.clients, func(a, b fitClient) bool { return a.id == b.id })
	for i := range f.strands {
		f.strands[i].client = f.index(ids[i])
	}
}

// index gives the place of a client in clients, which descend by id, or -1.
func (f *fitting) index(id uint64) int32 {
	lo, hi := 0, len(f.clients)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch at := f.clients[mid].id; {
		case at == id:
			return int32(mid)
		case at > id:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return -1
}

func (f *fitting) ask(owner func(client uint64) bool) {
	if owner == nil {
		return
	}
	for i := range f.clients {
		if c := &f.clients[i]; !owner(c.id) {
			c.refused = true
			f.fit.Foreign = true
			f.same = false
		}
	}
}

// clockOf gives how far a client is known: layers and what is kept of the update.
func (f *fitting) clockOf(id uint64) (clock uint32, index int32) {
	if i := f.index(id); i >= 0 {
		return f.clients[i].end, i
	}
	var end uint32
	for i, s := range f.known {
		c := s.look(id)
		f.layers[i] = c
		if c != nil {
			end = c.endFrom(end)
		}
	}
	return f.closeGaps(end), -1
}
