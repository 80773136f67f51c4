package crdt

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// parseJSON reads a JSON text that ParseUpdate has checked, as JavaScript's
// JSON.parse does: nil, bool, float64, string, []any or lib0.Object, and Undefined
// for the text "undefined" of a ContentJSON. Half a surrogate pair, which a JSON
// text can spell, becomes U+FFFD. It recurses as deep as the text is nested, which
// is at most lib0.MaxAnyDepth.
func parseJSON(text []byte) any {
	switch string(text) {
	case "null":
		return nil
	case "true":
		return true
	case "false":
		return false
	case "undefined":
		return lib0.Undefined{}
	}
	p := jsonParser{b: text}
	return p.value()
}

// jsonParser trusts its input to be valid JSON.
type jsonParser struct {
	b   []byte
	pos int
}

// peek moves past white space and gives the byte there.
func (p *jsonParser) peek() byte {
	for p.pos < len(p.b) {
		switch c := p.b[p.pos]; c {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return c
		}
	}
	return 0
}

func (p *jsonParser) value() any {
	switch c := p.peek(); c {
	case '{':
		return p.object()
	case '[':
		return p.list()
	case '"':
		return p.text()
	case 'n':
		p.pos += len("null")
		return nil
	case 't':
		p.pos += len("true")
		return true
	case 'f':
		p.pos += len("false")
		return false
	}
	return p.number()
}

func (p *jsonParser) number() any {
	start := p.pos
	for p.pos < len(p.b) {
		c := p.b[p.pos]
		if (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			break
		}
		p.pos++
	}
	f, err := strconv.ParseFloat(string(p.b[start:p.pos]), 64)
	if err != nil && p.pos == start {
		p.pos = len(p.b) // not in a valid text: end here
	}
	return f // out of range it is an infinity, as in JavaScript
}

func (p *jsonParser) list() any {
	p.pos++
	values := []any{}
	for p.pos < len(p.b) {
		switch p.peek() {
		case ']':
			p.pos++
			return values
		case ',':
			p.pos++
		default:
			values = append(values, p.value())
		}
	}
	return values
}

func (p *jsonParser) object() any {
	p.pos++
	members := lib0.Object{}
	for p.pos < len(p.b) {
		switch p.peek() {
		case '}':
			p.pos++
			return withoutRepeats(members)
		case ',':
			p.pos++
		default:
			key := p.text()
			p.peek()
			p.pos++ // the colon
			members = append(members, lib0.Member{Key: key, Value: p.value()})
		}
	}
	return members
}

// text reads a string, which begins here.
func (p *jsonParser) text() string {
	p.pos++
	start := p.pos
	for p.pos < len(p.b) && p.b[p.pos] != '"' && p.b[p.pos] != '\\' {
		p.pos++
	}
	s := p.b[start:p.pos]
	if p.pos >= len(p.b) || p.b[p.pos] == '"' {
		p.pos++
		return string(s)
	}
	out := append(make([]byte, 0, 2*len(s)), s...)
	for p.pos < len(p.b) {
		c := p.b[p.pos]
		p.pos++
		switch {
		case c == '"':
			return string(out)
		case c != '\\' || p.pos >= len(p.b):
			out = append(out, c)
		default:
			out = p.escape(out)
		}
	}
	return string(out)
}

// escape reads what is behind a backslash.
func (p *jsonParser) escape(out []byte) []byte {
	c := p.b[p.pos]
	p.pos++
	switch c {
	case 'b':
		return append(out, '\b')
	case 'f':
		return append(out, '\f')
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'u':
		r := p.hex()
		if utf16.IsSurrogate(r) && p.pos+1 < len(p.b) && p.b[p.pos] == '\\' && p.b[p.pos+1] == 'u' {
			ahead := *p
			ahead.pos += 2
			if both := utf16.DecodeRune(r, ahead.hex()); both != utf8.RuneError {
				*p = ahead
				return utf8.AppendRune(out, both)
			}
		}
		return utf8.AppendRune(out, r) // half a pair: U+FFFD
	}
	return append(out, c)
}

// hex reads four hexadecimal digits.
func (p *jsonParser) hex() rune {
	end := min(p.pos+4, len(p.b))
	n, err := strconv.ParseUint(string(p.b[p.pos:end]), 16, 32)
	p.pos = end
	if err != nil {
		return utf8.RuneError // not in a valid text
	}
	return rune(n)
}
