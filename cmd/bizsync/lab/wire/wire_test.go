package wire

import (
	"errors"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

func TestDecoder(t *testing.T) {
	whole := lib0.AppendVarUint([]byte{7}, 1<<40)
	whole = append(lib0.AppendVarString(whole, "héé"), 1, 2, 3)
	read := func(b []byte) (first byte, number uint64, text string, d Decoder) {
		d = Decoder{Rest: b}
		first, number, text = d.Byte(), d.Number(), string(d.Bytes())
		return first, number, text + string(d.Take(3)), d
	}
	if first, number, text, d := read(whole); first != 7 || number != 1<<40 || text != "héé\x01\x02\x03" || d.Err != nil || len(d.Rest) != 0 {
		t.Errorf("%d, %d, %q, %+v", first, number, text, d)
	}
	for cut := range len(whole) {
		if _, _, _, d := read(whole[:cut:cut]); !errors.Is(d.Err, ErrCut) || d.Number() != 0 || d.Byte() != 0 || d.Bytes() != nil {
			t.Errorf("cut off after %d bytes: %+v", cut, d)
		}
	}
}
