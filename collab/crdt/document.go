package crdt

import (
	"errors"
	"fmt"
)

// Doc is a document: a State and its items, integrated by YATA into the order in
// which people see them. The State owns all bytes; an item names its content by
// the place there, and other items by their index. What a Doc takes beside its
// State is 64 bytes for each item, about, and nothing for the content.
// Not safe for concurrent use, not even for reading.
type Doc struct {
	state *State

	slabs []*[slabSize]item // items by index; index 0 means none
	used  uint32            // indexes taken from the slabs
	free  uint32            // the first item given back; they are linked by right

	types     []sharedType     // types[0] is unused: index 0 means none
	roots     map[string]int32 // indexes of types
	keys      map[string]int32 // of map entries; key 0 means none
	keyNames  []string         // by key - 1
	nodeNames map[string][]byte

	clients []*docClient // by index
	byID    map[uint64]*docClient
	recent  *docClient // the client looked up last

	conflicts conflicts
	tangled   bool

	edits editing // of Edit; its markers hold as long as nothing else changes the Doc
	draft []byte  // content that the State doesn't have yet, during an Edit

	// Of the Apply at hand.
	ready   []*docClient // to be integrated further
	deletes []docRange   // new ones of what had been integrated before
}

// docClient is what a Doc has of one client.
type docClient struct {
	id      uint64
	index   uint32 // in Doc.clients
	clock   uint32 // integrated so far
	source  *clientState
	items   ordered[uint32] // by clock
	anchors ordered[int]    // see contentOffset
	offset  int             // where in the source's data the content of clock begins, if clock continues a run
	blocked bool            // waits for another client
	waiting []wait[*docClient]
}

// docRange is a range of a client's clocks.
type docRange struct {
	client *docClient
	span
}

// ErrTangled says that a document has too many conflicting insertions to be
// integrated in reasonable time.
var ErrTangled = errors.New("too many conflicting insertions")

// NewDoc integrates the items of s and applies its delete set. Structs behind a
// gap, and those that depend on what s lacks, wait, as Yjs leaves them pending.
// From now on s belongs to the Doc: only the Doc's Apply may change it, nobody
// may Reset it. The error is ErrTangled.
func NewDoc(s *State) (*Doc, error) {
	d := &Doc{
		state:     s,
		types:     make([]sharedType, 1),
		roots:     make(map[string]int32),
		keys:      make(map[string]int32),
		nodeNames: make(map[string][]byte),
		byID:      make(map[uint64]*docClient, s.clients.n),
	}
	if err := d.integrateAll(); err != nil {
		return nil, err
	}
	return d, nil
}

// State gives the state that the document is made of. It may be read, encoded
// and compared, but changed only by the Doc's Apply.
func (d *Doc) State() *State { return d.state }

// Apply adds everything that u has and the document lacks, as State.Apply does,
// and integrates what can be: all of u, unless something that it depends on is
// missing, and what waited for it. The cost is that of u, amortised, plus
// logarithms and the conflicts that it makes. The error is ErrTangled: u is then
// in the State, but the Doc is useless.
func (d *Doc) Apply(u Update) error {
	d.edits.markers = nil
	if !d.tangled {
		d.noteDeletes(u)
	}
	d.state.Apply(u)
	switch {
	case u.structs > d.state.clients.n:
		return d.integrateAll() // for less than looking who is in u
	case u.structs > 0:
		var w wireStruct
		for c := beginStructs(u.b); c.nextBlock(); {
			for c.next(&w) {
			}
			if source := d.state.look(c.client); source != nil {
				d.continues(source)
			}
		}
	}
	return d.integrateReady()
}

// noteDeletes remembers what u deletes of the items that are integrated already
// and are not deleted yet, or only because they are in something deleted.
func (d *Doc) noteDeletes(u Update) {
	if u.ranges == 0 {
		return
	}
	for c := beginDeletes(u.b, u.dels); c.nextClient(); {
		dc := d.client(c.client)
		if dc == nil || dc.clock == 0 {
			c.skipRanges()
			continue
		}
		for c.nextRange() {
			if end := min(c.end, dc.clock); c.start < end {
				d.noteDelete(dc, c.start, end)
			}
			// So that the next range that says the same is known to be nothing new.
			d.state.addDelete(dc.source, c.start, c.end)
		}
	}
}

