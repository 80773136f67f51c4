package crdt_test

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// historyRoots are the root types of histories, as in views.mjs.
var historyRoots = map[string]crdt.Kind{
	"text": crdt.KindText, "map": crdt.KindMap, "": crdt.KindMap,
	"array": crdt.KindArray, "xml": crdt.KindXMLFragment, "line": crdt.KindXMLText,
}

// readRoots writes all that a document's roots read as, in the form of views.mjs.
func readRoots(d *crdt.Doc) map[string]string {
	out := make(map[string]string)
	for name, kind := range historyRoots {
		if root, ok := d.Root(name); ok {
			root = root.As(kind)
			out[name] = writeType(root) + " json " + writeValue(root.JSON())
		}
	}
	return out
}

var quoting = strings.NewReplacer(`"`, `\"`, `\`, `\\`)

func quoted(s string) string { return `"` + quoting.Replace(s) + `"` }

func writeValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case lib0.Undefined:
		return "undefined"
	case bool:
		return fmt.Sprint(v)
	case float64:
		if math.IsNaN(v) {
			return "#NaN"
		}
		return fmt.Sprintf("#%016x", math.Float64bits(v))
	case lib0.BigInt:
		return fmt.Sprintf("%dn", int64(v))
	case string:
		return quoted(v)
	case []byte:
		return fmt.Sprintf("bytes %x", v)
	case crdt.Subdoc:
		return "subdoc " + quoted(v.GUID) + writeValue(v.Options)
	case crdt.Type:
		return writeType(v)
	case []any:
		return writeList(slices.Values(v))
	case lib0.Object:
		members := make(map[string]string, len(v))
		for _, m := range v {
			members[m.Key] = writeValue(m.Value)
		}
		return writeObject(members)
	}
	return fmt.Sprintf("a %T", v)
}

func writeList(values func(func(any) bool)) string {
	var out []string
	for v := range values {
		out = append(out, writeValue(v))
	}
	return "[" + strings.Join(out, ",") + "]"
}

func writeObject(members map[string]string) string {
	out := make([]string, 0, len(members))
	for k := range members {
		out = append(out, k)
	}
	// No key of a history has characters that UTF-16 sorts otherwise.
	slices.Sort(out)
	for i, k := range out {
		out[i] = quoted(k) + ":" + members[k]
	}
	return "{" + strings.Join(out, ",") + "}"
}

func writeKeys(t crdt.Type) string {
	members := make(map[string]string)
	for _, k := range t.Keys() {
		v, ok := t.Get(k)
		if !ok {
			v = "missing"
		}
		members[k] = writeValue(v)
	}
	return writeObject(members)
}

func writeDelta(t crdt.Type) string {
	var out []string
	for _, op := range t.Delta() {
		s := "(" + writeValue(op.Insert)
		if len(op.Attributes) > 0 {
			s += writeValue(op.Attributes)
		}
		out = append(out, s+")")
	}
	return "[" + strings.Join(out, ",") + "]"
}

func writeType(t crdt.Type) string {
	switch t.Kind() {
	case crdt.KindText:
		return fmt.Sprintf("text %d %s %s %s", t.Len(), quoted(t.String()), writeDelta(t), writeKeys(t))
	case crdt.KindXMLText:
		return fmt.Sprintf("xmltext %d %s %s %s", t.Len(), quoted(t.XML()), writeDelta(t), writeKeys(t))
	case crdt.KindXMLElement:
		return fmt.Sprintf("element %s %d %s %s %s", quoted(t.Name()), t.Len(), quoted(t.XML()), writeList(t.All()), writeKeys(t))
	case crdt.KindXMLFragment:
		return fmt.Sprintf("fragment %d %s %s", t.Len(), quoted(t.XML()), writeList(t.All()))
	case crdt.KindXMLHook:
		return fmt.Sprintf("hook %s %s", quoted(t.Name()), writeKeys(t))
	case crdt.KindMap:
		return "map " + writeKeys(t)
	case crdt.KindArray:
		return fmt.Sprintf("array %d %s", t.Len(), writeList(t.All()))
	}
	return fmt.Sprintf("a type of kind %d", t.Kind())
}

func (c *checker) newDoc(s *crdt.State) *crdt.Doc {
	c.Helper()
	d, err := crdt.NewDoc(s)
	if err != nil {
		c.Fatal(err)
	}
	return d
}

func (c *checker) apply(d *crdt.Doc, u crdt.Update) {
	c.Helper()
	if err := d.Apply(u); err != nil {
		c.Fatal(err)
	}
}

// compareRead compares what a document reads as with what Yjs reads.
func (c *checker) compareRead(what string, d *crdt.Doc, want map[string]string) {
	c.Helper()
	got := readRoots(d)
	for root := range historyRoots {
		if got[root] != want[root] {
			c.Fatalf("%s: %q reads as\n%s\nwant\n%s", what, root, got[root], want[root])
		}
	}
}

// readWhole reads a document that is made of all updates at once.
func (c *checker) readWhole() {
	c.compareRead("whole", c.newDoc(c.whole), c.Whole.Read)
	again := crdt.NewState()
	again.Apply(c.whole.Encode())
	c.compareRead("encoded", c.newDoc(again), c.Whole.Read)
}

// readShuffled reads a document that was told in any order, of some updates twice.
func (c *checker) readShuffled() {
	d := c.newDoc(crdt.NewState())
	for _, i := range c.random.Perm(len(c.updates)) {
		c.apply(d, c.updates[i])
		if c.random.IntN(3) == 0 {
			c.apply(d, c.updates[c.random.IntN(len(c.updates))])
		}
	}
	c.compareRead("shuffled", d, c.Whole.Read)
	if d.State().Hash() != c.whole.Hash() {
		c.Fatal("the document's state differs")
	}
}

// readDropped reads what is there while updates are missing, and when they come.
func (c *checker) readDropped() {
	d := c.newDoc(crdt.NewState())
	var kept, dropped [][]byte
	for i, u := range c.updates {
		if c.random.IntN(4) == 0 {
			dropped = append(dropped, c.Updates[i])
			continue
		}
		kept = append(kept, c.Updates[i])
		c.apply(d, u)
	}
	got := readRoots(d)
	// The document goes on before Yjs is asked: what it read must not change.
	c.ask.load(func(want document) {
		if want.Pending {
			return // Yjs may wait with more than it has to
		}
		for root := range historyRoots {
			if got[root] != want.Read[root] {
				c.Fatalf("with gaps: %q reads as\n%s\nwant\n%s", root, got[root], want.Read[root])
			}
		}
	}, kept...)
	for _, b := range dropped {
		c.apply(d, parse(c, b))
	}
	c.compareRead("gaps filled", d, c.Whole.Read)
}
