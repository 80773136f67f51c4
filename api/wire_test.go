package api

import (
	"bytes"
	"net"
	"testing"
	"time"
)

// sink is a connection that counts what is written.
type sink struct {
	net.Conn
	writes int
	got    bytes.Buffer
}

func (s *sink) SetWriteDeadline(time.Time) error { return nil }

func (s *sink) Write(p []byte) (int, error) {
	s.writes++
	return s.got.Write(p)
}

// What is written under a cork goes out in one piece, as far as it is small, and in order.
func TestWireCork(t *testing.T) {
	for _, test := range []struct {
		name   string
		sizes  []int
		writes int
	}{
		{"nothing", nil, 0},
		{"small ones", []int{1, 20, 300}, 1},
		{"more than a chunk", []int{40 << 10, 40 << 10, 10}, 2},
		{"a large one between", []int{10, 100 << 10, 10}, 4}, // what was kept, two chunks, the rest
	} {
		s := &sink{}
		w := newWire(s, time.Second)
		var want []byte
		w.cork()
		for i, n := range test.sizes {
			p := bytes.Repeat([]byte{byte(i + 1)}, n)
			want = append(want, p...)
			if m, err := w.Write(p); m != n || err != nil {
				t.Fatalf("%s: %d, %v", test.name, m, err)
			}
		}
		if err := w.uncork(); err != nil {
			t.Fatal(err)
		}
		if s.writes != test.writes || !bytes.Equal(s.got.Bytes(), want) {
			t.Errorf("%s: %d writes of %d bytes, want %d of %d", test.name, s.writes, s.got.Len(), test.writes, len(want))
		}
		if _, err := w.Write([]byte{9}); err != nil || s.writes != test.writes+1 {
			t.Errorf("%s: a write without a cork waits: %v", test.name, err)
		}
	}
}
