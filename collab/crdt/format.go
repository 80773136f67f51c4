package crdt

import "bytes"

// What this file does follows Yjs's YText.js, function by function: to get the
// same formats from the same calls, the same format items have to be made and
// deleted in the same places.

// format gives what an item that is a ContentFormat sets.
func (d *Doc) format(i uint32) attribute {
	c := cursor{b: d.body(d.item(i))}
	key := string(c.varBytes())
	return attribute{key: key, value: parseJSON(c.varBytes()), source: i}
}

// isFormat says whether an item is a ContentFormat in force.
func (it *item) isFormat() bool { return it.kind() == contentFormat && !it.isDeleted() }

// forward moves a position, which must not be at the end, over the item behind it.
func (tx *Tx) forward(p *position) {
	it := tx.d.item(p.right)
	if !it.isDeleted() {
		if it.kind() == contentFormat {
			p.current.update(tx.d.format(p.right))
		} else {
			p.index += int(it.length)
		}
	}
	p.left, p.right = p.right, it.right
}

// insertAt makes an item at a position and moves over it.
func (tx *Tx) insertAt(t int32, p *position, c content) {
	i := tx.insert(t, p.left, p.right, 0, c)
	switch c.kind {
	case contentFormat:
		p.current.update(tx.d.format(i))
	default:
		p.index += int(c.length)
	}
	p.left, p.right = i, tx.d.item(i).right
}

// insertFormat makes a format item at a position and moves over it.
func (tx *Tx) insertFormat(t int32, p *position, a attribute) {
	tx.d.markers(t).forget(p.index)
	tx.insertAt(t, p, formatContent(a))
}

// deleteFormat deletes a format item behind index.
func (tx *Tx) deleteFormat(t int32, index int, i uint32) {
	tx.d.markers(t).forget(index)
	tx.delete(i)
}

// insertNegated ends formats, or brings back what was in force, unless what is
// behind the position does so already (insertNegatedAttributes).
func (tx *Tx) insertNegated(t int32, p *position, negated attributes) {
	for p.right != 0 {
		if it := tx.d.item(p.right); !it.isDeleted() {
			if it.kind() != contentFormat {
				break
			}
			f := tx.d.format(p.right)
			if a, ok := negated.get(f.key); !ok || !a.equal(f) {
				break
			}
			negated.remove(f.key)
		}
		tx.forward(p)
	}
	for _, a := range negated {
		tx.insertFormat(t, p, a)
	}
}

// minimize moves a position over what changes nothing about the attributes wanted
// (minimizeAttributeChanges).
func (tx *Tx) minimize(p *position, wanted attributes) {
	for p.right != 0 {
		if it := tx.d.item(p.right); !it.isDeleted() {
			if it.kind() != contentFormat {
				return
			}
			f := tx.d.format(p.right)
			if a, _ := wanted.get(f.key); !a.equal(f) {
				return
			}
		}
		tx.forward(p)
	}
}

// insertAttributes begins the attributes wanted that aren't in force, and gives
// what has to come back behind them.
func (tx *Tx) insertAttributes(t int32, p *position, wanted attributes) attributes {
	var negated attributes
	for _, a := range wanted {
		if now, _ := p.current.get(a.key); !now.equal(a) {
			negated.set(now)
			tx.insertFormat(t, p, a)
		}
	}
	return negated
}

// insertText puts content with exactly the attributes wanted at a position.
func (tx *Tx) insertText(t int32, p *position, c content, wanted attributes) {
	for _, a := range p.current {
		if _, ok := wanted.get(a.key); !ok {
			wanted.setProperty(attribute{key: a.key})
		}
	}
	tx.minimize(p, wanted)
	negated := tx.insertAttributes(t, p, wanted)
	tx.d.markers(t).shift(p.index, int(c.length))
	tx.insertAt(t, p, c)
	tx.insertNegated(t, p, negated)
}

// formatText gives attributes to the n elements behind a position. If there are
// less, line breaks are added, since Quill, whose delta this is, thinks of a
// document as ending with one.
func (tx *Tx) formatText(t int32, p *position, n int, wanted attributes) {
	d := tx.d
	tx.minimize(p, wanted)
	negated := tx.insertAttributes(t, p, wanted)
	for p.right != 0 {
		it := d.item(p.right)
		if n == 0 && (len(negated) == 0 || !it.isDeleted() && it.kind() != contentFormat) {
			break
		}
		switch {
		case it.isDeleted():
		case it.kind() == contentFormat:
			f := d.format(p.right)
			a, ok := wanted.get(f.key)
			if !ok {
				p.current.set(f)
				break
			}
			if a.equal(f) {
				negated.remove(f.key)
			} else if n == 0 {
				// Farther than the end of the range nothing needs to come back.
				tx.insertNegated(t, p, negated)
				return
			} else {
				negated.set(f)
			}
			tx.deleteFormat(t, p.index, p.right)
		default:
			if n < int(it.length) {
				d.cleanStart(d.idAt(it, uint32(n)))
			}
			n -= int(d.item(p.right).length)
		}
		tx.forward(p)
	}
	if n > 0 {
		tx.d.markers(t).shift(p.index, n)
		tx.insertAt(t, p, content{contentString, bytes.Repeat([]byte{'\n'}, n), uint32(n)})
	}
	tx.insertNegated(t, p, negated)
}

// deleteText deletes the n elements behind a position, or what there is of them.
func (tx *Tx) deleteText(t int32, p *position, n int) {
	d := tx.d
	before, start, index := p.current.clone(), p.right, p.index
	rest := n
	for rest > 0 && p.right != 0 {
		if it := d.item(p.right); !it.isDeleted() {
			switch it.kind() {
			case contentType, contentEmbed, contentString:
				if rest < int(it.length) {
					d.cleanStart(d.idAt(it, uint32(rest)))
				}
				rest -= int(d.item(p.right).length)
				tx.delete(p.right)
			}
		}
		tx.forward(p)
	}
	if start != 0 {
		tx.cleanupGap(t, p, start, before)
	}
	if p.index != index {
		d.markers(t).forget(index) // something between them that isn't text
		return
	}
	d.markers(t).cut(index, n-rest)
}

// cleanupGap deletes the formats between start and the next content that have
// become needless, because others overwrite them or they were in force before the
// deleted text already (cleanupFormattingGap). p is where the deleted text ended.
func (tx *Tx) cleanupGap(t int32, p *position, start uint32, before attributes) {
	d := tx.d
	last := make(map[string]uint32) // by key, the format that counts
	end := start
	for end != 0 {
		it := d.item(end)
		if !it.isDeleted() {
			if it.countable() {
				break
			}
			if it.kind() == contentFormat {
				last[d.format(end).key] = end
			}
		}
		end = it.right
	}
	reached := false
	for i := start; i != end; i = d.item(i).right {
		reached = reached || i == p.right
		if !d.item(i).isFormat() {
			continue
		}
		f := d.format(i)
		was, _ := before.get(f.key)
		if last[f.key] == i && !was.same(f) {
			if !reached {
				p.current.update(f)
			}
			continue
		}
		tx.deleteFormat(t, p.index, i)
		if now, _ := p.current.get(f.key); !reached && now.same(f) && !was.same(f) {
			p.current.update(was)
		}
	}
}

// lineBreaks bounds what formatText adds.
const lineBreaks = 1 << 16

// textContent is a ContentString; s must be valid UTF-8 and not empty.
func textContent(s string) content {
	b := []byte(s)
	return content{contentString, b, uint32(utf16Len(b))}
}
