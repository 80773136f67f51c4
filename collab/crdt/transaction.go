package crdt

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// ErrEdit is wrapped by every error of an edit that its caller brought about: an
// index out of range, a value that can't be stored, a type of another kind.
var ErrEdit = errors.New("invalid edit")

func editError(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrEdit}, args...)...)
}

// maxInsert bounds the bytes of one insertion.
const maxInsert = maxJoined

// Tx is a transaction of Doc.Edit. Its methods change the document at once, so
// that what is read inside the transaction is up to date, with the semantics of
// the methods of the same purpose in Yjs. The first error of any of them spoils
// the transaction: Edit then takes everything back and returns that error.
// It must not be used after the function that it was given to has returned.
type Tx struct {
	d      *Doc
	client uint64
	start  uint32 // the client's clock before
	clock  uint32 // its next one
	err    error  // the first

	structs []byte // made so far, as on the wire
	count   int
	last    lastAny
	deleted map[uint64]*spans

	newType   int32            // held by the ContentType made last
	newRoots  bool             // some root types were made
	rootNames map[int32]string // of the roots that were used
}

// lastAny is the ContentAny at the end of Tx.structs, which may still grow.
type lastAny struct {
	open    bool
	countAt int // offset in structs of its length
	length  uint32
	right   ID // its right origin, if hasRight
	has     bool
}

// editing is what a Doc keeps for its transactions.
type editing struct {
	active  *Tx
	markers map[int32]*searchMarkers // by type
}

// Edit lets f change the document in the name of a client, which must be below
// 2^53, and gives all that it did as one update; the document and its State have
// it then. An edit that changes nothing gives the empty update.
//
// If f, or any call of a method of its Tx, gives an error, Edit returns that error
// and the document is as before: its State is changed only at the end, and the
// items are integrated from it anew, which takes as long as NewDoc, but only if
// something had been changed. That holds if f panics, too.
//
// An id that may be in use elsewhere must not be edited with: two items of one id
// would tear the document apart. Edit refuses a client with structs or deletes
// behind a gap, or structs that wait for others.
//
// f must not call Apply or Edit of the same Doc.
func (d *Doc) Edit(client uint64, f func(*Tx) error) (u Update, err error) {
	if d.edits.active != nil {
		return Update{}, editError("a transaction inside another")
	}
	clock, err := d.nextClock(client)
	if err != nil {
		return Update{}, err
	}
	tx := &Tx{d: d, client: client, start: clock, clock: clock}
	d.edits.active = tx
	done := false
	defer func() {
		if done {
			d.edits.active = nil
		} else if undoErr := tx.rollBack(); undoErr != nil {
			err = errors.Join(err, undoErr)
		}
	}()
	if err = f(tx); err == nil {
		err = tx.err
	}
	if err != nil {
		return Update{}, err
	}
	u = tx.update()
	tx.commit(u)
	done = true
	return u, nil
}

// nextClock gives the clock that the client would use next.
func (d *Doc) nextClock(client uint64) (uint32, error) {
	if client > maxClient {
		return 0, editError("client %d is out of range", client)
	}
	var clock uint32
	if dc := d.clients[client]; dc != nil {
		clock = dc.clock
	}
	c := d.state.look(client)
	if c == nil {
		return clock, nil
	}
	if c.beyond != nil || c.lo != 0 && c.lo != c.hi || c.contiguous() != clock {
		return 0, editError("client %d has structs that wait for others", client)
	}
	if l := c.dels.last(); l != nil && l.val > clock {
		return 0, editError("client %d has deletes of structs to come", client)
	}
	return clock, nil
}

// rollBack makes the document what its State is, and keeps what names its types.
func (tx *Tx) rollBack() error {
	d := tx.d
	d.edits.active = nil
	if tx.count == 0 && len(tx.deleted) == 0 && !tx.newRoots {
		return nil
	}
	fresh, err := NewDoc(d.state)
	if err != nil {
		return fmt.Errorf("take an edit back: %w", err)
	}
	fresh.adoptTypes(d)
	*d = *fresh
	return nil
}

