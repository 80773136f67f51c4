package crdt

import (
	"cmp"
	"slices"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// deletes finds the delete ranges that are new, and clips them at what is known.
func (f *fitting) deletes() {
	if f.u.tidyDels || f.u.ascendingDels && f.distinctDeletes() {
		for d := beginDeletes(f.u.b, f.u.dels); d.nextClient(); {
			end := f.deletesOf(d.client)
			for d.nextRange() {
				if !f.deleteRange(d.client, end, span{d.start, d.end}) {
					return
				}
			}
		}
		if !f.u.tidyDels {
			f.ranges = uniteRanges(f.ranges)
		}
		return
	}
	// Ranges may overlap any number of times: unite them before anything is
	// compared with the layers.
	all := make([]idSpan, 0, min(f.u.ranges, maxRanges))
	full := maxRanges
	for d := beginDeletes(f.u.b, f.u.dels); d.nextClient(); {
		for d.nextRange() {
			if len(all) == full {
				if all = uniteRanges(all); len(all) > maxRanges {
					f.giveUp()
					return
				}
				full = len(all) + maxRanges
			}
			all = append(all, idSpan{d.client, span{d.start, d.end}})
		}
	}
	all = uniteRanges(all)
	var end uint32
	for i, r := range all {
		if i == 0 || all[i-1].client != r.client {
			end = f.deletesOf(r.client)
		}
		if !f.deleteRange(r.client, end, r.span) {
			return
		}
	}
}

// distinctDeletes says whether the update's delete set has each client once.
func (f *fitting) distinctDeletes() bool {
	var clients []uint64
	for d := beginDeletes(f.u.b, f.u.dels); d.nextClient(); {
		if len(clients) == maxRanges {
			return false
		}
		clients = append(clients, d.client)
		d.skipRanges()
	}
	slices.Sort(clients)
	for i := 1; i < len(clients); i++ {
		if clients[i] == clients[i-1] {
			return false
		}
	}
	return true
}

// uniteRanges sorts ranges, clients descending, and joins those that overlap or touch.
func uniteRanges(r []idSpan) []idSpan {
	slices.SortFunc(r, func(a, b idSpan) int {
		if c := cmp.Compare(b.client, a.client); c != 0 {
			return c
		}
		return cmp.Compare(a.start, b.start)
	})
	n := 0
	for _, x := range r {
		if n > 0 && r[n-1].client == x.client && x.start <= r[n-1].end {
			r[n-1].end = max(r[n-1].end, x.end)
			continue
		}
		r[n] = x
		n++
	}
	return r[:n]
}

// deletesOf finds how far a client is known after the structs were fitted, and
// what the layers hold of it.
func (f *fitting) deletesOf(client uint64) uint32 {
	end, _, _ := f.look(client)
	if i := f.index(client); i >= 0 {
		end = f.clients[i].end
	}
	return end
}

// deleteRange keeps what is new and known to exist of one range. It says false
// after giving up.
func (f *fitting) deleteRange(client uint64, end uint32, r span) bool {
	for i := len(f.layers) - 1; i > f.fit.Layer; i-- {
		if c := f.layers[i]; c != nil && c.dels.meets(r.start, r.end) {
			f.fit.Layer = i
		}
	}
	f.gaps = append(f.gaps[:0], r)
	for _, c := range f.layers {
		if c == nil || c.dels.len() == 0 {
			continue
		}
		f.more = f.more[:0]
		for _, g := range f.gaps {
			f.more = c.dels.gaps(g.start, g.end, f.more)
		}
		f.gaps, f.more = f.more, f.gaps
	}
	whole := false
	for _, g := range f.gaps {
		if g.end > end {
			f.fit.Missing = true
			g.end = end
		}
		if g.start >= g.end {
			continue
		}
		whole = g == r
		if len(f.ranges) == maxRanges {
			f.giveUp()
			return false
		}
		f.ranges = append(f.ranges, idSpan{client, g})
	}
	f.same = f.same && whole
	return true
}

// finish makes the result.
func (f *fitting) finish() {
	fit := &f.fit
	if fit.Structs == TooMany {
		*fit = Fit{Update: f.u, Structs: TooMany, Bytes: len(f.u.b), Layer: fit.Layer}
		return
	}
	fit.Structs = f.kept
	fit.DeleteRanges = len(f.ranges)
	fit.Writers = f.writers
	switch {
	case f.kept == 0 && len(f.ranges) == 0:
	case f.same && f.kept == f.u.structs:
		fit.Update = f.u
	default:
		fit.Update = f.encode()
	}
	fit.Bytes = len(fit.Update.b)
}

// encode writes what was kept.
func (f *fitting) encode() Update {
	u := Update{structs: f.kept, types: f.types, ranges: len(f.ranges), tidyDels: true, ascendingDels: true}
	b := make([]byte, 0, len(f.u.b)+16)
	b = lib0.AppendVarUint(b, uint64(len(f.writers)))
	u.tidy = true
	for i := range f.clients {
		if c := &f.clients[i]; c.kept > 0 {
			b = f.encodeClient(b, c)
			u.tidy = u.tidy && c.skips == 0
		}
	}
	u.dels = len(b)
	u.b = appendDeletes(b, f.ranges)
	return u
}

// appendDeletes writes a delete set of ranges sorted as uniteRanges does.
func appendDeletes(b []byte, ranges []idSpan) []byte {
	clients := 0
	for i, r := range ranges {
		if i == 0 || ranges[i-1].client != r.client {
			clients++
		}
	}
	b = lib0.AppendVarUint(b, uint64(clients))
	for rest := ranges; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].client == rest[0].client {
			n++
		}
		b = lib0.AppendVarUint(b, rest[0].client)
		b = lib0.AppendVarUint(b, uint64(n))
		for _, r := range rest[:n] {
			b = lib0.AppendVarUint(b, uint64(r.start))
			b = lib0.AppendVarUint(b, uint64(r.end-r.start))
		}
		rest = rest[n:]
	}
	return b
}

