package api

import (
	"fmt"
	"html"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"github.com/bizsync/bizsync/collab/crdt/richtext"
	"github.com/bizsync/bizsync/store"
)

// Formats of content that are made of the integrated document.
const (
	formatMarkdown = "markdown"
	formatHTML     = "html"
	formatJSON     = "json"
)

// render gives a root of the content in a format, with its media type. What the root is shows in what it holds; an empty one is what the document's kind says. The
// error is crdt.ErrTangled, or that the content can't be read.
func render(c collab.Content, kind store.DocumentKind, field, format string) (mediaType string, body []byte, err error) {
	u, err := crdt.ParseUpdate(c.Update)
	if err != nil {
		return "", nil, fmt.Errorf("read content: %w", err)
	}
	state := crdt.NewState()
	state.Apply(u)
	d, err := crdt.NewDoc(state)
	if err != nil {
		return "", nil, fmt.Errorf("read content: %w", err)
	}
	if field == "" {
		field = "default"
		if roots := d.Roots(); len(roots) == 1 {
			field = roots[0]
		}
	}
	root, _ := d.Root(field)
	is := root.ReadAs()
	if is == crdt.KindUnknown {
		is = crdt.KindXMLFragment
		if kind == store.KindText {
			is = crdt.KindText
		}
	}
	root = root.As(is)
	switch format {
	case formatMarkdown:
		text := root.String()
		if is == crdt.KindXMLFragment {
			text = richtext.Markdown(root)
		}
		return "text/markdown; charset=utf-8", []byte(text), nil
	case formatHTML:
		text := "<pre>" + html.EscapeString(root.String()) + "</pre>"
		if is == crdt.KindXMLFragment {
			text = richtext.HTML(root)
		}
		return "text/html; charset=utf-8", []byte(text), nil
	}
	return "application/json", crdt.AppendJSON(nil, asJSON(root)), nil
}

// asJSON gives a root as a value: a rich document as ProseMirror's JSON, a text as its delta, anything else as Yjs's toJSON.
func asJSON(root crdt.Type) any {
	switch root.Kind() {
	case crdt.KindXMLFragment:
		return crdt.ProseMirror(root)
	case crdt.KindText:
		ops := []any{}
		for _, op := range root.Delta() {
			o := lib0.Object{{Key: "insert", Value: op.Insert}}
			if op.Attributes != nil {
				o = append(o, lib0.Member{Key: "attributes", Value: op.Attributes})
			}
			ops = append(ops, o)
		}
		return ops
	}
	return root.JSON()
}
