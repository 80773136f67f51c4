package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// newestFirst lists all of a person's notices.
func (w *world) newestFirst(u store.User, unread bool, limit int) []store.Notice {
	w.t.Helper()
	return pages(w.t, limit, func(p store.Page) ([]store.Notice, string, error) { return w.s.Notices(w.ctx, u.ID, unread, p) })
}

func (w *world) noticeHead(u store.User) uint64 {
	w.t.Helper()
	heads, err := w.s.NoticeHeads(w.ctx, []store.UserID{u.ID})
	ok(w.t, err)
	if len(heads) != 1 {
		w.t.Fatalf("%d heads for one user", len(heads))
	}
	return heads[u.ID]
}

// testNotices: who is told what, in the same transaction as the act, and never by themselves.
func testNotices(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob, eve := w.user("ann"), w.user("bob"), w.user("eve")
	d := w.document(ann)
	ok(t, w.rename(d.ID, "Plan"))
	told := func(got []store.UserID, err error) []store.UserID {
		t.Helper()
		ok(t, err)
		sortIDs(got)
		return got
	}
	set := func(u store.User, role store.Role, by store.UserID) {
		t.Helper()
		_, err := w.s.SetMember(w.ctx, d.ID, u.ID, role, by)
		ok(t, err)
	}
	heard := map[store.UserID][]store.Notice{} // oldest first, without id and time
	hears := func(u store.User, kind store.NoticeKind, role store.Role, title string, by store.User) {
		heard[u.ID] = append(heard[u.ID], store.Notice{
			Seq: uint64(len(heard[u.ID]) + 1), User: u.ID, Kind: kind, Document: d.ID, Title: title, Role: role, Actor: by.ID, ActorName: by.Name,
		})
	}
	check := func(what string) {
		t.Helper()
		for _, u := range []store.User{ann, bob, eve} {
			list, err := w.s.NoticesAfter(w.ctx, u.ID, 0, 100)
			ok(t, err)
			same(t, u.Name+"'s notices after "+what, list, heard[u.ID], cmpopts.IgnoreFields(store.Notice{}, "ID", "CreatedAt"), cmpopts.EquateEmpty())
			if n := w.noticeHead(u); n != uint64(len(list)) {
				t.Fatalf("after %s %s's head is %d", what, u.Name, n)
			}
			for _, n := range list {
				if n.ID == uuid.Nil || time.Since(n.CreatedAt) > time.Minute || n.CreatedAt.Location() != time.UTC {
					t.Fatalf("id and time were not set: %+v", n)
				}
			}
		}
	}
	check("nothing")

	set(bob, store.Viewer, ann.ID)
	hears(bob, store.NoticeShared, store.Viewer, "Plan", ann)
	check("sharing")
	set(bob, store.Viewer, ann.ID)
	check("the same role")
	set(bob, store.Owner, ann.ID)
	hears(bob, store.NoticeRole, store.Owner, "Plan", ann)
	set(bob, store.Editor, bob.ID)
	check("one's own change")
	set(eve, store.Commenter, uuid.Nil)
	hears(eve, store.NoticeShared, store.Commenter, "Plan", store.User{})
	check("a change by nobody in particular")

	ok(t, w.rename(d.ID, "Plan B"))
	same(t, "told of the deletion", told(w.s.TrashDocument(w.ctx, d.ID, ann.ID)), told([]store.UserID{bob.ID, eve.ID}, nil))
	hears(bob, store.NoticeDeleted, store.Editor, "Plan B", ann)
	hears(eve, store.NoticeDeleted, store.Commenter, "Plan B", ann)
	same(t, "told again", told(w.s.TrashDocument(w.ctx, d.ID, ann.ID)), []store.UserID{}, cmpopts.EquateEmpty())
	check("a deletion")
	same(t, "told of the return", told(w.s.RestoreDocument(w.ctx, d.ID, uuid.Nil)), told([]store.UserID{ann.ID, bob.ID, eve.ID}, nil))
	hears(ann, store.NoticeRestored, store.Owner, "Plan B", store.User{})
	hears(bob, store.NoticeRestored, store.Editor, "Plan B", store.User{})
	hears(eve, store.NoticeRestored, store.Commenter, "Plan B", store.User{})
	check("a return")

	// What fails tells nobody.
	_, err := w.s.SetMember(w.ctx, d.ID, ann.ID, store.Viewer, bob.ID)
	want(t, err, store.ErrLastOwner)
	want(t, w.remove(d.ID, ann.ID, bob.ID), store.ErrLastOwner)
	_, err = w.s.TrashDocument(w.ctx, uuid.New(), ann.ID)
	want(t, err, store.ErrNotFound)
	check("refusals")

	ok(t, w.remove(d.ID, eve.ID, eve.ID))
	check("leaving")
	ok(t, w.remove(d.ID, bob.ID, ann.ID))
	hears(bob, store.NoticeRemoved, store.NoRole, "Plan B", ann)
	check("a removal")

	// A disabled account is not told, nor does it get a gap.
	set(bob, store.Viewer, ann.ID)
	hears(bob, store.NoticeShared, store.Viewer, "Plan B", ann)
	set(eve, store.Viewer, ann.ID)
	hears(eve, store.NoticeShared, store.Viewer, "Plan B", ann)
	_, err = w.s.ChangeUser(w.ctx, bob.ID, disabled(true))
	ok(t, err)
	same(t, "told while bob is away", told(w.s.TrashDocument(w.ctx, d.ID, ann.ID)), []store.UserID{eve.ID})
	hears(eve, store.NoticeDeleted, store.Viewer, "Plan B", ann)
	check("a deletion while bob is away")

	heads, err := w.s.NoticeHeads(w.ctx, []store.UserID{ann.ID, bob.ID, ann.ID, d.ID})
	ok(t, err)
	same(t, "heads", heads, map[store.UserID]uint64{ann.ID: 1, bob.ID: uint64(len(heard[bob.ID])), d.ID: 0})
	heads, err = w.s.NoticeHeads(w.ctx, nil)
	ok(t, err)
	same(t, "heads of nobody", heads, map[store.UserID]uint64{}, cmpopts.EquateEmpty())
}