// adoptTypes numbers the types as old did, of which the document lacks some.
func (d *Doc) adoptTypes(old *Doc) {
	names := make(map[int32]string, len(old.roots))
	for name, t := range old.roots {
		names[t] = name
	}
	to := make([]int32, len(d.types)) // by number in d
	types := make([]sharedType, len(old.types))
	for t := 1; t < len(old.types); t++ {
		was := &old.types[t]
		now := int32(0)
		if was.item == 0 {
			now = d.roots[names[int32(t)]]
		} else if id := old.id(old.item(was.item)); d.has(id) {
			now = d.item(d.find(id)).holds
		}
		types[t] = sharedType{kind: was.kind, name: was.name}
		if now != 0 {
			kind := d.types[now].kind
			types[t] = d.types[now]
			if kind == typeUnknown {
				types[t].kind = was.kind
			}
			to[now] = int32(t)
		}
	}
	d.types = types
	for i := 1; i < len(d.items); i++ {
		it := &d.items[i]
		it.parent, it.holds = to[it.parent], to[it.holds]
	}
	for name, t := range d.roots {
		d.roots[name] = to[t]
	}
}

// commit gives the State what the document has.
func (tx *Tx) commit(u Update) {
	d := tx.d
	if u.IsEmpty() {
		return
	}
	d.state.Apply(u)
	d.settle(tx.client)
}

// update gives all that was done.
func (tx *Tx) update() Update {
	if tx.count == 0 && len(tx.deleted) == 0 {
		return Update{}
	}
	raw := Update{}
	s := NewState()
	if tx.count > 0 {
		b := lib0.AppendVarUint([]byte{1}, uint64(tx.count))
		b = lib0.AppendVarUint(b, tx.client)
		b = lib0.AppendVarUint(b, uint64(tx.start))
		raw.b, raw.structs = append(b, tx.structs...), tx.count
		s.Apply(raw)
	}
	for client, dels := range tx.deleted {
		c := s.client(client)
		for _, chunk := range dels.chunks {
			for _, e := range chunk {
				s.addDelete(c, e.key, e.val)
			}
		}
	}
	return s.Encode()
}

// fail notes the first error.
func (tx *Tx) fail(err error) error {
	if tx.err == nil {
		tx.err = err
	}
	return err
}

// content is what a new item shall hold: body as in wireStruct.
type content struct {
	kind   byte
	body   []byte
	length uint32
}

// room says whether so many more clocks can be used.
func (tx *Tx) room(clocks uint64) error {
	if clocks > uint64(maxClock-tx.clock) {
		return editError("client %d has no clocks left", tx.client)
	}
	return nil
}

// insert makes an item of the type t between two items of its list or among the
// values of a key (which is 0 in the list), and gives the item that ends with it.
func (tx *Tx) insert(t int32, left, right uint32, key int32, c content) uint32 {
	d := tx.d
	it := item{client: tx.client, clock: tx.clock, length: c.length, info: c.kind, content: c.body}
	var root, sub []byte
	var parent ID
	if left != 0 {
		it.info |= hasOrigin
		it.from = d.lastID(d.item(left))
	}
	if right != 0 {
		it.info |= hasRightOrigin
		it.before = d.id(d.item(right))
	}
	if key != 0 {
		it.info |= hasParentSub
		sub = []byte(d.keyName(key))
	}
	if left == 0 && right == 0 {
		if holder := d.typ(t).item; holder != 0 {
			parent = d.id(d.item(holder))
		} else {
			name, _ := tx.rootName(t)
			root = []byte(name)
		}
	}
	tx.write(&it, root, sub, parent, c)
	tx.clock += c.length
	d.add(it, root, sub, parent)
	i := d.find(ID{Client: tx.client, Clock: tx.clock - 1})
	if c.kind == contentType {
		tx.newType = d.item(i).holds
	}
	if d.item(i).isDeleted() {
		// It came behind another value of its key.
		tx.noteDelete(d.item(i))
	}
	return i
}

