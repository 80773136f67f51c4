package crdt_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// TestUnknownContent refuses what a later Yjs may come to write, whatever follows
// the number, as Yjs 13 does. Nothing of such an update may be taken over.
func TestUnknownContent(t *testing.T) {
	type unknown struct {
		name  string
		frame []byte
		lax   bool // Yjs reads it
	}
	root := lib0.AppendVarString([]byte{1}, "r")
	before := first("sound")
	inUpdate := func(s ...byte) []byte { return update(1, 0, before, s) }
	var cases []unknown
	bodies := map[string][]byte{"nothing": nil, "a zero": {0}, "a length": {1}, "a text": lib0.AppendVarString(nil, "text"), "bytes that could be structs": {4, 1, 1, 'r', 1, 'x', 1, 2}}
	for kind := byte(11); kind < 32; kind++ {
		for what, body := range bodies {
			cases = append(cases,
				unknown{fmt.Sprintf("content %d in a root, then %s", kind, what), inUpdate(append(append([]byte{kind}, root...), body...)...), false},
				unknown{fmt.Sprintf("content %d behind an item, then %s", kind, what), inUpdate(append([]byte{kind | 0x80, 1, 4}, body...)...), false},
				unknown{fmt.Sprintf("content %d at a key, then %s", kind, what), inUpdate(append(append(append([]byte{kind | 0x20}, root...), 1, 'k'), body...)...), false},
			)
		}
	}
	for _, kind := range []uint64{7, 8, 20, 127, 128, 1 << 32, 1 << 53} {
		for what, body := range bodies {
			content := append(lib0.AppendVarUint(append([]byte{7}, root...), kind), body...)
			cases = append(cases, unknown{fmt.Sprintf("type %d, then %s", kind, what), inUpdate(content...), false})
		}
	}
	for _, flags := range []byte{0x20, 0x40, 0x80, 0xe0} {
		// Yjs looks at the flags of neither, but never sets them.
		cases = append(cases,
			unknown{fmt.Sprintf("a GC with flags %#x", flags), inUpdate(flags, 1), true},
			unknown{fmt.Sprintf("a Skip with flags %#x", flags), inUpdate(10|flags, 1), true},
		)
	}
	if _, err := crdt.ParseUpdate([]byte{1, 1, 7, 0, 11, 1, 1, 't', 0, 0}); err == nil || err.Error() != "malformed update: structs at byte 4: unknown content 11" {
		t.Errorf("which content it is, and where: %v", err)
	}
	var frames [][]byte
	for _, c := range cases {
		u, err := crdt.ParseUpdate(c.frame)
		if !errors.Is(err, crdt.ErrMalformed) {
			t.Errorf("%s: error %v", c.name, err)
		}
		if !u.IsEmpty() {
			t.Errorf("%s: part of it is taken", c.name)
		}
		frames = append(frames, c.frame)
	}
	var yjsSays struct{ Throws []bool }
	yjs.ask(t, map[string]any{"op": "throws", "updates": frames}, &yjsSays)
	for i, c := range cases {
		if !yjsSays.Throws[i] && !c.lax {
			t.Errorf("%s: Yjs reads it", c.name)
		}
	}
	if _, err := crdt.ParseUpdate(update(1, 0, before)); err != nil {
		t.Errorf("the sound part alone: %v", err)
	}
}
