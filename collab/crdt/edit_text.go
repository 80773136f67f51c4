package crdt

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// InsertText puts text into a KindText or KindXMLText before the UTF-16 unit at
// index. With attrs nil it takes the formats of what is before it, otherwise it
// has exactly those of attrs; a format of nil ends one.
func (tx *Tx) InsertText(t Type, index int, s string, attrs lib0.Object) error {
	if err := tx.open(t, textKinds, "insert text"); err != nil {
		return tx.fail(err)
	}
	c, err := newText(s)
	if err != nil {
		return tx.fail(err)
	}
	return tx.fail(tx.insertInText(t, index, c, attrs, attrs == nil))
}

// InsertEmbed puts an embed, a value that JSON can hold, into a text. It has
// exactly the formats of attrs, without attrs none. A string is inserted as text,
// as Yjs does it.
func (tx *Tx) InsertEmbed(t Type, index int, v any, attrs lib0.Object) error {
	if err := tx.open(t, textKinds, "insert an embed"); err != nil {
		return tx.fail(err)
	}
	c, err := embedContent(v)
	if err != nil {
		return tx.fail(err)
	}
	return tx.fail(tx.insertEmbed(t, index, c, attrs))
}

func (tx *Tx) insertEmbed(t Type, index int, c content, attrs lib0.Object) error {
	return tx.insertInText(t, index, c, attrs, false)
}

// insertInText puts content into a text, with the formats before it if inherit is
// set, otherwise with those of attrs.
func (tx *Tx) insertInText(t Type, index int, c content, attrs lib0.Object, inherit bool) error {
	wanted, err := wantedAttributes(attrs)
	if err != nil {
		return err
	}
	p, err := tx.place(t, index)
	if err != nil || c.length == 0 {
		return err
	}
	if inherit {
		for _, a := range p.current {
			wanted.setProperty(a)
		}
	}
	if err := tx.roomForText(&p, c, wanted); err != nil {
		return err
	}
	tx.insertText(t.typ, &p, c, wanted)
	return nil
}

// roomForText says whether there are clocks for content and all formats around it.
func (tx *Tx) roomForText(p *position, c content, wanted attributes) error {
	return tx.room(uint64(c.length) + 2*uint64(len(p.current)+len(wanted)))
}

// Format gives n elements of a text, from index on, the formats of attrs; a format
// of nil ends one. The range must lie within the text.
func (tx *Tx) Format(t Type, index, n int, attrs lib0.Object) error {
	if err := tx.open(t, textKinds, "format"); err != nil {
		return tx.fail(err)
	}
	wanted, err := wantedAttributes(attrs)
	if err != nil {
		return tx.fail(err)
	}
	if n < 0 {
		return tx.fail(editError("format %d elements", n))
	}
	p, err := tx.place(t, index)
	if err != nil || n == 0 {
		return tx.fail(err)
	}
	lacking, err := tx.d.measure(p.right, n, isFormatted)
	if err != nil {
		return tx.fail(err)
	}
	if lacking > 0 {
		return tx.fail(editError("format %d elements from %d on: out of range", n, index))
	}
	if err := tx.roomForText(&p, content{}, wanted); err != nil {
		return tx.fail(err)
	}
	tx.formatText(t.typ, &p, n, wanted)
	return nil
}

// isText says whether an item is what deleteText deletes.
func isText(it *item) bool {
	k := it.kind()
	return k == contentString || k == contentEmbed || k == contentType
}

// isFormatted says whether an item is what formatText counts.
func isFormatted(it *item) bool { return it.kind() != contentFormat }

// Change is one operation of a delta that is applied: an insertion, or if Insert
// is nil a Retain, or if that is 0 a Delete. Insert is a string or an embed.
// Attributes are those that an insertion has, or that what is retained gets.
type Change struct {
	Retain, Delete int
	Insert         any
	Attributes     lib0.Object
}

// ApplyDelta applies a delta to a text from its beginning on (Y.Text.applyDelta). As
// in Yjs, more may be deleted than there is, and retaining more than there is adds
// line breaks, of which 65,536 at most are taken at a time.
func (tx *Tx) ApplyDelta(t Type, delta []Change) error {
	if err := tx.open(t, textKinds, "apply a delta"); err != nil {
		return tx.fail(err)
	}
	p := position{right: tx.d.typ(t.typ).start}
	for i, c := range delta {
		wanted, err := wantedAttributes(c.Attributes)
		if err != nil {
			return tx.fail(err)
		}
		if i == 0 && c.Insert == nil && c.Retain > 0 && len(wanted) == 0 {
			// The same place, found faster.
			if far, err := tx.d.seek(t.typ, c.Retain); err == nil {
				p = far
				p.current = p.current.clone()
				continue
			}
		}
		if err := tx.applyChange(t, &p, c, wanted); err != nil {
			return tx.fail(err)
		}
	}
	return nil
}

