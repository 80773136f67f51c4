package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

func testDocumentKey(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	d, other := w.document(ann), w.document(bob)
	key := func(d store.Document, key string) error { return w.setKey(d.ID, key) }
	found := func(name string) store.DocumentID {
		t.Helper()
		a, err := w.s.Resolve(w.ctx, name, ann.ID)
		ok(t, err)
		return a.Document
	}
	db.Age(t, w.s, time.Hour)
	ok(t, key(d, "plan"))
	got, err := w.s.Document(w.ctx, d.ID, ann.ID)
	ok(t, err)
	if got.Key != "plan" || time.Since(got.UpdatedAt) > time.Minute {
		t.Fatalf("document with a key: %+v", got)
	}
	same(t, "document of the key", found("plan"), d.ID)
	want(t, key(other, "plan"), store.ErrConflict)
	want(t, key(other, d.ID.String()), store.ErrConflict)
	ok(t, key(d, "plan"))
	ok(t, key(d, "another"))
	_, err = w.s.Resolve(w.ctx, "plan", ann.ID)
	want(t, err, store.ErrNotFound)
	ok(t, key(other, "plan"))
	same(t, "document of the key", found("plan"), other.ID)
	ok(t, key(d, ""))
	ok(t, key(d, ""))
	_, err = w.s.Resolve(w.ctx, "another", ann.ID)
	want(t, err, store.ErrNotFound)
	ok(t, key(d, d.ID.String()))
	same(t, "a document of its id as its key", found(d.ID.String()), d.ID)
	want(t, key(store.Document{ID: uuid.New()}, "x"), store.ErrNotFound)

	docs := []store.Document{w.document(ann), w.document(ann), w.document(ann)}
	errs := together(len(docs), func(i int) error { return key(docs[i], "race") })
	if n := count(t, errs, store.ErrConflict); n != len(docs)-1 {
		t.Fatalf("%d of %d were refused one key", n, len(docs))
	}
}

func testTransfer(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob, eve := w.user("ann"), w.user("bob"), w.user("eve")
	d := w.document(ann)
	version := w.head(d.ID).AccessVersion
	transfer := func(to, by store.User, told int) {
		t.Helper()
		got, err := w.transfer(d.ID, to.ID, by.ID)
		ok(t, err)
		if len(got) != told || told == 1 && got[0] != to.ID {
			t.Fatalf("told: %v", got)
		}
		doc, err := w.s.Document(w.ctx, d.ID, to.ID)
		ok(t, err)
		if doc.Owner != to.ID || doc.OwnerName != to.Name || doc.Role != store.Owner {
			t.Fatalf("document of %s: %+v", to.Name, doc)
		}
	}
	role := func(u store.User) store.Role {
		t.Helper()
		roles, _, err := w.s.Roles(w.ctx, d.ID, []store.UserID{u.ID})
		ok(t, err)
		return roles[u.ID]
	}
	transfer(bob, ann, 1) // who was no member
	if h := w.head(d.ID); h.AccessVersion != version+1 {
		t.Fatalf("access version %d, before %d", h.AccessVersion, version)
	}
	same(t, "role of the owner before", role(ann), store.Owner)
	transfer(bob, ann, 0) // again
	if h := w.head(d.ID); h.AccessVersion != version+1 {
		t.Fatal("a transfer that changes nothing moved the access version")
	}
	transfer(ann, bob, 0) // who is an owner already
	w.member(d, eve, store.Viewer)
	transfer(eve, eve, 0) // who did it
	transfer(ann, store.User{}, 0)
	notices, _, err := w.s.Notices(w.ctx, bob.ID, false, store.Page{})
	ok(t, err)
	if len(notices) != 1 || notices[0].Kind != store.NoticeShared || notices[0].Role != store.Owner || notices[0].Actor != ann.ID {
		t.Fatalf("notices: %+v", notices)
	}

	ok(t, w.remove(d.ID, bob.ID, uuid.Nil))
	transfer(bob, ann, 1)
	db.Disable(t, w.s, eve.ID)
	for _, to := range []store.UserID{eve.ID, uuid.New(), uuid.Nil} {
		_, err := w.transfer(d.ID, to, ann.ID)
		want(t, err, store.ErrNotFound)
	}
	_, err = w.transfer(uuid.New(), bob.ID, ann.ID)
	want(t, err, store.ErrNotFound)
	transfer(bob, ann, 0)
}
