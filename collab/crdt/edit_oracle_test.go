package crdt_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"unicode/utf16"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// call is one call of an editing method, in the form that edit.mjs plays.
type call struct {
	Do    string          `json:"do,omitempty"`
	Root  *string         `json:"root,omitempty"` // the type: a root
	ID    []uint64        `json:"id,omitempty"`   // or that of an item
	At    int             `json:"at"`
	N     int             `json:"n"`
	V     json.RawMessage `json:"v,omitempty"`
	Attrs json.RawMessage `json:"attrs,omitempty"`
	Key   string          `json:"key,omitempty"`
	Kind  crdt.Kind       `json:"kind"`
	Name  string          `json:"name,omitempty"`
	Assoc int             `json:"assoc"`
}

// step is something that happens to a peer: calls in one transaction, somebody
// else's update, or "undo" or "redo".
type step struct {
	Calls   []call `json:"calls,omitempty"`
	Receive []byte `json:"receive,omitempty"`
	Do      string `json:"do,omitempty"`
}

// peer is a client with what happens to it.
type peer struct {
	Client uint64 `json:"client"`
	Steps  []step `json:"steps"`
}

// askEdits asks edit.mjs about many programs at once.
func askEdits[A any](t testing.TB, op string, programs any) []A {
	t.Helper()
	request, err := json.Marshal(map[string]any{"op": op, "programs": programs})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "edit.mjs")
	cmd.Dir = "testdata/oracle"
	cmd.Stdin = bytes.NewReader(append(request, '\n'))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the oracle needs Node.js 20 or later (package nodejs), and `npm ci` in collab/crdt/testdata/oracle: %v\n%s", err, stderr.String())
	}
	var answer struct {
		Error   string
		Answers []A
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("edit.mjs: %v\n%s", err, stderr.String())
	}
	if answer.Error != "" {
		t.Fatalf("edit.mjs: %s", answer.Error)
	}
	return answer.Answers
}

// editRoots are the root types of edited documents, in the order of edit.mjs.
var editRoots = []struct {
	name string
	kind crdt.Kind
}{
	{"text", crdt.KindText}, {"array", crdt.KindArray}, {"map", crdt.KindMap}, {"xml", crdt.KindXMLFragment}, {"line", crdt.KindXMLText},
}

// viewDoc writes all that can be read of a document, as edit.mjs does.
func viewDoc(d *crdt.Doc) string {
	var all []any
	for _, r := range editRoots {
		t, _ := d.Root(r.name)
		all = append(all, viewType(t.As(r.kind)))
	}
	return string(crdt.AppendJSON(nil, all))
}

func viewType(t crdt.Type) any {
	keys := lib0.Object{}
	for _, k := range t.Keys() {
		v, _ := t.Get(k)
		keys = append(keys, lib0.Member{Key: k, Value: viewValue(v)})
	}
	list := []any{}
	switch t.Kind() {
	case crdt.KindText, crdt.KindXMLText:
		for _, op := range t.Delta() {
			var attrs any
			if op.Attributes != nil {
				attrs = op.Attributes
			}
			list = append(list, []any{viewValue(op.Insert), attrs})
		}
		return lib0.Object{{Key: "delta", Value: list}, {Key: "keys", Value: keys}}
	case crdt.KindMap, crdt.KindXMLHook:
		return lib0.Object{{Key: "keys", Value: keys}}
	}
	for v := range t.All() {
		list = append(list, viewValue(v))
	}
	o := lib0.Object{{Key: "list", Value: list}, {Key: "keys", Value: keys}}
	if t.Kind() != crdt.KindArray {
		o = slices.Insert(o, 0, lib0.Member{Key: "name", Value: t.Name()})
	}
	return o
}

// special writes a value that JSON lacks.
func special(kind string, v ...any) any {
	o := lib0.Object{{Key: "$", Value: kind}}
	for _, v := range v {
		o = append(o, lib0.Member{Key: "v", Value: v})
	}
	return o
}

// member gives a property of a view.
func member(view any, key string) any {
	for _, m := range view.(lib0.Object) {
		if m.Key == key {
			return m.Value
		}
	}
	return nil
}

func viewValue(v any) any {
	switch v := v.(type) {
	case crdt.Type:
		return viewType(v)
	case crdt.Subdoc:
		return special("subdoc", v.GUID)
	case lib0.Undefined:
		return special("undefined")
	case lib0.BigInt:
		return special("bigint", strconv.FormatInt(int64(v), 10))
	case []byte:
		return special("bytes", base64.StdEncoding.EncodeToString(v))
	case float64:
		if v == 0 && math.Signbit(v) {
			return special("minus")
		}
	case []any:
		list := []any{}
		for _, e := range v {
			list = append(list, viewValue(e))
		}
		return list
	case lib0.Object:
		o := lib0.Object{}
		for _, m := range v {
			o = append(o, lib0.Member{Key: m.Key, Value: viewValue(m.Value)})
		}
		return o
	}
	return v
}

