package api

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bizsync/bizsync/collab"
)

// exchange is what passes over a WebSocket up to its end.
type exchange struct {
	messages [][]byte
	pongs    [][]byte
	code     int  // in our close frame, closeNoStatus for one without
	refused  bool // the bytes are those of no client, or too many
}

// readWhole is what RFC 6455 says of a client's bytes when they are there all at once: the reader, without its buffers, its pieces and its economy.
func readWhole(b []byte, limit int) (x exchange) {
	refuse := func(code int) exchange {
		x.code, x.refused = code, true
		return x
	}
	x.code = collab.CloseNormal // of a client that is gone without a word
	var msg []byte
	for continued := false; len(b) >= 2; {
		final, reserved, opcode, masked, short := b[0]&0x80 != 0, b[0]&0x70 != 0, b[0]&0x0f, b[1]&0x80 != 0, uint64(b[1]&0x7f)
		control := opcode >= 8
		if reserved || !masked || !slices.Contains([]byte{0, 1, 2, 8, 9, 10}, opcode) || control && (!final || short > 125) {
			return refuse(collab.CloseMalformed)
		}
		b = b[2:]
		size := short
		if more := map[uint64]int{126: 2, 127: 8}[short]; more > 0 {
			if len(b) < more {
				return x
			}
			size = binary.BigEndian.Uint64(append(make([]byte, 8-more), b[:more]...))
			b = b[more:]
		}
		if size > 1<<63-1 {
			return refuse(collab.CloseMalformed)
		}
		if len(b) < 4 {
			return x
		}
		key := b[:4]
		b = b[4:]
		if !control && (opcode == opText || (opcode == opContinuation) != continued) {
			return refuse(collab.CloseMalformed)
		}
		if !control && size > uint64(limit-len(msg)) {
			return refuse(collab.CloseTooLarge)
		}
		if uint64(len(b)) < size {
			return x
		}
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = b[i] ^ key[i%4]
		}
		b = b[size:]
		switch {
		case opcode == opPing:
			x.pongs = append(x.pongs, payload)
		case opcode == opClose && size == 0:
			x.code = closeNoStatus
			return x
		case opcode == opClose:
			if size < 2 || !utf8.Valid(payload[2:]) {
				return refuse(collab.CloseMalformed)
			}
			code := int(payload[0])<<8 | int(payload[1])
			if known := code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999; !known {
				return refuse(collab.CloseMalformed)
			}
			x.code = code
			return x
		case !control:
			msg = append(msg, payload...)
			if continued = !final; final {
				x.messages, msg = append(x.messages, msg), nil
			}
		}
	}
	return x
}

// piecewise is a network connection on which bytes arrive in pieces, and which remembers what is written to it.
type piecewise struct {
	net.Conn
	coming  []byte
	pieces  []byte // how large they are, in turn
	turn    int
	arrived int // how many bytes have been read, those included that an HTTP server had read
	ends    int // how often its end was told
	written bytes.Buffer
	closed  bool
}

// piece takes the next piece, of at most so many bytes.
func (p *piecewise) piece(most int) []byte {
	n := 1
	if len(p.pieces) > 0 {
		n += int(p.pieces[p.turn%len(p.pieces)])
		p.turn++
		if n > 200 {
			n = (n - 200) * 256 // some are larger than all that is read at once
		}
	}
	n = min(n, most, len(p.coming))
	b := p.coming[:n]
	p.coming = p.coming[n:]
	p.arrived += n
	return b
}

func (p *piecewise) Read(b []byte) (int, error) {
	if len(b) == 0 || p.closed {
		panic("a read that can give nothing")
	}
	// Memory follows what has arrived, not what headers claim.
	if len(b) > max(scratchBytes, p.arrived) {
		panic(fmt.Sprintf("%d bytes of memory wait for more, and %d have arrived", len(b), p.arrived))
	}
	if len(p.coming) == 0 {
		if p.ends++; p.ends > 10 {
			panic("the end is read again and again")
		}
		return 0, io.EOF
	}
	return copy(b, p.piece(len(b))), nil
}

func (p *piecewise) Write(b []byte) (int, error)      { return p.written.Write(b) }
func (p *piecewise) Close() error                     { p.closed = true; return nil }
func (p *piecewise) SetReadDeadline(time.Time) error  { return nil }
func (p *piecewise) SetWriteDeadline(time.Time) error { return nil }

