package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// What the server may announce in a reply: the client allocates what is announced before it comes, and whoever may publish in Redis may publish 512 MiB.
const (
	maxBulk  = 1 << 20
	maxArray = 1 << 16
)

var errReplySize = errors.New("redis announces a reply that is too large")

// dialer connects like go-redis would, and puts a guard on the connection.
func dialer(tlsConfig *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	nd := &net.Dialer{Timeout: commandTimeout}
	td := &tls.Dialer{NetDialer: nd, Config: tlsConfig}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, commandTimeout) // a TLS handshake heeds no other limit
		defer cancel()
		if tlsConfig != nil {
			conn, err := td.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &guarded{Conn: conn}, nil
		}
		conn, err := nd.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		plain, ok := conn.(syscall.Conn)
		if !ok {
			return nil, fmt.Errorf("connection of type %T", conn)
		}
		return &guardedPlain{guarded: guarded{Conn: conn}, plain: plain}, nil
	}
}

// guardedPlain keeps visible the file descriptor, at which the client looks before it uses an idle connection again.
type guardedPlain struct {
	guarded
	plain syscall.Conn
}

func (g *guardedPlain) SyscallConn() (syscall.RawConn, error) { return g.plain.SyscallConn() }

// guarded follows the framing of what is read (RESP2) and fails before the client sees a length above maxBulk or maxArray.
type guarded struct {
	net.Conn
	skip   int  // bytes of a bulk string, its line end included, that are still to come
	kind   byte // first byte of the line that is being read; 0: none yet
	length int  // the number that this line has announced up to here
}

func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if gerr := g.follow(p[:n]); gerr != nil {
		return 0, gerr
	}
	return n, err
}

func (g *guarded) follow(p []byte) error {
	for len(p) > 0 {
		if g.skip > 0 {
			n := min(g.skip, len(p))
			g.skip -= n
			p = p[n:]
			continue
		}
		c := p[0]
		p = p[1:]
		switch {
		case g.kind == 0:
			g.kind, g.length = c, 0
		case c == '\n':
			if g.kind == '$' && g.length >= 0 {
				g.skip = g.length + len("\r\n")
			}
			g.kind = 0
		case g.kind != '$' && g.kind != '*':
		case c == '-':
			g.length = -1 // null
		case '0' <= c && c <= '9' && g.length >= 0:
			g.length = g.length*10 + int(c-'0')
			if g.kind == '$' && g.length > maxBulk || g.kind == '*' && g.length > maxArray {
				return errReplySize
			}
		}
	}
	return nil
}
