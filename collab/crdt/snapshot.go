package crdt

import (
	"errors"
	"fmt"
	"maps"
)

// Snapshot names a point in a document's history: what had been inserted by then,
// and what of that had been deleted. It holds no content.
type Snapshot struct {
	StateVector StateVector
	Deletes     IDSet
}

var (
	// ErrCollected says that content which was there at a snapshot is gone.
	ErrCollected = errors.New("content of the snapshot was collected")
	// ErrAhead says that a snapshot has what the state hasn't.
	ErrAhead = errors.New("snapshot of what is not there yet")
)

// Snapshot names the state as it is now, without what is behind a gap. What only
// integration finds to be deleted (of values set at once for one key of a map, all
// but one; what was put into a type while that was deleted) is not in it: see
// Doc.Snapshot. The content at both is the same.
func (s *State) Snapshot() Snapshot {
	snap := Snapshot{StateVector: s.StateVector()}
	snap.Deletes = s.Deletes().below(snap.StateVector)
	return snap
}

// Snapshot names the document as it is now: what Yjs's snapshot gives.
func (d *Doc) Snapshot() Snapshot {
	snap := Snapshot{StateVector: make(StateVector)}
	for c := range d.state.clients.sorted {
		end := d.eachItem(c.id, func(it *item) {
			if it.isDeleted() {
				snap.Deletes.push(idSpan{c.id, span{it.clock, it.end()}})
			}
		})
		if end > 0 {
			snap.StateVector[c.id] = end
		}
	}
	return snap
}

// eachItem calls f for a client's integrated items by clock and gives the clock
// behind the last one.
func (d *Doc) eachItem(client uint64, f func(it *item)) (end uint32) {
	for d.has(ID{client, end}) {
		it := d.item(d.find(ID{client, end}))
		f(it)
		end = it.end()
	}
	return end
}

// below gives the ids that a state vector covers.
func (s IDSet) below(v StateVector) IDSet {
	covered := IDSet{make([]idSpan, 0, len(s.ranges))}
	for _, r := range s.ranges {
		if r.end = min(r.end, v[r.client]); r.start < r.end {
			covered.ranges = append(covered.ranges, r)
		}
	}
	return covered
}

// Equal says whether both name the same point.
func (s Snapshot) Equal(o Snapshot) bool {
	return maps.Equal(s.StateVector, o.StateVector) && s.Deletes.Equal(o.Deletes)
}

// Encode gives the wire form, as Yjs's encodeSnapshot does: the delete set and
// behind it the state vector.
func (s Snapshot) Encode() []byte { return append(s.Deletes.Encode(), s.StateVector.Encode()...) }

// ParseSnapshot reads an encoded snapshot. What ParseIDSet and ParseStateVector
// refuse is malformed.
func ParseSnapshot(b []byte) (Snapshot, error) {
	dels, v, err := parseIDSet(b)
	if err != nil {
		return Snapshot{}, malformed(v.Pos(), "delete set of a snapshot", err)
	}
	sv, err := ParseStateVector(b[v.Pos():])
	if err != nil {
		return Snapshot{}, fmt.Errorf("snapshot behind its delete set: %w", err)
	}
	return Snapshot{sv, dels}, nil
}

// At gives the state at a snapshot: what Yjs's createDocFromSnapshot makes of a
// document that collects nothing. The result doesn't refer to s. The error is
// ErrAhead if the snapshot has structs that s lacks, and ErrCollected if there is
// only a GC struct or ContentDeleted left of something that was not deleted then.
// That is so of what was deleted before a state was encoded and loaded again; only a
// state that has got every update as it was made has all its past.
func (s *State) At(snap Snapshot) (*State, error) {
	// Nothing is copied before all is known to be there.
	for client, clock := range snap.StateVector {
		if c := s.look(client); clock > 0 && (c == nil || c.contiguous() < clock) {
			return nil, fmt.Errorf("client %d at clock %d: %w", client, clock, ErrAhead)
		}
	}
	var gone IDSet
	for c := range s.clients.sorted {
		c.eachRun(snap.StateVector[c.id], func(e *entry[run]) {
			if kind := e.val.kind(); kind == contentGC || kind == contentDeleted {
				gone.push(idSpan{c.id, span{e.key, e.key + e.val.length}})
			}
		})
	}
	if gone = gone.below(snap.StateVector).Subtract(snap.Deletes); !gone.IsEmpty() {
		return nil, fmt.Errorf("%d elements: %w", gone.Len(), ErrCollected)
	}
	then := &State{roots: make(map[string]struct{}, len(s.roots))}
	for c := range s.clients.sorted {
		clock := snap.StateVector[c.id]
		if clock == 0 {
			continue
		}
		copied := then.client(c.id)
		c.eachRun(clock, func(e *entry[run]) {
			w := c.wire(e)
			w.cutAfter(clock)
			then.add(copied, &w)
		})
	}
	for _, r := range snap.Deletes.below(snap.StateVector).ranges {
		then.addDelete(then.client(r.client), r.start, r.end)
	}
	return then, nil
}

// eachRun calls f for the runs that begin before a clock.
func (c *clientState) eachRun(before uint32, f func(e *entry[run])) {
	for chunk := range c.runs.chunks {
		for i := range chunk {
			if chunk[i].key >= before {
				return
			}
			f(&chunk[i])
		}
	}
}

// wire gives a run as the struct that it would be on the wire. It refers to c's
// memory.
func (c *clientState) wire(e *entry[run]) wireStruct {
	r := &e.val
	w := wireStruct{
		clock: e.key, length: r.length, info: r.info, right: r.right,
		head: c.headOf(r), body: c.bodyOf(r),
	}
	if w.kind() == contentGC {
		return w
	}
	head := cursor{b: w.head}
	if w.info&hasOrigin != 0 {
		w.origin = head.id()
	}
	if w.info&(hasOrigin|hasRightOrigin) == 0 {
		if head.varUint() == 1 {
			w.parent, w.root = parentRoot, head.varBytes()
		} else {
			w.parent, w.parentID = parentItem, head.id()
		}
	}
	return w
}
