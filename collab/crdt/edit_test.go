package crdt_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// newText makes a document with a root "text" that typist has written.
func newText(t testing.TB, s string) (*crdt.Doc, crdt.Type) {
	t.Helper()
	d, err := crdt.NewDoc(crdt.NewState())
	if err != nil {
		t.Fatal(err)
	}
	var text crdt.Type
	edit(t, d, func(tx *crdt.Tx) error {
		text = tx.Root("text", crdt.KindText)
		return tx.InsertText(text, 0, s, nil)
	})
	return d, text
}

// edit makes an edit of typist's, which must go well.
func edit(t testing.TB, d *crdt.Doc, f func(*crdt.Tx) error) crdt.Update {
	t.Helper()
	u, err := d.Edit(typist, f)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

var (
	bold  = lib0.Object{{Key: "bold", Value: true}}
	plain = lib0.Object{}
)

// TestFormats shows how text gets its formats.
func TestFormats(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(tx *crdt.Tx, text crdt.Type) error
		want string // the delta of "hello" with the first two letters bold, changed
	}{
		{"text without attributes takes those before it", func(tx *crdt.Tx, text crdt.Type) error { return tx.InsertText(text, 2, "X", nil) },
			`[["heX",{"bold":true}],["llo",null]]`},
		{"at the beginning there are none", func(tx *crdt.Tx, text crdt.Type) error { return tx.InsertText(text, 0, "X", nil) },
			`[["X",null],["he",{"bold":true}],["llo",null]]`},
		{"empty attributes are none", func(tx *crdt.Tx, text crdt.Type) error { return tx.InsertText(text, 1, "X", plain) },
			`[["h",{"bold":true}],["X",null],["e",{"bold":true}],["llo",null]]`},
		{"an embed has those given, not those before it", func(tx *crdt.Tx, text crdt.Type) error {
			return tx.InsertEmbed(text, 2, lib0.Object{{Key: "hr", Value: true}}, nil)
		}, `[["he",{"bold":true}],[{"hr":true},null],["llo",null]]`},
		{"nil ends a format", func(tx *crdt.Tx, text crdt.Type) error {
			return tx.Format(text, 1, 3, lib0.Object{{Key: "bold", Value: nil}})
		}, `[["h",{"bold":true}],["ello",null]]`},
		{"formats that are there already cost nothing", func(tx *crdt.Tx, text crdt.Type) error { return tx.Format(text, 0, 2, bold) },
			`[["he",{"bold":true}],["llo",null]]`},
		{"deleted text takes its formats along", func(tx *crdt.Tx, text crdt.Type) error { return tx.Delete(text, 0, 2) },
			`[["llo",null]]`},
		{"a delta", func(tx *crdt.Tx, text crdt.Type) error {
			return tx.ApplyDelta(text, []crdt.Change{{Retain: 1}, {Insert: "X", Attributes: bold}, {Retain: 2, Attributes: bold}, {Delete: 9}})
		}, `[["hXel",{"bold":true}]]`},
		{"retaining more than there is adds line breaks", func(tx *crdt.Tx, text crdt.Type) error {
			return tx.ApplyDelta(text, []crdt.Change{{Retain: 4}, {Retain: 3, Attributes: bold}})
		}, `[["he",{"bold":true}],["ll",null],["o\n\n",{"bold":true}]]`},
	} {
		d, text := newText(t, "hello")
		edit(t, d, func(tx *crdt.Tx) error { return tx.Format(text, 0, 2, bold) })
		edit(t, d, func(tx *crdt.Tx) error { return c.do(tx, text) })
		delta, _ := viewType(text.As(crdt.KindText)).(lib0.Object)
		if got := string(crdt.AppendJSON(nil, delta[0].Value)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestEditRefused lets edits go wrong after others of the same transaction went
// well: all is then as before.
func TestEditRefused(t *testing.T) {
	own := errors.New("own")
	for _, c := range []struct {
		name string
		do   func(tx *crdt.Tx, text, array, dict crdt.Type) error
	}{
		{"the function's own error", func(*crdt.Tx, crdt.Type, crdt.Type, crdt.Type) error { return own }},
		{"index beyond the end", func(tx *crdt.Tx, text, _, _ crdt.Type) error { return tx.InsertText(text, 99, "x", nil) }},
		{"index below 0", func(tx *crdt.Tx, text, _, _ crdt.Type) error { return tx.InsertText(text, -1, "x", nil) }},
		{"an error that nobody looks at", func(tx *crdt.Tx, text, _, _ crdt.Type) error { _ = tx.InsertText(text, 99, "x", nil); return nil }},
		{"delete too much", func(tx *crdt.Tx, text, _, _ crdt.Type) error { return tx.Delete(text, 1, 99) }},
		{"delete too many values", func(tx *crdt.Tx, _, array, _ crdt.Type) error { return tx.Delete(array, 1, 99) }},
		{"delete less than nothing", func(tx *crdt.Tx, text, _, _ crdt.Type) error { return tx.Delete(text, 1, -1) }},
		{"format too much", func(tx *crdt.Tx, text, _, _ crdt.Type) error { return tx.Format(text, 1, 99, bold) }},
		{"half a character", func(tx *crdt.Tx, text, _, _ crdt.Type) error { return tx.InsertText(text, 7, "x", nil) }},
		{"up to half a character", func(tx *crdt.Tx, text, _, _ crdt.Type) error { return tx.Delete(text, 4, 3) }},
		{"a delta through half a character", func(tx *crdt.Tx, text, _, _ crdt.Type) error {
			return tx.ApplyDelta(text, []crdt.Change{{Retain: 2}, {Delete: 5}})
		}},
		{"a delta of a billion line breaks", func(tx *crdt.Tx, text, _, _ crdt.Type) error {
			return tx.ApplyDelta(text, []crdt.Change{{Retain: 1 << 30}})
		}},
		{"text that is not UTF-8", func(tx *crdt.Tx, text, _, _ crdt.Type) error { return tx.InsertText(text, 0, "\xff", nil) }},
		{"a value that is not UTF-8", func(tx *crdt.Tx, _, array, _ crdt.Type) error { return tx.Insert(array, 0, []any{"\xff"}) }},
		{"a key that is not UTF-8", func(tx *crdt.Tx, _, _, dict crdt.Type) error { return tx.Set(dict, "\xff", 1) }},
		{"a value of Go", func(tx *crdt.Tx, _, array, _ crdt.Type) error { return tx.Insert(array, 0, struct{}{}) }},
		{"a deep value", func(tx *crdt.Tx, _, _, dict crdt.Type) error {
			var v any
			for range lib0.MaxAnyDepth + 1 {
				v = []any{v}
			}
			return tx.Set(dict, "k", v)
		}},
		{"a BigInt in JSON", func(tx *crdt.Tx, text, _, _ crdt.Type) error {
			return tx.InsertEmbed(text, 0, lib0.Object{{Key: "n", Value: lib0.BigInt(1)}}, nil)
		}},
		{"an undefined format", func(tx *crdt.Tx, text, _, _ crdt.Type) error {
			return tx.Format(text, 0, 1, lib0.Object{{Key: "x", Value: lib0.Undefined{}}})
		}},
		{"text in an array", func(tx *crdt.Tx, _, array, _ crdt.Type) error { return tx.InsertText(array, 0, "x", nil) }},
		{"values in a text", func(tx *crdt.Tx, text, _, _ crdt.Type) error { return tx.Insert(text, 0, 1) }},
		{"a key in an array", func(tx *crdt.Tx, _, array, _ crdt.Type) error { return tx.Set(array, "k", 1) }},
		{"a type of no kind", func(tx *crdt.Tx, _, array, _ crdt.Type) error {
			_, err := tx.InsertType(array, 0, crdt.KindUnknown, "")
			return err
		}},
		{"a map with a node name", func(tx *crdt.Tx, _, array, _ crdt.Type) error {
			_, err := tx.InsertType(array, 0, crdt.KindMap, "p")
			return err
		}},
		{"no type at all", func(tx *crdt.Tx, _, _, _ crdt.Type) error { return tx.InsertText(crdt.Type{}, 0, "x", nil) }},
		{"a type of another document", func(tx *crdt.Tx, _, _, _ crdt.Type) error {
			_, other := newText(t, "other")
			return tx.InsertText(other, 0, "x", nil)
		}},
		{"a type that is deleted", func(tx *crdt.Tx, _, array, _ crdt.Type) error {
			in, err := tx.InsertType(array, 0, crdt.KindText, "")
			return errors.Join(err, tx.Delete(array, 0, 1), tx.InsertText(in, 0, "x", nil))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, text := newText(t, "hello 😀")
			var array, dict, nested crdt.Type
			edit(t, d, func(tx *crdt.Tx) (err error) {
				array, dict = tx.Root("array", crdt.KindArray), tx.Root("map", crdt.KindMap)
				nested, err = tx.SetType(dict, "nested", crdt.KindMap, "")
				return errors.Join(err, tx.Insert(array, 0, 1, 2), tx.Set(nested, "a", "b"), tx.Format(text, 0, 2, bold))
			})
			before, state := viewDoc(d), d.State().Encode().Bytes()
			u, err := d.Edit(typist, func(tx *crdt.Tx) error {
				// What goes well at first touches everything.
				in, err := tx.SetType(dict, "new", crdt.KindText, "")
				if err := errors.Join(err, tx.InsertText(in, 0, "x", nil), tx.Unset(dict, "nested"), tx.Delete(array, 0, 1), tx.Delete(text, 1, 2),
					tx.InsertText(text, 1, "yz", bold), tx.Set(tx.Root("fresh", crdt.KindMap), "k", 1)); err != nil {
					t.Fatal(err)
				}
				return c.do(tx, text, array, dict)
			})
			if !errors.Is(err, crdt.ErrEdit) && !errors.Is(err, own) {
				t.Fatalf("error %v", err)
			}
			if !u.IsEmpty() {
				t.Errorf("an update %x in spite of %v", u.Bytes(), err)
			}
			if got := viewDoc(d); got != before || !bytes.Equal(d.State().Encode().Bytes(), state) {
				t.Fatalf("the document is\n%s\nwas\n%s", got, before)
			}
			if _, ok := d.Root("fresh"); ok {
				t.Error("a root stays behind")
			}
			// What named types before does so still.
			edit(t, d, func(tx *crdt.Tx) error {
				return errors.Join(tx.Set(nested, "a", "c"), tx.InsertText(text, 0, "!", nil), tx.Insert(array, 2, 3), tx.Set(dict, "k", 1))
			})
			if got := viewDoc(d); !strings.Contains(got, `"nested":{"keys":{"a":"c"}}`) || !strings.Contains(got, `["!",null],["he"`) {
				t.Fatalf("edited again it is %s", got)
			}
		})
	}
}

// TestEditClients shows whose id may be used.
func TestEditClients(t *testing.T) {
	s := crdt.NewState()
	s.Apply(parse(t, update(1, 0, first("a"))))
	s.Apply(parse(t, update(2, 5, after(1, 0, "gap"))))  // behind a gap
	s.Apply(parse(t, update(3, 0, after(4, 0, "wait")))) // for a client that nobody has
	s.Apply(parse(t, deletion(5, [2]uint32{7, 1})))      // of what is to come
	d, err := crdt.NewDoc(s)
	if err != nil {
		t.Fatal(err)
	}
	for client, ok := range map[uint64]bool{1: true, 2: false, 3: false, 5: false, 6: true, 1<<53 - 1: true, 1 << 53: false} {
		u, err := d.Edit(client, func(tx *crdt.Tx) error { return tx.InsertText(tx.Root("text", crdt.KindText), 0, "x", nil) })
		if ok != (err == nil) || err != nil && !errors.Is(err, crdt.ErrEdit) {
			t.Errorf("client %d: %v", client, err)
		}
		if ok {
			checkEncoded(t, "edit", u)
		}
	}
	if _, err := d.Edit(1, func(tx *crdt.Tx) error {
		_, err := d.Edit(1, func(*crdt.Tx) error { return nil })
		return err
	}); !errors.Is(err, crdt.ErrEdit) {
		t.Errorf("an edit inside an edit: %v", err)
	}
	if u, err := d.Edit(1, func(*crdt.Tx) error { return nil }); err != nil || !u.IsEmpty() {
		t.Errorf("an edit of nothing gives %x, %v", u.Bytes(), err)
	}
	if u := edit(t, d, func(tx *crdt.Tx) error { tx.Root("unused", crdt.KindMap); return nil }); !u.IsEmpty() {
		t.Errorf("a root alone gives %x", u.Bytes())
	}
}

// TestEditPanics lets the function panic in the middle.
func TestEditPanics(t *testing.T) {
	d, text := newText(t, "hello")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is swallowed")
			}
		}()
		_, _ = d.Edit(typist, func(tx *crdt.Tx) error {
			if err := tx.Delete(text, 0, 3); err != nil {
				t.Fatal(err)
			}
			panic("oops")
		})
	}()
	if got := text.String(); got != "hello" {
		t.Errorf("the text is %q", got)
	}
}
