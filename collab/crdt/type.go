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
