package crdt_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
)

// TestFormatsAreBounded reads texts made so that each stretch of them repeats all
// formats that are open: n formats and n stretches would become n² marks.
func TestFormatsAreBounded(t *testing.T) {
	const n = 50_000
	// ordered gives structs of formats and letters in one list.
	ordered := func(kinds ...[]byte) [][]byte {
		for i, k := range kinds {
			kinds[i] = placed(k[0], i-1, -1, k[1:])
		}
		return kinds
	}
	mark := func(key, value string) []byte { return append([]byte{6}, append(text(key), text(value)...)...) }
	letter := append([]byte{4}, text("x")...)
	var opened, toggled, long, characters [][]byte
	for i := range n {
		opened = append(opened, mark(fmt.Sprint("k", i), "1"), letter)
	}
	for i := range n {
		toggled = append(toggled, mark(fmt.Sprint("k", i), "1"))
	}
	for i := range n {
		toggled = append(toggled, mark("k7", fmt.Sprint(i)), letter)
	}
	long = append(long, mark(string(bytes.Repeat([]byte("k"), 1<<20)), "1"))
	characters = append(characters, mark("s", `"`+string(bytes.Repeat([]byte("k"), 300_000))+`"`))
	for i := range n {
		long = append(long, mark("b", fmt.Sprint(i)), letter)
		characters = append(characters, mark("b", fmt.Sprint(i)), letter)
	}
	for name, structs := range map[string][][]byte{
		"ever more formats": opened, "one of many changes": toggled, "a long name": long, "a long value": characters,
	} {
		t.Run(name, func(t *testing.T) {
			b := update(1, 0, ordered(structs...)...)
			r, _ := integrated(t, b).Root("xml")
			ops := 0
			spent := allocated(func() { ops = len(r.Delta()) })
			if most := uint64(256<<20 + 100*len(b)); ops != n || spent > most {
				t.Errorf("a delta of %d bytes took %d bytes, more than %d, for %d operations", len(b), spent, most, ops)
			}
			start := time.Now()
			var xml string
			spent = allocated(func() { xml = r.As(crdt.KindXMLText).XML() })
			if most := uint64(256<<20 + 200*len(b)); len(xml) < n || spent > most {
				t.Errorf("XML of %d bytes took %d bytes, more than %d", len(b), spent, most)
			}
			t.Logf("%d bytes, XML of %d bytes in %v", len(b), len(xml), time.Since(start))
		})
	}
}

// allocated gives the bytes that f allocates, freed or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestManyFormatsOfOneText holds that formats that come and go by the thousand, as in
// a long text that was formatted much, are all read.
func TestManyFormatsOfOneText(t *testing.T) {
	const n = 20_000
	var structs [][]byte
	add := func(kind byte, body []byte) { structs = append(structs, placed(kind, len(structs)-1, -1, body)) }
	add(6, append(text("link"), text(`{"href":"https://example.org/a/rather/long/address?with=parameters&and=more"}`)...))
	for i := range n {
		value := "true"
		if i%2 == 1 {
			value = "null"
		}
		add(6, append(text("bold"), text(value)...))
		add(4, text("x"))
	}
	r := root(t, structs...)
	ops := r.Delta()
	for i, op := range ops {
		if want := 2 - i%2; len(op.Attributes) != want || op.Attributes[0].Key != "link" {
			t.Fatalf("operation %d has %s", i, show(op.Attributes))
		}
	}
	if got := bytes.Count([]byte(r.As(crdt.KindXMLText).XML()), []byte("<link href=")); len(ops) != n || got != n {
		t.Errorf("%d operations, %d links in XML, want %d", len(ops), got, n)
	}
}

