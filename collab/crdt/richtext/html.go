package richtext

import (
	"html"
	"strconv"
	"strings"

	"github.com/bizsync/bizsync/collab/crdt"
)

// HTML writes the ProseMirror document in an XmlFragment as HTML: the nodes and
// marks of TipTap's StarterKit, task lists, tables, images, highlights and raised and lowered
// text, as TipTap itself writes them but for what only an editor needs. The result
// can be put into a page as it is: all text is escaped, nothing runs scripts or
// brings styles, and addresses are those of the web, of mail and telephones, or
// relative. Unknown nodes become their content, unknown marks nothing. The same
// document always gives the same bytes.
func HTML(t crdt.Type) string {
	w := htmlWriter{}
	w.nodes(document(t).content, 0)
	w.until(nil)
	return w.b.String()
}

type htmlWriter struct {
	b     strings.Builder
	marks []mark // open ones
}

// nodes writes nodes side by side.
func (w *htmlWriter) nodes(nodes []any, depth int) {
	if depth > maxDepth {
		w.b.WriteString(escape(plain(nodes)))
		return
	}
	for _, v := range nodes {
		n := read(v)
		if n.kind == "text" {
			w.until(n.marks)
			w.b.WriteString(escape(n.text))
			continue
		}
		if !n.isInline() {
			w.until(nil)
		}
		w.node(n, depth)
	}
	w.until(nil)
}

func (w *htmlWriter) node(n node, depth int) {
	inside := func(before, after string) {
		w.b.WriteString(before)
		w.nodes(n.content, depth+1)
		w.b.WriteString(after)
	}
	switch n.kind {
	case "paragraph":
		inside("<p>", "</p>")
	case "heading":
		level := strconv.Itoa(number(n.attrs, "level", 1, 6))
		inside("<h"+level+">", "</h"+level+">")
	case "blockquote":
		inside("<blockquote>", "</blockquote>")
	case "bulletList":
		inside("<ul>", "</ul>")
	case "orderedList":
		start := ""
		if n := number(n.attrs, "start", 0, 999_999_999); n != 1 {
			start = ` start="` + strconv.Itoa(n) + `"`
		}
		inside("<ol"+start+">", "</ol>")
	case "listItem":
		inside("<li>", "</li>")
	case "taskList":
		inside(`<ul data-type="taskList">`, "</ul>")
	case "taskItem":
		data, checked := "false", ""
		if get(n.attrs, "checked") == true {
			data, checked = "true", " checked"
		}
		inside(`<li data-type="taskItem" data-checked="`+data+`"><label><input type="checkbox" disabled`+checked+`></label><div>`, "</div></li>")
	case "codeBlock":
		class := ""
		if language := text(n.attrs, "language"); language != "" {
			class = ` class="language-` + escape(language) + `"`
		}
		w.b.WriteString("<pre><code" + class + ">" + escape(plain(n.content)) + "</code></pre>")
	case "horizontalRule":
		w.b.WriteString("<hr>")
	case "hardBreak":
		w.b.WriteString("<br>")
	case "image":
		w.image(n)
	case "table":
		inside("<table><tbody>", "</tbody></table>")
	case "tableRow":
		inside("<tr>", "</tr>")
	case "tableHeader":
		inside("<th"+spans(n)+">", "</th>")
	case "tableCell":
		inside("<td"+spans(n)+">", "</td>")
	default:
		inside("", "")
	}
}

// image writes an image, or its description if it must not be shown.
func (w *htmlWriter) image(n node) {
	src := source(text(n.attrs, "src"))
	if src == "" {
		w.b.WriteString(escape(text(n.attrs, "alt")))
		return
	}
	w.b.WriteString(`<img src="` + escape(src) + `"`)
	for _, key := range []string{"alt", "title"} {
		if v := text(n.attrs, key); v != "" {
			w.b.WriteString(" " + key + `="` + escape(v) + `"`)
		}
	}
	w.b.WriteByte('>')
}

// maxSpan bounds how many columns or rows a cell spans, as HTML itself does for columns.
const maxSpan = 1000

// spans gives the attributes of a cell that spans columns or rows.
func spans(n node) string {
	s := ""
	for _, key := range []string{"colspan", "rowspan"} {
		if span := number(n.attrs, key, 1, maxSpan); span > 1 {
			s += " " + key + `="` + strconv.Itoa(span) + `"`
		}
	}
	return s
}

// until closes and opens marks until just those of a text are open.
func (w *htmlWriter) until(marks []mark) {
	same := 0
	for same < len(w.marks) && same < len(marks) && w.marks[same].equal(marks[same]) {
		same++
	}
	for i := len(w.marks) - 1; i >= same; i-- {
		_, after := tags(w.marks[i])
		w.b.WriteString(after)
	}
	for _, m := range marks[same:] {
		before, _ := tags(m)
		w.b.WriteString(before)
	}
	w.marks = append(w.marks[:same], marks[same:]...)
}

// tags gives what a mark is in HTML.
func tags(m mark) (before, after string) {
	name := ""
	switch m.kind {
	case "link":
		href := link(m.attr("href"))
		if href == "" {
			return "", ""
		}
		title := ""
		if t := m.attr("title"); t != "" {
			title = ` title="` + escape(t) + `"`
		}
		return `<a href="` + escape(href) + `"` + title + ` rel="noopener noreferrer nofollow">`, "</a>"
	case "bold":
		name = "strong"
	case "italic":
		name = "em"
	case "strike":
		name = "s"
	case "underline":
		name = "u"
	case "highlight":
		name = "mark"
	case "subscript":
		name = "sub"
	case "superscript":
		name = "sup"
	case "code":
		name = "code"
	default:
		return "", ""
	}
	return "<" + name + ">", "</" + name + ">"
}

// escape makes text safe in HTML, also between quotes.
func escape(s string) string { return html.EscapeString(strings.ReplaceAll(s, "\x00", "\ufffd")) }
