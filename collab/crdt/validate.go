package crdt

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// Content numbers, the low five bits of a struct's info byte (Yjs: contentRefs).
const (
	contentGC      = 0
	contentDeleted = 1
	contentJSON    = 2
	contentBinary  = 3
	contentString  = 4
	contentEmbed   = 5
	contentFormat  = 6
	contentType    = 7
	contentAny     = 8
	contentDoc     = 9
	contentSkip    = 10

	contentMask = 0x1f
)

// The flags of an info byte.
const (
	hasParentSub   = 0x20
	hasRightOrigin = 0x40
	hasOrigin      = 0x80
)

// Type numbers of a ContentType (Yjs: typeRefs).
const (
	typeArray       = 0
	typeMap         = 1
	typeText        = 2
	typeXMLElement  = 3
	typeXMLFragment = 4
	typeXMLHook     = 5
	typeXMLText     = 6
)

var (
	errRange     = errors.New("clock or client out of range")
	errEmpty     = errors.New("struct of no length")
	errNoRange   = errors.New("delete range of no length")
	errInfo      = errors.New("unknown struct kind")
	errType      = errors.New("unknown type")
	errJSON      = errors.New("invalid JSON")
	errSelf      = errors.New("refers to itself or to its own future")
	errCount     = errors.New("claims more than there are bytes")
	errSubdocOpt = errors.New("subdocument without options")
)

// validator reads an update once and checks everything that later readers rely on.
type validator struct {
	lib0.Decoder
	client uint64
	clock  uint32
	types  int // seen so far
}

// ParseUpdate checks b completely: bounds and lengths, UTF-8, JSON texts, kinds,
// any-values (depth at most lib0.MaxAnyDepth), clients below 2^53, ends of
// structs and delete ranges below 2^31, references of a struct to itself or to
// its own client's future, trailing bytes. It allocates nothing. The format is
// that of Yjs's readClientsStructRefs and readDeleteSet; what every Yjs client
// would throw on is refused. A client in several blocks, which nobody writes, is
// read as if they were one, the first to have a clock wins; Yjs takes the last block.
func ParseUpdate(b []byte) (Update, error) {
	if u, ok := parseKeystroke(b); ok {
		return u, nil
	}
	u := Update{b: b, tidy: true, tidyDels: true, ascendingDels: true}
	v := validator{Decoder: lib0.Over(b, 0)}
	if err := v.structs(&u); err != nil {
		return Update{}, malformed(v.Pos(), "structs", err)
	}
	u.dels, u.types = v.Pos(), v.types
	if err := v.deletes(&u); err != nil {
		return Update{}, malformed(v.Pos(), "delete set", err)
	}
	if err := v.End(); err != nil {
		return Update{}, malformed(v.Pos(), "update", err)
	}
	return u, nil
}

// parseKeystroke reads what a pressed key mostly sends: one string behind an
// origin and nothing deleted, or one deleted range. That is several times faster
// than the validator, which has the say, in its words, on everything else.
func parseKeystroke(b []byte) (u Update, ok bool) {
	if len(b) < 2 || b[0] > 1 || b[1] != 1 {
		return u, false
	}
	client, pos := shortUint(b, 2)
	if b[0] == 0 {
		ranges, pos := shortUint(b, pos)
		start, pos := shortUint(b, pos)
		length, pos := shortUint(b, pos)
		if pos != len(b) || ranges != 1 || length == 0 || start+length > maxClock {
			return u, false
		}
		return Update{b: b, dels: 1, ranges: 1, tidy: true, tidyDels: true, ascendingDels: true}, true
	}
	clock, pos := shortUint(b, pos)
	if pos >= len(b) {
		return u, false
	}
	info := b[pos]
	if info&^hasRightOrigin != hasOrigin|contentString {
		return u, false
	}
	pos++
	for refs := info & (hasOrigin | hasRightOrigin); refs != 0; refs &= refs - 1 {
		var refClient, refClock uint64
		refClient, pos = shortUint(b, pos)
		refClock, pos = shortUint(b, pos)
		if refClock > maxClock || refClient == client && refClock >= clock {
			return u, false
		}
	}
	size, pos := shortUint(b, pos)
	dels := len(b) - 1
	if size == 0 || uint64(pos)+size != uint64(dels) || b[dels] != 0 {
		return u, false
	}
	text := b[pos:dels]
	if !utf8.Valid(text) || clock+uint64(utf16Len(text)) > maxClock {
		return u, false
	}
	return Update{b: b, dels: dels, structs: 1, tidy: true, tidyDels: true, ascendingDels: true}, true
}

