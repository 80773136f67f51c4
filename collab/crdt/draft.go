package crdt

// Items that an Edit makes are drafts: they are integrated at once, so that the
// next step finds them, but the State gets them only with the whole transaction.
// Until then their content is in Doc.draft.

// add integrates a new item of dc, behind all that is integrated of it. The
// content is copied.
func (d *Doc) add(dc *docClient, in incoming, body []byte) {
	in.client = dc.index
	in.clock = dc.clock
	in.marks |= markDraft
	in.setOffset(len(d.draft))
	in.setSize(len(body))
	d.draft = append(d.draft, body...)
	d.integrate(dc, in)
	dc.clock += in.length
}

// settle finds the content of a client's drafts from a clock on in the State,
// which has them now. What the transaction has deleted again may be there as
// ContentDeleted.
func (d *Doc) settle(dc *docClient, start uint32) {
	d.draft = nil
	dc.source = d.state.look(dc.id)
	if dc.clock == start {
		return
	}
	var e *entry[run]
	clock, at := uint32(0), 0 // a place in e and its offset in the body
	p, _ := dc.items.find(start)
	for i := dc.items.at(p); i != nil; i = dc.items.at(p) {
		p = dc.items.next(p)
		it := d.item(i.val)
		if it.marks&markDraft == 0 {
			continue
		}
		it.marks &^= markDraft
		if e == nil || e.key+e.val.length <= it.clock {
			e = dc.source.runFrom(it.clock)
			clock, at = e.key, 0
		}
		r := &e.val
		if r.kind() == contentDeleted {
			it.info = it.info&^contentMask | contentDeleted
			it.marks &^= markLead | markTrail
			continue
		}
		from := it.clock
		if it.marks&markLead != 0 {
			from++
		}
		begin, end := r.bodyAt()
		body := dc.source.data[begin:end]
		if from > clock {
			size, _ := bodyOffset(r.kind(), body[at:], from-clock)
			clock, at = from, at+size
		}
		it.setOffset(begin + at)
	}
	e = dc.source.runs.last()
	_, dc.offset = e.val.bodyAt()
}