// write puts the struct of a new item behind those made before.
func (tx *Tx) write(it *item, root, sub []byte, parent ID, c content) {
	if tx.last.open && c.kind == contentAny && tx.continuesAny(it) {
		b := tx.structs
		head := lib0.VarUintLen(uint64(tx.last.length))
		tx.last.length += c.length
		n := lib0.AppendVarUint(make([]byte, 0, hole), uint64(tx.last.length))
		b = slices.Replace(b, tx.last.countAt, tx.last.countAt+head, n...)
		tx.structs = append(b, c.body...)
		return
	}
	tx.count++
	b := append(tx.structs, it.info)
	if it.info&hasOrigin != 0 {
		b = putID(b, it.from)
	}
	if it.info&hasRightOrigin != 0 {
		b = putID(b, it.before)
	}
	if it.info&(hasOrigin|hasRightOrigin) == 0 {
		if root != nil {
			b = lib0.AppendVarBytes(append(b, 1), root)
		} else {
			b = putID(append(b, 0), parent)
		}
		if it.info&hasParentSub != 0 {
			b = lib0.AppendVarBytes(b, sub)
		}
	}
	tx.last = lastAny{}
	switch c.kind {
	case contentString:
		b = lib0.AppendVarUint(b, uint64(len(c.body)))
	case contentAny, contentJSON:
		tx.last = lastAny{c.kind == contentAny && it.info&hasParentSub == 0, len(b), c.length, it.before, it.info&hasRightOrigin != 0}
		b = lib0.AppendVarUint(b, uint64(c.length))
	}
	tx.structs = append(b, c.body...)
}

// continuesAny says whether an item joins the ContentAny that was written last.
func (tx *Tx) continuesAny(it *item) bool {
	if it.info&hasOrigin == 0 || it.from != (ID{tx.client, it.clock - 1}) {
		return false
	}
	return tx.last.has == (it.info&hasRightOrigin != 0) && tx.last.right == it.before && !tx.d.item(tx.d.find(it.from)).isDeleted()
}

// delete deletes an item and all that is inside it, and notes their ids.
func (tx *Tx) delete(i uint32) {
	d := tx.d
	if d.item(i).isDeleted() {
		return
	}
	todo := []uint32{i}
	for len(todo) > 0 {
		it := d.item(todo[len(todo)-1])
		todo = todo[:len(todo)-1]
		tx.noteDelete(it)
		if it.kind() != contentType || it.holds == 0 {
			continue
		}
		t := d.typ(it.holds)
		for o := t.start; o != 0; o = d.item(o).right {
			if !d.item(o).isDeleted() {
				todo = append(todo, o)
			}
		}
		for _, o := range t.values {
			if !d.item(o).isDeleted() {
				todo = append(todo, o)
			}
		}
	}
	d.delete(i)
}

func (tx *Tx) noteDelete(it *item) {
	if tx.deleted == nil {
		tx.deleted = make(map[uint64]*spans)
	}
	s := tx.deleted[it.client]
	if s == nil {
		s = new(spans)
		tx.deleted[it.client] = s
	}
	s.add(it.clock, it.end())
}

// add integrates a new item of a client.
func (d *Doc) add(it item, root, key []byte, parent ID) {
	dc := d.clients[it.client]
	if dc == nil {
		dc = new(docClient)
		d.clients[it.client] = dc
	}
	d.integrate(it, root, key, parent)
	dc.clock = it.end()
}

// settle takes note that the State has what was added of a client.
func (d *Doc) settle(client uint64) {
	dc := d.clients[client]
	if dc == nil {
		return
	}
	dc.source = d.state.look(client)
	dc.next = place{chunk: len(dc.source.runs.chunks)}
}
