package crdt_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"pgregory.net/rapid"
)

// idModel is a set of ids, one by one.
type idModel map[crdt.ID]bool

// drawIDs makes a set and its model, by adding ranges of few clients in any order.
func drawIDs(t *rapid.T, name string) (crdt.IDSet, idModel) {
	var s crdt.IDSet
	m := make(idModel)
	for range rapid.IntRange(0, 12).Draw(t, name) {
		id := crdt.ID{Client: rapid.Uint64Range(1, 3).Draw(t, "client"), Clock: rapid.Uint32Range(0, 40).Draw(t, "clock")}
		n := rapid.Uint32Range(0, 6).Draw(t, "length")
		s.Add(id, n)
		for i := range n {
			m[crdt.ID{Client: id.Client, Clock: id.Clock + i}] = true
		}
	}
	return s, m
}

// checkIDs compares a set with its model, in content and in form.
func checkIDs(t *rapid.T, what string, s crdt.IDSet, m idModel) {
	if s.Len() != len(m) || s.IsEmpty() != (len(m) == 0) {
		t.Fatalf("%s: %d ids, want %d", what, s.Len(), len(m))
	}
	for client := range uint64(5) {
		for clock := range uint32(50) {
			if id := (crdt.ID{Client: client, Clock: clock}); s.Has(id) != m[id] {
				t.Fatalf("%s: has %v: %v", what, id, s.Has(id))
			}
		}
	}
	last, end := uint64(1<<60), uint64(0)
	for id, n := range s.Ranges() {
		if id.Client > last || n == 0 || id.Client == last && uint64(id.Clock) <= end {
			t.Fatalf("%s: a range of %d at %v behind (%d, %d)", what, n, id, last, end)
		}
		last, end = id.Client, uint64(id.Clock)+uint64(n)
	}
	again, err := crdt.ParseIDSet(s.Encode())
	if err != nil || !again.Equal(s) || !bytes.Equal(again.Encode(), s.Encode()) {
		t.Fatalf("%s: encoded and read again: %v", what, err)
	}
}

// TestIDSetAlgebra holds the set operations against maps of ids.
func TestIDSetAlgebra(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, ma := drawIDs(t, "a")
		b, mb := drawIDs(t, "b")
		union, both, rest := make(idModel), make(idModel), make(idModel)
		for id := range ma {
			union[id] = true
			if mb[id] {
				both[id] = true
			} else {
				rest[id] = true
			}
		}
		for id := range mb {
			union[id] = true
		}
		checkIDs(t, "union", a.Union(b), union)
		checkIDs(t, "intersection", a.Intersect(b), both)
		checkIDs(t, "difference", a.Subtract(b), rest)
		checkIDs(t, "a", a, ma) // none of it changed the operands
		checkIDs(t, "b", b, mb)
		if a.Equal(b) != (len(rest) == 0 && len(union) == len(ma)) {
			t.Fatal("Equal is wrong")
		}
	})
}

