package crdt_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// content makes a struct at the start of root "r" with a content of that kind.
func content(kind byte, body ...byte) []byte {
	return append([]byte{kind, 1, 1, 'r'}, body...)
}

func text(s string) []byte { return lib0.AppendVarString(nil, s) }

func TestParseUpdateRefuses(t *testing.T) {
	deep := []byte{1}
	for range 200_000 {
		deep = append(deep, 117, 1)
	}
	u := update
	for _, c := range []struct {
		name  string
		input []byte
	}{
		{"nothing", nil},
		{"half an update", []byte{0}},
		{"trailing byte", []byte{0, 0, 0}},
		{"a billion blocks", lib0.AppendVarUint(nil, 1e9)},
		{"a billion structs", append(lib0.AppendVarUint([]byte{1}, 1e9), 1, 0)},
		{"a billion clients in the delete set", lib0.AppendVarUint([]byte{0}, 1e9)},
		{"a billion delete ranges", lib0.AppendVarUint([]byte{0, 1, 1}, 1e9)},
		{"client of 54 bits", u(1<<53, 0, gc(1))},
		{"block beyond 31 bits", u(1, 1<<31, gc(1))},
		{"struct that ends beyond 31 bits", u(1, 1<<31-2, gc(2))},
		{"delete range that ends beyond 31 bits", deletion(1, [2]uint32{1<<31 - 2, 2})},
		{"delete range of a billion billion", append(lib0.AppendVarUint([]byte{0, 1, 1, 1, 5}, 1<<52), 0)[:13]},
		{"empty delete range", deletion(1, [2]uint32{3, 0})},
		{"empty GC", u(1, 0, gc(0))},
		{"empty string", u(1, 0, first(""))},
		{"empty deleted", u(1, 0, content(1, 0))},
		{"empty any", u(1, 0, content(8, 0))},
		{"empty JSON", u(1, 0, content(2, 0))},
		{"empty Skip", u(1, 0, []byte{10, 0})},
		{"Skip with an origin", u(1, 0, []byte{0x8a, 2, 0, 1})},
		{"GC with flags", u(1, 0, []byte{0x40, 1})},
		{"content 11", u(1, 0, content(11, 1))},
		{"content 31", u(1, 0, content(31, 1))},
		{"type 7", u(1, 0, content(7, 7))},
		{"string in Latin-1", u(1, 0, content(4, 1, 0xe9))},
		{"string with half a surrogate pair", u(1, 0, content(4, 3, 0xed, 0xa0, 0x80))},
		{"root name in Latin-1", u(1, 0, []byte{4, 1, 1, 0xe9, 1, 'x'})},
		{"key in Latin-1", u(1, 0, []byte{0x24, 1, 1, 'r', 1, 0xe9, 1, 'x'})},
		{"format key in Latin-1", u(1, 0, content(6, append([]byte{1, 0xe9}, text("null")...)...))},
		{"embed that isn't JSON", u(1, 0, content(5, text("{")...))},
		{"embed 65 deep", u(1, 0, content(5, text(strings.Repeat("[", 65)+strings.Repeat("]", 65))...))},
		{"embed 5,000 deep", u(1, 0, content(5, text(strings.Repeat(`{"a":`, 5000)+"1"+strings.Repeat("}", 5000))...))},
		{"embed undefined", u(1, 0, content(5, text("undefined")...))},
		{"format value that isn't JSON", u(1, 0, content(6, append(text("bold"), text("tru")...)...))},
		{"JSON that isn't", u(1, 0, content(2, append([]byte{1}, text("'a'")...)...))},
		{"any of unknown tag", u(1, 0, content(8, 1, 115))},
		{"any too deep", u(1, 0, content(8, deep...))},
		{"a billion any-values", u(1, 0, content(8, lib0.AppendVarUint(nil, 1e9)...))},
		{"a billion JSON texts", u(1, 0, content(2, lib0.AppendVarUint(nil, 1e9)...))},
		{"a billion bytes", u(1, 0, content(3, lib0.AppendVarUint(nil, 1e9)...))},
		{"subdocument with null options", u(1, 0, content(9, append(text("guid"), 126)...))},
		{"subdocument with undefined options", u(1, 0, content(9, append(text("guid"), 127)...))},
		{"origin itself", u(1, 3, after(1, 3, "x"))},
		{"origin in its own future", u(1, 3, after(1, 9, "x"))},
		{"right origin itself", u(1, 3, []byte{0x44, 1, 3, 1, 'x'})},
		{"parent itself", u(1, 3, []byte{0x04, 0, 1, 3, 1, 'x'})},
		{"origin beyond 31 bits", u(1, 3, append(lib0.AppendVarUint([]byte{0x84, 2}, 1<<31), 1, 'x'))},
	} {
		if _, err := crdt.ParseUpdate(c.input); !errors.Is(err, crdt.ErrMalformed) {
			t.Errorf("%s: %v", c.name, err)
		} else if !strings.Contains(err.Error(), " at byte ") {
			t.Errorf("%s: no offset in %q", c.name, err)
		}
	}
}

