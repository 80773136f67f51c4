package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

func testDocuments(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	d, created, err := w.s.CreateDocument(w.ctx, store.Document{Title: "Plan", Owner: ann.ID}, []byte("start"))
	ok(t, err)
	if !created || d.ID == uuid.Nil || d.CreatedAt.IsZero() || !d.DeletedAt.IsZero() {
		t.Fatalf("created %v: %+v", created, d)
	}
	same(t, "document", d, store.Document{
		ID: d.ID, Title: "Plan", Kind: store.KindRich, Owner: ann.ID, OwnerName: "ann", Role: store.Owner, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	})
	got, err := w.s.Document(w.ctx, d.ID, ann.ID)
	ok(t, err)
	same(t, "document read back", got, d)
	l := w.load(d.ID)
	if len(l.rows) != 1 || l.rows[0].Seq != 1 || l.rows[0].Author != ann.ID || string(l.rows[0].Update) != "start" || l.head.Epoch == uuid.Nil {
		t.Fatalf("first row: %+v, head %+v", l.rows, l.head)
	}
	empty := w.document(ann)
	if h := w.head(empty.ID); h.Seq != 0 || h.Row != 0 || h.Epoch == l.head.Epoch {
		t.Fatalf("head of an empty document: %+v", h)
	}

	for _, kind := range []store.DocumentKind{store.KindRich, store.KindText} {
		k, _, err := w.s.CreateDocument(w.ctx, store.Document{Title: "K", Kind: kind, Owner: ann.ID}, nil)
		ok(t, err)
		got, err := w.s.Document(w.ctx, k.ID, ann.ID)
		ok(t, err)
		same(t, "kind", []store.DocumentKind{k.Kind, got.Kind}, []store.DocumentKind{kind, kind})
	}
	if _, _, err := w.s.CreateDocument(w.ctx, store.Document{Kind: "sheet", Owner: ann.ID}, nil); err == nil {
		t.Fatal("an unknown kind was stored")
	}

	_, err = w.s.Document(w.ctx, d.ID, bob.ID)
	want(t, err, store.ErrNotFound)
	_, err = w.s.Document(w.ctx, uuid.New(), ann.ID)
	want(t, err, store.ErrNotFound)
	_, _, err = w.s.CreateDocument(w.ctx, store.Document{Owner: uuid.New()}, nil)
	want(t, err, store.ErrNotFound)
	_, _, err = w.s.CreateDocument(w.ctx, store.Document{ID: d.ID, Owner: ann.ID}, nil)
	want(t, err, store.ErrConflict)

	ok(t, w.rename(d.ID, "Plan B"))
	got, err = w.s.Document(w.ctx, d.ID, ann.ID)
	ok(t, err)
	same(t, "title", got.Title, "Plan B")
	want(t, w.rename(uuid.New(), "x"), store.ErrNotFound)

	db.Age(t, w.s, time.Hour)
	w.write(d, ann, "content")
	got, err = w.s.Document(w.ctx, d.ID, ann.ID)
	ok(t, err)
	if time.Since(got.UpdatedAt) > time.Minute || time.Since(got.CreatedAt) < time.Hour {
		t.Fatalf("after a change of content: created %v, updated %v", got.CreatedAt, got.UpdatedAt)
	}
}

