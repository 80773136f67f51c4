package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// rows appends n small rows to a document in one batch.
func (w *world) rows(d store.Document, author store.User, n int) store.Head {
	w.t.Helper()
	p := part(w.head(d.ID))
	for i := range n {
		p.Rows = append(p.Rows, newRow(author, fmt.Sprint(i), uint64(i%10+1)))
	}
	return w.append(p).Documents[0].Head
}

// covered saves a snapshot of all that a document has, which sweeps then take for old.
func (w *world) covered(d store.Document) {
	w.t.Helper()
	h := w.head(d.ID)
	if !w.saved(d.ID, w.load(d.ID).snapshot.Seq, store.Snapshot{Seq: h.Seq, Row: h.Row, State: []byte("state")}) {
		w.t.Fatal("the snapshot was not saved")
	}
	w.db.Age(w.t, w.s, 11*time.Minute)
}

// wantUnknown checks that nothing finds a document.
func (w *world) wantUnknown(h store.Head, member store.User) {
	w.t.Helper()
	for what, do := range map[string]func() error{
		"Document":     func() error { _, err := w.s.Document(w.ctx, h.Document, member.ID); return err },
		"Resolve":      func() error { _, err := w.s.Resolve(w.ctx, h.Document.String(), member.ID); return err },
		"Roles":        func() error { _, _, err := w.s.Roles(w.ctx, h.Document, []store.UserID{member.ID}); return err },
		"Members":      func() error { _, _, err := w.s.Members(w.ctx, h.Document, store.Page{}); return err },
		"LoadDocument": func() error { _, err := w.tryLoad(h.Document); return err },
		"Rows":         func() error { _, err := w.s.Rows(w.ctx, h.Document, 0, 10); return err },
		"ChangeEpoch":  func() error { _, err := w.s.ChangeEpoch(w.ctx, h.Document, h.Epoch); return err },
		"SaveSnapshot": func() error {
			_, err := w.s.SaveSnapshot(w.ctx, h.Document, h.Epoch, 0, store.Snapshot{Seq: h.Seq, Row: h.Row, State: []byte("late")})
			return err
		},
		"a new title":     func() error { return w.rename(h.Document, "x") },
		"a new key":       func() error { return w.setKey(h.Document, "x") },
		"TrashDocument":   func() error { return w.trash(h.Document) },
		"RestoreDocument": func() error { return w.restore(h.Document) },
		"PurgeDocument":   func() error { return w.s.PurgeDocument(w.ctx, h.Document) },
		"SetMember": func() error {
			_, err := w.s.SetMember(w.ctx, h.Document, member.ID, store.Editor, uuid.Nil)
			return err
		},
		"RemoveMember": func() error { return w.remove(h.Document, member.ID, uuid.Nil) },
		"a new owner":  func() error { _, err := w.transfer(h.Document, member.ID, uuid.Nil); return err },
	} {
		if err := do(); !errors.Is(err, store.ErrNotFound) {
			w.t.Errorf("%s of a document that is gone: %v", what, err)
		}
	}
	if heads, err := w.s.Heads(w.ctx, []store.DocumentID{h.Document}); err != nil || len(heads) != 0 {
		w.t.Errorf("heads of a document that is gone: %+v, %v", heads, err)
	}
	if s, err := w.s.LoadSnapshot(w.ctx, h.Document); err != nil || s.Seq != 0 {
		w.t.Errorf("snapshot of a document that is gone: %+v, %v", s, err)
	}
	res := w.append(part(h, newRow(member, "late", 77))).Documents[0]
	if res.Refused != store.DocumentGone || res.Rows[0].Refused != store.DocumentGone {
		w.t.Errorf("append to a document that is gone: %+v", res)
	}
}

// reborn makes a document of that id, and checks that it has nothing of the one before.
func (w *world) reborn(id store.DocumentID, owner, other store.User) {
	w.t.Helper()
	d, created, err := w.s.CreateDocument(w.ctx, store.Document{ID: id, Title: "new", Owner: owner.ID}, nil)
	ok(w.t, err)
	if !created || d.Kind != store.KindRich {
		w.t.Fatalf("created %v: %+v", created, d)
	}
	l := w.load(id)
	if len(l.rows)+len(l.bindings) != 0 || l.snapshot.Seq != 0 || l.head.Lenient {
		w.t.Fatalf("a new document has %+v", l)
	}
	if roles, _, err := w.s.Roles(w.ctx, id, []store.UserID{other.ID}); err != nil || roles[other.ID] != store.NoRole {
		w.t.Fatalf("roles %v, %v", roles, err)
	}
	w.write(d, owner, "first")
	w.covered(d)
	_, err = w.s.SweepCovered(w.ctx, 1000) // finds what has its number now in history, unless that is clear
	ok(w.t, err)
}

