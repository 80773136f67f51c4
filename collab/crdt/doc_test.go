package crdt_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
)

// yjsOrders asks Yjs in which order documents hold their elements; each document
// is made of a list of updates.
func yjsOrders(t *testing.T, documents [][][]byte) []string {
	t.Helper()
	var in, out bytes.Buffer
	for _, updates := range documents {
		line, err := json.Marshal(updates)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	cmd := exec.Command("node", "order.mjs")
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = "testdata/oracle", &in, &out, t.Output()
	if err := cmd.Run(); err != nil {
		t.Fatalf("ask Yjs for the order (needs Node.js and `npm ci` in collab/crdt/testdata/oracle): %v", err)
	}
	orders := make([]string, len(documents))
	dec := json.NewDecoder(&out)
	for i := range orders {
		if err := dec.Decode(&orders[i]); err != nil {
			t.Fatal(err)
		}
	}
	return orders
}

func newDoc(t testing.TB, s *crdt.State) *crdt.Doc {
	t.Helper()
	d, err := crdt.NewDoc(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func applyDoc(t testing.TB, d *crdt.Doc, updates ...[]byte) {
	t.Helper()
	for _, b := range updates {
		if err := d.Apply(parse(t, b)); err != nil {
			t.Fatal(err)
		}
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDocHistories holds that a document is the same, and the same as in Yjs, in
// whatever way the updates of a history come to it: one by one in order, in any
// order and some twice, from one state, or from a state and what comes after it.
// After each update it is what a document made of the State at that moment is.
func TestDocHistories(t *testing.T) {
	const seeds = 200
	var histories []history
	var documents [][][]byte
	for seed := range seeds {
		h := randomHistory(t, 5000+seed)
		histories = append(histories, h)
		documents = append(documents, h.Updates)
	}
	for i, want := range yjsOrders(t, documents) {
		h := histories[i]
		t.Run(fmt.Sprint("seed=", 5000+i), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(i), 2))
			same := func(what string, d *crdt.Doc, want string) {
				t.Helper()
				if err := d.Check(); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if got := d.Order(); got != want {
					t.Fatalf("%s:\n%s\nwant\n%s", what, got, want)
				}
			}
			inOrder := newDoc(t, crdt.NewState())
			applyDoc(t, inOrder, h.Updates...)
			same("in order", inOrder, want)
			same("as one state", newDoc(t, applyAll(t, h.Updates)), want)
			same("encoded", newDoc(t, applyAll(t, [][]byte{inOrder.State().Encode().Bytes()})), want)

			shuffled := newDoc(t, crdt.NewState())
			var came [][]byte
			for _, n := range random.Perm(len(h.Updates)) {
				came = append(came, h.Updates[n], h.Updates[random.IntN(len(h.Updates))])
				applyDoc(t, shuffled, came[len(came)-2:]...)
				if random.IntN(4) == 0 {
					same("on the way", shuffled, newDoc(t, applyAll(t, came)).Order())
				}
			}
			same("shuffled", shuffled, want)
			if _, blocked := shuffled.Items(); blocked > 0 {
				t.Fatalf("%d clients wait", blocked)
			}
			if a, b := shuffled.Text("text"), inOrder.Text("text"); a != b {
				t.Fatalf("%q, want %q", a, b)
			}

			k := random.IntN(len(h.Updates))
			half := newDoc(t, applyAll(t, h.Updates[:k]))
			applyDoc(t, half, inOrder.State().Encode().Bytes())
			same("a state after the half", half, want)
			rest := newDoc(t, applyAll(t, h.Updates[:k]))
			applyDoc(t, rest, h.Updates[k:]...)
			same("the half as a state", rest, want)
		})
	}
}

// TestDocTraces holds that the text of a recorded session is what Yjs makes of it,
// whether its updates come one by one or as a state, and that typing and deleting
// leaves no more items than a document has that is made of the State at once.
func TestDocTraces(t *testing.T) {
	for _, trace := range traces {
		updates := traceUpdates(t, trace)
		d := applyAllDoc(t, updates)
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		want := yjsText(t, trace)
		if got := d.Text("text"); got != want {
			t.Errorf("%s: a text of %d bytes, want %d", trace, len(got), len(want))
		}
		loaded := applyAllDoc(t, [][]byte{d.State().Encode().Bytes()})
		if got := loaded.Text("text"); got != want {
			t.Errorf("%s, loaded: a text of %d bytes, want %d", trace, len(got), len(want))
		}
		if loaded.Order() != d.Order() {
			t.Errorf("%s, loaded: another order", trace)
		}
		items, _ := d.Items()
		atOnce, _ := loaded.Items()
		if items > atOnce+atOnce/10 {
			t.Errorf("%s: %d items, %d when made at once", trace, items, atOnce)
		}
	}
}

// yjsText gives the text of a trace that Yjs reads.
func yjsText(t *testing.T, trace string) string {
	t.Helper()
	return load(t, traceUpdates(t, trace)...).Text["text"]
}

// TestDocWaits holds that what waits is integrated as soon as it can be: behind a
// gap, behind another client that is not there yet, and that deletes wait, too.
func TestDocWaits(t *testing.T) {
	d := newDoc(t, crdt.NewState())
	for _, c := range []struct {
		what   string
		update []byte
		want   string
	}{
		{"a delete of what is to come", deletion(1, [2]uint32{1, 1}), ""},
		{"behind a client that isn't there", update(2, 0, after(1, 1, "x")), ""},
		{"a letter behind a gap", update(1, 1, letter(1, 1), letter(1, 2)), ""},
		{"the first letter", update(1, 0, letter(1, 0)), "acx"},
		{"the same again", update(1, 0, letter(1, 0), letter(1, 1)), "acx"},
		{"more, partly known", update(1, 2, letter(1, 2), letter(1, 3)), "acdx"},
		{"a delete of something known and something to come", deletion(1, [2]uint32{3, 2}), "acx"},
		{"what is deleted already", update(1, 4, letter(1, 4), letter(1, 5)), "acfx"},
	} {
		applyDoc(t, d, c.update)
		if got := d.Text("text"); got != c.want {
			t.Fatalf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

// TestDocTyping holds that typing makes one item longer, that deleting letter by
// letter leaves few items, and that pairs may be cut.
func TestDocTyping(t *testing.T) {
	const n = 2000
	d := newDoc(t, crdt.NewState())
	applyDoc(t, d, typing(n)...)
	if items, _ := d.Items(); items != 1 {
		t.Fatalf("%d items after typing", items)
	}
	for i := uint32(n - 1); i >= n/2; i-- {
		applyDoc(t, d, deletion(typist, [2]uint32{i, 1}))
	}
	if items, _ := d.Items(); items != 2 {
		t.Fatalf("%d items after deleting letter by letter", items)
	}
	if got := len(d.Text("text")); got != n/2 {
		t.Fatalf("%d letters", got)
	}

	pairs := strings.Repeat("😀", 3000)
	d = newDoc(t, applyAll(t, [][]byte{update(1, 0, first(pairs))}))
	want := []rune(pairs)
	// From the end, and from the beginning: each second pair loses a half.
	for i := range uint32(1500) {
		at := 6000 - 4*i - 2
		if i%2 == 1 {
			at = 4*i + 1
		}
		if err := d.Apply(parse(t, deletion(1, [2]uint32{at, 1}))); err != nil {
			t.Fatal(err)
		}
		want[at/2] = '\uFFFD'
	}
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	if got := d.Text("text"); got != string(want) {
		t.Fatalf("%q, want %q", short(got), short(string(want)))
	}
}
