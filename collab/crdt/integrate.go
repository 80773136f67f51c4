package crdt

// incoming is a struct to be integrated, with what it says about its parent: a
// root's name or the id of the item that holds it, and a map key.
type incoming struct {
	item
	inRoot    bool
	root, key []byte
	holder    ref
}

// advanceRun integrates what a run has from the client's clock on. It says false
// if that depends on something missing; the client then waits for it.
func (d *Doc) advanceRun(dc *docClient, e *entry[run]) bool {
	r := &e.val
	_, end := r.bodyAt()
	if e.key == dc.clock {
		in, ok := d.read(dc, e)
		if !ok {
			return false
		}
		d.integrate(dc, in)
	} else if !d.extend(dc, e, end) {
		d.integrate(dc, d.readRest(dc, e, end))
		d.join(dc, dc.items.last().val)
	}
	dc.clock = e.key + r.length
	dc.offset = end
	return true
}

// extend makes the last item of a client longer by what continues its run, if it
// would be put right behind it and be one with it: so it is with a typed letter.
func (d *Doc) extend(dc *docClient, e *entry[run], end int) bool {
	r := &e.val
	it := d.item(dc.items.last().val)
	switch {
	case it.kind() != r.kind() || it.marks&markTrail != 0:
		return false
	case it.kind() == contentGC:
	case it.kind() == contentString && it.isDeleted() || it.key != 0:
		return false
	case it.info&hasRightOrigin == 0:
		if it.right != 0 {
			return false
		}
	case it.right == 0 || d.item(it.right).first() != it.rightOrigin:
		return false
	}
	it.length = e.key + r.length - it.clock
	if it.kind() == contentString {
		it.setSize(end - it.offset())
	}
	return true
}

// readRest makes an item of what a run has from the client's clock on.
func (d *Doc) readRest(dc *docClient, e *entry[run], end int) incoming {
	r := &e.val
	in := incoming{item: item{
		clock:  dc.clock,
		length: e.key + r.length - dc.clock,
		client: dc.index,
		info:   r.info,
	}}
	if r.kind() == contentGC {
		in.marks = markDeleted
		return in
	}
	in.info |= hasOrigin
	in.origin = ref{dc.index, dc.clock - 1}
	if r.info&hasRightOrigin != 0 {
		head := cursor{b: dc.source.data, pos: int(r.start) + int(r.right)}
		in.rightOrigin, _ = d.ref(head.id())
	}
	if r.kind() == contentDeleted {
		in.marks = markDeleted
	}
	in.setOffset(dc.offset)
	in.setSize(end - dc.offset)
	return in
}

// read makes an item of a run. It says false if the run depends on something
// missing; the client then waits for it.
func (d *Doc) read(dc *docClient, e *entry[run]) (incoming, bool) {
	r := &e.val
	in := incoming{item: item{clock: e.key, length: r.length, client: dc.index, info: r.info}}
	kind := r.kind()
	if kind == contentGC || kind == contentDeleted {
		in.marks = markDeleted
	}
	if kind == contentGC {
		return in, true
	}
	head := cursor{b: dc.source.data, pos: int(r.start)}
	var ok bool
	if r.info&hasOrigin != 0 {
		if in.origin, ok = d.need(dc, head.id()); !ok {
			return in, false
		}
	}
	if r.info&hasRightOrigin != 0 {
		if in.rightOrigin, ok = d.need(dc, head.id()); !ok {
			return in, false
		}
	}
	if r.info&(hasOrigin|hasRightOrigin) == 0 {
		if in.inRoot = head.varUint() == 1; in.inRoot {
			in.root = head.varBytes()
		} else if in.holder, ok = d.need(dc, head.id()); !ok {
			return in, false
		}
		if r.info&hasParentSub != 0 {
			in.key = head.varBytes()
		}
	}
	in.setOffset(int(r.start) + int(r.head))
	in.setSize(int(r.body))
	return in, true
}

// ref gives the ref of an id, and whether that is integrated.
func (d *Doc) ref(id ID) (ref, bool) {
	dc := d.client(id.Client)
	if dc == nil {
		return ref{}, false
	}
	return ref{dc.index, id.Clock}, id.Clock < dc.clock
}

// need is ref of an id without which dc cannot go on; if it is not integrated
// then dc waits for it. What a client refers to of its own is.
func (d *Doc) need(dc *docClient, id ID) (ref, bool) {
	if id.Client == dc.id {
		return ref{dc.index, id.Clock}, true
	}
	r, ok := d.ref(id)
	if !ok {
		on := d.clientOf(id.Client)
		on.waiting = pushWait(on.waiting, wait[*docClient]{id.Clock, dc})
		dc.blocked = true
	}
	return r, ok
}

