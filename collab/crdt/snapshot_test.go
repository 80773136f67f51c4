package crdt_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"pgregory.net/rapid"
)

// sameDocuments lets Yjs read updates and compares that with what it has said before.
func sameDocuments(t *testing.T, names []string, updates [][]byte, want []description) {
	t.Helper()
	requests := make([]describeRequest, len(updates))
	for i, u := range updates {
		requests[i] = describeRequest{"describe", u}
	}
	for i, got := range askState[describeRequest, description](t, requests) {
		switch {
		case got.Pending != want[i].Pending:
			t.Errorf("%s: pending %v, want %v", names[i], got.Pending, want[i].Pending)
		case got.View != want[i].View:
			t.Errorf("%s: Yjs reads\n%s\nwant\n%s", names[i], short(got.View), short(want[i].View))
		case got.Loose != want[i].Loose:
			t.Errorf("%s: Yjs reads\n%s\nbut of its own snapshot\n%s", names[i], short(got.Loose), short(want[i].Loose))
		case !bytes.Equal(got.Vector, want[i].Vector):
			t.Errorf("%s: state vector %x, want %x", names[i], got.Vector, want[i].Vector)
		case !bytes.Equal(got.Snapshot, want[i].Snapshot):
			t.Errorf("%s: snapshot %x, want %x", names[i], got.Snapshot, want[i].Snapshot)
		}
	}
}

// TestSnapshotHistories takes snapshots when Yjs does, compares their bytes, and lets
// Yjs read the state at each when all updates have come.
func TestSnapshotHistories(t *testing.T) {
	type answer struct {
		Updates [][]byte
		Taken   []struct {
			After int
			Bytes []byte
			Then  description
			Now   string
		}
	}
	var names []string
	var updates [][]byte
	var want []description
	taken, plain := 0, 0
	for seed, a := range askSeeds[answer](t, "snapshots") {
		all := applyAll(t, a.Updates)
		for _, yjs := range a.Taken {
			name := fmt.Sprintf("seed %d after %d updates", seed, yjs.After)
			s := applyAll(t, a.Updates[:yjs.After])
			d, err := crdt.NewDoc(s)
			if err != nil {
				t.Fatal(err)
			}
			snap := d.Snapshot()
			if !bytes.Equal(snap.Encode(), yjs.Bytes) {
				t.Fatalf("%s: the snapshot is %x, not %x", name, snap.Encode(), yjs.Bytes)
			}
			again, err := crdt.ParseSnapshot(yjs.Bytes)
			if err != nil || !again.Equal(snap) || !bytes.Equal(again.Encode(), yjs.Bytes) {
				t.Fatalf("%s: read again: %v", name, err)
			}
			// The State's own lacks what only integration finds, and leads to the same content.
			own := s.Snapshot()
			if fmt.Sprint(own.StateVector) != fmt.Sprint(snap.StateVector) || !own.Deletes.Subtract(snap.Deletes).IsEmpty() {
				t.Fatalf("%s: the state's snapshot is another", name)
			}
			taken++
			if own.Equal(snap) {
				plain++
			}
			yjs.Then.Loose = yjs.Now
			for _, snap := range []crdt.Snapshot{snap, own} {
				then, err := all.At(snap)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				names, updates, want = append(names, name), append(updates, then.Encode().Bytes()), append(want, yjs.Then)
			}
		}
	}
	t.Logf("%d snapshots, of %d the state knew all deletions", taken, plain)
	if taken < *historyCount/8 || plain < taken/2 {
		t.Errorf("only %d snapshots, and %d", taken, plain)
	}
	sameDocuments(t, names, updates, want)
}