func (tx *Tx) applyChange(t Type, p *position, c Change, wanted attributes) error {
	switch {
	case c.Insert != nil:
		insert, err := embedContent(c.Insert)
		if err != nil || insert.length == 0 {
			return err
		}
		if err := tx.roomForText(p, insert, wanted); err != nil {
			return err
		}
		tx.insertText(t.typ, p, insert, wanted)
	case c.Retain < 0 || c.Delete < 0:
		return editError("retain %d, delete %d elements", c.Retain, c.Delete)
	case c.Retain > 0:
		more, err := tx.d.measure(p.right, c.Retain, isFormatted)
		if err != nil {
			return err
		}
		if more > lineBreaks {
			return editError("retain %d elements more than there are", more)
		}
		if err := tx.roomForText(p, content{length: uint32(more)}, wanted); err != nil {
			return err
		}
		tx.formatText(t.typ, p, c.Retain, wanted)
	case c.Delete > 0:
		if _, err := tx.d.measure(p.right, c.Delete, isText); err != nil {
			return err
		}
		tx.deleteText(t.typ, p, c.Delete)
	}
	return nil
}

// newText makes a ContentString, of length 0 for an empty string.
func newText(s string) (content, error) {
	switch {
	case len(s) > maxInsert:
		return content{}, editError("%d bytes of text at once", len(s))
	case !utf8.ValidString(s):
		return content{}, editError("text is not UTF-8")
	}
	return textContent(s), nil
}

// embedContent makes a ContentEmbed, or for a string text.
func embedContent(v any) (content, error) {
	if s, ok := v.(string); ok {
		return newText(s)
	}
	if v == nil {
		return content{}, editError("an embed of nothing")
	}
	body, err := appendJSONValue(nil, v)
	return content{contentEmbed, body, 1}, err
}

// formatContent makes a ContentFormat of an attribute that was checked.
func formatContent(a attribute) content {
	body := lib0.AppendVarString(nil, a.key)
	return content{contentFormat, lib0.AppendVarBytes(body, AppendJSON(nil, a.value)), 1}
}

// wantedAttributes checks formats and puts them into the order in which JavaScript
// goes through them.
func wantedAttributes(attrs lib0.Object) (attributes, error) {
	var wanted attributes
	for _, m := range attrs {
		if !utf8.ValidString(m.Key) {
			return nil, editError("a format's name is not UTF-8")
		}
		if _, err := appendJSONValue(nil, m.Value); err != nil {
			return nil, err
		}
		wanted.setProperty(attribute{key: m.Key, value: m.Value})
	}
	return wanted, nil
}

// appendJSONValue appends a value as JSON, with its length before it, as the wire
// has formats and embeds.
func appendJSONValue(dst []byte, v any) ([]byte, error) {
	if !plain(v, 0) {
		return nil, editError("JSON can't hold a value of type %T, or what is in it", v)
	}
	text := AppendJSON(nil, v)
	if len(text) > maxInsert {
		return nil, editError("%d bytes in one value", len(text))
	}
	if jsonDepth(text) > lib0.MaxAnyDepth || !utf8.Valid(text) || !json.Valid(text) {
		return nil, editError("a value is no JSON")
	}
	return lib0.AppendVarBytes(dst, text), nil
}

// plain says whether JSON can hold a value: it has no bytes, BigInts, types or
// subdocuments, undefined only within objects and lists.
func plain(v any, depth int) bool {
	if depth > lib0.MaxAnyDepth {
		return false
	}
	switch v := v.(type) {
	case nil, bool:
		return true
	case string:
		return utf8.ValidString(v)
	case lib0.Undefined:
		return depth > 0
	case []any:
		for _, e := range v {
			if !plain(e, depth+1) {
				return false
			}
		}
		return true
	case lib0.Object:
		for _, m := range v {
			if !utf8.ValidString(m.Key) || !plain(m.Value, depth+1) {
				return false
			}
		}
		return true
	}
	_, ok := number(v)
	return ok
}
