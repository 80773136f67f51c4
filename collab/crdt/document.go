package crdt

import (
	"errors"
	"fmt"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// Doc is a document: the items of a State integrated by YATA into the order in
// which people see them. Items lie in one slab and name each other by index. It
// refers to the State's memory and must not outlive a Reset of it. Not safe for
// concurrent use.
type Doc struct {
	state *State
	items []item // items[0] is unused: index 0 means none
	types []sharedType
	keys  map[string]int32 // of map entries; key 0 means none

	keyNames []string         // by key - 1
	roots    map[string]int32 // indexes of types
	clients  map[uint64]*docClient

	passed, conflict uint32 // marks of the integration at hand
	steps            int    // looked at in conflicts, in all

	edits editing // of Edit; its markers hold as long as nothing else changes the Doc
}

// item is Yjs's Item or GC struct.
type item struct {
	client      uint64
	from        ID // the origin, if info has hasOrigin
	before      ID // the right origin, if info has hasRightOrigin
	content     []byte
	clock       uint32
	length      uint32
	left, right uint32 // neighbours in the parent's list or among a key's values
	parent      int32  // index of a type
	key         int32  // of the parent's map, 0 in its list
	holds       int32  // index of the type that a ContentType holds

	// Marks of integrate: the item stands before the origin sought, or conflicts.
	passed, conflict uint32

	info    byte
	deleted bool
}

func (i *item) kind() byte { return i.info & contentMask }

func (i *item) end() uint32 { return i.clock + i.length }

// sharedType is a root type or what a ContentType holds.
type sharedType struct {
	start  uint32           // first item of the list
	values map[int32]uint32 // by key, the rightmost item of each
	item   uint32           // the item that holds it, 0 for a root
	kind   byte
	name   []byte // node name of an XmlElement, hook name of an XmlHook
}

// docClient is what a Doc has of one client.
type docClient struct {
	structs ordered[uint32] // items by clock
	clock   uint32          // integrated so far
	source  *clientState
	next    place // in source.runs, not integrated yet
	waiting []wait[*docClient]
}

// maxConflictSteps bounds the work on concurrent insertions at one place, which
// YATA does not bound by itself: a document made for it would take hours.
const maxConflictSteps = 1 << 26

// ErrTangled says that a document has too many conflicting insertions to be
// integrated in reasonable time.
var ErrTangled = errors.New("too many conflicting insertions")

// NewDoc integrates the items of s and applies its delete set. Structs behind a
// gap, and those that depend on what s lacks, are left out, as Yjs leaves them
// pending. The error is ErrTangled.
func NewDoc(s *State) (*Doc, error) {
	d := &Doc{
		state:   s,
		items:   make([]item, 1, 1+s.runs+s.runs/2),
		types:   make([]sharedType, 1),
		keys:    make(map[string]int32),
		roots:   make(map[string]int32),
		clients: make(map[uint64]*docClient, len(s.order)),
	}
	order := s.sorted()
	for _, c := range order {
		d.clients[c.id] = &docClient{source: c}
	}
	// Higher clients first: then most conflicts are settled at the first look.
	for _, c := range order {
		ready := []*docClient{d.clients[c.id]}
		for len(ready) > 0 {
			dc := ready[len(ready)-1]
			ready = d.advance(dc, ready[:len(ready)-1])
			if d.steps > maxConflictSteps {
				return nil, fmt.Errorf("integrate: %w", ErrTangled)
			}
		}
	}
	for _, c := range order {
		dc := d.clients[c.id]
		for _, chunk := range c.dels.chunks {
			for _, e := range chunk {
				d.deleteRange(dc, e.key, min(e.val, dc.clock))
			}
		}
	}
	return d, nil
}

// State gives the state that the document is made of. It may be read, encoded
// and compared, but changed only by the Doc's Apply.
func (d *Doc) State() *State { return d.state }

// Apply adds everything that u has and the document lacks, as State.Apply does,
// and integrates what can be. The error is ErrTangled: the Doc is then useless,
// its State is not.
func (d *Doc) Apply(u Update) error {
	d.state.Apply(u)
	again, err := NewDoc(d.state)
	if err != nil {
		return err
	}
	*d = *again
	return nil
}

// advance integrates a client's runs up to the first that depends on something
// missing, and appends to ready the clients that waited for what came.
func (d *Doc) advance(dc *docClient, ready []*docClient) []*docClient {
	for dc.next.chunk < len(dc.source.runs.chunks) && d.steps <= maxConflictSteps {
		e := dc.source.runs.at(dc.next)
		if e.key != dc.clock {
			break // a gap
		}
		it, root, key, parent := d.read(dc.source, e)
		if on, need, ok := d.lacks(&it, root == nil, parent); !ok {
			if on != nil {
				on.waiting = pushWait(on.waiting, wait[*docClient]{need, dc})
			}
			break
		}
		d.integrate(it, root, key, parent)
		dc.clock = e.key + e.val.length
		dc.next = dc.source.runs.next(dc.next)
	}
	for len(dc.waiting) > 0 && dc.waiting[0].need < dc.clock {
		ready = append(ready, dc.waiting[0].client)
		dc.waiting = popWait(dc.waiting)
	}
	return ready
}

// read makes an item of a run, with what it says about its parent: a root's name
// (root is not nil) or the parent item's id, and a map key.
func (d *Doc) read(c *clientState, e *entry[run]) (it item, root, key []byte, parent ID) {
	r := &e.val
	head := cursor{b: c.data[r.off : r.off+int(r.head)]}
	it = item{
		client:  c.id,
		clock:   e.key,
		length:  r.length,
		info:    r.info,
		content: c.data[r.off+int(r.head) : r.off+int(r.head)+int(r.body)],
	}
	it.deleted = it.kind() == contentGC || it.kind() == contentDeleted
	if it.kind() == contentGC {
		return it, nil, nil, parent
	}
	if r.info&hasOrigin != 0 {
		it.from = head.id()
	}
	if r.info&hasRightOrigin != 0 {
		it.before = head.id()
	}
	if r.info&(hasOrigin|hasRightOrigin) == 0 {
		if head.varUint() == 1 {
			root = head.varBytes()
		} else {
			parent = head.id()
		}
		if r.info&hasParentSub != 0 {
			key = head.varBytes()
		}
	}
	return it, root, key, parent
}

// lacks says which client must be known further before it can be integrated.
func (d *Doc) lacks(it *item, inItem bool, parent ID) (on *docClient, need uint32, ok bool) {
	if it.kind() == contentGC {
		return nil, 0, true
	}
	check := func(id ID) bool {
		if id.Client == it.client {
			return true
		}
		on, need = d.clients[id.Client], id.Clock
		return on != nil && need < on.clock
	}
	if it.info&hasOrigin != 0 && !check(it.from) || it.info&hasRightOrigin != 0 && !check(it.before) {
		return on, need, false
	}
	if it.info&(hasOrigin|hasRightOrigin) == 0 && inItem && !check(parent) {
		return on, need, false
	}
	return nil, 0, true
}

// find gives the item that holds id, which must be integrated.
func (d *Doc) find(id ID) uint32 {
	dc := d.clients[id.Client]
	p, _ := dc.structs.find(id.Clock)
	return dc.structs.at(p).val
}

// cleanStart gives the item that begins with id, splitting one if need be.
func (d *Doc) cleanStart(id ID) uint32 {
	i := d.find(id)
	if it := &d.items[i]; it.clock < id.Clock && it.kind() != contentGC {
		return d.split(i, id.Clock-it.clock)
	}
	return i
}

// cleanEnd gives the item that ends with id, splitting one if need be.
func (d *Doc) cleanEnd(id ID) uint32 {
	i := d.find(id)
	if it := &d.items[i]; it.end() != id.Clock+1 && it.kind() != contentGC {
		d.split(i, id.Clock+1-it.clock)
	}
	return i
}

// split cuts an item behind its first n clocks and gives the right part.
func (d *Doc) split(i, n uint32) uint32 {
	right := d.items[i]
	left := &d.items[i]
	at, cut := bodyOffset(left.kind(), left.content, n)
	left.length = n
	left.content, right.content = left.content[:at:at], right.content[at:]
	if cut {
		left.content = append(left.content, replacement...)
		right.content = append([]byte(replacement), right.content[4:]...)
	}
	right.clock += n
	right.length -= n
	right.info |= hasOrigin
	right.from = ID{Client: right.client, Clock: right.clock - 1}
	right.left = i
	j := uint32(len(d.items))
	left.right = j
	d.items = append(d.items, right)
	switch {
	case right.right != 0:
		d.items[right.right].left = j
	case right.key != 0:
		d.types[right.parent].values[right.key] = j
	}
	d.clients[right.client].structs.insert(entry[uint32]{right.clock, j})
	return j
}

// root gives the root type of that name, which is made if need be.
func (d *Doc) root(name []byte) int32 {
	t, ok := d.roots[string(name)]
	if !ok {
		t = d.newType(sharedType{kind: typeUnknown})
		d.roots[string(name)] = t
	}
	return t
}

// typeUnknown is the kind of a root type: the wire doesn't say what it is.
const typeUnknown = 0xff

func (d *Doc) newType(t sharedType) int32 {
	d.types = append(d.types, t)
	return int32(len(d.types) - 1)
}

func (d *Doc) key(name []byte) int32 {
	k, ok := d.keys[string(name)]
	if !ok {
		k = int32(len(d.keys) + 1)
		d.keys[string(name)] = k
		d.keyNames = append(d.keyNames, string(name))
	}
	return k
}

// readType makes the type that a ContentType holds.
func (d *Doc) readType(body []byte, holder uint32) int32 {
	dec := lib0.Over(body, 0)
	kind, _ := dec.ReadVarUint()
	t := sharedType{kind: byte(kind), item: holder}
	if kind == typeXMLElement || kind == typeXMLHook {
		t.name, _ = dec.ReadVarBytes()
	}
	return d.newType(t)
}
