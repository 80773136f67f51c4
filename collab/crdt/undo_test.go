package crdt_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
)

// changes are the ids of something that was done, and of what was undone with it.
type changes struct{ inserted, deleted crdt.IDSet }

func changesOf(u crdt.Update) changes { return changes{u.Inserts(), u.Deletes()} }

func (c changes) with(o changes) changes {
	return changes{c.inserted.Union(o.inserted), c.deleted.Union(o.deleted)}
}

func undo(t testing.TB, d *crdt.Doc, c changes) crdt.Update {
	t.Helper()
	return edit(t, d, func(tx *crdt.Tx) error { return tx.Undo(c.inserted, c.deleted) })
}

// TestUndo shows what comes back and what stays.
func TestUndo(t *testing.T) {
	const other = 77
	for _, c := range []struct {
		name   string
		before func(tx *crdt.Tx, text, dict crdt.Type) error // everybody's
		mine   func(tx *crdt.Tx, text, dict crdt.Type) error // to be undone
		theirs func(tx *crdt.Tx, text, dict crdt.Type) error // meanwhile
		want   string                                        // of text and dict
	}{
		{"typing",
			nil,
			func(tx *crdt.Tx, text, dict crdt.Type) error { return tx.InsertText(text, 5, " world", nil) },
			func(tx *crdt.Tx, text, dict crdt.Type) error { return tx.InsertText(text, 7, "XY", nil) },
			`[["helloXY",null]] {}`},
		{"deleting",
			nil,
			func(tx *crdt.Tx, text, dict crdt.Type) error { return tx.Delete(text, 1, 3) },
			func(tx *crdt.Tx, text, dict crdt.Type) error { return tx.InsertText(text, 0, "X", nil) },
			`[["Xhello",null]] {}`},
		{"formatting",
			nil,
			func(tx *crdt.Tx, text, dict crdt.Type) error { return tx.Format(text, 0, 2, bold) },
			func(tx *crdt.Tx, text, dict crdt.Type) error { return tx.InsertText(text, 1, "X", nil) },
			`[["hXello",null]] {}`},
		{"a key",
			func(tx *crdt.Tx, text, dict crdt.Type) error { return tx.Set(dict, "k", 1) },
			func(tx *crdt.Tx, text, dict crdt.Type) error {
				return errors.Join(tx.Set(dict, "k", 2), tx.Set(dict, "k", 3))
			},
			func(tx *crdt.Tx, text, dict crdt.Type) error { return tx.Set(dict, "other", 4) },
			`[["hello",null]] {"k":1,"other":4}`},
		{"a key that somebody else has set since",
			func(tx *crdt.Tx, text, dict crdt.Type) error { return tx.Set(dict, "k", 1) },
			func(tx *crdt.Tx, text, dict crdt.Type) error { return tx.Set(dict, "k", 2) },
			func(tx *crdt.Tx, text, dict crdt.Type) error { return tx.Set(dict, "k", 3) },
			`[["hello",null]] {"k":3}`},
		{"a type with all that is in it",
			func(tx *crdt.Tx, text, dict crdt.Type) error {
				in, err := tx.SetType(dict, "k", crdt.KindMap, "")
				deep, err2 := tx.SetType(in, "deep", crdt.KindText, "")
				return errors.Join(err, err2, tx.Set(in, "a", 1), tx.Set(in, "a", 2), tx.InsertText(deep, 0, "cd", nil), tx.InsertText(deep, 0, "ab", nil))
			},
			func(tx *crdt.Tx, text, dict crdt.Type) error { return tx.Unset(dict, "k") },
			nil,
			`[["hello",null]] {"k":{"keys":{"a":2,"deep":{"delta":[["abcd",null]],"keys":{}}}}}`},
		{"what came and went",
			nil,
			func(tx *crdt.Tx, text, dict crdt.Type) error {
				return errors.Join(tx.InsertText(text, 2, "XXX", nil), tx.Delete(text, 3, 1))
			},
			nil,
			`[["hello",null]] {}`},
	} {
		d, text := newText(t, "hello")
		var dict crdt.Type
		do := func(client uint64, f func(tx *crdt.Tx, text, dict crdt.Type) error) crdt.Update {
			u, err := d.Edit(client, func(tx *crdt.Tx) error {
				dict = tx.Root("map", crdt.KindMap)
				if f == nil {
					return nil
				}
				return f(tx, text, dict)
			})
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			return u
		}
		show := func() string {
			view, keys := viewType(text), viewType(dict)
			return string(crdt.AppendJSON(append(crdt.AppendJSON(nil, member(view, "delta")), ' '), member(keys, "keys")))
		}
		do(other, c.before)
		mine := do(typist, c.mine)
		do(other, c.theirs)
		changed := show()
		undone := undo(t, d, changesOf(mine))
		checkEncoded(t, "undo", undone)
		if got := show(); got != c.want {
			t.Errorf("%s: undone it is %s, want %s", c.name, got, c.want)
		}
		// To redo is to undo the undoing.
		undo(t, d, changesOf(undone))
		if got := show(); got != changed {
			t.Errorf("%s: redone it is %s, want %s", c.name, got, changed)
		}
	}
}

