package main

import (
	"encoding/binary"
	"errors"
)

// What a struct of Yjs's update format, version 1, holds is in the lower five bits of its first byte; the others say which references follow.
const (
	holdsMask    = 0x1f
	holdsGC      = 0
	holdsDeleted = 1
	holdsJSON    = 2
	holdsBinary  = 3
	holdsString  = 4
	holdsEmbed   = 5
	holdsFormat  = 6
	holdsType    = 7
	holdsAny     = 8
	holdsDoc     = 9
	holdsSkip    = 10

	hasOrigin      = 0x80
	hasRightOrigin = 0x40
	hasKey         = 0x20

	typeElement, typeHook = 3, 5 // XML types that have a name
)

// structs is which clocks of a client an update brings, from first up to and without end.
type structs struct{ client, first, end uint64 }

var (
	errCut     = errors.New("a message is cut off")
	errUnknown = errors.New("an update holds what Yjs doesn't know")
)

// visitStructs calls visit for each struct of an update that has a content; holes between them are left out, and so are the deletions behind them. It is the harness's own
// reading of the format, so that what it counts doesn't depend on any engine that is measured.
func visitStructs(update []byte, visit func(structs)) error {
	d := decoder{rest: update}
	for clients := d.number(); clients > 0 && d.err == nil; clients-- {
		n := d.number()
		s := structs{client: d.number()}
		s.end = d.number()
		for ; n > 0 && d.err == nil; n-- {
			s.first = s.end
			info := d.byte()
			if info&holdsMask == holdsSkip {
				s.end += d.number()
				continue
			}
			length := uint64(0)
			if info&holdsMask == holdsGC {
				length = d.number()
			} else {
				d.references(info)
				length = d.content(info & holdsMask)
			}
			if d.err != nil {
				return d.err
			}
			s.end += length
			visit(s)
		}
	}
	return d.err
}

// decoder reads lib0 values until something is missing.
type decoder struct {
	rest []byte
	err  error
}

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
	if b := d.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (d *decoder) bytes() []byte { return d.take(d.number()) }

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.rest, d.err = nil, errCut
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

// references skips what a struct says of its neighbours and its parent.
func (d *decoder) references(info byte) {
	for _, has := range []byte{hasOrigin, hasRightOrigin} {
		if info&has != 0 {
			d.number()
			d.number()
		}
	}
	if info&(hasOrigin|hasRightOrigin) != 0 {
		return
	}
	if isRoot := d.number(); isRoot == 1 {
		d.bytes()
	} else {
		d.number()
		d.number()
	}
	if info&hasKey != 0 {
		d.bytes()
	}
}

// content skips what a struct holds and gives its length in clocks.
func (d *decoder) content(kind byte) uint64 {
	switch kind {
	case holdsDeleted:
		return d.number()
	case holdsString:
		return units(d.bytes())
	case holdsJSON, holdsAny:
		n := d.number()
		for i := uint64(0); i < n && d.err == nil; i++ {
			if kind == holdsJSON {
				d.bytes()
			} else {
				d.any(0)
			}
		}
		return n
	case holdsBinary, holdsEmbed:
		d.bytes()
	case holdsFormat:
		d.bytes()
		d.bytes()
	case holdsType:
		if t := d.number(); t == typeElement || t == typeHook {
			d.bytes()
		}
	case holdsDoc:
		d.bytes()
		d.any(0)
	default:
		d.err = errUnknown
	}
	return 1
}

// units counts UTF-16 code units of UTF-8 text, which are Yjs's clocks.
func units(text []byte) (n uint64) {
	for _, c := range text {
		switch {
		case c < 0x80, c >= 0xc0 && c < 0xf0:
			n++
		case c >= 0xf0:
			n += 2
		}
	}
	return n
}

// any skips a value of lib0's "any" encoding.
func (d *decoder) any(depth int) {
	const deepest = 32
	if depth > deepest {
		d.err = errUnknown
	}
	if d.err != nil {
		return
	}
	switch d.byte() {
	case 127, 126, 121, 120: // undefined, null, false, true
	case 125: // an integer
		for d.err == nil && d.byte() >= 0x80 {
		}
	case 124: // a float32
		d.take(4)
	case 123, 122: // a float64, a bigint
		d.take(8)
	case 119, 116: // a string, bytes
		d.bytes()
	case 118: // an object
		for n := d.number(); n > 0 && d.err == nil; n-- {
			d.bytes()
			d.any(depth + 1)
		}
	case 117: // an array
		for n := d.number(); n > 0 && d.err == nil; n-- {
			d.any(depth + 1)
		}
	default:
		d.err = errUnknown
	}
}
