package crdt

import (
	"fmt"
	"strings"
)

// Text gives the plain text of a root type: the characters of a Y.Text; of a
// Y.XmlFragment the text of its block elements, one line each. Inline text is
// joined, a hardBreak element is a line break, embeds and other types count
// nothing. Deleted content is left out, an unknown root reads as "". The wire
// doesn't say which type a root is: one that has characters, formats or embeds of
// its own, not deleted, is a Y.Text.
// It integrates the whole state, each time. The error is ErrTangled.
func (s *State) Text(root string) (string, error) {
	if _, ok := s.roots[root]; !ok {
		return "", nil
	}
	d, err := NewDoc(s)
	if err != nil {
		return "", fmt.Errorf("read text: %w", err)
	}
	return d.Text(root), nil
}

// Text is State.Text of a document that is integrated already.
func (d *Doc) Text(root string) string {
	t, ok := d.roots[root]
	if !ok {
		return ""
	}
	size := 0
	for i := d.typ(t).start; i != 0; i = d.item(i).right {
		if it := d.item(i); it.kind() == contentString && !it.isDeleted() {
			size += len(d.body(it))
		}
	}
	var own strings.Builder // of the right size at once: a text can be large
	own.Grow(size)
	isText := false
	for i := d.typ(t).start; i != 0; i = d.item(i).right {
		it := d.item(i)
		if it.isDeleted() {
			// It says nothing: Encode leaves out what was deleted, and a document
			// has to read as before after it was stored and loaded.
			continue
		}
		switch it.kind() {
		case contentString:
			isText = true
			own.Write(d.body(it))
		case contentFormat, contentEmbed:
			isText = true
		}
	}
	if isText {
		return own.String()
	}
	return d.lines(t)
}

// lineWriter collects lines.
type lineWriter struct {
	b     []byte
	lines int  // finished
	open  bool // a line is begun
}

// begin makes sure that a line is open.
func (w *lineWriter) begin() {
	if w.open {
		return
	}
	if w.lines > 0 {
		w.b = append(w.b, '\n')
	}
	w.open = true
}

func (w *lineWriter) end() {
	if w.open {
		w.open = false
		w.lines++
	}
}

// lines gives the text of a fragment. It walks without recursion, however deep
// elements nest.
func (d *Doc) lines(fragment int32) string {
	// element is an element being walked: where to go on in its parent, whether
	// it is a block, and how many lines there were before it.
	type element struct {
		next  uint32
		block bool
		lines int
	}
	var w lineWriter
	var stack []element
	i := d.typ(fragment).start
	for {
		if i == 0 {
			if len(stack) == 0 {
				return string(w.b)
			}
			e := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if e.block {
				if !w.open && w.lines == e.lines {
					w.begin()
				}
				w.end()
			}
			i = e.next
			continue
		}
		it := d.item(i)
		i = it.right
		if it.isDeleted() {
			continue
		}
		switch it.kind() {
		case contentString:
			w.begin()
			w.b = append(w.b, d.body(it)...)
		case contentType:
			t := d.typ(it.holds)
			switch {
			case t.kind == typeXMLText:
				w.begin()
				stack = append(stack, element{next: i})
				i = t.start
			case t.kind == typeXMLElement && string(t.name) == "hardBreak":
				w.begin()
				w.b = append(w.b, '\n')
			case t.kind == typeXMLElement || t.kind == typeXMLFragment:
				w.end()
				stack = append(stack, element{next: i, block: true, lines: w.lines})
				i = t.start
			}
		}
	}
}
