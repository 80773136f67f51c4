package api

import (
	"bytes"
	"fmt"

	"github.com/bizsync/bizsync/collab"
)

// byReference is the size in bytes from which a part of a message is not copied on its way to the network.
const byReference = 16 << 10

// Send writes messages as far as the network takes them without waiting, small ones together. When it says false, the connection holds the remainder (large bodies
// by reference) and Flush must return before the next Send.
func (c *conn) Send(msgs []collab.Message) (sent bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false, errEnded
	}
	p := gathers.Get().(*[]byte)
	b := *p
	for i := range msgs {
		m := &msgs[i]
		if cap(b)-len(b) < maxServerHeaderBytes {
			b = c.put(b)
		}
		b = appendFrameHeader(b, opBinary, len(m.Head)+len(m.Body))
		b = c.gather(b, m.Head)
		b = c.gather(b, m.Body)
	}
	c.put(b)
	gathers.Put(p)
	return len(c.rest) == 0, c.broken
}

// gather adds a part of a message to what is written together, or writes that and the part when it is large.
func (c *conn) gather(b, part []byte) []byte {
	if len(part) >= byReference {
		b = c.put(b)
		c.write(part, false)
		return b
	}
	if len(part) > cap(b)-len(b) {
		b = c.put(b)
	}
	return append(b, part...)
}

// put writes what was gathered.
func (c *conn) put(b []byte) []byte {
	c.write(b, true)
	return b[:0]
}

// write gives bytes to the network, behind what it hasn't taken yet, and keeps what it doesn't take: a copy of it, when it is lent. The caller holds mu.
func (c *conn) write(p []byte, lent bool) {
	if c.broken != nil || len(p) == 0 {
		return
	}
	if len(c.rest) == 0 {
		n, err := c.wire.write(p, false)
		c.wrote(n, len(p), err)
		if p = p[n:]; len(p) == 0 || c.broken != nil {
			return
		}
		c.stuck = c.of.now()
	}
	if lent {
		p = bytes.Clone(p)
	}
	c.rest = append(c.rest, p)
}

// wrote notes what became of a write. When the network takes more than nothing after it was full, the peer has acknowledged bytes: a sign of life, even
// if it sends nothing itself for the length of a long message on a slow line.
func (c *conn) wrote(n, of int, err error) {
	if err != nil {
		c.broken = fmt.Errorf("write frame: %w", err)
		c.rest = nil
		return
	}
	if n > 0 && c.full {
		c.heard.Store(c.of.now())
	}
	c.full = n < of
}

// took takes what was written off the remainder, and sees to what follows it.
func (c *conn) took(n int) {
	if n == 0 {
		return
	}
	c.stuck = c.of.now()
	if c.rest[0] = c.rest[0][n:]; len(c.rest[0]) > 0 {
		return
	}
	c.rest[0] = nil
	if c.rest = c.rest[1:]; len(c.rest) == 0 {
		c.rest = nil
		c.follow()
	}
}

// Flush waits until the remainder is written. It fails when the connection ends, as it does when the peer takes nothing for the stall time.
func (c *conn) Flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.rest) > 0 {
		p := c.rest[0]
		c.flusher = true
		c.mu.Unlock()
		n, err := c.wire.write(p, true)
		c.mu.Lock()
		c.flusher = false
		c.wrote(n, len(p), err)
		if c.broken == nil {
			c.took(n)
		}
	}
	if c.broken == nil && c.closing {
		return errEnded
	}
	return c.broken
}

// pump writes of the remainder what the network takes now. The caller holds mu.
func (c *conn) pump() {
	for len(c.rest) > 0 && !c.flusher {
		p := c.rest[0]
		n, err := c.wire.write(p, false)
		c.wrote(n, len(p), err)
		if c.broken != nil {
			return
		}
		c.took(n)
		if n < len(p) {
			return
		}
	}
}

// sayPong answers a ping. Of several that wait the last is answered (RFC 6455, 5.5.3).
func (c *conn) sayPong(payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return
	}
	c.pong = append(appendFrameHeader(nil, opPong, len(payload)), payload...)
	c.follow()
}

// sayPing asks for a sign of life. The caller holds mu.
func (c *conn) sayPing() {
	c.ping = !c.closing
	c.follow()
}

// follow writes the control frames that wait, once there is no remainder in whose middle they would land. The caller holds mu.
func (c *conn) follow() {
	if len(c.rest) > 0 {
		return
	}
	pong, ping, last := c.pong, c.ping, c.last
	c.pong, c.ping, c.last = nil, false, nil
	c.write(pong, false)
	if ping {
		c.write(pingFrame, false)
	}
	c.write(last, false)
}

// pingFrame is an empty ping (RFC 6455, 5.5.2).
var pingFrame = []byte{finalBit | opPing, 0}
