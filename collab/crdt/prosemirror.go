package crdt

import (
	"strings"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// ProseMirror gives the document that an XmlFragment holds as ProseMirror's JSON,
// as y-prosemirror's yXmlFragmentToProsemirrorJSON does: elements are nodes,
// texts are text nodes with a mark for each format. A format that may overlap
// itself is stored under the mark's name and a hash; here it has the mark's name.
//
// It differs where that function fails or gives what ProseMirror can't read: texts
// directly in the fragment are nodes of the document, not lists of nodes, and what
// is neither an element nor a text is left out, with embeds and types in texts.
func ProseMirror(t Type) any {
	type frame struct {
		doc     *Doc
		next    uint32
		node    lib0.Object // its content is added in the end
		content []any
	}
	budget := newBudget()
	open := []frame{{doc: t.doc, next: t.start(), node: lib0.Object{{Key: "type", Value: "doc"}}}}
	for {
		f := &open[len(open)-1]
		if f.next == 0 {
			node := f.node
			if len(f.content) > 0 || len(open) == 1 {
				if f.content == nil {
					f.content = []any{}
				}
				node = append(node, lib0.Member{Key: "content", Value: f.content})
			}
			open[len(open)-1] = frame{}
			open = open[:len(open)-1]
			if len(open) == 0 {
				return node
			}
			f = &open[len(open)-1]
			f.content = append(f.content, node)
			continue
		}
		it := f.doc.item(f.next)
		f.next = it.right
		if it.isDeleted() || it.kind() != contentType {
			continue
		}
		child := Type{doc: f.doc, typ: it.holds}
		switch child.Kind() {
		case KindXMLText:
			f.content = appendTextNodes(f.content, child, budget)
		case KindXMLElement:
			node := lib0.Object{{Key: "type", Value: child.Name()}}
			if attrs := child.attributes(budget); len(attrs) > 0 {
				node = append(node, lib0.Member{Key: "attrs", Value: attrs})
			}
			open = append(open, frame{doc: f.doc, next: child.start(), node: node})
		}
	}
}

// attributes gives an element's attributes as getAttributes does, sorted by key,
// with nested types as their JSON.
func (t Type) attributes(budget *budget) lib0.Object {
	var attributes lib0.Object
	for _, a := range t.attrs() {
		v := t.doc.last(a.item)
		if nested, ok := v.(Type); ok {
			v = readTree(nested, budget)
		}
		attributes = append(attributes, lib0.Member{Key: a.key, Value: v})
	}
	return attributes
}

// appendTextNodes appends the text nodes of an XmlText.
func appendTextNodes(nodes []any, t Type, budget *budget) []any {
	for op := range t.ops(budget) {
		s, ok := op.Insert.(string)
		if !ok {
			continue
		}
		node := lib0.Object{{Key: "type", Value: "text"}, {Key: "text", Value: s}}
		if len(op.Attributes) > 0 {
			marks := make([]any, 0, len(op.Attributes))
			for _, a := range inJavaScriptOrder(op.Attributes) {
				marks = append(marks, lib0.Object{{Key: "type", Value: markName(a.Key)}, {Key: "attrs", Value: a.Value}})
			}
			node = append(node, lib0.Member{Key: "marks", Value: marks})
		}
		nodes = append(nodes, node)
	}
	return nodes
}

// markName takes the hash off the name under which a mark that may overlap itself
// is stored: two hyphens and eight characters of base64.
func markName(format string) string {
	const hash = 8
	at := len(format) - hash - len("--")
	if at < 0 || format[at:at+2] != "--" {
		return format
	}
	for _, c := range []byte(format[at+2:]) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("+/=", c) >= 0) {
			return format
		}
	}
	return format[:at]
}