func testNoticeList(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob, eve := w.user("ann"), w.user("bob"), w.user("eve")
	d := w.document(ann)
	for i := range 7 {
		w.member(d, bob, []store.Role{store.Viewer, store.Editor}[i%2])
	}
	w.member(d, eve, store.Viewer)
	seqs := func(list []store.Notice) (seqs []uint64) {
		for _, n := range list {
			seqs = append(seqs, n.Seq)
		}
		return seqs
	}
	unread := func(n int) {
		t.Helper()
		got, err := w.s.UnreadNotices(w.ctx, bob.ID)
		ok(t, err)
		if list := w.newestFirst(bob, true, 2); got != n || len(list) != n {
			t.Fatalf("%d unread, %d listed, want %d", got, len(list), n)
		}
	}
	for _, limit := range []int{1, 3, 7, 50} {
		same(t, fmt.Sprintf("pages of %d", limit), seqs(w.newestFirst(bob, false, limit)), []uint64{7, 6, 5, 4, 3, 2, 1})
	}
	badCursors(t, func(p store.Page) error { _, _, err := w.s.Notices(w.ctx, bob.ID, false, p); return err })
	for after, rest := range map[uint64][]uint64{0: {1, 2, 3}, 4: {5, 6, 7}, 6: {7}, 7: nil, 1 << 63: nil, ^uint64(0): nil} {
		list, err := w.s.NoticesAfter(w.ctx, bob.ID, after, 3)
		ok(t, err)
		same(t, fmt.Sprintf("notices after %d", after), seqs(list), rest)
	}
	unread(7)

	list := w.newestFirst(bob, false, 50)
	ok(t, w.s.ReadNotice(w.ctx, bob.ID, list[2].ID))
	unread(6)
	read := w.newestFirst(bob, false, 50)[2]
	if time.Since(read.ReadAt) > time.Minute || read.ReadAt.Location() != time.UTC {
		t.Fatalf("read at %v", read.ReadAt)
	}
	db.Age(t, w.s, time.Minute)
	ok(t, w.s.ReadNotice(w.ctx, bob.ID, list[2].ID)) // again
	if again := w.newestFirst(bob, false, 50)[2]; !again.ReadAt.Equal(read.ReadAt.Add(-time.Minute)) {
		t.Fatalf("reading again moved the time from %v to %v", read.ReadAt, again.ReadAt)
	}
	want(t, w.s.ReadNotice(w.ctx, eve.ID, list[3].ID), store.ErrNotFound)
	want(t, w.s.ReadNotice(w.ctx, bob.ID, uuid.New()), store.ErrNotFound)
	unread(6)
	ok(t, w.s.ReadNotices(w.ctx, bob.ID, 3))
	same(t, "unread after reading up to 3", seqs(w.newestFirst(bob, true, 50)), []uint64{7, 6, 4})
	count(t, together(4, func(i int) error { return w.s.ReadNotices(w.ctx, bob.ID, []uint64{^uint64(0), 6}[i%2]) }), nil)
	unread(0)
	if n, err := w.s.UnreadNotices(w.ctx, eve.ID); err != nil || n != 1 {
		t.Fatalf("eve has %d unread, %v", n, err)
	}
	ok(t, w.s.ReadNotices(w.ctx, uuid.New(), 10)) // nothing to do
}

