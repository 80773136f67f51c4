package crdt

import (
	"cmp"
	"slices"
)

// Undo takes a change back by a forward edit: what of inserted is still there is
// deleted, and what of deleted was taken away is inserted again, under new ids, at
// its place: beside what was beside it, into what its parent was put back as, at
// its key. Others' changes since then stay. It follows what Yjs's UndoManager does
// for the StackItem of these two sets.
//
// What is in both sets came and went with the change, and stays away. So does what
// was collected meanwhile, what belongs to a type that is deleted and not in the
// set itself, and the value of a key that somebody else has set since.
//
// UndoManager remembers what it has put back for what. An edit has no such memory:
// to take back a change after a later one was taken back, unite its ids with those
// of the later change and of its undoing (Update.Inserts, Update.Deletes). To redo,
// undo the undoing.
func (tx *Tx) Undo(inserted, deleted IDSet) error {
	if tx.err != nil {
		return tx.err
	}
	if tx.d.edits.active != tx {
		return tx.fail(editError("undo outside its transaction"))
	}
	u := undoing{tx: tx, inserted: inserted, lost: deleted.Subtract(inserted)}
	gone := tx.d.itemsOf(inserted, false)
	lost := tx.d.itemsOf(u.lost, true)
	if err := tx.room(uint64(u.lost.Len())); err != nil {
		return tx.fail(err)
	}
	tx.d.edits.markers = nil
	for _, i := range lost {
		u.redo(i)
	}
	// Children before parents, as Yjs does it.
	for _, i := range slices.Backward(gone) {
		tx.delete(i)
	}
	return nil
}

// itemsOf gives the deleted items, or those that aren't, that hold exactly the ids
// of a set, as far as they are integrated and not collected, in the set's order.
func (d *Doc) itemsOf(s IDSet, deleted bool) []uint32 {
	var items []uint32
	for id, n := range s.Ranges() {
		dc := d.client(id.Client)
		if dc == nil || id.Clock >= dc.clock {
			continue
		}
		end := id.Clock + min(n, dc.clock-id.Clock)
		for id.Clock < end {
			it := d.item(d.find(id))
			if it.isDeleted() != deleted || it.kind() == contentGC || it.kind() == contentDeleted {
				id.Clock = it.end()
				continue
			}
			i := d.cleanStart(id)
			if d.item(i).end() > end {
				d.cleanEnd(ID{Client: id.Client, Clock: end - 1})
			}
			items = append(items, i)
			id.Clock = d.item(i).end()
		}
	}
	return items
}

// undoing is an Undo at work.
type undoing struct {
	tx             *Tx
	inserted, lost IDSet
	todo           []remade
}

// remade is a deleted type and the one that was made in its stead.
type remade struct{ old, new int32 }

// isLost says whether an item is to be put back, and can be.
func (u *undoing) isLost(it *item) bool {
	return it.isDeleted() && it.kind() != contentDeleted && it.kind() != contentGC && u.lost.Has(u.tx.d.id(it))
}

// redo puts an item back whose parent is still there, and all that was in it and
// is lost, too (Yjs: redoItem).
func (u *undoing) redo(i uint32) {
	d := u.tx.d
	it := d.item(i)
	if !u.isLost(it) {
		return
	}
	if holder := d.typ(it.parent).item; holder != 0 && d.item(holder).isDeleted() {
		return // its turn comes with its parent, if at all
	}
	if it.key == 0 {
		u.copy(i, it.parent, it.left, i)
	} else if u.latest(it) {
		u.copy(i, it.parent, d.typ(it.parent).values[it.key], 0)
	}
	for len(u.todo) > 0 {
		r := u.todo[len(u.todo)-1]
		u.todo = u.todo[:len(u.todo)-1]
		u.refill(r)
	}
}

// latest says whether all later values of an item's key are taken away by this
// undo. Otherwise the key is somebody else's by now.
func (u *undoing) latest(it *item) bool {
	for o := it.right; o != 0; o = u.tx.d.item(o).right {
		if !u.inserted.Has(u.tx.d.id(u.tx.d.item(o))) {
			return false
		}
	}
	return true
}

// copy makes an item again and gives the copy.
func (u *undoing) copy(i uint32, parent int32, left, right uint32) uint32 {
	d := u.tx.d
	it := d.item(i)
	c := content{it.kind(), d.body(it), it.length}
	key, held := it.key, it.holds
	made := u.tx.insert(parent, left, right, key, c)
	if c.kind == contentType && !d.item(made).isDeleted() {
		u.todo = append(u.todo, remade{held, d.item(made).holds})
	}
	return made
}

// refill puts what is lost of a type's content into the type made in its stead.
// That one is new: the copies simply follow each other.
func (u *undoing) refill(r remade) {
	d := u.tx.d
	last := uint32(0)
	for i := d.typ(r.old).start; i != 0; i = d.item(i).right {
		if u.isLost(d.item(i)) {
			last = u.copy(i, r.new, last, 0)
		}
	}
	values := d.typ(r.old).values
	keys := make([]int32, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b int32) int { return cmp.Compare(d.keyName(a), d.keyName(b)) })
	for _, k := range keys {
		i := values[k]
		for i != 0 && u.inserted.Has(d.id(d.item(i))) {
			i = d.item(i).left
		}
		if i != 0 && u.isLost(d.item(i)) {
			u.copy(i, r.new, 0, 0)
		}
	}
}