// integrate puts an item where YATA orders it among concurrent ones, following
// Yjs's Item.getMissing and Item.integrate. All that it refers to is integrated.
func (d *Doc) integrate(dc *docClient, in incoming) {
	if in.inList() && !d.neighbours(&in) {
		// What it belonged to is gone: it becomes a GC struct.
		in.item = item{clock: in.clock, length: in.length, client: in.client, info: contentGC, marks: markDeleted}
	}
	if !in.inList() {
		d.addGC(dc, &in.item)
		return
	}
	i := d.newItem()
	me := d.item(i)
	*me = in.item
	dc.items.push(entry[uint32]{me.clock, i})
	d.resolve(me)
	d.link(i)
	if me.kind() == contentType {
		me.holds = d.readType(d.body(me), i)
	}
	if holder := d.types[me.parent].item; holder != 0 && d.item(holder).isDeleted() || me.key != 0 && me.right != 0 {
		d.delete(i)
	}
}

// addGC adds a GC struct, or makes the one before it longer.
func (d *Doc) addGC(dc *docClient, it *item) {
	if l := dc.items.last(); l != nil {
		if before := d.item(l.val); before.kind() == contentGC {
			before.length += it.length
			return
		}
	}
	i := d.newItem()
	*d.item(i) = *it
	dc.items.push(entry[uint32]{it.clock, i})
}

// neighbours finds left, right and parent. It says false if there is no parent.
func (d *Doc) neighbours(in *incoming) bool {
	var left, right *item
	if in.info&hasOrigin != 0 {
		in.left = d.endAt(d.clients[in.origin.client], in.origin.clock)
		left = d.item(in.left)
	}
	if in.info&hasRightOrigin != 0 {
		if left != nil && left.right != 0 && d.item(left.right).first() == in.rightOrigin {
			in.right = left.right
		} else {
			in.right = d.startAt(d.clients[in.rightOrigin.client], in.rightOrigin.clock)
		}
		right = d.item(in.right)
	}
	if left != nil && left.kind() == contentGC || right != nil && right.kind() == contentGC {
		return false
	}
	switch {
	case left != nil:
		in.parent, in.item.key = left.parent, left.key
	case right != nil:
		in.parent, in.item.key = right.parent, right.key
	default:
		if in.inRoot {
			in.parent = d.root(in.root)
		} else if holder := d.item(d.clients[in.holder.client].find(in.holder.clock)); holder.kind() == contentType {
			in.parent = holder.holds
		}
		if in.info&hasParentSub != 0 {
			in.item.key = d.key(in.key)
		}
	}
	return in.parent != 0
}

// leftmost gives the first item of the list or of the values of a key.
func (d *Doc) leftmost(it *item) uint32 {
	t := &d.types[it.parent]
	if it.key == 0 {
		return t.start
	}
	o := t.values[it.key]
	for o != 0 && d.item(o).left != 0 {
		o = d.item(o).left
		d.conflicts.steps++
	}
	return o
}

// link puts an item behind its left neighbour.
func (d *Doc) link(i uint32) {
	me := d.item(i)
	if me.left != 0 {
		l := d.item(me.left)
		me.right = l.right
		l.right = i
	} else {
		me.right = d.leftmost(me)
		if me.key == 0 {
			d.types[me.parent].start = i
		}
	}
	if me.right != 0 {
		d.item(me.right).left = i
		return
	}
	if me.key != 0 {
		t := &d.types[me.parent]
		if t.values == nil {
			t.values = make(map[int32]uint32)
		}
		t.values[me.key] = i
		if me.left != 0 {
			d.delete(me.left)
		}
	}
}

// delete marks an item as deleted, and all that is inside it.
func (d *Doc) delete(i uint32) {
	it := d.item(i)
	if it.isDeleted() {
		return
	}
	it.marks |= markDeleted
	if it.kind() != contentType {
		return
	}
	todo := []int32{it.holds}
	mark := func(i uint32) {
		it := d.item(i)
		if !it.isDeleted() && it.kind() == contentType {
			todo = append(todo, it.holds)
		}
		it.marks |= markDeleted
	}
	for len(todo) > 0 {
		t := &d.types[todo[len(todo)-1]]
		todo = todo[:len(todo)-1]
		for o := t.start; o != 0; o = d.item(o).right {
			mark(o)
		}
		for _, o := range t.values {
			mark(o)
		}
	}
}

// deleteRange deletes a client's clocks [start, end), which are integrated.
func (d *Doc) deleteRange(dc *docClient, start, end uint32) {
	for start < end {
		i, p := dc.seek(start)
		it := d.item(i)
		if it.isDeleted() {
			start = it.end()
			continue
		}
		if it.clock < start {
			i, p = d.split(dc, i, p, start-it.clock)
			it = d.item(i)
		}
		if it.end() > end {
			d.split(dc, i, p, end-it.clock)
		}
		start = it.end()
		d.delete(i)
		right := it.right
		d.join(dc, i)
		if right != 0 && d.item(right).client == dc.index {
			d.join(dc, right)
		}
	}
}