// FuzzReading reads all that a document holds, in every way. The output is bounded by
// the input, and nothing panics.
func FuzzReading(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Add(update(1, 0, placed(8, -1, -1, []byte{2, 116, 3, 1, 2, 3, 127}), element(1, -1, "Ⱥ"), keyed(2, "k", 7, []byte{6}), format(-1, 3, "b", `{"a":"😀"}`), placed(4, 4, -1, text("x😀"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := crdt.ParseUpdate(b)
		if err != nil {
			return
		}
		s := crdt.NewState()
		s.Apply(u)
		d, err := crdt.NewDoc(s)
		if err != nil {
			return
		}
		most := 16<<20 + 512*len(b)
		bounded := func(what string, n int) {
			if n > most {
				t.Fatalf("%s of %d bytes has %d", what, len(b), n)
			}
		}
		before := s.Hash()
		bounded("the document's JSON", len(crdt.AppendJSON(nil, d.JSON(nil))))
		for _, name := range d.Roots() {
			root, _ := d.Root(name)
			bounded("ProseMirror's JSON", len(crdt.AppendJSON(nil, crdt.ProseMirror(root))))
			for k := crdt.KindArray; k <= crdt.KindXMLText; k++ {
				as := root.As(k)
				bounded("XML", len(as.XML()))
				bounded("a string", len(as.String()))
				bounded("JSON", len(crdt.AppendJSON(nil, as)))
			}
			attributes := 0
			for _, op := range root.Delta() {
				attributes += len(op.Attributes)
			}
			bounded("a delta", attributes)
			checkElements(t, root.As(crdt.KindArray))
			for _, key := range root.Keys() {
				if v, ok := root.Get(key); !ok {
					t.Fatalf("key %q has no value", key)
				} else if inside, ok := v.(crdt.Type); ok {
					checkElements(t, inside)
				}
			}
		}
		if s.Hash() != before {
			t.Fatal("reading has changed the document")
		}
	})
}

// checkElements holds that a list has as many elements as its length says, and the same one by one.
func checkElements(t *testing.T, in crdt.Type) {
	t.Helper()
	all := slices.Collect(in.All())
	if k := in.Kind(); k != crdt.KindMap && k != crdt.KindXMLHook && in.Len() != len(all) {
		t.Fatalf("length %d, but %d elements", in.Len(), len(all))
	}
	for _, i := range []int{0, len(all) / 2, len(all) - 1} {
		if v, ok := in.At(i); ok != (i >= 0 && i < len(all)) || ok && show(v) != show(all[i]) {
			t.Fatalf("element %d of %d is %v", i, len(all), v)
		}
	}
	if v, ok := in.At(len(all)); ok {
		t.Fatalf("behind the last element there is %v", v)
	}
}

// BenchmarkPaperRead reads the text of the trace, once it is integrated.
func BenchmarkPaperRead(b *testing.B) {
	d, err := crdt.NewDoc(applyAll(b, paperUpdates(b)))
	if err != nil {
		b.Fatal(err)
	}
	r, _ := d.Root("text")
	r = r.As(crdt.KindText)
	for name, read := range map[string]func() int{
		"String": func() int { return len(r.String()) },
		"Delta":  func() int { return len(r.Delta()[0].Insert.(string)) },
		"JSON":   func() int { return len(crdt.AppendJSON(nil, d.JSON(nil))) },
		"Len":    r.Len,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if read() < 100_000 {
					b.Fatal("a part of the text is missing")
				}
			}
		})
	}
}

// BenchmarkRichRead reads a text of 20,000 stretches with changing formats.
func BenchmarkRichRead(b *testing.B) {
	var structs [][]byte
	add := func(kind byte, body []byte) { structs = append(structs, placed(kind, len(structs)-1, -1, body)) }
	for i := range 20_000 {
		add(6, append(text([]string{"bold", "italic", "link"}[i%3]), text([]string{"true", "null", `{"href":"https://example.org"}`}[i%4%3])...))
		add(4, text("some words "))
	}
	r := root(b, structs...)
	for name, read := range map[string]func() int{
		"Delta": func() int { return len(r.Delta()) },
		"XML":   func() int { return len(r.As(crdt.KindXMLText).XML()) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if read() < 10_000 {
					b.Fatal("a part of the text is missing")
				}
			}
		})
	}
}