func testPurge(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	neighbour := w.document(ann)
	w.rows(neighbour, ann, 5)
	d, _, err := w.s.CreateDocument(w.ctx, store.Document{Key: "key", Title: "T", Kind: store.KindText, Owner: ann.ID}, []byte("start"))
	ok(t, err)
	w.member(d, bob, store.Editor)
	w.rows(d, bob, 2500)
	w.covered(d)
	_, err = w.s.SweepCovered(w.ctx, 1500) // some are history, some are to be
	ok(t, err)
	w.rows(neighbour, ann, 5)
	w.rows(d, bob, 1200)
	w.covered(d)
	w.rows(d, bob, 30)
	_, err = w.s.ChangeEpoch(w.ctx, d.ID, w.head(d.ID).Epoch)
	ok(t, err)

	want(t, w.s.PurgeDocument(w.ctx, uuid.New()), store.ErrNotFound)
	want(t, w.s.PurgeDocument(w.ctx, d.ID), store.ErrConflict)
	ok(t, w.trash(d.ID))
	ok(t, w.restore(d.ID))
	want(t, w.s.PurgeDocument(w.ctx, d.ID), store.ErrConflict)
	ok(t, w.trash(d.ID))
	before := w.head(d.ID)
	ok(t, w.s.PurgeDocument(w.ctx, d.ID))
	w.wantUnknown(before, ann)
	w.wantUnknown(before, bob)
	_, err = w.s.Resolve(w.ctx, "key", ann.ID)
	want(t, err, store.ErrNotFound)
	if trash := w.found(ann, store.DocumentQuery{Filter: store.FilterTrash}, 10); len(trash) != 0 {
		t.Fatalf("in the trash: %q", trash)
	}
	notices, _, err := w.s.Notices(w.ctx, bob.ID, false, store.Page{})
	ok(t, err)
	if len(notices) != 4 || notices[0].Title != "T" { // shared, deleted, restored, deleted
		t.Fatalf("notices of it: %+v", notices)
	}

	// Others have what they had, and go on.
	if texts := w.load(neighbour.ID).texts(); len(texts) != 10 {
		t.Fatalf("the neighbour has %q", texts)
	}
	w.write(neighbour, ann, "more")
	_, err = w.s.SweepCovered(w.ctx, 10_000)
	ok(t, err)
	w.reborn(d.ID, bob, ann)
	again, created, err := w.s.CreateDocument(w.ctx, store.Document{Key: "key", Owner: bob.ID}, nil)
	if err != nil || !created || again.ID == d.ID {
		t.Fatalf("another document of the key: %+v, %v, %v", again, created, err)
	}
}

// testPurgeLong: a log that is too long to be cleared away while somebody waits is cleared away by the next sweep.
func testPurgeLong(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	d := w.document(ann)
	w.rows(d, ann, 18_000)
	ok(t, w.trash(d.ID))
	before := w.head(d.ID)
	ok(t, w.s.PurgeDocument(w.ctx, d.ID))
	w.wantUnknown(before, ann)
	_, _, err := w.s.CreateDocument(w.ctx, store.Document{ID: d.ID, Owner: ann.ID}, nil)
	want(t, err, store.ErrConflict)
	other := w.document(ann)
	w.rows(other, ann, 10)
	if n, err := w.s.SweepTrash(w.ctx, 10); err != nil || n != 0 {
		t.Fatalf("swept %d documents, %v", n, err)
	}
	w.reborn(d.ID, bob, ann)
	if texts := w.load(other.ID).texts(); len(texts) != 10 {
		t.Fatalf("another document has %q", texts)
	}
}

