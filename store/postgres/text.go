package postgres

import (
	"strings"
	"unicode/utf8"
)

// storable says whether the database can hold a text at all: it takes no NUL and nothing but UTF-8. Nothing else is stored, so nothing else is found.
func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// clean gives a text that can be stored, with U+FFFD in place of what can't: for titles, names and what browsers say of themselves.
func clean(s string) string {
	if storable(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
