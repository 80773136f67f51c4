package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/bizsync/bizsync/collab"
)

// quick are periods for tests: real sockets need real time.
func quick() connTiming {
	return connTiming{ping: 100 * time.Millisecond, silence: 800 * time.Millisecond, stall: 600 * time.Millisecond, grace: 400 * time.Millisecond, budget: 300 * time.Millisecond, window: 200 * time.Millisecond,
		look: 20 * time.Millisecond}
}

// testSockets are the sockets of a node that has nothing else.
func testSockets(t testing.TB, limit int64, timing connTiming) *sockets {
	t.Helper()
	var work sync.WaitGroup
	t.Cleanup(work.Wait)
	return newSockets(limit, timing, &work)
}

// connPair makes a connection on a loopback socket. raw is the client's end below its WebSocket.
func connPair(t testing.TB, node *sockets) (server *conn, client *websocket.Conn, raw net.Conn) {
	t.Helper()
	return connPairOver(t, node, func(c net.Conn) net.Conn { return c })
}

// connPairOver makes a connection on a loopback socket that is wrapped on the server's side.
func connPairOver(t testing.TB, node *sockets, wrap func(net.Conn) net.Conn) (server *conn, client *websocket.Conn, raw net.Conn) {
	t.Helper()
	made := make(chan *conn, 1)
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up, err := upgrade(w, r)
		if err != nil {
			t.Error(err)
			close(made)
			return
		}
		made <- node.add(wrap(up.conn), up.ahead)
	}))
	defer ts.Close()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		var err error
		raw, err = new(net.Dialer).DialContext(ctx, network, addr)
		return raw, err
	}}
	client, _, err := websocket.Dial(t.Context(), ts.URL, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	client.SetReadLimit(-1)
	server = <-made
	if server == nil {
		t.Fatal("no connection")
	}
	t.Cleanup(func() {
		raw.Close()
		_ = client.CloseNow()
		server.finish()
	})
	return server, client, raw
}

// write sends messages and waits until they are written.
func write(c *conn, msgs ...[]byte) error {
	parts := make([]collab.Message, len(msgs))
	for i, b := range msgs {
		parts[i].Body = b
	}
	if sent, err := c.Send(parts); sent || err != nil {
		return err
	}
	return c.Flush()
}

func closeCodeOf(t *testing.T, err error) int {
	t.Helper()
	closing, ok := errors.AsType[*collab.CloseError](err)
	if !ok {
		t.Fatalf("%v is no close error", err)
	}
	return closing.Code
}

func TestConnFrameLimit(t *testing.T) {
	const limit = 100_000
	for _, tt := range []struct {
		size int
		code int // 0: read
	}{{0, 0}, {1, 0}, {125, 0}, {126, 0}, {firstBytes, 0}, {firstBytes + 1, 0}, {scratchBytes - 1, 0}, {scratchBytes, 0}, {scratchBytes + 1, 0}, {65535, 0}, {65536, 0}, {limit - 1, 0}, {limit, 0}, {limit + 1, collab.CloseTooLarge}, {10 * limit, collab.CloseTooLarge}} {
		server, client, _ := connPair(t, testSockets(t, limit, quick()))
		msg := bytes.Repeat([]byte{7}, tt.size)
		go func() { _ = client.Write(t.Context(), websocket.MessageBinary, msg) }()
		got, err := server.Read()
		if tt.code == 0 {
			if err != nil || !bytes.Equal(got, msg) {
				t.Errorf("%d bytes: got %d bytes, %v", tt.size, len(got), err)
			}
			continue
		}
		if err == nil || closeCodeOf(t, err) != tt.code {
			t.Errorf("%d bytes: got %d bytes, %v", tt.size, len(got), err)
		}
	}
}

// The limit counts a message, however it is cut into frames.
func TestConnFrameLimitOfFragments(t *testing.T) {
	server, client, _ := connPair(t, testSockets(t, 5000, quick()))
	go func() {
		w, err := client.Writer(t.Context(), websocket.MessageBinary)
		for range 6 {
			if err == nil {
				_, err = w.Write(make([]byte, 1000))
			}
		}
		if err == nil {
			_ = w.Close()
		}
	}()
	if _, err := server.Read(); err == nil || closeCodeOf(t, err) != collab.CloseTooLarge {
		t.Errorf("%v", err)
	}
}

// Consecutive messages don't share memory: rooms keep what they are given.
func TestConnReadGivesMemoryAway(t *testing.T) {
	server, client, _ := connPair(t, testSockets(t, 1<<20, quick()))
	var got [][]byte
	for _, size := range []int{10, 10, 6000, 6000} {
		if err := client.Write(t.Context(), websocket.MessageBinary, bytes.Repeat([]byte{byte(len(got))}, size)); err != nil {
			t.Fatal(err)
		}
		b, err := server.Read()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b)
	}
	for i, b := range got {
		if !bytes.Equal(b, bytes.Repeat([]byte{byte(i)}, len(b))) {
			t.Errorf("message %d was overwritten", i)
		}
	}
}

