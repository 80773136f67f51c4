package richtext_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"github.com/bizsync/bizsync/collab/crdt/richtext"
)

var update = flag.Bool("update", false, "write the golden files")

// fragment gives the XmlFragment of a document.
func fragment(t testing.TB, state []byte) crdt.Type {
	t.Helper()
	u, err := crdt.ParseUpdate(state)
	if err != nil {
		t.Fatal(err)
	}
	s := crdt.NewState()
	s.Apply(u)
	d, err := crdt.NewDoc(s)
	if err != nil {
		t.Fatal(err)
	}
	r, ok := d.Root("default")
	if !ok {
		t.Fatal("the document has no such root")
	}
	return r.As(crdt.KindXMLFragment)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s\n%s\nwant\n%s", name, got, want)
	}
}

// TestDocuments writes documents that TipTap's schema and y-tiptap have made (see
// testdata/make.mjs), and reads them as y-tiptap does.
func TestDocuments(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yjs")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d documents, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			state, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			doc := fragment(t, state)
			base := strings.TrimSuffix(file, ".yjs")
			want, err := os.ReadFile(base + ".prosemirror.json")
			if err != nil {
				t.Fatal(err)
			}
			if got := sorted(t, crdt.AppendJSON(nil, crdt.ProseMirror(doc))); got != sorted(t, want) {
				t.Errorf("ProseMirror's JSON\n%s\nwant\n%s", got, sorted(t, want))
			}
			golden(t, base+".md", richtext.Markdown(doc))
			golden(t, base+".html", richtext.HTML(doc))
		})
	}
}

// TestNoScript holds that nothing in a hostile document runs.
func TestNoScript(t *testing.T) {
	state, err := os.ReadFile("testdata/hostile.yjs")
	if err != nil {
		t.Fatal(err)
	}
	doc := fragment(t, state)
	for name, out := range map[string]string{"HTML": richtext.HTML(doc), "Markdown": richtext.Markdown(doc)} {
		for _, bad := range []string{"](javascript", "](data:text", `="javascript`, `="data:text`, "vbscript:", `" onerror`, `"onmouseover`} {
			if strings.Contains(strings.ToLower(out), bad) {
				t.Errorf("%s has %s:\n%s", name, bad, out)
			}
		}
	}
	if strings.Contains(richtext.HTML(doc), "<script") {
		t.Error("HTML has a script")
	}
}

// TestDeepDocument writes nodes nested deeper than a stack should be: the deepest only give their text.
func TestDeepDocument(t *testing.T) {
	const n = 100_000
	b := lib0.AppendVarUint([]byte{1}, n+2)
	b = append(b, 1, 0)
	name := func() { b = lib0.AppendVarString(append(b, 3), "bulletList") }
	b = lib0.AppendVarString(append(b, 7, 1), "default")
	name()
	for i := range uint64(n - 1) {
		b = lib0.AppendVarUint(append(b, 7, 0, 1), i)
		name()
	}
	b = append(lib0.AppendVarUint(append(b, 7, 0, 1), n-1), 6)
	b = lib0.AppendVarString(lib0.AppendVarUint(append(b, 4, 0, 1), n), "# deep <b>")
	doc := fragment(t, append(b, 0))
	if got := richtext.HTML(doc); !strings.Contains(got, "# deep &lt;b&gt;") || len(got) > 10_000 {
		t.Errorf("%d bytes of HTML", len(got))
	}
	if got := richtext.Markdown(doc); !strings.Contains(got, `\# deep \<b\>`) || len(got) > 10_000 {
		t.Errorf("%d bytes of Markdown: %.500s", len(got), got)
	}
}

// sorted gives a JSON text with the keys of objects in order.
func sorted(t *testing.T, text []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
