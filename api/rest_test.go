package api

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab"
)

// readOrRest gives what Read says, which may be collab.ErrQuiet, or fails when it waits for long.
func readOrRest(t *testing.T, c *conn) ([]byte, error) {
	t.Helper()
	type said struct {
		b   []byte
		err error
	}
	done := make(chan said, 1)
	go func() {
		b, err := c.Read()
		done <- said{b, err}
	}()
	select {
	case s := <-done:
		return s.b, s.err
	case <-time.After(10 * time.Second):
		t.Fatal("Read waits")
		return nil, nil
	}
}

// A connection rests between messages, control frames included, but never in the middle of one, and loses nothing by it.
func TestConnRests(t *testing.T) {
	c, _, raw := connPair(t, testSockets(t, 1<<20, defaultConnTiming()))
	c.rests = true
	defer raw.Close()
	send := func(b []byte) {
		t.Helper()
		if _, err := raw.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	quiet := func(when string) {
		t.Helper()
		if b, err := readOrRest(t, c); !errors.Is(err, collab.ErrQuiet) {
			t.Fatalf("%s: read %q, %v", when, b, err)
		}
	}
	gets := func(want string) {
		t.Helper()
		if b, err := readOrRest(t, c); err != nil || string(b) != want {
			t.Fatalf("read %q, %v, want %q", b, err, want)
		}
	}

	quiet("before anything came")
	send(clientFrame(opBinary, true, []byte("one")))
	c.await()
	gets("one")
	quiet("behind a message")

	send(append(clientFrame(opPing, true, []byte("?")), clientFrame(opBinary, true, []byte("two"))...))
	c.await()
	gets("two")
	send(clientFrame(opPong, true, nil))
	c.await()
	quiet("behind a pong")

	whole := clientFrame(opBinary, true, bytes.Repeat([]byte("x"), 300))
	send(whole[:3]) // not even the header
	c.await()
	go func() {
		time.Sleep(10 * time.Millisecond) // whatever the order, Read waits for the rest
		_, _ = raw.Write(whole[3:])
	}()
	gets(string(bytes.Repeat([]byte("x"), 300)))

	send(clientFrame(opBinary, false, []byte("in ")))
	c.await()
	go func() { _, _ = raw.Write(clientFrame(opContinuation, true, []byte("two parts"))) }()
	gets("in two parts")
}

// Who writes much is waited for in place: changing goroutines for each letter would cost more than a stack.
func TestConnOfALivelyPeerDoesNotRest(t *testing.T) {
	c, _, raw := connPair(t, testSockets(t, 1<<20, defaultConnTiming()))
	c.rests = true
	letter := clientFrame(opBinary, true, []byte("a"))
	rested := 0
	for read := 0; read < 3*livelyMessages; {
		if _, err := raw.Write(letter); err != nil {
			t.Fatal(err)
		}
		for {
			_, err := readOrRest(t, c)
			if err == nil {
				read++
				break
			}
			if !errors.Is(err, collab.ErrQuiet) {
				t.Fatal(err)
			}
			rested++
			c.await()
		}
	}
	if rested > livelyMessages {
		t.Errorf("rested %d times in %d letters", rested, 3*livelyMessages)
	}
	c.said -= 2 * quietAfter // a while later
	if _, err := raw.Write(clientFrame(opPong, true, nil)); err != nil {
		t.Fatal(err)
	}
	for _, next := range []func() error{func() error { return nil }, raw.Close} { // before the pong, and behind it
		if _, err := readOrRest(t, c); !errors.Is(err, collab.ErrQuiet) {
			t.Errorf("%v of a peer that has gone quiet", err)
		}
		if err := next(); err != nil {
			t.Error(err)
		}
		c.await()
	}
	if _, err := readOrRest(t, c); !errors.Is(err, io.EOF) {
		t.Errorf("%v at the end", err)
	}
}

// What ends a connection at rest wakes whoever waits for it, and Read says what it was.
func TestConnAtRestEnds(t *testing.T) {
	for name, end := range map[string]struct {
		how  func(c *conn, raw net.Conn)
		want error
	}{
		"closed by us":        {func(c *conn, _ net.Conn) { c.Close(collab.CloseForbidden, "no") }, errEnded},
		"the peer goes":       {func(_ *conn, raw net.Conn) { raw.Close() }, io.EOF},
		"the peer is silent":  {func(*conn, net.Conn) {}, errEnded},
		"it stops in between": {func(_ *conn, raw net.Conn) { _, _ = raw.Write([]byte{finalBit}); raw.Close() }, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			timing := quick()
			timing.ping = time.Hour // the client's library would answer
			c, _, raw := connPair(t, testSockets(t, 1<<20, timing))
			c.rests = true
			if _, err := readOrRest(t, c); !errors.Is(err, collab.ErrQuiet) {
				t.Fatal(err)
			}
			waits := make(chan struct{})
			go func() {
				defer close(waits)
				c.await()
			}()
			end.how(c, raw)
			select {
			case <-waits:
			case <-time.After(10 * time.Second):
				t.Fatal("still waits")
			}
			if _, err := readOrRest(t, c); !errors.Is(err, end.want) {
				t.Errorf("%v, want %v", err, end.want)
			}
			raw.Close()
		})
	}
}

// What we close at rest is cut no sooner than any other connection: when the peer has answered, or not in time.
func TestConnAtRestIsClosedInGoodOrder(t *testing.T) {
	timing := quick()
	server, _, raw := connPair(t, testSockets(t, 1<<20, timing))
	server.rests = true
	if _, err := readOrRest(t, server); !errors.Is(err, collab.ErrQuiet) {
		t.Fatal(err)
	}
	waits := make(chan struct{})
	go func() {
		defer close(waits)
		server.await()
	}()
	server.Close(collab.CloseForbidden, "no")
	<-waits
	if _, err := readOrRest(t, server); !errors.Is(err, errEnded) {
		t.Fatal(err)
	}
	lingered := make(chan struct{})
	go func() {
		defer close(lingered)
		server.lingering()
	}()
	select {
	case <-lingered:
		t.Fatal("cut before the peer could answer")
	case <-time.After(timing.grace / 4):
	}
	if _, err := raw.Write(clientFrame(opClose, true, []byte{0x0f, 0xa1})); err != nil {
		t.Fatal(err)
	}
	select {
	case <-lingered:
	case <-time.After(10 * time.Second):
		t.Error("not cut when the peer had answered")
	}
}