// A claim of a terabyte allocates nothing: memory follows what has arrived.
func TestConnDoesNotBelieveLengths(t *testing.T) {
	timing := quick()
	server, _, raw := connPair(t, testSockets(t, 1<<50, timing))
	header := []byte{0x82, 0xff, 0, 0, 0x01, 0, 0, 0, 0, 0, 1, 2, 3, 4} // binary, masked, 2^40 bytes
	if _, err := raw.Write(append(header, make([]byte, 1000)...)); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Read(); err == nil { // ends for want of a sign of life
		t.Fatal("read a terabyte")
	}
	if server.large.Load() != nil {
		t.Error("the budget is held")
	}
}

func TestConnTextIsMalformed(t *testing.T) {
	server, client, _ := connPair(t, testSockets(t, 1<<20, quick()))
	if err := client.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Read(); err == nil || closeCodeOf(t, err) != collab.CloseMalformed {
		t.Errorf("%v", err)
	}
}

// Large frames share a budget: it is taken while one arrives, kept until the next Read, and who waits for it in vain is asked to come back.
func TestConnLargeFrameBudget(t *testing.T) {
	const size = 3 << 20
	timing := quick()
	timing.silence = 5 * time.Second
	node := testSockets(t, 16<<20, timing)
	node.budget = newFrameBudget(size, size)
	first, a, _ := connPair(t, node)
	second, b, _ := connPair(t, node)
	first.owner, second.owner = "ann", "bob"
	send := func(c *websocket.Conn) {
		go func() { _ = c.Write(t.Context(), websocket.MessageBinary, make([]byte, size)) }()
	}
	send(a)
	if msg, err := first.Read(); err != nil || len(msg) != size {
		t.Fatal(len(msg), err)
	}
	node.budget.awaitFree(t, 0)
	send(b)
	if _, err := second.Read(); err == nil || closeCodeOf(t, err) != collab.CloseTryAgain {
		t.Errorf("without budget: %v", err)
	}
	// The next Read gives it back; small frames need none.
	go func() { _ = a.Write(t.Context(), websocket.MessageBinary, make([]byte, 1000)) }()
	if _, err := first.Read(); err != nil {
		t.Fatal(err)
	}
	second.giveBack()
	node.budget.awaitFree(t, size)
}

