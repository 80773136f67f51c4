package crdt_test

import (
	"cmp"
	"math"
	"slices"
	"unicode/utf16"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// guest is a document that takes part.
type guest struct {
	*crdt.Doc
	client uint64
	own    []crdt.Update
	seen   map[int]bool // of all updates
}

// takePart lets documents take part in a history: they take over what Yjs's
// clients made, edit every kind of type that they find, undo, and hear of each
// other. Yjs must then read what they read.
func (c *checker) takePart() {
	all := slices.Clone(c.updates)
	guests := make([]*guest, 1+c.random.IntN(2))
	for i := range guests {
		// Above and below the clients of Yjs, which draw 32 bits.
		client := 1<<32 + uint64(c.random.IntN(1<<20))*2 + uint64(i)
		if c.random.IntN(2) == 0 {
			client = 1<<20 + uint64(c.random.IntN(1000))*2 + uint64(i)
		}
		guests[i] = &guest{Doc: c.newDoc(crdt.NewState()), client: client, seen: make(map[int]bool)}
	}
	take := func(g *guest, n int) {
		if !g.seen[n] {
			g.seen[n] = true
			c.apply(g.Doc, all[n])
		}
	}
	for n := range c.updates {
		for _, g := range guests {
			if c.random.IntN(8) > 0 {
				take(g, n)
			}
			if c.random.IntN(4) == 0 {
				if u := c.guestEdit(g); !u.IsEmpty() {
					g.seen[len(all)] = true
					all = append(all, u)
				}
			}
			if c.random.IntN(8) == 0 {
				take(g, c.random.IntN(len(all)))
			}
		}
	}
	var bytes [][]byte
	for n, u := range all {
		bytes = append(bytes, u.Bytes())
		for _, g := range guests {
			take(g, n)
		}
	}
	want := readRoots(guests[0].Doc)
	compare := func(what string, got map[string]string) {
		c.Helper()
		for root := range historyRoots {
			if !sameRead(root, got[root], want[root]) {
				c.Fatalf("%s: of %q\n%s\nand the first guest\n%s", what, root, got[root], want[root])
			}
		}
	}
	for _, g := range guests[1:] {
		compare("another guest reads", readRoots(g.Doc))
	}
	integrated := crdt.NewState()
	for _, u := range all {
		integrated.Apply(u)
	}
	compare("a document made of all reads", readRoots(c.newDoc(integrated)))
	if integrated.Hash() != guests[0].State().Hash() {
		c.Fatal("a document that edits has another state than what it gave away")
	}
	yjsReads := func(what string) func(document) {
		return func(got document) {
			if got.Pending {
				c.Fatalf("%s: Yjs finds it incomplete", what)
			}
			compare(what+": Yjs reads", got.Read)
		}
	}
	c.ask.load(yjsReads("state"), guests[0].State().Encode().Bytes())
	// Where a history holds updates back, Yjs may keep some as pending until more
	// comes (see checkDropped): the state at the end makes it look again.
	last := guests[len(guests)-1].State().Encode().Bytes()
	c.ask.load(yjsReads("updates"), append(slices.Clone(bytes), last)...)
	c.random.Shuffle(len(bytes), func(i, j int) { bytes[i], bytes[j] = bytes[j], bytes[i] })
	c.ask.load(yjsReads("shuffled"), append(slices.Clone(bytes), last)...)
}

// sameRead compares two readings of a root, where one that only exists because
// somebody asked for it is as good as none.
func sameRead(root, a, b string) bool {
	empty := map[crdt.Kind]string{
		crdt.KindText: `text 0 "" [] {} json ""`, crdt.KindXMLText: `xmltext 0 "" [] {} json ""`, crdt.KindMap: "map {} json {}",
		crdt.KindArray: "array 0 [] json []", crdt.KindXMLFragment: `fragment 0 "" [] json ""`,
	}[historyRoots[root]]
	return cmp.Or(a, empty) == cmp.Or(b, empty)
}

// guestEdit lets a guest make one transaction.
func (c *checker) guestEdit(g *guest) crdt.Update {
	c.Helper()
	u, err := g.Edit(g.client, func(tx *crdt.Tx) error {
		if len(g.own) > 0 && c.random.IntN(5) == 0 {
			last := g.own[c.random.IntN(len(g.own))]
			return tx.Undo(last.Inserts(), last.Deletes())
		}
		for range 1 + c.random.IntN(4) {
			if err := c.guestChange(g, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.Fatalf("edit: %v", err)
	}
	checkEncoded(c, "edit", u)
	if !u.IsEmpty() {
		g.own = append(g.own, u)
	}
	return u
}

// guestChange makes one change of a type that is there, or of a root.
func (c *checker) guestChange(g *guest, tx *crdt.Tx) error {
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range historyRoots {
			if !yield(name) {
				return
			}
		}
	})
	name := names[c.random.IntN(len(names))]
	types := nestedTypes(tx.Root(name, historyRoots[name]))
	switch t := types[c.random.IntN(len(types))]; t.Kind() {
	case crdt.KindText, crdt.KindXMLText:
		return c.changeText(tx, t)
	case crdt.KindMap, crdt.KindXMLHook:
		return c.changeMap(tx, t)
	case crdt.KindArray:
		return c.changeList(tx, t, crdt.KindMap, crdt.KindArray, crdt.KindText, crdt.KindXMLText)
	case crdt.KindXMLElement:
		if c.random.IntN(3) == 0 {
			return tx.Set(t, "align", c.value())
		}
		return c.changeList(tx, t, crdt.KindXMLElement, crdt.KindXMLText)
	default:
		return c.changeList(tx, t, crdt.KindXMLElement, crdt.KindXMLText, crdt.KindXMLHook)
	}
}

// nestedTypes gives a type and all that are nested in it.
func nestedTypes(t crdt.Type) []crdt.Type {
	out := []crdt.Type{t}
	for i := 0; i < len(out); i++ {
		for v := range out[i].All() {
			if inner, ok := v.(crdt.Type); ok {
				out = append(out, inner)
			}
		}
		for _, k := range out[i].Keys() {
			if v, _ := out[i].Get(k); v != nil {
				if inner, ok := v.(crdt.Type); ok {
					out = append(out, inner)
				}
			}
		}
	}
	return out
}

func (c *checker) value() any {
	values := []any{
		nil, true, false, 0.0, math.Copysign(0, -1), 1.5, -64.0, 4294967296.0, 1e300, math.NaN(), math.Inf(-1), "", "go", "\U0001F600", lib0.BigInt(-5), lib0.Undefined{},
		[]byte{1, 2}, []any{1.0, nil, []any{}}, lib0.Object{{Key: "a", Value: lib0.Object{}}, {Key: "", Value: "x"}}, crdt.Subdoc{GUID: "go", Options: lib0.Object{}},
	}
	return values[c.random.IntN(len(values))]
}

func (c *checker) attributes() lib0.Object {
	all := []lib0.Object{
		nil, nil, {}, {{Key: "bold", Value: true}}, {{Key: "bold", Value: nil}}, {{Key: "italic", Value: "x"}},
		{{Key: "link", Value: lib0.Object{{Key: "href", Value: "y"}}}, {Key: "bold", Value: true}},
	}
	return all[c.random.IntN(len(all))]
}

func (c *checker) changeText(tx *crdt.Tx, t crdt.Type) error {
	places := textPlaces(t)
	from := c.random.IntN(len(places))
	to := from + c.random.IntN(min(len(places)-from, 6))
	at, n := places[from], places[to]-places[from]
	switch roll := c.random.IntN(10); {
	case roll < 5:
		words := []string{"x", "typed by Go ", "\U0001F600", "é\n", "<b>"}
		return tx.InsertText(t, at, words[c.random.IntN(len(words))], c.attributes())
	case roll < 7:
		return tx.Delete(t, at, n)
	case roll < 9:
		return tx.Format(t, at, n, c.attributes())
	default:
		return tx.InsertEmbed(t, at, lib0.Object{{Key: "go", Value: 1.0}}, c.attributes())
	}
}

// textPlaces gives the indexes that cut no surrogate pair: whoever cuts one, even
// by a call that changes nothing, reads two U+FFFD where others don't, as in Yjs.
func textPlaces(t crdt.Type) []int {
	places := []int{0}
	for _, op := range t.Delta() {
		last := places[len(places)-1]
		s, ok := op.Insert.(string)
		if !ok {
			places = append(places, last+1)
			continue
		}
		for _, r := range s {
			last += utf16.RuneLen(r)
			places = append(places, last)
		}
	}
	return places
}

func (c *checker) changeMap(tx *crdt.Tx, t crdt.Type) error {
	keys := []string{"k", "key", "ключ", "", "go"}
	key := keys[c.random.IntN(len(keys))]
	switch c.random.IntN(6) {
	case 0:
		return tx.Unset(t, key)
	case 1:
		kind := crdt.Kind(c.random.IntN(7))
		_, err := tx.SetType(t, key, kind, nameOf(kind))
		return err
	default:
		return tx.Set(t, key, c.value())
	}
}

func (c *checker) changeList(tx *crdt.Tx, t crdt.Type, inner ...crdt.Kind) error {
	length := t.Len()
	at := c.random.IntN(length + 1)
	switch roll := c.random.IntN(8); {
	case roll < 2 && length > 0:
		at = c.random.IntN(length)
		return tx.Delete(t, at, cmp.Or(c.random.IntN(min(3, length-at)+1), 1))
	case roll < 5 || t.Kind() != crdt.KindArray:
		kind := inner[c.random.IntN(len(inner))]
		made, err := tx.InsertType(t, at, kind, nameOf(kind))
		if err == nil && made.Kind() == crdt.KindXMLText {
			err = tx.InsertText(made, 0, "inside", c.attributes())
		}
		return err
	default:
		return tx.Insert(t, at, c.value(), c.value())
	}
}

// nameOf gives a name to kinds that have one.
func nameOf(k crdt.Kind) string {
	if k == crdt.KindXMLElement || k == crdt.KindXMLHook {
		return "go"
	}
	return ""
}
