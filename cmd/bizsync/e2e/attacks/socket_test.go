package attacks

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// The bits and opcodes of a WebSocket frame (RFC 6455, 5.2).
const (
	final      = 0x80
	reserved1  = 0x40
	reserved2  = 0x20
	reserved3  = 0x10
	opContinue = 0
	opText     = 1
	opBinary   = 2
	opClose    = 8
	opPing     = 9
	opPong     = 10

	masked = 0x80
)

// socket is a WebSocket client that can say what no library would: it writes any bytes. One goroutine may write while another one reads.
type socket struct {
	conn net.Conn
	in   *bufio.Reader
	mute bool // answers no pings
}

// visitor says who opens a connection, and how.
type visitor struct {
	path    string // below /collab
	token   string // "" for none
	address string // from which a proxy says that the connection comes
	acks    bool   // asks for bizsync.v1
}

// request is the head of the upgrade.
func (v visitor) request(host string) string {
	query := ""
	if v.token != "" {
		query = "?token=" + url.QueryEscape(v.token)
	}
	head := "GET /collab" + v.path + query + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Forwarded-For: " + v.address + "\r\n"
	if v.acks {
		head += "Sec-WebSocket-Protocol: bizsync.v1\r\n"
	}
	return head
}

// dial connects and upgrades.
func (s *server) dial(v visitor) (*socket, error) {
	k, status, err := s.upgrade(v.request(s.Addr) + "\r\n")
	if err == nil && status != http.StatusSwitchingProtocols {
		k.hangUp()
		return nil, fmt.Errorf("the upgrade was answered with %d", status)
	}
	return k, err
}

// upgrade sends a request and reads the answer's status.
func (s *server) upgrade(request string) (*socket, int, error) {
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(context.Background(), "tcp", s.Addr)
	if err != nil {
		return nil, 0, err
	}
	k := &socket{conn: conn, in: bufio.NewReader(conn)}
	if err := k.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return k, 0, err
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return k, 0, err
	}
	res, err := http.ReadResponse(k.in, nil)
	if err != nil {
		return k, 0, fmt.Errorf("read the answer to the upgrade: %w", err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		res.Body.Close()
	}
	return k, res.StatusCode, nil
}

func (k *socket) hangUp() { _ = k.conn.Close() }

// write sends bytes. Whether they got through doesn't matter: the server may have hung up, and then says why to whoever reads.
func (k *socket) write(b []byte) { _, _ = k.conn.Write(b) }

var (
	errCut         = errors.New("the connection was cut") // without a close frame
	errSaysNothing = errors.New("the server says nothing")
)

// read gives the server's next message, or the code with which it closed the socket. It answers pings,
// unless it is mute.
func (k *socket) read() (message []byte, code int, err error) {
	for {
		op, payload, err := k.readFrame()
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			return nil, 0, errSaysNothing
		case err != nil:
			return nil, 0, errCut
		case op == opClose && len(payload) >= 2:
			return nil, int(binary.BigEndian.Uint16(payload)), nil
		case op == opClose:
			return nil, 1005, nil
		case op == opPing && !k.mute:
			k.write(frame(final|opPong, payload))
		case op == opBinary:
			return payload, 0, nil
		}
	}
}

// readFrame reads a frame of the server's, which fragments nothing.
func (k *socket) readFrame() (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(k.in, head[:]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1])
	switch size {
	case 126:
		var b [2]byte
		if _, err := io.ReadFull(k.in, b[:]); err != nil {
			return 0, nil, err
		}
		size = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		if _, err := io.ReadFull(k.in, b[:]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(b[:])
	}
	if head[0]&final == 0 || size > 1<<30 {
		return 0, nil, fmt.Errorf("a frame % x of %d bytes", head, size)
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(k.in, payload)
	return head[0] & 0x0f, payload, err
}

// frameHead is the head of a client's frame that claims so many bytes. The mask is zero, which changes no byte of what follows.
func frameHead(first byte, size uint64) []byte {
	b := []byte{first}
	switch {
	case size < 126:
		b = append(b, masked|byte(size))
	case size < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, masked|126), uint16(size))
	default:
		b = binary.BigEndian.AppendUint64(append(b, masked|127), size)
	}
	return append(b, 0, 0, 0, 0)
}

// frame is a client's frame: its first byte, that is flags and opcode, and its payload.
func frame(first byte, payload []byte) []byte {
	return append(frameHead(first, uint64(len(payload))), payload...)
}