func TestConnClientLeaves(t *testing.T) {
	for name, leave := range map[string]func(*websocket.Conn){
		"in good order": func(c *websocket.Conn) { _ = c.Close(websocket.StatusNormalClosure, "") },
		"by navigation": func(c *websocket.Conn) { _ = c.Close(websocket.StatusGoingAway, "") },
		"at once":       func(c *websocket.Conn) { _ = c.CloseNow() },
	} {
		server, client, _ := connPair(t, testSockets(t, 1<<20, quick()))
		go leave(client)
		if _, err := server.Read(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A peer that is read from and answers pings lives on in silence; one that doesn't is dropped after the silence.
func TestConnLiveness(t *testing.T) {
	server, client, _ := connPair(t, testSockets(t, 1<<20, quick()))
	client.CloseRead(t.Context()) // answers pings
	sent := make(chan error, 1)
	time.AfterFunc(2*quick().silence, func() { sent <- client.Write(t.Context(), websocket.MessageBinary, []byte{1}) })
	if b, err := server.Read(); err != nil || len(b) != 1 {
		t.Fatalf("a living peer: %v %v", b, err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}

	dead, _, _ := connPair(t, testSockets(t, 1<<20, quick())) // nobody reads, so nobody answers pings
	began := time.Now()
	if _, err := dead.Read(); err == nil {
		t.Fatal("read from nobody")
	}
	if took := time.Since(began); took < quick().silence || took > 10*quick().silence {
		t.Errorf("dropped after %v", took)
	}
}

// Single bytes of one frame, each within the silence, keep a slow upload alive for many times the silence.
func TestConnSlowUploadLives(t *testing.T) {
	timing := quick()
	server, _, raw := connPair(t, testSockets(t, 1<<20, timing))
	go func() {
		frame := []byte{0x82, 0x80 | 20, 0, 0, 0, 0}
		for _, b := range append(frame, make([]byte, 20)...) {
			if _, err := raw.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(timing.silence / 8) // what is tested: a slow line
		}
	}()
	if b, err := server.Read(); err != nil || len(b) != 20 {
		t.Errorf("%v, %v", b, err)
	}
}

// While nobody reads (a room holds a fast typist back), silence is our own doing.
func TestConnPausedReadingIsNotSilence(t *testing.T) {
	server, client, _ := connPair(t, testSockets(t, 1<<20, quick()))
	time.Sleep(2 * quick().silence) // what is tested: that nothing happens in this time
	if server.cutAt.Load() != 0 {
		t.Fatal("dropped while paused")
	}
	// The pause doesn't count afterwards either: the silence begins with the Read.
	time.AfterFunc(quick().silence/3, func() { _ = client.Write(t.Context(), websocket.MessageBinary, []byte{1}) })
	if _, err := server.Read(); err != nil {
		t.Error(err)
	}
}

// A peer that takes nothing ends a write after the stall time; a slow one that takes a little now and then doesn't.
func TestConnStuckWriter(t *testing.T) {
	timing := quick()
	timing.silence, timing.ping = time.Minute, time.Minute
	server, _, raw := connPair(t, testSockets(t, 1<<20, timing))
	if err := raw.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var err error
	for err == nil && time.Since(began) < 20*time.Second {
		err = write(server, make([]byte, 1<<20))
	}
	if err == nil {
		t.Fatal("the peer took everything")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("ended after %v", took)
	}
}

func TestConnSlowReaderLives(t *testing.T) {
	timing := quick()
	server, _, raw := connPair(t, testSockets(t, 1<<20, timing))
	if err := errors.Join(raw.(*net.TCPConn).SetReadBuffer(16<<10), server.wire.Conn.(*net.TCPConn).SetWriteBuffer(16<<10)); err != nil {
		t.Fatal(err)
	}
	const size = 1 << 20
	go func() {
		buf := make([]byte, 16<<10)
		for {
			time.Sleep(30 * time.Millisecond) // what is tested: a slow line
			if _, err := raw.Read(buf); err != nil {
				return
			}
		}
	}()
	// All the while somebody reads on our side too: the peer sends nothing, and its taking our bytes is its sign of life.
	read := make(chan error, 1)
	go func() {
		_, err := server.Read()
		read <- err
	}()
	began := time.Now()
	if err := write(server, make([]byte, size)); err != nil {
		t.Fatalf("after %v: %v", time.Since(began), err)
	}
	if took := time.Since(began); took < 2*timing.stall || took < 2*timing.silence {
		t.Errorf("the line was not slow enough to show anything: %v", took)
	}
	server.Close(1000, "")
	<-read
}

// Close says its code and reason to a living peer, doesn't wait, and ends Read and Write of a stuck one soon.
func TestConnClose(t *testing.T) {
	server, client, _ := connPair(t, testSockets(t, 1<<20, quick()))
	read := make(chan error, 1)
	go func() {
		_, err := server.Read()
		read <- err
	}()
	server.Close(collab.CloseForbidden, "no access")
	server.Close(collab.CloseTryAgain, "too late")
	_, _, err := client.Read(t.Context())
	var closing websocket.CloseError
	if !errors.As(err, &closing) || closing.Code != collab.CloseForbidden || closing.Reason != "no access" {
		t.Errorf("the client heard %v", err)
	}
	if err := <-read; err == nil {
		t.Error("Read went on after Close")
	}
	if err := write(server, []byte{1}); err == nil {
		t.Error("Write went on after Close")
	}
}

func TestConnCloseOfStuckPeer(t *testing.T) {
	timing := quick()
	timing.stall, timing.silence = time.Minute, time.Minute
	server, _, _ := connPair(t, testSockets(t, 1<<20, timing))
	ended := make(chan string, 2)
	go func() {
		for write(server, make([]byte, 1<<20)) == nil {
		}
		ended <- "write"
	}()
	go func() {
		_, _ = server.Read()
		ended <- "read"
	}()
	began := time.Now()
	server.Close(collab.CloseGoingAway, "")
	if took := time.Since(began); took > timing.grace/2 {
		t.Errorf("Close took %v", took)
	}
	for range 2 {
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			t.Fatal("something went on after Close")
		}
	}
}

func TestCutReason(t *testing.T) {
	for _, s := range []string{"", "short", strings.Repeat("x", 123), strings.Repeat("x", 124), strings.Repeat("ö", 100), "x" + strings.Repeat("ö", 100), strings.Repeat("😀", 50)} {
		got := cutReason(s)
		if len(got) > closeReasonBytes || !utf8.ValidString(got) || !strings.HasPrefix(s, got) || len(s) <= closeReasonBytes && got != s || len(s)-len(got) > 0 && len(got) < closeReasonBytes-3 {
			t.Errorf("%q became %q", s, got)
		}
	}
}

// lastWords is a connection whose last bytes come together with its end, as those of some do that are no plain socket.
type lastWords struct {
	net.Conn
	left []byte
}

func (c *lastWords) Read(p []byte) (int, error) {
	n := copy(p, c.left)
	if c.left = c.left[n:]; len(c.left) > 0 {
		return n, nil
	}
	return n, io.EOF
}

func (c *lastWords) SetReadDeadline(time.Time) error { return nil }

// What comes together with the end is read.
func TestBytesWithTheEnd(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 3*scratchBytes)
	c, _, _ := connPairOver(t, testSockets(t, 1<<20, quick()), func(under net.Conn) net.Conn {
		return &lastWords{under, clientFrame(opBinary, true, long)}
	})
	if b, err := c.Read(); err != nil || !bytes.Equal(b, long) {
		t.Errorf("read %d bytes, %v", len(b), err)
	}
	if _, err := c.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("%v at the end", err)
	}
}
