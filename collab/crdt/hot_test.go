package crdt_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// hotWriters are people who type in one document at once, each at a place of
// their own in its text.
const hotWriters = 10

// hotDocument is a document of 100 KB that a hundred people have written.
func hotDocument(tb testing.TB) *crdt.State {
	s := crdt.NewState()
	for c := range uint64(100) {
		s.Apply(parse(tb, update(1000+c, 0, first(strings.Repeat("letters ", 128)))))
		s.Apply(parse(tb, deletion(1000+c, [2]uint32{10, 3}, [2]uint32{90, 1}, [2]uint32{300, 30})))
	}
	return s
}

// hotLetter is the letter that a writer types at a clock.
func hotLetter(writer int, clock uint32) []byte {
	client := uint64(typist + 7919*writer)
	origin := crdt.ID{Client: client, Clock: clock - 1}
	if clock == 0 {
		origin = crdt.ID{Client: uint64(1000 + writer), Clock: 99}
	}
	b := []byte{0xc4}
	for _, id := range []crdt.ID{origin, {Client: uint64(1000 + writer), Clock: 100}} {
		b = lib0.AppendVarUint(lib0.AppendVarUint(b, id.Client), uint64(id.Clock))
	}
	return update(client, clock, append(b, 1, 'a'+byte(clock%26)))
}

// BenchmarkHot is what a room does with letters that ten people type by turns: it
// checks each, fits it to the document and the batch, and puts it into the batch;
// for each batch it encodes what every writer brings, merges all, and applies that.
// What is merged is the letters, or (parts) what was encoded for the writers.
func BenchmarkHot(b *testing.B) {
	const rounds = 1 << 10 // letters of each writer, until the document is taken anew
	var frames [rounds][hotWriters][]byte
	for i := range rounds {
		for w := range hotWriters {
			frames[i][w] = hotLetter(w, uint32(i))
		}
	}
	for _, c := range []struct {
		size  int
		parts bool
	}{{100, false}, {400, false}, {100, true}, {400, true}} {
		size := c.size
		b.Run(fmt.Sprintf("batch=%d/parts=%v", size, c.parts), func(b *testing.B) {
			var state *crdt.State
			var merged crdt.Update
			var parts [hotWriters]crdt.Update
			var rows [hotWriters]*crdt.State
			for w := range rows {
				rows[w] = crdt.NewState()
			}
			updates := make([]crdt.Update, 0, size)
			known := make(crdt.Known, 2)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n%(rounds*hotWriters) == 0 {
					b.StopTimer()
					state = hotDocument(b)
					for _, row := range rows {
						row.Reset()
					}
					updates = updates[:0]
					b.StartTimer()
				}
				w, clock := n%hotWriters, n/hotWriters%rounds
				n++
				u, err := crdt.ParseUpdate(frames[clock][w])
				if err != nil {
					b.Fatal(err)
				}
				known[0], known[1] = state, rows[w]
				fit := known.Fit(u, everyone)
				if fit.Missing || fit.Structs != 1 {
					b.Fatalf("letter %d: %+v", n, fit)
				}
				rows[w].Apply(fit.Update)
				if updates = append(updates, fit.Update); len(updates) < size {
					continue
				}
				for w, row := range rows {
					parts[w] = row.Encode()
				}
				if !c.parts {
					merged = crdt.MergeUpdates(updates...)
				} else {
					merged = crdt.MergeUpdates(parts[:]...)
				}
				state.Apply(merged)
				for _, row := range rows {
					row.Reset()
				}
				updates = updates[:0]
			}
		})
	}
}

// BenchmarkHotVector encodes the state vector of a room with ten writers.
func BenchmarkHotVector(b *testing.B) {
	s := crdt.NewState()
	for w := range hotWriters {
		s.Apply(parse(b, update(uint64(typist+7919*w), 0, first("a"))))
	}
	b.Run("made", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.StateVector().Encode()
		}
	})
	b.Run("direct", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.EncodeStateVector()
		}
	})
}

// BenchmarkHotDiff makes the diff for a client that lacks one letter.
func BenchmarkHotDiff(b *testing.B) {
	for _, kb := range []int{100, 10_000} {
		s := hotDocument(b)
		s.Apply(parse(b, update(1, 0, first(strings.Repeat("letters ", kb*1024/8)))))
		have := s.StateVector()
		have[1]--
		b.Run(fmt.Sprintf("%dK", kb), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Diff(have)
			}
		})
	}
}
