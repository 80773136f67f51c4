package main

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// Messages of y-websocket and of bizsync.v1, and the steps of the first.
const (
	messageSync    = 0
	messageDenied  = 2
	messageAck     = 120
	messageRefused = 121

	step1, step2, stepUpdate = 0, 1, 2
)

// Structs of Yjs's update format, version 1: the lower five bits of the byte in front say what a struct holds, the others which references follow.
const (
	holdsMask   = 0x1f
	holdsString = 4
	holdsSkip   = 10

	hasOrigin      = 0x80
	hasRightOrigin = 0x40
)

const (
	// firstClient is the Yjs client id of a room's first writer, the others follow. Yjs draws 32 bits, so most ids take five bytes.
	firstClient = 1 << 31
	alphabet    = "abcdefghijklmnopqrstuvwxyz"
	root        = "text"
)

// letterAt is what a writer types as its nth letter, from 0.
func letterAt(n uint64) byte { return alphabet[n%uint64(len(alphabet))] }

// appendTyped appends the message in which a client types its nth letter behind the one before it, the first at the beginning of the text.
func appendTyped(message []byte, client, n uint64) []byte {
	var body [64]byte
	b := append(body[:0], 1, 1) // one client, one struct
	b = lib0.AppendVarUint(b, client)
	b = lib0.AppendVarUint(b, n)
	if n == 0 {
		b = append(b, holdsString, 1) // 1: the parent is a root
		b = lib0.AppendVarString(b, root)
	} else {
		b = append(b, holdsString|hasOrigin)
		b = lib0.AppendVarUint(b, client)
		b = lib0.AppendVarUint(b, n-1)
	}
	b = append(b, 1, letterAt(n), 0) // a string of one letter; no deletions
	return lib0.AppendVarBytes(append(message, messageSync, stepUpdate), b)
}

// letters are some that one client has typed, the first of them its letter number clock.
type letters struct {
	client, clock uint64
	text          []byte
}

var errNotTyped = errors.New("an update holds something that nobody here has typed")

// readLetters reads an update that consists of typed letters only, however the server has merged them. It is the harness's own reading of the format, so that what it counts
// doesn't depend on the engine that is measured.
func readLetters(update []byte, visit func(letters) error) error {
	d := decoder{rest: update}
	for clients := d.number(); clients > 0 && d.err == nil; clients-- {
		structs := d.number()
		r := letters{client: d.number(), clock: d.number()}
		for ; structs > 0 && d.err == nil; structs-- {
			info := d.byte()
			if info&holdsMask == holdsSkip {
				r.clock += d.number()
				continue
			}
			if info&holdsMask != holdsString {
				return fmt.Errorf("%w: a struct of kind %d", errNotTyped, info&holdsMask)
			}
			for _, has := range []byte{hasOrigin, hasRightOrigin} {
				if info&has != 0 {
					d.number()
					d.number()
				}
			}
			if info&(hasOrigin|hasRightOrigin) == 0 {
				if isRoot, name := d.number(), d.bytes(); d.err == nil && (isRoot != 1 || string(name) != root) {
					return fmt.Errorf("%w: a text below %q", errNotTyped, name)
				}
			}
			if r.text = d.bytes(); d.err != nil {
				break
			}
			if err := visit(r); err != nil {
				return err
			}
			r.clock += uint64(len(r.text))
		}
	}
	if deletions := d.number(); d.err == nil && deletions != 0 {
		return fmt.Errorf("%w: deletions", errNotTyped)
	}
	if d.err == nil && len(d.rest) > 0 {
		return fmt.Errorf("%w: %d bytes behind the end", errNotTyped, len(d.rest))
	}
	return d.err
}

// decoder reads lib0 values until something is missing.
type decoder struct {
	rest []byte
	err  error
}

var errCut = errors.New("a message is cut off")

func (d *decoder) number() uint64 {
	n, width := binary.Uvarint(d.rest) // lib0 writes numbers as the standard library does
	if width <= 0 {
		d.rest, d.err = nil, errCut
		return 0
	}
	d.rest = d.rest[width:]
	return n
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.err = errCut
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) bytes() []byte {
	n := d.number()
	if n > uint64(len(d.rest)) {
		d.rest, d.err = nil, errCut
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}