func testKeys(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	create := func(key string, owner store.User) (store.Document, bool, error) {
		return w.s.CreateDocument(w.ctx, store.Document{Key: key, Title: "T", Owner: owner.ID}, []byte("x"))
	}
	d, created, err := create("wiki/home", ann)
	if err != nil || !created || d.Key != "wiki/home" {
		t.Fatalf("create: %+v, %v, %v", d, created, err)
	}
	again, created, err := create("wiki/home", ann)
	if err != nil || created {
		t.Fatalf("create again: %v, %v", created, err)
	}
	same(t, "existing document", again, d)
	if h := w.head(d.ID); h.Seq != 1 {
		t.Fatalf("creating again wrote to the log: %+v", h)
	}
	_, _, err = create("wiki/home", bob)
	want(t, err, store.ErrConflict)
	w.member(d, bob, store.Editor)
	_, _, err = create("wiki/home", bob)
	want(t, err, store.ErrConflict) // an editor does not own it
	_, _, err = create(d.ID.String(), bob)
	want(t, err, store.ErrConflict) // or the key would hide that document
	ok(t, w.trash(d.ID))
	_, _, err = create("wiki/home", ann)
	want(t, err, store.ErrDeleted)
	_, _, err = create("wiki/home", bob)
	want(t, err, store.ErrConflict)
	ok(t, w.restore(d.ID))

	ids := make([]store.DocumentID, 8)
	made := make([]bool, 8)
	count(t, together(8, func(i int) (err error) {
		var d store.Document
		d, made[i], err = create("race", ann)
		ids[i] = d.ID
		return err
	}), nil)
	n := 0
	for i := range ids {
		if ids[i] != ids[0] {
			t.Fatal("one key gave two documents")
		}
		if made[i] {
			n++
		}
	}
	if n != 1 {
		t.Fatalf("%d calls say that they created the document", n)
	}

	version := w.head(d.ID).AccessVersion
	uuidKey := uuid.NewString()
	k, _, err := create(uuidKey, ann)
	ok(t, err)
	for _, c := range []struct {
		name string
		user store.UserID
		want store.Access
	}{
		{"wiki/home", ann.ID, store.Access{Document: d.ID, Role: store.Owner, Version: version}},
		{d.ID.String(), bob.ID, store.Access{Document: d.ID, Role: store.Editor, Version: version}},
		{d.ID.String(), uuid.New(), store.Access{Document: d.ID, Version: version}},
		{uuidKey, ann.ID, store.Access{Document: k.ID, Role: store.Owner, Version: w.head(k.ID).AccessVersion}},
	} {
		got, err := w.s.Resolve(w.ctx, c.name, c.user)
		ok(t, err)
		same(t, "access to "+c.name, got, c.want)
	}
	for _, name := range []string{"", "WIKI/HOME", "wiki/hom", uuid.NewString(), "{" + d.ID.String() + "}"} {
		_, err := w.s.Resolve(w.ctx, name, ann.ID)
		want(t, err, store.ErrNotFound)
	}
	ok(t, w.trash(d.ID))
	got, err := w.s.Resolve(w.ctx, "wiki/home", ann.ID)
	ok(t, err)
	if !got.Deleted || got.Role != store.Owner || got.Version <= version {
		t.Fatalf("access to a document in the trash: %+v", got)
	}
}

func testLists(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	list := func(user store.User, query string, limit int) (ids []store.DocumentID) {
		t.Helper()
		for _, d := range pages(t, limit, func(p store.Page) ([]store.Document, string, error) {
			return w.s.FindDocuments(w.ctx, user.ID, store.DocumentQuery{Text: query}, p)
		}) {
			ids = append(ids, d.ID)
		}
		return ids
	}
	var docs []store.DocumentID // newest first
	for i := range 9 {
		title := fmt.Sprintf("Report %d", i)
		if i == 4 {
			title = "Été 100%_sûr"
		}
		d, _, err := w.s.CreateDocument(w.ctx, store.Document{Title: title, Owner: ann.ID}, nil)
		ok(t, err)
		docs = append([]store.DocumentID{d.ID}, docs...)
		db.Age(t, w.s, time.Minute)
	}
	if other := list(bob, "", 10); len(other) != 0 {
		t.Fatalf("bob sees %d documents", len(other))
	}
	for _, limit := range []int{1, 2, 3, 9, 100} {
		same(t, fmt.Sprintf("pages of %d", limit), list(ann, "", limit), docs)
	}
	for query, n := range map[string]int{"report": 8, "REPORT 3": 1, "ÉTÉ": 1, "été": 1, "100%_S": 1, "%": 1, "_": 1, "'": 0, "nothing": 0} {
		if got := list(ann, query, 3); len(got) != n {
			t.Errorf("%q finds %d documents, want %d", query, len(got), n)
		}
	}
	badCursors(t, func(p store.Page) error {
		_, _, err := w.s.FindDocuments(w.ctx, ann.ID, store.DocumentQuery{}, p)
		return err
	})
	_, userCursor, err := w.s.Users(w.ctx, store.Page{Limit: 1})
	ok(t, err)
	_, _, err = w.s.FindDocuments(w.ctx, ann.ID, store.DocumentQuery{}, store.Page{Cursor: userCursor})
	want(t, err, store.ErrBadCursor)

	// A document of the second page changes, one of the first goes, a new one comes: the others still come once each.
	first, next, err := w.s.FindDocuments(w.ctx, ann.ID, store.DocumentQuery{}, store.Page{Limit: 3})
	ok(t, err)
	w.append(part(w.head(docs[5]), newRow(ann, "edit")))
	ok(t, w.trash(docs[1]))
	w.document(ann)
	rest, _, err := w.s.FindDocuments(w.ctx, ann.ID, store.DocumentQuery{}, store.Page{Limit: 100, Cursor: next})
	ok(t, err)
	seen := make(map[store.DocumentID]int)
	for _, d := range append(first, rest...) {
		seen[d.ID]++
	}
	for i, id := range docs {
		if i != 5 && seen[id] != 1 {
			t.Errorf("document %d, which did not change, was listed %d times", i, seen[id])
		}
	}
	if got := list(ann, "", 100); got[1] != docs[5] || len(got) != 9 {
		t.Fatalf("a change of content did not move the document to the front: %v", got)
	}
}

