package crdt

import (
	"maps"
	"slices"
)

// Kind says what a shared type is; the numbers are those of the wire (Yjs:
// typeRefs), but for KindUnknown.
type Kind uint8

// The kinds of shared types.
const (
	KindArray       Kind = typeArray
	KindMap         Kind = typeMap
	KindText        Kind = typeText
	KindXMLElement  Kind = typeXMLElement
	KindXMLFragment Kind = typeXMLFragment
	KindXMLHook     Kind = typeXMLHook
	KindXMLText     Kind = typeXMLText
	// KindUnknown is that of a root type: the wire doesn't say what it is.
	KindUnknown Kind = typeUnknown
)

// typeUnknown is the kind of a root type.
const typeUnknown = 0xff

// Type is a shared type of a Doc: a root, or one nested in another. It is a small
// value that names its type for as long as its Doc lives; the zero value is none.
// Like its Doc it is not for concurrent use.
type Type struct {
	doc *Doc
	typ int32 // index of a type
	as  uint8 // what a root is read as: a Kind and 1, or 0
}

// Root gives the root type of a name, if the document has an item in it.
func (d *Doc) Root(name string) (Type, bool) {
	t, ok := d.rootType(name)
	if !ok {
		return Type{}, false
	}
	return Type{doc: d, typ: t}, true
}

// Roots lists the names of the root types that have items, deleted or not, sorted.
func (d *Doc) Roots() []string { return slices.Sorted(maps.Keys(d.roots)) }

// sharedType is a root type or what a ContentType holds.
type sharedType struct {
	start  uint32           // first item of the list
	values map[int32]uint32 // by key, the rightmost item of each
	item   uint32           // the item that holds it, 0 for a root
	kind   byte
	name   []byte // node name of an XmlElement, hook name of an XmlHook
}

// typ gives the type of that index, which must not be 0. The pointer is valid
// until the next change of the Doc.
func (d *Doc) typ(t int32) *sharedType { return &d.types[t] }

// rootType gives the root type of a name, if something has been put there.
func (d *Doc) rootType(name string) (int32, bool) {
	t, ok := d.roots[name]
	return t, ok
}

// root gives the root type of that name, which is made if need be.
func (d *Doc) root(name []byte) int32 {
	t, ok := d.roots[string(name)]
	if !ok {
		t = d.newType(sharedType{kind: typeUnknown})
		d.roots[string(name)] = t
	}
	return t
}

func (d *Doc) newType(t sharedType) int32 {
	d.types = append(d.types, t)
	return int32(len(d.types) - 1)
}

// key gives the number of a map key.
func (d *Doc) key(name []byte) int32 {
	k, ok := d.keys[string(name)]
	if !ok {
		s := string(name)
		d.keyNames = append(d.keyNames, s)
		k = int32(len(d.keyNames))
		d.keys[s] = k
	}
	return k
}

// keyName gives the name of a map key.
func (d *Doc) keyName(k int32) string { return d.keyNames[k-1] }

// readType makes the type that a ContentType holds.
func (d *Doc) readType(body []byte, holder uint32) int32 {
	c := cursor{b: body}
	t := sharedType{kind: byte(c.varUint()), item: holder}
	if t.kind == typeXMLElement || t.kind == typeXMLHook {
		t.name = d.nodeName(c.varBytes())
	}
	return d.newType(t)
}

// nodeName gives a copy of a node's name, the same one for all nodes of it: most
// have one of few names, and the State's memory may move.
func (d *Doc) nodeName(name []byte) []byte {
	n, ok := d.nodeNames[string(name)]
	if !ok {
		n = append([]byte(nil), name...)
		d.nodeNames[string(name)] = n
	}
	return n
}
