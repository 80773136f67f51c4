package crdt

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// parentKind says how a struct names its parent.
type parentKind uint8

const (
	parentNone parentKind = iota // taken from origin or right origin
	parentRoot                   // a root type's name
	parentItem                   // the id of an item that holds a type
)

// wireStruct is one struct as a cursor finds it. Its slices point into the update.
type wireStruct struct {
	clock  uint32
	length uint32
	info   byte
	parent parentKind
	right  uint8  // offset of the right origin in head
	raw    []byte // the whole struct
	head   []byte // origin, right origin, parent and parentSub as they stand on the wire
	body   []byte // the content: strings, JSON and any-values without their count, nothing for GC, Skip and Deleted
	lead   bool   // half a surrogate pair, as U+FFFD, belongs before body
	trail  bool   // and one behind it
	root   []byte // the root's name, for parentRoot

	origin      ID // if info has hasOrigin
	rightOrigin ID // if info has hasRightOrigin
	parentID    ID // for parentItem
}

func (w *wireStruct) kind() byte { return w.info & contentMask }

func (w *wireStruct) end() uint32 { return w.clock + w.length }

// cursor walks over the structs of a checked update, block by block, without
// building anything. It trusts the bytes.
type cursor struct {
	b       []byte
	pos     int
	blocks  int    // blocks not begun yet
	structs int    // structs of this block not read yet
	client  uint64 // of this block
	clock   uint32 // of the next struct
}

// beginStructs places a cursor before the first block of a checked update.
func beginStructs(b []byte) cursor {
	c := cursor{b: b}
	c.begin()
	return c
}

// begin reads how many blocks follow. It is for cursors made in place: one that a
// function returns is copied, which costs as much as reading a struct.
func (c *cursor) begin() {
	if c.b != nil {
		c.blocks = int(c.varUint())
	}
}

// varUint reads an integer.
func (c *cursor) varUint() uint64 {
	n := uint64(c.b[c.pos])
	c.pos++
	if n < 0x80 {
		return n
	}
	return c.varUintLong(n & 0x7f)
}

func (c *cursor) varUintLong(n uint64) uint64 {
	for shift := 7; ; shift += 7 {
		x := c.b[c.pos]
		c.pos++
		n |= uint64(x&0x7f) << (shift & 63)
		if x < 0x80 {
			return n
		}
	}
}

func (c *cursor) varBytes() []byte {
	n := int(c.varUint())
	b := c.b[c.pos : c.pos+n]
	c.pos += n
	return b
}

func (c *cursor) id() ID {
	client := c.varUint()
	return ID{Client: client, Clock: uint32(c.varUint())}
}

// nextBlock moves to the next block. The one before must have been read to its end.
func (c *cursor) nextBlock() bool {
	if c.blocks == 0 {
		return false
	}
	c.blocks--
	c.enterBlock()
	return true
}

// enterBlock reads the header of the block that begins at pos.
func (c *cursor) enterBlock() {
	c.structs = int(c.varUint())
	c.client = c.varUint()
	c.clock = uint32(c.varUint())
}

// next reads the block's next struct into w.
func (c *cursor) next(w *wireStruct) bool {
	if c.structs == 0 {
		return false
	}
	c.structs--
	start := c.pos
	info := c.b[start]
	c.pos++
	w.clock = c.clock
	w.info = info
	w.parent = parentNone
	w.lead, w.trail = false, false
	kind := info & contentMask
	if kind == contentGC || kind == contentSkip {
		w.head, w.body = nil, nil
		w.length = uint32(c.varUint())
		w.raw = c.b[start:c.pos]
		c.clock += w.length
		return true
	}
	if info&hasOrigin != 0 {
		w.origin = c.id()
	}
	w.right = uint8(c.pos - start - 1)
	if info&hasRightOrigin != 0 {
		w.rightOrigin = c.id()
	}
	if info&(hasOrigin|hasRightOrigin) == 0 {
		if c.varUint() == 1 {
			w.parent = parentRoot
			w.root = c.varBytes()
		} else {
			w.parent = parentItem
			w.parentID = c.id()
		}
		if info&hasParentSub != 0 {
			c.varBytes()
		}
	}
	w.head = c.b[start+1 : c.pos]
	c.content(w, kind)
	w.raw = c.b[start:c.pos]
	c.clock += w.length
	return true
}