// TestAt holds what is said of a snapshot that can't be had.
func TestAt(t *testing.T) {
	s := applyAll(t, [][]byte{update(1, 0, first("abc"))})
	before := s.Snapshot()
	s.Apply(parse(t, deletion(1, [2]uint32{1, 1})))
	deleted := s.Snapshot()
	s.Apply(parse(t, update(1, 3, after(1, 2, "def"))))
	now := s.Snapshot()

	text := func(s *crdt.State, snap crdt.Snapshot) string {
		then, err := s.At(snap)
		if err != nil {
			return err.Error()
		}
		got, err := then.Text("text")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, c := range []struct {
		snap crdt.Snapshot
		want string
	}{{crdt.Snapshot{}, ""}, {before, "abc"}, {deleted, "ac"}, {now, "acdef"}} {
		if got := text(s, c.snap); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	// What was encoded has lost the content of a long deletion, not of a short one.
	s.Apply(parse(t, update(2, 0, first("gone"))))
	whole := s.Snapshot()
	s.Apply(parse(t, deletion(2, [2]uint32{0, 4})))
	loaded := applyAll(t, [][]byte{s.Encode().Bytes()})
	if _, err := loaded.At(whole); !errors.Is(err, crdt.ErrCollected) {
		t.Errorf("a snapshot of what is gone: %v", err)
	}
	if got := text(loaded, now); got != "acdef" {
		t.Errorf("a snapshot of what is there: %q", got)
	}
	if got := text(loaded, loaded.Snapshot()); got != "acdef" {
		t.Errorf("now: %q", got)
	}
	for _, ahead := range []crdt.StateVector{{1: 7}, {3: 1}} {
		if _, err := s.At(crdt.Snapshot{StateVector: ahead}); !errors.Is(err, crdt.ErrAhead) {
			t.Errorf("ahead: %v", err)
		}
	}
	// Nothing behind a gap belongs to a snapshot.
	gap := applyAll(t, [][]byte{update(1, 0, first("ab")), update(1, 5, after(1, 4, "x")), deletion(1, [2]uint32{1, 6})})
	snap := gap.Snapshot()
	if fmt.Sprint(snap.StateVector) != "map[1:2]" || snap.Deletes.Len() != 1 || text(gap, snap) != "a" {
		t.Errorf("with a gap: %v, %d deleted, %q", snap.StateVector, snap.Deletes.Len(), text(gap, snap))
	}
	if !before.Equal(before) || before.Equal(deleted) || deleted.Equal(now) {
		t.Error("Equal is wrong")
	}
}

func TestSnapshotRefused(t *testing.T) {
	for _, in := range [][]byte{nil, {0}, {0, 0, 0}, {1, 1, 1, 0, 0, 0}, {0, 1, 1}, {0, 2, 1, 1, 1, 2}} {
		if _, err := crdt.ParseSnapshot(in); !errors.Is(err, crdt.ErrMalformed) {
			t.Errorf("%x: %v", in, err)
		}
	}
}

// TestStats counts clocks and deleted clocks against the sets of ids.
func TestStats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := crdt.NewState()
		for range rapid.IntRange(0, 6).Draw(t, "updates") {
			client := rapid.Uint64Range(1, 2).Draw(t, "client")
			clock := rapid.Uint32Range(0, 20).Draw(t, "clock")
			u, err := crdt.ParseUpdate(update(client, clock, gc(rapid.Uint32Range(1, 5).Draw(t, "gc")), after(3, clock, "text")))
			if err != nil {
				t.Fatal(err)
			}
			s.Apply(u)
			dels, _ := drawIDs(t, "deletes")
			if u, err = crdt.ParseUpdate(append([]byte{0}, dels.Encode()...)); err != nil {
				t.Fatal(err)
			}
			s.Apply(u)
		}
		st := s.Stats()
		if all, gone := s.Inserts(), s.Inserts().Intersect(s.Deletes()); st.Length != all.Len() || st.Deleted != gone.Len() {
			t.Fatalf("%d of %d deleted, want %d of %d", st.Deleted, st.Length, gone.Len(), all.Len())
		}
	})
}
