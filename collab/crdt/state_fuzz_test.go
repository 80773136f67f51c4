package crdt_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
)

// FuzzParseUpdateV2 reads anything as version 2.
func FuzzParseUpdateV2(f *testing.F) {
	var yrs []struct{ Bytes []byte }
	readJSON(f, "conformance/yrs-bytes.json", &yrs)
	for _, c := range yrs {
		f.Add(c.Bytes)
	}
	var fixtures []struct{ Updates [][]byte }
	readJSON(f, "conformance/ygo-fixtures.json", &fixtures)
	for _, c := range fixtures {
		f.Add(c.Updates[0])
	}
	f.Add(v2Columns{
		keyClocks: []byte{0, 0}, clients: uints(1, 1), leftClocks: []byte{0}, infos: []byte{6, 0, 0x86}, isRoot: []byte{1},
		strings: v2Strings("textbold", 4, 4), rest: []byte{1, 2, 0, 120, 126, 0},
	}.bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		var u crdt.Update
		var err error
		spent := allocated(func() { u, err = crdt.ParseUpdateV2(b) })
		if spent > bound(len(b)) {
			t.Fatalf("%d bytes allocated for %d", spent, len(b))
		}
		if !bytes.Equal(before, b) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			if !errors.Is(err, crdt.ErrMalformed) {
				t.Fatalf("not an ErrMalformed: %v", err)
			}
			return
		}
		checkEncoded(t, "read", u)
	})
}

// FuzzState goes through all that can be done with the state that an update makes.
func FuzzState(f *testing.F) {
	all := seeds(f)
	for i, b := range all {
		f.Add(b, all[(i+1)%len(all)], uint8(i))
	}
	f.Fuzz(func(t *testing.T, a, b []byte, part uint8) {
		var us []crdt.Update
		n := len(a) + len(b)
		for _, in := range [][]byte{a, b} {
			if spent := allocated(func() {
				if u, err := crdt.ParseUpdate(in); err == nil {
					us = append(us, u)
				}
			}); spent > bound(n) {
				t.Fatalf("parse: %d bytes for %d", spent, n)
			}
		}
		s := crdt.NewState()
		check := func(what string, f func()) {
			if spent := allocated(f); spent > bound(n) {
				t.Fatalf("%s: %d bytes for %d", what, spent, n)
			}
		}
		var merged crdt.Update
		check("apply", func() {
			for _, u := range us {
				s.Apply(u)
			}
		})
		check("merge", func() { merged = crdt.MergeUpdates(us...) })
		checkSame(t, "merged", merged, s)
		var u crdt.Update
		check("encode", func() { u = s.Encode() })
		checkSame(t, "encoded", u, s)

		// A part of it and the rest are all of it.
		have := s.StateVector()
		for c := range have {
			have[c] = uint32(uint64(have[c]) * uint64(part) / 255)
		}
		var then *crdt.State
		check("diff", func() { u = s.Diff(have) })
		checkEncoded(t, "diff", u)
		check("state at a point", func() {
			var err error
			if then, err = s.At(crdt.Snapshot{StateVector: have, Deletes: s.Deletes()}); err != nil {
				t.Fatal(err)
			}
		})
		then.Apply(u)
		checkSame(t, "a part and the rest", then.Encode(), s)

		var snap crdt.Snapshot
		check("snapshot", func() { snap = s.Snapshot() })
		if again, err := crdt.ParseSnapshot(snap.Encode()); err != nil || !again.Equal(snap) {
			t.Fatalf("snapshot: %v", err)
		}
		if then, err := s.At(snap); err != nil || !then.Snapshot().Equal(snap) {
			t.Fatalf("state at the snapshot: %v", err)
		}
		if st := s.Stats(); st.Deleted > st.Length || st.Length != s.Inserts().Len() {
			t.Fatalf("%d of %d deleted", st.Deleted, st.Length)
		}
	})
}

// checkSame checks that an update has exactly what a state has, pending or not.
func checkSame(t *testing.T, what string, u crdt.Update, s *crdt.State) {
	t.Helper()
	checkEncoded(t, what, u)
	if !u.Inserts().Equal(s.Inserts()) || !u.Deletes().Equal(s.Deletes()) {
		t.Fatalf("%s: it has other ids than the state", what)
	}
	again := crdt.NewState()
	again.Apply(u)
	if again.Hash() != s.Hash() {
		t.Fatalf("%s: another hash", what)
	}
}

// FuzzParseSnapshot reads anything as a snapshot and as a set of ids.
func FuzzParseSnapshot(f *testing.F) {
	f.Add([]byte{0, 0})
	f.Add([]byte{2, 2, 1, 7, 1, 1, 2, 0, 1, 5, 4, 2, 2, 9, 1, 9})
	f.Add([]byte{3, 1, 2, 5, 2, 0, 1, 2, 1, 7, 1, 1, 1, 6, 3, 1, 1, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		var snap crdt.Snapshot
		var set crdt.IDSet
		var err, setErr error
		if spent := allocated(func() { snap, err = crdt.ParseSnapshot(b) }); spent > bound(len(b)) {
			t.Fatalf("%d bytes allocated for %d", spent, len(b))
		}
		if spent := allocated(func() { set, setErr = crdt.ParseIDSet(b) }); spent > bound(len(b)) {
			t.Fatalf("%d bytes allocated for %d", spent, len(b))
		}
		for _, err := range []error{err, setErr} {
			if err != nil && !errors.Is(err, crdt.ErrMalformed) {
				t.Fatalf("not an ErrMalformed: %v", err)
			}
		}
		if err == nil {
			if again, err := crdt.ParseSnapshot(snap.Encode()); err != nil || !again.Equal(snap) {
				t.Fatalf("another snapshot: %v", err)
			}
		}
		if setErr == nil {
			if again, err := crdt.ParseIDSet(set.Encode()); err != nil || !again.Equal(set) {
				t.Fatalf("another set: %v", err)
			}
			if !set.Union(set).Equal(set) || !set.Intersect(set).Equal(set) || !set.Subtract(set).IsEmpty() {
				t.Fatal("a set with itself is something else")
			}
		}
	})
}

// FuzzCollect collects whatever can be integrated.
func FuzzCollect(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := crdt.ParseUpdate(b)
		if err != nil {
			return
		}
		s := crdt.NewState()
		s.Apply(u)
		d, err := crdt.NewDoc(s)
		if err != nil {
			return // tangled
		}
		snap := d.Snapshot()
		collected := d.Collect()
		if !collected.Inserts().Equal(s.Inserts()) {
			t.Fatal("collected, it has other ids")
		}
		if want := s.Deletes().Union(snap.Deletes); !collected.Deletes().Equal(want) {
			t.Fatal("collected, it deletes something else")
		}
		checkEncoded(t, "collected", collected.Encode())
		if _, err := crdt.NewDoc(collected); err != nil && !errors.Is(err, crdt.ErrTangled) {
			t.Fatal(err)
		}
	})
}
