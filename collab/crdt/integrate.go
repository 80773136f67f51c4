package crdt

// integrate puts an item where YATA orders it among concurrent ones, following
// Yjs's Item.getMissing and Item.integrate. All that it refers to is integrated.
func (d *Doc) integrate(it item, root, key []byte, parent ID) {
	i := uint32(len(d.items))
	dc := d.clients[it.client]
	if it.kind() != contentGC {
		d.neighbours(&it, root, key, parent)
		i = uint32(len(d.items)) // splitting has added items
		if it.parent == 0 {
			// What it belonged to is gone: it becomes a GC struct.
			it.info, it.content, it.deleted, it.left, it.right = contentGC, nil, true, 0, 0
		}
	}
	d.items = append(d.items, it)
	dc.structs.push(entry[uint32]{it.clock, i})
	if it.kind() == contentGC {
		return
	}
	d.resolve(i)
	d.link(i)
	me := &d.items[i]
	if me.kind() == contentType {
		t := d.readType(me.content, i)
		me = &d.items[i]
		me.holds = t
	}
	t := &d.types[me.parent]
	if t.item != 0 && d.items[t.item].deleted || me.key != 0 && me.right != 0 {
		d.delete(i)
	}
}

// neighbours finds left, right and parent.
func (d *Doc) neighbours(it *item, root, key []byte, parent ID) {
	if it.info&hasOrigin != 0 {
		it.left = d.cleanEnd(it.from)
	}
	if it.info&hasRightOrigin != 0 {
		it.right = d.cleanStart(it.before)
	}
	left, right := &d.items[it.left], &d.items[it.right]
	if it.left != 0 && left.kind() == contentGC || it.right != 0 && right.kind() == contentGC {
		return
	}
	switch {
	case it.left != 0:
		it.parent, it.key = left.parent, left.key
	case it.right != 0:
		it.parent, it.key = right.parent, right.key
	default:
		if root != nil {
			it.parent = d.root(root)
		} else if holder := &d.items[d.find(parent)]; holder.kind() == contentType {
			it.parent = holder.holds
		}
		if it.info&hasParentSub != 0 {
			it.key = d.key(key)
		}
	}
}

// first gives the leftmost item of the list or of the values of a key.
func (d *Doc) first(it *item) uint32 {
	t := &d.types[it.parent]
	if it.key == 0 {
		return t.start
	}
	o := t.values[it.key]
	for o != 0 && d.items[o].left != 0 {
		o = d.items[o].left
		d.steps++
	}
	return o
}

// sameOrigin says whether two items have equal origins.
func sameOrigin(a, b *item) bool {
	return (a.info^b.info)&hasOrigin == 0 && a.from == b.from
}

// resolve moves an item's left neighbour past the concurrent items that come
// before it.
func (d *Doc) resolve(i uint32) {
	me := &d.items[i]
	if me.left == 0 {
		if me.right != 0 && d.items[me.right].left == 0 {
			return
		}
	} else if d.items[me.left].right == me.right {
		return
	}
	left := me.left
	var o uint32
	if left != 0 {
		o = d.items[left].right
	} else {
		o = d.first(me)
	}
	// Marks stand for Yjs's sets: conflicting items and items before the origin.
	d.passed++
	d.conflict++
	for o != 0 && o != me.right {
		d.steps++
		other := &d.items[o]
		other.passed, other.conflict = d.passed, d.conflict
		if sameOrigin(me, other) {
			if other.client < me.client {
				left = o
				d.conflict++
			} else if (me.info^other.info)&hasRightOrigin == 0 && me.before == other.before {
				break
			}
		} else if other.info&hasOrigin != 0 {
			origin := &d.items[d.find(other.from)]
			if origin.passed != d.passed {
				break
			}
			if origin.conflict != d.conflict {
				left = o
				d.conflict++
			}
		} else {
			break
		}
		o = other.right
	}
	me.left = left
}

// link puts an item behind its left neighbour.
func (d *Doc) link(i uint32) {
	me := &d.items[i]
	t := &d.types[me.parent]
	if me.left != 0 {
		l := &d.items[me.left]
		me.right = l.right
		l.right = i
	} else {
		me.right = d.first(me)
		if me.key == 0 {
			t.start = i
		}
	}
	if me.right != 0 {
		d.items[me.right].left = i
		return
	}
	if me.key != 0 {
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
	todo := []uint32{i}
	for len(todo) > 0 {
		it := &d.items[todo[len(todo)-1]]
		todo = todo[:len(todo)-1]
		if it.deleted {
			continue
		}
		it.deleted = true
		if it.kind() != contentType {
			continue
		}
		t := &d.types[it.holds]
		for o := t.start; o != 0; o = d.items[o].right {
			if !d.items[o].deleted {
				todo = append(todo, o)
			}
		}
		for _, o := range t.values {
			todo = append(todo, o)
		}
	}
}

// deleteRange deletes a client's clocks [start, end), which are integrated.
func (d *Doc) deleteRange(dc *docClient, start, end uint32) {
	for start < end {
		i := d.cleanStart(ID{Client: dc.source.id, Clock: start})
		it := &d.items[i]
		if it.kind() != contentGC && it.end() > end && !it.deleted {
			d.split(i, end-it.clock)
			it = &d.items[i]
		}
		start = it.end()
		d.delete(i)
	}
}
