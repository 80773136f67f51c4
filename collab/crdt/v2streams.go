package crdt

import (
	"unicode/utf8"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// The columns of a version 2 update, each a run-length encoding of its own (lib0:
// RleDecoder, UintOptRleDecoder, IntDiffOptRleDecoder, StringDecoder). A run costs
// nothing to read again, so that whoever reads must bound what comes of it.

// byteColumn gives bytes: a value and how often it comes, the last one for ever.
type byteColumn struct {
	lib0.Decoder
	val   uint8
	count uint64
	ever  bool
}

func (c *byteColumn) next() (uint8, error) {
	if c.count == 0 && !c.ever {
		var err error
		if c.val, err = c.ReadUint8(); err != nil {
			return 0, err
		}
		if c.ever = c.Remaining() == 0; !c.ever {
			if c.count, err = c.ReadVarUint(); err != nil {
				return 0, err
			}
			c.count++
		}
	}
	c.count--
	return c.val, nil
}

// uintColumn gives integers: one by itself, or with a minus and how often it comes.
type uintColumn struct {
	lib0.Decoder
	val, count uint64
}

func (c *uintColumn) next() (uint64, error) {
	if c.count == 0 {
		n, negative, err := c.ReadVarInt()
		if err != nil {
			return 0, err
		}
		c.val, c.count = uint64(n), 1
		if negative {
			c.val = uint64(-n)
			if c.count, err = c.ReadVarUint(); err != nil {
				return 0, err
			}
			c.count += 2
		}
	}
	c.count--
	return c.val, nil
}

// diffColumn gives integers of which it has the differences: twice the difference,
// and one if how often it comes follows.
type diffColumn struct {
	lib0.Decoder
	val, diff int64
	count     uint64
}

func (c *diffColumn) next() (uint64, error) {
	if c.count == 0 {
		n, _, err := c.ReadVarInt()
		if err != nil {
			return 0, err
		}
		c.diff, c.count = n>>1, 1
		if n&1 != 0 {
			if c.count, err = c.ReadVarUint(); err != nil {
				return 0, err
			}
			c.count += 2
		}
	}
	c.count--
	c.val += c.diff
	if c.val < 0 || c.val > lib0.MaxSafeInteger {
		return 0, lib0.ErrRange
	}
	return uint64(c.val), nil
}

// text is a piece of the strings of an update, which were written as one. Where a
// cut went through a surrogate pair, both halves are U+FFFD: lead says that half a
// pair belongs before s, trail that one belongs behind it.
type text struct {
	s           []byte
	lead, trail bool
}

func (t text) size() int {
	n := len(t.s)
	if t.lead {
		n += len(replacement)
	}
	if t.trail {
		n += len(replacement)
	}
	return n
}

// stringColumn gives strings: all in one, and their lengths in UTF-16 units.
type stringColumn struct {
	lengths uintColumn
	rest    text // not read yet
}

// begin reads the head of the column b.
func (c *stringColumn) begin(b []byte) error {
	d := lib0.Over(b, 0)
	all, err := d.ReadVarText()
	c.rest.s = all
	c.lengths.Decoder = d
	return err
}

func (c *stringColumn) next() (text, error) {
	n, err := c.lengths.next()
	if err != nil {
		return text{}, err
	}
	if n == 0 {
		return text{}, nil
	}
	t := text{lead: c.rest.lead}
	if t.lead {
		n--
	}
	if n > uint64(len(c.rest.s)) { // a unit takes a byte or more
		return text{}, lib0.ErrUnexpectedEnd
	}
	at, cut := utf16Offset(c.rest.s, int(n))
	if at == len(c.rest.s) && uint64(utf16Len(c.rest.s)) < n {
		return text{}, lib0.ErrUnexpectedEnd
	}
	t.s, t.trail = c.rest.s[:at], cut
	if cut {
		at += utf8.UTFMax
	}
	c.rest = text{s: c.rest.s[at:], lead: cut}
	return t, nil
}
