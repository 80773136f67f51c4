package crdt

import (
	"fmt"
	"slices"
	"strings"
)

// Order writes which elements each type of the document has, in order, a line for
// a list or a key's values: "name key: client:start-end ...", deleted ones marked
// with an x. How elements are parted into items doesn't show.
func (d *Doc) Order() string {
	var lines []string
	for t := int32(1); t < int32(len(d.types)); t++ {
		name := d.typeName(t)
		if l := d.orderFrom(d.typ(t).start); l != "" {
			lines = append(lines, name+":"+l)
		}
		for key, i := range d.typ(t).values {
			for d.item(i).left != 0 {
				i = d.item(i).left
			}
			lines = append(lines, name+" "+d.keyName(key)+":"+d.orderFrom(i))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (d *Doc) typeName(t int32) string {
	if holder := d.typ(t).item; holder != 0 {
		id := d.id(d.item(holder))
		return fmt.Sprintf("%d:%d", id.Client, id.Clock)
	}
	for name, r := range d.roots {
		if r == t {
			return "root " + name
		}
	}
	return "lost"
}

func (d *Doc) orderFrom(i uint32) string {
	var b strings.Builder
	for i != 0 {
		first := d.item(i)
		end, last := first.end(), first
		for last.right != 0 {
			next := d.item(last.right)
			if next.first() != (ref{first.client, end}) || next.isDeleted() != first.isDeleted() {
				break
			}
			end, last = next.end(), next
		}
		id := d.id(first)
		fmt.Fprintf(&b, " %d:%d-%d", id.Client, id.Clock, end)
		if first.isDeleted() {
			b.WriteByte('x')
		}
		i = last.right
	}
	return b.String()
}

// Check says what is not as it must be between the parts of a Doc.
func (d *Doc) Check() error {
	seen := make(map[uint32]bool)
	for _, dc := range d.clients {
		clock := uint32(0)
		for chunk := range dc.items.chunks {
			for _, e := range chunk {
				it := d.item(e.val)
				if e.key != clock || it.clock != clock || it.client != dc.index || it.length == 0 || seen[e.val] {
					return fmt.Errorf("client %d: item %d at clock %d: %+v", dc.id, e.val, clock, *it)
				}
				seen[e.val] = true
				clock = it.end()
				if err := d.checkItem(e.val, it); err != nil {
					return fmt.Errorf("client %d: item %d, %+v: %w", dc.id, e.val, *it, err)
				}
			}
		}
		if clock != dc.clock {
			return fmt.Errorf("client %d: items up to %d, clock %d", dc.id, clock, dc.clock)
		}
		if dc.blocked && dc.clock >= dc.source.endFrom(0) {
			return fmt.Errorf("client %d waits for nothing", dc.id)
		}
	}
	free := uint32(0)
	for i := d.free; i != 0; i = d.item(i).right {
		if free++; seen[i] || free > d.used {
			return fmt.Errorf("item %d is free and in use", i)
		}
	}
	if d.used > 0 && uint32(len(seen))+free+1 != d.used {
		return fmt.Errorf("%d items in use, %d free, of %d", len(seen), free, d.used)
	}
	return d.checkLists(len(seen))
}

func (d *Doc) checkItem(i uint32, it *item) error {
	gone := it.kind() == contentGC || it.kind() == contentDeleted
	if dc := d.clients[it.client]; (gone || dc.source.dels.covers(it.clock, it.end())) != it.isDeleted() && !it.isDeleted() {
		return fmt.Errorf("is deleted")
	} else if !it.isDeleted() && dc.source.dels.meets(it.clock, it.end()) {
		return fmt.Errorf("is deleted in part")
	}
	if it.kind() == contentGC {
		return nil
	}
	switch n := d.body(it); it.kind() {
	case contentString:
		if utf16Len(n) != int(it.length) {
			return fmt.Errorf("holds %q", n)
		}
	case contentType:
		if d.typ(it.holds).item != i {
			return fmt.Errorf("its type is held by item %d", d.typ(it.holds).item)
		}
	case contentDeleted:
	default:
		c := cursor{b: n}
		switch it.kind() {
		case contentAny:
			c.skipAny(int(it.length))
		case contentJSON:
			for range it.length {
				c.varBytes()
			}
		default:
			return nil
		}
		if c.pos != len(n) {
			return fmt.Errorf("holds %d bytes more than its values", len(n)-c.pos)
		}
	}
	t := d.typ(it.parent)
	switch {
	case it.left != 0 && d.item(it.left).right != i, it.right != 0 && d.item(it.right).left != i:
		return fmt.Errorf("a neighbour has another neighbour")
	case it.left == 0 && it.key == 0 && t.start != i:
		return fmt.Errorf("its list begins with %d", t.start)
	case it.right == 0 && it.key != 0 && t.values[it.key] != i:
		return fmt.Errorf("its key has %d", t.values[it.key])
	case it.right != 0 && it.key != 0 && !it.isDeleted():
		return fmt.Errorf("it is not the last of its key and not deleted")
	}
	for _, o := range []uint32{it.left, it.right} {
		if o != 0 && (d.item(o).parent != it.parent || d.item(o).key != it.key) {
			return fmt.Errorf("a neighbour has another parent")
		}
	}
	return nil
}

// checkLists checks that what is in the lists is what is in use.
func (d *Doc) checkLists(used int) error {
	for _, dc := range d.clients {
		for chunk := range dc.items.chunks {
			for _, e := range chunk {
				if d.item(e.val).kind() == contentGC {
					used--
				}
			}
		}
	}
	listed := 0
	for t := range d.types[1:] {
		typ := &d.types[t+1]
		for i := typ.start; i != 0 && listed <= used; i = d.item(i).right {
			listed++
		}
		for _, i := range typ.values {
			for ; i != 0 && listed <= used; i = d.item(i).left {
				listed++
			}
		}
	}
	if listed != used {
		return fmt.Errorf("%d items in lists, %d in all", listed, used)
	}
	return nil
}

// Items counts the items in use, and the clients that wait for others.
func (d *Doc) Items() (items, blocked int) {
	for _, dc := range d.clients {
		items += dc.items.len()
		if dc.blocked {
			blocked++
		}
	}
	return items, blocked
}
