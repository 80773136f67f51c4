package crdt_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// How many documents TestReadingAsYjs reads, and from which seed on:
//
//	go test ./collab/crdt -run TestReadingAsYjs -documents 10000 -first 1000
var (
	readCount = flag.Int("documents", 400, "random documents to read")
	readFirst = flag.Int("first", 0, "seed of the first of them")
)

// reading is what one program reads in one type. What a kind lacks is "".
type reading struct {
	Kind   int
	Len    int
	List   string
	Middle string
	Keyed  string
	Delta  string
	String string
	JSON   string
}

// TestReadingAsYjs reads random documents, every type by every method, as Yjs does.
func TestReadingAsYjs(t *testing.T) {
	lines := readWithYjs(t, *readFirst, *readCount)
	types := 0
	for range *readCount {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("read.mjs: %v", err)
		}
		var doc struct {
			Seed     int
			Updates  [][]byte
			Readings []struct {
				Kinds map[string]crdt.Kind
				Types map[string]reading
			}
		}
		if err := json.Unmarshal(line, &doc); err != nil {
			t.Fatalf("read.mjs: %v", err)
		}
		d := integrated(t, doc.Updates...)
		for _, want := range doc.Readings {
			got := readAll(d, want.Kinds)
			for path, w := range want.Types {
				types++
				g, ok := got[path]
				if name, isRoot := want.Kinds[path]; isRoot && !ok {
					g = readType(crdt.Type{}.As(name)) // nobody has put anything there
				}
				if w.JSON == "throws" {
					w.JSON, g.JSON = "", ""
				}
				if w.String == "throws" {
					w.String, g.String = "", ""
				}
				if g != w {
					t.Fatalf("seed %d: type %s (kinds %v)\n%+v\nwant\n%+v", doc.Seed, path, want.Kinds, g, w)
				}
				delete(got, path)
			}
			if len(got) > 0 {
				t.Fatalf("seed %d: Yjs doesn't know %v", doc.Seed, got)
			}
		}
	}
	t.Logf("%d types in %d documents", types, *readCount)
}

// readWithYjs starts read.mjs and gives its lines.
func readWithYjs(t *testing.T, first, count int) *bufio.Reader {
	t.Helper()
	cmd := exec.Command("node", "read.mjs", strconv.Itoa(first), strconv.Itoa(count))
	cmd.Dir = "testdata/oracle"
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("the oracle needs Node.js 20 or later (package nodejs), and `npm ci` in collab/crdt/testdata/oracle: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			_ = cmd.Process.Kill() // it may have more to say than anyone will read
		}
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil && !t.Failed() {
			t.Errorf("read.mjs: %v\n%s", err, stderr.String())
		} else if stderr.Len() > 0 {
			t.Log(stderr.String())
		}
	})
	return bufio.NewReaderSize(out, 1<<20)
}

// integrated gives the document that updates make.
func integrated(t testing.TB, updates ...[]byte) *crdt.Doc {
	t.Helper()
	s := crdt.NewState()
	for _, b := range updates {
		s.Apply(parse(t, b))
	}
	d, err := crdt.NewDoc(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// readAll reads all live types of a document, by the roots' names and the nested
// types' ids.
func readAll(d *crdt.Doc, kinds map[string]crdt.Kind) map[string]reading {
	readings := make(map[string]reading)
	var todo []crdt.Type
	for _, name := range d.Roots() {
		root, _ := d.Root(name)
		todo = append(todo, root.As(kinds[name]))
	}
	for len(todo) > 0 {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		readings[pathOf(t)] = readType(t)
		for v := range t.All() {
			if inside, ok := v.(crdt.Type); ok {
				todo = append(todo, inside)
			}
		}
		for _, k := range t.Keys() {
			if v, _ := t.Get(k); v != nil {
				if inside, ok := v.(crdt.Type); ok {
					todo = append(todo, inside)
				}
			}
		}
	}
	return readings
}

func pathOf(t crdt.Type) string {
	if name, ok := t.RootName(); ok {
		return name
	}
	id, _ := t.ID()
	return fmt.Sprintf("%d:%d", id.Client, id.Clock)
}

// readType reads a type by every method that Yjs has for its kind.
func readType(t crdt.Type) reading {
	k := t.Kind()
	r := reading{Kind: int(k), Len: t.Len(), JSON: string(crdt.AppendJSON(nil, inOrder(t.JSON())))}
	if k == crdt.KindText || k == crdt.KindXMLText {
		var ops []any
		for _, op := range t.Delta() {
			o := lib0.Object{{Key: "insert", Value: op.Insert}}
			if op.Attributes != nil {
				o = append(o, lib0.Member{Key: "attributes", Value: op.Attributes})
			}
			ops = append(ops, o)
		}
		r.Delta = show(ops)
	}
	if k == crdt.KindArray || k == crdt.KindXMLElement || k == crdt.KindXMLFragment {
		r.List = show(slices.Collect(t.All()))
		r.Middle = "none"
		if v, ok := t.At(t.Len() / 2); ok {
			r.Middle = show(v)
		}
	}
	if k != crdt.KindArray && k != crdt.KindXMLFragment {
		o := lib0.Object{}
		for _, key := range t.Keys() {
			v, _ := t.Get(key)
			o = append(o, lib0.Member{Key: key, Value: v})
		}
		r.Keyed = show(o)
	}
	if k >= crdt.KindText && k != crdt.KindXMLHook {
		r.String = t.String()
	}
	return r
}

// show writes a value as read.mjs does, so that every difference can be seen.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case lib0.Undefined:
		return "undefined"
	case crdt.Type:
		return "type(" + pathOf(v) + ")"
	case crdt.Subdoc:
		return "doc(" + v.GUID + ")"
	case lib0.BigInt:
		return fmt.Sprintf("%dn", v)
	case []byte:
		return "bytes(" + strings.Trim(strings.ReplaceAll(fmt.Sprint(v), " ", ","), "[]") + ")"
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = show(e)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case lib0.Object:
		parts := make([]string, len(v))
		for i, m := range v {
			parts[i] = string(crdt.AppendJSON(nil, m.Key)) + ":" + show(m.Value)
		}
		return "{" + strings.Join(parts, ",") + "}"
	case float64:
		switch {
		case v != v:
			return "NaN"
		case v > 0 && v == v*2:
			return "Infinity"
		case v < 0 && v == v*2:
			return "-Infinity"
		case v == 0 && 1/v < 0:
			return "-0"
		}
	}
	return string(crdt.AppendJSON(nil, v))
}

// inOrder sorts the keys of objects at all depths.
func inOrder(v any) any {
	switch v := v.(type) {
	case []any:
		sorted := make([]any, len(v))
		for i, e := range v {
			sorted[i] = inOrder(e)
		}
		return sorted
	case lib0.Object:
		sorted := make(lib0.Object, len(v))
		for i, m := range v {
			sorted[i] = lib0.Member{Key: m.Key, Value: inOrder(m.Value)}
		}
		slices.SortFunc(sorted, func(a, b lib0.Member) int {
			return slices.CompareFunc(utf16Of(a.Key), utf16Of(b.Key), cmp.Compare[uint16])
		})
		return sorted
	}
	return v
}

func utf16Of(s string) []uint16 { return utf16.Encode([]rune(s)) }
