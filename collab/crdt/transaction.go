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
	right   ref // its right origin, if has
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
	if dc := d.client(client); dc != nil {
		clock = dc.clock
	}
	c := d.state.look(client)
	if c == nil {
		return clock, nil
	}
	if start, end := c.first(); c.stretches != nil || start != 0 || end != clock {
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
	for i := uint32(1); i < d.used; i++ {
		it := d.item(i)
		it.parent = to[it.parent]
		if it.kind() == contentType {
			it.holds = to[it.holds]
		}
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
	if tx.count > 0 {
		dc := d.client(tx.client)
		d.settle(dc, tx.start)
		d.joinRange(dc, tx.start, tx.clock)
	}
	for client, dels := range tx.deleted {
		for chunk := range dels.chunks {
			for _, e := range chunk {
				d.joinRange(d.client(client), e.key, e.val)
			}
		}
	}
}

// joinRange joins the items of a client's clocks [start, end) to their neighbours,
// where they are one, so that typing doesn't leave an item for each letter.
func (d *Doc) joinRange(dc *docClient, start, end uint32) {
	for start < end {
		i := dc.find(start)
		it := d.item(i)
		if start = it.end(); !it.inList() {
			continue
		}
		right := it.right
		d.joinMarked(dc, i)
		if right != 0 && d.item(right).client == dc.index {
			d.joinMarked(dc, right)
		}
	}
}

// joinMarked is join of an item to which a search marker may point.
func (d *Doc) joinMarked(dc *docClient, i uint32) {
	t := d.item(i).parent
	if d.join(dc, i) && d.edits.markers[t] != nil {
		d.edits.markers[t].drop(i)
	}
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
		for chunk := range dels.chunks {
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
	in := incoming{item: item{length: c.length, info: c.kind}}
	if left != 0 {
		in.info |= hasOrigin
		in.origin = d.item(left).last()
	}
	if right != 0 {
		in.info |= hasRightOrigin
		in.rightOrigin = d.item(right).first()
	}
	if key != 0 {
		if left != 0 && d.item(left).right == 0 {
			tx.delete(left) // integrating does so as well, but nobody would note it
		}
		in.info |= hasParentSub
		in.key = []byte(d.keyName(key))
	}
	if left == 0 && right == 0 {
		if holder := d.typ(t).item; holder != 0 {
			in.holder = d.item(holder).first()
		} else {
			name, _ := tx.rootName(t)
			in.inRoot, in.root = true, []byte(name)
		}
	}
	dc := d.clientOf(tx.client)
	tx.write(&in, c)
	tx.clock += c.length
	d.add(dc, in, c.body)
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
func (tx *Tx) write(in *incoming, c content) {
	d := tx.d
	if tx.last.open && c.kind == contentAny && tx.continuesAny(&in.item) {
		b := tx.structs
		head := lib0.VarUintLen(uint64(tx.last.length))
		tx.last.length += c.length
		n := lib0.AppendVarUint(make([]byte, 0, hole), uint64(tx.last.length))
		b = slices.Replace(b, tx.last.countAt, tx.last.countAt+head, n...)
		tx.structs = append(b, c.body...)
		return
	}
	tx.count++
	b := append(tx.structs, in.info)
	if in.info&hasOrigin != 0 {
		b = putID(b, d.deref(in.origin))
	}
	if in.info&hasRightOrigin != 0 {
		b = putID(b, d.deref(in.rightOrigin))
	}
	if in.info&(hasOrigin|hasRightOrigin) == 0 {
		if in.inRoot {
			b = lib0.AppendVarBytes(append(b, 1), in.root)
		} else {
			b = putID(append(b, 0), d.deref(in.holder))
		}
		if in.info&hasParentSub != 0 {
			b = lib0.AppendVarBytes(b, in.key)
		}
	}
	tx.last = lastAny{}
	switch c.kind {
	case contentString:
		b = lib0.AppendVarUint(b, uint64(len(c.body)))
	case contentAny, contentJSON:
		tx.last = lastAny{c.kind == contentAny && in.info&hasParentSub == 0, len(b), c.length, in.rightOrigin, in.info&hasRightOrigin != 0}
		b = lib0.AppendVarUint(b, uint64(c.length))
	}
	tx.structs = append(b, c.body...)
}

// continuesAny says whether an item joins the ContentAny that was written last.
func (tx *Tx) continuesAny(it *item) bool {
	dc := tx.d.clientOf(tx.client)
	if it.info&hasOrigin == 0 || it.origin != (ref{dc.index, dc.clock - 1}) {
		return false
	}
	return tx.last.has == (it.info&hasRightOrigin != 0) && tx.last.right == it.rightOrigin && !tx.d.item(dc.find(it.origin.clock)).isDeleted()
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
	client := tx.d.id(it).Client
	s := tx.deleted[client]
	if s == nil {
		s = new(spans)
		tx.deleted[client] = s
	}
	s.add(it.clock, it.end())
}
