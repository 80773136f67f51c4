package crdt_test

import (
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
)

// TestFit shows what a room asks for, case by case. The room has "abc" of client 1
// committed, "d" in flight, and nothing gathered yet.
func TestFit(t *testing.T) {
	abc := update(1, 0, first("abc"))
	d := update(1, 3, after(1, 2, "d"))
	refuse2 := func(client uint64) bool { return client != 2 }
	for _, c := range []struct {
		name  string
		frame []byte
		owner func(uint64) bool
		want  crdt.Fit // without Update, Bytes and Writers
		bytes []byte   // of Update; nil: those of the frame
	}{
		{name: "nothing", frame: []byte{0, 0}, want: crdt.Fit{Layer: -1}},
		{name: "committed already", frame: abc, want: crdt.Fit{Layer: 0}, bytes: []byte{0, 0}},
		{name: "in flight already", frame: d, want: crdt.Fit{Layer: 1}, bytes: []byte{0, 0}},
		{name: "a new letter", frame: update(1, 4, after(1, 3, "e")), want: crdt.Fit{Structs: 1, Layer: -1}},
		{name: "partly known", frame: update(1, 2, after(1, 1, "cde")), want: crdt.Fit{Structs: 1, Layer: 1}, bytes: update(1, 4, after(1, 3, "e"))},
		{name: "a gap", frame: update(1, 5, after(1, 4, "f")), want: crdt.Fit{Missing: true, Layer: -1}, bytes: []byte{0, 0}},
		{name: "a new client", frame: update(2, 0, after(1, 3, "x")), want: crdt.Fit{Structs: 1, NewClients: 1, Layer: -1}},
		{name: "a new root", frame: update(2, 0, content(8, 1, 126)), want: crdt.Fit{Structs: 1, NewClients: 1, NewRoots: 1, Layer: -1}},
		{name: "another's client id", frame: update(2, 0, after(1, 3, "x")), owner: refuse2, want: crdt.Fit{Foreign: true, Layer: -1}, bytes: []byte{0, 0}},
		{name: "an origin unknown", frame: update(2, 0, after(1, 4, "x")), want: crdt.Fit{Missing: true, Layer: -1}, bytes: []byte{0, 0}},
		{name: "up to the first that waits", frame: update(2, 0, after(1, 3, "x"), after(7, 0, "y"), after(2, 1, "z")), want: crdt.Fit{Structs: 1, NewClients: 1, Missing: true, Layer: -1}, bytes: update(2, 0, after(1, 3, "x"))},
		{name: "a delete", frame: deletion(1, [2]uint32{0, 2}), want: crdt.Fit{DeleteRanges: 1, Layer: -1}},
		{name: "a delete that is never refused", frame: deletion(1, [2]uint32{3, 1}), owner: func(uint64) bool { return false }, want: crdt.Fit{DeleteRanges: 1, Layer: -1}},
		{name: "a delete of the future", frame: deletion(1, [2]uint32{4, 9}), want: crdt.Fit{Missing: true, Layer: -1}, bytes: []byte{0, 0}},
		{name: "a delete into the future", frame: deletion(1, [2]uint32{3, 9}), want: crdt.Fit{DeleteRanges: 1, Missing: true, Layer: -1}, bytes: deletion(1, [2]uint32{3, 1})},
		{name: "deletes of clients in ascending order", frame: []byte{0, 2, 1, 1, 0, 1, 3, 1, 0, 1}, want: crdt.Fit{DeleteRanges: 1, Missing: true, Layer: -1}, bytes: deletion(1, [2]uint32{0, 1})},
		{name: "a client's deletes twice", frame: []byte{0, 2, 1, 1, 0, 2, 1, 1, 1, 2}, want: crdt.Fit{DeleteRanges: 1, Layer: -1}, bytes: deletion(1, [2]uint32{0, 3})},
	} {
		t.Run(c.name, func(t *testing.T) {
			known := crdt.Known{applyAll(t, [][]byte{abc}), applyAll(t, [][]byte{d}), crdt.NewState()}
			got := known.Fit(parse(t, c.frame), c.owner)
			want := c.bytes
			if want == nil {
				want = c.frame
			}
			if string(got.Update.Bytes()) != string(want) {
				t.Errorf("Update is %x, want %x", got.Update.Bytes(), want)
			}
			if len(got.Writers) > 1 || (len(got.Writers) == 1) != (got.Structs > 0) {
				t.Errorf("Writers are %v", got.Writers)
			}
			got.Update, got.Bytes, got.Writers = crdt.Update{}, 0, nil
			if got.Structs != c.want.Structs || got.NewClients != c.want.NewClients || got.NewRoots != c.want.NewRoots ||
				got.DeleteRanges != c.want.DeleteRanges || got.Missing != c.want.Missing || got.Foreign != c.want.Foreign || got.Layer != c.want.Layer {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestFitAroundDetached fits a struct to a layer that has clocks in its middle
// already, behind a gap, as a row from elsewhere may leave it: only what is new is
// kept, in pieces, with a Skip over what the layer has.
func TestFitAroundDetached(t *testing.T) {
	layer := applyAll(t, [][]byte{update(1, 3, after(1, 2, "d"))})
	known := crdt.Known{layer, crdt.NewState()}
	fit := known.Fit(parse(t, update(1, 0, first("abcdef"))), nil)
	want := update(1, 0, first("abc"), []byte{10, 1}, after(1, 3, "ef"))
	if string(fit.Update.Bytes()) != string(want) || fit.Structs != 2 || fit.Missing || fit.Layer != 0 {
		t.Errorf("%x %+v, want %x", fit.Update.Bytes(), fit, want)
	}
	layer.Apply(fit.Update)
	checkText(t, layer, "abcdef")
	// What is known behind the gap is nothing to wait for; what goes on from there is.
	layer = applyAll(t, [][]byte{update(1, 3, after(1, 2, "d"))})
	known = crdt.Known{layer, crdt.NewState()}
	if fit := known.Fit(parse(t, update(1, 3, after(1, 2, "d"))), nil); !fit.Update.IsEmpty() || fit.Missing || fit.Layer != 0 {
		t.Errorf("known behind a gap: %+v", fit)
	}
	if fit := known.Fit(parse(t, update(1, 4, after(1, 3, "e"))), nil); !fit.Update.IsEmpty() || !fit.Missing {
		t.Errorf("new behind a gap: %+v", fit)
	}
}

// TestSlicedPairs cuts strings inside surrogate pairs: both halves become U+FFFD,
// and lengths stay.
func TestSlicedPairs(t *testing.T) {
	s := applyAll(t, [][]byte{update(1, 0, first("a😀😀b"))})
	for clock, want := range map[uint32]string{1: "😀😀b", 2: "\uFFFD😀b", 3: "😀b", 4: "\uFFFDb", 5: "b"} {
		got := s.Diff(crdt.StateVector{1: clock})
		if string(got.Bytes()) != string(update(1, clock, after(1, clock-1, want))) {
			t.Errorf("from clock %d: %x", clock, got.Bytes())
		}
	}
	// A gap that is filled by a longer string takes its middle.
	s = applyAll(t, [][]byte{update(1, 4, after(1, 3, "\uFFFDb")), update(1, 0, first("a\uFFFD")), update(1, 0, first("a😀😀b"))})
	checkText(t, s, "a\uFFFD\uFFFD\uFFFD\uFFFDb")
	if got := s.StateVector()[1]; got != 6 {
		t.Errorf("%d clocks", got)
	}
}

// TestWireGC holds that deleted content is left out where that makes the encoding
// smaller, and kept where it doesn't.
func TestWireGC(t *testing.T) {
	long := update(1, 0, first("keep "+string(make([]byte, 200))+" keep"))
	s := applyAll(t, [][]byte{long, deletion(1, [2]uint32{5, 200})})
	if got := len(s.Encode().Bytes()); got > 60 {
		t.Errorf("%d bytes with the deleted part", got)
	}
	checkText(t, s, "keep  keep")
	again := applyAll(t, [][]byte{s.Encode().Bytes()})
	checkText(t, again, "keep  keep")
	if got := load(t, s.Encode().Bytes()).Text["text"]; got != "keep  keep" {
		t.Errorf("Yjs reads %q", got)
	}
	s = applyAll(t, [][]byte{update(1, 0, first("abc")), deletion(1, [2]uint32{1, 1})})
	if u := s.Encode(); u.Facts().Structs != 1 {
		t.Errorf("one letter is worth %d structs", u.Facts().Structs)
	}
}
