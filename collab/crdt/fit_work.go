package crdt

import (
	"hash/maphash"
	"slices"
)

// work runs the strands, and those that wait again as soon as what they wait for
// is kept. What still waits at the end is missing something for good.
func (f *fitting) work() {
	if n := len(f.strands); n > keptScratch {
		f.stretch, f.writers = slices.Grow(f.stretch, n), slices.Grow(f.writers, len(f.clients))
	}
	for i := 0; i < len(f.strands); i++ {
		f.run(int32(i))
		for f.ready >= 0 {
			r := f.ready
			f.ready = f.strands[r].left
			f.strands[r].left = -1
			f.run(r)
		}
	}
	for i := range f.strands {
		s := &f.strands[i]
		if s.structs > 0 && !f.clients[s.client].refused {
			f.fit.Missing = true
			f.same = false
			break
		}
	}
}

// run keeps the strand's structs up to the first one that has to wait.
func (f *fitting) run(i int32) {
	s := &f.strands[i]
	client := &f.clients[s.client]
	if client.refused {
		return
	}
	c := cursor{b: f.u.b, pos: int(s.pos), structs: int(s.structs), client: client.id, clock: s.clock}
	before := client.end
	var w wireStruct
	for {
		pos, clock := c.pos, c.clock
		if !c.next(&w) {
			s.structs = 0
			break
		}
		if w.kind() == contentSkip || w.end() <= client.end {
			if w.kind() != contentSkip && w.clock >= client.start {
				f.same = false // the same clocks twice in one update
			}
			continue
		}
		if w.clock > client.end && client.gaps {
			f.look(client.id)
			if f.detached(w.clock, w.end()) {
				continue
			}
		}
		if on, need, ok := f.lacks(client.id, client.end, &w); !ok {
			s.pos, s.clock, s.structs = uint32(pos), clock, uint32(c.structs+1)
			f.wait(i, on, need)
			break
		}
		var level uint16
		if f.u.types > 0 {
			var ok bool
			if level, ok = f.level(client.id, client.end, &w); !ok {
				level = levelOpen
				if w.kind() == contentType {
					s.pos, s.clock, s.structs = uint32(pos), clock, uint32(c.structs+1)
					break // nothing in the update helps
				}
			}
		}
		// More than one piece only if a layer has detached clocks inside.
		for w.end() > client.end {
			start := client.end
			if !f.keep(i, client, &w, pos, c.structs+1) || f.u.types > 0 && !f.noteLevel(client, &w, start, level) {
				f.giveUp()
				f.ready = -1
				return
			}
		}
		if w.parent == parentRoot {
			f.root(w.root)
		}
	}
	if client.end > before {
		f.wake(client)
	}
}

// lacks says what a struct lacks to be kept: the client (its index, -1 if that
// client brings nothing more) and the clock that must be known of it.
func (f *fitting) lacks(client uint64, end uint32, w *wireStruct) (on int32, need uint32, ok bool) {
	if w.clock > end {
		return f.index(client), w.clock - 1, false
	}
	if w.info&hasOrigin != 0 && w.origin.Client != client {
		if clock, on := f.clockOf(w.origin.Client); w.origin.Clock >= clock {
			return on, w.origin.Clock, false
		}
	}
	if w.info&hasRightOrigin != 0 && w.rightOrigin.Client != client {
		if clock, on := f.clockOf(w.rightOrigin.Client); w.rightOrigin.Clock >= clock {
			return on, w.rightOrigin.Clock, false
		}
	}
	if w.parent == parentItem && w.parentID.Client != client {
		if clock, on := f.clockOf(w.parentID.Client); w.parentID.Clock >= clock {
			return on, w.parentID.Clock, false
		}
	}
	return 0, 0, true
}

// keep takes a struct that continues what is known of its client. It says false
// when there are more stretches than it cares for.
func (f *fitting) keep(i int32, client *fitClient, w *wireStruct, pos, structs int) bool {
	if client.kept == 0 {
		f.writers = append(f.writers, client.id)
		if !client.known {
			f.fit.NewClients++
		}
	}
	if client.last < 0 || client.jump || f.stretch[client.last].strand != i {
		if len(f.stretch) == maxStretch {
			return false
		}
		n := int32(len(f.stretch))
		f.stretch = append(f.stretch, stretch{
			strand: i, pos: uint32(pos), clock: w.clock, start: client.end, structs: uint32(structs), next: -1,
		})
		if client.last < 0 {
			client.first = n
		} else {
			f.stretch[client.last].next = n
			f.same = false
		}
		client.last = n
		if client.jump {
			client.jump = false
			client.skips++
		}
	}
	client.kept++
	f.kept++
	if w.kind() == contentType {
		f.types++
	}
	if !client.gaps {
		client.end = w.end()
		return true
	}
	f.look(client.id)
	end := min(w.end(), f.nextDetached(client.end))
	client.end = f.closeGaps(end)
	if client.end > end || end < w.end() {
		client.jump = true
		f.stretch[client.last].end = end
		f.same = false
	}
	return true
}

// root counts a root type's name if it is new.
func (f *fitting) root(name []byte) {
	for _, s := range f.known {
		if _, known := s.roots[string(name)]; known {
			return
		}
	}
	if f.fit.NewRoots >= maxNewRoots {
		return
	}
	h := maphash.Bytes(rootSeed, name)
	if _, known := f.newRoots[h]; known {
		return
	}
	if f.newRoots == nil {
		f.newRoots = make(map[uint64]struct{})
	}
	f.newRoots[h] = struct{}{}
	f.fit.NewRoots++
}

// wait puts a strand into the heap of the client that it waits for.
func (f *fitting) wait(i, on int32, need uint32) {
	s := &f.strands[i]
	s.left, s.right, s.rank = -1, -1, 1
	s.need = need
	if on >= 0 {
		c := &f.clients[on]
		c.waiting = f.meld(c.waiting, i)
	}
}

// wake makes ready all that waited for what the client has by now.
func (f *fitting) wake(c *fitClient) {
	for c.waiting >= 0 && f.strands[c.waiting].need < c.end {
		i := c.waiting
		s := &f.strands[i]
		c.waiting = f.meld(s.left, s.right)
		s.left, s.right = f.ready, -1
		f.ready = i
	}
}

// meld unites two leftist heaps; the recursion is as deep as the logarithm of
// their size.
func (f *fitting) meld(a, b int32) int32 {
	if a < 0 {
		return b
	}
	if b < 0 {
		return a
	}
	if f.strands[b].need < f.strands[a].need {
		a, b = b, a
	}
	s := &f.strands[a]
	s.right = f.meld(s.right, b)
	if f.rank(s.left) < f.rank(s.right) {
		s.left, s.right = s.right, s.left
	}
	s.rank = f.rank(s.right) + 1
	return a
}

func (f *fitting) rank(i int32) int32 {
	if i < 0 {
		return 0
	}
	return f.strands[i].rank
}
