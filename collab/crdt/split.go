package crdt

import "unicode/utf8"

// has says whether the element of that id is integrated.
func (d *Doc) has(id ID) bool {
	dc := d.client(id.Client)
	return dc != nil && id.Clock < dc.clock
}

// find gives the item that holds id, which must be integrated.
func (d *Doc) find(id ID) uint32 {
	dc := d.client(id.Client)
	return dc.find(id.Clock)
}

// cleanStart gives the item that begins with id, splitting one if need be.
func (d *Doc) cleanStart(id ID) uint32 { return d.startAt(d.client(id.Client), id.Clock) }

// cleanEnd gives the item that ends with id, splitting one if need be.
func (d *Doc) cleanEnd(id ID) uint32 { return d.endAt(d.client(id.Client), id.Clock) }

// find gives the item that holds a clock, which must be integrated.
func (dc *docClient) find(clock uint32) uint32 {
	if l := dc.items.last(); l.key <= clock {
		return l.val
	}
	i, _ := dc.seek(clock)
	return i
}

// seek is find which gives the item's place among the client's items, too.
func (dc *docClient) seek(clock uint32) (uint32, place) {
	p, _ := dc.items.find(clock)
	return dc.items.at(p).val, p
}

// startAt is cleanStart of a client's clock.
func (d *Doc) startAt(dc *docClient, clock uint32) uint32 {
	i, p := dc.seek(clock)
	if it := d.item(i); it.clock < clock && it.inList() {
		i, _ = d.split(dc, i, p, clock-it.clock)
	}
	return i
}

// endAt is cleanEnd of a client's clock.
func (d *Doc) endAt(dc *docClient, clock uint32) uint32 {
	i, p := dc.seek(clock)
	if it := d.item(i); it.end() != clock+1 && it.inList() {
		d.split(dc, i, p, clock+1-it.clock)
	}
	return i
}

// split cuts an item of a client, which stands at p, behind its first n clocks and
// gives the right part and its place. A surrogate pair that is cut becomes U+FFFD twice, as in Yjs; the items
// only remember that, since a long string may be cut at each of its pairs, and
// copying its rest each time would not be linear.
func (d *Doc) split(dc *docClient, i uint32, p place, n uint32) (uint32, place) {
	j := d.newItem()
	left, right := d.item(i), d.item(j)
	at, cut := dc.contentOffset(left, d.raw(left), n)
	*right = *left
	right.clock += n
	right.length -= n
	right.origin = ref{left.client, right.clock - 1}
	right.info |= hasOrigin
	right.left = i
	left.length = n
	left.right = j
	if right.kind() != contentType {
		right.setOffset(left.offset() + at)
		right.setSize(left.size() - at)
		left.setSize(at)
	}
	left.marks &^= markTrail
	right.marks &^= markLead
	if cut {
		left.marks |= markTrail
		right.marks |= markLead
		right.setOffset(right.offset() + utf8.UTFMax)
		right.setSize(right.size() - utf8.UTFMax)
	}
	switch {
	case right.right != 0:
		d.item(right.right).left = j
	case right.key != 0:
		d.types[right.parent].values[right.key] = j
	}
	return j, dc.items.insertBehind(p, entry[uint32]{right.clock, j})
}

// About how many bytes of content lie between two anchors, and how many values.
const stride, valueStride = 1 << 12, 1 << 8

// contentOffset gives the place in an item's content of its n-th element, n at
// least one, and whether that cuts a surrogate pair, as bodyOffset does. In long
// content it leaves anchors on its way, offsets in the client's data by clock, and
// begins at the last one: cutting a string everywhere takes linear time in all.
func (dc *docClient) contentOffset(it *item, raw []byte, n uint32) (at int, cut bool) {
	kind := it.kind()
	start := it.clock
	if it.marks&markLead != 0 {
		start++
		n--
	}
	if len(raw) <= stride || it.marks&markDraft != 0 {
		return bodyOffset(kind, raw, n)
	}
	done := uint32(0) // elements before at
	if p, ok := dc.anchors.find(start + n); ok {
		if a := dc.anchors.at(p); a.key > start {
			at, done = a.val-it.offset(), a.key-start
		}
	}
	for anchor, values := at, 0; done < n && at < len(raw); {
		step := uint32(1)
		if kind == contentString {
			step = min(n-done, stride)
		}
		size, cut := bodyOffset(kind, raw[at:], step)
		at += size
		if done += step; cut {
			if done == n {
				return at, true
			}
			done--
		}
		values++
		if at-anchor >= stride || values == valueStride {
			dc.anchors.insert(entry[int]{start + done, it.offset() + at})
			anchor, values = at, 0
		}
	}
	return at, false
}

// join joins an item to its left neighbour if they are one in Yjs's sense
// (Item.mergeWith) and their content is in one piece, and says whether it did.
func (d *Doc) join(dc *docClient, i uint32) bool {
	right := d.item(i)
	if right.left == 0 || right.key != 0 || right.info&hasOrigin == 0 {
		return false
	}
	left := d.item(right.left)
	kind := right.kind()
	switch {
	case kind != left.kind() || kind != contentString && kind != contentDeleted:
		return false
	case right.origin != left.last() || right.first() != ref{left.client, left.end()}:
		return false
	case (left.info^right.info)&hasRightOrigin != 0 || left.rightOrigin != right.rightOrigin:
		return false
	case left.marks != right.marks || left.marks&^markDeleted != 0:
		return false
	case kind == contentString && left.offset()+left.size() != right.offset():
		return false
	}
	left.length += right.length
	if kind == contentString {
		left.setSize(left.size() + right.size())
	}
	left.right = right.right
	if left.right != 0 {
		d.item(left.right).left = right.left
	}
	p, _ := dc.items.find(right.clock)
	dc.items.remove(p)
	d.giveBack(i)
	return true
}
