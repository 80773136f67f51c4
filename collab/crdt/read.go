package crdt

import (
	"iter"
	"slices"
)

// Reading a document: what an application sees of it. The methods of Type give
// what those of Yjs's types give, in values of these types: nil, lib0.Undefined,
// bool, float64 (every JavaScript number), lib0.BigInt, string, []byte, []any,
// lib0.Object, Type and Subdoc. They change nothing and take time linear in what
// they read, deleted content included.

// As gives a root type read as a kind, as Yjs's doc.get(name, kind) does: the wire
// doesn't say what a root is. What a nested type is stands in the document; for one
// As changes nothing.
//
// A root of no known kind is read as what its content makes it look like: with
// characters, formats or embeds in its list (deleted ones as well, as long as their
// content is there) as a Y.Text; with nested XML types as an XmlFragment; with
// anything else in its list as a Y.Array; with nothing but keys as a Y.Map.
func (t Type) As(k Kind) Type {
	if t.holder() == 0 && k <= KindXMLText {
		t.as = uint8(k) + 1
	}
	return t
}

// Kind gives what the type is: for a root what As said, or KindUnknown.
func (t Type) Kind() Kind {
	switch {
	case t.as != 0:
		return Kind(t.as - 1)
	case t.doc == nil:
		return KindUnknown
	}
	return Kind(t.doc.typ(t.typ).kind)
}

// ReadAs gives the kind that a type is read as: KindUnknown only for a root that
// has nothing in it that tells.
func (t Type) ReadAs() Kind {
	if k := t.Kind(); k != KindUnknown || t.doc == nil {
		return k
	}
	array, xml := false, false
	for i := t.start(); i != 0; {
		it := t.doc.item(i)
		switch it.kind() {
		case contentString, contentFormat, contentEmbed:
			return KindText
		case contentType:
			k := t.doc.typ(it.holds).kind
			xml = xml || k >= typeXMLElement && k <= typeXMLText
			array = true
		case contentAny, contentJSON, contentBinary, contentDoc:
			array = true
		}
		i = it.right
	}
	switch {
	case xml:
		return KindXMLFragment
	case array:
		return KindArray
	case len(t.keyed()) > 0:
		return KindMap
	}
	return KindUnknown
}

// start gives the first item of the type's list.
func (t Type) start() uint32 {
	if t.doc == nil {
		return 0
	}
	return t.doc.typ(t.typ).start
}

// keyed gives the rightmost item of each of the type's keys.
func (t Type) keyed() map[int32]uint32 {
	if t.doc == nil {
		return nil
	}
	return t.doc.typ(t.typ).values
}

// holder gives the item that holds a nested type, 0 for a root.
func (t Type) holder() uint32 {
	if t.doc == nil {
		return 0
	}
	return t.doc.typ(t.typ).item
}

// Name gives the node name of an XmlElement ("UNDEFINED" if it is a root, as in
// Yjs) or the hook name of an XmlHook.
func (t Type) Name() string {
	if t.holder() == 0 {
		if t.Kind() == KindXMLElement {
			return "UNDEFINED"
		}
		return ""
	}
	return string(t.doc.typ(t.typ).name)
}

// Deleted says whether a nested type was deleted. A root never is.
func (t Type) Deleted() bool {
	i := t.holder()
	return i != 0 && t.doc.item(i).isDeleted()
}

// ID gives the id of the item that holds a nested type; a root has none.
func (t Type) ID() (ID, bool) {
	i := t.holder()
	if i == 0 {
		return ID{}, false
	}
	return t.doc.id(t.doc.item(i)), true
}

// RootName gives the name of a root type. It looks among the names of all roots.
func (t Type) RootName() (string, bool) {
	if t.doc == nil || t.holder() != 0 {
		return "", false
	}
	return t.doc.rootName(t.typ)
}

// Parent gives the type that a nested type is in; a root has none.
func (t Type) Parent() (Type, bool) {
	i := t.holder()
	if i == 0 {
		return Type{}, false
	}
	return Type{doc: t.doc, typ: t.doc.item(i).parent}, true
}

// Len gives the length of the type's list as Yjs counts it: UTF-16 units of
// strings, one for each value, embed and nested type; nothing for formats. Of a
// Y.Map or an XmlHook it gives the number of keys (Yjs: size).
func (t Type) Len() int {
	n := 0
	if k := t.Kind(); k == KindMap || k == KindXMLHook {
		for _, i := range t.keyed() {
			if !t.doc.item(i).isDeleted() {
				n++
			}
		}
		return n
	}
	for i := t.start(); i != 0; {
		it := t.doc.item(i)
		if it.visible() {
			n += int(it.length)
		}
		i = it.right
	}
	return n
}

// String gives the characters of a Y.Text; of XML types what XML gives, as Yjs's
// toString does; of other types nothing, their JSON says more.
func (t Type) String() string {
	switch t.ReadAs() {
	case KindText:
		return string(t.appendText(nil))
	case KindXMLElement, KindXMLFragment, KindXMLText:
		return t.XML()
	}
	return ""
}

// appendText appends the characters in the type's list.
func (t Type) appendText(dst []byte) []byte {
	for i := t.start(); i != 0; {
		it := t.doc.item(i)
		if it.kind() == contentString && !it.isDeleted() {
			dst = append(dst, t.doc.body(it)...)
		}
		i = it.right
	}
	return dst
}

// At gives the element at an index of the list: a value, a nested type, one UTF-16
// unit of a string.
func (t Type) At(index int) (any, bool) {
	if index < 0 {
		return nil, false
	}
	for i := t.start(); i != 0; {
		it := t.doc.item(i)
		if !it.visible() {
			i = it.right
			continue
		}
		if index < int(it.length) {
			var at any
			found := false
			t.doc.values(i, func(v any) bool {
				at, found = v, index == 0
				index--
				return !found
			})
			return at, found
		}
		index -= int(it.length)
		i = it.right
	}
	return nil, false
}

// All gives the elements of the list as At does, in order. The document must not
// change meanwhile.
func (t Type) All() iter.Seq[any] {
	return func(yield func(any) bool) {
		for i := t.start(); i != 0; i = t.doc.item(i).right {
			if t.doc.item(i).visible() && !t.doc.values(i, yield) {
				return
			}
		}
	}
}

// Get gives the value of a key: an entry of a map, an attribute of an element or a
// text.
func (t Type) Get(key string) (any, bool) {
	if t.doc == nil {
		return nil, false
	}
	k, ok := t.doc.keys[key]
	if !ok {
		return nil, false
	}
	i, ok := t.keyed()[k]
	if !ok || t.doc.item(i).isDeleted() {
		return nil, false
	}
	return t.doc.last(i), true
}

// Keys lists the keys that have a value, sorted by UTF-16 unit as JavaScript sorts.
func (t Type) Keys() []string {
	keys := make([]string, 0, len(t.keyed()))
	for k, i := range t.keyed() {
		if !t.doc.item(i).isDeleted() {
			keys = append(keys, t.doc.keyName(k))
		}
	}
	slices.SortFunc(keys, compareUTF16)
	return keys
}

// rootName gives the name of a root type.
func (d *Doc) rootName(t int32) (string, bool) {
	for name, i := range d.roots {
		if i == t {
			return name, true
		}
	}
	return "", false
}
