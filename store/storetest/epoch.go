package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// everywhere reads a document's head in every way that there is.
func (w *world) everywhere(d store.Document) map[string]store.Head {
	w.t.Helper()
	_, roles, err := w.s.Roles(w.ctx, d.ID, nil)
	ok(w.t, err)
	page, err := w.s.Rows(w.ctx, d.ID, 0, 1)
	ok(w.t, err)
	empty := newBatch(part(w.head(d.ID)))
	first, err := w.s.Append(w.ctx, empty)
	ok(w.t, err)
	again, err := w.s.Append(w.ctx, empty)
	ok(w.t, err)
	return map[string]store.Head{
		"Heads": w.head(d.ID), "LoadDocument": w.load(d.ID).head, "Roles": roles, "Rows": page.Head,
		"Append": first.Documents[0].Head, "Append, once more": again.Documents[0].Head,
	}
}

func testEpoch(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	d, other := w.document(ann), w.document(ann)
	before, beside := w.write(d, ann, "1", "2"), w.head(other.ID)
	if before.Lenient {
		t.Fatalf("head %+v", before)
	}

	// Whoever doesn't have the epoch changes nothing.
	h, err := w.s.ChangeEpoch(w.ctx, d.ID, uuid.New())
	ok(t, err)
	same(t, "head", h, before)

	// Several nodes see it at once: one new epoch, which all of them get.
	var mu sync.Mutex
	var heads []store.Head
	count(t, together(6, func(int) error {
		h, err := w.s.ChangeEpoch(w.ctx, d.ID, before.Epoch)
		mu.Lock()
		defer mu.Unlock()
		heads = append(heads, h)
		return err
	}), nil)
	want1 := before
	want1.Epoch, want1.Lenient = heads[0].Epoch, true
	if want1.Epoch == before.Epoch || want1.Epoch == uuid.Nil {
		t.Fatalf("epoch %v, it was %v", want1.Epoch, before.Epoch)
	}
	for _, h := range heads {
		same(t, "head after the change", h, want1)
	}
	for call, h := range w.everywhere(d) {
		same(t, "head of "+call, h, want1)
	}
	same(t, "another document's head", w.head(other.ID), beside)

	// What belongs to the old epoch is over: batches and snapshots.
	r := w.append(part(before, newRow(ann, "old", 1))).Documents[0]
	if r.Refused != store.EpochChanged || r.Head != want1 {
		t.Fatalf("a batch of the old epoch: %+v", r)
	}
	if saved, err := w.s.SaveSnapshot(w.ctx, d.ID, before.Epoch, 0, store.Snapshot{Seq: before.Seq, Row: before.Row}); saved || err != nil {
		t.Fatalf("a snapshot of the old epoch: %v, %v", saved, err)
	}
	if h := w.write(d, ann, "3"); h.Seq != 3 || h.Epoch != want1.Epoch {
		t.Fatalf("head after a row of the new epoch: %+v", h)
	}

	// A day later it is as ever; the next change begins another day.
	db.Age(t, w.s, 24*time.Hour-time.Minute)
	for call, h := range w.everywhere(d) {
		if !h.Lenient {
			t.Errorf("%s: not lenient before the day is over", call)
		}
	}
	db.Age(t, w.s, 2*time.Minute)
	for call, h := range w.everywhere(d) {
		if h.Lenient || h.Epoch != want1.Epoch {
			t.Errorf("%s: %+v after a day", call, h)
		}
	}
	h, err = w.s.ChangeEpoch(w.ctx, d.ID, want1.Epoch)
	if err != nil || !h.Lenient || h.Epoch == want1.Epoch {
		t.Fatalf("the second change: %+v, %v", h, err)
	}
	_, err = w.s.ChangeEpoch(w.ctx, uuid.New(), want1.Epoch)
	want(t, err, store.ErrNotFound)
}