// shortUint reads an integer of at most five bytes and gives the place behind it.
// If there is none, that place is behind the end, and so are all that follow.
func shortUint(b []byte, pos int) (n uint64, next int) {
	for shift := 0; pos < len(b) && shift < 35; shift += 7 {
		c := b[pos]
		pos++
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n, pos
		}
	}
	return 0, len(b) + 1
}

// count reads a number of things that take at least size bytes each.
func (v *validator) count(size uint64) (uint64, error) {
	n, err := v.ReadVarUint()
	if err != nil {
		return 0, err
	}
	if n > uint64(v.Remaining())/size {
		return 0, errCount
	}
	return n, nil
}

func (v *validator) readClock() (uint32, error) {
	n, err := v.ReadVarUint()
	if err != nil {
		return 0, err
	}
	if n > maxClock {
		return 0, errRange
	}
	return uint32(n), nil
}

func (v *validator) structs(u *Update) error {
	blocks, err := v.count(3)
	if err != nil {
		return err
	}
	above := uint64(math.MaxUint64)
	for range blocks {
		n, err := v.ReadVarUint()
		if err != nil {
			return err
		}
		if v.client, err = v.ReadVarUint(); err != nil {
			return err
		}
		if v.clock, err = v.readClock(); err != nil {
			return err
		}
		if n > uint64(v.Remaining())/2 {
			return errCount
		}
		if n == 0 || v.client >= above {
			u.tidy = false
		}
		above = v.client
		for range n {
			skip, err := v.oneStruct()
			if err != nil {
				return err
			}
			if skip {
				u.tidy = false
			} else {
				u.structs++
			}
		}
	}
	return nil
}

func (v *validator) oneStruct() (skip bool, err error) {
	before := v.Decoder
	info, err := v.ReadUint8()
	if err != nil {
		return false, err
	}
	var length uint64
	kind := info & contentMask
	if kind > contentSkip {
		v.Decoder = before // so that the error says where it is
		return false, fmt.Errorf("unknown content %d", kind)
	}
	if kind == contentGC || kind == contentSkip {
		if info != kind {
			return false, errInfo
		}
		length, err = v.ReadVarUint()
	} else {
		if err := v.references(info); err != nil {
			return false, err
		}
		length, err = v.content(kind)
	}
	if err != nil {
		return false, err
	}
	if length == 0 {
		return false, errEmpty
	}
	if length > maxClock-uint64(v.clock) {
		return false, errRange
	}
	v.clock += uint32(length)
	return kind == contentSkip, nil
}

// references reads origin, right origin and parent.
func (v *validator) references(info byte) error {
	if info&hasOrigin != 0 {
		if err := v.reference(); err != nil {
			return err
		}
	}
	if info&hasRightOrigin != 0 {
		if err := v.reference(); err != nil {
			return err
		}
	}
	if info&(hasOrigin|hasRightOrigin) != 0 {
		return nil
	}
	isRoot, err := v.ReadVarUint()
	if err != nil {
		return err
	}
	if isRoot == 1 {
		_, err = v.ReadVarText()
	} else {
		err = v.reference()
	}
	if err == nil && info&hasParentSub != 0 {
		_, err = v.ReadVarText()
	}
	return err
}