// testPurgeRace: whatever is at work on a document while it is deleted for good ends, and leaves nothing.
func testPurgeRace(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	for round := range 8 {
		d := w.document(ann)
		w.member(d, bob, store.Editor)
		w.rows(d, ann, 600)
		w.covered(d)
		h := w.rows(d, ann, 10)
		if round%2 == 0 {
			ok(t, w.trash(d.ID))
			h = w.head(d.ID)
		}
		gone := func(err error) error { // or not yet, or not at all
			if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
				return nil
			}
			return err
		}
		errs := together(7, func(i int) error {
			switch i {
			case 0:
				_, err := w.s.TrashDocument(w.ctx, d.ID, uuid.Nil)
				return gone(err)
			case 1, 2:
				return gone(w.s.PurgeDocument(w.ctx, d.ID))
			case 3:
				_, err := w.s.Append(w.ctx, newBatch(part(h, newRow(ann, "late", 5))))
				return err
			case 4:
				_, err := w.s.SweepCovered(w.ctx, 1000)
				return err
			case 5:
				_, err := w.s.SaveSnapshot(w.ctx, d.ID, h.Epoch, 600, store.Snapshot{Seq: h.Seq, Row: h.Row, State: []byte("late")})
				return gone(err)
			default:
				return gone(w.remove(d.ID, bob.ID, uuid.Nil))
			}
		})
		count(t, errs, nil)
		ok(t, gone(w.trash(d.ID)))
		ok(t, gone(w.s.PurgeDocument(w.ctx, d.ID)))
		w.wantUnknown(h, ann)
		w.reborn(d.ID, bob, ann)
	}
}

func testSweepTrash(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	sweep := func(limit, want int) {
		t.Helper()
		if n, err := w.s.SweepTrash(w.ctx, limit); err != nil || n != want {
			t.Fatalf("swept %d documents, %v; want %d", n, err, want)
		}
	}
	sweep(10, 0)
	kept := w.document(ann)
	var old []store.Document
	for range 5 {
		d := w.document(ann)
		w.rows(d, ann, 10)
		ok(t, w.trash(d.ID))
		old = append(old, d)
	}
	back := old[4]
	ok(t, w.restore(back.ID))
	db.Age(t, w.s, store.TrashTime-time.Minute)
	young := w.document(ann)
	ok(t, w.trash(young.ID))
	sweep(10, 0)
	db.Age(t, w.s, 2*time.Minute)
	sweep(0, 0)
	sweep(3, 3)
	sweep(3, 1)
	sweep(3, 0)
	for _, d := range old[:4] {
		_, err := w.s.Document(w.ctx, d.ID, ann.ID)
		want(t, err, store.ErrNotFound)
	}
	for _, d := range []store.Document{kept, back, young} {
		_, err := w.s.Document(w.ctx, d.ID, ann.ID)
		ok(t, err)
	}
	if texts := w.load(back.ID).texts(); len(texts) != 10 {
		t.Fatalf("a document that came back has %q", texts)
	}
}

// testSweepStuck: a document that can't be deleted, or not cleared away, keeps no other one in the trash, whichever comes first.
func testSweepStuck(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	trashed := func() store.Document {
		t.Helper()
		d := w.document(ann)
		w.append(part(w.head(d.ID), newRow(ann, "text", 7)))
		ok(t, w.trash(d.ID))
		return d
	}
	stuck, uncleared, good := trashed(), trashed(), trashed()
	db.Stick(t, w.s, "heads", stuck.ID)
	db.Stick(t, w.s, "bindings", uncleared.ID)
	db.Age(t, w.s, store.TrashTime+time.Minute)
	sweeps := func(n int, gone ...store.Document) {
		t.Helper()
		swept, err := w.s.SweepTrash(w.ctx, 10)
		if swept != n || err == nil || !strings.Contains(err.Error(), stuck.ID.String()) || !strings.Contains(err.Error(), uncleared.ID.String()) {
			t.Fatalf("swept %d documents, want %d, %v", swept, n, err)
		}
		for _, d := range gone {
			_, err := w.s.Document(w.ctx, d.ID, ann.ID)
			want(t, err, store.ErrNotFound)
		}
		_, err = w.s.Document(w.ctx, stuck.ID, ann.ID)
		ok(t, err)
	}
	sweeps(2, good, uncleared)
	sweeps(0)
	later := trashed()
	db.Age(t, w.s, store.TrashTime+time.Minute)
	sweeps(1, later)
}
