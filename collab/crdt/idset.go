package crdt

import (
	"cmp"
	"iter"
	"slices"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// IDSet is a set of ids, kept as ranges of clocks per client: what a delete set
// says, or what an update inserts. The zero value is the empty set. All methods
// but Add leave the set as it is and may run at the same time; a copy shares its
// memory, so that Add must be called on one of the copies only.
type IDSet struct {
	// Clients in descending order, as Yjs writes them; a client's ranges in
	// ascending order, and none touches the next.
	ranges []idSpan
}

// compare orders a range by where it begins, the way that ranges are kept.
func (r idSpan) compare(client uint64, start uint32) int {
	if c := cmp.Compare(client, r.client); c != 0 {
		return c
	}
	return cmp.Compare(r.start, start)
}

// seek gives the index of the first range that ends behind id.
func (s IDSet) seek(id ID) int {
	i, ok := slices.BinarySearchFunc(s.ranges, id, func(r idSpan, id ID) int { return r.compare(id.Client, id.Clock) })
	if !ok && i > 0 && s.ranges[i-1].client == id.Client && s.ranges[i-1].end > id.Clock {
		i--
	}
	return i
}

// Add puts n ids into the set, from id on. Clocks of 2^31-1 and more, which
// nothing has, are left out. It takes a logarithm of the number of ranges where
// the last range grows or a new one becomes the last, else time linear in it:
// sets that are large on both sides are better united.
func (s *IDSet) Add(id ID, n uint32) {
	start, end := id.Clock, uint32(min(uint64(id.Clock)+uint64(n), maxClock))
	if start >= end {
		return
	}
	i := s.seek(id)
	if i > 0 && s.ranges[i-1].client == id.Client && s.ranges[i-1].end == start {
		i--
	}
	// All ranges from i to j overlap or touch the new one.
	j := i
	for j < len(s.ranges) && s.ranges[j].client == id.Client && s.ranges[j].start <= end {
		start, end = min(start, s.ranges[j].start), max(end, s.ranges[j].end)
		j++
	}
	s.ranges = slices.Replace(s.ranges, i, j, idSpan{id.Client, span{start, end}})
}

// Has says whether id is in the set.
func (s IDSet) Has(id ID) bool {
	i := s.seek(id)
	return i < len(s.ranges) && s.ranges[i].client == id.Client && s.ranges[i].start <= id.Clock
}

// IsEmpty says whether the set has no ids.
func (s IDSet) IsEmpty() bool { return len(s.ranges) == 0 }

// Len is the number of ids in the set.
func (s IDSet) Len() int {
	n := 0
	for _, r := range s.ranges {
		n += int(r.end - r.start)
	}
	return n
}

// Ranges goes over the set: clients in descending order, for each its ranges in
// ascending order, as the first id of a range and how many ids it has.
func (s IDSet) Ranges() iter.Seq2[ID, uint32] {
	return func(yield func(ID, uint32) bool) {
		for _, r := range s.ranges {
			if !yield(ID{r.client, r.start}, r.end-r.start) {
				return
			}
		}
	}
}

// Equal says whether both sets have the same ids.
func (s IDSet) Equal(o IDSet) bool { return slices.Equal(s.ranges, o.ranges) }

// push puts a range behind those that the set has, and joins it to the last.
func (s *IDSet) push(r idSpan) {
	if n := len(s.ranges); n > 0 && s.ranges[n-1].client == r.client && s.ranges[n-1].end >= r.start {
		s.ranges[n-1].end = max(s.ranges[n-1].end, r.end)
		return
	}
	s.ranges = append(s.ranges, r)
}

// Union gives the ids that are in s or in o, in time linear in the number of ranges.
func (s IDSet) Union(o IDSet) IDSet {
	a, b := s.ranges, o.ranges
	all := IDSet{make([]idSpan, 0, len(a)+len(b))}
	for len(a) > 0 && len(b) > 0 {
		if a[0].compare(b[0].client, b[0].start) <= 0 {
			all.push(a[0])
			a = a[1:]
		} else {
			all.push(b[0])
			b = b[1:]
		}
	}
	for _, r := range a {
		all.push(r)
	}
	for _, r := range b {
		all.push(r)
	}
	return all
}

// Intersect gives the ids that are in both s and o, in time linear in the number
// of ranges.
func (s IDSet) Intersect(o IDSet) IDSet {
	a, b := s.ranges, o.ranges
	var both IDSet
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].client > b[0].client:
			a = a[1:]
			continue
		case a[0].client < b[0].client:
			b = b[1:]
			continue
		}
		start, end := max(a[0].start, b[0].start), min(a[0].end, b[0].end)
		if start < end {
			both.ranges = append(both.ranges, idSpan{a[0].client, span{start, end}})
		}
		if a[0].end < b[0].end {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return both
}

