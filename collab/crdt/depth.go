package crdt

import (
	"sort"
)

// The level of an item is the depth of the type that it may hold: 1 in a root, one
// more than that of the item that holds its parent elsewhere. Neighbours have the
// same parent and so the same level, and it never changes. Where Yjs makes an item
// a GC struct, because what it names as parent or neighbour is none or gone, it
// counts as one in a root.
const (
	maxLevel = 1<<16 - 2 // deeper ones count as this
	// levelOpen marks, in a run, that its level is being looked for, or that
	// something on the way to a root is missing or goes in a circle.
	levelOpen = 1<<16 - 1
)

// levelSpan is a stretch of structs that Fit has kept, all of one level, and all
// or none of them with a type.
type levelSpan struct {
	clock, end uint32
	level      uint16
	types      bool
}

// parentOf says where a struct's level comes from: its neighbour's, or that of the
// item that holds its parent and one more (up), or neither: it is in a root, or
// nowhere.
func parentOf(info byte, head []byte) (id ID, up, root bool) {
	if info&contentMask == contentGC {
		return ID{}, false, true
	}
	c := cursor{b: head}
	if info&(hasOrigin|hasRightOrigin) != 0 {
		return c.id(), false, false // the origin, or else the right origin
	}
	if c.varUint() == 1 {
		return ID{}, false, true
	}
	return c.id(), true, false
}

// level finds the level of a struct of a client that is known up to end; all that
// it refers to must be known. It says false if something farther up is missing.
func (f *fitting) level(client uint64, end uint32, w *wireStruct) (uint16, bool) {
	id, up, root := ID{}, false, false
	if w.clock < end {
		id = ID{Client: client, Clock: end - 1} // known in part, by a joined run
	} else if id, up, root = parentOf(w.info, w.head); root {
		return 1, true
	}
	if i := f.index(id.Client); i >= 0 {
		spans := f.clients[i].levels
		j := sort.Search(len(spans), func(j int) bool { return spans[j].end > id.Clock })
		if j < len(spans) && spans[j].clock <= id.Clock {
			switch l := spans[j]; {
			case up && !l.types:
				return 1, true
			case up:
				return deeper(l.level, 1), l.level != levelOpen
			default:
				return l.level, l.level != levelOpen
			}
		}
	}
	return f.known.level(id, up)
}

// deeper adds to a level.
func deeper(level uint16, n int) uint16 {
	return uint16(min(int(level)+n, maxLevel))
}

// noteLevel remembers the level of what was kept of w, from start on. It says
// false when there is more than it cares for.
func (f *fitting) noteLevel(client *fitClient, w *wireStruct, start uint32, level uint16) bool {
	l := levelSpan{start, w.end(), level, w.kind() == contentType}
	if l.types {
		f.fit.Depth = max(f.fit.Depth, int(level))
	}
	if n := len(client.levels) - 1; n >= 0 {
		if last := &client.levels[n]; last.end == start && last.level == level && last.types == l.types {
			last.end = l.end
			return true
		}
	}
	if f.levels == maxStretch {
		return false
	}
	f.levels++
	client.levels = append(client.levels, l)
	return true
}

// run gives the run that holds id, in the oldest layer that has it, or nil.
func (k Known) run(id ID) (*clientState, *run) {
	for _, s := range k {
		c := s.look(id.Client)
		if c == nil {
			continue
		}
		if p, ok := c.runs.find(id.Clock); ok {
			if e := c.runs.at(p); id.Clock < e.key+e.val.length {
				return c, &e.val
			}
		}
	}
	return nil, nil
}

// level finds the level of what has id as its neighbour, or (up) as the item that
// holds its parent. It says false if something on the way to a root is missing.
//
// The levels found on the way are kept in the runs, so that none is looked for
// twice. That takes two walks over the same path: the first counts its levels and
// marks it, so that it ends in a circle, too, the second gives each run its own.
func (k Known) level(id ID, up bool) (uint16, bool) {
	total, found := 0, false
	at, above := id, up
	for !found {
		c, r := k.run(at)
		if r == nil {
			k.doubt()
			return 0, false
		}
		if above {
			if total++; r.kind() != contentType {
				break
			}
		}
		switch r.level {
		case levelOpen:
			k.doubt()
			return 0, false
		case 0:
			r.level = levelOpen
			if at, above, found = parentOf(r.info, c.headOf(r)); found {
				total++
			}
		default:
			total += int(r.level)
			found = true
		}
	}
	left := total
	for at, above = id, up; ; {
		if above {
			left--
		}
		c, r := k.run(at)
		if left == 0 || r.level != levelOpen {
			return deeper(0, total), true
		}
		r.level = deeper(0, left)
		at, above, found = parentOf(r.info, c.headOf(r))
		if found {
			return deeper(0, total), true
		}
	}
}

// doubt notes that some runs are marked as having no level.
func (k Known) doubt() {
	for _, s := range k {
		s.doubt = true
	}
}

// clearDoubt takes the marks off again: what was missing may have come.
func (s *State) clearDoubt() {
	s.doubt = false
	for c := range s.clients.all {
		for chunk := range c.runs.chunks {
			for i := range chunk {
				if r := &chunk[i].val; r.level == levelOpen {
					r.level = 0
				}
			}
		}
	}
}
