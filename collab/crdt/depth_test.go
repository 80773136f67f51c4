package crdt_test

import (
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// inRoot, inside and beside make a struct that holds a Y.Map: in the root "text",
// in the type that an item holds, and behind an item.
func inRoot() []byte { return append(lib0.AppendVarString([]byte{7, 1}, "text"), 1) }

func inside(client uint64, clock uint32) []byte {
	return append(lib0.AppendVarUint(lib0.AppendVarUint([]byte{7, 0}, client), uint64(clock)), 1)
}

func beside(client uint64, clock uint32) []byte {
	return append(lib0.AppendVarUint(lib0.AppendVarUint([]byte{0x87}, client), uint64(clock)), 1)
}

// before makes one that only has a right origin, and words a string in a type.
func before(client uint64, clock uint32) []byte {
	return append(lib0.AppendVarUint(lib0.AppendVarUint([]byte{0x47}, client), uint64(clock)), 1)
}

func words(client uint64, clock uint32, s string) []byte {
	return lib0.AppendVarString(lib0.AppendVarUint(lib0.AppendVarUint([]byte{4, 0}, client), uint64(clock)), s)
}

// nested makes the structs of a chain of types, each in the one before.
func nested(client uint64, n uint32) [][]byte {
	structs := [][]byte{inRoot()}
	for i := range n - 1 {
		structs = append(structs, inside(client, i))
	}
	return structs
}

// TestDepth shows how deep the types of a frame are nested. The room has three
// types in each other, (1,0) to (1,2), and "abc" in the last one, (1,3) to (1,5).
func TestDepth(t *testing.T) {
	base := update(1, 0, append(nested(1, 3), words(1, 2, "abc"))...)
	two := func(first, second []byte) []byte { // two updates of one block as one
		return append(append([]byte{2}, first[1:len(first)-1]...), second[1:]...)
	}
	for _, c := range []struct {
		name  string
		frame []byte
		want  int
	}{
		{"no types", update(2, 0, after(1, 5, "d")), 0},
		{"in a root", update(2, 0, inRoot()), 1},
		{"in the first", update(2, 0, inside(1, 0)), 2},
		{"in the last", update(2, 0, inside(1, 2)), 4},
		{"behind the last", update(2, 0, beside(1, 2)), 3},
		{"behind text", update(2, 0, beside(1, 4)), 4},
		{"before text", update(2, 0, before(1, 3)), 4},
		{"in what is no type", update(2, 0, inside(1, 4)), 1},
		{"in itself over and over", update(2, 0, nested(2, 50)...), 50},
		{"of several the deepest", update(2, 0, inside(1, 2), inRoot(), inside(2, 0), inside(1, 0)), 5},
		{"behind new text in a new type", update(2, 0, inside(1, 2), words(2, 0, "😀"), beside(2, 1)), 5},
		{"in a type of another client that comes later", two(update(3, 0, inside(2, 0)), update(2, 0, inside(1, 2))), 5},
		{"the same, clients ascending", two(update(2, 0, inside(3, 0)), update(3, 0, inside(1, 2))), 5},
		{"known already", base, 0},
		{"one more than is known", update(1, 0, append(nested(1, 3), words(1, 2, "abc"), inside(1, 2))...), 4},
		{"continuing what is known in part", update(1, 0, append(nested(1, 3), words(1, 2, "abcd"), beside(1, 6))...), 4},
		{"behind a deleted one", update(2, 0, gc(1), beside(2, 0)), 1},
		{"cut out", update(2, 0, inside(1, 0), inside(7, 0)), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			whole := crdt.Known{applyAll(t, [][]byte{base}), crdt.NewState()}
			u := parse(t, c.frame)
			for range 2 { // what was found out once is found again
				if fit := whole.Fit(u, nil); fit.Depth != c.want {
					t.Errorf("depth %d, want %d: %+v", fit.Depth, c.want, fit)
				}
			}
			// Spread over the layers it is the same.
			parts := crdt.Known{
				applyAll(t, [][]byte{update(1, 0, nested(1, 2)...)}),
				applyAll(t, [][]byte{update(1, 2, inside(1, 1), words(1, 2, "a"))}),
				applyAll(t, [][]byte{update(1, 4, after(1, 3, "bc"))}),
			}
			if fit := parts.Fit(u, nil); fit.Depth != c.want {
				t.Errorf("depth %d in layers, want %d: %+v", fit.Depth, c.want, fit)
			}
		})
	}
}