func (c *cursor) content(w *wireStruct, kind byte) {
	switch kind {
	case contentString:
		w.body = c.varBytes()
		w.length = uint32(utf16Len(w.body))
		return
	case contentDeleted:
		w.body = nil
		w.length = uint32(c.varUint())
		return
	}
	start := c.pos
	w.length = 1
	switch kind {
	case contentJSON:
		w.length = uint32(c.varUint())
		start = c.pos
		for range w.length {
			c.varBytes()
		}
	case contentBinary, contentEmbed:
		c.varBytes()
	case contentFormat:
		c.varBytes()
		c.varBytes()
	case contentType:
		if n := c.varUint(); n == typeXMLElement || n == typeXMLHook {
			c.varBytes()
		}
	case contentAny:
		w.length = uint32(c.varUint())
		start = c.pos
		c.skipAny(int(w.length))
	case contentDoc:
		c.varBytes()
		c.skipAny(1)
	}
	w.body = c.b[start:c.pos]
}

// skipAny moves past n checked any-values.
func (c *cursor) skipAny(n int) {
	d := lib0.Over(c.b, c.pos)
	for range n {
		if d.SkipAny() != nil {
			break // not in checked bytes
		}
	}
	c.pos = d.Pos()
}

// deleteCursor walks over the delete set of a checked update.
type deleteCursor struct {
	cursor
	client     uint64
	start, end uint32
}

// beginDeletes places a cursor before the delete set of a checked update, which
// begins at pos.
func beginDeletes(b []byte, pos int) deleteCursor {
	d := deleteCursor{cursor: cursor{b: b, pos: pos}}
	d.begin()
	return d
}

// nextClient moves to the next client's ranges.
func (d *deleteCursor) nextClient() bool {
	if d.blocks == 0 {
		return false
	}
	d.blocks--
	d.client = d.varUint()
	d.structs = int(d.varUint())
	return true
}

// nextRange reads the client's next range.
func (d *deleteCursor) nextRange() bool {
	if d.structs == 0 {
		return false
	}
	d.structs--
	d.start = uint32(d.varUint())
	d.end = d.start + uint32(d.varUint())
	return true
}

// skipRanges moves behind the client's last range.
func (d *deleteCursor) skipRanges() {
	for range 2 * d.structs {
		d.varUint()
	}
	d.structs = 0
}

const highBits = 0x8080808080808080

// asciiPrefix gives a length in bytes up to which s is ASCII, at least to the
// last multiple of eight before the first byte that isn't.
func asciiPrefix(s []byte) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if binary.LittleEndian.Uint64(s[i:])&highBits != 0 {
			return i
		}
	}
	for i < len(s) && s[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// utf16Len is the length of valid UTF-8 in UTF-16 units, by which Yjs counts.
func utf16Len(s []byte) int {
	n := asciiPrefix(s)
	for _, c := range s[n:] {
		switch {
		case c >= 0xf0:
			n += 2
		case c < 0x80 || c >= 0xc0:
			n++
		}
	}
	return n
}

// utf16Offset gives the byte offset in s of the unit at position n, and whether
// that position cuts a surrogate pair; the offset is then that of the whole
// character's beginning.
func utf16Offset(s []byte, n int) (offset int, cut bool) {
	i := min(asciiPrefix(s[:min(n, len(s))]), n)
	for units := i; i < len(s); {
		if units == n {
			return i, false
		}
		_, size := utf8.DecodeRune(s[i:])
		units++
		if size == 4 {
			if units == n {
				return i, true
			}
			units++
		}
		i += size
	}
	return len(s), false
}

// utf16OffsetBefore is utf16Offset for the position n units before the end.
func utf16OffsetBefore(s []byte, n int) (offset int, cut bool) {
	i := len(s)
	for n > 0 && i > 0 {
		if n >= 8 && i >= 8 && binary.LittleEndian.Uint64(s[i-8:])&highBits == 0 {
			i -= 8
			n -= 8
			continue
		}
		if s[i-1] < utf8.RuneSelf {
			i--
			n--
			continue
		}
		_, size := utf8.DecodeLastRune(s[:i])
		i -= size
		n--
		if size == utf8.UTFMax {
			if n == 0 {
				return i, true
			}
			n--
		}
	}
	return i, false
}
