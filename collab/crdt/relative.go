package crdt

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// RelativePosition is a place in a list or a text that stays where it is while
// others edit: it names the element next to it instead of a number. It is Yjs's
// RelativePosition, in the same bytes and the same JSON.
//
// Item is that element, nil for an end of the type. Without an Item, Type (the id
// of the item that holds a nested type) or else the root type Root is meant: its
// end, or with a negative Assoc its beginning. With an Item both may be there,
// too, or missing: bytes carry the Item alone.
//
// With Assoc at least 0 the place belongs to the element behind it, with a
// negative one to the element before it. Only the sign matters.
type RelativePosition struct {
	Item  *ID
	Type  *ID
	Root  string
	Assoc int
}

// The forms of an encoded relative position.
const (
	relativeItem = 0
	relativeRoot = 1
	relativeType = 2
)

var errRelativeForm = errors.New("unknown form of a relative position")

// RelativePosition gives the place before the element at index, or behind the one
// at index-1 when assoc is negative. An index beyond the end gives the end, one
// below 0 the beginning. It takes time for the items before the place.
func (t Type) RelativePosition(index, assoc int) RelativePosition {
	rp := RelativePosition{Assoc: assoc}
	d := t.doc
	if d == nil {
		return rp
	}
	if holder := d.typ(t.typ).item; holder != 0 {
		id := d.id(d.item(holder))
		rp.Type = &id
	} else {
		rp.Root, _ = t.RootName()
	}
	if assoc < 0 {
		if index <= 0 {
			return rp
		}
		index--
	}
	rest := uint64(max(index, 0))
	for i := d.typ(t.typ).start; i != 0; {
		it := d.item(i)
		if it.countable() && !it.isDeleted() {
			if uint64(it.length) > rest {
				id := d.id(it)
				id.Clock += uint32(rest)
				rp.Item = &id
				return rp
			}
			rest -= uint64(it.length)
		}
		if i = it.right; i == 0 && assoc < 0 {
			id := d.lastID(it)
			rp.Item = &id
		}
	}
	return rp
}

// lastID gives the id of an item's last element.
func (d *Doc) lastID(it *item) ID {
	id := d.id(it)
	id.Clock += it.length - 1
	return id
}

// Resolve says where a relative position is now: the type and the index in it. A
// place next to something deleted is where that was. It says false if the
// document lacks what the position names, or has collected it, or if it names an
// element of no list. Like all peers, it doesn't follow what an undo put back to
// the elements that it replaces (in Yjs: followUndoneDeletions = false).
func (d *Doc) Resolve(rp RelativePosition) (Type, int, bool) {
	if rp.Item != nil {
		return d.resolveItem(*rp.Item, rp.Assoc)
	}
	var t Type
	if rp.Type != nil {
		if !d.has(*rp.Type) {
			return Type{}, 0, false
		}
		holder := d.item(d.find(*rp.Type))
		if holder.kind() != contentType || holder.holds == 0 {
			return Type{}, 0, false
		}
		t = Type{doc: d, typ: holder.holds}
	} else {
		root, ok := d.rootType(rp.Root)
		if !ok {
			return Type{}, 0, false
		}
		t = Type{doc: d, typ: root}
	}
	if rp.Assoc < 0 {
		return t, 0, true
	}
	index := 0
	for i := d.typ(t.typ).start; i != 0; i = d.item(i).right {
		if it := d.item(i); it.countable() && !it.isDeleted() {
			index += int(it.length)
		}
	}
	return t, index, true
}

func (d *Doc) resolveItem(id ID, assoc int) (Type, int, bool) {
	if !d.has(id) {
		return Type{}, 0, false
	}
	it := d.item(d.find(id))
	if it.kind() == contentGC || it.parent == 0 {
		return Type{}, 0, false
	}
	t := Type{doc: d, typ: it.parent}
	if holder := d.typ(it.parent).item; holder != 0 && d.item(holder).isDeleted() {
		return t, 0, true
	}
	index := 0
	if it.countable() && !it.isDeleted() {
		index = int(id.Clock - it.clock)
		if assoc < 0 {
			index++
		}
	}
	for i := it.left; i != 0; i = d.item(i).left {
		if it := d.item(i); it.countable() && !it.isDeleted() {
			index += int(it.length)
		}
	}
	return t, index, true
}