// TestIDSetOfUpdate holds that an update inserts and deletes what the state does
// that applies it.
func TestIDSetOfUpdate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		client := rapid.Uint64Range(1, 2)
		var blocks []byte
		n := rapid.IntRange(0, 5).Draw(t, "blocks")
		inserted := make(idModel)
		deleted := make(idModel)
		for range n {
			c, clock := client.Draw(t, "client"), rapid.Uint32Range(0, 10).Draw(t, "clock")
			structs := rapid.SliceOfN(rapid.IntRange(0, 3), 1, 5).Draw(t, "structs")
			blocks = lib0.AppendVarUint(blocks, uint64(len(structs)))
			blocks = lib0.AppendVarUint(lib0.AppendVarUint(blocks, c), uint64(clock))
			for _, kind := range structs {
				id := crdt.ID{Client: c, Clock: clock}
				switch kind {
				case 0:
					blocks = append(blocks, 0, 1) // GC
				case 1:
					blocks = append(blocks, 10, 1) // Skip
				case 2:
					blocks = append(append(blocks, 0x01, 1, 1, 'r'), 1) // ContentDeleted
				default:
					blocks = append(append(blocks, 0x04, 1, 1, 'r'), 1, 'x')
				}
				if kind != 1 && !inserted[id] { // what comes first stays
					inserted[id] = true
					if kind != 3 {
						deleted[id] = true
					}
				}
				clock++
			}
		}
		dels, more := drawIDs(t, "deletes")
		for id := range more {
			deleted[id] = true
		}
		u, err := crdt.ParseUpdate(append(append(lib0.AppendVarUint(nil, uint64(n)), blocks...), dels.Encode()...))
		if err != nil {
			t.Fatal(err)
		}
		s := crdt.NewState()
		s.Apply(u)
		checkIDs(t, "inserted by the state", s.Inserts(), inserted)
		checkIDs(t, "deleted by the state", s.Deletes(), deleted)
		checkIDs(t, "inserted by the update", u.Inserts(), inserted)
		// A repeated id may be deleted in one copy only.
		if d := u.Deletes(); !s.Deletes().Subtract(d).IsEmpty() || !d.Subtract(s.Deletes()).Subtract(u.Inserts()).IsEmpty() {
			t.Fatal("the update deletes something else")
		}
	})
}

func TestIDSetEdges(t *testing.T) {
	const most = 1<<31 - 1
	var s crdt.IDSet
	s.Add(crdt.ID{Client: 1, Clock: most - 1}, 1<<32-1)
	s.Add(crdt.ID{Client: 1, Clock: 1<<32 - 1}, 5)
	if s.Len() != 1 || !s.Has(crdt.ID{Client: 1, Clock: most - 1}) || s.Has(crdt.ID{Client: 1, Clock: most}) {
		t.Errorf("clocks that nothing has: %d", s.Len())
	}
	if _, err := crdt.ParseIDSet(s.Encode()); err != nil {
		t.Error(err)
	}
	var none crdt.IDSet
	if !none.IsEmpty() || none.Has(crdt.ID{}) || !bytes.Equal(none.Encode(), []byte{0}) {
		t.Error("the zero value is not the empty set")
	}
	for range none.Ranges() {
		t.Error("the empty set has a range")
	}
	for range s.Union(none).Ranges() {
		break // the iterator can be left
	}
	for _, c := range []struct {
		name string
		in   []byte
	}{
		{"nothing", nil},
		{"an empty range", []byte{1, 1, 1, 0, 0}},
		{"a clock of 2^31", append(lib0.AppendVarUint([]byte{1, 1, 1}, 1<<31), 1)},
		{"an end of 2^31", append([]byte{1, 1, 1, 1}, lib0.AppendVarUint(nil, most)...)},
		{"a client of 2^53", append(lib0.AppendVarUint([]byte{1}, 1<<53), 1, 0, 1)},
		{"more ranges than bytes", []byte{1, 1, 200, 1, 0, 1}},
		{"a trailing byte", []byte{0, 0}},
	} {
		if _, err := crdt.ParseIDSet(c.in); !errors.Is(err, crdt.ErrMalformed) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// Any order, overlaps and clients named twice are united.
	s, err := crdt.ParseIDSet([]byte{3, 1, 2, 5, 2, 0, 1, 2, 1, 7, 1, 1, 1, 6, 3})
	if err != nil || fmt.Sprint(s.Encode()) != fmt.Sprint([]byte{2, 2, 1, 7, 1, 1, 2, 0, 1, 5, 4}) {
		t.Errorf("%v, %v", s.Encode(), err)
	}
}

// BenchmarkIDSet unites, intersects and subtracts sets of a client's ranges: the
// time for each range must not grow with their number.
func BenchmarkIDSet(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		var x, y crdt.IDSet
		for i := range uint32(n) {
			x.Add(crdt.ID{Client: 1, Clock: 4 * i}, 2)
			y.Add(crdt.ID{Client: 1, Clock: 4*i + 1}, 2)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if x.Union(y).Len()+x.Intersect(y).Len() != 4*n || x.Subtract(y).Len() != n {
					b.Fatal("wrong sets")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/range")
		})
	}
}
