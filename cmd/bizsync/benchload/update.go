package main

import (
	"errors"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/wire"
)

// What a struct holds beside a string, and what else its first byte says.
const (
	holdsGC      = 0
	holdsDeleted = 1
	holdsJSON    = 2
	holdsBinary  = 3
	holdsEmbed   = 5
	holdsFormat  = 6
	holdsType    = 7
	holdsAny     = 8
	holdsDoc     = 9

	hasKey = 0x20

	typeElement, typeHook = 3, 5 // XML types that have a name
)

// structs is which clocks of a client an update brings, from first up to and without end.
type structs struct{ client, first, end uint64 }

var errUnknown = errors.New("an update holds what Yjs doesn't know")

// visitStructs calls visit for each struct of an update that has a content; holes between them are left out, and so are the deletions behind them. It is the harness's own
// reading of the format, so that what it counts doesn't depend on any engine that is measured.
func visitStructs(update []byte, visit func(structs)) error {
	d := decoder{wire.Decoder{Rest: update}}
	for clients := d.Number(); clients > 0 && d.Err == nil; clients-- {
		n := d.Number()
		s := structs{client: d.Number()}
		s.end = d.Number()
		for ; n > 0 && d.Err == nil; n-- {
			s.first = s.end
			info := d.Byte()
			if info&wire.HoldsMask == wire.HoldsSkip {
				s.end += d.Number()
				continue
			}
			length := uint64(0)
			if info&wire.HoldsMask == holdsGC {
				length = d.Number()
			} else {
				d.references(info)
				length = d.content(info & wire.HoldsMask)
			}
			if d.Err != nil {
				return d.Err
			}
			s.end += length
			visit(s)
		}
	}
	return d.Err
}

// decoder reads a struct's parts, too.
type decoder struct{ wire.Decoder }

// references skips what a struct says of its neighbours and its parent.
func (d *decoder) references(info byte) {
	for _, has := range []byte{wire.HasOrigin, wire.HasRightOrigin} {
		if info&has != 0 {
			d.Number()
			d.Number()
		}
	}
	if info&(wire.HasOrigin|wire.HasRightOrigin) != 0 {
		return
	}
	if isRoot := d.Number(); isRoot == 1 {
		d.Bytes()
	} else {
		d.Number()
		d.Number()
	}
	if info&hasKey != 0 {
		d.Bytes()
	}
}

// content skips what a struct holds and gives its length in clocks.
func (d *decoder) content(kind byte) uint64 {
	switch kind {
	case holdsDeleted:
		return d.Number()
	case wire.HoldsString:
		return units(d.Bytes())
	case holdsJSON, holdsAny:
		n := d.Number()
		for i := uint64(0); i < n && d.Err == nil; i++ {
			if kind == holdsJSON {
				d.Bytes()
			} else {
				d.any(0)
			}
		}
		return n
	case holdsBinary, holdsEmbed:
		d.Bytes()
	case holdsFormat:
		d.Bytes()
		d.Bytes()
	case holdsType:
		if t := d.Number(); t == typeElement || t == typeHook {
			d.Bytes()
		}
	case holdsDoc:
		d.Bytes()
		d.any(0)
	default:
		d.Err = errUnknown
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
		d.Err = errUnknown
	}
	if d.Err != nil {
		return
	}
	switch d.Byte() {
	case 127, 126, 121, 120: // undefined, null, false, true
	case 125: // an integer
		for d.Err == nil && d.Byte() >= 0x80 {
		}
	case 124: // a float32
		d.Take(4)
	case 123, 122: // a float64, a bigint
		d.Take(8)
	case 119, 116: // a string, bytes
		d.Bytes()
	case 118: // an object
		for n := d.Number(); n > 0 && d.Err == nil; n-- {
			d.Bytes()
			d.any(depth + 1)
		}
	case 117: // an array
		for n := d.Number(); n > 0 && d.Err == nil; n-- {
			d.any(depth + 1)
		}
	default:
		d.Err = errUnknown
	}
}
