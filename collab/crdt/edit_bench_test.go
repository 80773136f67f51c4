package crdt_test

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
)

// typed is a recording of one person's typing, one entry a patch: at which place,
// how much is deleted, and what is put there.
type typed struct {
	StartContent, EndContent string
	Txns                     []struct{ Patches [][3]any }
}

func readTyped(t testing.TB, name string) typed {
	t.Helper()
	f, err := os.Open("testdata/traces/" + name + ".json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var r typed
	if err := json.NewDecoder(z).Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

// play types a recording into a document, one transaction a patch.
func (r typed) play(t testing.TB) (*crdt.Doc, crdt.Type) {
	t.Helper()
	d, err := crdt.NewDoc(crdt.NewState())
	if err != nil {
		t.Fatal(err)
	}
	var text crdt.Type
	if _, err := d.Edit(typist, func(tx *crdt.Tx) error {
		text = tx.Root("text", crdt.KindText)
		return tx.InsertText(text, 0, r.StartContent, nil)
	}); err != nil {
		t.Fatal(err)
	}
	for _, txn := range r.Txns {
		for _, p := range txn.Patches {
			at, deleted, s := int(p[0].(float64)), int(p[1].(float64)), p[2].(string)
			if _, err := d.Edit(typist, func(tx *crdt.Tx) error {
				if err := tx.Delete(text, at, deleted); err != nil {
					return err
				}
				return tx.InsertText(text, at, s, nil)
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return d, text
}

// TestEditTrace types a whole paper by index, as Yjs does in testdata/oracle/bench.mjs.
func TestEditTrace(t *testing.T) {
	r := readTyped(t, "automerge-paper")
	d, text := r.play(t)
	if got := text.String(); got != r.EndContent {
		t.Fatalf("the text has %d bytes, want %d", len(got), len(r.EndContent))
	}
	fresh, err := crdt.NewDoc(d.State())
	if err != nil {
		t.Fatal(err)
	}
	if got := fresh.Text("text"); got != r.EndContent {
		t.Fatalf("loaded again the text has %d bytes, want %d", len(got), len(r.EndContent))
	}
}

// BenchmarkEditTrace types the paper of 259,778 patches; to be compared with
//
//	node testdata/oracle/edit-bench.mjs
func BenchmarkEditTrace(b *testing.B) {
	r := readTyped(b, "automerge-paper")
	patches := 0
	for _, txn := range r.Txns {
		patches += len(txn.Patches)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.play(b)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*patches), "ns/patch")
}
