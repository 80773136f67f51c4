package e2e

import (
	"bytes"
	"slices"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// heavy is a well-formed message that is expensive to take in.
type heavy struct {
	name    string
	message []byte
	held    bool   // neither acknowledged nor refused, but asked for what it lacks
	silent  bool   // no update frame: nothing is said
	refused uint64 // with this code; 0: it is committed
	closed  int    // with this code
}

// repeated is n things, each written by one call.
func repeated(n uint64, write func(i uint64) []byte) []byte {
	b := numbers(n)
	for i := range n {
		b = append(b, write(i)...)
	}
	return b
}

func heavyFrames() []heavy {
	const million = 1_000_000
	caret := func(i uint64) []byte { return append(numbers(1<<21+i*7, 1, 2), "{}"...) }
	structs := slices.Concat(numbers(1, 600_000, 6001, 0), bytes.Repeat([]byte{0, 1}, 600_000), numbers(0))
	ids := append(repeated(60_000, func(i uint64) []byte { return numbers(1, 1<<30+7*(60_000-i), 0, 0, 1) }), 0)
	future := append(numbers(0, 1, 6001), repeated(million, func(i uint64) []byte { return numbers(i*2, 1) })...)
	vector := repeated(million, func(i uint64) []byte { return numbers(1<<30+i*7, 5) })
	text := func(client uint64) []byte {
		return update(typedAt(client, 0, string(bytes.Repeat([]byte("abcdefgh"), 15<<17))))
	}
	return []heavy{
		{name: "9,000 carets", message: awareness(repeated(9_000, caret)), silent: true},
		{name: "1,600,000 carets", message: awareness(repeated(1_600_000, caret)), silent: true, closed: 4400},
		{name: "a step 1 of a million clients", message: lib0.AppendVarBytes([]byte{0, 0}, vector), silent: true},
		{name: "600,000 structs", message: update(structs), refused: 4413},
		{name: "60,000 client ids", message: update(ids), refused: 4413},
		{name: "60,000 client ids in a step 2", message: step2(ids), refused: 4413},
		{name: "a million deletes of the future", message: update(future), held: true},
		{name: "15 MiB of text", message: text(6002)},
		{name: "15 MiB over the quota", message: text(6003), refused: 4413},
	}
}

// What is expensive to take in is taken in or refused as the limits say, and people in another document type on.
func TestHeavyFrames(t *testing.T) {
	g := newGround(t, "--limit-document-bytes", "25165824")
	pid := g.PID()
	frames := heavyFrames()
	elsewhere := standBy(t, g.server, g.quiet, [2]*rig.Person{g.admin, g.victim})
	g.undisturbed(t, elsewhere, func() {
		for _, h := range frames {
			t.Run(h.name, func(t *testing.T) { g.burden(t, h) })
		}
	})
	t.Logf("the process has taken %.0f MiB in all", g.memory(t)/(1<<20))
	g.survives(t, elsewhere, pid)
}

func (g *ground) burden(t *testing.T, h heavy) {
	k := g.dial(t, g.doc, g.attackerToken, "bizsync.v1").joined()
	k.send(h.message)
	var o outcome
	switch {
	case h.silent:
		if o = k.settled(); o.acked > 0 || len(o.refusals) > 0 {
			t.Errorf("it was answered with %+v", o)
		}
	case h.held:
		o = k.until("another step 1", func(o outcome, _ []byte) bool { return o.steps1 > 0 })
		if o.acked > 0 || len(o.refusals) > 0 {
			t.Errorf("it was answered with %+v", o)
		}
	default:
		o = k.until("an acknowledgement", func(o outcome, _ []byte) bool { return o.acked > 0 })
		if got := len(o.refusals) > 0; got != (h.refused != 0) || got && o.refusals[0].code != h.refused {
			t.Errorf("refusals %v, want %d", o.refusals, h.refused)
		}
	}
	if o.code == 0 {
		o = k.settled()
	}
	if o.code != h.closed {
		t.Errorf("the socket was closed with %d, want %d", o.code, h.closed)
	}
	_ = k.ws.CloseNow()
}