// Subtract gives the ids that are in s and not in o, in time linear in the number
// of ranges.
func (s IDSet) Subtract(o IDSet) IDSet {
	b := o.ranges
	var rest IDSet
	for _, r := range s.ranges {
		for len(b) > 0 && (b[0].client > r.client || b[0].client == r.client && b[0].end <= r.start) {
			b = b[1:]
		}
		for _, hole := range b {
			if hole.client != r.client || hole.start >= r.end {
				break
			}
			if hole.start > r.start {
				rest.ranges = append(rest.ranges, idSpan{r.client, span{r.start, hole.start}})
			}
			r.start = hole.end
		}
		if r.start < r.end {
			rest.ranges = append(rest.ranges, r)
		}
	}
	return rest
}

// Encode gives the wire form of a delete set, as Yjs's writeDeleteSet writes it in
// version 1.
func (s IDSet) Encode() []byte {
	size := hole + clientBytes*s.clients() + rangeBytes*len(s.ranges)
	return appendDeletes(make([]byte, 0, size), s.ranges)
}

// clients counts the clients that the set has ids of.
func (s IDSet) clients() int {
	n := 0
	for i, r := range s.ranges {
		if i == 0 || s.ranges[i-1].client != r.client {
			n++
		}
	}
	return n
}

// ParseIDSet reads the wire form of a delete set. Clients and ranges may come in
// any order and overlap; empty ranges, clients from 2^53 on, ends of ranges from
// 2^31 on and trailing bytes are malformed.
func ParseIDSet(b []byte) (IDSet, error) {
	s, v, err := parseIDSet(b)
	if err != nil {
		return IDSet{}, malformed(v.Pos(), "delete set", err)
	}
	if err := v.End(); err != nil {
		return IDSet{}, malformed(v.Pos(), "delete set", err)
	}
	return s, nil
}

// parseIDSet reads a delete set at the start of b and says where it ends.
func parseIDSet(b []byte) (IDSet, validator, error) {
	v := validator{Decoder: lib0.Over(b, 0)}
	u := Update{b: b, tidyDels: true}
	if err := v.deletes(&u); err != nil {
		return IDSet{}, v, err
	}
	ranges := make([]idSpan, 0, u.ranges)
	for d := beginDeletes(b, 0); d.nextClient(); {
		for d.nextRange() {
			ranges = append(ranges, idSpan{d.client, span{d.start, d.end}})
		}
	}
	if !u.tidyDels {
		ranges = uniteRanges(ranges)
	}
	return IDSet{ranges}, v, nil
}

// Inserts gives the ids of u's structs, whatever they hold.
func (u Update) Inserts() IDSet {
	return u.collect(func(kind byte) bool { return kind != contentSkip }, 0)
}

// Deletes gives the ids in u's delete set, and those of structs that say by
// themselves that they are deleted: GC structs and ContentDeleted.
func (u Update) Deletes() IDSet {
	return u.collect(func(kind byte) bool { return kind == contentGC || kind == contentDeleted }, u.ranges)
}

// collect gives the ids of the structs of certain kinds, and of u's delete set if
// it has ranges to look at.
func (u Update) collect(kinds func(kind byte) bool, ranges int) IDSet {
	count := 0
	u.stretches(kinds, func(idSpan) { count++ })
	all := make([]idSpan, 0, count+ranges)
	u.stretches(kinds, func(r idSpan) { all = append(all, r) })
	if ranges > 0 {
		for d := beginDeletes(u.b, u.dels); d.nextClient(); {
			for d.nextRange() {
				all = append(all, idSpan{d.client, span{d.start, d.end}})
			}
		}
	}
	return IDSet{uniteRanges(all)}
}

// stretches calls f for the structs of certain kinds, those that follow each other
// as one.
func (u Update) stretches(kinds func(kind byte) bool, f func(idSpan)) {
	if u.structs == 0 {
		return
	}
	var w wireStruct
	for c := beginStructs(u.b); c.nextBlock(); {
		r := idSpan{client: c.client}
		for c.next(&w) {
			if !kinds(w.kind()) {
				continue
			}
			if w.clock != r.end || r.start == r.end {
				if r.start < r.end {
					f(r)
				}
				r.start = w.clock
			}
			r.end = w.end()
		}
		if r.start < r.end {
			f(r)
		}
	}
}

// Inserts gives the ids of all structs that the state has, behind gaps or not.
func (s *State) Inserts() IDSet {
	all := IDSet{make([]idSpan, 0, s.clients.n)}
	for c := range s.clients.sorted {
		if c.stretches != nil {
			all.ranges = appendSpans(all.ranges, c.id, c.stretches)
		} else if start, end := c.first(); start < end {
			all.ranges = append(all.ranges, idSpan{c.id, span{start, end}})
		}
	}
	return all
}

// Deletes gives the state's delete set, with the ids of GC structs and
// ContentDeleted.
func (s *State) Deletes() IDSet {
	all := IDSet{make([]idSpan, 0, s.ranges)}
	for c := range s.clients.sorted {
		all.ranges = appendSpans(all.ranges, c.id, &c.dels)
	}
	return all
}

func appendSpans(dst []idSpan, client uint64, s *spans) []idSpan {
	for chunk := range s.chunks {
		for _, e := range chunk {
			dst = append(dst, idSpan{client, span{e.key, e.val}})
		}
	}
	return dst
}