// testNoticeSweep: the newest are kept, and their numbers go on.
func testNoticeSweep(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	d := w.document(ann)
	const more = 5
	for i := range store.KeptNotices + more {
		w.member(d, bob, []store.Role{store.Viewer, store.Editor}[i%2])
	}
	for _, n := range []int{3, more - 3, 0} {
		if deleted, err := w.s.DeleteExpiredSessions(w.ctx, 3); err != nil || deleted != n {
			t.Fatalf("deleted %d, %v; want %d", deleted, err, n)
		}
	}
	list := w.newestFirst(bob, false, 400)
	if n := len(list); n != store.KeptNotices || list[0].Seq != store.KeptNotices+more || list[n-1].Seq != more+1 {
		t.Fatalf("%d are kept, from %d to %d", n, list[n-1].Seq, list[0].Seq)
	}
	if head := w.noticeHead(bob); head != store.KeptNotices+more {
		t.Fatalf("head is %d", head)
	}
}

// testNoticeOrder has many documents' owners tell the same people at once, and each of those read on as a stream does: it must see every number, each right after the one
// before. No call may fail: the rows of numbers are locked in one order.
func testNoticeOrder(t *testing.T, db Database) {
	w := newWorld(t, db)
	const documents, people, rounds = 3, 6, 12
	ann := w.user("ann")
	members := make([]store.User, people)
	for i := range members {
		members[i] = w.user(fmt.Sprint("m", i))
	}
	docs := make([]store.Document, documents)
	for i := range docs {
		docs[i] = w.document(ann)
		for j := range members { // in another order each
			w.member(docs[i], members[(j*(i+1)+i)%people], store.Viewer)
		}
	}
	for _, m := range members {
		for _, d := range docs { // those that the order above has left out
			w.member(d, m, store.Commenter)
		}
	}

	stop := make(chan struct{})
	readers := make(chan error, people)
	for _, m := range members {
		go func() {
			var after uint64
			for last := false; ; {
				list, err := w.s.NoticesAfter(w.ctx, m.ID, after, 4)
				if err != nil {
					readers <- err
					return
				}
				for _, n := range list {
					if n.Seq != after+1 {
						readers <- fmt.Errorf("%s: notice %d comes after %d", m.Name, n.Seq, after)
						return
					}
					after = n.Seq
				}
				if last && len(list) == 0 {
					heads, err := w.s.NoticeHeads(w.ctx, []store.UserID{m.ID})
					if err == nil && heads[m.ID] != after {
						err = fmt.Errorf("%s: read up to %d, head is %d", m.Name, after, heads[m.ID])
					}
					readers <- err
					return
				}
				select {
				case <-stop:
					last = true
				default:
				}
			}
		}()
	}

	before := make(map[store.UserID]uint64)
	for _, m := range members {
		before[m.ID] = w.noticeHead(m)
	}
	// A document's goroutines: one deletes and restores it, two change every member's role, in opposite orders.
	tolds := make([][]store.UserID, 3*documents)
	errs := together(3*documents, func(i int) error {
		d := docs[i/3]
		for round := range rounds {
			switch i % 3 {
			case 0:
				gone, err := w.s.TrashDocument(w.ctx, d.ID, ann.ID)
				back, err2 := w.s.RestoreDocument(w.ctx, d.ID, ann.ID)
				if err := errors.Join(err, err2); err != nil {
					return err
				}
				tolds[i] = append(append(tolds[i], gone...), back...)
			case 1:
				for j := range people / 2 {
					if _, err := w.s.SetMember(w.ctx, d.ID, members[j].ID, []store.Role{store.Viewer, store.Editor}[round%2], ann.ID); err != nil {
						return err
					}
					tolds[i] = append(tolds[i], members[j].ID)
				}
			case 2:
				for j := people - 1; j >= people/2; j-- {
					if _, err := w.s.SetMember(w.ctx, d.ID, members[j].ID, []store.Role{store.Editor, store.Viewer}[round%2], ann.ID); err != nil {
						return err
					}
					tolds[i] = append(tolds[i], members[j].ID)
				}
			}
		}
		return nil
	})
	close(stop)
	for range members {
		if err := <-readers; err != nil {
			t.Error(err)
		}
	}
	count(t, errs, nil)
	for _, m := range members {
		n := uint64(0)
		for _, told := range tolds {
			for _, u := range told {
				if u == m.ID {
					n++
				}
			}
		}
		if head := w.noticeHead(m); head != before[m.ID]+n || n != documents*rounds*3 {
			t.Errorf("%s: head went from %d to %d, told %d times of %d", m.Name, before[m.ID], head, n, documents*rounds*3)
		}
	}
}
