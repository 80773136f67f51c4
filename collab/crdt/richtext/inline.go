package richtext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a hard break is: a line of its own, or a tag where a line can't end.
const (
	breakLine = "\\\n"
	breakTag  = "<br>"
)

// inline writes a line of text, which may have breaks in it, in Markdown.
func inline(nodes []any, lineBreak string) string {
	w := inlineWriter{lineBreak: lineBreak}
	for _, v := range nodes {
		w.add(read(v), 0)
	}
	for i := range w.parts {
		w.part(i)
	}
	w.keep(nil)
	text := w.b.String()
	for strings.HasSuffix(text, lineBreak) {
		text = strings.TrimRight(strings.TrimSuffix(text, lineBreak), " ")
	}
	return text
}

// part is a piece of a line: text with its marks, or something else as it stands.
type part struct {
	text  string
	raw   string
	marks []mark
	brk   bool
}

type inlineWriter struct {
	lineBreak string
	parts     []part
	b         strings.Builder
	open      []opened
	space     string // not written yet
	closed    bool   // the last thing written ended a mark
	begun     bool   // something stands in this line
}

// opened is a mark that has begun, and what ends it.
type opened struct {
	mark
	after string
}

// add takes in a node of a line. White space at the ends of a text is a part of its
// own, since marks may neither begin nor end with it.
func (w *inlineWriter) add(n node, depth int) {
	switch n.kind {
	case "text":
		w.parts = append(w.parts, part{text: strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\x00", "\ufffd").Replace(n.text), marks: n.marks})
	case "hardBreak":
		w.parts = append(w.parts, part{brk: true})
	case "image":
		raw := escapeText(textOf(n, "alt"))
		if src := source(textOf(n, "src")); src != "" {
			raw = "![" + raw + "](" + target(src) + titled(textOf(n, "title")) + ")"
		}
		w.parts = append(w.parts, part{raw: raw})
	default:
		if depth > maxDepth {
			w.parts = append(w.parts, part{text: strings.ReplaceAll(plain(n.content), "\n", " ")})
			return
		}
		for _, v := range n.content {
			w.add(read(v), depth+1)
		}
	}
}

// part writes a part.
func (w *inlineWriter) part(i int) {
	p := w.parts[i]
	if p.brk {
		w.keep(nil)
		w.space = ""
		if w.b.Len() > 0 {
			w.b.WriteString(w.lineBreak)
		}
		w.begun, w.closed = false, false
		return
	}
	if p.raw != "" {
		w.keep(nil)
		w.put(p.raw)
		return
	}
	inside := strings.TrimSpace(p.text)
	if inside == "" {
		w.space += p.text
		return
	}
	at := strings.Index(p.text, inside)
	before, after := p.text[:at], p.text[at+len(inside):]
	w.keep(p.marks)
	w.space += before
	w.begin(i, inside)
	if p.has("code") {
		w.put(codeSpan(inside))
	} else {
		w.put(w.escaped(inside))
	}
	w.space = after
}

func (p part) has(kind string) bool {
	for _, m := range p.marks {
		if m.kind == kind {
			return true
		}
	}
	return false
}

// put writes Markdown, with the white space before it, unless a line begins.
func (w *inlineWriter) put(s string) {
	if s == "" {
		return
	}
	if w.begun {
		w.b.WriteString(w.space)
	}
	w.space = ""
	w.b.WriteString(s)
	w.begun, w.closed = true, false
}

// keep ends the marks that a text doesn't have.
func (w *inlineWriter) keep(marks []mark) {
	same := 0
	for same < len(w.open) && same < len(marks) && w.open[same].equal(marks[same]) {
		same++
	}
	for i := len(w.open) - 1; i >= same; i-- {
		if after := w.open[i].after; after != "" {
			w.b.WriteString(after)
			w.closed = true
		}
	}
	w.open = w.open[:same]
}

// begin begins the marks of part i that are not open.
func (w *inlineWriter) begin(i int, inside string) {
	for _, m := range w.parts[i].marks[len(w.open):] {
		before, after := w.delimiters(i, len(w.open), m, inside)
		w.put(before)
		w.open = append(w.open, opened{m, after})
	}
}

// delimiters gives what begins and ends a mark, the one of that level, at part i.
func (w *inlineWriter) delimiters(i, level int, m mark, inside string) (before, after string) {
	tag := ""
	switch m.kind {
	case "link":
		href := link(m.attr("href"))
		if href == "" {
			return "", ""
		}
		return "[", "](" + target(href) + titled(m.attr("title")) + ")"
	case "bold":
		before, tag = "**", "strong"
	case "italic":
		before, tag = "*", "em"
	case "strike":
		before, tag = "~~", "del"
	case "underline":
		tag = "u"
	case "highlight":
		tag = "mark"
	case "subscript":
		tag = "sub"
	case "superscript":
		tag = "sup"
	default:
		return "", ""
	}
	if before != "" && !w.touches(before) && w.flanks(i, level, m, inside) {
		return before, before
	}
	return "<" + tag + ">", "</" + tag + ">"
}

// touches says whether a delimiter would run into the one that has just ended another mark.
func (w *inlineWriter) touches(delimiter string) bool {
	return w.closed && w.space == "" && strings.HasSuffix(w.b.String(), delimiter[:1])
}

// flanks says whether delimiters around the parts that have a mark would be taken
// for such (CommonMark 6.2): one beside punctuation inside needs white space or
// punctuation outside.
func (w *inlineWriter) flanks(i, level int, m mark, inside string) bool {
	end, lastText, after := i+1, inside, ""
	trailing := trailingSpace(w.parts[i].text)
	for ; end < len(w.parts); end++ {
		p := w.parts[end]
		if p.brk || p.raw != "" {
			if p.raw != "" {
				after = p.raw
			} else {
				trailing = true
			}
			break
		}
		if strings.TrimSpace(p.text) == "" {
			trailing = true
			continue
		}
		if len(p.marks) <= level || !p.marks[level].equal(m) {
			after = p.text
			break
		}
		lastText, trailing = strings.TrimSpace(p.text), trailingSpace(p.text)
	}
	first, _ := utf8.DecodeRuneInString(inside)
	last, _ := utf8.DecodeLastRuneInString(lastText)
	// Marks inside, links and code begin and end with punctuation of their own.
	if !w.bare(i, level) {
		first = '*'
	}
	if !w.bare(end-1, level) {
		last = '*'
	}
	previous, _ := utf8.DecodeLastRuneInString(w.b.String())
	opens := !isPunctuation(first) || w.space != "" || !w.begun || isPunctuation(previous)
	next, _ := utf8.DecodeRuneInString(after)
	closes := !isPunctuation(last) || trailing || after == "" || unicode.IsSpace(next) || isPunctuation(next) || end < len(w.parts) && len(w.parts[end].marks) > 0
	return opens && closes
}

// bare says whether a part has no marks within that of a level.
func (w *inlineWriter) bare(i, level int) bool { return len(w.parts[i].marks) <= level+1 }

func trailingSpace(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.IsSpace(r)
}

func isPunctuation(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

// codeSpan writes code between backticks, more than it has side by side itself.
func codeSpan(s string) string {
	fence := strings.Repeat("`", longestRun(s, '`')+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}

// target writes an address in parentheses.
func target(address string) string {
	return strings.NewReplacer(" ", "%20", "(", "%28", ")", "%29", "<", "%3C", ">", "%3E", `\`, "%5C", "`", "%60", "\t", "%09", "|", "%7C", `"`, "%22").Replace(address)
}

// titled writes what is shown beside an address.
func titled(title string) string {
	if title == "" {
		return ""
	}
	return ` "` + strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\n", " ", "\r", " ", "`", "\\`", "<", `\<`).Replace(title) + `"`
}

// escaped escapes a text, with what means something only where a line begins.
func (w *inlineWriter) escaped(s string) string {
	if w.begun {
		return escapeText(s)
	}
	return escapeLine(s)
}

// escapeText puts a backslash before what Markdown would read as more than a character.
func escapeText(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; c {
		case '\\', '`', '*', '_', '[', ']', '<', '>', '~':
			b.WriteByte('\\')
		case '&':
			// Only where it may begin an entity.
			if i+1 < len(s) && (s[i+1] == '#' || s[i+1]|0x20 >= 'a' && s[i+1]|0x20 <= 'z') {
				b.WriteByte('\\')
			}
		case '!':
			if i+1 == len(s) {
				b.WriteByte('\\') // a link may follow
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// escapeLine escapes text at the beginning of a line.
func escapeLine(s string) string {
	s = strings.TrimLeft(s, " \t")
	digits := 0
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	switch {
	case s == "":
		return ""
	case strings.IndexByte("#+-=", s[0]) >= 0:
		return `\` + s[:1] + escapeText(s[1:])
	case digits > 0 && digits < len(s) && (s[digits] == '.' || s[digits] == ')'):
		return s[:digits] + `\` + s[digits:digits+1] + escapeText(s[digits+1:])
	}
	return escapeText(s)
}