func (d *Doc) noteDelete(dc *docClient, start, end uint32) {
	dels := &dc.source.dels
	if l := dels.last(); l == nil || l.val <= start {
		d.deletes = append(d.deletes, docRange{dc, span{start, end}})
		return
	}
	var gaps [4]span
	for _, g := range dels.gaps(start, end, gaps[:0]) {
		d.deletes = append(d.deletes, docRange{dc, g})
	}
}

// integrateAll integrates what any client has to integrate.
func (d *Doc) integrateAll() error {
	// The ready are taken from the end: higher clients first, with which most
	// conflicts are settled at the first look.
	clients := &d.state.clients
	clients.sort()
	for i := clients.n - 1; i >= 0; i-- {
		d.continues(clients.at(i))
	}
	return d.integrateReady()
}

// continues notes that the state may have more of a client than is integrated.
func (d *Doc) continues(source *clientState) {
	dc := d.clientOf(source.id)
	dc.source = source
	if !dc.blocked {
		d.ready = append(d.ready, dc)
	}
}

// integrateReady integrates what is ready and what waits for that, and applies
// the new deletes.
func (d *Doc) integrateReady() error {
	for len(d.ready) > 0 && !d.tangled {
		dc := d.ready[len(d.ready)-1]
		d.ready = d.ready[:len(d.ready)-1]
		d.advance(dc)
	}
	for _, r := range d.deletes {
		d.deleteRange(r.client, r.start, r.end)
	}
	clear(d.deletes)
	d.deletes = d.deletes[:0]
	if d.tangled {
		d.ready = nil
		return fmt.Errorf("integrate: %w", ErrTangled)
	}
	return nil
}

// advance integrates a client's runs up to the first that depends on something
// missing, and what of them is deleted, and makes ready who waited for them.
func (d *Doc) advance(dc *docClient) {
	before := dc.clock
	runs := &dc.source.runs
	dc.items.reserve(runs.len())
	for p, ok := runs.find(dc.clock); ok; p = runs.next(p) {
		e := runs.at(p)
		if e == nil || e.key > dc.clock {
			break
		}
		if e.key+e.val.length <= dc.clock {
			continue
		}
		if !d.advanceRun(dc, e) {
			break
		}
		if d.conflicts.steps > maxConflictSteps+conflictStepsPerItem*int(d.used) {
			d.tangled = true
			return
		}
	}
	if dc.clock == before {
		return
	}
	d.deleteKnown(dc, before)
	for len(dc.waiting) > 0 && dc.waiting[0].need < dc.clock {
		w := dc.waiting[0].client
		dc.waiting = popWait(dc.waiting)
		w.blocked = false
		d.ready = append(d.ready, w)
	}
}

// deleteKnown deletes what the state knows to be deleted of a client's clocks
// from start on.
func (d *Doc) deleteKnown(dc *docClient, start uint32) {
	dels := &dc.source.dels
	if l := dels.last(); l == nil || l.val <= start {
		return
	}
	for p := dels.from(start); ; p = dels.next(p) {
		e := dels.at(p)
		if e == nil || e.key >= dc.clock {
			return
		}
		d.deleteRange(dc, max(e.key, start), min(e.val, dc.clock))
	}
}

// runFrom gives the run that has a clock, or nil.
func (c *clientState) runFrom(clock uint32) *entry[run] {
	e := c.runs.last()
	if e == nil || e.key+e.val.length <= clock {
		return nil
	}
	if e.key > clock {
		p, ok := c.runs.find(clock)
		if !ok {
			return nil
		}
		if e = c.runs.at(p); e.key+e.val.length <= clock {
			return nil // a gap
		}
	}
	return e
}

// client gives what the Doc has of a client, or nil.
func (d *Doc) client(id uint64) *docClient {
	if d.recent != nil && d.recent.id == id {
		return d.recent
	}
	dc := d.byID[id]
	if dc != nil {
		d.recent = dc
	}
	return dc
}

// clientOf gives what the Doc has of a client, which it gets to know if need be.
func (d *Doc) clientOf(id uint64) *docClient {
	dc := d.client(id)
	if dc == nil {
		dc = &docClient{id: id, index: uint32(len(d.clients))}
		d.clients = append(d.clients, dc)
		d.byID[id] = dc
		d.recent = dc
	}
	return dc
}