func testMembers(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob, eve := w.user("ann"), w.user("bob"), w.user("eve")
	d := w.document(ann)
	version := w.head(d.ID).AccessVersion
	moved := func(what string) {
		t.Helper()
		h := w.head(d.ID)
		if h.AccessVersion <= version {
			t.Fatalf("%s did not move the access version", what)
		}
		version = h.AccessVersion
	}

	m, err := w.s.SetMember(w.ctx, d.ID, bob.ID, store.Viewer, uuid.Nil)
	ok(t, err)
	same(t, "member", m.Member, store.Member{User: bob.ID, Name: "bob", Email: "bob@example.org", Role: store.Viewer, CreatedAt: m.Member.CreatedAt})
	moved("a new member")
	_, err = w.s.SetMember(w.ctx, d.ID, bob.ID, store.Editor, uuid.Nil)
	ok(t, err)
	moved("a new role")
	roles, head, err := w.s.Roles(w.ctx, d.ID, []store.UserID{ann.ID, bob.ID, eve.ID, bob.ID})
	ok(t, err)
	same(t, "roles", roles, map[store.UserID]store.Role{ann.ID: store.Owner, bob.ID: store.Editor, eve.ID: store.NoRole})
	same(t, "head", head, w.head(d.ID))
	got, err := w.s.Document(w.ctx, d.ID, bob.ID)
	ok(t, err)
	same(t, "role of the asker", got.Role, store.Editor)

	for _, bad := range []store.Role{store.NoRole, store.Owner + 1} {
		if _, err := w.s.SetMember(w.ctx, d.ID, bob.ID, bad, uuid.Nil); err == nil {
			t.Fatalf("role %d was stored", bad)
		}
	}
	_, err = w.s.SetMember(w.ctx, d.ID, uuid.New(), store.Viewer, uuid.Nil)
	want(t, err, store.ErrNotFound)
	_, err = w.s.SetMember(w.ctx, uuid.New(), bob.ID, store.Viewer, uuid.Nil)
	want(t, err, store.ErrNotFound)
	want(t, w.remove(d.ID, eve.ID, uuid.Nil), store.ErrNotFound)
	_, _, err = w.s.Roles(w.ctx, uuid.New(), nil)
	want(t, err, store.ErrNotFound)
	_, _, err = w.s.Members(w.ctx, uuid.New(), store.Page{})
	want(t, err, store.ErrNotFound)

	// The last owner stays, whoever asks and however many ask at once.
	want(t, w.remove(d.ID, ann.ID, uuid.Nil), store.ErrLastOwner)
	_, err = w.s.SetMember(w.ctx, d.ID, ann.ID, store.Editor, uuid.Nil)
	want(t, err, store.ErrLastOwner)
	if h := w.head(d.ID); h.AccessVersion != version {
		t.Fatal("a refused change moved the access version")
	}
	w.member(d, bob, store.Owner)
	owners := []store.User{ann, bob}
	errs := together(2, func(i int) error { return w.remove(d.ID, owners[i].ID, uuid.Nil) })
	if n := count(t, errs, store.ErrLastOwner); n != 1 {
		t.Fatalf("%d of two owners were kept", n)
	}
	left := owners[0]
	if errs[0] == nil {
		left = owners[1]
	}
	moved("a removal")

	// An owner whose account is disabled doesn't count, and has no role.
	w.member(d, eve, store.Owner)
	db.Disable(t, w.s, eve.ID)
	want(t, w.remove(d.ID, left.ID, uuid.Nil), store.ErrLastOwner)
	roles, _, err = w.s.Roles(w.ctx, d.ID, []store.UserID{eve.ID})
	ok(t, err)
	same(t, "role of a disabled account", roles[eve.ID], store.NoRole)
	access, err := w.s.Resolve(w.ctx, d.ID.String(), eve.ID)
	ok(t, err)
	same(t, "access of a disabled account", access.Role, store.NoRole)
	_, err = w.s.SetMember(w.ctx, d.ID, eve.ID, store.Viewer, uuid.Nil)
	want(t, err, store.ErrNotFound)
	_, _, err = w.s.CreateDocument(w.ctx, store.Document{Owner: eve.ID}, nil)
	want(t, err, store.ErrNotFound)
	ok(t, w.remove(d.ID, eve.ID, uuid.Nil))

	for i := range 6 {
		w.member(d, w.user(fmt.Sprint("m", i)), store.Viewer)
	}
	for _, limit := range []int{1, 3, 50} {
		seen := make(map[store.UserID]bool)
		for _, m := range pages(t, limit, func(p store.Page) ([]store.Member, string, error) { return w.s.Members(w.ctx, d.ID, p) }) {
			seen[m.User] = true
		}
		if len(seen) != 7 {
			t.Fatalf("%d members in pages of %d, want 7", len(seen), limit)
		}
	}
	badCursors(t, func(p store.Page) error { _, _, err := w.s.Members(w.ctx, d.ID, p); return err })
}

