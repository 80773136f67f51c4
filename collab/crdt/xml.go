package crdt

import (
	"slices"
	"strings"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// XML gives a type as the toString of Yjs's XML types writes it: of an element
// its name in lower case, its attributes sorted by key and its children, of a
// fragment its children, of an XmlText its text with each format as an element.
// Yjs escapes nothing, so this is no markup to hand to a browser. A Y.Text gives
// its characters; other types are JavaScript objects without a toString of their
// own: "[object Object]". The bound on formats is that of Delta.
func (t Type) XML() string {
	w := xmlWriter{budget: newBudget()}
	return string(w.write(t))
}

// xmlWriter writes types without recursion.
type xmlWriter struct {
	b      []byte
	open   []xmlFrame
	budget *budget
}

// xmlFrame is a type that is begun: an element, a fragment or an XmlText.
type xmlFrame struct {
	doc   *Doc
	next  uint32    // in its list
	name  string    // of an element
	tag   bool      // an element
	attrs []xmlAttr // of an element, not written yet
	head  bool      // of an element, not ended yet
	text  *xmlText  // of an XmlText
	after string    // to write when a type inside has been written
}

type xmlAttr struct {
	key  string
	item uint32
}

// xmlText is the state of an XmlText: the formats, what they write before and
// behind a stretch of text, and whether one is begun.
type xmlText struct {
	formats
	before, behind string
	known          bool // before and behind are those of formats
	begun          bool
}

// write appends a type; what the writer had before stays.
func (w *xmlWriter) write(t Type) []byte {
	depth := len(w.open)
	w.enter(t)
	for len(w.open) > depth {
		f := &w.open[len(w.open)-1]
		w.b = append(w.b, f.after...)
		f.after = ""
		switch {
		case f.head:
			w.attribute(f)
		case f.text != nil:
			w.stretch(f)
		default:
			w.child(f)
		}
	}
	return w.b
}

// enter begins a type.
func (w *xmlWriter) enter(t Type) {
	switch t.ReadAs() {
	case KindText:
		w.b = t.appendText(w.b)
	case KindXMLText:
		w.open = append(w.open, xmlFrame{doc: t.doc, next: t.start(), text: &xmlText{formats: formats{budget: w.budget}}})
	case KindXMLFragment, KindUnknown:
		w.open = append(w.open, xmlFrame{doc: t.doc, next: t.start()})
	case KindXMLElement:
		name := strings.ToLower(t.Name())
		w.b = append(append(w.b, '<'), name...)
		w.open = append(w.open, xmlFrame{doc: t.doc, next: t.start(), name: name, tag: true, attrs: t.attrs(), head: true})
	default:
		w.b = append(w.b, objectText...)
	}
}

const objectText = "[object Object]"

// attrs gives the keys that have a value, sorted, with their items.
func (t Type) attrs() []xmlAttr {
	var attrs []xmlAttr
	for k, i := range t.keyed() {
		if !t.doc.item(i).isDeleted() {
			if key := t.doc.keyName(k); key != prototypeKey {
				attrs = append(attrs, xmlAttr{key, i})
			}
		}
	}
	slices.SortFunc(attrs, func(a, b xmlAttr) int { return compareUTF16(a.key, b.key) })
	return attrs
}

// attribute writes the next attribute of an element, or ends its head.
func (w *xmlWriter) attribute(f *xmlFrame) {
	if len(f.attrs) == 0 {
		f.head = false
		w.b = append(w.b, '>')
		return
	}
	a := f.attrs[0]
	f.attrs = f.attrs[1:]
	w.b = append(append(append(w.b, ' '), a.key...), `="`...)
	switch v := f.doc.last(a.item).(type) {
	case Type:
		f.after = `"`
		w.enter(v)
	default:
		w.b = append(appendAsString(w.b, v), '"')
	}
}

// child writes what the next item of an element or a fragment holds, or its end.
func (w *xmlWriter) child(f *xmlFrame) {
	if f.next == 0 {
		if f.tag {
			w.b = append(append(append(w.b, "</"...), f.name...), '>')
		}
		w.leave()
		return
	}
	i := f.next
	it := f.doc.item(i)
	f.next = it.right
	switch {
	case !it.visible():
	case it.kind() == contentType:
		w.enter(Type{doc: f.doc, typ: it.holds})
	case it.kind() == contentString:
		w.b = append(w.b, f.doc.body(it)...) // unit by unit it would break pairs
	default:
		f.doc.values(i, func(v any) bool {
			w.b = appendAsString(w.b, v)
			return true
		})
	}
}

// stretch writes what the next item of an XmlText holds, or its end.
func (w *xmlWriter) stretch(f *xmlFrame) {
	t := f.text
	if f.next == 0 {
		w.end(t)
		w.leave()
		return
	}
	i := f.next
	it := f.doc.item(i)
	f.next = it.right
	if it.isDeleted() {
		return
	}
	switch it.kind() {
	case contentString:
		if t.has(ychange) {
			w.end(t)
			t.known = false
			t.set(ychange, nil)
		}
		w.begin(t)
		s := f.doc.body(it)
		w.budget.earn(len(s))
		w.b = append(w.b, s...)
	case contentEmbed:
		w.end(t)
		w.begin(t)
		w.b = appendAsString(w.b, f.doc.single(i))
		w.end(t)
	case contentType:
		w.end(t)
		w.begin(t)
		t.begun = false
		f.after = t.behind
		w.enter(Type{doc: f.doc, typ: it.holds})
	case contentFormat:
		w.end(t)
		t.known = false
		t.apply(f.doc.body(it))
	}
}

func (w *xmlWriter) leave() {
	w.open[len(w.open)-1] = xmlFrame{}
	w.open = w.open[:len(w.open)-1]
}

// begin makes sure that a stretch is begun.
func (w *xmlWriter) begin(t *xmlText) {
	if t.begun {
		return
	}
	t.begun = true
	if !t.known {
		t.before, t.behind = t.markup()
		t.known = true
	}
	if !w.budget.spend(len(t.before) + len(t.behind)) {
		t.before, t.behind = "", ""
	}
	w.b = append(w.b, t.before...)
}

// end makes sure that none is.
func (w *xmlWriter) end(t *xmlText) {
	if t.begun {
		t.begun = false
		w.b = append(w.b, t.behind...)
	}
}

// markup gives what the formats write before and behind a stretch: elements named
// like the formats, sorted, with the members of their values as attributes.
func (t *xmlText) markup() (before, behind string) {
	attributes := slices.Clone(t.attributes())
	if len(attributes) == 0 {
		return "", ""
	}
	slices.SortFunc(attributes, func(a, b lib0.Member) int { return compareUTF16(a.Key, b.Key) })
	var b []byte
	for _, a := range attributes {
		from := len(b)
		b = append(append(b, '<'), a.Key...)
		if !t.budget.spend(budgetPerKey * enumerable(a.Value)) {
			return "", ""
		}
		for _, m := range enumerated(a.Value) {
			b = append(append(append(b, ' '), m.Key...), `="`...)
			b = append(appendAsString(b, m.Value), '"')
		}
		b = append(b, '>')
		if !t.budget.spend(len(a.Key) + len(b) - from) {
			return "", ""
		}
	}
	before = string(b)
	b = b[:0]
	for _, a := range slices.Backward(attributes) {
		b = append(append(append(b, "</"...), a.Key...), '>')
	}
	return before, string(b)
}

// enumerable is how many members enumerated gives, or somewhat more.
func enumerable(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []any:
		return len(v)
	case lib0.Object:
		return len(v)
	}
	return 0
}

// enumerated gives what JavaScript's for-in finds in a value, sorted by key: an
// object's members, or the indexes of a list or of a string.
func enumerated(v any) lib0.Object {
	var members lib0.Object
	index := func(v any) bool {
		members = append(members, lib0.Member{Key: string(appendNumber(nil, float64(len(members)))), Value: v})
		return true
	}
	switch v := v.(type) {
	case string:
		eachUnit(v, index)
	case []any:
		for _, e := range v {
			index(e)
		}
	case lib0.Object:
		members = slices.Clone(v)
	}
	slices.SortFunc(members, func(a, b lib0.Member) int { return compareUTF16(a.Key, b.Key) })
	return members
}
