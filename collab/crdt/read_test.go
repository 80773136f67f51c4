package crdt_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// keyed makes a struct under a key of root "xml" or of what an element of client 1 holds.
func keyed(parent int, key string, kind byte, body []byte) []byte {
	b := []byte{kind | 0x20, 0, 1}
	if parent >= 0 {
		b = lib0.AppendVarUint(b, uint64(parent))
	} else {
		b = append([]byte{kind | 0x20, 1}, text("xml")...)
	}
	return append(lib0.AppendVarString(b, key), body...)
}

// format makes a struct that begins or ends a format.
func format(origin, parent int, key, value string) []byte {
	return placed(6, origin, parent, append(text(key), text(value)...))
}

// values makes the body of a ContentAny.
func values(t testing.TB, vs ...any) []byte {
	t.Helper()
	b := lib0.AppendVarUint(nil, uint64(len(vs)))
	for _, v := range vs {
		var err error
		if b, err = lib0.AppendAny(b, v); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// root gives root "xml" of the document that structs of client 1 make.
func root(t testing.TB, structs ...[]byte) crdt.Type {
	t.Helper()
	r, ok := integrated(t, update(1, 0, structs...)).Root("xml")
	if !ok {
		t.Fatal("no such root")
	}
	return r
}

// showDelta writes a delta.
func showDelta(t crdt.Type) string {
	parts := []string{}
	for _, op := range t.Delta() {
		s := show(op.Insert)
		if op.Attributes != nil {
			s += show(op.Attributes)
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

func TestDelta(t *testing.T) {
	for _, c := range []struct {
		name    string
		structs [][]byte
		delta   string
		xml     string // of the same as an XmlText
	}{
		{"plain text", [][]byte{chars(-1, "ab")}, `"ab"`, "ab"},
		{
			"a format that ends", [][]byte{format(-1, -1, "b", "true"), placed(4, 0, -1, text("x")), format(1, -1, "b", "null"), placed(4, 2, -1, text("y"))},
			`"x"{"b":true} "y"`, "<b>x</b>y",
		},
		{
			"a format set again keeps its place, one that ended and began comes last",
			[][]byte{
				format(-1, -1, "a", "1"), format(0, -1, "b", "1"), format(1, -1, "a", "2"), placed(4, 2, -1, text("x")),
				format(3, -1, "a", "null"), format(4, -1, "a", "3"), placed(4, 5, -1, text("y")),
			},
			`"x"{"a":2,"b":1} "y"{"b":1,"a":3}`, "<a><b>x</b></a><a><b>y</b></a>",
		},
		{
			"a format that changes nothing still divides", [][]byte{format(-1, -1, "b", "true"), placed(4, 0, -1, text("x")), format(1, -1, "b", "true"), placed(4, 2, -1, text("y"))},
			`"x"{"b":true} "y"{"b":true}`, "<b>x</b><b>y</b>",
		},
		{
			"ychange ends at the next string, not at an embed",
			[][]byte{format(-1, -1, "ychange", `{"type":"added"}`), placed(5, 0, -1, text(`{"i":1}`)), placed(4, 1, -1, text("x"))},
			`{"i":1}{"ychange":{"type":"added"}} "x"`, `<ychange type="added">[object Object]</ychange>x`,
		},
		{
			"members of formats are attributes, sorted; a string has its indexes",
			[][]byte{format(-1, -1, "link", `{"title":null,"href":"a\"b"}`), format(0, -1, "s", `"x😀"`), format(1, -1, "n", "[7]"), placed(4, 2, -1, text("t"))},
			`"t"{"link":{"title":null,"href":"a\"b"},"s":"x😀","n":[7]}`,
			"<link href=\"a\"b\" title=\"null\"><n 0=\"7\"><s 0=\"x\" 1=\"\ufffd\" 2=\"\ufffd\">t</s></n></link>",
		},
		{
			"formats are sorted as strings, by UTF-16 unit",
			[][]byte{format(-1, -1, "\uffee", "1"), format(0, -1, "𝒳", "1"), format(1, -1, "9", "1"), format(2, -1, "10", "1"), placed(4, 3, -1, text("t"))},
			"\"t\"{\"\uffee\":1,\"𝒳\":1,\"9\":1,\"10\":1}", "<10><9><𝒳><\uffee>t</\uffee></𝒳></9></10>",
		},
		{"a prototype is no attribute", [][]byte{format(-1, -1, "__proto__", "1"), placed(4, 0, -1, text("t"))}, `"t"{}`, "t"},
		{"values that are no text are passed over", [][]byte{chars(-1, "a"), placed(8, 0, -1, values(t, 1, 2)), placed(4, 2, -1, text("b"))}, `"ab"`, "ab"},
		{"embeds of all kinds", [][]byte{placed(5, -1, -1, text(`[1,[null,2]]`)), placed(5, 0, -1, text(`-0`)), placed(5, 1, -1, text(`"s"`))}, `[1,[null,2]] -0 "s"`, "1,,20s"},
		{"a nested map", [][]byte{placed(7, -1, -1, []byte{1})}, "type(1:0)", "[object Object]"},
		{"a nested XmlText", [][]byte{format(-1, -1, "b", "1"), placed(7, 0, -1, []byte{6}), chars(1, "in"), placed(4, 1, -1, text("out"))}, `type(1:1){"b":1} "out"{"b":1}`, "<b>in</b><b>out</b>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := root(t, c.structs...)
			if got := showDelta(r.As(crdt.KindText)); got != c.delta {
				t.Errorf("delta %s, want %s", got, c.delta)
			}
			if got := r.As(crdt.KindXMLText).XML(); got != c.xml {
				t.Errorf("XML %s, want %s", got, c.xml)
			}
		})
	}
}

func TestXMLOfElements(t *testing.T) {
	for _, c := range []struct {
		name    string
		structs [][]byte
		want    string
	}{
		{"a name in lower case", [][]byte{element(-1, -1, "listItem")}, "<listitem></listitem>"},
		{"no name at all", [][]byte{element(-1, -1, "")}, "<></>"},
		{"attributes sorted by UTF-16 unit", [][]byte{
			element(-1, -1, "p"), keyed(0, "\uffee", 8, values(t, 1)), keyed(0, "𝒳", 8, values(t, 2)), keyed(0, "b", 8, values(t, true)), keyed(0, "B", 8, values(t, nil)),
		}, "<p B=\"null\" b=\"true\" 𝒳=\"2\" \uffee=\"1\"></p>"},
		{"nothing is escaped", [][]byte{element(-1, -1, "p"), keyed(0, "a", 8, values(t, `"<&>`)), placed(7, -1, 0, []byte{6}), chars(2, "<b>&")}, `<p a=""<&>"><b>&</p>`},
		{"a text as an attribute", [][]byte{element(-1, -1, "p"), keyed(0, "a", 7, []byte{6}), chars(1, "x"), keyed(0, "b", 7, []byte{2}), chars(3, "y"), keyed(0, "c", 7, []byte{0})}, `<p a="x" b="y" c="[object Object]"></p>`},
		{"values between elements", [][]byte{
			placed(8, -1, -1, values(t, 1e21, lib0.BigInt(-5), []any{nil, lib0.Object{}}, []byte{1, 2}, lib0.Undefined{}, math.Copysign(0, -1))),
			placed(9, 5, -1, append(text("guid"), values(t, lib0.Object{})[1:]...)), placed(3, 6, -1, text("\x07")), placed(7, 7, -1, append([]byte{5}, text("h")...)),
		}, "1e+21-5,[object Object]1,2undefined0[object Object]7[object Object]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := root(t, c.structs...).As(crdt.KindXMLFragment).String(); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestKindOfRoots holds what a root of unknown kind is read as.
func TestKindOfRoots(t *testing.T) {
	for _, c := range []struct {
		name    string
		structs [][]byte
		json    string
	}{
		{"characters make a text", [][]byte{chars(-1, "a")}, `"a"`},
		{"an embed makes a text", [][]byte{placed(5, -1, -1, text("1"))}, `""`},
		{"a text has attributes too", [][]byte{chars(-1, "a"), keyed(-1, "dir", 8, values(t, "rtl"))}, `"a"`},
		{"elements make a fragment", [][]byte{element(-1, -1, "p")}, `"\u003cp>\u003c/p>"`},
		{"an XmlText makes a fragment", [][]byte{xmlText(-1), chars(0, "x")}, `"x"`},
		{"values make an array", [][]byte{placed(8, -1, -1, values(t, 1, "two"))}, `[1,"two"]`},
		{"other types make an array", [][]byte{placed(7, -1, -1, []byte{1})}, `[{}]`},
		{"keys alone make a map", [][]byte{keyed(-1, "k", 8, values(t, 1))}, `{"k":1}`},
		{"what is gone tells nothing", [][]byte{placed(1, -1, -1, []byte{3})}, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := strings.ReplaceAll(c.json, `\u003c`, "<")
			r := root(t, c.structs...)
			if got := string(crdt.AppendJSON(nil, r.JSON())); got != want || r.Kind() != crdt.KindUnknown {
				t.Errorf("%s of kind %d, want %s of unknown kind", got, r.Kind(), want)
			}
		})
	}
	d := integrated(t, update(1, 0, chars(-1, "ab"), keyed(-1, "k", 8, values(t, 1))), update(2, 0, placed(1, -1, -1, []byte{3})))
	for want, kinds := range map[string]map[string]crdt.Kind{
		`{"xml":"ab"}`:      nil,
		`{"xml":["a","b"]}`: {"xml": crdt.KindArray, "nowhere": crdt.KindText},
		`{"xml":{"k":1}}`:   {"xml": crdt.KindMap},
	} {
		if got := string(crdt.AppendJSON(nil, d.JSON(kinds))); got != want {
			t.Errorf("with kinds %v the document is %s, want %s", kinds, got, want)
		}
	}
}

func TestTypes(t *testing.T) {
	r := root(t,
		element(-1, -1, "p"),                               // 1:0
		keyed(0, "k", 8, values(t, "old")),                 // 1:1
		append([]byte{0x88, 1, 1}, values(t, "new", 7)...), // 1:2 and 3, behind it
		xmlText(0),     // 1:4
		chars(4, "a😀"), // 1:5 to 7
		placed(7, -1, 0, append([]byte{5}, text("hook")...)), // 1:8
	).As(crdt.KindXMLFragment)
	p := at(t, r, 0)
	if name, ok := r.RootName(); !ok || name != "xml" || r.Kind() != crdt.KindXMLFragment || r.Deleted() {
		t.Errorf("root %q of kind %d", name, r.Kind())
	}
	if _, ok := r.ID(); ok {
		t.Error("a root has an id")
	}
	if _, ok := r.Parent(); ok {
		t.Error("a root has a parent")
	}
	if id, ok := p.ID(); !ok || id != (crdt.ID{Client: 1}) || p.Name() != "p" || p.Kind() != crdt.KindXMLElement || p.As(crdt.KindMap) != p {
		t.Errorf("element %q with id %v", p.Name(), id)
	}
	if parent, ok := p.Parent(); !ok || parent.As(crdt.KindXMLFragment) != r {
		t.Error("another parent")
	}
	if v, ok := p.Get("k"); !ok || v != 7.0 || !slices.Equal(p.Keys(), []string{"k"}) {
		t.Errorf("the last value of the last item of a key is its value, not %v", v)
	}
	if v, ok := p.Get("none"); ok {
		t.Errorf("no value is %v", v)
	}
	if hook := at(t, p, 0); hook.Name() != "hook" || hook.Kind() != crdt.KindXMLHook || hook.Len() != 0 {
		t.Errorf("hook %q of kind %d", hook.Name(), hook.Kind())
	}
	text := at(t, p, 1)
	if units := show(slices.Collect(text.All())); units != "[\"a\",\"\ufffd\",\"\ufffd\"]" || text.Len() != 3 {
		t.Errorf("units %s", units)
	}
	for i, want := range []any{"a", "\ufffd", "\ufffd"} {
		if v, ok := text.At(i); !ok || v != want {
			t.Errorf("unit %d is %v", i, v)
		}
	}
	for _, i := range []int{-1, 3, math.MaxInt} {
		if v, ok := text.At(i); ok {
			t.Errorf("unit %d is %v", i, v)
		}
	}
	for v := range text.All() {
		if v != "a" {
			t.Errorf("%v comes first", v)
		}
		break
	}
}

// at gives a nested type.
func at(t *testing.T, in crdt.Type, index int) crdt.Type {
	t.Helper()
	v, ok := in.At(index)
	if !ok {
		t.Fatalf("nothing at %d", index)
	}
	return v.(crdt.Type)
}

// TestDeletedType reads a type that is no longer there, through a value that was had before.
func TestDeletedType(t *testing.T) {
	s := applyAll(t, [][]byte{update(1, 0, element(-1, -1, "p"), xmlText(0), chars(1, "x"), keyed(0, "k", 8, values(t, 1)))})
	d, err := crdt.NewDoc(s)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := d.Root("xml")
	p := at(t, r, 0)
	if p.Deleted() || p.XML() != `<p k="1">x</p>` {
		t.Fatalf("%v: %s", p.Deleted(), p.XML())
	}
	if err := d.Apply(parse(t, deletion(1, [2]uint32{0, 1}))); err != nil {
		t.Fatal(err)
	}
	if !p.Deleted() || p.XML() != "<p></p>" || p.Len() != 0 || len(p.Keys()) != 0 || r.XML() != "" {
		t.Errorf("deleted %v, %s in %s", p.Deleted(), p.XML(), r.XML())
	}
}

// TestZeroType reads what is not there: a root that a document lacks, the zero value.
func TestZeroType(t *testing.T) {
	missing, ok := integrated(t, []byte{0, 0}).Root("nowhere")
	if ok || missing != (crdt.Type{}) {
		t.Error("there is a root in an empty document")
	}
	var z crdt.Type
	_, hasID := z.ID()
	_, hasName := z.RootName()
	_, hasParent := z.Parent()
	_, hasAt := z.At(0)
	_, hasKey := z.Get("k")
	if hasID || hasName || hasParent || hasAt || hasKey || z.Deleted() || z.Len() != 0 || len(z.Keys()) != 0 || z.String() != "" || z.XML() != "" || z.Delta() != nil || z.Name() != "" || z.Kind() != crdt.KindUnknown {
		t.Error("the zero type has something")
	}
	if got := string(crdt.AppendJSON(nil, crdt.ProseMirror(z))); got != `{"type":"doc","content":[]}` {
		t.Errorf("as a document %s", got)
	}
	for k, want := range map[crdt.Kind]string{crdt.KindArray: "[]", crdt.KindMap: "{}", crdt.KindText: `""`, crdt.KindXMLElement: `"<undefined></undefined>"`} {
		if got := string(crdt.AppendJSON(nil, z.As(k).JSON())); got != want {
			t.Errorf("read as kind %d: %s, want %s", k, got, want)
		}
	}
}
