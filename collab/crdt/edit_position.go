package crdt

import "slices"

// maxMarkers bounds the search markers of a type, as Yjs's maxSearchMarker does.
const maxMarkers = 80

// markerStride is how many items a search passes before it leaves a marker on its way.
const markerStride = 512

// searchMarkers remembers where in a list some of its items are, so that a search
// by index can begin near its goal (Yjs: ArraySearchMarker). Unlike Yjs's, markers
// know the attributes at their place, and so serve formatted text as well.
type searchMarkers struct {
	list []searchMarker
	tick uint64
}

// searchMarker says that so much countable content is before an item that is not
// deleted and counts itself.
type searchMarker struct {
	item    uint32
	index   int
	current attributes // in force before the item; never changed
	used    uint64     // tick of the last use
}

// position is a place between two items of a list, either of which may be missing
// (Yjs: ItemTextListPosition).
type position struct {
	left, right uint32
	index       int        // countable content before it
	current     attributes // in force here; to be cloned before it is changed
}

// markers gives the search markers of a type.
func (d *Doc) markers(t int32) *searchMarkers {
	m := d.edits.markers[t]
	if m == nil {
		m = new(searchMarkers)
		if d.edits.markers == nil {
			d.edits.markers = make(map[int32]*searchMarkers)
		}
		d.edits.markers[t] = m
	}
	return m
}

// shift moves the markers at or behind index after n elements came there.
func (m *searchMarkers) shift(index, n int) {
	for i := range m.list {
		if k := &m.list[i]; k.index >= index {
			k.index += n
		}
	}
}

// cut moves the markers behind n elements that are deleted from index on, and
// forgets those at them.
func (m *searchMarkers) cut(index, n int) {
	kept := m.list[:0]
	for _, k := range m.list {
		switch {
		case k.index < index:
		case k.index < index+n:
			continue
		default:
			k.index -= n
		}
		kept = append(kept, k)
	}
	m.list = kept
}

// forget drops the markers from index on, for whose attributes nobody can vouch.
func (m *searchMarkers) forget(index int) {
	kept := m.list[:0]
	for _, k := range m.list {
		if k.index < index {
			kept = append(kept, k)
		}
	}
	m.list = kept
}

// drop forgets an item.
func (m *searchMarkers) drop(item uint32) {
	m.list = slices.DeleteFunc(m.list, func(k searchMarker) bool { return k.item == item })
}

// mark remembers the place of an item, in the stead of the marker used longest ago.
func (m *searchMarkers) mark(k searchMarker) {
	m.tick++
	k.used = m.tick
	oldest := 0
	for i := range m.list {
		if m.list[i].item == k.item {
			m.list[i] = k
			return
		}
		if m.list[i].used < m.list[oldest].used {
			oldest = i
		}
	}
	if len(m.list) < maxMarkers {
		m.list = append(m.list, k)
		return
	}
	m.list[oldest] = k
}

// nearest gives the marker nearest to index; with before set, of those before it.
func (m *searchMarkers) nearest(index int, before bool) *searchMarker {
	var best *searchMarker
	distance := 0
	for i := range m.list {
		k := &m.list[i]
		away := index - k.index
		if away <= 0 {
			if before {
				continue
			}
			away = -away
		}
		if best == nil || away < distance {
			best, distance = k, away
		}
	}
	return best
}

// seek finds the place directly behind the index-th countable element of a list,
// and splits the item there if need be.
func (d *Doc) seek(t int32, index int) (position, error) {
	pos, ok := d.search(t, index)
	if !ok {
		return pos, editError("index %d is out of range", index)
	}
	if index == 0 {
		return pos, nil
	}
	it := d.item(pos.left)
	if n := index - pos.index; n < int(it.length) {
		if d.cuts(it, n) {
			return pos, editError("index %d is inside a surrogate pair", index)
		}
		d.cleanStart(d.idAt(it, uint32(n)))
	}
	return position{left: pos.left, right: d.item(pos.left).right, index: index, current: pos.current}, nil
}

// cuts says whether a cut behind the first n elements of an item goes through a
// surrogate pair. Yjs makes both halves U+FFFD then, and does so even where nothing
// of it reaches the other peers, so that the documents differ; we refuse it.
func (d *Doc) cuts(it *item, n int) bool {
	if it.kind() != contentString {
		return false
	}
	_, cut := bodyOffset(contentString, d.body(it), uint32(n))
	return cut
}

// measure says how many of the n elements behind an item's beginning are lacking
// in the list. It is an error if they end inside a surrogate pair.
func (d *Doc) measure(i uint32, n int, counts func(*item) bool) (lacking int, err error) {
	for ; i != 0 && n > 0; i = d.item(i).right {
		it := d.item(i)
		if it.isDeleted() || !counts(it) {
			continue
		}
		if n < int(it.length) && d.cuts(it, n) {
			return 0, editError("a range ends inside a surrogate pair")
		}
		n -= int(it.length)
	}
	return max(n, 0), nil
}

// search finds the item that holds the index-th countable element, or for 0 the
// beginning: it is the left one of the position, whose index and attributes are
// those before it.
func (d *Doc) search(t int32, index int) (position, bool) {
	start := position{right: d.typ(t).start}
	if index <= 0 {
		return start, index == 0
	}
	m := d.markers(t)
	at := position{right: d.typ(t).start}
	if k := m.nearest(index, false); k != nil {
		m.tick++
		k.used = m.tick
		from := position{right: k.item, index: k.index, current: k.current}
		if k.index < index {
			at = from
		} else if back, ok := d.searchLeft(from, index); ok {
			m.mark(searchMarker{item: back.left, index: back.index, current: back.current})
			return back, true
		} else if k := m.nearest(index, true); k != nil {
			at = position{right: k.item, index: k.index, current: k.current}
		}
	}
	return d.searchRight(m, at, index)
}

// searchRight goes on from at, which is before the element sought.
func (d *Doc) searchRight(m *searchMarkers, at position, index int) (position, bool) {
	shared := true // whether at.current is also that of a marker
	for i, passed := at.right, 1; i != 0; passed++ {
		it := d.item(i)
		switch {
		case it.isDeleted():
		case it.kind() == contentFormat:
			if shared {
				at.current, shared = at.current.clone(), false
			}
			at.current.update(d.format(i))
		case it.countable():
			n := int(it.length)
			found := index <= at.index+n
			if found || passed%markerStride == 0 {
				m.mark(searchMarker{item: i, index: at.index, current: at.current})
				shared = true
			}
			if found {
				at.left, at.right = i, it.right
				return at, true
			}
			at.index += n
		}
		i = it.right
	}
	return position{}, false
}

// searchLeft goes back from an item at or behind the element sought. It gives up
// at a format, since what was in force before that is not known.
func (d *Doc) searchLeft(from position, index int) (position, bool) {
	for i := d.item(from.right).left; i != 0; {
		it := d.item(i)
		switch {
		case it.isDeleted():
		case it.kind() == contentFormat:
			return position{}, false
		case it.countable():
			from.index -= int(it.length)
			if from.index < index {
				from.left, from.right = i, it.right
				return from, true
			}
		}
		i = it.left
	}
	return position{}, false
}
