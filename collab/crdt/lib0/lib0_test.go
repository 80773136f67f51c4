package lib0_test

import (
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

var values = []any{
	lib0.Undefined{}, nil, true, false, int64(0), int64(63), int64(64), int64(-1), int64(1<<31 - 1), float64(1 << 31),
	math.Copysign(0, -1), 0.5, float32(0.25), 0.1, math.Inf(1), lib0.BigInt(-5), "text 😀", "", []byte{1, 2}, []byte{},
	[]any{int64(1), []any{}, "x"}, lib0.Object{{Key: "a", Value: nil}, {Key: "b", Value: lib0.Object{}}},
}

// TestEncodings holds the bytes that lib0 0.2 writes for these values.
func TestEncodings(t *testing.T) {
	for _, c := range []struct {
		value any
		bytes string
	}{
		{lib0.Undefined{}, "7f"},
		{nil, "7e"},
		{1, "7d01"},
		{-1, "7d41"},
		{64, "7d8001"},
		{math.Copysign(0, -1), "7d40"},
		{1.5, "7c3fc00000"},
		{0.1, "7b3fb999999999999a"},
		{lib0.BigInt(123), "7a000000000000007b"},
		{false, "79"},
		{true, "78"},
		{"hi", "77026869"},
		{lib0.Object{{Key: "k", Value: int64(2)}}, "7601016b7d02"},
		{[]any{"a", nil}, "75027701617e"},
		{[]byte{9}, "740109"},
		{float64(1 << 31), "7c4f000000"},
	} {
		b, err := lib0.AppendAny(nil, c.value)
		if err != nil || hex.EncodeToString(b) != c.bytes {
			t.Errorf("AppendAny(%v) = %x, %v; want %s", c.value, b, err, c.bytes)
		}
	}
}

func TestAnyRoundTrip(t *testing.T) {
	for _, v := range values {
		b, err := lib0.AppendAny(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		d := lib0.NewDecoder(b)
		got, err := d.ReadAny()
		if err != nil || d.End() != nil {
			t.Fatalf("ReadAny(%x): %v, %d bytes left", b, err, d.Remaining())
		}
		again, err := lib0.AppendAny(nil, got)
		if err != nil || string(again) != string(b) {
			t.Errorf("%v became %v", v, got)
		}
		if f, ok := got.(float64); ok && f == 0 && !math.Signbit(f) {
			t.Errorf("minus zero lost its sign")
		}
	}
}

func TestVarUint(t *testing.T) {
	for _, n := range []uint64{0, 1, 127, 128, 16383, 16384, 1<<32 - 1, lib0.MaxSafeInteger} {
		b := lib0.AppendVarUint(nil, n)
		if len(b) != lib0.VarUintLen(n) {
			t.Errorf("VarUintLen(%d) = %d, want %d", n, lib0.VarUintLen(n), len(b))
		}
		got, err := lib0.NewDecoder(b).ReadVarUint()
		if err != nil || got != n {
			t.Errorf("%d became %d, %v", n, got, err)
		}
		if _, err := lib0.NewDecoder(b[:len(b)-1]).ReadVarUint(); !errors.Is(err, lib0.ErrUnexpectedEnd) {
			t.Errorf("truncated %x: %v", b, err)
		}
	}
}

func TestRefused(t *testing.T) {
	deep := make([]byte, 0, 400_000)
	for range 200_000 {
		deep = append(deep, 117, 1)
	}
	for _, c := range []struct {
		name  string
		input []byte
		read  func(d *lib0.Decoder) error
		want  error
	}{
		{"more than 53 bits", lib0.AppendVarUint(nil, lib0.MaxSafeInteger+1), readVarUint, lib0.ErrRange},
		{"overlong integer", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0}, readVarUint, lib0.ErrRange},
		{"a billion bytes", lib0.AppendVarUint(nil, 1e9), readVarBytes, lib0.ErrUnexpectedEnd},
		{"bad UTF-8", []byte{2, 0xc3, 0x28}, readVarString, lib0.ErrUTF8},
		{"surrogate in UTF-8", []byte{3, 0xed, 0xa0, 0x80}, readVarString, lib0.ErrUTF8},
		{"unknown tag", []byte{115}, readAny, lib0.ErrTag},
		{"deep arrays", deep, readAny, lib0.ErrDepth},
		{"a billion elements", lib0.AppendVarUint([]byte{117}, 1e9), readAny, lib0.ErrUnexpectedEnd},
		{"a billion properties", lib0.AppendVarUint([]byte{118}, 1e9), readAny, lib0.ErrUnexpectedEnd},
		{"half a float", []byte{123, 0, 0}, readAny, lib0.ErrUnexpectedEnd},
		{"nothing", nil, readAny, lib0.ErrUnexpectedEnd},
	} {
		if err := c.read(lib0.NewDecoder(c.input)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := lib0.AppendAny(nil, struct{}{}); err == nil {
		t.Error("AppendAny takes any type")
	}
}

func TestDepthLimit(t *testing.T) {
	var v any = int64(1)
	for range lib0.MaxAnyDepth {
		v = []any{v}
	}
	b, err := lib0.AppendAny(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	got, err := lib0.NewDecoder(b).ReadAny()
	if err != nil || !reflect.DeepEqual(got, v) {
		t.Errorf("%d levels: %v", lib0.MaxAnyDepth, err)
	}
	if _, err := lib0.AppendAny(nil, []any{v}); !errors.Is(err, lib0.ErrDepth) {
		t.Errorf("one level more: %v", err)
	}
	if err := lib0.NewDecoder(append([]byte{117, 1}, b...)).SkipAny(); !errors.Is(err, lib0.ErrDepth) {
		t.Errorf("one level more: %v", err)
	}
}

func readVarUint(d *lib0.Decoder) error   { _, err := d.ReadVarUint(); return err }
func readVarBytes(d *lib0.Decoder) error  { _, err := d.ReadVarBytes(); return err }
func readVarString(d *lib0.Decoder) error { _, err := d.ReadVarString(); return err }

func readAny(d *lib0.Decoder) error {
	if err := (&lib0.Decoder{}).SkipAny(); err == nil {
		return errors.New("an empty input is skipped")
	}
	skip := *d
	_, err := d.ReadAny()
	if skipErr := skip.SkipAny(); (err == nil) != (skipErr == nil) {
		return errors.Join(errors.New("SkipAny and ReadAny differ"), err, skipErr)
	}
	return err
}