func testTrash(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	d := w.document(ann)
	before := w.write(d, ann, "a")
	ok(t, w.trash(d.ID))
	trashed := w.head(d.ID)
	if !trashed.Deleted || trashed.AccessVersion <= before.AccessVersion {
		t.Fatalf("head in the trash: %+v", trashed)
	}
	got, err := w.s.Document(w.ctx, d.ID, ann.ID)
	ok(t, err)
	if got.DeletedAt.IsZero() || got.Role != store.Owner {
		t.Fatalf("document in the trash: %+v", got)
	}
	ok(t, w.trash(d.ID))
	same(t, "head after trashing twice", w.head(d.ID), trashed)
	if docs, _, err := w.s.FindDocuments(w.ctx, ann.ID, store.DocumentQuery{}, store.Page{}); err != nil || len(docs) != 0 {
		t.Fatalf("%d documents are listed, %v", len(docs), err)
	}
	_, err = w.tryLoad(d.ID)
	want(t, err, store.ErrDeleted)
	res := w.append(part(before, newRow(ann, "late"))).Documents[0]
	if res.Refused != store.DocumentGone || res.Rows[0].Refused != store.DocumentGone || res.Head != trashed {
		t.Fatalf("append to a document in the trash: %+v", res)
	}

	ok(t, w.restore(d.ID))
	ok(t, w.restore(d.ID))
	h := w.head(d.ID)
	if h.Deleted || h.AccessVersion != trashed.AccessVersion+1 || h.Epoch != before.Epoch {
		t.Fatalf("restored head: %+v, before the trash %+v", h, before)
	}
	same(t, "content", w.load(d.ID).texts(), []string{"a"})
	got, err = w.s.Document(w.ctx, d.ID, ann.ID)
	ok(t, err)
	if !got.DeletedAt.IsZero() {
		t.Fatalf("restored document: %+v", got)
	}
	want(t, w.trash(uuid.New()), store.ErrNotFound)
	want(t, w.restore(uuid.New()), store.ErrNotFound)
}
