package api

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"github.com/bizsync/bizsync/collab"
)

// The opcodes of WebSocket frames (RFC 6455, 5.2).
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
)

const (
	finalBit  = 0x80
	maskedBit = 0x80
	// maxHeaderBytes is the longest header of a client's frame, its mask included; a server's frames have no mask.
	maxHeaderBytes       = 14
	maxServerHeaderBytes = 10
	// maxControlBytes bounds what a control frame carries (RFC 6455, 5.5).
	maxControlBytes = 125
)

// frameHeader is the header of a client's frame.
type frameHeader struct {
	opcode byte
	final  bool
	key    [4]byte
	size   int64 // of the payload, as claimed
}

func (h frameHeader) control() bool { return h.opcode >= opClose }

// malformedFrame is an error for bytes that are no frame of a client. No client of this world sends them, so none is asked to come back.
func malformedFrame(reason string) error {
	return &collab.CloseError{Code: collab.CloseMalformed, Reason: reason}
}

// parseFrameHeader reads a header at the start of b and says how long it is; n is 0 when there is more to come. Nothing was negotiated that would give the
// reserved bits a meaning.
func parseFrameHeader(b []byte) (h frameHeader, n int, err error) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h.opcode, h.final, h.size = b[0]&0x0f, b[0]&finalBit != 0, int64(b[1]&^maskedBit)
	switch {
	case b[0]&0x70 != 0:
		return h, 0, malformedFrame("reserved bits of a frame are set")
	case h.opcode > opBinary && h.opcode < opClose || h.opcode > opPong:
		return h, 0, malformedFrame("unknown kind of frame")
	case b[1]&maskedBit == 0:
		return h, 0, malformedFrame("a client's frames are masked")
	case h.control() && (!h.final || h.size > maxControlBytes):
		return h, 0, malformedFrame("a control frame is short and in one piece")
	}
	n = 2
	switch h.size {
	case 126:
		if n += 2; len(b) < n {
			return h, 0, nil
		}
		h.size = int64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if n += 8; len(b) < n {
			return h, 0, nil
		}
		if h.size = int64(binary.BigEndian.Uint64(b[2:])); h.size < 0 {
			return h, 0, malformedFrame("a frame's length is out of range")
		}
	}
	if len(b) < n+len(h.key) {
		return h, 0, nil
	}
	copy(h.key[:], b[n:])
	return h, n + len(h.key), nil
}

// unmask takes the mask off a part of a payload that begins at an offset in it (RFC 6455, 5.3).
func unmask(b []byte, key [4]byte, offset int64) {
	var turned [4]byte
	for i := range turned {
		turned[i] = key[(offset+int64(i))&3]
	}
	word := uint64(binary.LittleEndian.Uint32(turned[:]))
	word |= word << 32
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^word)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= turned[i&3]
	}
}

// appendFrameHeader appends the header of a server's frame that is a whole message or a control frame.
func appendFrameHeader(b []byte, opcode byte, size int) []byte {
	b = append(b, finalBit|opcode)
	switch {
	case size <= maxControlBytes:
		return append(b, byte(size))
	case size <= 0xffff:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(b, 127), uint64(size))
}

// The codes that only say how a connection ended, and are never sent (RFC 6455, 7.4.1).
const (
	closeLeaving   = 1001 // a page is left
	closeNoStatus  = 1005
	closeAbnormal  = 1006
	closeHandshake = 1015
)

var errCloseFrame = errors.New("malformed close frame")

// parseClose reads the code in a close frame's payload; an empty one has none, which is closeNoStatus.
func parseClose(p []byte) (code int, err error) {
	if len(p) == 0 {
		return closeNoStatus, nil
	}
	if len(p) < 2 || !utf8.Valid(p[2:]) {
		return 0, errCloseFrame
	}
	code = int(binary.BigEndian.Uint16(p))
	switch {
	case code < 1000 || code >= 5000, code == 1004, code == closeNoStatus, code == closeAbnormal, code >= closeHandshake && code < 3000:
		return 0, errCloseFrame
	}
	return code, nil
}
