package crdt_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
)

// TestCollectHistories compares what Collect leaves with what Yjs does when a
// document that collects loads the same state.
func TestCollectHistories(t *testing.T) {
	type answer struct {
		State             []byte
		Before, Collected description
	}
	var names []string
	var updates [][]byte
	var want []description
	equal, smaller := 0, 0
	for seed, a := range askSeeds[answer](t, "collect") {
		name := fmt.Sprintf("seed %d", seed)
		if a.Before.View != a.Collected.View {
			t.Fatalf("%s: Yjs itself reads something else after collecting", name)
		}
		s := applyAll(t, [][]byte{a.State})
		d, err := crdt.NewDoc(s)
		if err != nil {
			t.Fatal(err)
		}
		collected := d.Collect()
		yjs := parse(t, a.Collected.State)
		u := collected.Encode()
		checkEncoded(t, name, u)
		got, wanted := u.Kinds(), yjs.Kinds()
		for kind := range got {
			if !got[kind].Equal(wanted[kind]) {
				t.Fatalf("%s: content %d at %v, want %v", name, kind, ids(got[kind]), ids(wanted[kind]))
			}
		}
		// The same structs, joined by the same rules.
		again := crdt.NewState()
		again.Apply(yjs)
		if bytes.Equal(again.Encode().Bytes(), u.Bytes()) {
			equal++
		}
		if len(u.Bytes()) <= len(a.Collected.State) {
			smaller++
		}
		if collected.Hash() != again.Hash() {
			t.Fatalf("%s: another hash", name)
		}
		names, updates, want = append(names, name), append(updates, u.Bytes()), append(want, a.Collected)

		// What is collected has nothing more to collect.
		d, err = crdt.NewDoc(collected)
		if err != nil {
			t.Fatal(err)
		}
		if twice := d.Collect(); !bytes.Equal(twice.Encode().Bytes(), u.Bytes()) {
			t.Fatalf("%s: collected twice it is different", name)
		}
	}
	t.Logf("%d states, %d byte-equal to Yjs's after joining, %d no larger than Yjs's", len(updates), equal, smaller)
	// Where they aren't, Yjs joins what was deleted one after the other under one key.
	if equal < len(updates)*9/10 || smaller < len(updates) {
		t.Error("too few")
	}
	sameDocuments(t, names, updates, want)
}

func ids(s crdt.IDSet) string {
	var b bytes.Buffer
	for id, n := range s.Ranges() {
		fmt.Fprintf(&b, "(%d %d)+%d ", id.Client, id.Clock, n)
	}
	return b.String()
}

// TestCollectPending holds that what waits for something missing is kept.
func TestCollectPending(t *testing.T) {
	s := applyAll(t, [][]byte{
		update(1, 0, first("abc")), deletion(1, [2]uint32{0, 3}),
		update(1, 9, after(1, 8, "late")), update(2, 0, after(3, 7, "later")), deletion(2, [2]uint32{1, 2}), deletion(4, [2]uint32{0, 1}),
	})
	d, err := crdt.NewDoc(s)
	if err != nil {
		t.Fatal(err)
	}
	collected := d.Collect()
	if !collected.Inserts().Equal(s.Inserts()) || !collected.Deletes().Equal(s.Deletes()) || collected.Hash() != s.Hash() {
		t.Error("something was lost")
	}
	kinds := collected.Encode().Kinds()
	if kinds[crdt.ContentDeleted].Len() != 3 || kinds[crdt.ContentString].Len() != 9 {
		t.Errorf("%d deleted and %d elements of text", kinds[crdt.ContentDeleted].Len(), kinds[crdt.ContentString].Len())
	}
}

// TestCollectDeep collects a type inside which thousands are nested.
func TestCollectDeep(t *testing.T) {
	const depth = 50_000
	s := applyAll(t, [][]byte{update(1, 0, nested(1, depth)...), deletion(1, [2]uint32{0, 1})})
	d, err := crdt.NewDoc(s)
	if err != nil {
		t.Fatal(err)
	}
	u := d.Collect().Encode()
	if f := u.Facts(); f.Structs != 2 {
		t.Errorf("%d structs are left: %x", f.Structs, clip(u.Bytes()))
	}
}