// TestUndoAsYjs lets one peer do things while another does others, takes back what
// the first did in its last transactions, and does it again.
func TestUndoAsYjs(t *testing.T) {
	const mine, theirs = 1000, 2000
	var programs []peer
	var views [][]string
	for seed := range 400 {
		r := rand.New(rand.NewPCG(uint64(seed), 11))
		var docs [2]*crdt.Doc
		for i := range docs {
			docs[i], _ = newText(t, "hello")
		}
		p, view := peer{Client: mine, Steps: []step{}}, []string{}
		e := &editor{Rand: r}
		// change lets one of the two do something and tells the other.
		change := func(who int, client uint64, do string, f func(*crdt.Tx) error) crdt.Update {
			u, err := docs[who].Edit(client, f)
			if err == nil {
				err = docs[1-who].Apply(u)
			}
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			checkEncoded(t, "edit", u)
			s := step{Do: do, Calls: e.calls}
			if who == 1 {
				s = step{Receive: u.Bytes()}
			} else if do == "undo" || do == "redo" {
				s.Calls = nil
			}
			p.Steps, view = append(p.Steps, s), append(view, viewDoc(docs[0]))
			return u
		}
		others := func() {
			for range r.IntN(3) {
				change(1, theirs, "", e.transaction)
			}
		}
		p.Steps, view = append(p.Steps, step{Receive: docs[0].State().Encode().Bytes()}), append(view, viewDoc(docs[0]))
		for range r.IntN(5) {
			others()
			change(0, mine, "before", e.transaction)
		}
		var done changes
		for range 1 + r.IntN(4) {
			others()
			done = done.with(changesOf(change(0, mine, "mine", e.transaction)))
		}
		others()
		for _, do := range []string{"undo", "redo", "undo"} {
			done = changesOf(change(0, mine, do, func(tx *crdt.Tx) error { return tx.Undo(done.inserted, done.deleted) }))
			fresh, err := crdt.NewDoc(docs[0].State())
			if err != nil {
				t.Fatal(err)
			}
			if got := viewDoc(fresh); got != viewDoc(docs[0]) || viewDoc(docs[1]) != got {
				t.Fatalf("seed %d: others read\n%s\nand\n%s\nafter %s:\n%s", seed, got, viewDoc(docs[1]), do, viewDoc(docs[0]))
			}
		}
		programs, views = append(programs, p), append(views, view)
	}
	answers := askEdits[[]struct{ View string }](t, "undo", programs)
	if len(answers) != len(programs) {
		t.Fatalf("%d answers about %d programs", len(answers), len(programs))
	}
	for seed, steps := range answers {
		for k, s := range steps {
			if want := views[seed][k]; s.View != want {
				t.Errorf("seed %d: after step %d of %d (%s) Yjs reads\n%s\nwant\n%s", seed, k, len(steps), programs[seed].Steps[k].Do, s.View, want)
				break
			}
		}
	}
}
