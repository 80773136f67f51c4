package crdt

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// AppendJSON appends v as JavaScript's JSON.stringify writes it: numbers as
// JavaScript prints them, NaN and the infinities as null, undefined left out of
// objects, null in lists and nothing by itself, bytes as an object of their
// indexes, keys that are indexes first. A Type is written as its JSON, a Subdoc as
// {}. It takes what the reading methods give, and int; anything else is null.
//
// In two things it differs: a BigInt, which JavaScript refuses to write, becomes
// its digits; half a surrogate pair can't occur in v.
//
// It does not recurse, however deep v is nested.
func AppendJSON(dst []byte, v any) []byte {
	w := jsonWriter{b: dst}
	if _, ok := v.(lib0.Undefined); ok {
		return dst
	}
	w.value(v)
	for len(w.open) > 0 {
		w.next()
	}
	return w.b
}

// jsonWriter writes a value without recursion: open are the lists and objects
// that are begun, the innermost last.
type jsonWriter struct {
	b    []byte
	open []jsonContainer
}

// jsonContainer is a list or, if members isn't nil, an object; at is what comes next.
type jsonContainer struct {
	list    []any
	members lib0.Object
	at      int
	comma   bool
}

// next writes the next value of the innermost container, or its end.
func (w *jsonWriter) next() {
	c := &w.open[len(w.open)-1]
	if c.members == nil {
		if c.at == len(c.list) {
			w.close(']')
			return
		}
		v := c.list[c.at]
		if c.at > 0 {
			w.b = append(w.b, ',')
		}
		c.at++
		if _, ok := v.(lib0.Undefined); ok {
			v = nil
		}
		w.value(v)
		return
	}
	if c.at == len(c.members) {
		w.close('}')
		return
	}
	m := c.members[c.at]
	c.at++
	if _, ok := m.Value.(lib0.Undefined); ok {
		return
	}
	if c.comma {
		w.b = append(w.b, ',')
	}
	c.comma = true
	w.b = append(appendQuoted(w.b, m.Key), ':')
	w.value(m.Value)
}

func (w *jsonWriter) close(bracket byte) {
	w.b = append(w.b, bracket)
	w.open = w.open[:len(w.open)-1]
}

// value writes a value, of a list or an object only the beginning.
func (w *jsonWriter) value(v any) {
	if t, ok := v.(Type); ok {
		v = t.JSON()
	}
	switch v := v.(type) {
	case bool:
		w.b = strconv.AppendBool(w.b, v)
	case string:
		w.b = appendQuoted(w.b, v)
	case float64:
		w.b = appendJSONNumber(w.b, v)
	case float32:
		w.b = appendJSONNumber(w.b, float64(v))
	case int:
		w.b = appendJSONNumber(w.b, float64(v))
	case int64:
		w.b = appendJSONNumber(w.b, float64(v))
	case lib0.BigInt:
		w.b = strconv.AppendInt(w.b, int64(v), 10)
	case []byte:
		w.bytes(v)
	case []any:
		w.b = append(w.b, '[')
		w.open = append(w.open, jsonContainer{list: v})
	case lib0.Object:
		w.b = append(w.b, '{')
		if len(v) == 0 {
			w.b = append(w.b, '}')
			return
		}
		w.open = append(w.open, jsonContainer{members: inJavaScriptOrder(v)})
	case Subdoc:
		w.b = append(w.b, "{}"...)
	default:
		w.b = append(w.b, "null"...)
	}
}

// bytes writes a Uint8Array, which JSON.stringify takes for an object.
func (w *jsonWriter) bytes(b []byte) {
	w.b = append(w.b, '{')
	for i, c := range b {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = strconv.AppendInt(append(w.b, '"'), int64(i), 10)
		w.b = strconv.AppendInt(append(w.b, '"', ':'), int64(c), 10)
	}
	w.b = append(w.b, '}')
}

// inJavaScriptOrder gives an object's members as JavaScript enumerates them: first
// the keys that are array indexes, ascending, then the others as they were made.
func inJavaScriptOrder(o lib0.Object) lib0.Object {
	if !slices.ContainsFunc(o, func(m lib0.Member) bool { _, ok := indexKey(m.Key); return ok }) {
		return o
	}
	ordered := slices.Clone(o)
	slices.SortStableFunc(ordered, func(a, b lib0.Member) int {
		i, aIs := indexKey(a.Key)
		j, bIs := indexKey(b.Key)
		switch {
		case aIs && bIs:
			return cmp.Compare(i, j)
		case aIs:
			return -1
		case bIs:
			return 1
		}
		return 0
	})
	return ordered
}

// indexKey says whether a key is an array index (ECMA-262: an integer below
// 2^32-1 in its usual form), and which.
func indexKey(key string) (uint64, bool) {
	if key == "" || len(key) > 10 || key[0] < '0' || key[0] > '9' || key[0] == '0' && len(key) > 1 {
		return 0, false
	}
	n, err := strconv.ParseUint(key, 10, 64)
	return n, err == nil && n < math.MaxUint32
}

// appendJSONNumber appends a number as JSON has it.
func appendJSONNumber(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	return appendNumber(dst, f)
}

// appendNumber appends a number as JavaScript's Number.prototype.toString writes
// it: the fewest digits that give the number again, with an exponent below 1e-6
// and from 1e21 on. Minus zero has no sign.
func appendNumber(dst []byte, f float64) []byte {
	abs := math.Abs(f)
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case abs < 1<<53 && f == math.Trunc(f):
		return strconv.AppendInt(dst, int64(f), 10)
	case abs >= 1e-6 && abs < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') {
		dst[n-2] = dst[n-1] // 1e-07 is 1e-7
		dst = dst[:n-1]
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends a string as JSON.stringify quotes it.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[from:i]...), replacement...)
				from = i + 1
			}
			i += size
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}
