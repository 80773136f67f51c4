// Package wire reads the messages of y-websocket and the updates in them independently of the engine, so that what a benchmark counts doesn't rest on what it measures.
package wire

import (
	"encoding/binary"
	"errors"
)

// Messages of y-websocket, and the steps of the first.
const (
	Sync      = 0
	Awareness = 1
	Auth      = 2

	Step1      = 0
	Step2      = 1
	StepUpdate = 2
)

// The first byte of a struct in Yjs's update format, version 1: the lower five bits say what it holds, the others which references follow.
const (
	HoldsMask   = 0x1f
	HoldsString = 4
	HoldsSkip   = 10

	HasOrigin      = 0x80
	HasRightOrigin = 0x40
)

// ErrCut: a message or an update ends in the middle.
var ErrCut = errors.New("a message is cut off")

// Decoder reads lib0 values until something is missing: from then on all of them are zero.
type Decoder struct {
	Rest []byte // what is left to read
	Err  error  // the first error
}

// Number reads an unsigned number.
func (d *Decoder) Number() uint64 {
	n, width := binary.Uvarint(d.Rest) // lib0 writes numbers as the standard library does
	if width <= 0 {
		d.Rest, d.Err = nil, ErrCut
		return 0
	}
	d.Rest = d.Rest[width:]
	return n
}

// Byte reads one byte.
func (d *Decoder) Byte() byte {
	if b := d.Take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

// Bytes reads bytes with their number before them. They are those that are read from, no copy.
func (d *Decoder) Bytes() []byte { return d.Take(d.Number()) }

// Take reads so many bytes, which are those that are read from, no copy.
func (d *Decoder) Take(n uint64) []byte {
	if n > uint64(len(d.Rest)) {
		d.Rest, d.Err = nil, ErrCut
		return nil
	}
	b := d.Rest[:n]
	d.Rest = d.Rest[n:]
	return b
}
