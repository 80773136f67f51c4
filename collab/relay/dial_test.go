package relay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
)

type readerConn struct {
	net.Conn
	io.Reader
}

func (c readerConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func TestGuard(t *testing.T) {
	for _, c := range []struct {
		name, replies string
		refused       bool
	}{
		{"plain replies", "+OK\r\n-ERR *9999999\r\n:12345678901\r\n", false},
		{"a message", "*4\r\n$8\r\npmessage\r\n$10\r\ndocument:*\r\n$3\r\na\r\nb\r\n$0\r\n\r\n", false},
		{"what looks like a length inside a string", "$12\r\n$99999999999\r\n+OK\r\n", false},
		{"nulls", "$-1\r\n*-1\r\n+OK\r\n", false},
		{"the largest string", "$1048576\r\n" + strings.Repeat("x", maxBulk) + "\r\n+OK\r\n", false},
		{"a larger string", "$1048577\r\n", true},
		{"a very much larger string", "*1\r\n$99999999999999999999999999999\r\n", true},
		{"the longest array", "*65536\r\n", false},
		{"a longer array", "+OK\r\n*65537\r\n", true},
	} {
		for how, r := range map[string]io.Reader{
			"at once": strings.NewReader(c.replies), "byte by byte": iotest.OneByteReader(strings.NewReader(c.replies)),
		} {
			got, err := io.ReadAll(&guarded{Conn: readerConn{Reader: r}})
			if errors.Is(err, errReplySize) != c.refused {
				t.Errorf("%s, %s: error %v", c.name, how, err)
			}
			if !c.refused && !bytes.Equal(got, []byte(c.replies)) {
				t.Errorf("%s, %s: read %d bytes of %d", c.name, how, len(got), len(c.replies))
			}
		}
	}
}

// FuzzGuard holds that what is let through does not depend on how the network cuts it, and that nothing panics.
func FuzzGuard(f *testing.F) {
	f.Add([]byte("*1\r\n$3\r\nabc\r\n$1048577\r\n"))
	f.Add([]byte("$-1\r\n:1\r\n"))
	f.Fuzz(func(t *testing.T, replies []byte) {
		_, whole := io.ReadAll(&guarded{Conn: readerConn{Reader: bytes.NewReader(replies)}})
		_, bytewise := io.ReadAll(&guarded{Conn: readerConn{Reader: iotest.OneByteReader(bytes.NewReader(replies))}})
		if !errors.Is(whole, bytewise) {
			t.Errorf("at once: %v; byte by byte: %v", whole, bytewise)
		}
	})
}