// testLenient: after a document's history went back, rows bring back structs of others; nobody gets an id by that, and announcements are as strict as ever.
func testLenient(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	d, other := w.document(ann), w.document(ann)
	for _, doc := range []store.Document{d, other} {
		w.member(doc, bob, store.Editor)
		w.append(part(w.head(doc.ID), newRow(ann, "ann's", 1)))
	}
	bound := map[uint64]store.UserID{1: ann.ID}
	_, err := w.s.ChangeEpoch(w.ctx, d.ID, w.head(d.ID).Epoch)
	ok(t, err)

	p := part(w.head(d.ID), newRow(bob, "ann's id and a new one", 1, 2), newRow(ann, "the new one", 2), store.NewRow{Author: uuid.New(), Clients: []uint64{1}})
	p.Announce = []store.Binding{{Client: 1, User: bob.ID}, {Client: 3, User: bob.ID}}
	strict := part(w.head(other.ID), newRow(bob, "the same elsewhere", 1))
	b := newBatch(p, strict)
	res, err := w.s.Append(w.ctx, b)
	ok(t, err)
	r := res.Documents[0]
	same(t, "announcements", r.Announced, []store.AnnounceResult{{Refused: store.ClientOfOther}, {}})
	same(t, "rows", r.Rows, []store.RowResult{{Seq: 2}, {Seq: 3}, {Refused: store.NoRight}}, cmpopts.IgnoreFields(store.RowResult{}, "ID", "Prev"))
	same(t, "a strict document in the batch", res.Documents[1].Rows, []store.RowResult{{Refused: store.ClientOfOther, Others: []uint64{1}}})
	bound[3] = bob.ID
	same(t, "bindings", w.load(d.ID).bindings, bound)
	again, err := w.s.Append(w.ctx, b)
	if err != nil || !again.AlreadyCommitted {
		t.Fatalf("once more: %+v, %v", again, err)
	}
	same(t, "rows once more", again.Documents[0].Rows, r.Rows)

	db.Age(t, w.s, 24*time.Hour+time.Minute)
	rows := w.append(part(w.head(d.ID), newRow(bob, "ann's id", 1), newRow(bob, "one that nobody has", 2))).Documents[0].Rows
	same(t, "rows a day later", rows, []store.RowResult{{Refused: store.ClientOfOther, Others: []uint64{1}}, {Seq: 4}}, cmpopts.IgnoreFields(store.RowResult{}, "ID", "Prev"))
	bound[2] = bob.ID
	same(t, "bindings", w.load(d.ID).bindings, bound)
}

// testRowKeys: rows that come through a login or an API key are refused when it ends, like those of an account that does, and nobody needs to be told.
func testRowKeys(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob, carl := w.user("ann"), w.user("bob"), w.user("carl")
	d := w.document(ann)
	key := func(owner store.User, name string, life time.Duration) store.APIKey {
		t.Helper()
		k := store.APIKey{User: owner.ID, Name: name}
		if life != 0 {
			k.ExpiresAt = time.Now().Add(life)
		}
		k, err := w.s.CreateAPIKey(w.ctx, k, hash(name))
		ok(t, err)
		return k
	}
	lasting, short, deleted, disabled := key(bob, "lasting", 0), key(bob, "short", time.Hour), key(bob, "deleted", 0), key(carl, "disabled", 0)
	unknown := store.APIKey{ID: uuid.New()}
	// A login counts as an API key does.
	login, ended := store.APIKey{ID: store.NewID()}, store.APIKey{ID: store.NewID()}
	for i, id := range []uuid.UUID{login.ID, ended.ID} {
		ok(t, w.s.CreateSession(w.ctx, store.Session{ID: id, User: ann.ID, ExpiresAt: time.Now().Add(time.Hour)}, hash(fmt.Sprint("login", i))))
	}
	all := []store.APIKey{{}, lasting, short, deleted, disabled, unknown, login, ended}
	refusals := func() (got []store.Refusal) {
		t.Helper()
		h := w.head(d.ID)
		p := part(h)
		for i, k := range all {
			p.Rows = append(p.Rows, store.NewRow{Author: ann.ID, Credential: k.ID, Update: []byte(k.Name), Clients: []uint64{uint64(10 + i)}})
		}
		for _, r := range w.append(p).Documents[0].Rows {
			got = append(got, r.Refused)
		}
		if now := w.head(d.ID); now.AccessVersion != h.AccessVersion {
			t.Fatal("the document's access version moved: this proves nothing")
		}
		return got
	}
	const no = store.NoRight
	same(t, "at first", refusals(), []store.Refusal{0, 0, 0, 0, 0, no, 0, 0})
	ok(t, w.s.DeleteAPIKey(w.ctx, bob.ID, deleted.ID))
	ok(t, w.s.DeleteSession(w.ctx, ann.ID, ended.ID))
	db.Disable(t, w.s, carl.ID)
	same(t, "after one was deleted, and one's account disabled", refusals(), []store.Refusal{0, 0, 0, no, no, no, 0, no})
	db.Age(t, w.s, 2*time.Hour)
	same(t, "after one has expired", refusals(), []store.Refusal{0, 0, no, no, no, no, no, no})
	if l := w.load(d.ID); len(l.rows) != 7+4+2 || len(l.bindings) != 7 {
		t.Fatalf("%d rows, %d bindings", len(l.rows), len(l.bindings))
	}
}
