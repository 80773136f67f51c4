package store_test

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/bizsync/bizsync/store"
)

func TestPack(t *testing.T) {
	for _, c := range []struct {
		name   string
		in     []byte
		format byte
		atMost int
	}{
		{"nothing", nil, 0, 1},
		{"a keystroke", bytes.Repeat([]byte("k"), 25), 0, 26},
		{"just too short to compress", bytes.Repeat([]byte("k"), 255), 0, 256},
		{"text", bytes.Repeat([]byte("k"), 256), 1, 64},
		{"a large state", bytes.Repeat([]byte("some words "), 1<<20), 1, 1 << 20},
	} {
		p := store.Pack(c.in)
		if p[0] != c.format || len(p) > c.atMost {
			t.Errorf("%s: format %d and %d bytes", c.name, p[0], len(p))
		}
		got, err := store.Unpack(p)
		if err != nil || !bytes.Equal(got, c.in) {
			t.Errorf("%s: came back as %d bytes, %v", c.name, len(got), err)
		}
	}
}

func TestPackRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		b = bytes.Repeat(b, rapid.IntRange(1, 50).Draw(t, "times"))
		p := store.Pack(b)
		if len(p) > len(b)+1 {
			t.Fatalf("%d bytes became %d", len(b), len(p))
		}
		got, err := store.Unpack(p)
		if err != nil || !bytes.Equal(got, b) {
			t.Fatalf("came back as %d bytes of %d, %v", len(got), len(b), err)
		}
	})
}

// TestPackKeepsNothing: what is packed and unpacked once, however large, doesn't stay in memory for ever.
func TestPackKeepsNothing(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		runtime.GC() // what the first one found in pools
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	if _, err := store.Unpack(store.Pack(bytes.Repeat([]byte("some words "), 2<<20))); err != nil {
		t.Fatal(err)
	}
	if after := heap(); after > before+2<<20 {
		t.Errorf("%d KiB are kept", (after-before)>>10)
	}
}

func TestUnpackRefuses(t *testing.T) {
	good := store.Pack(bytes.Repeat([]byte("text "), 1000))
	for name, p := range map[string][]byte{
		"nothing":           nil,
		"an unknown format": {2, 1, 2, 3},
		"no zstd":           []byte("\x01 plain text"),
		"a cut frame":       good[:len(good)-3],
		"a frame and more":  append(bytes.Clone(good), "tail"...),
		"a bomb":            bomb(t, store.MaxUnpacked+1),
	} {
		if got, err := store.Unpack(p); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// bomb packs n zeros, without saying so in its header.
func bomb(t *testing.T, n int) []byte {
	t.Helper()
	out := bytes.NewBuffer([]byte{1})
	w, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for n > 0 {
		k, err := w.Write(zeros[:min(n, len(zeros))])
		if err != nil {
			t.Fatal(err)
		}
		n -= k
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func FuzzUnpack(f *testing.F) {
	f.Add(store.Pack(nil))
	f.Add(store.Pack([]byte("short")))
	f.Add(store.Pack(bytes.Repeat([]byte("long "), 1000)))
	f.Fuzz(func(t *testing.T, p []byte) {
		b, err := store.Unpack(p)
		if err != nil {
			if !errors.Is(err, store.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if len(b) > store.MaxUnpacked {
			t.Fatalf("%d bytes", len(b))
		}
		if again, err := store.Unpack(store.Pack(b)); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("does not come back: %v", err)
		}
	})
}
