package crdt

import (
	"errors"
	"fmt"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// What version 1 may take of memory for a version 2 update of n bytes, with all
// that is needed on the way: maxGrowth*n+freeGrowth.
const (
	maxGrowth  = 16
	freeGrowth = 1 << 20
	// About what is needed beside version 1 and the keys.
	v2Overhead = 32 << 10
)

var errExpands = errors.New("becomes too large in version 1")

// ParseUpdateV2 reads an update in Yjs's version 2, the format in columns that
// some tools store, and gives it in version 1: what Yjs's
// convertUpdateFormatV2ToV1 gives, but for the JSON of embeds and formats, which
// is equal and not always the same text. The checks, limits and errors are those
// of ParseUpdate, except that bytes behind the delete set are ignored, as Yjs does:
// yrs has written some. A client in several blocks is read as ParseUpdate reads it.
// The offset in an error may be that in version 1.
//
// A few bytes of version 2 can stand for many structs. An update that would take
// more than 16 times its bytes and 1 MiB of memory is refused as malformed. The
// result doesn't refer to b.
func ParseUpdateV2(b []byte) (Update, error) {
	limit := maxGrowth*len(b) + freeGrowth - v2Overhead
	size := v2Reader{out: v1Sink{limit: limit}}
	if err := size.read(b); err != nil {
		return Update{}, malformed(size.rest.Pos(), "version 2", err)
	}
	again := v2Reader{keys: size.keys, json: size.json, out: v1Sink{b: make([]byte, 0, size.out.size), write: true, limit: limit}}
	if err := again.read(b); err != nil {
		return Update{}, malformed(again.rest.Pos(), "version 2", err)
	}
	u, err := ParseUpdate(again.out.b)
	if err != nil {
		return Update{}, fmt.Errorf("in version 1: %w", err)
	}
	return u, nil
}

// v1Sink takes an update in version 1: its size at first, then its bytes.
type v1Sink struct {
	b     []byte
	size  int // of b, and of all that must be allocated beside it
	limit int // of size
	write bool
}

func (s *v1Sink) byte(c byte) {
	s.size++
	if s.write {
		s.b = append(s.b, c)
	}
}

func (s *v1Sink) uint(n uint64) {
	s.size += lib0.VarUintLen(n)
	if s.write {
		s.b = lib0.AppendVarUint(s.b, n)
	}
}

func (s *v1Sink) raw(b []byte) {
	s.size += len(b)
	if s.write {
		s.b = append(s.b, b...)
	}
}

func (s *v1Sink) text(t text) {
	s.uint(uint64(t.size()))
	if t.lead {
		s.raw([]byte(replacement))
	}
	s.raw(t.s)
	if t.trail {
		s.raw([]byte(replacement))
	}
}

// v2Reader reads an update in version 2 and writes it in version 1, struct by
// struct. What the structs say is checked when version 1 is parsed.
type v2Reader struct {
	keyClocks   diffColumn
	clients     uintColumn
	leftClocks  diffColumn
	rightClocks diffColumn
	infos       byteColumn
	strings     stringColumn
	isRoot      byteColumn
	typeRefs    uintColumn
	lengths     uintColumn
	rest        lib0.Decoder // counts, clocks, any-values, bytes and the delete set

	keys keyTable
	seen int // of the keys, those that came so far
	json []byte
	out  v1Sink
}

// read goes through all of b.
func (r *v2Reader) read(b []byte) error {
	r.rest = lib0.Over(b, 0)
	if _, err := r.rest.ReadVarUint(); err != nil { // flags, of which none has a meaning
		return err
	}
	var strings lib0.Decoder
	for _, column := range []*lib0.Decoder{
		&r.keyClocks.Decoder, &r.clients.Decoder, &r.leftClocks.Decoder, &r.rightClocks.Decoder, &r.infos.Decoder,
		&strings, &r.isRoot.Decoder, &r.typeRefs.Decoder, &r.lengths.Decoder,
	} {
		c, err := r.rest.ReadVarBytes()
		if err != nil {
			return err
		}
		*column = lib0.Over(c, 0)
		if column == &strings {
			if err := r.strings.begin(c); err != nil {
				return err
			}
		}
	}
	if err := r.blocks(); err != nil {
		return err
	}
	return r.deletes()
}

func (r *v2Reader) blocks() error {
	blocks, err := r.copyUint()
	if err != nil {
		return err
	}
	for range blocks {
		n, err := r.copyUint()
		if err != nil {
			return err
		}
		client, err := r.clients.next()
		if err != nil {
			return err
		}
		r.out.uint(client)
		if _, err := r.copyUint(); err != nil { // clock
			return err
		}
		for range n {
			if err := r.oneStruct(); err != nil {
				return err
			}
			if r.out.size > r.out.limit {
				return errExpands
			}
		}
	}
	return nil
}

// copyUint reads an integer of the rest, which version 1 has at the same place.
func (r *v2Reader) copyUint() (uint64, error) {
	n, err := r.rest.ReadVarUint()
	r.out.uint(n)
	return n, err
}

func (r *v2Reader) oneStruct() error {
	info, err := r.infos.next()
	if err != nil {
		return err
	}
	r.out.byte(info)
	switch kind := info & contentMask; kind {
	case contentGC:
		return r.uint(&r.lengths)
	case contentSkip:
		_, err := r.copyUint()
		return err
	default:
		if err := r.references(info); err != nil {
			return err
		}
		return r.content(kind)
	}
}

// uint copies an integer from a column.
func (r *v2Reader) uint(c *uintColumn) error {
	n, err := c.next()
	r.out.uint(n)
	return err
}

// id copies an id, of which the clocks are in a column of their own.
func (r *v2Reader) id(clocks *diffColumn) error {
	if err := r.uint(&r.clients); err != nil {
		return err
	}
	clock, err := clocks.next()
	r.out.uint(clock)
	return err
}

func (r *v2Reader) text() error {
	t, err := r.strings.next()
	r.out.text(t)
	return err
}

func (r *v2Reader) references(info byte) error {
	if info&hasOrigin != 0 {
		if err := r.id(&r.leftClocks); err != nil {
			return err
		}
	}
	if info&hasRightOrigin != 0 {
		if err := r.id(&r.rightClocks); err != nil {
			return err
		}
	}
	if info&(hasOrigin|hasRightOrigin) != 0 {
		return nil
	}
	isRoot, err := r.isRoot.next()
	if err != nil {
		return err
	}
	if isRoot == 1 {
		r.out.uint(1)
		err = r.text()
	} else {
		r.out.uint(0)
		err = r.id(&r.leftClocks)
	}
	if err == nil && info&hasParentSub != 0 {
		err = r.text()
	}
	return err
}

func (r *v2Reader) content(kind byte) error {
	switch kind {
	case contentString:
		return r.text()
	case contentDeleted:
		return r.uint(&r.lengths)
	case contentJSON:
		n, err := r.lengths.next()
		r.out.uint(n)
		for ; err == nil && n > 0; n-- {
			if err = r.text(); r.out.size > r.out.limit {
				return errExpands
			}
		}
		return err
	case contentAny:
		n, err := r.lengths.next()
		r.out.uint(n)
		for ; err == nil && n > 0; n-- {
			err = r.any()
		}
		return err
	case contentBinary:
		b, err := r.rest.ReadVarBytes()
		r.out.uint(uint64(len(b)))
		r.out.raw(b)
		return err
	case contentEmbed:
		return r.asJSON()
	case contentFormat:
		if err := r.key(); err != nil {
			return err
		}
		return r.asJSON()
	case contentType:
		t, err := r.typeRefs.next()
		r.out.uint(t)
		if err == nil && (t == typeXMLElement || t == typeXMLHook) {
			err = r.key()
		}
		return err
	case contentDoc:
		if err := r.text(); err != nil {
			return err
		}
		return r.any()
	}
	return errInfo
}

// any copies an any-value as it is.
func (r *v2Reader) any() error {
	value := r.rest
	if err := r.rest.SkipAny(); err != nil {
		return err
	}
	b, err := value.ReadBytes(uint64(r.rest.Pos() - value.Pos()))
	r.out.raw(b)
	return err
}

// asJSON copies an any-value as JSON.
func (r *v2Reader) asJSON() error {
	from := r.rest.Pos()
	j := anyJSON{d: &r.rest, b: r.json[:0], limit: (r.out.limit - r.out.size) / 8}
	_, err := j.value(0)
	// The text is made by itself at first, in memory that grows as it needs, and its
	// strings are copied both times.
	r.out.limit -= 2 * (r.rest.Pos() - from)
	if more := cap(j.b) - cap(r.json); more > 0 {
		r.out.limit -= 4 * more
	}
	r.json = j.b
	r.out.uint(uint64(len(j.b)))
	r.out.raw(j.b)
	return err
}

// key copies a string that may have come before: then only its number comes.
func (r *v2Reader) key() error {
	k, err := r.keyClocks.next()
	if err != nil {
		return err
	}
	if k < uint64(r.seen) {
		r.out.text(r.keys.at(int(k)))
		return nil
	}
	t, err := r.strings.next()
	if err != nil {
		return err
	}
	if r.seen++; !r.out.write {
		r.out.limit -= keyBytes
		r.keys.add(t)
	}
	r.out.text(t)
	return nil
}

// deletes reads the delete set: each clock as the difference to the end of the range
// before, each length less one.
func (r *v2Reader) deletes() error {
	clients, err := r.copyUint()
	if err != nil {
		return err
	}
	for range clients {
		if _, err := r.copyUint(); err != nil { // client
			return err
		}
		n, err := r.copyUint()
		if err != nil {
			return err
		}
		for clock := uint64(0); n > 0; n-- {
			diff, err := r.rest.ReadVarUint()
			if err != nil {
				return err
			}
			length, err := r.rest.ReadVarUint()
			if err != nil {
				return err
			}
			clock += diff
			if clock > maxClock || length >= maxClock {
				return errRange
			}
			r.out.uint(clock)
			r.out.uint(length + 1)
			clock += length + 1
		}
	}
	if r.out.size > r.out.limit {
		return errExpands
	}
	return nil
}

// keyTable keeps the keys of an update by number, in chunks, so that nothing is
// copied while they become more.
type keyTable struct {
	chunks [][]text
}

const (
	keysPerChunk = 64
	keyBytes     = 40 // what a key takes, about
)

func (k *keyTable) add(t text) {
	if n := len(k.chunks); n == 0 || len(k.chunks[n-1]) == keysPerChunk {
		k.chunks = append(k.chunks, make([]text, 0, keysPerChunk))
	}
	last := &k.chunks[len(k.chunks)-1]
	*last = append(*last, t)
}

func (k *keyTable) at(i int) text { return k.chunks[i/keysPerChunk][i%keysPerChunk] }
