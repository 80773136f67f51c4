// Package richtext writes documents that ProseMirror or TipTap editors keep in a Yjs XmlFragment as Markdown and as HTML.
package richtext

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// maxDepth bounds how deep the nodes that are written as what they are may be
// nested, and with it the stack and the indentation of Markdown. Of a node below
// only the text is left.
const maxDepth = 100

// node is a node of ProseMirror's JSON.
type node struct {
	kind    string
	attrs   lib0.Object
	text    string
	marks   []mark
	content []any
}

// mark is a format of a text.
type mark struct {
	kind  string
	attrs lib0.Object
}

// read gives a value of crdt.ProseMirror's as a node.
func read(v any) node {
	o, _ := v.(lib0.Object)
	n := node{kind: text(o, "type"), text: text(o, "text")}
	n.attrs, _ = get(o, "attrs").(lib0.Object)
	n.content, _ = get(o, "content").([]any)
	marks, _ := get(o, "marks").([]any)
	for _, m := range marks {
		o, _ := m.(lib0.Object)
		attrs, _ := get(o, "attrs").(lib0.Object)
		n.marks = append(n.marks, mark{kind: text(o, "type"), attrs: attrs})
	}
	slices.SortStableFunc(n.marks, func(a, b mark) int { return cmp.Compare(rank(a.kind), rank(b.kind)) })
	return n
}

// document gives the document that an XmlFragment holds.
func document(t crdt.Type) node { return read(crdt.ProseMirror(t)) }

// rank orders marks from the outermost to the innermost, whatever the order in
// which they were put on.
func rank(kind string) int {
	order := [...]string{"link", "bold", "italic", "strike", "underline", "highlight", "subscript", "superscript", "code"}
	i := slices.Index(order[:], kind)
	if i < 0 {
		return len(order)
	}
	return i
}

func (m mark) equal(o mark) bool {
	return m.kind == o.kind && (m.kind != "link" || m.attr("href") == o.attr("href") && m.attr("title") == o.attr("title"))
}

func (m mark) attr(key string) string { return text(m.attrs, key) }

func get(o lib0.Object, key string) any {
	for _, m := range o {
		if m.Key == key {
			return m.Value
		}
	}
	return nil
}

// text gives a member that is a string, or "".
func text(o lib0.Object, key string) string {
	s, _ := get(o, key).(string)
	return s
}

// number gives a member that is a whole number within bounds, else 1.
func number(o lib0.Object, key string, least, most int) int {
	f, ok := get(o, key).(float64)
	if !ok || f != f || f < float64(least) || f > float64(most) {
		return 1
	}
	return int(f)
}

// isInline says whether a node stands in a line.
func (n node) isInline() bool {
	return n.kind == "text" || n.kind == "hardBreak"
}

// holdsInline says whether a node's content is a line of text.
func (n node) holdsInline() bool {
	return slices.ContainsFunc(n.content, func(v any) bool { return read(v).isInline() })
}

// plain gives the text of nodes, without recursion: blocks are divided by line
// breaks.
func plain(nodes []any) string {
	var b strings.Builder
	open := [][]any{nodes}
	for len(open) > 0 {
		rest := open[len(open)-1]
		if len(rest) == 0 {
			open = open[:len(open)-1]
			continue
		}
		open[len(open)-1] = rest[1:]
		switch n := read(rest[0]); n.kind {
		case "text":
			b.WriteString(n.text)
		case "hardBreak":
			b.WriteByte('\n')
		default:
			if s := b.String(); s != "" && !strings.HasSuffix(s, "\n") {
				b.WriteByte('\n')
			}
			open = append(open, n.content)
		}
	}
	return b.String()
}

// link gives an address that may be followed, or "". Relative ones may, and those
// of a few schemes that run nothing; what browsers overlook in an address (white
// space, control characters) is taken out first.
func link(address string) string {
	return safe(address, "http", "https", "mailto", "tel")
}

// source gives an address that an image may be shown from, or "".
func source(address string) string {
	clean := visible(address)
	for _, kind := range []string{"png", "jpeg", "gif", "webp"} {
		if prefix := "data:image/" + kind + ";"; len(clean) > len(prefix) && strings.EqualFold(clean[:len(prefix)], prefix) {
			return clean
		}
	}
	return safe(address, "http", "https")
}

func safe(address string, schemes ...string) string {
	clean := visible(address)
	end := strings.IndexAny(clean, ":/?#")
	if end < 0 || clean[end] != ':' || slices.Contains(schemes, strings.ToLower(clean[:end])) {
		return clean
	}
	return ""
}

// visible takes out what browsers overlook in an address: control characters, and
// spaces around it.
func visible(address string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, address))
}
