package crdt

import (
	"testing"

	"pgregory.net/rapid"
)

// TestUTF16Offsets finds a position from both ends.
func TestUTF16Offsets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "letters ", "é", "日", "😀"}), 0, 12).Draw(t, "parts")
		var s []byte
		for _, p := range parts {
			s = append(s, p...)
		}
		units := utf16Len(s)
		n := rapid.IntRange(0, units).Draw(t, "position")
		at, cut := utf16Offset(s, n)
		before, cutBefore := utf16OffsetBefore(s, units-n)
		if at != before || cut != cutBefore {
			t.Fatalf("position %d of %q is at %d (%v), from the end at %d (%v)", n, s, at, cut, before, cutBefore)
		}
		if got := utf16Len(s[:at]); !cut && got != n || cut && got != n-1 {
			t.Fatalf("%d units before position %d (%v)", got, n, cut)
		}
	})
}
