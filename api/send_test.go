package api

import (
	"bytes"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab"
)

// counted is a connection that can't be tried, only waited for, and counts its writes.
type counted struct {
	net.Conn
	writes *atomic.Int32
}

func (c counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// Small messages go out together; a large body is not copied to join them.
func TestSendGathers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		sizes  []int
		writes int32
	}{
		{"none", nil, 0},
		{"one", []int{10}, 1},
		{"empty", []int{0}, 1},
		{"many", []int{1, 20, 300, 0, 4000}, 1},
		{"more than a buffer", slices.Repeat([]int{10_000}, 10), 2},
		{"a large one between", []int{10, 100_000, 10}, 3},
		{"just below large", []int{3 + byReference - 1}, 1},
		{"just large", []int{3 + byReference}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var writes atomic.Int32
			timing := defaultConnTiming()
			timing.ping = time.Hour
			server, client, _ := connPairOver(t, testSockets(t, 1<<20, timing), func(c net.Conn) net.Conn { return counted{c, &writes} })
			var msgs []collab.Message
			for i, n := range tt.sizes {
				m := bytes.Repeat([]byte{byte(i + 1)}, n)
				msgs = append(msgs, collab.Message{Head: m[:min(n, 3)], Body: m[min(n, 3):]})
			}
			if sent, err := server.Send(msgs); !sent || err != nil {
				t.Fatal(sent, err)
			}
			for i, n := range tt.sizes {
				if _, b, err := client.Read(t.Context()); err != nil || !bytes.Equal(b, bytes.Repeat([]byte{byte(i + 1)}, n)) {
					t.Errorf("message %d: %d bytes, %v", i, len(b), err)
				}
			}
			if n := writes.Load(); n != tt.writes {
				t.Errorf("%d writes, want %d", n, tt.writes)
			}
		})
	}
}

// stuff sends until the network takes no more, and gives the number of messages.
func stuff(t *testing.T, c *conn, body []byte) int {
	t.Helper()
	for n := 1; ; n++ {
		sent, err := c.Send([]collab.Message{{Head: []byte{byte(n)}, Body: body}})
		if err != nil {
			t.Fatal(err)
		}
		if !sent {
			return n
		}
	}
}

// When the network takes no more, Send doesn't wait, keeps large bodies as they are, and what follows them stays behind them: control frames too, of which there is one of
// a kind, however many pings the client sends.
func TestSendRemainder(t *testing.T) {
	timing := defaultConnTiming()
	timing.look, timing.ping = time.Hour, time.Hour
	server, _, raw := connPair(t, testSockets(t, 1<<20, timing))
	body := bytes.Repeat([]byte{9}, 1<<20)
	n := stuff(t, server, body)
	if rest := server.rest[0]; &rest[len(rest)-1] != &body[len(body)-1] {
		t.Error("the body was copied")
	}
	for i := range 3 {
		server.sayPong([]byte{byte(i)})
		server.mu.Lock()
		server.sayPing()
		server.mu.Unlock()
	}
	if len(server.rest) != 1 {
		t.Errorf("%d pieces wait", len(server.rest))
	}
	flushed := make(chan error, 1)
	go func() { flushed <- server.Flush() }()
	header := appendFrameHeader(nil, opBinary, len(body)+1)
	got := make([]byte, len(header)+1+len(body))
	for i := range n {
		want := slices.Concat(header, []byte{byte(i + 1)}, body)
		if _, err := io.ReadFull(raw, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	want := []byte{0x8a, 1, 2, 0x89, 0} // the last pong, one ping
	got = got[:len(want)]
	if _, err := io.ReadFull(raw, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("% x, %v; want % x", got, err, want)
	}
	if err := <-flushed; err != nil {
		t.Error(err)
	}
	if sent, err := server.Send([]collab.Message{{Body: []byte{7}}}); !sent || err != nil {
		t.Error(sent, err)
	}
}

// A close frame follows what was sent, and nothing follows it.
func TestCloseFollowsRemainder(t *testing.T) {
	server, client, _ := connPair(t, testSockets(t, 1<<20, defaultConnTiming()))
	n := stuff(t, server, make([]byte, 1<<20))
	flushed := make(chan error, 1)
	go func() { flushed <- server.Flush() }()
	server.Close(collab.CloseTryAgain, "later")
	if sent, err := server.Send([]collab.Message{{Body: []byte{7}}}); sent || err == nil {
		t.Error("sent after Close")
	}
	for range n {
		if _, b, err := client.Read(t.Context()); err != nil || len(b) != 1<<20+1 {
			t.Fatal(len(b), err)
		}
	}
	if code, err := drain(t, client); code != collab.CloseTryAgain {
		t.Errorf("closed with %d, %v", code, err)
	}
	if err := <-flushed; err == nil {
		t.Error("Flush doesn't say that the connection has ended")
	}
}

// Nobody need call Flush for a ping or pong that found the network full: the watch sees to it.
func TestWatchWritesRemainder(t *testing.T) {
	timing := defaultConnTiming()
	timing.look, timing.ping = 10*time.Millisecond, time.Hour
	server, _, raw := connPair(t, testSockets(t, 1<<20, timing))
	n := stuff(t, server, make([]byte, 1<<20))
	server.sayPong([]byte{5})
	want := int64(n) * int64(1<<20+1+maxServerHeaderBytes)
	if _, err := io.CopyN(io.Discard, raw, want); err != nil {
		t.Fatal(err)
	}
	pong := make([]byte, 3)
	if _, err := io.ReadFull(raw, pong); err != nil || !bytes.Equal(pong, []byte{0x8a, 1, 5}) {
		t.Errorf("% x, %v", pong, err)
	}
}

// Sending a small message allocates nothing.
func TestSendAllocations(t *testing.T) {
	server, _, raw := connPair(t, testSockets(t, 1<<20, defaultConnTiming()))
	go func() { _, _ = io.Copy(io.Discard, raw) }()
	msgs := []collab.Message{{Head: []byte{1}, Body: make([]byte, 100)}}
	got := testing.AllocsPerRun(1000, func() {
		if sent, err := server.Send(msgs); err != nil || !sent && server.Flush() != nil {
			t.Error(sent, err)
		}
	})
	// Under the race detector pools drop what they are given, now and then.
	if limit := 0.0; got > limit && !raceEnabled {
		t.Errorf("%v allocations, want %v", got, limit)
	}
}

func BenchmarkSend(b *testing.B) {
	server, _, raw := connPair(b, testSockets(b, 1<<20, defaultConnTiming()))
	go func() { _, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, raw, make([]byte, 1<<20)) }()
	msgs := []collab.Message{{Head: []byte{1}, Body: make([]byte, 100)}}
	b.ReportAllocs()
	for b.Loop() {
		sent, err := server.Send(msgs)
		if err == nil && !sent {
			err = server.Flush()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	server, _, raw := connPair(b, testSockets(b, 1<<20, defaultConnTiming()))
	frame := clientFrame(opBinary, true, make([]byte, 100))
	go func() {
		many := bytes.Repeat(frame, 50)
		for {
			if _, err := raw.Write(many); err != nil {
				return
			}
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := server.Read(); err != nil {
			b.Fatal(err)
		}
	}
}