// editor makes random calls and notes them.
type editor struct {
	*rand.Rand
	tx    *crdt.Tx
	calls []call
}

// name says in a call which type it is about.
func name(t crdt.Type, c call) call {
	if id, ok := t.ID(); ok {
		c.ID = []uint64{id.Client, uint64(id.Clock)}
	} else {
		root, _ := t.RootName()
		c.Root = &root
	}
	return c
}

func (e *editor) note(t crdt.Type, c call) { e.calls = append(e.calls, name(t, c)) }

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// types gives all types of the document that exist, roots first.
func (e *editor) types() []crdt.Type {
	var all []crdt.Type
	for _, r := range editRoots {
		all = append(all, e.tx.Root(r.name, r.kind))
	}
	return withNested(all)
}

// withNested adds to types all that are in them.
func withNested(all []crdt.Type) []crdt.Type {
	for i := 0; i < len(all); i++ {
		for v := range all[i].All() {
			if t, ok := v.(crdt.Type); ok {
				all = append(all, t)
			}
		}
		for _, k := range all[i].Keys() {
			if v, _ := all[i].Get(k); true {
				if t, ok := v.(crdt.Type); ok {
					all = append(all, t)
				}
			}
		}
	}
	return all
}

// transaction makes some calls.
func (e *editor) transaction(tx *crdt.Tx) error {
	e.tx, e.calls = tx, nil
	for range 1 + e.IntN(4) {
		all := e.types()
		// A random type, old ones more often.
		if err := e.edit(all[min(e.IntN(len(all)), e.IntN(len(all)+4))]); err != nil {
			return err
		}
	}
	return nil
}

func (e *editor) edit(t crdt.Type) error {
	switch t.Kind() {
	case crdt.KindText, crdt.KindXMLText:
		if e.IntN(12) == 0 {
			return e.editKeys(t)
		}
		return e.editText(t)
	case crdt.KindArray, crdt.KindXMLFragment:
		return e.editList(t)
	case crdt.KindXMLElement:
		if e.IntN(3) > 0 {
			return e.editList(t)
		}
	}
	return e.editKeys(t)
}

var typedWords = []string{"a", "bc", "hello ", "😀", "x😀y", "é", "日本語", "the quick brown fox ", "\n"}

// attrs gives random formats, or none.
func (e *editor) attrs(none bool) (lib0.Object, json.RawMessage) {
	if none && e.IntN(2) == 0 {
		return nil, nil
	}
	o := lib0.Object{}
	for _, key := range []string{"bold", "1", "color"} {
		if e.IntN(2) == 0 {
			o = append(o, lib0.Member{Key: key, Value: pick[any](e.Rand, true, nil, "red", 1.0)})
		}
	}
	return o, crdt.AppendJSON(nil, o)
}

// whole gives the places in a text that are not inside a surrogate pair.
func whole(t crdt.Type) []int {
	places, n := []int{0}, 0
	for _, op := range t.Delta() {
		s, ok := op.Insert.(string)
		if !ok {
			s = "x"
		}
		for _, c := range s {
			n += utf16.RuneLen(c)
			places = append(places, n)
		}
	}
	return places
}

func (e *editor) editText(t crdt.Type) error {
	places := whole(t)
	from := e.IntN(len(places))
	at := places[from]
	upTo := func(most int) int { return places[min(len(places)-1, from+1+e.IntN(most))] - at }
	switch roll := e.IntN(20); {
	case roll < 8:
		attrs, text := e.attrs(true)
		s := pick(e.Rand, typedWords...)
		e.note(t, call{Do: "insertText", At: at, V: crdt.AppendJSON(nil, s), Attrs: text})
		return e.tx.InsertText(t, at, s, attrs)
	case roll < 12:
		m := upTo(5)
		e.note(t, call{Do: "delete", At: at, N: m})
		return e.tx.Delete(t, at, m)
	case roll < 15:
		m := upTo(8)
		attrs, text := e.attrs(false)
		e.note(t, call{Do: "format", At: at, N: m, Attrs: text})
		return e.tx.Format(t, at, m, attrs)
	case roll < 17:
		attrs, text := e.attrs(true)
		v := pick[any](e.Rand, 1.5, true, lib0.Object{{Key: "image", Value: "x.png"}}, []any{1.0, nil})
		e.note(t, call{Do: "insertEmbed", At: at, V: crdt.AppendJSON(nil, v), Attrs: text})
		return e.tx.InsertEmbed(t, at, v, attrs)
	case roll < 18:
		return e.insertType(t, at)
	}
	return e.delta(t)
}

