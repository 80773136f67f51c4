package crdt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
)

// TestRelativePositionMeans shows what a relative position is for.
func TestRelativePositionMeans(t *testing.T) {
	d, text := newText(t, "hello")
	caret := text.RelativePosition(2, 0)      // before the first l
	selection := text.RelativePosition(2, -1) // behind the e
	end, start := text.RelativePosition(5, 0), text.RelativePosition(0, -1)
	check := func(what string, want ...int) {
		t.Helper()
		for i, rp := range []crdt.RelativePosition{caret, selection, end, start} {
			in, index, ok := d.Resolve(rp)
			if name, _ := in.RootName(); !ok || name != "text" || index != want[i] {
				t.Errorf("%s: position %d is at %d (%v), want %d", what, i, index, ok, want[i])
			}
		}
	}
	check("at first", 2, 2, 5, 0)
	edit(t, d, func(tx *crdt.Tx) error { return tx.InsertText(text, 2, "XY", nil) })
	check("text came between", 4, 2, 7, 0)
	edit(t, d, func(tx *crdt.Tx) error { return tx.Delete(text, 0, 5) })
	check("both neighbours are gone", 0, 0, 2, 0)
	if _, _, ok := d.Resolve(crdt.RelativePosition{Item: &crdt.ID{Client: 99}}); ok {
		t.Error("resolves an element that nobody has")
	}
	if _, _, ok := d.Resolve(crdt.RelativePosition{Root: "none"}); ok {
		t.Error("resolves the end of a root that nobody has")
	}
}

func TestRelativePositionRefused(t *testing.T) {
	for _, b := range [][]byte{
		nil, {3, 0}, {0}, {0, 1}, {0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0}, {1, 2, 0xc3, 0x28, 0}, {1, 200, 'a'}, {0, 1, 2, 0, 0}, {0, 1, 2, 0x80},
	} {
		if rp, err := crdt.ParseRelativePosition(b); !errors.Is(err, crdt.ErrMalformed) {
			t.Errorf("%x is %+v, %v", b, rp, err)
		}
	}
	for _, s := range []string{`1`, `{"item":{"client":-1,"clock":0}}`, `{"item":{"client":1,"clock":2147483648}}`, `{"type":{"client":9007199254740992,"clock":0}}`} {
		var rp crdt.RelativePosition
		if err := json.Unmarshal([]byte(s), &rp); !errors.Is(err, crdt.ErrMalformed) {
			t.Errorf("%s is %+v, %v", s, rp, err)
		}
	}
}

// TestRelativePositionsAsYjs makes positions everywhere in the documents of random
// sessions, deleted content and all, and lets Yjs make and resolve the same.
func TestRelativePositionsAsYjs(t *testing.T) {
	type program struct {
		Updates   [][]byte `json:"updates"`
		Places    []call   `json:"places"`
		Positions [][]byte `json:"positions"`
	}
	var programs []program
	var sessions []*session
	var made [][]crdt.RelativePosition
	for seed := range 40 {
		s := randomSession(t, 100_000+seed)
		p := program{Updates: s.Updates}
		var all []crdt.RelativePosition
		for _, in := range existing(s.docs[0]) {
			for at := range min(in.Len(), 30) + 2 {
				for assoc := -1; assoc <= 1; assoc++ {
					p.Places = append(p.Places, name(in, call{At: at, Assoc: assoc}))
					all = append(all, in.RelativePosition(at, assoc))
				}
			}
		}
		for _, rp := range all {
			p.Positions = append(p.Positions, rp.Encode())
		}
		// Elements that may be deleted, or no part of a list.
		for _, peer := range s.Peers {
			for clock := range uint32(40) {
				for assoc := -1; assoc <= 0; assoc++ {
					rp := crdt.RelativePosition{Item: &crdt.ID{Client: peer.Client, Clock: clock}, Assoc: assoc}
					p.Positions = append(p.Positions, rp.Encode(), crdt.RelativePosition{Type: rp.Item, Assoc: assoc}.Encode())
				}
			}
		}
		programs, sessions, made = append(programs, p), append(sessions, s), append(made, all)
	}
	answers := askEdits[struct {
		Made []struct {
			Bytes []byte
			JSON  string
		}
		Resolved []*struct {
			Index int
			Root  *string
			ID    []uint64
		}
	}](t, "position", programs)
	count := 0
	for i, a := range answers {
		for k, want := range a.Made {
			got := made[i][k]
			text, err := json.Marshal(got)
			if err != nil || !bytes.Equal(got.Encode(), want.Bytes) || string(text) != want.JSON {
				t.Fatalf("session %d: %+v is %x, %s (%v), in Yjs %x, %s", i, got, got.Encode(), text, err, want.Bytes, want.JSON)
			}
			var again crdt.RelativePosition
			if err := json.Unmarshal(text, &again); err != nil || !bytes.Equal(again.Encode(), want.Bytes) {
				t.Fatalf("session %d: %s becomes %+v, %v", i, text, again, err)
			}
		}
		for k, want := range a.Resolved {
			rp, err := crdt.ParseRelativePosition(programs[i].Positions[k])
			if err != nil || !bytes.Equal(rp.Encode(), programs[i].Positions[k]) {
				t.Fatalf("%x becomes %+v, %v", programs[i].Positions[k], rp, err)
			}
			in, index, ok := sessions[i].docs[0].Resolve(rp)
			if want == nil || !ok {
				// Yjs makes a root type of any name that it is asked for.
				if ok || want != nil && (want.Root == nil || want.Index != 0 || rp.Item != nil) {
					t.Fatalf("session %d: %+v is at %d (%v), in Yjs %+v", i, rp, index, ok, want)
				}
				continue
			}
			count++
			c := name(in, call{})
			if index != want.Index || (c.Root == nil) != (want.Root == nil) || c.Root != nil && *c.Root != *want.Root || c.ID != nil && (c.ID[0] != want.ID[0] || c.ID[1] != want.ID[1]) {
				t.Fatalf("session %d: %+v is at %d in %+v, in Yjs at %+v", i, rp, index, c, want)
			}
		}
	}
	t.Logf("%d positions resolved", count)
}

// existing gives all types of a document.
func existing(d *crdt.Doc) []crdt.Type {
	var all []crdt.Type
	for _, r := range editRoots {
		if t, ok := d.Root(r.name); ok {
			all = append(all, t.As(r.kind))
		}
	}
	return slices.DeleteFunc(withNested(all), func(t crdt.Type) bool { return t.Kind() == crdt.KindMap || t.Kind() == crdt.KindXMLHook })
}

func FuzzParseRelativePosition(f *testing.F) {
	id := &crdt.ID{Client: 5, Clock: 7}
	for _, rp := range []crdt.RelativePosition{{Item: id}, {Type: id, Assoc: -1}, {Root: "text", Assoc: 3}, {}} {
		f.Add(rp.Encode())
	}
	d, _ := newText(f, "some text")
	f.Fuzz(func(t *testing.T, b []byte) {
		rp, err := crdt.ParseRelativePosition(b)
		if err != nil {
			if !errors.Is(err, crdt.ErrMalformed) {
				t.Fatalf("not an ErrMalformed: %v", err)
			}
			return
		}
		again, err := crdt.ParseRelativePosition(rp.Encode())
		if err != nil || !bytes.Equal(again.Encode(), rp.Encode()) {
			t.Fatalf("%x becomes %+v, then %+v (%v)", b, rp, again, err)
		}
		if in, index, ok := d.Resolve(rp); ok && (index < 0 || index > in.Len()) {
			t.Fatalf("%+v is at %d of %d", rp, index, in.Len())
		}
	})
}
