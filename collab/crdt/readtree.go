package crdt

import (
	"slices"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// JSON gives a type as Yjs's toJSON does: of a Y.Array a []any, of a Y.Map or an
// XmlHook a lib0.Object, its keys sorted by UTF-16 unit, of texts and XML types a
// string, with nested types in the same way. Undefined, BigInt, bytes and Subdocs
// stay what they are: AppendJSON writes them. A root that nobody has said anything
// about is Undefined if nothing tells what it is (see As).
func (t Type) JSON() any { return readTree(t, newBudget()) }

// JSON gives the document's roots as one object, sorted by name: each read as the
// kind that kinds gives, or what its content makes it look like. Roots of which
// neither tells the kind are left out.
func (d *Doc) JSON(kinds map[string]Kind) any {
	roots := lib0.Object{}
	names := d.Roots()
	slices.SortFunc(names, compareUTF16)
	budget := newBudget()
	for _, name := range names {
		t, ok := d.Root(name)
		if !ok {
			continue
		}
		if k, ok := kinds[name]; ok {
			t = t.As(k)
		}
		if v := readTree(t, budget); v != any(lib0.Undefined{}) && name != prototypeKey {
			roots = append(roots, lib0.Member{Key: name, Value: v})
		}
	}
	return roots
}

// treeFrame is a list or a map that is begun.
type treeFrame struct {
	doc     *Doc
	next    uint32 // in its list
	list    []any
	isMap   bool
	members lib0.Object
	attrs   []xmlAttr // of a map: the keys not read yet
}

// readTree is Type.JSON without recursion.
func readTree(t Type, budget *budget) any {
	xml := xmlWriter{budget: budget}
	var open []treeFrame
	// begin gives what a type becomes, unless that has to be read first.
	begin := func(t Type) (v any, done bool) {
		switch t.ReadAs() {
		case KindArray:
			open = append(open, treeFrame{doc: t.doc, next: t.start(), list: []any{}})
			return nil, false
		case KindMap, KindXMLHook:
			attrs := t.attrs()
			open = append(open, treeFrame{doc: t.doc, isMap: true, attrs: attrs, members: make(lib0.Object, 0, len(attrs))})
			return nil, false
		case KindUnknown:
			return lib0.Undefined{}, true
		}
		xml.b = xml.b[:0]
		return string(xml.write(t)), true
	}
	v, done := begin(t)
	for {
		if done {
			if len(open) == 0 {
				return v
			}
			open[len(open)-1].add(v)
		}
		f := &open[len(open)-1]
		i, more := f.step()
		switch {
		case !more:
			v, done = f.list, true
			if f.isMap {
				v = f.members
			}
			open[len(open)-1] = treeFrame{}
			open = open[:len(open)-1]
		case i == 0:
			done = false
		default:
			v, done = begin(f.doc.single(i).(Type))
		}
	}
}

// add takes in what a nested type became.
func (f *treeFrame) add(v any) {
	if !f.isMap {
		f.list = append(f.list, v)
		return
	}
	f.members[len(f.members)-1].Value = v
}

// step reads the next item or key. If that is a nested type, it gives the item.
func (f *treeFrame) step() (nested uint32, more bool) {
	var i uint32
	if f.isMap {
		if len(f.attrs) == 0 {
			return 0, false
		}
		f.members = append(f.members, lib0.Member{Key: f.attrs[0].key})
		i, f.attrs = f.attrs[0].item, f.attrs[1:]
	} else {
		if f.next == 0 {
			return 0, false
		}
		i = f.next
		f.next = f.doc.item(i).right
	}
	it := f.doc.item(i)
	switch {
	case !f.isMap && !it.visible():
	case it.kind() == contentType:
		return i, true
	case f.isMap:
		f.members[len(f.members)-1].Value = f.doc.last(i)
	default:
		f.doc.values(i, func(v any) bool {
			f.list = append(f.list, v)
			return true
		})
	}
	return 0, true
}
