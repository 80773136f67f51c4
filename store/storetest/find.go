package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
)

// found gives the titles of a user's documents that q wants, read in pages of limit.
func (w *world) found(user store.User, q store.DocumentQuery, limit int) (titles []string) {
	w.t.Helper()
	for _, d := range pages(w.t, limit, func(p store.Page) ([]store.Document, string, error) { return w.s.FindDocuments(w.ctx, user.ID, q, p) }) {
		titles = append(titles, d.Title)
	}
	return titles
}

// titled makes a document.
func (w *world) titled(title string, owner store.User) store.Document {
	w.t.Helper()
	d, _, err := w.s.CreateDocument(w.ctx, store.Document{Title: title, Owner: owner.ID}, nil)
	ok(w.t, err)
	return d
}

func testFindDocuments(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	step := func() { db.Age(t, w.s, time.Minute) }
	plan := w.titled("plan B", ann)
	step()
	w.titled("Äpfel", ann)
	step()
	bobs := w.titled("Bob's plan", bob)
	w.member(bobs, ann, store.Editor)
	step()
	both := w.titled("apples", bob)
	w.member(both, ann, store.Owner)
	step()
	old, older := w.titled("old plan", ann), w.titled("older", ann)
	shared := w.titled("shared trash", bob)
	w.member(shared, ann, store.Editor)
	step()
	w.titled("Zebra", ann)
	ok(t, w.trash(older.ID))
	ok(t, w.trash(shared.ID))
	step()
	ok(t, w.trash(old.ID))
	step()
	w.write(plan, ann, "a change")

	for _, c := range []struct {
		query store.DocumentQuery
		want  string
	}{
		{store.DocumentQuery{}, "plan B, Zebra, apples, Bob's plan, Äpfel"},
		{store.DocumentQuery{Sort: store.SortCreated}, "Zebra, apples, Bob's plan, Äpfel, plan B"},
		{store.DocumentQuery{Sort: store.SortTitle}, "apples, Bob's plan, plan B, Zebra, Äpfel"},
		{store.DocumentQuery{Text: "PLAN"}, "plan B, Bob's plan"},
		{store.DocumentQuery{Text: "plan", Sort: store.SortTitle}, "Bob's plan, plan B"},
		{store.DocumentQuery{Text: "äPF", Sort: store.SortCreated}, "Äpfel"},
		{store.DocumentQuery{Filter: store.FilterOwned}, "plan B, Zebra, apples, Äpfel"},
		{store.DocumentQuery{Filter: store.FilterOwned, Text: "pl"}, "plan B, apples"},
		{store.DocumentQuery{Filter: store.FilterShared}, "Bob's plan"},
		{store.DocumentQuery{Filter: store.FilterShared, Text: "apples"}, ""},
		{store.DocumentQuery{Filter: store.FilterTrash}, "old plan, older"}, // the newest deletion first, and not what is not one's own
		{store.DocumentQuery{Filter: store.FilterTrash, Sort: store.SortTitle}, "old plan, older"},
		{store.DocumentQuery{Filter: store.FilterTrash, Text: "older"}, "older"},
	} {
		for _, limit := range []int{1, 2, 5, 100} {
			if got := strings.Join(w.found(ann, c.query, limit), ", "); got != c.want {
				t.Errorf("%+v in pages of %d: %s; want %s", c.query, limit, got, c.want)
			}
		}
	}
	if got := w.found(w.user("eve"), store.DocumentQuery{}, 10); len(got) != 0 {
		t.Errorf("a stranger sees %q", got)
	}
	db.Disable(t, w.s, bob.ID)
	if got := w.found(bob, store.DocumentQuery{}, 10); len(got) != 0 {
		t.Errorf("a disabled account sees %q", got)
	}
	trash, _, err := w.s.FindDocuments(w.ctx, ann.ID, store.DocumentQuery{Filter: store.FilterTrash}, store.Page{})
	ok(t, err)
	got, err := w.s.Document(w.ctx, old.ID, ann.ID)
	ok(t, err)
	same(t, "a document of the list", trash[0], got)

	for _, bad := range []store.DocumentQuery{{Filter: "mine"}, {Sort: "size"}} {
		if _, _, err := w.s.FindDocuments(w.ctx, ann.ID, bad, store.Page{}); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

// testFindPages: a cursor goes on with its own list only, and no document is skipped or repeated that doesn't change meanwhile.
func testFindPages(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	queries := make(map[string]store.DocumentQuery)
	for _, filter := range []store.DocumentFilter{store.FilterAll, store.FilterOwned, store.FilterShared, store.FilterTrash} {
		for _, sort := range []store.DocumentSort{store.SortChanged, store.SortTitle, store.SortCreated} {
			queries[fmt.Sprintf("%q by %q", filter, sort)] = store.DocumentQuery{Filter: filter, Sort: sort}
		}
	}
	long := strings.Repeat("긴 ", store.SortedTitle)
	bob := w.user("bob")
	for i := range 24 {
		owner := ann
		if i%3 == 0 {
			owner = bob
		}
		d := w.titled([]string{long + fmt.Sprint(i), "", "same", "Same"}[i%4], owner) // what is equal is in some order
		if owner == bob {
			w.member(d, ann, store.Viewer)
		}
		if i%3 == 1 {
			ok(t, w.trash(d.ID))
		}
	}
	ids := func(docs []store.Document) (ids []store.DocumentID) {
		for _, d := range docs {
			ids = append(ids, d.ID)
		}
		return ids
	}
	cursors := make(map[string]string)
	for name, q := range queries {
		list := func(p store.Page) ([]store.Document, string, error) { return w.s.FindDocuments(w.ctx, ann.ID, q, p) }
		whole := ids(pages(t, 100, list))
		wanted := map[store.DocumentFilter]int{store.FilterAll: 16, store.FilterOwned: 8, store.FilterShared: 8, store.FilterTrash: 8}[q.Filter]
		if len(whole) != wanted {
			t.Fatalf("%s lists %d documents, want %d", name, len(whole), wanted)
		}
		for _, limit := range []int{1, 3} {
			same(t, fmt.Sprintf("%s in pages of %d", name, limit), ids(pages(t, limit, list)), whole)
		}
		badCursors(t, func(p store.Page) error { _, _, err := list(p); return err })
		_, next, err := list(store.Page{Limit: 3})
		ok(t, err)
		if len(next) > 1024 {
			t.Errorf("the cursor of %s has %d bytes", name, len(next))
		}
		cursors[name] = next
	}
	for name, cursor := range cursors {
		for other, q := range queries {
			_, _, err := w.s.FindDocuments(w.ctx, ann.ID, q, store.Page{Limit: 3, Cursor: cursor})
			if other == name {
				ok(t, err)
			} else {
				want(t, err, store.ErrBadCursor)
			}
		}
	}

	// One is changed, one renamed, one removed and one comes while somebody reads a list.
	for name, q := range queries {
		if q.Filter == store.FilterTrash {
			continue
		}
		list := func(p store.Page) []store.Document {
			docs, _, err := w.s.FindDocuments(w.ctx, ann.ID, q, p)
			ok(t, err)
			return docs
		}
		before := list(store.Page{Limit: 100})
		first, next, err := w.s.FindDocuments(w.ctx, ann.ID, q, store.Page{Limit: 3})
		ok(t, err)
		changed := []store.DocumentID{before[1].ID, before[4].ID, before[6].ID}
		ok(t, w.rename(before[1].ID, "another"))
		ok(t, w.rename(before[4].ID, ""))
		ok(t, w.trash(before[6].ID))
		w.titled("new", ann)
		seen := make(map[store.DocumentID]int)
		for _, d := range append(first, list(store.Page{Limit: 100, Cursor: next})...) {
			seen[d.ID]++
		}
		for i, d := range before {
			if !slices.Contains(changed, d.ID) && seen[d.ID] != 1 {
				t.Errorf("%s: document %d, which did not change, was listed %d times", name, i, seen[d.ID])
			}
		}
		ok(t, w.restore(before[6].ID))
	}
}