// TestDepthOfWhatIsIncomplete has rows from elsewhere arrive in any order: what
// hangs on something missing has no depth, so a type there has to wait; text has not.
func TestDepthOfWhatIsIncomplete(t *testing.T) {
	state := applyAll(t, [][]byte{update(2, 0, inside(1, 0), inside(2, 0), inside(2, 1))})
	known := crdt.Known{state, crdt.NewState()}
	u := parse(t, update(3, 0, inside(2, 2)))
	for range 2 {
		if fit := known.Fit(u, nil); !fit.Missing || !fit.Update.IsEmpty() || fit.Depth != 0 {
			t.Fatalf("%+v", fit)
		}
		if fit := known.Fit(parse(t, update(3, 0, words(2, 2, "abc"))), nil); fit.Missing || fit.Structs != 1 {
			t.Fatalf("text: %+v", fit)
		}
	}
	state.Apply(parse(t, update(1, 0, inRoot())))
	if fit := known.Fit(u, nil); fit.Missing || fit.Depth != 5 {
		t.Fatalf("%+v", fit)
	}
	// Types that hold each other, which no client can have made.
	circle := applyAll(t, [][]byte{update(1, 0, inside(2, 0)), update(2, 0, beside(3, 0)), update(3, 0, inside(1, 0))})
	if fit := (crdt.Known{circle}).Fit(parse(t, update(4, 0, inside(3, 0))), nil); !fit.Missing || fit.Depth != 0 {
		t.Fatalf("%+v", fit)
	}
}

// TestDepthGrows adds a level with each frame, as a hostile client would, on a
// document that is deeper than any limit already.
func TestDepthGrows(t *testing.T) {
	const base, more = 5_000, 20_000
	known := crdt.Known{applyAll(t, [][]byte{update(1, 0, nested(1, base)...)}), crdt.NewState(), crdt.NewState()}
	parent, clock := uint64(1), uint32(base-1)
	var next [3]uint32
	start := time.Now()
	for i := range uint32(more) {
		client := uint64(2 + i%3)
		at := next[i%3]
		fit := known.Fit(parse(t, update(client, at, inside(parent, clock))), nil)
		if fit.Depth != base+1+int(i) || fit.Missing {
			t.Fatalf("frame %d: depth %d", i, fit.Depth)
		}
		known[2].Apply(fit.Update)
		parent, clock = client, at
		next[i%3]++
		if i%16 == 15 {
			known[0].Apply(known[1].Encode())
			known[1].Reset()
			known[1], known[2] = known[2], known[1]
		}
	}
	t.Logf("%d frames in %v", more, time.Since(start))
	// Deep as it is, what isn't deep can still be added.
	if fit := known.Fit(parse(t, update(9, 0, beside(1, 1))), nil); fit.Depth != 2 {
		t.Errorf("depth %d", fit.Depth)
	}
}

// TestDepthOfOneFrame holds that very many levels in one frame take linear time,
// and what they count as.
func TestDepthOfOneFrame(t *testing.T) {
	for _, n := range []uint32{1_000, 65_534, 100_000, 400_000} {
		frame := update(1, 0, nested(1, n)...)
		start := time.Now()
		u := parse(t, frame)
		known := crdt.Known{crdt.NewState()}
		fit := known.Fit(u, nil)
		if want := min(int(n), 65_534); fit.Depth != want || fit.Structs != int(n) {
			t.Errorf("%d levels: depth %d, want %d", n, fit.Depth, want)
		}
		known[0].Apply(u)
		if fit := known.Fit(parse(t, update(2, 0, inside(1, n/2))), nil); fit.Depth != min(int(n/2)+2, 65_534) {
			t.Errorf("in the middle of %d levels: depth %d", n, fit.Depth)
		}
		t.Logf("%d levels in %v", n, time.Since(start))
	}
}

// TestYjsNests holds that Yjs does all that it does by recursion, and all else, with
// types nested 512 deep, which is more than any limit should allow.
func TestYjsNests(t *testing.T) {
	var failed map[string]string
	yjs.ask(t, map[string]any{"op": "nest", "depth": 512}, &failed)
	if len(failed) > 0 {
		t.Errorf("Yjs fails: %v", failed)
	}
}

// TestDepthOfHistories compares with how deep Yjs finds the types of histories.
func TestDepthOfHistories(t *testing.T) {
	for seed := *historySeed; seed < *historySeed+*historyCount/10; seed++ {
		h := randomHistory(t, seed)
		var want struct{ Depth int }
		yjs.ask(t, map[string]any{"op": "depth", "updates": h.Updates}, &want)
		known := crdt.Known{crdt.NewState(), crdt.NewState()}
		most := 0
		for i, b := range h.Updates {
			fit := known.Fit(parse(t, b), nil)
			most = max(most, fit.Depth)
			known[1].Apply(fit.Update)
			if i%5 == 4 {
				known[0].Apply(known[1].Encode())
				known[1].Reset()
			}
		}
		all := crdt.Known{crdt.NewState()}.Fit(crdt.MergeUpdates(known[0].Encode(), known[1].Encode()), nil)
		if most != want.Depth || all.Depth != want.Depth {
			t.Fatalf("seed %d: depth %d piece by piece, %d at once, %d in Yjs", seed, most, all.Depth, want.Depth)
		}
	}
}

// BenchmarkParagraph is a paragraph in a room: an element behind the one before,
// its text, and a letter in it.
func BenchmarkParagraph(b *testing.B) {
	const n = 1 << 14
	frames := make([][]byte, n)
	for i := range uint32(n) {
		element := inRoot()
		if i > 0 {
			element = beside(typist, 3*i-3)
		}
		frames[i] = update(typist, 3*i, element, inside(typist, 3*i), words(typist, 3*i+1, "a"))
	}
	benchmarkFrames(b, frames)
}
