package crdt

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// Subdoc is a subdocument: a reference to another document by its GUID, with the
// options that the one who inserted it gave.
type Subdoc struct {
	GUID    string
	Options any // a lib0.Object, or whatever else stood on the wire
}

// visible says whether an item counts in its parent: it has content and is not deleted.
func (it *item) visible() bool { return !it.isDeleted() && it.countable() }

// values hands over what an item holds, Yjs's getContent, until yield says no: a
// string's UTF-16 units, values, one nested type.
func (d *Doc) values(i uint32, yield func(any) bool) bool {
	it := d.item(i)
	switch it.kind() {
	case contentString:
		return eachUnit(string(d.body(it)), yield)
	case contentAny:
		dec := lib0.Over(d.body(it), 0)
		for range it.length {
			if v, err := dec.ReadAny(); err != nil || !yield(asJavaScript(v)) {
				return false
			}
		}
	case contentJSON:
		c := cursor{b: d.body(it)}
		for range it.length {
			if !yield(parseJSON(c.varBytes())) {
				return false
			}
		}
	case contentBinary, contentEmbed, contentType, contentDoc:
		return yield(d.single(i))
	}
	return true
}

// single gives the value of an item that holds exactly one.
func (d *Doc) single(i uint32) any {
	it := d.item(i)
	c := cursor{b: d.body(it)}
	switch it.kind() {
	case contentBinary:
		return bytes.Clone(c.varBytes())
	case contentEmbed:
		return parseJSON(c.varBytes())
	case contentType:
		return Type{doc: d, typ: it.holds}
	case contentDoc:
		guid := string(c.varBytes())
		dec := lib0.Over(c.b, c.pos)
		options, err := dec.ReadAny()
		if err != nil {
			return lib0.Undefined{} // not in checked bytes
		}
		return Subdoc{GUID: guid, Options: asJavaScript(options)}
	}
	return lib0.Undefined{}
}

// last gives the last value that an item holds: what a map's key has.
func (d *Doc) last(i uint32) any {
	var v any = lib0.Undefined{}
	d.values(i, func(next any) bool {
		v = next
		return true
	})
	return v
}

// eachUnit hands over a string's UTF-16 units, each as a string. Half a surrogate
// pair, which UTF-8 hasn't, is U+FFFD.
func eachUnit(s string, yield func(any) bool) bool {
	for len(s) > 0 {
		_, size := utf8.DecodeRuneInString(s)
		if size == utf8.UTFMax {
			for range 2 {
				if !yield(replacement) {
					return false
				}
			}
		} else if !yield(s[:size]) {
			return false
		}
		s = s[size:]
	}
	return true
}

// asJavaScript gives an any-value as it is in JavaScript: every number a float64,
// of repeated keys the last value. What is in v may be changed, bytes are copied.
func asJavaScript(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float32:
		return float64(v)
	case []byte:
		return bytes.Clone(v)
	case []any:
		for i, e := range v {
			v[i] = asJavaScript(e)
		}
	case lib0.Object:
		kept := v[:0]
		for _, m := range v {
			// lib0 assigns what it reads to keys; this one is an object's prototype.
			if m.Key != prototypeKey {
				kept = append(kept, lib0.Member{Key: m.Key, Value: asJavaScript(m.Value)})
			}
		}
		return withoutRepeats(kept)
	}
	return v
}

// prototypeKey names no property when JavaScript assigns to it.
const prototypeKey = "__proto__"

// withoutRepeats keeps of a repeated key the last value, at the place of the
// first, as objects in JavaScript do. It changes o.
func withoutRepeats(o lib0.Object) lib0.Object {
	if len(o) < 2 {
		return o
	}
	at := make(map[string]int, len(o))
	kept := o[:0]
	for _, m := range o {
		if i, ok := at[m.Key]; ok {
			kept[i].Value = m.Value
			continue
		}
		at[m.Key] = len(kept)
		kept = append(kept, m)
	}
	return kept
}

// appendAsString appends a value as JavaScript's String(v) gives it. A Type in v
// is taken for an object: XML types have their own way. It recurses as deep as
// lists are nested in a value, which is at most lib0.MaxAnyDepth.
func appendAsString(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case lib0.Undefined:
		return append(dst, "undefined"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case float64:
		return appendNumber(dst, v)
	case lib0.BigInt:
		return strconv.AppendInt(dst, int64(v), 10)
	case string:
		return append(dst, v...)
	case []byte:
		for i, c := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = strconv.AppendInt(dst, int64(c), 10)
		}
		return dst
	case []any:
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			if _, undefined := e.(lib0.Undefined); e != nil && !undefined {
				dst = appendAsString(dst, e)
			}
		}
		return dst
	}
	return append(dst, "[object Object]"...)
}

// compareUTF16 orders strings as JavaScript does, by their UTF-16 units.
func compareUTF16(a, b string) int {
	n := min(len(a), len(b))
	i := 0
	for i < n && a[i] == b[i] {
		i++
	}
	if i == n {
		return cmp.Compare(len(a), len(b))
	}
	for i > 0 && !utf8.RuneStart(a[i]) {
		i--
	}
	r, _ := utf8.DecodeRuneInString(a[i:])
	s, _ := utf8.DecodeRuneInString(b[i:])
	const firstOfPairs = 0xd800 // what a character beyond the first plane begins with, or more
	switch {
	case r > 0xffff && s <= 0xffff:
		return cmp.Compare(firstOfPairs, s)
	case s > 0xffff && r <= 0xffff:
		return cmp.Compare(r, firstOfPairs)
	}
	return strings.Compare(a[i:], b[i:])
}
