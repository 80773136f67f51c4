package crdt

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"pgregory.net/rapid"
)

// TestDocAgainstAnything applies updates that no client would make, in pieces that
// contradict each other: the document must stay whole, have all that its State has
// and nothing is missing for, and read without an end.
func TestDocAgainstAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, err := NewDoc(NewState())
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 8).Draw(t, "updates") {
			structs, dels := drawUpdate(t, 5)
			if err := d.Apply(encodeModel(t, structs, dels)); err != nil {
				t.Fatal(err)
			}
			if err := d.Check(); err != nil {
				t.Fatal(err)
			}
		}
		again, err := NewDoc(d.State())
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Check(); err != nil {
			t.Fatal(err)
		}
		for _, dc := range again.clients {
			if have := d.client(dc.id); dc.clock > 0 && (have == nil || have.clock != dc.clock) {
				t.Fatalf("client %d: %+v, want %d clocks", dc.id, have, dc.clock)
			}
		}
		d.Text("r")
	})
}

// FuzzDoc holds that a document takes any two updates, and edits afterwards.
func FuzzDoc(f *testing.F) {
	f.Add([]byte{0, 0}, []byte{1, 1, 1, 0, 4, 1, 1, 'r', 2, 'a', 'b', 0})
	f.Add([]byte{1, 1, 1, 0, 7, 1, 1, 'r', 1, 0}, []byte{1, 1, 2, 0, 4, 0, 1, 0, 1, 'x', 1, 1, 1, 0, 1})
	f.Add([]byte{1, 1, 1, 0, 4, 1, 1, 'r', 4, 0xf0, 0x9f, 0x98, 0x80, 0}, []byte{0, 1, 1, 1, 1, 1})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		d, err := NewDoc(NewState())
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range [][]byte{a, b, a} {
			u, err := ParseUpdate(raw)
			if err != nil {
				return
			}
			if err := d.Apply(u); err != nil {
				t.Fatal(err)
			}
			if err := d.Check(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// within fails the test if f takes longer than what is linear could on a busy machine.
func within(t *testing.T, what string, limit time.Duration, f func()) {
	t.Helper()
	start := time.Now()
	f()
	took := time.Since(start)
	t.Logf("%s: %v", what, took)
	if took > limit {
		t.Errorf("%s took %v", what, took)
	}
}

// TestDocCutEverywhere cuts long content at each of its elements, from the end on
// and from the beginning, and says the same deletes again and again.
func TestDocCutEverywhere(t *testing.T) {
	const n = 1 << 20
	values := lib0.AppendVarUint([]byte{contentAny, 1, 1, 'r'}, n)
	for range n {
		values = append(values, 126)
	}
	text := lib0.AppendVarString([]byte{contentString, 1, 1, 'r'}, strings.Repeat("x", n))
	pairs := lib0.AppendVarString([]byte{contentString, 1, 1, 'r'}, strings.Repeat("😀", n/2))
	for name, content := range map[string][]byte{"values": values, "letters": text, "pairs": pairs} {
		for _, backward := range []bool{false, true} {
			b := append([]byte{1, 1, 1, 0}, content...)
			s := NewState()
			s.Apply(mustParse(t, append(b, 0)))
			d, err := NewDoc(s)
			if err != nil {
				t.Fatal(err)
			}
			const step, cuts = 7, 100_000
			del := lib0.AppendVarUint([]byte{0, 1, 1}, cuts)
			for i := range uint64(cuts) {
				if backward {
					i = cuts - 1 - i
				}
				del = append(lib0.AppendVarUint(del, i*step+n-step*cuts-1), 1)
			}
			u := mustParse(t, del)
			within(t, name, 10*time.Second, func() {
				if err := d.Apply(u); err != nil {
					t.Fatal(err)
				}
			})
			if err := d.Check(); err != nil {
				t.Fatal(err)
			}
			if items, _ := d.Items(); items < 2*cuts {
				t.Fatalf("%d items", items)
			}
			all := lib0.AppendVarUint([]byte{0, 1, 1}, 100_000)
			for range 100_000 {
				all = lib0.AppendVarUint(append(all, 0), n)
			}
			u = mustParse(t, all)
			within(t, name+", all of it a hundred thousand times", 10*time.Second, func() {
				if err := d.Apply(u); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

func mustParse(t testing.TB, b []byte) Update {
	t.Helper()
	u, err := ParseUpdate(b)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestDocTangled holds that a document that was given up says so from then on, and
// that its State still takes everything.
func TestDocTangled(t *testing.T) {
	const n = 16_000
	d, err := NewDoc(NewState())
	if err != nil {
		t.Fatal(err)
	}
	apply := func(b []byte) error { return d.Apply(mustParse(t, b)) }
	if err := apply(append(lib0.AppendVarString([]byte{1, 1, 1, 0, 4, 1, 1, 'r'}, strings.Repeat("a", n)), 0)); err != nil {
		t.Fatal(err)
	}
	b := append(lib0.AppendVarUint([]byte{1}, n), 2, 0)
	for i := range uint64(n) {
		b = append(lib0.AppendVarUint(append(b, 0x44, 1), i), 1, 'x')
	}
	if err := apply(append(b, 0)); !errors.Is(err, ErrTangled) {
		t.Fatalf("%v", err)
	}
	if err := apply([]byte{1, 1, 3, 0, 4, 1, 1, 'r', 1, 'z', 0}); !errors.Is(err, ErrTangled) {
		t.Fatalf("then %v", err)
	}
	if sv := d.State().StateVector(); sv[2] != n || sv[3] != 1 {
		t.Fatalf("the State has %v", sv)
	}
}

// TestDocConflicts holds that many insertions at one place come out in the order
// of their clients, long conflicts included.
func TestDocConflicts(t *testing.T) {
	for _, n := range []uint64{2, 10, 17, 18, 100, 1000} {
		d, err := NewDoc(NewState())
		if err != nil {
			t.Fatal(err)
		}
		// Half of them first, highest first; then the rest between those.
		var want strings.Builder
		for _, odd := range []uint64{0, 1} {
			for i := n; i > 0; i-- {
				if i%2 == odd {
					b := lib0.AppendVarUint([]byte{1, 1}, i)
					b = append(b, 0, 4, 1, 1, 'r', 1, byte('a'+i%26), 0)
					if err := d.Apply(mustParse(t, b)); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		for i := uint64(1); i <= n; i++ {
			want.WriteByte(byte('a' + i%26))
		}
		if got := d.Text("r"); got != want.String() {
			t.Fatalf("%q, want %q", got, want.String())
		}
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
	}
}
