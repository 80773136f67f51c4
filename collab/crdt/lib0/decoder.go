package lib0

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

var (
	// ErrUnexpectedEnd says that the input ended inside a value.
	ErrUnexpectedEnd = errors.New("unexpected end of input")
	// ErrRange says that an integer exceeds 53 bits or its encoding is overlong.
	ErrRange = errors.New("integer out of range")
	// ErrUTF8 says that a string is not valid UTF-8.
	ErrUTF8 = errors.New("invalid UTF-8")
	// ErrDepth says that an any-value nests deeper than MaxAnyDepth.
	ErrDepth = errors.New("any-value nests too deeply")
	// ErrTag says that an any-value has an unknown type tag.
	ErrTag = errors.New("unknown any-value tag")
)

// MaxSafeInteger is the largest integer that JavaScript holds exactly, 2^53-1,
// and the largest that ReadVarUint accepts.
const MaxSafeInteger = 1<<53 - 1

// maxVarBytes bounds the encoding of one integer: 53 bits in groups of seven.
const maxVarBytes = 8

// Decoder reads values from a byte slice, which it never changes. After an
// error its position is unspecified. The zero value reads an empty input.
type Decoder struct {
	b   []byte
	pos int
}

// NewDecoder makes a Decoder that reads b from its start.
func NewDecoder(b []byte) *Decoder { return &Decoder{b: b} }

// Over makes a Decoder value that reads b from offset pos, for callers that
// keep it on the stack. pos must lie within b.
func Over(b []byte, pos int) Decoder { return Decoder{b: b, pos: pos} }

// Pos is the offset in the input of the next byte to read.
func (d *Decoder) Pos() int { return d.pos }

// Remaining is the number of bytes not read yet.
func (d *Decoder) Remaining() int { return len(d.b) - d.pos }

// ReadUint8 reads one byte.
func (d *Decoder) ReadUint8() (uint8, error) {
	if d.pos >= len(d.b) {
		return 0, ErrUnexpectedEnd
	}
	c := d.b[d.pos]
	d.pos++
	return c, nil
}

// ReadVarUint reads an unsigned integer of at most 53 bits, seven bits a byte,
// lowest first.
func (d *Decoder) ReadVarUint() (uint64, error) {
	if d.pos < len(d.b) && d.b[d.pos] < 0x80 {
		c := d.b[d.pos]
		d.pos++
		return uint64(c), nil
	}
	return d.readVarUintSlow()
}

func (d *Decoder) readVarUintSlow() (uint64, error) {
	var n uint64
	b := d.b[d.pos:]
	for i := 0; i < len(b); i++ {
		if i == maxVarBytes {
			return 0, ErrRange
		}
		c := b[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if n > MaxSafeInteger {
				return 0, ErrRange
			}
			d.pos += i + 1
			return n, nil
		}
	}
	return 0, ErrUnexpectedEnd
}

// ReadVarInt reads a signed integer of at most 53 bits. The sign is the second
// bit of the first byte, so minus zero exists: negative tells it from zero.
func (d *Decoder) ReadVarInt() (n int64, negative bool, err error) {
	c, err := d.ReadUint8()
	if err != nil {
		return 0, false, err
	}
	negative = c&0x40 != 0
	u := uint64(c & 0x3f)
	for i := 0; c >= 0x80; i++ {
		if i == maxVarBytes {
			return 0, false, ErrRange
		}
		if c, err = d.ReadUint8(); err != nil {
			return 0, false, err
		}
		u |= uint64(c&0x7f) << (6 + 7*i)
		if u > MaxSafeInteger {
			return 0, false, ErrRange
		}
	}
	if negative {
		return -int64(u), true, nil
	}
	return int64(u), false, nil
}

// ReadBytes reads n bytes without copying them. The length is compared with what
// remains before anything else is done.
func (d *Decoder) ReadBytes(n uint64) ([]byte, error) {
	if n > uint64(len(d.b)-d.pos) {
		return nil, ErrUnexpectedEnd
	}
	b := d.b[d.pos : d.pos+int(n) : d.pos+int(n)]
	d.pos += int(n)
	return b, nil
}

// ReadVarBytes reads a byte array with its length before it, without copying.
func (d *Decoder) ReadVarBytes() ([]byte, error) {
	n, err := d.ReadVarUint()
	if err != nil {
		return nil, err
	}
	return d.ReadBytes(n)
}

// ReadVarText reads a string with its length in bytes before it, without
// copying, and checks that it is valid UTF-8.
func (d *Decoder) ReadVarText() ([]byte, error) {
	b, err := d.ReadVarBytes()
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(b) {
		return nil, ErrUTF8
	}
	return b, nil
}

// ReadVarString is ReadVarText with the result copied to a string.
func (d *Decoder) ReadVarString() (string, error) {
	b, err := d.ReadVarText()
	return string(b), err
}

// End says with an error that bytes remain after the last expected value.
func (d *Decoder) End() error {
	if n := d.Remaining(); n != 0 {
		return fmt.Errorf("%d bytes after the end", n)
	}
	return nil
}