// readPieces is what our reader makes of bytes that come in pieces.
func readPieces(t *testing.T, b, pieces []byte, limit int) (x exchange) {
	t.Helper()
	never := connTiming{ping: time.Hour, silence: time.Hour, stall: time.Hour, grace: time.Hour, budget: time.Hour, window: time.Hour, look: time.Hour}
	var work sync.WaitGroup
	node := newSockets(int64(limit), never, &work)
	network := &piecewise{coming: bytes.Clone(b), pieces: pieces}
	c := node.add(network, network.piece(4096))
	for {
		msg, err := c.Read()
		if err == nil {
			if len(msg) > limit || cap(msg) > len(msg)+len(msg)/2 {
				t.Errorf("a message of %d bytes has memory for %d, the limit is %d", len(msg), cap(msg), limit)
			}
			x.messages = append(x.messages, msg)
			continue
		}
		if closing, ok := errors.AsType[*collab.CloseError](err); ok {
			x.refused = true
			c.Close(closing.Code, closing.Reason)
		} else if !errors.Is(err, io.EOF) {
			t.Errorf("it ends with %v", err)
		}
		break
	}
	c.finish()
	work.Wait()
	if !network.closed || !c.peerDone || c.scratch != nil || len(node.open) != 0 || len(node.budget.owners) != 0 {
		t.Errorf("not all is read and given back: closed %v, %d bytes unread, scratch %v, %d connections, %d owners of large frames", network.closed, len(network.coming), c.scratch != nil, len(node.open), len(node.budget.owners))
	}

	// Our side: pongs, then one close frame, all short and without a mask.
	for out := network.written.Bytes(); len(out) > 0; {
		if len(out) < 2 || out[1] > maxControlBytes || len(out) < 2+int(out[1]) || x.code != 0 {
			t.Fatalf("we have written % x", network.written.Bytes())
		}
		payload := out[2 : 2+out[1]]
		switch out[0] {
		case finalBit | opPong:
			x.pongs = append(x.pongs, payload)
		case finalBit | opClose:
			if x.code = closeNoStatus; len(payload) > 0 {
				x.code = int(binary.BigEndian.Uint16(payload))
			}
		default:
			t.Fatalf("we have written % x", network.written.Bytes())
		}
		out = out[2+out[1]:]
	}
	return x
}

// FuzzFrames: whatever a client sends, and however the network cuts it, is read as if it were there all at once, and nothing of it makes the reader panic, turn in circles, or
// hold memory for what hasn't arrived.
func FuzzFrames(f *testing.F) {
	hello := []byte("hello, 세계")
	long := bytes.Repeat([]byte{7, 0xf3}, scratchBytes/2+50)
	join := func(frames ...[]byte) []byte { return bytes.Join(frames, nil) }
	for _, stream := range [][]byte{
		{},
		clientFrame(opBinary, true, hello),
		join(clientFrame(opBinary, true, nil), clientFrame(opBinary, true, long[:126]), clientFrame(opBinary, true, long), clientFrame(opClose, true, nil)),
		join(clientFrame(opBinary, false, hello), clientFrame(opPing, true, hello), clientFrame(opContinuation, false, nil), clientFrame(opContinuation, true, long)),
		join(clientFrame(opPing, true, nil), clientFrame(opPong, true, hello), clientFrame(opPing, true, long[:125]), clientFrame(opClose, true, []byte("\x03\xe8bye"))),
		join(clientFrame(opBinary, false, hello), clientFrame(opBinary, true, hello)), // two at once
		clientFrame(opContinuation, true, hello),
		clientFrame(opText, true, hello),
		clientFrame(opClose, true, []byte{0x03}),
		join(clientFrame(opClose, true, []byte{0x03, 0xed}), clientFrame(opBinary, true, hello)),
		join(clientFrame(opClose, true, []byte{0x0f, 0xa1}), clientFrame(opPing, true, hello)),
		{0x82, 0xff, 0, 0, 0x01, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5}, // a claim of a terabyte
		{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4},
		{0x82, 0xfe, 0x00},
		{0x82, 0x05, 1, 2, 3, 4, 5},
		{0xc2, 0x85, 1, 2, 3, 4},
		{0x09, 0x80, 1, 2, 3, 4},
		{0x8b, 0x80, 1, 2, 3, 4},
		{0x83, 0x80, 1, 2, 3, 4},
		clientFrame(opPing, true, long[:126]),
		clientFrame(opClose, true, []byte{0x03, 0xec}),
		join(clientFrame(opBinary, false, long), clientFrame(opContinuation, true, long)), // together more than one of the limits below
		join(clientFrame(opBinary, true, hello), []byte{0x83}, clientFrame(opPing, true, hello)),
	} {
		f.Add(stream, []byte{0}, uint32(1<<20))
		f.Add(stream, []byte{4, 0, 12, 199}, uint32(len(stream)))
		f.Add(stream, []byte{255, 201, 5}, uint32(len(long)+1))
	}
	f.Fuzz(func(t *testing.T, stream, pieces []byte, limit uint32) {
		most := 1 + int(limit%(4<<20))
		want, got := readWhole(stream, most), readPieces(t, stream, pieces, most)
		if got.code != want.code || got.refused != want.refused {
			t.Errorf("closed with %d, refused %v; want %d, %v", got.code, got.refused, want.code, want.refused)
		}
		if !slices.EqualFunc(got.messages, want.messages, bytes.Equal) {
			t.Errorf("%d messages: %.200x\nwant %d: %.200x", len(got.messages), got.messages, len(want.messages), want.messages)
		}
		if !slices.EqualFunc(got.pongs, want.pongs, bytes.Equal) {
			t.Errorf("%d pongs: %.200x\nwant %d: %.200x", len(got.pongs), got.pongs, len(want.pongs), want.pongs)
		}
	})
}
