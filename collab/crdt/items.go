package crdt

// item is Yjs's Item or GC struct. It has no pointers, so that the garbage
// collector needs not look at items, and 56 bytes.
type item struct {
	clock, length uint32
	left, right   uint32 // neighbours in the parent's list or among a key's values
	origin        ref    // if info has hasOrigin
	rightOrigin   ref    // if info has hasRightOrigin
	parent        int32  // index of a type
	key           int32  // of the parent's map, 0 in its list
	holds         int32  // of a ContentType the index of its type, of others the bytes of their content
	client        uint32 // index
	low           uint32 // the lower bits of the content's offset in the client's data
	high          uint16 // the higher ones
	info          byte
	marks         byte
}

// ref is an id with the client's index for the client.
type ref struct{ client, clock uint32 }

// Marks of an item.
const (
	markDeleted = 1 << iota
	markLead    // half a surrogate pair, as U+FFFD, belongs before the content
	markTrail   // and one behind it
	markDraft   // the content is in Doc.draft
)

// slabSize is the number of items allocated together: few enough for a small
// document, and a number of bytes that the allocator has as a size.
const slabSize = 256

// item gives the item of that index, which must not be 0. The pointer is valid as
// long as the Doc is; what it shows is the item only until the next change, which
// may join the item to its neighbour.
func (d *Doc) item(i uint32) *item { return &d.slabs[i/slabSize][i%slabSize] }

// newItem gives the index of an unused item.
func (d *Doc) newItem() uint32 {
	if i := d.free; i != 0 {
		d.free = d.item(i).right
		return i
	}
	if d.used%slabSize == 0 {
		d.slabs = append(d.slabs, new([slabSize]item))
		if d.used == 0 {
			d.used = 1 // index 0 means none
		}
	}
	d.used++
	return d.used - 1
}

// giveBack makes an item's place free for another one.
func (d *Doc) giveBack(i uint32) {
	*d.item(i) = item{right: d.free}
	d.free = i
}

func (it *item) kind() byte { return it.info & contentMask }

func (it *item) end() uint32 { return it.clock + it.length }

func (it *item) isDeleted() bool { return it.marks&markDeleted != 0 }

// countable says whether an item counts in the length of its list, deleted or not
// (Yjs: Item.countable).
func (it *item) countable() bool {
	k := it.kind()
	return k != contentFormat && k != contentDeleted && k != contentGC
}

// inList says whether an item is linked with neighbours at all.
func (it *item) inList() bool { return it.kind() != contentGC }

// offset is where the content begins in the client's data.
func (it *item) offset() int { return int(it.high)<<32 | int(it.low) }

func (it *item) setOffset(n int) { it.low, it.high = uint32(n), uint16(n>>32) }

// size is the number of bytes of content there, for all but a ContentType.
func (it *item) size() int { return int(uint32(it.holds)) }

func (it *item) setSize(n int) { it.holds = int32(uint32(n)) }

// first and last are the refs of an item's first and last element.
func (it *item) first() ref { return ref{it.client, it.clock} }

func (it *item) last() ref { return ref{it.client, it.end() - 1} }

// id gives the id of an item's first element.
func (d *Doc) id(it *item) ID { return d.deref(it.first()) }

func (d *Doc) deref(r ref) ID { return ID{Client: d.clients[r.client].id, Clock: r.clock} }

// idAt gives the id of an item's n-th element.
func (d *Doc) idAt(it *item, n uint32) ID {
	return ID{Client: d.clients[it.client].id, Clock: it.clock + n}
}

// body gives an item's content as a wireStruct has it: nothing for a GC struct and
// for ContentDeleted. It must not be changed, and is valid until the next change
// of the Doc.
func (d *Doc) body(it *item) []byte {
	raw := d.raw(it)
	if it.marks&(markLead|markTrail) == 0 {
		return raw
	}
	b := make([]byte, 0, len(raw)+2*len(replacement))
	if it.marks&markLead != 0 {
		b = append(b, replacement...)
	}
	b = append(b, raw...)
	if it.marks&markTrail != 0 {
		b = append(b, replacement...)
	}
	return b
}

// raw is body without the halves of surrogate pairs at its ends.
func (d *Doc) raw(it *item) []byte {
	kind := it.kind()
	if kind == contentGC || kind == contentDeleted {
		return nil
	}
	data := d.draft
	if it.marks&markDraft == 0 {
		data = d.clients[it.client].source.data
	}
	start := it.offset()
	end := start + it.size()
	if kind == contentType {
		c := cursor{b: data, pos: start}
		if n := c.varUint(); n == typeXMLElement || n == typeXMLHook {
			c.varBytes()
		}
		end = c.pos
	}
	return data[start:end:end]
}
