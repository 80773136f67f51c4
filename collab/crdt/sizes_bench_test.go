package crdt_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// growing is a document of n units of something, for which time must grow as n does.
type growing struct {
	name string
	most int // the size that is asked for
	make func(n int) [][]byte
}

var growings = []growing{
	// A level takes some ten bytes: 1 MB.
	{"nested types", 100_000, func(n int) [][]byte { return [][]byte{nestedMaps(n)} }},
	{"roots", 10_000, func(n int) [][]byte { return [][]byte{manyRoots(n)} }},
	{"clients", 50_000, func(n int) [][]byte { return [][]byte{manyClients(n)} }},
	{"alternating deletes", 1_000_000, func(n int) [][]byte {
		ranges := make([][2]uint32, n)
		for i := range ranges {
			ranges[i] = [2]uint32{uint32(2 * i), 1}
		}
		return [][]byte{update(typist, 0, first(strings.Repeat("ab", n))), deletion(typist, ranges...)}
	}},
	{"insertions at one place", 100_000, func(n int) [][]byte { return [][]byte{update(typist, 0, backwards(n, "x")...)} }},
}

// nestedMaps nests n maps in each other, each at a key of the one before.
func nestedMaps(n int) []byte {
	structs := make([][]byte, n)
	for i := range structs {
		b := []byte{0x27}
		if i == 0 {
			b = lib0.AppendVarString(append(b, 1), "map")
		} else {
			b = lib0.AppendVarUint(append(b, 0), typist)
			b = lib0.AppendVarUint(b, uint64(i-1))
		}
		structs[i] = append(lib0.AppendVarString(b, "k"), 1)
	}
	return update(typist, 0, structs...)
}

// manyRoots puts a letter into each of n roots.
func manyRoots(n int) []byte {
	structs := make([][]byte, n)
	for i := range structs {
		structs[i] = lib0.AppendVarString(lib0.AppendVarString([]byte{4, 1}, fmt.Sprint("root ", i)), "x")
	}
	return update(typist, 0, structs...)
}

// backwards inserts a text n times, each time at the beginning of root "text".
func backwards(n int, text string) [][]byte {
	structs := make([][]byte, n)
	for i := range structs {
		if i == 0 {
			structs[i] = first(text)
			continue
		}
		b := lib0.AppendVarUint([]byte{0x44}, typist)
		b = lib0.AppendVarUint(b, uint64((i-1)*len(text)))
		structs[i] = lib0.AppendVarString(b, text)
	}
	return structs
}

// useAll does with a document all that there is to do: check, load, encode, cut
// for a peer, integrate, read as JSON, edit.
func useAll(t testing.TB, updates [][]byte) {
	s := applyAll(t, updates)
	s.Encode()
	s.Diff(s.StateVector())
	s.Hash()
	d, err := crdt.NewDoc(s)
	if err != nil {
		t.Fatal(err)
	}
	if len(crdt.AppendJSON(nil, d.JSON(nil))) < 10 {
		t.Fatal("there is nothing in the document")
	}
	u, err := d.Edit(1<<40, func(tx *crdt.Tx) error {
		return tx.InsertText(tx.Root("text", crdt.KindText), 0, "an edit", nil)
	})
	if err != nil || u.IsEmpty() {
		t.Fatalf("edit: %v", err)
	}
}

// BenchmarkSizes shows that the time for each unit doesn't grow with their number.
func BenchmarkSizes(b *testing.B) {
	for _, g := range growings {
		for n := g.most / 64; n <= g.most; n *= 4 {
			updates := g.make(n)
			b.Run(fmt.Sprintf("%s/%d", g.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					useAll(b, updates)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/unit")
			})
		}
	}
}

// TestTimeGrowsWithSize is BenchmarkSizes as a test: eight times the units may take
// sixteen times the time, where what is quadratic takes 64 times. The best of
// several measurements counts, since others may use the machine.
func TestTimeGrowsWithSize(t *testing.T) {
	for _, g := range growings {
		t.Run(g.name, func(t *testing.T) {
			small, large := g.make(g.most/4), g.make(2*g.most)
			best := func(updates [][]byte, before time.Duration) time.Duration {
				runtime.GC()
				start := time.Now()
				useAll(t, updates)
				return min(before, time.Since(start))
			}
			a, b := time.Hour, time.Hour
			for range 10 {
				a, b = best(small, a), best(large, b)
				a = best(small, a)
				if b <= 16*a {
					return
				}
			}
			t.Errorf("%d units take %v, %d take %v", g.most/4, a, 2*g.most, b)
		})
	}
}
