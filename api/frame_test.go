package api

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bizsync/bizsync/collab"
)

// clientFrame is a frame as a client sends it.
func clientFrame(opcode byte, final bool, payload []byte) []byte {
	b := appendFrameHeader(nil, opcode, len(payload))
	if !final {
		b[0] &^= finalBit
	}
	b[1] |= maskedBit
	key := [4]byte{0x12, 0x9a, 0, 0xff}
	b = append(b, key[:]...)
	masked := bytes.Clone(payload)
	for i := range masked {
		masked[i] ^= key[i%4]
	}
	return append(b, masked...)
}

func TestFrameHeader(t *testing.T) {
	key := []byte{1, 2, 3, 4}
	for _, tt := range []struct {
		name   string
		b      []byte
		opcode byte
		size   int64 // -1: refused
	}{
		{"binary", []byte{0x82, 0x85}, opBinary, 5},
		{"text", []byte{0x81, 0x80}, opText, 0},
		{"continued", []byte{0x00, 0x81}, opContinuation, 1},
		{"125", []byte{0x82, 0xfd}, opBinary, 125},
		{"two bytes of length", []byte{0x82, 0xfe, 0x01, 0x00}, opBinary, 256},
		{"eight bytes of length", []byte{0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0}, opBinary, 1 << 32},
		{"longest", []byte{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, opBinary, 1<<63 - 1},
		{"ping", []byte{0x89, 0xfd}, opPing, 125},
		{"negative length", []byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0}, 0, -1},
		{"not masked", []byte{0x82, 0x05}, 0, -1},
		{"first reserved bit", []byte{0xc2, 0x85}, 0, -1},
		{"second reserved bit", []byte{0xa2, 0x85}, 0, -1},
		{"third reserved bit", []byte{0x92, 0x85}, 0, -1},
		{"unknown data", []byte{0x83, 0x85}, 0, -1},
		{"unknown control", []byte{0x8b, 0x85}, 0, -1},
		{"long ping", []byte{0x89, 0xfe}, 0, -1},
		{"ping in pieces", []byte{0x09, 0x80}, 0, -1},
	} {
		b := append(tt.b, key...)
		h, n, err := parseFrameHeader(b)
		if tt.size < 0 {
			if closing, ok := errors.AsType[*collab.CloseError](err); !ok || closing.Code != collab.CloseMalformed {
				t.Errorf("%s: %+v, %v", tt.name, h, err)
			}
			continue
		}
		if err != nil || n != len(b) || h.opcode != tt.opcode || h.size != tt.size || h.final != (tt.b[0]&finalBit != 0) || !bytes.Equal(h.key[:], key) {
			t.Errorf("%s: %+v, %d bytes, %v", tt.name, h, n, err)
		}
		for cut := range b {
			if _, n, err := parseFrameHeader(b[:cut]); n != 0 || err != nil {
				t.Errorf("%s: %d bytes of the header, and %d were read: %v", tt.name, cut, n, err)
			}
		}
	}
}

func TestUnmask(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "payload")
		key := [4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "key"))
		cut := rapid.IntRange(0, len(b)).Draw(t, "cut")
		want := bytes.Clone(b)
		for i := range want {
			want[i] ^= key[i%4]
		}
		unmask(b[:cut], key, 0)
		unmask(b[cut:], key, int64(cut))
		if !bytes.Equal(b, want) {
			t.Fatalf("% x, want % x", b, want)
		}
	})
}

func TestParseClose(t *testing.T) {
	for p, want := range map[string]int{
		"": closeNoStatus, "\x03\xe8": 1000, "\x03\xe8bye": 1000, "\x03\xe9": 1001, "\x0b\xb8": 3000, "\x13\x87": 4999, "\x03\xf6": 1014,
		"\x03": 0, "\x03\xe7": 0, "\x03\xec": 0, "\x03\xed": 0, "\x03\xee": 0, "\x03\xf7": 0, "\x0b\xb7": 0, "\x13\x88": 0, "\x03\xe8\xff": 0,
	} {
		if code, err := parseClose([]byte(p)); code != want || (err != nil) != (want == 0) {
			t.Errorf("% x: code %d, %v; want %d", p, code, err, want)
		}
	}
}

