package crdt

import (
	"bytes"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"pgregory.net/rapid"
)

// validated is ParseUpdate without its short cut.
func validated(b []byte) (Update, error) {
	u := Update{b: b, tidy: true, tidyDels: true, ascendingDels: true}
	v := validator{Decoder: lib0.Over(b, 0)}
	if err := v.structs(&u); err != nil {
		return Update{}, err
	}
	u.dels, u.types = v.Pos(), v.types
	if err := v.deletes(&u); err != nil {
		return Update{}, err
	}
	return u, v.End()
}

// What the short cut takes, the validator takes too, and says the same of it.
func TestKeystrokeIsValid(t *testing.T) {
	edge := []uint64{0, 1, 2, 127, 128, maxClock - 2, maxClock - 1, maxClock, maxClock + 1, 1<<32 - 1, 1<<35 - 1, 1 << 35, maxClient}
	var taken, refused int
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.SampledFrom(edge), rapid.Uint64Range(0, 200))
		few := rapid.SampledFrom([]uint64{0, 1, 1, 1, 1, 1, 1, 2})
		var b []byte
		put := func(g *rapid.Generator[uint64]) { b = lib0.AppendVarUint(b, g.Draw(t, "number")) }
		if rapid.Bool().Draw(t, "insert") {
			put(few)
			put(few)
			put(number)
			put(number)
			info := rapid.SampledFrom([]byte{0x84, 0x84, 0xc4, 0xc4, 0x44, 0xa4, 0x81}).Draw(t, "info")
			b = append(b, info)
			for refs := info & (hasOrigin | hasRightOrigin); refs != 0; refs &= refs - 1 {
				put(number)
				put(number)
			}
			text := rapid.SampledFrom([]string{"a", "ab", "é", "😀", "", "\xff", "\xed\xa0\x80"}).Draw(t, "text")
			b = append(lib0.AppendVarUint(b, uint64(len(text))), text...)
			b = append(b, rapid.SampledFrom([]byte{0, 0, 0, 1}).Draw(t, "deletes"))
		} else {
			b = append(b, 0)
			put(few)
			put(number)
			put(few)
			put(number)
			put(number)
		}
		if rapid.IntRange(0, 3).Draw(t, "damage") == 0 {
			at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
			if rapid.Bool().Draw(t, "cut") {
				b = b[:at]
			} else {
				b[at] = rapid.Byte().Draw(t, "byte")
			}
		}
		short, ok := parseKeystroke(b)
		if !ok {
			refused++
			return
		}
		taken++
		full, err := validated(b)
		if err != nil {
			t.Fatalf("% x: taken, but %v", b, err)
		}
		if !bytes.Equal(short.b, full.b) || short.Facts() != full.Facts() || short.ascendingDels != full.ascendingDels {
			t.Fatalf("% x: %+v, should be %+v", b, short, full)
		}
	})
	// The few cases of -short may all be of one kind.
	if taken+refused >= 100 && (taken == 0 || refused == 0) {
		t.Fatalf("%d taken, %d refused: both should be looked at", taken, refused)
	}
}

// The edges of what is valid, and a byte beyond.
func TestKeystrokeEdges(t *testing.T) {
	const top = maxClock
	insert := func(clock, origin uint64, text string) []byte {
		b := lib0.AppendVarUint([]byte{1, 1, 5}, clock)
		b = lib0.AppendVarUint(append(b, hasOrigin|contentString, 5), origin)
		return append(lib0.AppendVarBytes(b, []byte(text)), 0)
	}
	remove := func(clock, n uint64) []byte {
		return lib0.AppendVarUint(lib0.AppendVarUint([]byte{0, 1, 5, 1}, clock), n)
	}
	for _, c := range []struct {
		what  string
		b     []byte
		taken bool
	}{
		{"a letter", insert(3, 2, "x"), true},
		{"the last clock", insert(top-1, 2, "x"), true},
		{"a pair up to the last clock", insert(top-2, 2, "😀"), true},
		{"a pair beyond it", insert(top-1, 2, "😀"), false},
		{"itself as origin", insert(3, 3, "x"), false},
		{"no text", insert(3, 2, ""), false},
		{"half a character", insert(3, 2, "\xf0\x9f"), false},
		{"a byte too many", append(insert(3, 2, "x"), 0), false},
		{"a byte too few", insert(3, 2, "x")[:8], false},
		{"a deletion", remove(3, 1), true},
		{"a deletion up to the last clock", remove(top-4, 4), true},
		{"a deletion beyond it", remove(top-4, 5), false},
		{"a deletion of nothing", remove(3, 0), false},
	} {
		_, taken := parseKeystroke(c.b)
		if taken != c.taken {
			t.Errorf("%s: taken: %v", c.what, taken)
		}
		if _, err := validated(c.b); (err == nil) != c.taken {
			t.Errorf("%s: the validator says %v", c.what, err)
		}
	}
}