func TestParseUpdateAccepts(t *testing.T) {
	for _, c := range []struct {
		name           string
		input          []byte
		structs, clock uint32
	}{
		{"the empty update", []byte{0, 0}, 0, 0},
		{"the largest clock", update(1, 0, gc(1<<31-1)), 1, 1<<31 - 1},
		{"the largest client", update(1<<53-1, 0, gc(1)), 1, 1},
		{"pairs count two", update(1, 0, first("a😀")), 1, 3},
		{"JSON undefined", update(1, 0, content(2, append([]byte{2}, append(text("undefined"), text(`{"a":[1]}`)...)...)...)), 1, 2},
		{"embed", update(1, 0, content(5, text(`{"image":"x"}`)...)), 1, 1},
		{"format", update(1, 0, content(6, append(text("bold"), text("true")...)...)), 1, 1},
		{"binary", update(1, 0, content(3, 2, 0xff, 0xfe)), 1, 1},
		{"element", update(1, 0, content(7, append([]byte{3}, text("p")...)...)), 1, 1},
		{"fragment", update(1, 0, content(7, 4)), 1, 1},
		{"subdocument", update(1, 0, content(9, append(text("guid"), 118, 0)...)), 1, 1},
		{"origin of another client's future", update(1, 3, after(2, 900, "x")), 1, 0},
	} {
		u, err := crdt.ParseUpdate(c.input)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		s := crdt.NewState()
		s.Apply(u)
		var clock uint32
		for _, n := range s.StateVector() {
			clock = n
		}
		if got := uint32(u.Facts().Structs); got != c.structs || clock != c.clock {
			t.Errorf("%s: %d structs up to %d", c.name, got, clock)
		}
	}
	if _, err := crdt.ParseStateVector([]byte{2, 1, 1, 1, 2}); !errors.Is(err, crdt.ErrMalformed) {
		t.Errorf("a client twice in a state vector: %v", err)
	}
}

// TestMutations changes updates at random. What we accept, Yjs must be able to
// read, or one bad frame would break every client of the document.
func TestMutations(t *testing.T) {
	const rounds = 3000
	random := rand.New(rand.NewPCG(7, 7))
	accepted := 0
	for seed := 1; seed <= 10; seed++ {
		h := randomHistory(t, seed)
		for range rounds / 10 {
			b := append([]byte(nil), h.Updates[random.IntN(len(h.Updates))]...)
			for range 1 + random.IntN(3) {
				switch i := random.IntN(len(b)); random.IntN(4) {
				case 0:
					b[i] = byte(random.Uint32())
				case 1:
					b[i] ^= 1 << random.IntN(8)
				case 2:
					b = append(b[:i:i], append([]byte{byte(random.IntN(12))}, b[i:]...)...)
				default:
					b = append(b[:i:i], b[i+1:]...)
				}
				if len(b) == 0 {
					b = []byte{0, 0}
				}
			}
			u, err := crdt.ParseUpdate(b)
			if err != nil {
				continue
			}
			accepted++
			s := crdt.NewState()
			s.Apply(u)
			load(t, b)
			load(t, s.Encode().Bytes())
			whole := applyAll(t, h.Updates)
			fit := crdt.Known{whole}.Fit(u, nil)
			all := append(append([][]byte(nil), h.Updates...), fit.Update.Bytes())
			if !load(t, h.Updates...).Pending && load(t, all...).Pending {
				t.Fatalf("%x: Yjs finds what fits incomplete: %x", b, fit.Update.Bytes())
			}
		}
	}
	if accepted < rounds/20 {
		t.Fatalf("only %d of %d were accepted", accepted, rounds)
	}
	t.Logf("%d of %d were accepted", accepted, rounds)
}