// Encode gives the bytes that Yjs's encodeRelativePosition gives.
func (rp RelativePosition) Encode() []byte {
	var b []byte
	switch {
	case rp.Item != nil:
		b = putID([]byte{relativeItem}, *rp.Item)
	case rp.Type != nil:
		b = putID([]byte{relativeType}, *rp.Type)
	default:
		b = lib0.AppendVarString([]byte{relativeRoot}, rp.Root)
	}
	if rp.Assoc < 0 {
		return lib0.AppendVarInt(b, uint64(-int64(rp.Assoc)), true)
	}
	return lib0.AppendVarInt(b, uint64(rp.Assoc), false)
}

// putID appends an id as the wire has it.
func putID(b []byte, id ID) []byte {
	return lib0.AppendVarUint(lib0.AppendVarUint(b, id.Client), uint64(id.Clock))
}

// ParseRelativePosition reads an encoded relative position. Yjs before 13.5 wrote
// no Assoc: then it is 0. Ids out of range, invalid UTF-8, an unknown form and
// trailing bytes are errors that wrap ErrMalformed.
func ParseRelativePosition(b []byte) (RelativePosition, error) {
	var rp RelativePosition
	d := lib0.NewDecoder(b)
	form, err := d.ReadVarUint()
	if err != nil {
		return rp, malformed(d.Pos(), "relative position", err)
	}
	switch form {
	case relativeItem:
		rp.Item, err = readID(d)
	case relativeRoot:
		rp.Root, err = d.ReadVarString()
	case relativeType:
		rp.Type, err = readID(d)
	default:
		err = errRelativeForm
	}
	if err != nil {
		return RelativePosition{}, malformed(d.Pos(), "relative position", err)
	}
	if d.Remaining() > 0 {
		assoc, _, err := d.ReadVarInt()
		if err != nil {
			return RelativePosition{}, malformed(d.Pos(), "association", err)
		}
		rp.Assoc = int(assoc)
	}
	if err := d.End(); err != nil {
		return RelativePosition{}, malformed(d.Pos(), "relative position", err)
	}
	return rp, nil
}

func readID(d *lib0.Decoder) (*ID, error) {
	client, err := d.ReadVarUint()
	if err != nil {
		return nil, err
	}
	clock, err := d.ReadVarUint()
	if err != nil {
		return nil, err
	}
	if clock > maxClock {
		return nil, errRange
	}
	return &ID{Client: client, Clock: uint32(clock)}, nil
}

// relativeJSON is the form of Yjs's relativePositionToJSON.
type relativeJSON struct {
	Type  *idJSON `json:"type,omitempty"`
	Root  string  `json:"tname,omitempty"`
	Item  *idJSON `json:"item,omitempty"`
	Assoc int     `json:"assoc"`
}

type idJSON struct {
	Client uint64 `json:"client"`
	Clock  uint32 `json:"clock"`
}

// MarshalJSON gives what JSON.stringify makes of Yjs's relativePositionToJSON. Yjs
// leaves out the name of the root type "", and so does this.
func (rp RelativePosition) MarshalJSON() ([]byte, error) {
	var root []byte
	if rp.Root != "" {
		root = AppendJSON(nil, rp.Root)
	}
	b := []byte{'{'}
	if rp.Type != nil {
		b = fmt.Appendf(b, `"type":{"client":%d,"clock":%d},`, rp.Type.Client, rp.Type.Clock)
	}
	if root != nil {
		b = append(append(append(b, `"tname":`...), root...), ',')
	}
	if rp.Item != nil {
		b = fmt.Appendf(b, `"item":{"client":%d,"clock":%d},`, rp.Item.Client, rp.Item.Clock)
	}
	return fmt.Appendf(b, `"assoc":%d}`, rp.Assoc), nil
}

// UnmarshalJSON reads what MarshalJSON or Yjs writes. The error wraps ErrMalformed.
func (rp *RelativePosition) UnmarshalJSON(b []byte) error {
	var j relativeJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("%w: relative position: %w", ErrMalformed, err)
	}
	for _, id := range []*idJSON{j.Type, j.Item} {
		if id != nil && (id.Client > maxClient || id.Clock > maxClock) {
			return fmt.Errorf("%w: relative position: %w", ErrMalformed, errRange)
		}
	}
	*rp = RelativePosition{Item: (*ID)(j.Item), Type: (*ID)(j.Type), Root: j.Root, Assoc: j.Assoc}
	return nil
}
