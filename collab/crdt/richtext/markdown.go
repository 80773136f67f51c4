package richtext

import (
	"strconv"
	"strings"

	"github.com/bizsync/bizsync/collab/crdt"
)

// Markdown writes the ProseMirror document in an XmlFragment as CommonMark with
// GitHub's tables, task lists and strikethrough: the nodes and marks that HTML
// writes, too. Underlined, highlighted, raised and lowered text, which Markdown
// lacks, are HTML elements in it. Text that would mean something in Markdown is
// escaped; addresses are those that HTML lets through; cells of tables are one line
// each. The same document always gives the same bytes. It ends with a line break
// unless it is empty.
//
// Markdown has no words for everything: empty paragraphs and white space at the
// ends of a line are lost, and how wide a cell of a table is.
func Markdown(t crdt.Type) string {
	lines := blocks(document(t).content, 0)
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// blocks gives the lines of nodes one below the other, with an empty line between them.
func blocks(nodes []any, depth int) []string { return stack(nodes, depth, false) }

// stack gives the lines of nodes. In a tight list nothing is between a text and the list below it.
func stack(nodes []any, depth int, tight bool) []string {
	if depth > maxDepth {
		var lines []string
		for line := range strings.SplitSeq(plain(nodes), "\n") {
			lines = append(lines, paragraph(escapeLine(line))...)
		}
		return lines
	}
	var lines []string
	before := node{}
	second := false // of two lists of one kind, side by side
	for i := 0; i < len(nodes); i++ {
		n := read(nodes[i])
		if n.isInline() || n.kind == "image" {
			// Inline nodes outside of a paragraph are one.
			from := i
			for i+1 < len(nodes) {
				if next := read(nodes[i+1]); !next.isInline() {
					break
				}
				i++
			}
			n = node{kind: "paragraph", content: nodes[from : i+1]}
		}
		second = isList(n) && bullet(n) == bullet(before) && !second
		own := block(n, depth, second)
		if len(own) == 0 {
			continue
		}
		if len(lines) > 0 && !(tight && isList(n)) {
			lines = append(lines, "")
		}
		lines = append(lines, own...)
		before = n
	}
	return lines
}

// block gives the lines of one node.
func block(n node, depth int, second bool) []string {
	switch n.kind {
	case "paragraph":
		return paragraph(inline(n.content, breakLine))
	case "heading":
		text := inline(n.content, breakTag)
		level := strings.Repeat("#", number(n.attrs, "level", 1, 6))
		return []string{strings.TrimRight(level+" "+text, " ")}
	case "blockquote":
		lines := blocks(n.content, depth+1)
		if len(lines) == 0 {
			lines = []string{""}
		}
		for i, line := range lines {
			lines[i] = prefixed("> ", line)
		}
		return lines
	case "bulletList", "orderedList", "taskList":
		return list(n, depth, second)
	case "codeBlock":
		return code(n)
	case "horizontalRule":
		return []string{"---"}
	case "table":
		return table(n)
	}
	if n.holdsInline() {
		return paragraph(inline(n.content, breakLine))
	}
	return blocks(n.content, depth+1)
}

func paragraph(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func isList(n node) bool { return bullet(n) != "" }

// bullet tells lists apart that would become one if they stood side by side.
func bullet(n node) string {
	switch n.kind {
	case "bulletList", "taskList":
		return "-"
	case "orderedList":
		return "."
	}
	return ""
}

// list gives the lines of a list. The second of two lists side by side has other
// bullets, which is what divides them.
func list(n node, depth int, second bool) []string {
	tight := true
	for _, v := range n.content {
		tight = tight && isTight(read(v))
	}
	at := number(n.attrs, "start", 0, 999_999_999)
	var lines []string
	for _, v := range n.content {
		item := read(v)
		mark := "-"
		if second {
			mark = "*"
		}
		switch n.kind {
		case "orderedList":
			mark = strconv.Itoa(min(at, 999_999_999)) + "."
			if second {
				mark = strings.TrimSuffix(mark, ".") + ")"
			}
			at++
		case "taskList":
			if get(item.attrs, "checked") == true {
				mark += " [x]"
			} else {
				mark += " [ ]"
			}
		}
		indent := strings.Repeat(" ", strings.IndexByte(mark+" ", ' ')+1)
		own := stack(item.content, depth+2, tight)
		if len(own) == 0 {
			own = []string{""}
		}
		if len(lines) > 0 && !tight {
			lines = append(lines, "")
		}
		for i, line := range own {
			prefix := indent
			if i == 0 {
				prefix = mark + " "
			}
			lines = append(lines, prefixed(prefix, line))
		}
	}
	return lines
}

// prefixed puts a prefix before a line, without spaces before nothing.
func prefixed(prefix, line string) string {
	if line == "" {
		return strings.TrimRight(prefix, " ")
	}
	return prefix + line
}

// isTight says whether an item is one text, with nothing but lists below it.
func isTight(item node) bool {
	for i, v := range item.content {
		if n := read(v); i > 0 && !isList(n) && !n.isInline() {
			return false
		}
	}
	return true
}

// code gives a block of code between fences longer than any in it.
func code(n node) []string {
	text := plain(n.content)
	fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	language := strings.Map(func(r rune) rune {
		if r <= ' ' || r == '`' {
			return -1
		}
		return r
	}, textOf(n, "language"))
	lines := append([]string{fence + language}, strings.Split(strings.ReplaceAll(text, "\r", ""), "\n")...)
	return append(lines, fence)
}

func textOf(n node, key string) string { return text(n.attrs, key) }

func longestRun(s string, c byte) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] == c {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	return longest
}

// maxColumns bounds what cells that span columns add to a row.
const maxColumns = 100

// table gives the lines of a table. Its first row is the head if it has head cells
// only; else the head is empty.
func table(n node) []string {
	var rows [][]string
	head, columns := false, 0
	for _, v := range n.content {
		row := read(v)
		var cells []string
		heads := len(row.content) > 0
		for _, v := range row.content {
			cell := read(v)
			heads = heads && cell.kind == "tableHeader"
			cells = append(cells, cellText(cell))
			for range number(cell.attrs, "colspan", 1, maxColumns) - 1 {
				cells = append(cells, "")
			}
		}
		if len(rows) == 0 {
			head = heads
		}
		rows = append(rows, cells)
		columns = max(columns, min(len(cells), maxColumns))
	}
	if columns == 0 {
		return nil
	}
	if !head {
		rows = append([][]string{nil}, rows...)
	}
	var lines []string
	for i, cells := range rows {
		// What a ragged table has beyond the bound goes on in the last cell.
		if len(cells) > columns {
			cells = append(cells[:columns-1:columns-1], strings.Join(cells[columns-1:], " "))
		}
		for len(cells) < columns {
			cells = append(cells, "")
		}
		lines = append(lines, "| "+strings.Join(cells, " | ")+" |")
		if i == 0 {
			lines = append(lines, "|"+strings.Repeat(" --- |", columns))
		}
	}
	return lines
}

// cellText gives the text of a cell in one line.
func cellText(cell node) string {
	var parts []string
	for _, v := range cell.content {
		n := read(v)
		part := ""
		switch {
		case n.kind == "paragraph" || n.kind == "heading" || n.holdsInline() && n.kind != "codeBlock":
			part = inline(n.content, breakTag)
		case n.kind == "image" || n.isInline():
			part = inline([]any{v}, breakTag)
		default:
			part = strings.ReplaceAll(escapeLine(plain(n.content)), "\n", "<br>")
		}
		if part != "" {
			parts = append(parts, part)
		}
	}
	// A bar ends a cell, even in code.
	text := strings.Join(parts, "<br>")
	return strings.ReplaceAll(text, "|", `\|`)
}
