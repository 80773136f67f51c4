package crdt_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// sameJSON compares a value with a JSON text, whatever the order of keys.
func sameJSON(t *testing.T, what string, got any, want json.RawMessage) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(crdt.AppendJSON(nil, got), &g); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatal(err)
	}
	a, errA := json.Marshal(g)
	b, errB := json.Marshal(w)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Fatalf("%s\n%s\nwant\n%s", what, short(string(a)), short(string(b)))
	}
}

// deltaJSON gives a delta as Yjs writes one.
func deltaJSON(t crdt.Type) []any {
	ops := []any{}
	for _, op := range t.Delta() {
		o := lib0.Object{{Key: "insert", Value: op.Insert}}
		if op.Attributes != nil {
			o = append(o, lib0.Member{Key: "attributes", Value: op.Attributes})
		}
		ops = append(ops, o)
	}
	return ops
}

// TestReadYjsCompatibility reads the documents that Yjs 13.2 made, as it read them then.
func TestReadYjsCompatibility(t *testing.T) {
	var cases []struct {
		Name, Root, Read string
		Updates          [][]byte
		Expected         json.RawMessage
	}
	readJSON(t, "conformance/yjs-compat.json", &cases)
	if len(cases) != 3 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		r, ok := integrated(t, c.Updates...).Root(c.Root)
		if !ok {
			t.Fatalf("%s: no root %q", c.Name, c.Root)
		}
		switch c.Read {
		case "getArray.toJSON":
			sameJSON(t, c.Name, r.As(crdt.KindArray), c.Expected)
		case "getMap.toJSON":
			sameJSON(t, c.Name, r.As(crdt.KindMap), c.Expected)
		case "getText.toDelta":
			sameJSON(t, c.Name, deltaJSON(r.As(crdt.KindText)), c.Expected)
		default:
			t.Fatalf("%s is read by %s", c.Name, c.Read)
		}
	}
}

// TestReadYrsSmallDataset reads five thousand documents of one text, one map and one array.
func TestReadYrsSmallDataset(t *testing.T) {
	var data struct {
		Cases []struct {
			Name              string
			Updates           [][]byte
			Text              string
			Map, Array, Delta json.RawMessage
		}
	}
	readJSON(t, "conformance/yrs-small-dataset.json.gz", &data)
	if len(data.Cases) < 5000 {
		t.Fatalf("only %d cases", len(data.Cases))
	}
	for _, c := range data.Cases {
		d := integrated(t, c.Updates...)
		read := func(name string, k crdt.Kind) crdt.Type {
			r, _ := d.Root(name)
			return r.As(k)
		}
		if got := read("text", crdt.KindText).String(); got != c.Text {
			t.Fatalf("%s: text %q, want %q", c.Name, got, c.Text)
		}
		sameJSON(t, c.Name, read("map", crdt.KindMap), c.Map)
		sameJSON(t, c.Name, read("array", crdt.KindArray), c.Array)
		sameJSON(t, c.Name, deltaJSON(read("text", crdt.KindText)), c.Delta)
	}
}

// TestReadYgoFixtures reads each root of small documents as every kind.
func TestReadYgoFixtures(t *testing.T) {
	var cases []struct {
		Name, Format string
		Updates      [][]byte
		Roots        map[string]struct {
			GetText struct {
				String string
				Delta  json.RawMessage
			}
			GetArray, GetMap json.RawMessage
			GetXMLFragment   *string `json:"getXmlFragment"`
		}
	}
	readJSON(t, "conformance/ygo-fixtures.json", &cases)
	read := 0
	for _, c := range cases {
		if c.Format != "v1" {
			continue
		}
		d := integrated(t, c.Updates...)
		for name, want := range c.Roots {
			read++
			r, ok := d.Root(name)
			if !ok {
				t.Fatalf("%s: no root %q", c.Name, name)
			}
			if got := r.As(crdt.KindText).String(); got != want.GetText.String {
				t.Errorf("%s: text %q, want %q", c.Name, got, want.GetText.String)
			}
			sameJSON(t, c.Name, deltaJSON(r.As(crdt.KindText)), want.GetText.Delta)
			sameJSON(t, c.Name, r.As(crdt.KindArray), want.GetArray)
			sameJSON(t, c.Name, r.As(crdt.KindMap), want.GetMap)
			if want.GetXMLFragment != nil && r.As(crdt.KindXMLFragment).XML() != *want.GetXMLFragment {
				t.Errorf("%s: XML %q, want %q", c.Name, r.As(crdt.KindXMLFragment).XML(), *want.GetXMLFragment)
			}
		}
	}
	if read < 13 {
		t.Fatalf("only %d roots", read)
	}
}
