package crdt

import (
	"unicode/utf8"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// Root gives the root type of a name, read as kind, and makes it if there is none
// yet. A root in which nothing is put leaves no trace in the document's State.
func (tx *Tx) Root(name string, kind Kind) Type {
	d := tx.d
	t, ok := d.rootType(name)
	if !ok {
		if !utf8.ValidString(name) {
			_ = tx.fail(editError("the name of a root type is not UTF-8"))
			return Type{}
		}
		t = d.root([]byte(name))
		tx.newRoots = true
	}
	tx.keepName(t, name)
	return Type{doc: d, typ: t}.As(kind)
}

func (tx *Tx) keepName(t int32, name string) {
	if tx.rootNames == nil {
		tx.rootNames = make(map[int32]string)
	}
	tx.rootNames[t] = name
}

// rootName gives the name of a root type, which one has that was not taken back.
func (tx *Tx) rootName(t int32) (string, bool) {
	name, ok := tx.rootNames[t]
	if !ok {
		if name, ok = tx.d.rootName(t); ok {
			tx.keepName(t, name)
		}
	}
	return name, ok
}

// kinds is a set of kinds of types.
type kinds uint16

func (k kinds) has(kind Kind) bool { return kind <= KindXMLText && k&(1<<kind) != 0 }

const (
	textKinds  kinds = 1<<KindText | 1<<KindXMLText
	xmlKinds   kinds = 1<<KindXMLFragment | 1<<KindXMLElement
	arrayKinds kinds = 1 << KindArray
	listKinds        = textKinds | xmlKinds | arrayKinds
	keyKinds   kinds = 1<<KindMap | 1<<KindXMLElement | 1<<KindXMLHook | textKinds
)

// open checks that something can be done with a type.
func (tx *Tx) open(t Type, allowed kinds, what string) error {
	switch {
	case tx.err != nil:
		return tx.err
	case tx.d.edits.active != tx:
		return editError("%s outside a transaction", what)
	case t.doc != tx.d:
		return editError("%s in a type of another document", what)
	case t.Deleted():
		return editError("%s in a type that is deleted", what)
	case !allowed.has(t.Kind()):
		return editError("%s in a type of kind %d", what, t.Kind())
	}
	if t.holder() == 0 {
		if _, ok := tx.rootName(t.typ); !ok {
			return editError("%s in a type whose making was taken back", what)
		}
	}
	return nil
}

// place finds a place by index in a list.
func (tx *Tx) place(t Type, index int) (position, error) {
	p, err := tx.d.seek(t.typ, index)
	p.current = p.current.clone()
	return p, err
}

// Insert puts values into a KindArray, the first at index: nil, bool, numbers,
// strings, lib0.Object, []any, lib0.BigInt and lib0.Undefined as Yjs's ContentAny,
// those that follow each other as one; []byte as ContentBinary, a Subdoc as
// ContentDoc. Types are inserted by InsertType.
func (tx *Tx) Insert(t Type, index int, values ...any) error {
	if err := tx.open(t, arrayKinds, "insert values"); err != nil {
		return tx.fail(err)
	}
	contents, err := packContents(values)
	if err != nil {
		return tx.fail(err)
	}
	return tx.fail(tx.insertList(t, index, contents))
}

// insertList puts contents into a list (Yjs: typeListInsertGenerics).
func (tx *Tx) insertList(t Type, index int, contents []content) error {
	total := uint64(0)
	for _, c := range contents {
		total += uint64(c.length)
	}
	if err := tx.room(total); err != nil {
		return err
	}
	p, err := tx.place(t, index)
	if err != nil || total == 0 {
		return err
	}
	tx.d.markers(t.typ).shift(index, int(total))
	left := p.left
	for _, c := range contents {
		left = tx.insert(t.typ, left, p.right, 0, c)
	}
	return nil
}

// InsertType puts a new, empty type into a list at index: any kind into a
// KindArray, XML kinds into an XmlFragment or XmlElement, and into a text as an
// embed without formats. name is the node name of an XmlElement or the hook name
// of an XmlHook, and "" for others.
func (tx *Tx) InsertType(t Type, index int, kind Kind, name string) (Type, error) {
	if err := tx.open(t, listKinds, "insert a type"); err != nil {
		return Type{}, tx.fail(err)
	}
	if xmlKinds.has(t.Kind()) && kind < KindXMLElement {
		return Type{}, tx.fail(editError("a type of kind %d among XML", kind))
	}
	c, err := typeContent(kind, name)
	if err != nil {
		return Type{}, tx.fail(err)
	}
	if textKinds.has(t.Kind()) {
		err = tx.insertEmbed(t, index, c, nil)
	} else {
		err = tx.insertList(t, index, []content{c})
	}
	if err != nil {
		return Type{}, tx.fail(err)
	}
	return Type{doc: tx.d, typ: tx.newType}, nil
}

// Delete deletes n elements of a list from index on: UTF-16 units, embeds and types
// of a text, values of an array, nodes of XML. A text loses formats that have become
// needless there, too. The range must lie within the list.
func (tx *Tx) Delete(t Type, index, n int) error {
	if err := tx.open(t, listKinds, "delete"); err != nil {
		return tx.fail(err)
	}
	if n < 0 {
		return tx.fail(editError("delete %d elements", n))
	}
	p, err := tx.place(t, index)
	if err != nil || n == 0 {
		return tx.fail(err)
	}
	text := textKinds.has(t.Kind())
	counts := func(*item) bool { return true }
	if text {
		counts = isText
	}
	lacking, err := tx.d.measure(p.right, n, counts)
	if err != nil {
		return tx.fail(err)
	}
	if lacking > 0 {
		return tx.fail(editError("delete %d elements from %d on: out of range", n, index))
	}
	if text {
		tx.deleteText(t.typ, &p, n)
	} else {
		tx.deleteList(t.typ, p, n)
	}
	return nil
}

// deleteList deletes n elements behind a position (Yjs: typeListDelete).
func (tx *Tx) deleteList(t int32, p position, n int) {
	d := tx.d
	d.markers(t).cut(p.index, n)
	for i := p.right; n > 0; i = d.item(i).right {
		it := d.item(i)
		if it.isDeleted() {
			continue
		}
		if n < int(it.length) {
			d.cleanStart(d.idAt(it, uint32(n)))
		}
		n -= int(d.item(i).length)
		tx.delete(i)
	}
}

// Set sets a key of a KindMap or KindXMLHook, or an attribute of an XmlElement or
// a text. Values are those of Insert.
func (tx *Tx) Set(t Type, key string, v any) error {
	if err := tx.open(t, keyKinds, "set a key"); err != nil {
		return tx.fail(err)
	}
	contents, err := packContents([]any{v})
	if err != nil {
		return tx.fail(err)
	}
	return tx.fail(tx.set(t, key, contents[0]))
}

// set is Yjs's typeMapSet.
func (tx *Tx) set(t Type, key string, c content) error {
	if !utf8.ValidString(key) {
		return editError("a key is not UTF-8")
	}
	if err := tx.room(uint64(c.length)); err != nil {
		return err
	}
	k := tx.d.key([]byte(key))
	tx.insert(t.typ, tx.d.typ(t.typ).values[k], 0, k, c)
	return nil
}

// SetType sets a key, as Set does, to a new, empty type; name is as in InsertType.
func (tx *Tx) SetType(t Type, key string, kind Kind, name string) (Type, error) {
	if err := tx.open(t, keyKinds, "set a key"); err != nil {
		return Type{}, tx.fail(err)
	}
	c, err := typeContent(kind, name)
	if err == nil {
		err = tx.set(t, key, c)
	}
	if err != nil {
		return Type{}, tx.fail(err)
	}
	return Type{doc: tx.d, typ: tx.newType}, nil
}

// Unset deletes a key or an attribute; one that isn't there is no error.
func (tx *Tx) Unset(t Type, key string) error {
	if err := tx.open(t, keyKinds, "unset a key"); err != nil {
		return tx.fail(err)
	}
	if k, ok := tx.d.keys[key]; ok {
		if i := tx.d.typ(t.typ).values[k]; i != 0 {
			tx.delete(i)
		}
	}
	return nil
}

// packContents chooses the contents for values, as Yjs's
// typeListInsertGenericsAfter does.
func packContents(values []any) ([]content, error) {
	var contents []content
	for _, v := range values {
		switch v := v.(type) {
		case []byte:
			if len(v) > maxInsert {
				return nil, editError("%d bytes in one value", len(v))
			}
			contents = append(contents, content{contentBinary, lib0.AppendVarBytes(nil, v), 1})
		case Subdoc:
			c, err := subdocContent(v)
			if err != nil {
				return nil, err
			}
			contents = append(contents, c)
		default:
			last := len(contents) - 1
			if last < 0 || contents[last].kind != contentAny {
				contents = append(contents, content{kind: contentAny})
				last++
			}
			c := &contents[last]
			var err error
			if c.body, err = appendValue(c.body, v); err != nil {
				return nil, err
			}
			c.length++
		}
	}
	return contents, nil
}

// appendValue appends an any-value that passes the check of ParseUpdate.
func appendValue(dst []byte, v any) ([]byte, error) {
	start := len(dst)
	dst, err := lib0.AppendAny(dst, v)
	if err != nil {
		return nil, editError("%w", err)
	}
	if len(dst)-start > maxInsert {
		return nil, editError("%d bytes in one value", len(dst)-start)
	}
	d := lib0.Over(dst, start)
	if err := d.SkipAny(); err != nil {
		return nil, editError("%w", err)
	}
	return dst, nil
}

func subdocContent(s Subdoc) (content, error) {
	if !utf8.ValidString(s.GUID) {
		return content{}, editError("the GUID of a subdocument is not UTF-8")
	}
	options := s.Options
	if options == nil {
		options = lib0.Object{}
	}
	if _, ok := options.(lib0.Object); !ok {
		return content{}, editError("the options of a subdocument are no object")
	}
	body, err := appendValue(lib0.AppendVarString(nil, s.GUID), options)
	return content{contentDoc, body, 1}, err
}

func typeContent(kind Kind, name string) (content, error) {
	named := kind == KindXMLElement || kind == KindXMLHook
	switch {
	case kind > KindXMLText:
		return content{}, editError("no type has the kind %d", kind)
	case !named && name != "":
		return content{}, editError("a type of kind %d has no name", kind)
	case !utf8.ValidString(name):
		return content{}, editError("the name of a type is not UTF-8")
	}
	body := []byte{byte(kind)}
	if named {
		body = lib0.AppendVarString(body, name)
	}
	return content{contentType, body, 1}, nil
}
