package lib0_test

import (
	"bytes"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

func FuzzAny(f *testing.F) {
	for _, v := range values {
		b, err := lib0.AppendAny(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		skip := lib0.NewDecoder(b)
		skipErr := skip.SkipAny()
		d := lib0.NewDecoder(b)
		v, err := d.ReadAny()
		if (err == nil) != (skipErr == nil) {
			t.Fatalf("ReadAny says %v, SkipAny %v", err, skipErr)
		}
		if err != nil {
			return
		}
		if skip.Pos() != d.Pos() {
			t.Fatalf("ReadAny stops at %d, SkipAny at %d", d.Pos(), skip.Pos())
		}
		once, err := lib0.AppendAny(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := lib0.NewDecoder(once).ReadAny()
		if err != nil {
			t.Fatal(err)
		}
		twice, err := lib0.AppendAny(nil, again)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%x became %x (%v)", once, twice, err)
		}
	})
}

func FuzzVarInt(f *testing.F) {
	f.Add([]byte{0x40})
	f.Add([]byte{0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, negative, err := lib0.NewDecoder(b).ReadVarInt()
		if err != nil {
			return
		}
		magnitude := n
		if negative {
			magnitude = -n
		}
		again, sign, err := lib0.NewDecoder(lib0.AppendVarInt(nil, uint64(magnitude), negative)).ReadVarInt()
		if err != nil || again != n || sign != negative {
			t.Fatalf("%d %v became %d %v (%v)", n, negative, again, sign, err)
		}
	})
}
