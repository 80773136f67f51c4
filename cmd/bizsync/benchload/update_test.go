package main

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/wire"
)

func TestVisitStructs(t *testing.T) {
	update := joinUpdates([][]byte{typedUpdate(7, 0, "héé"), typedUpdate(9, 4, "a😀b")})
	var got []structs
	visit := func(s structs) { got = append(got, s) }
	if err := visitStructs(update, visit); err != nil {
		t.Fatal(err)
	}
	if want := []structs{{7, 0, 3}, {9, 4, 8}}; !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
	for cut := range len(update) - 1 {
		if err := visitStructs(update[:cut], visit); !errors.Is(err, wire.ErrCut) {
			t.Errorf("cut off after %d bytes: %v", cut, err)
		}
	}
}

// What Yjs has written of each kind is read to its end, and brings the clocks that Yjs says.
func TestReadsWhatYjsWrites(t *testing.T) {
	for _, file := range []string{"yjs-compat.json", "ygo-fixtures.json"} {
		b, err := os.ReadFile("../../../collab/crdt/testdata/conformance/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var cases []struct {
			Name, Format string
			Updates      [][]byte
			StateVector  map[uint64]uint64
		}
		if err := json.Unmarshal(b, &cases); err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			if c.Format != "v1" {
				continue
			}
			got, want, beyond := coverage{}, coverage{}, coverage{}
			for _, update := range c.Updates {
				if err := got.add(update); err != nil {
					t.Errorf("%s: %v", c.Name, err)
				}
			}
			for client, clock := range c.StateVector {
				want[client] = []structs{{client, 0, clock}}
				beyond[client] = []structs{{client, clock, clock + 1}}
			}
			if !got.covers(want) || len(got) != len(want) {
				t.Errorf("%s: %v, not %v", c.Name, got, want)
			}
			for client := range beyond {
				if got.covers(coverage{client: beyond[client]}) {
					t.Errorf("%s: client %d has more than %v", c.Name, client, want[client])
				}
			}
		}
	}
}

func TestScripts(t *testing.T) {
	s := testScripts(t, 1, 6)[0] // of 1, 2, 3, 1, 2 and 3 letters
	for _, c := range []struct {
		first, end  uint64
		from, until int
		ok          bool
	}{
		{0, 1, 0, 1, true}, {0, 12, 0, 6, true}, {1, 6, 1, 3, true},
		{1, 2, 1, 1, true}, // half an update
		{2, 3, 1, 2, true}, // and its other half
		{11, 13, 0, 0, false}, {3, 3, 0, 0, false},
	} {
		if from, until, ok := s.delivered(structs{s.client, c.first, c.end}); from != c.from || until != c.until || ok != c.ok {
			t.Errorf("%d to %d: %d to %d, %v", c.first, c.end, from, until, ok)
		}
	}
	for name, update := range map[string][]byte{
		"a hole": typedUpdate(s.client, 13, "a"), "of somebody else": typedUpdate(1, 12, "a"), "nothing": {0, 0}, "cut off": {1, 1},
	} {
		if err := s.add(update); !errors.Is(err, errScript) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
