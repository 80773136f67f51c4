package crdt_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// script takes numbers from the bytes of a fuzzer, and goes on with a fixed sequence
// when there are no more: rand.Rand asks again where it doesn't like a number.
type script struct {
	b []byte
	n uint64
}

func (s *script) Uint64() uint64 {
	s.n += 0x9e3779b97f4a7c15
	if len(s.b) == 0 {
		return s.n
	}
	n := s.b[0]
	s.b = s.b[1:]
	// IntN looks at the upper bits first.
	return uint64(n)<<56 | uint64(n)<<24 | s.n>>40
}

// FuzzEdits makes of bytes transactions of two clients, good and bad calls, undoing
// and taking over. No call may panic, a failed transaction must leave no trace, and
// what a document shows must be what its State and what the updates make.
func FuzzEdits(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		b := make([]byte, 20+r.IntN(200))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<12 {
			return
		}
		s := &script{b: b}
		e := &editor{Rand: rand.New(s)}
		var docs [2]*crdt.Doc
		for i := range docs {
			d, err := crdt.NewDoc(crdt.NewState())
			if err != nil {
				t.Fatal(err)
			}
			docs[i] = d
		}
		var made []crdt.Update
		var told [2]int // how many of made a document has
		for len(s.b) > 0 {
			who := e.IntN(2)
			d := docs[who]
			before, hash := viewDoc(d), d.State().Hash()
			u, err := d.Edit(uint64(5+3*who), func(tx *crdt.Tx) error {
				switch roll := e.IntN(8); {
				case roll == 0 && len(made) > 0:
					u := made[e.IntN(len(made))]
					return tx.Undo(u.Inserts(), u.Deletes())
				case roll == 1:
					return errors.Join(e.transaction(tx), wild(e, tx))
				}
				return e.transaction(tx)
			})
			if err != nil {
				if !errors.Is(err, crdt.ErrEdit) {
					t.Fatal(err)
				}
				if viewDoc(d) != before || d.State().Hash() != hash {
					t.Fatalf("after %v it is\n%s\nwas\n%s", err, viewDoc(d), before)
				}
				continue
			}
			checkEncoded(t, "edit", u)
			made = append(made, u)
			if e.IntN(3) == 0 {
				told[who] = tell(t, docs[who], made, told[who])
			}
		}
		for i, d := range docs {
			tell(t, d, made, told[i])
			fresh, err := crdt.NewDoc(d.State())
			if err != nil {
				t.Fatal(err)
			}
			again := crdt.NewState()
			again.Apply(crdt.MergeUpdates(made...))
			if want := viewDoc(docs[0]); viewDoc(d) != want || viewDoc(fresh) != want || again.Hash() != d.State().Hash() {
				t.Fatalf("document %d is\n%s\nloaded again\n%s\nthe other\n%s", i, viewDoc(d), viewDoc(fresh), want)
			}
			checkLoadsAgain(t, d)
		}
	})
}

// tell gives a document the updates from the n-th on.
func tell(t *testing.T, d *crdt.Doc, made []crdt.Update, n int) int {
	t.Helper()
	for _, u := range made[n:] {
		if err := d.Apply(u); err != nil {
			t.Fatal(err)
		}
	}
	return len(made)
}

func checkLoadsAgain(t *testing.T, d *crdt.Doc) {
	t.Helper()
	u := parse(t, d.State().Encode().Bytes())
	s := crdt.NewState()
	s.Apply(u)
	if !bytes.Equal(s.EncodeStateVector(), d.State().EncodeStateVector()) {
		t.Fatal("another state vector after encoding")
	}
}

// wild makes a call that is most likely an error.
func wild(e *editor, tx *crdt.Tx) error {
	all := e.types()
	t := all[e.IntN(len(all))]
	at, n := e.IntN(20)-5, e.IntN(20)-5
	switch e.IntN(8) {
	case 0:
		return tx.InsertText(t, at, "x\xff"[:1+e.IntN(2)], nil)
	case 1:
		return tx.Delete(t, at, n)
	case 2:
		return tx.Format(t, at, n, lib0.Object{{Key: "k", Value: e.value()}})
	case 3:
		return tx.Insert(t, at, e.value(), struct{}{})
	case 4:
		return tx.Set(t, "k\xff"[:1+e.IntN(2)], e.value())
	case 5:
		return tx.ApplyDelta(t, []crdt.Change{{Retain: at}, {Delete: n}, {Insert: e.value()}})
	case 6:
		_, err := tx.InsertType(t, at, crdt.Kind(e.IntN(9)), "name")
		return err
	}
	var ids crdt.IDSet
	ids.Add(crdt.ID{Client: uint64(5 + 3*e.IntN(3)), Clock: uint32(e.IntN(40))}, uint32(e.IntN(20)))
	return tx.Undo(ids, ids)
}
