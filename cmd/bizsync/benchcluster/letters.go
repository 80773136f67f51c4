package main

import (
	"errors"
	"fmt"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/wire"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// Messages of bizsync.v1 beside those of y-websocket.
const (
	messageAck     = 120
	messageRefused = 121
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
		b = append(b, wire.HoldsString, 1) // 1: the parent is a root
		b = lib0.AppendVarString(b, root)
	} else {
		b = append(b, wire.HoldsString|wire.HasOrigin)
		b = lib0.AppendVarUint(b, client)
		b = lib0.AppendVarUint(b, n-1)
	}
	b = append(b, 1, letterAt(n), 0) // a string of one letter; no deletions
	return lib0.AppendVarBytes(append(message, wire.Sync, wire.StepUpdate), b)
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
	d := wire.Decoder{Rest: update}
	for clients := d.Number(); clients > 0 && d.Err == nil; clients-- {
		structs := d.Number()
		r := letters{client: d.Number(), clock: d.Number()}
		for ; structs > 0 && d.Err == nil; structs-- {
			info := d.Byte()
			if info&wire.HoldsMask == wire.HoldsSkip {
				r.clock += d.Number()
				continue
			}
			if info&wire.HoldsMask != wire.HoldsString {
				return fmt.Errorf("%w: a struct of kind %d", errNotTyped, info&wire.HoldsMask)
			}
			for _, has := range []byte{wire.HasOrigin, wire.HasRightOrigin} {
				if info&has != 0 {
					d.Number()
					d.Number()
				}
			}
			if info&(wire.HasOrigin|wire.HasRightOrigin) == 0 {
				if isRoot, name := d.Number(), d.Bytes(); d.Err == nil && (isRoot != 1 || string(name) != root) {
					return fmt.Errorf("%w: a text below %q", errNotTyped, name)
				}
			}
			if r.text = d.Bytes(); d.Err != nil {
				break
			}
			if err := visit(r); err != nil {
				return err
			}
			r.clock += uint64(len(r.text))
		}
	}
	if deletions := d.Number(); d.Err == nil && deletions != 0 {
		return fmt.Errorf("%w: deletions", errNotTyped)
	}
	if d.Err == nil && len(d.Rest) > 0 {
		return fmt.Errorf("%w: %d bytes behind the end", errNotTyped, len(d.Rest))
	}
	return d.Err
}