func (v *validator) reference() error {
	client, err := v.ReadVarUint()
	if err != nil {
		return err
	}
	clock, err := v.readClock()
	if err != nil {
		return err
	}
	if client == v.client && clock >= v.clock {
		return errSelf
	}
	return nil
}

// content checks one content and gives its length in clocks.
func (v *validator) content(kind byte) (uint64, error) {
	switch kind {
	case contentString:
		s, err := v.ReadVarText()
		return uint64(utf16Len(s)), err
	case contentDeleted:
		return v.ReadVarUint()
	case contentJSON:
		n, err := v.count(1)
		if err != nil {
			return 0, err
		}
		for range n {
			if err := v.json(true); err != nil {
				return 0, err
			}
		}
		return n, nil
	case contentBinary:
		_, err := v.ReadVarBytes()
		return 1, err
	case contentEmbed:
		return 1, v.json(false)
	case contentFormat:
		if _, err := v.ReadVarText(); err != nil {
			return 0, err
		}
		return 1, v.json(false)
	case contentType:
		v.types++
		return 1, v.typeRef()
	case contentAny:
		n, err := v.count(1)
		if err != nil {
			return 0, err
		}
		for range n {
			if err := v.SkipAny(); err != nil {
				return 0, err
			}
		}
		return n, nil
	case contentDoc:
		if _, err := v.ReadVarText(); err != nil {
			return 0, err
		}
		return 1, v.subdocOptions()
	}
	return 0, errInfo
}

// json checks a JSON text. Yjs writes undefined as such in a ContentJSON only.
func (v *validator) json(undefined bool) error {
	s, err := v.ReadVarText()
	if err != nil {
		return err
	}
	switch string(s) {
	case "null", "true", "false":
		return nil
	case "undefined":
		if undefined {
			return nil
		}
	}
	if jsonDepth(s) > lib0.MaxAnyDepth || !json.Valid(s) {
		return errJSON
	}
	return nil
}

// jsonDepth says how deep the arrays and objects of a JSON text nest. Yjs parses any depth, but fails to write some thousands again, and with
// them the document.
func jsonDepth(s []byte) int {
	depth, most, quoted := 0, 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
			most = max(most, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return most
}

func (v *validator) typeRef() error {
	n, err := v.ReadVarUint()
	if err != nil {
		return err
	}
	switch {
	case n > typeXMLText:
		return errType
	case n == typeXMLElement || n == typeXMLHook:
		_, err = v.ReadVarText()
	}
	return err
}

// subdocOptions checks the options of a ContentDoc. Yjs reads a property of
// them, which throws on null and undefined.
func (v *validator) subdocOptions() error {
	before := *v
	tag, err := v.ReadUint8()
	if err != nil {
		return err
	}
	if tag == 126 || tag == 127 {
		return errSubdocOpt
	}
	*v = before
	return v.SkipAny()
}

func (v *validator) deletes(u *Update) error {
	clients, err := v.count(2)
	if err != nil {
		return err
	}
	above := uint64(math.MaxUint64)
	for range clients {
		client, err := v.ReadVarUint()
		if err != nil {
			return err
		}
		n, err := v.count(2)
		if err != nil {
			return err
		}
		if n == 0 || client >= above {
			u.tidyDels = false
		}
		above = client
		last := int64(-1)
		for range n {
			clock, err := v.readClock()
			if err != nil {
				return err
			}
			length, err := v.ReadVarUint()
			if err != nil {
				return err
			}
			if length > maxClock-uint64(clock) {
				return errRange
			}
			if length == 0 {
				return errNoRange // Yjs throws when it has to keep one as pending
			}
			if int64(clock) <= last {
				u.tidyDels, u.ascendingDels = false, false
			}
			u.ranges++
			last = int64(clock) + int64(length)
		}
	}
	return nil
}