// However frames are cut by the network, and messages into frames, with whatever control frames between them, the messages are read.
func TestConnReadsAnyPieces(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var stream []byte
		var want [][]byte
		for range rapid.IntRange(1, 8).Draw(rt, "messages") {
			size := rapid.OneOf(rapid.IntRange(0, 200), rapid.IntRange(3000, 20_000)).Draw(rt, "size")
			msg := bytes.Repeat([]byte{byte(len(want)), 7, 0xf3}, size/3+1)[:size]
			want = append(want, msg)
			opcode := byte(opBinary)
			for rest, final := msg, false; !final; opcode = opContinuation {
				n := len(rest)
				if rapid.Bool().Draw(rt, "fragment") {
					n = rapid.IntRange(0, n).Draw(rt, "of")
				}
				final = n == len(rest) && rapid.IntRange(0, 3).Draw(rt, "final") > 0
				stream = append(stream, clientFrame(opcode, final, rest[:n])...)
				rest = rest[n:]
				if rapid.IntRange(0, 3).Draw(rt, "control") == 0 {
					stream = append(stream, clientFrame(opPong, true, rest[:min(len(rest), 50)])...)
				}
			}
		}
		stream = append(stream, clientFrame(opClose, true, nil)...)

		node := testSockets(t, 1<<20, defaultConnTiming())
		ours, theirs := net.Pipe()
		ahead := rapid.IntRange(0, min(len(stream), 4096)).Draw(rt, "ahead")
		c := node.add(ours, stream[:ahead])
		written := make(chan struct{})
		go func() {
			defer close(written)
			for rest := stream[ahead:]; len(rest) > 0; {
				n := min(len(rest), rapid.OneOf(rapid.IntRange(1, 20), rapid.IntRange(100, 9000)).Draw(rt, "piece"))
				if _, err := theirs.Write(rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
			_, _ = io.Copy(io.Discard, theirs)
		}()
		for i, msg := range want {
			got, err := c.Read()
			if err != nil || !bytes.Equal(got, msg) {
				rt.Errorf("message %d: %d bytes, %v; want %d", i, len(got), err, len(msg))
				break
			}
		}
		if _, err := c.Read(); !errors.Is(err, io.EOF) {
			rt.Errorf("after the last message: %v", err)
		}
		c.finish()
		theirs.Close()
		<-written
		if c.scratch != nil {
			rt.Error("a scratch is still held")
		}
	})
}

// What is no frame closes the connection, with a code that asks nobody to come back.
func TestConnMalformedFrames(t *testing.T) {
	for name, b := range map[string][]byte{
		"not masked":           {0x82, 1, 7},
		"reserved bit":         {0xc2, 0x80, 0, 0, 0, 0},
		"continues nothing":    clientFrame(opContinuation, true, []byte{1}),
		"begins in the middle": append(clientFrame(opBinary, false, []byte{1}), clientFrame(opBinary, true, []byte{2})...),
		"bad close code":       clientFrame(opClose, true, []byte{0, 1}),
		"HTTP":                 []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		server, _, raw := connPair(t, testSockets(t, 1<<20, quick()))
		if _, err := raw.Write(b); err != nil {
			t.Fatal(err)
		}
		_, err := server.Read()
		if err == nil || closeCodeOf(t, err) != collab.CloseMalformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Many fragments of a byte each cost no more memory, or copying, than the message.
func TestConnTinyFragments(t *testing.T) {
	const n = 100_000
	var stream bytes.Buffer
	for i := range n {
		opcode := byte(opContinuation)
		if i == 0 {
			opcode = opBinary
		}
		stream.Write(clientFrame(opcode, i == n-1, []byte{byte(i)}))
	}
	server, _, raw := connPair(t, testSockets(t, n, quick()))
	go func() { _, _ = raw.Write(stream.Bytes()) }()
	b, err := server.Read()
	if err != nil || len(b) != n || cap(b) > n+n/4 || strings.Count(string(b[:512]), "\x00") != 2 {
		t.Errorf("%d bytes in %d, %v", len(b), cap(b), err)
	}
}
