package crdt_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
)

// seeds are updates of every kind of content.
func seeds(f *testing.F) [][]byte {
	var all [][]byte
	var compat []struct{ Updates [][]byte }
	readJSON(f, "conformance/yjs-compat.json", &compat)
	for _, c := range compat {
		all = append(all, c.Updates...)
	}
	var yrs []struct{ Bytes []byte }
	readJSON(f, "conformance/yrs-bytes.json", &yrs)
	for _, c := range yrs {
		all = append(all, c.Bytes)
	}
	var crashers []struct{ Inputs [][]byte }
	readJSON(f, "conformance/ygo-crashers.json", &crashers)
	for _, c := range crashers {
		all = append(all, c.Inputs...)
	}
	return append(all,
		update(1, 0, first("a😀b"), after(1, 3, "x")),
		deletion(1, [2]uint32{0, 2}, [2]uint32{4, 1}))
}

func FuzzParseUpdate(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		u, err := crdt.ParseUpdate(b)
		if err != nil {
			if !errors.Is(err, crdt.ErrMalformed) {
				t.Fatalf("not an ErrMalformed: %v", err)
			}
			return
		}
		s := crdt.NewState()
		s.Apply(u)
		checkReencoded(t, s)
		if s.IsEmpty() != u.IsEmpty() {
			t.Fatalf("the update is empty: %v, the state: %v", u.IsEmpty(), s.IsEmpty())
		}
		hash := s.Hash()
		s.Apply(u)
		if s.Hash() != hash {
			t.Fatal("applying twice changes the state")
		}
		for _, root := range s.Roots() {
			if _, err := s.Text(root); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(before, b) {
			t.Fatal("the input was changed")
		}
	})
}

// checkReencoded checks that a state survives being encoded and read again.
func checkReencoded(t *testing.T, s *crdt.State) {
	t.Helper()
	u := s.Encode()
	checkEncoded(t, "encoded", u)
	again := crdt.NewState()
	again.Apply(u)
	if again.Hash() != s.Hash() {
		t.Fatal("another hash after encoding")
	}
	if second := again.Encode(); !bytes.Equal(second.Bytes(), u.Bytes()) {
		// A second encoding may join what the first one made equal, never more.
		if len(second.Bytes()) > len(u.Bytes()) {
			t.Fatalf("encoded again it grows: %x then %x", u.Bytes(), second.Bytes())
		}
	}
	sv := s.StateVector()
	for c := range sv {
		sv[c] /= 2
	}
	checkEncoded(t, "diff", s.Diff(sv))
}

func FuzzParseStateVector(f *testing.F) {
	f.Add([]byte{0})
	f.Add(crdt.StateVector{1: 2, 1 << 40: 7}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		sv, err := crdt.ParseStateVector(b)
		if err != nil {
			if !errors.Is(err, crdt.ErrMalformed) {
				t.Fatalf("not an ErrMalformed: %v", err)
			}
			return
		}
		again, err := crdt.ParseStateVector(sv.Encode())
		if err != nil || fmt.Sprint(again) != fmt.Sprint(sv) {
			t.Fatalf("%v became %v (%v)", sv, again, err)
		}
	})
}

// FuzzPieces cuts a state for a peer that has a part of it.
func FuzzPieces(f *testing.F) {
	for i, b := range seeds(f) {
		f.Add(b, uint16(i*100), uint8(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, limit uint16, part uint8) {
		u, err := crdt.ParseUpdate(b)
		if err != nil {
			return
		}
		s := crdt.NewState()
		s.Apply(u)
		have := s.StateVector()
		for c := range have {
			have[c] = uint32(uint64(have[c]) * uint64(part) / 255)
		}
		checkPieces(t, s, have, max(256, int(limit)))
	})
}

// FuzzFit stages one update on top of what another has left.
func FuzzFit(f *testing.F) {
	all := seeds(f)
	for i, b := range all {
		f.Add(b, all[(i+1)%len(all)], uint64(i%3))
		f.Add(b, b, uint64(7))
	}
	f.Fuzz(func(t *testing.T, a, b []byte, refused uint64) {
		ua, err := crdt.ParseUpdate(a)
		if err != nil {
			return
		}
		ub, err := crdt.ParseUpdate(b)
		if err != nil {
			return
		}
		base := crdt.NewState()
		base.Apply(ua)
		for _, known := range []crdt.Known{{base, crdt.NewState()}, {crdt.NewState(), base}, {base}, {}} {
			checkFitOnce(t, known, ub, refused)
		}
	})
}

func checkFitOnce(t *testing.T, known crdt.Known, u crdt.Update, refused uint64) {
	t.Helper()
	asked := make(map[uint64]bool)
	owner := func(c uint64) bool {
		if asked[c] {
			t.Fatalf("client %d asked twice", c)
		}
		asked[c] = true
		return c != refused
	}
	fit := known.Fit(u, owner)
	checkEncoded(t, "fitted", fit.Update)
	facts := fit.Update.Facts()
	if facts.Structs != fit.Structs || facts.Ranges != fit.DeleteRanges {
		t.Fatalf("Fit says %+v of %+v", fit, facts)
	}
	if len(known) == 0 {
		return
	}
	for _, c := range fit.Writers {
		if !asked[c] || c == refused {
			t.Fatalf("client %d writes without leave", c)
		}
	}
	if known[len(known)-1].IsEmpty() {
		known[len(known)-1].Apply(fit.Update)
	} else {
		known = append(known[:len(known):len(known)], crdt.NewState())
		known[len(known)-1].Apply(fit.Update)
	}
	again := known.Fit(u, func(c uint64) bool { return c != refused })
	if fit.Missing && facts.Types < u.Facts().Types {
		return // a type may have hung on what the update itself has brought
	}
	if !again.Update.IsEmpty() {
		if !u.Facts().Tidy {
			return // one that contradicts itself may bring more the second time
		}
		t.Fatalf("staged already, but Fit brings %x again", again.Update.Bytes())
	}
	if again.Missing != fit.Missing || again.Foreign != fit.Foreign {
		t.Fatalf("first %+v, then %+v", fit, again)
	}
	// What was cut out alone always fits alone.
	if alone := known[:len(known)-1].Fit(fit.Update, nil); alone.Missing || alone.Structs != fit.Structs || alone.DeleteRanges != fit.DeleteRanges {
		t.Fatalf("what fits doesn't fit again: %+v then %+v", fit, alone)
	}
}
