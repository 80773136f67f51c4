package crdt

import (
	"testing"

	"pgregory.net/rapid"
)

// pieceStruct is a struct of a piece, with where it refers to.
type pieceStruct struct {
	client     uint64
	clock, end uint32
	refs       []ID
}

// structsOf reads the structs of an update, plainly.
func structsOf(u Update) (structs []pieceStruct) {
	var w wireStruct
	for c := beginStructs(u.b); c.nextBlock(); {
		for c.next(&w) {
			if w.kind() == contentSkip {
				continue
			}
			s := pieceStruct{client: c.client, clock: w.clock, end: w.end()}
			if w.kind() != contentGC {
				if w.info&hasOrigin != 0 {
					s.refs = append(s.refs, w.origin)
				}
				if w.info&hasRightOrigin != 0 {
					s.refs = append(s.refs, w.rightOrigin)
				}
				if w.parent == parentItem {
					s.refs = append(s.refs, w.parentID)
				}
			}
			structs = append(structs, s)
		}
	}
	return structs
}

// integrate adds to have what can be integrated of structs, in rounds, and gives
// the rest.
func integrate(have StateVector, structs []pieceStruct) (rest []pieceStruct) {
	for changed := true; changed; {
		changed, rest = false, nil
		for _, s := range structs {
			ok := s.clock <= have[s.client]
			for _, ref := range s.refs {
				ok = ok && (ref.Client == s.client || ref.Clock < have[ref.Client])
			}
			if ok {
				have[s.client] = max(have[s.client], s.end)
				changed = true
			} else {
				rest = append(rest, s)
			}
		}
		structs = rest
	}
	return rest
}

// TestCutAgainstModel cuts any state for any peer into tiny pieces: with gaps and
// with references to what is missing. What can be integrated in the end must be
// integrated piece by piece, before all else.
func TestCutAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewState()
		for range rapid.IntRange(1, 4).Draw(t, "updates") {
			structs, dels := drawUpdate(t, 6)
			s.Apply(encodeModel(t, structs, dels))
		}
		have := StateVector{}
		for c := range uint64(modelClients) {
			if n := rapid.Uint32Range(0, modelClocks).Draw(t, "have"); n > 8 {
				have[c+1] = n - 8
			}
		}
		u := s.Diff(have)
		limit := rapid.IntRange(4, 80).Draw(t, "limit")
		pieces := cut(u, have, limit)

		all := StateVector{}
		step := StateVector{}
		for c, n := range have {
			all[c], step[c] = n, n
		}
		integrate(all, structsOf(u))
		next := make(map[uint64]uint32)
		stuck := false
		sum, deleted := NewState(), newModel().deleted
		for i, p := range pieces {
			if again, err := ParseUpdate(p.Bytes()); err != nil || again.Facts() != p.Facts() {
				t.Fatalf("piece %d is %+v, parsed again %+v (%v)", i, p.Facts(), again.Facts(), err)
			}
			structs := structsOf(p)
			for _, x := range structs {
				if x.clock < next[x.client] {
					t.Fatalf("piece %d goes back to %d of client %d", i, x.clock, x.client)
				}
				next[x.client] = x.end
			}
			// Once something is left over, only what can't be integrated follows.
			before := len(structs)
			rest := integrate(step, structs)
			if stuck && len(rest) < before {
				t.Fatalf("piece %d has what could be integrated, behind what couldn't", i)
			}
			if stuck = len(rest) > 0; stuck && !sameVector(step, all) {
				t.Fatalf("piece %d can't be integrated, at %v of %v", i, step, all)
			}
			for d := beginDeletes(p.b, p.dels); d.nextClient(); {
				for d.nextRange() {
					for n := d.start; n < d.end; n++ {
						deleted[ID{d.client, n}] = true
					}
				}
			}
			sum.Apply(p)
			// What is deleted of its own structs is deleted with them.
			for _, x := range structs {
				for n := x.clock; n < x.end; n++ {
					if s.look(x.client).dels.covers(n, n+1) && !deleted[ID{x.client, n}] {
						t.Fatalf("piece %d doesn't delete %d of client %d", i, n, x.client)
					}
				}
			}
		}
		want := NewState()
		want.Apply(u)
		if sum.Hash() != want.Hash() || sum.runs > 0 && !sameCovers(sum, want) {
			t.Fatalf("%d pieces make another state", len(pieces))
		}
	})
}

func sameVector(a, b StateVector) bool {
	for c, n := range a {
		if b[c] != n {
			return false
		}
	}
	for c, n := range b {
		if a[c] != n {
			return false
		}
	}
	return true
}

func sameCovers(a, b *State) bool {
	for c := range b.clients.all {
		for n := range uint32(2 * modelClocks) {
			if c.covers(n, n+1) != (a.look(c.id) != nil && a.look(c.id).covers(n, n+1)) {
				return false
			}
		}
	}
	return true
}
