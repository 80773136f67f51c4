package crdt_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// element makes a struct that holds an XmlElement, behind an element of client 1
// or first in root "xml" or in a parent.
func element(origin, parent int, name string) []byte {
	return placed(7, origin, parent, append([]byte{3}, text(name)...))
}

func xmlText(parent int) []byte { return placed(7, -1, parent, []byte{6}) }

func chars(parent int, s string) []byte { return placed(4, -1, parent, text(s)) }

func placed(kind byte, origin, parent int, body []byte) []byte {
	var b []byte
	switch {
	case origin >= 0:
		b = lib0.AppendVarUint([]byte{kind | 0x80, 1}, uint64(origin))
	case parent >= 0:
		b = lib0.AppendVarUint([]byte{kind, 0, 1}, uint64(parent))
	default:
		b = append([]byte{kind, 1}, text("xml")...)
	}
	return append(b, body...)
}

func TestTextOfFragment(t *testing.T) {
	for _, c := range []struct {
		name    string
		structs [][]byte
		want    string
	}{
		{"nothing", nil, ""},
		{"one empty paragraph", [][]byte{element(-1, -1, "paragraph")}, ""},
		{"two paragraphs", [][]byte{
			element(-1, -1, "paragraph"), xmlText(0), chars(1, "one"),
			element(0, -1, "paragraph"), xmlText(5), chars(6, "two"),
		}, "one\ntwo"},
		{"an empty paragraph between", [][]byte{
			element(-1, -1, "paragraph"), xmlText(0), chars(1, "one"),
			element(0, -1, "paragraph"),
			element(5, -1, "paragraph"), xmlText(6), chars(7, "two"),
		}, "one\n\ntwo"},
		{"a paragraph in an item in a list", [][]byte{
			element(-1, -1, "bulletList"), element(-1, 0, "listItem"), element(-1, 1, "paragraph"), xmlText(2), chars(3, "one"),
			element(1, -1, "listItem"), element(-1, 7, "paragraph"), xmlText(8), chars(9, "two"),
		}, "one\ntwo"},
		{"a hard break", [][]byte{
			element(-1, -1, "paragraph"), xmlText(0), chars(1, "a"), element(1, -1, "hardBreak"),
			placed(7, 3, -1, []byte{6}), chars(4, "b"),
		}, "a\nb"},
		{"an array and a hook count nothing", [][]byte{
			element(-1, -1, "paragraph"), xmlText(0), chars(1, "a"),
			placed(7, 1, -1, []byte{0}), placed(7, 3, -1, append([]byte{5}, text("h")...)),
		}, "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := []byte{0, 0}
			if len(c.structs) > 0 {
				b = update(1, 0, c.structs...)
			}
			s := applyAll(t, [][]byte{b})
			if got, err := s.Text("xml"); err != nil || got != c.want {
				t.Errorf("%q (%v), want %q", got, err, c.want)
			}
			if got := load(t, b).Lines["xml"]; got != c.want {
				t.Errorf("the oracle reads %q, want %q", got, c.want)
			}
		})
	}
}

// TestTextAfterStoring holds that a root reads the same before and after it was
// encoded, which drops what was deleted: also one of which only embedded types are
// left, so that it can't be told from a fragment any more.
func TestTextAfterStoring(t *testing.T) {
	for _, c := range []struct {
		name    string
		structs [][]byte
		deleted [2]uint32
		want    string
	}{
		{"all characters deleted", [][]byte{chars(-1, "gone")}, [2]uint32{0, 4}, ""},
		{"deleted characters beside an element", [][]byte{
			chars(-1, "gone"), element(3, -1, "p"), xmlText(4), chars(5, "here"),
		}, [2]uint32{0, 4}, "here"},
		{"one character is left beside an element", [][]byte{
			chars(-1, "gone"), element(3, -1, "p"), xmlText(4), chars(5, "here"),
		}, [2]uint32{0, 3}, "e"},
		{"a format is left beside an element", [][]byte{
			chars(-1, "gone"), placed(6, 3, -1, append(text("bold"), text("true")...)),
			element(4, -1, "p"), xmlText(5), chars(6, "inside"),
		}, [2]uint32{0, 4}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := applyAll(t, [][]byte{update(1, 0, c.structs...), deletion(1, c.deleted)})
			stored := s.Encode().Bytes()
			loaded := applyAll(t, [][]byte{stored})
			for what, s := range map[string]*crdt.State{"before": s, "after": loaded} {
				if got, err := s.Text("xml"); err != nil || got != c.want {
					t.Errorf("%s: %q (%v), want %q", what, got, err, c.want)
				}
			}
		})
	}
}

func TestRoots(t *testing.T) {
	s := applyAll(t, [][]byte{update(1, 0, first("x")), update(2, 0, content(8, 1, 126))})
	if got := strings.Join(s.Roots(), " "); got != "r text" {
		t.Errorf("roots %q", got)
	}
	if got, err := s.Text("nowhere"); got != "" || err != nil {
		t.Errorf("an unknown root reads %q, %v", got, err)
	}
}

// TestTangled holds that a document made to need quadratic time is given up.
func TestTangled(t *testing.T) {
	const n = 16_000
	b := lib0.AppendVarUint([]byte{2}, n)
	b = append(b, 2, 0)
	for i := range uint64(n) {
		// At the start, and before the i-th letter: so among all those before.
		b = lib0.AppendVarUint(append(b, 0x44, 1), i)
		b = append(b, 1, 'x')
	}
	b = append(b, 1, 1, 0)
	b = append(b, first(strings.Repeat("a", n))...)
	s := applyAll(t, [][]byte{append(b, 0)})
	start := time.Now()
	if _, err := s.Text("text"); !errors.Is(err, crdt.ErrTangled) {
		t.Fatalf("%v", err)
	}
	t.Logf("given up after %v", time.Since(start))
}

// TestDeepNesting reads and deletes elements nested deeper than a stack should be.
func TestDeepNesting(t *testing.T) {
	const n = 200_000
	structs := [][]byte{element(-1, -1, "p")}
	for i := 1; i < n; i++ {
		structs = append(structs, element(-1, i-1, "p"))
	}
	structs = append(structs, xmlText(n-1), chars(n, "deep"))
	s := applyAll(t, [][]byte{update(1, 0, structs...)})
	if got, err := s.Text("xml"); err != nil || got != "deep" {
		t.Fatalf("%q, %v", short(got), err)
	}
	s.Apply(parse(t, deletion(1, [2]uint32{0, 1})))
	if got, err := s.Text("xml"); err != nil || got != "" {
		t.Fatalf("deleted, but %q, %v", short(got), err)
	}
}
