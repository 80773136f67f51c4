package crdt

import (
	"testing"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"pgregory.net/rapid"
)

// nestStruct is a struct as the plain reckoning of depth sees it.
type nestStruct struct {
	client        uint64
	clock, length uint32
	kind          byte
	parent, near  *ID  // at most one; neither: in a root
	right         bool // near is the right origin
}

func (s nestStruct) append(b []byte) []byte {
	if s.kind == contentGC {
		return lib0.AppendVarUint(append(b, contentGC), uint64(s.length))
	}
	switch {
	case s.near != nil && s.right:
		b = appendID(append(b, s.kind|hasRightOrigin), s.near)
	case s.near != nil:
		b = appendID(append(b, s.kind|hasOrigin), s.near)
	case s.parent != nil:
		b = appendID(append(b, s.kind, 0), s.parent)
	default:
		b = append(b, s.kind, 1, 1, 'r')
	}
	switch s.kind {
	case contentType:
		return append(b, typeMap)
	case contentDeleted:
		return lib0.AppendVarUint(b, uint64(s.length))
	}
	return lib0.AppendVarBytes(b, make([]byte, s.length))
}

// nesting is all structs that there are, by each of their clocks.
type nesting map[ID]nestStruct

// level is the level of the struct at id, found by recursion; 0 if something that
// known doesn't have is on the way, or a circle.
func (n nesting) level(id ID, known map[ID]bool, busy map[ID]bool) int {
	if !known[id] {
		return 0
	}
	s := n[id]
	if id = (ID{s.client, s.clock}); busy[id] {
		return 0
	}
	busy[id] = true
	defer delete(busy, id)
	switch {
	case s.kind == contentGC:
		return 1
	case s.near != nil:
		return n.level(*s.near, known, busy)
	case s.parent == nil:
		return 1
	case known[*s.parent] && n[*s.parent].kind != contentType:
		return 1
	}
	if above := n.level(*s.parent, known, busy); above > 0 {
		return above + 1
	}
	return 0
}

// drawNesting makes n structs of each client, which refer to each other at random,
// forward and in circles, too.
func drawNesting(t *rapid.T, n int) (all nesting, structs []nestStruct) {
	all = make(nesting)
	for client := uint64(1); client <= modelClients; client++ {
		clock := uint32(0)
		for range rapid.IntRange(1, n).Draw(t, "structs") {
			s := nestStruct{client: client, clock: clock, length: 1}
			s.kind = rapid.SampledFrom([]byte{contentType, contentType, contentType, contentString, contentDeleted, contentGC}).Draw(t, "kind")
			if s.kind != contentType {
				s.length = rapid.Uint32Range(1, 3).Draw(t, "length")
			}
			id := drawID(t, &modelStruct{client: client, clock: clock})
			switch rapid.IntRange(0, 5).Draw(t, "place") {
			case 0:
			case 1, 2:
				s.near, s.right = id, rapid.Bool().Draw(t, "right")
			default:
				s.parent = id
			}
			for k := range s.length {
				all[ID{client, clock + k}] = s
			}
			structs = append(structs, s)
			clock += s.length
		}
	}
	return all, structs
}

func encodeNesting(t *rapid.T, structs []nestStruct) Update {
	b := lib0.AppendVarUint(nil, uint64(len(structs)))
	for _, s := range structs {
		b = s.append(appendID(append(b, 1), &ID{s.client, s.clock}))
	}
	u, err := ParseUpdate(append(b, 0))
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	return u
}

// TestDepthAgainstModel compares the depth that Fit finds with the plain one, for
// structs that arrive in any order, in frames or as rows from elsewhere.
func TestDepthAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, structs := drawNesting(t, 10)
		known := make(map[ID]bool)
		learn := func(u Update) {
			for _, s := range structsOf(u) {
				for n := s.clock; n < s.end; n++ {
					known[ID{s.client, n}] = true
				}
			}
		}
		k := Known{NewState(), NewState(), NewState()}
		perm := rapid.Permutation(structs).Draw(t, "order")
		if rapid.Bool().Draw(t, "in order") {
			perm = structs
		}
		for len(perm) > 0 {
			n := rapid.IntRange(1, len(perm)).Draw(t, "frame")
			u := encodeNesting(t, perm[:n])
			perm = perm[n:]
			if rapid.IntRange(0, 3).Draw(t, "foreign") == 0 {
				k[0].Apply(u)
				learn(u)
				continue
			}
			fit := k.Fit(u, nil)
			learn(fit.Update)
			want := 0
			for _, s := range structsOf(fit.Update) {
				if all[ID{s.client, s.clock}].kind != contentType {
					continue
				}
				level := all.level(ID{s.client, s.clock}, known, make(map[ID]bool))
				if level == 0 {
					t.Fatalf("(%d, %d) was kept, but is in no root", s.client, s.clock)
				}
				want = max(want, level)
			}
			if fit.Depth != want {
				t.Fatalf("depth %d, want %d", fit.Depth, want)
			}
			k[rapid.IntRange(1, 2).Draw(t, "layer")].Apply(fit.Update)
			if rapid.IntRange(0, 3).Draw(t, "commit") == 0 {
				k[0].Apply(MergeUpdates(k[1].Encode(), k[2].Encode()))
				k[1].Reset()
				k[2].Reset()
			}
		}
		// What nothing is missing from is all there, whatever the order was.
		rest := NewState()
		rest.Apply(encodeNesting(t, structs))
		fit := Known{NewState()}.Fit(rest.Encode(), nil)
		if most := deepest(all, structsOf(fit.Update)); fit.Depth != most {
			t.Fatalf("at once: depth %d, want %d", fit.Depth, most)
		}
		// And nothing is held back for long: it comes in on top of the layers, too, if sent again until nothing changes.
		for again := k.Fit(encodeNesting(t, structs), nil); !again.Update.IsEmpty(); again = k.Fit(encodeNesting(t, structs), nil) {
			learn(again.Update)
			k[2].Apply(again.Update)
		}
		for _, s := range structsOf(fit.Update) {
			if !known[ID{s.client, s.clock}] {
				t.Fatalf("(%d, %d) is still not kept", s.client, s.clock)
			}
		}
		for _, s := range k {
			s.clearDoubt()
		}
		for id := range known {
			want := all.level(id, known, make(map[ID]bool))
			got, ok := k.level(id, false)
			if ok != (want > 0) || ok && int(got) != want {
				t.Fatalf("(%d, %d) has level %d, %v, want %d", id.Client, id.Clock, got, ok, want)
			}
		}
		checkLevels(t, k, all, known)
	})
}

// deepest is the depth of the deepest type among structs that are all there are.
func deepest(all nesting, structs []pieceStruct) (most int) {
	known := make(map[ID]bool)
	for _, s := range structs {
		for n := s.clock; n < s.end; n++ {
			known[ID{s.client, n}] = true
		}
	}
	for id := range known {
		if all[id].kind == contentType {
			most = max(most, all.level(id, known, make(map[ID]bool)))
		}
	}
	return most
}

// checkLevels holds that what runs remember is right.
func checkLevels(t *rapid.T, k Known, all nesting, known map[ID]bool) {
	for _, s := range k {
		for c := range s.clients.all {
			for chunk := range c.runs.chunks {
				for _, e := range chunk {
					if e.val.level == 0 || e.val.level == levelOpen {
						continue
					}
					if want := all.level(ID{c.id, e.key}, known, make(map[ID]bool)); int(e.val.level) != want {
						t.Fatalf("(%d, %d) remembers level %d, want %d", c.id, e.key, e.val.level, want)
					}
				}
			}
		}
	}
}
