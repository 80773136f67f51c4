package crdt

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"pgregory.net/rapid"
)

// The table gives back every client that was put into it, in the order of arrival and
// by descending id, whatever came between.
func TestClientTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table clientTable
		want := make(map[uint64]*clientState)
		var arrived []uint64
		id := rapid.OneOf(rapid.Uint64Range(0, 40), rapid.Uint64Range(0, maxClient))
		steps := map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				from := id.Draw(t, "from")
				up := rapid.Bool().Draw(t, "up")
				for i := range rapid.SampledFrom([]uint64{1, 2, 70, 3000}).Draw(t, "count") {
					next := from + i
					if !up {
						next = from - i
					}
					if table.find(next) != nil {
						continue
					}
					want[next] = table.add(next)
					arrived = append(arrived, next)
				}
			},
			"reserve": func(t *rapid.T) { table.reserve(rapid.IntRange(0, 2000).Draw(t, "more")) },
			"sort":    func(*rapid.T) { table.sort() },
			"reset": func(*rapid.T) {
				table.reset()
				clear(want)
				arrived = nil
			},
			"": func(t *rapid.T) {
				if table.n != len(want) {
					t.Fatalf("%d clients, want %d", table.n, len(want))
				}
				for id, c := range want {
					if c.id != id || table.find(id) != c {
						t.Fatalf("client %d has moved or is not found", id)
					}
				}
				if id := id.Draw(t, "other"); table.find(id) != want[id] {
					t.Fatalf("client %d was never put in", id)
				}
				var got []uint64
				for c := range table.all {
					got = append(got, c.id)
				}
				if !slices.Equal(got, arrived) {
					t.Fatalf("they arrived as %v, not %v", arrived, got)
				}
				got = nil
				for c := range table.sorted {
					got = append(got, c.id)
				}
				descending := slices.SortedFunc(maps.Keys(want), func(a, b uint64) int { return cmp.Compare(b, a) })
				if !slices.Equal(got, descending) {
					t.Fatalf("sorted they are %v, want %v", got, descending)
				}
				for i, id := range descending {
					if table.at(i) != want[id] {
						t.Fatalf("client %d is not at place %d", id, i)
					}
				}
			},
		}
		t.Repeat(steps)
	})
}

// Content that joined or was kept for reuse never shows in a State that was reset.
func TestResetClients(t *testing.T) {
	s := NewState()
	for round := range 3 {
		for c := range uint64(maxKeptClients) {
			s.Apply(parsed(t, c, uint32(round), "a letter"))
			s.Apply(parsed(t, c, uint32(round)+100, "behind a gap"))
		}
		fresh := NewState()
		for c := range uint64(maxKeptClients) {
			fresh.Apply(parsed(t, c, uint32(round), "a letter"))
			fresh.Apply(parsed(t, c, uint32(round)+100, "behind a gap"))
		}
		if s.Hash() != fresh.Hash() || !slices.Equal(s.Encode().Bytes(), fresh.Encode().Bytes()) || !s.Inserts().Equal(fresh.Inserts()) {
			t.Fatalf("round %d: not what a new state has", round)
		}
		s.Reset()
		if !s.IsEmpty() || s.Clients() != 0 || len(s.StateVector()) != 0 {
			t.Fatalf("round %d: something is left", round)
		}
	}
}

// parsed is an update of one string in a root.
func parsed(t *testing.T, client uint64, clock uint32, text string) Update {
	t.Helper()
	b := lib0.AppendVarUint(lib0.AppendVarUint([]byte{1, 1}, client), uint64(clock))
	b = append(b, contentString, 1, 1, 't', byte(len(text)))
	u, err := ParseUpdate(append(append(b, text...), 0))
	if err != nil {
		t.Fatal(err)
	}
	return u
}