// delta applies a random delta, which may go beyond the end.
func (e *editor) delta(t crdt.Type) error {
	var changes []crdt.Change
	ops := []any{}
	places, at := whole(t), 0
	// upTo gives a length that ends at a whole character, or beyond the end.
	upTo := func(most int) int {
		from := places[min(at, len(places)-1)]
		at += 1 + e.IntN(most)
		return places[min(at, len(places)-1)] + max(0, at-len(places)+1) - from
	}
	for range 1 + e.IntN(5) {
		attrs, _ := e.attrs(true)
		var c crdt.Change
		op := lib0.Object{}
		kind := e.IntN(3)
		if t.Len() == 0 {
			kind = 0 // Yjs throws when it is to delete in a text that never had content
		}
		switch kind {
		case 0:
			c = crdt.Change{Insert: pick[any](e.Rand, "x", "yz😀", lib0.Object{{Key: "hr", Value: true}}), Attributes: attrs}
			op = append(op, lib0.Member{Key: "insert", Value: c.Insert})
		case 1:
			c = crdt.Change{Retain: upTo(6), Attributes: attrs}
			op = append(op, lib0.Member{Key: "retain", Value: c.Retain})
		default:
			c = crdt.Change{Delete: upTo(4)}
			op = append(op, lib0.Member{Key: "delete", Value: c.Delete})
		}
		if c.Attributes != nil {
			op = append(op, lib0.Member{Key: "attributes", Value: c.Attributes})
		}
		changes, ops = append(changes, c), append(ops, op)
	}
	e.note(t, call{Do: "delta", V: crdt.AppendJSON(nil, ops)})
	return e.tx.ApplyDelta(t, changes)
}

func (e *editor) value() any {
	return pick[any](e.Rand, nil, true, 0.0, 1, -7, 1.25, 1e300, float64(1<<31), "text 😀", []any{"x", []any{}}, lib0.Object{{Key: "k", Value: nil}},
		[]byte{1, 2}, []byte{}, math.Copysign(0, -1), crdt.Subdoc{GUID: "g1"})
}

func (e *editor) editList(t crdt.Type) error {
	n := t.Len()
	at := e.IntN(n + 1)
	switch roll := e.IntN(10); {
	case roll < 3:
		m := min(n-at, 1+e.IntN(3))
		e.note(t, call{Do: "delete", At: at, N: m})
		return e.tx.Delete(t, at, m)
	case roll < 7 && t.Kind() == crdt.KindArray:
		values, list := []any{}, []any{}
		for range 1 + e.IntN(4) {
			v := e.value()
			values, list = append(values, v), append(list, viewValue(v))
		}
		e.note(t, call{Do: "insert", At: at, V: crdt.AppendJSON(nil, list)})
		return e.tx.Insert(t, at, values...)
	}
	return e.insertType(t, at)
}

// kind gives a kind of type that fits, and a name.
func (e *editor) kind(in crdt.Type) (crdt.Kind, string) {
	all := []crdt.Kind{crdt.KindArray, crdt.KindMap, crdt.KindText, crdt.KindXMLElement, crdt.KindXMLFragment, crdt.KindXMLText, crdt.KindXMLHook}
	if k := in.Kind(); k == crdt.KindXMLElement || k == crdt.KindXMLFragment {
		all = []crdt.Kind{crdt.KindXMLElement, crdt.KindXMLElement, crdt.KindXMLText, crdt.KindXMLText, crdt.KindXMLHook}
	}
	k := pick(e.Rand, all...)
	switch k {
	case crdt.KindXMLElement:
		return k, pick(e.Rand, "paragraph", "heading", "li")
	case crdt.KindXMLHook:
		return k, "hook"
	}
	return k, ""
}

func (e *editor) insertType(t crdt.Type, at int) error {
	kind, name := e.kind(t)
	e.note(t, call{Do: "insertType", At: at, Kind: kind, Name: name})
	_, err := e.tx.InsertType(t, at, kind, name)
	return err
}

func (e *editor) editKeys(t crdt.Type) error {
	key := pick(e.Rand, "a", "b", "c", "ключ")
	switch roll := e.IntN(10); {
	case roll < 2:
		e.note(t, call{Do: "unset", Key: key})
		return e.tx.Unset(t, key)
	case roll < 7:
		v := pick[any](e.Rand, e.value(), e.value(), lib0.Undefined{}, lib0.BigInt(-5))
		e.note(t, call{Do: "set", Key: key, V: crdt.AppendJSON(nil, viewValue(v))})
		return e.tx.Set(t, key, v)
	}
	kind, name := e.kind(t)
	e.note(t, call{Do: "setType", Key: key, Kind: kind, Name: name})
	_, err := e.tx.SetType(t, key, kind, name)
	return err
}
