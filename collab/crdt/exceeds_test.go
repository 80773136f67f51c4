package crdt_test

import (
	"maps"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
)

func TestExceedsAndLowerTo(t *testing.T) {
	skip := func(n byte) []byte { return []byte{10, n} }
	for _, c := range []struct {
		name    string
		update  []byte
		exceeds bool
		lowered crdt.StateVector
	}{
		{"nothing", []byte{0, 0}, false, crdt.StateVector{1: 5, 2: 9}},
		{"deletes only", deletion(1, [2]uint32{0, 99}), false, crdt.StateVector{1: 5, 2: 9}},
		{"covered", update(1, 3, after(1, 2, "de")), false, crdt.StateVector{1: 3, 2: 9}},
		{"covered in part", update(1, 3, after(1, 2, "def")), true, crdt.StateVector{1: 3, 2: 9}},
		{"from the start", update(2, 0, first("a"), first("b")), false, crdt.StateVector{1: 5, 2: 0}},
		{"behind the end", update(1, 7, after(1, 6, "x")), true, crdt.StateVector{1: 5, 2: 9}},
		{"another client", update(3, 0, first("x")), true, crdt.StateVector{1: 5, 2: 9}},
		{"Skips say nothing", update(1, 1, skip(1), after(1, 1, "c"), skip(90)), false, crdt.StateVector{1: 2, 2: 9}},
		{"blocks of one client", append(append([]byte{2}, update(1, 4, after(1, 3, "e"))[1:9]...), update(1, 2, after(1, 1, "c"))[1:]...), false, crdt.StateVector{1: 2, 2: 9}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := parse(t, c.update)
			sv := crdt.StateVector{1: 5, 2: 9}
			if got := u.Exceeds(sv); got != c.exceeds {
				t.Errorf("exceeds: %v", got)
			}
			if u.LowerTo(sv); !maps.Equal(sv, c.lowered) {
				t.Errorf("lowered to %v, want %v", sv, c.lowered)
			}
			if n := testing.AllocsPerRun(10, func() { u.LowerTo(sv); u.Exceeds(sv) }); n > 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// TestLowerToCatchesUp drops updates on their way to a peer: the diff from the
// lowered vector is what it lacks.
func TestLowerToCatchesUp(t *testing.T) {
	for seed := 1; seed <= 20; seed++ {
		h := randomHistory(t, seed)
		room, peer := crdt.NewState(), crdt.NewState()
		var dropped []crdt.Update
		for i, b := range h.Updates {
			u := crdt.Known{room}.Fit(parse(t, b), nil).Update
			room.Apply(u)
			if i%3 == seed%3 {
				dropped = append(dropped, u)
			} else {
				peer.Apply(u)
			}
		}
		have := room.StateVector()
		for _, u := range dropped {
			u.LowerTo(have)
		}
		peer.Apply(room.Diff(have))
		if peer.Hash() != room.Hash() {
			t.Errorf("seed %d: the peer has something else", seed)
		}
	}
}
