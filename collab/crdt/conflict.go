package crdt

// conflicts is what resolve keeps between calls.
type conflicts struct {
	steps   int      // items looked at, in all
	visited []uint32 // by the call at hand, in order
	// In a long conflict: for each item the place where it was visited, counted
	// from mark on, or less than mark if it was not. nil before the first.
	places []uint32
	mark   uint32
}

// The work on concurrent insertions at one place, which YATA does not bound by
// itself: a document made for it would take hours.
const (
	maxConflictSteps     = 1 << 26
	conflictStepsPerItem = 64
)

// shortConflict is the number of visited items up to which looking through them
// is quicker than keeping their places.
const shortConflict = 16

// visit remembers an item as the next one looked at.
func (c *conflicts) visit(i, items uint32) {
	n := len(c.visited)
	c.visited = append(c.visited, i)
	if n < shortConflict {
		return
	}
	if n == shortConflict {
		c.mark = max(c.mark, 1)
		if grow := int(items) - len(c.places); grow > 0 {
			c.places = append(c.places, make([]uint32, grow)...)
		}
		for n, i := range c.visited {
			c.places[i] = c.mark + uint32(n)
		}
		return
	}
	c.places[i] = c.mark + uint32(n)
}

// place says where among the visited items one is, or -1.
func (c *conflicts) place(i uint32) int {
	if len(c.visited) <= shortConflict {
		for n := len(c.visited) - 1; n >= 0; n-- {
			if c.visited[n] == i {
				return n
			}
		}
		return -1
	}
	if c.places[i] < c.mark {
		return -1
	}
	return int(c.places[i] - c.mark)
}

// end forgets the visited items.
func (c *conflicts) end() {
	n := len(c.visited)
	c.visited = c.visited[:0]
	if n <= shortConflict {
		return
	}
	c.mark += uint32(n)
	if c.mark > 1<<31 {
		clear(c.places)
		c.mark = 1
	}
}

// sameOrigin says whether two items have equal origins.
func sameOrigin(a, b *item) bool {
	return (a.info^b.info)&hasOrigin == 0 && a.origin == b.origin
}

// resolve moves an item's left neighbour past the concurrent items that come
// before it (Yjs: the loop of Item.integrate).
func (d *Doc) resolve(me *item) {
	if me.left == 0 {
		if me.right != 0 && d.item(me.right).left == 0 {
			return
		}
	} else if d.item(me.left).right == me.right {
		return
	}
	var o uint32
	if me.left != 0 {
		o = d.item(me.left).right
	} else {
		o = d.leftmost(me)
	}
	c := &d.conflicts
	// All visited items come before the origin sought; those from conflicting on
	// are the ones that conflict (Yjs: itemsBeforeOrigin and conflictingItems).
	conflicting := 0
	for o != 0 && o != me.right {
		c.steps++
		other := d.item(o)
		c.visit(o, d.used)
		if sameOrigin(me, other) {
			if d.clients[other.client].id < d.clients[me.client].id {
				me.left = o
				conflicting = len(c.visited)
			} else if (me.info^other.info)&hasRightOrigin == 0 && me.rightOrigin == other.rightOrigin {
				break
			}
		} else if other.info&hasOrigin != 0 {
			origin := c.place(d.clients[other.origin.client].find(other.origin.clock))
			if origin < 0 {
				break
			}
			if origin < conflicting {
				me.left = o
				conflicting = len(c.visited)
			}
		} else {
			break
		}
		o = other.right
	}
	c.end()
}
