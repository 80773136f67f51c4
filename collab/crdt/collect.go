package crdt

// Collect gives the document's state without what nobody can see any more, as Yjs
// has it after garbage collection: a deleted item keeps its ids and its place, but
// as content only a ContentDeleted; what is inside a deleted type becomes GC
// structs, which keep nothing but ids, and adjacent ones are joined. What is found
// to be deleted only by integrating it is so in the state, too. What waits for
// something missing stays as it is. The result doesn't refer to the document.
//
// What is collected can't be had again: no snapshot (see State.At) and no undo
// brings it back. And a GC struct hides what it was: who refers to one in an edit
// made elsewhere before has that edit collected as well. So it is for the whole
// document to be stored, never for an update to be sent.
func (d *Doc) Collect() *State {
	all := NewState()
	for c := range d.state.clients.sorted {
		copied := all.client(c.id)
		fates := d.fates(c.id)
		for chunk := range c.runs.chunks {
			for i := range chunk {
				rest := c.wire(&chunk[i])
				for len(fates) > 0 && fates[0].end <= rest.clock {
					fates = fates[1:]
				}
				all.collect(copied, rest, fates)
			}
		}
		for chunk := range c.dels.chunks {
			for _, e := range chunk {
				all.addDelete(copied, e.key, e.val)
			}
		}
	}
	return all
}

// fate says what collecting makes of a range of a client's clocks: the kind of
// struct that is left, contentGC or contentDeleted.
type fate struct {
	span
	kind byte
}

// fates finds what of a client's items is to be collected, by clock.
func (d *Doc) fates(client uint64) []fate {
	var all []fate
	d.eachItem(client, func(it *item) {
		if !it.isDeleted() {
			return
		}
		f := fate{span{it.clock, it.end()}, contentDeleted}
		switch {
		case it.kind() == contentGC:
			f.kind = contentGC
		case it.parent != 0:
			// All that is inside a deleted type is deleted: the nearest one tells.
			if holder := d.typ(it.parent).item; holder != 0 && d.item(holder).isDeleted() {
				f.kind = contentGC
			}
		}
		if n := len(all); n > 0 && all[n-1].end == f.start && all[n-1].kind == f.kind {
			all[n-1].end = f.end
			return
		}
		all = append(all, f)
	})
	return all
}

// collect adds a struct of which parts are to be collected; fates begin with the
// first that ends behind its start.
func (s *State) collect(c *clientState, rest wireStruct, fates []fate) {
	for end := rest.end(); rest.length > 0; {
		piece := rest
		switch {
		case len(fates) == 0 || fates[0].start >= end:
		case fates[0].start > rest.clock:
			piece.cutAfter(fates[0].start)
		default:
			piece.cutAfter(fates[0].end)
			piece.becomes(fates[0].kind)
			fates = fates[1:]
		}
		s.add(c, &piece)
		if piece.end() == end {
			return
		}
		rest.cutBefore(c.id, piece.end())
	}
}

// becomes makes w a GC struct or a ContentDeleted.
func (w *wireStruct) becomes(kind byte) {
	w.body, w.lead, w.trail = nil, false, false
	w.info = w.info&^contentMask | kind
	if kind == contentGC {
		*w = wireStruct{clock: w.clock, length: w.length, info: contentGC}
	}
}