// encodeClient writes a block with what was kept of a client.
func (f *fitting) encodeClient(b []byte, c *fitClient) []byte {
	b = lib0.AppendVarUint(b, uint64(c.kept+c.skips))
	b = lib0.AppendVarUint(b, c.id)
	b = lib0.AppendVarUint(b, uint64(c.start))
	clock, left := c.start, c.kept
	for i := c.first; i >= 0; i = f.stretch[i].next {
		s := f.stretch[i]
		if s.start > clock {
			b = append(b, contentSkip)
			b = lib0.AppendVarUint(b, uint64(s.start-clock))
			clock = s.start
		}
		from := cursor{b: f.u.b, pos: int(s.pos), structs: int(s.structs), client: c.id, clock: s.clock}
		var w wireStruct
		for left > 0 && (s.end == 0 || clock < s.end) && from.next(&w) {
			if w.kind() == contentSkip || w.end() <= clock {
				continue
			}
			if w.clock > clock || s.next >= 0 && clock >= f.stretch[s.next].start {
				break // another stretch goes on here
			}
			w.cutBefore(c.id, clock)
			if s.end != 0 {
				w.cutAfter(s.end)
			}
			b = appendStruct(b, &w)
			clock = w.end()
			left--
		}
	}
	return b
}

// appendStruct writes a struct that may have been sliced.
func appendStruct(b []byte, w *wireStruct) []byte {
	if w.raw != nil {
		return append(b, w.raw...)
	}
	b = append(append(b, w.info), w.head...)
	switch w.kind() {
	case contentGC, contentSkip, contentDeleted:
		return lib0.AppendVarUint(b, uint64(w.length))
	case contentString:
		n := len(w.body)
		if w.lead {
			n += len(replacement)
		}
		if w.trail {
			n += len(replacement)
		}
		b = lib0.AppendVarUint(b, uint64(n))
		if w.lead {
			b = append(b, replacement...)
		}
		b = append(b, w.body...)
		if w.trail {
			b = append(b, replacement...)
		}
		return b
	case contentAny, contentJSON:
		b = lib0.AppendVarUint(b, uint64(w.length))
	}
	return append(b, w.body...)
}
