package main

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/wire"
	"github.com/bizsync/bizsync/collab/crdt"
)

// typedBy is the body of the message in which a client types its nth letter.
func typedBy(t testing.TB, client, n uint64) []byte {
	t.Helper()
	d := wire.Decoder{Rest: appendTyped(nil, client, n)}
	if kind, step := d.Number(), d.Number(); kind != wire.Sync || step != wire.StepUpdate {
		t.Fatalf("a message of type %d, step %d", kind, step)
	}
	body := d.Bytes()
	if d.Err != nil || len(d.Rest) > 0 {
		t.Fatalf("%v, %d bytes behind", d.Err, len(d.Rest))
	}
	return body
}

// What the harness types the engine takes for what it is, and what the engine merges the harness reads as what was typed.
func TestTypedAndMerged(t *testing.T) {
	const writers = 5
	state := crdt.NewState()
	var typed [writers]uint64
	for range 700 {
		i := rand.IntN(writers)
		u, err := crdt.ParseUpdate(typedBy(t, firstClient+uint64(i), typed[i]))
		if err != nil {
			t.Fatal(err)
		}
		state.Apply(u)
		typed[i]++
	}
	vector := state.StateVector()
	var heard [writers]receipt
	err := readLetters(state.Encode().Bytes(), func(r letters) error {
		fresh, err := heard[r.client-firstClient].take(r)
		if fresh != uint64(len(r.text)) {
			t.Errorf("%d of %d letters are new", fresh, len(r.text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range typed {
		missing, strange := heard[i].missing(n)
		if missing+strange+heard[i].doubled > 0 || uint64(vector[firstClient+uint64(i)]) != n {
			t.Errorf("writer %d of %d letters: %d missing, %d strange, %d doubled; the engine has %d", i, n, missing, strange, heard[i].doubled, vector[firstClient+uint64(i)])
		}
	}
}

func TestReadLettersRefuses(t *testing.T) {
	good := typedBy(t, firstClient, 3)
	for name, update := range map[string][]byte{
		"nothing":             {},
		"cut off":             good[:len(good)-1],
		"bytes behind":        append(bytes.Clone(good), 0),
		"a deletion":          {0, 1, 5, 1, 0, 1},
		"another root":        {1, 1, 5, 0, 4, 1, 1, 'x', 1, 'a', 0},
		"another kind":        {1, 1, 5, 0, 8, 1, 4, 't', 'e', 'x', 't', 1, 119, 1, 'a', 0},
		"a string too long":   {1, 1, 5, 0, 4, 1, 4, 't', 'e', 'x', 't', 200, 1, 'a', 0},
		"structs that end":    {1, 9, 5, 0, 4, 1, 4, 't', 'e', 'x', 't', 1, 'a', 0},
		"an endless number":   bytes.Repeat([]byte{0xff}, 30),
		"clients without end": {0xff, 0xff, 0xff, 0xff, 0x0f},
	} {
		t.Run(name, func(t *testing.T) {
			if err := readLetters(update, func(letters) error { return nil }); !errors.Is(err, errNotTyped) && !errors.Is(err, wire.ErrCut) {
				t.Errorf("it was read: %v", err)
			}
		})
	}
}

func FuzzReadLetters(f *testing.F) {
	f.Add(typedBy(f, firstClient, 0))
	f.Add(typedBy(f, firstClient, 70))
	f.Fuzz(func(t *testing.T, update []byte) {
		total := 0
		err := readLetters(update, func(r letters) error {
			total += len(r.text)
			return nil
		})
		if err == nil && total > len(update) {
			t.Errorf("%d letters in %d bytes", total, len(update))
		}
	})
}

func TestReceipt(t *testing.T) {
	text := func(from, n uint64) letters {
		l := letters{client: firstClient, clock: from}
		for i := range n {
			l.text = append(l.text, letterAt(from+i))
		}
		return l
	}
	tests := []struct {
		name                      string
		heard                     []letters
		typed                     uint64
		missing, strange, doubled uint64
	}{
		{"nothing of nothing", nil, 0, 0, 0, 0},
		{"nothing", nil, 100, 100, 0, 0},
		{"all at once", []letters{text(0, 200)}, 200, 0, 0, 0},
		{"in any order", []letters{text(130, 70), text(0, 64), text(64, 66)}, 200, 0, 0, 0},
		{"the first is missing", []letters{text(1, 63)}, 64, 1, 0, 0},
		{"the last is missing", []letters{text(0, 64)}, 65, 1, 0, 0},
		{"one within is missing", []letters{text(0, 70), text(71, 29)}, 100, 1, 0, 0},
		{"one came twice", []letters{text(0, 10), text(9, 1)}, 10, 0, 0, 1},
		{"overlapping", []letters{text(0, 80), text(60, 40)}, 100, 0, 0, 20},
		{"more than was typed", []letters{text(0, 129)}, 64, 0, 65, 0},
		{"one lost, one too many", []letters{text(0, 9), text(10, 1)}, 10, 1, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r receipt
			for _, l := range tt.heard {
				if _, err := r.take(l); err != nil {
					t.Fatal(err)
				}
			}
			if missing, strange := r.missing(tt.typed); missing != tt.missing || strange != tt.strange || r.doubled != tt.doubled {
				t.Errorf("missing %d, strange %d, doubled %d; want %d, %d, %d", missing, strange, r.doubled, tt.missing, tt.strange, tt.doubled)
			}
		})
	}
	for name, wrong := range map[string]letters{
		"another letter": {client: firstClient, clock: 1, text: []byte("a")},
		"far away":       {client: firstClient, clock: mostLetters, text: []byte("a")},
		"overflowing":    {client: firstClient, clock: 1<<64 - 1, text: []byte("ab")},
	} {
		t.Run(name, func(t *testing.T) {
			var r receipt
			if _, err := r.take(wrong); err == nil {
				t.Error("it was taken")
			}
		})
	}
}
