// Package storetest is the conformance suite of the storage contract: what every database implementation of package store must do alike.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// Database is an implementation under test. All functions are needed.
type Database struct {
	// Open gives an empty store, which the suite closes.
	Open func(t *testing.T) store.Store
	// Limited gives an empty store with limits, which the suite closes.
	Limited func(t *testing.T, l store.Limits) store.Store
	// Age makes everything in the store look older: it takes d off every stored time, but for those of the audit log, which nobody can change.
	Age func(t *testing.T, s store.Store, d time.Duration)
	// Stick has the database refuse to delete a document's rows from a table, as a damaged one would.
	Stick func(t *testing.T, s store.Store, table string, id store.DocumentID)
	// Disable disables an account.
	Disable func(t *testing.T, s store.Store, user store.UserID)
}

// Run runs the suite.
func Run(t *testing.T, db Database) {
	for name, test := range map[string]func(*testing.T, Database){
		"Accounts":    testAccounts,
		"Setup":       testSetup,
		"Sessions":    testSessions,
		"Links":       testLinks,
		"ChangeUser":  testChangeUser,
		"LastAdmin":   testLastAdmin,
		"SessionList": testSessionList,
		"Revision":    testRevision,
		"Atomic":      testRevisionAtomic,
		"Lapsed":      testLapsed,
		"Invite":      testInvite,
		"APIKeys":     testAPIKeys,
		"Notices":     testNotices,
		"NoticeList":  testNoticeList,
		"NoticeSweep": testNoticeSweep,
		"NoticeOrder": testNoticeOrder,
		"Audit":       testAudit,
		"AuditQuery":  testAuditQuery,
		"AuditTexts":  testAuditTexts,
		"AuditWrites": testAuditConcurrent,
		"AuditSweep":  testSweepAudit,
		"Requests":    testRequests,
		"Claims":      testClaims,
		"Renewals":    testRenewRequest,
		"RequestLife": testRequestLife,
		"Statistics":  testStatistics,
		"Secrets":     testSecrets,
		"People":      testPeople,
		"DeleteUser":  testDeleteUser,
		"DeleteRace":  testDeleteUserRace,
		"Guests":      testGuests,
		"GuestsLapse": testGuestsLapse,
		"GuestRights": testGuestRights,
		"Admit":       testAdmitGuest,
		"AdmitRace":   testAdmitRace,
		"Limits":      testLimits,
		"Documents":   testDocuments,
		"Keys":        testKeys,
		"Lists":       testLists,
		"Find":        testFindDocuments,
		"FindPages":   testFindPages,
		"Members":     testMembers,
		"DocumentKey": testDocumentKey,
		"Transfer":    testTransfer,
		"Change":      testChangeDocument,
		"Trash":       testTrash,
		"Purge":       testPurge,
		"PurgeLong":   testPurgeLong,
		"PurgeRace":   testPurgeRace,
		"SweepTrash":  testSweepTrash,
		"SweepStuck":  testSweepStuck,
		"Append":      testAppend,
		"Rights":      testRights,
		"Histories":   testHistories,
		"Bindings":    testBindings,
		"Epoch":       testEpoch,
		"Lenient":     testLenient,
		"RowKeys":     testRowKeys,
		"Foreign":     testForeign,
		"Idempotency": testIdempotency,
		"Concurrency": testConcurrency,
		"Load":        testLoad,
		"Rows":        testRows,
		"Snapshots":   testSnapshots,
		"Sweep":       testSweep,
		"Model":       testModel,
	} {
		t.Run(name, func(t *testing.T) { test(t, db) })
	}
}

// world is an open store with what tests do to it all the time. Its methods end the test on any failure.
type world struct {
	t   *testing.T
	ctx context.Context
	db  Database
	s   store.Store
}

func newWorld(t *testing.T, db Database) *world {
	t.Helper()
	s := db.Open(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &world{t: t, ctx: t.Context(), db: db, s: s}
}

func (w *world) user(name string) store.User {
	w.t.Helper()
	u, err := w.s.CreateUser(w.ctx, store.User{Email: name + "@example.org", Name: name, Role: store.RoleMember})
	ok(w.t, err)
	return u
}

func (w *world) document(owner store.User) store.Document {
	w.t.Helper()
	d, created, err := w.s.CreateDocument(w.ctx, store.Document{Title: "Untitled", Owner: owner.ID}, nil)
	ok(w.t, err)
	if !created {
		w.t.Fatal("a document without a key was not created")
	}
	return d
}

func (w *world) member(d store.Document, u store.User, role store.Role) {
	w.t.Helper()
	_, err := w.s.SetMember(w.ctx, d.ID, u.ID, role, uuid.Nil)
	ok(w.t, err)
}

// trash and restore do so for nobody in particular.
func (w *world) trash(id store.DocumentID) error {
	_, err := w.s.TrashDocument(w.ctx, id, uuid.Nil)
	return err
}

func (w *world) restore(id store.DocumentID) error {
	_, err := w.s.RestoreDocument(w.ctx, id, uuid.Nil)
	return err
}

// remove, rename, setKey and transfer are calls whose errors tests look at, or nothing.
func (w *world) remove(id store.DocumentID, user, by store.UserID) error {
	_, err := w.s.RemoveMember(w.ctx, id, user, by)
	return err
}

func (w *world) rename(id store.DocumentID, title string) error {
	_, err := w.s.ChangeDocument(w.ctx, id, store.DocumentChange{Title: &title}, uuid.Nil)
	return err
}

func (w *world) setKey(id store.DocumentID, key string) error {
	_, err := w.s.ChangeDocument(w.ctx, id, store.DocumentChange{Key: &key}, uuid.Nil)
	return err
}

func (w *world) transfer(id store.DocumentID, to, by store.UserID) ([]store.UserID, error) {
	return w.s.ChangeDocument(w.ctx, id, store.DocumentChange{Owner: &to}, by)
}

func (w *world) head(id store.DocumentID) store.Head {
	w.t.Helper()
	heads, err := w.s.Heads(w.ctx, []store.DocumentID{id})
	ok(w.t, err)
	if len(heads) != 1 {
		w.t.Fatalf("%d heads for one document", len(heads))
	}
	return heads[0]
}

// part is what a room that knows the head adds to a batch.
func part(h store.Head, rows ...store.NewRow) store.DocumentAppend {
	return store.DocumentAppend{
		Document: h.Document, Epoch: h.Epoch, UpTo: h.Seq, UpToRow: h.Row, AccessVersion: h.AccessVersion, Rows: rows,
	}
}

func newRow(author store.User, update string, clients ...uint64) store.NewRow {
	return store.NewRow{Author: author.ID, Update: []byte(update), Clients: clients}
}

func newBatch(parts ...store.DocumentAppend) store.Batch {
	return store.Batch{Key: store.Key{Run: uuid.New(), Number: 1}, Documents: parts}
}

// append commits a batch of those parts under a new key.
func (w *world) append(parts ...store.DocumentAppend) store.Result {
	w.t.Helper()
	res, err := w.s.Append(w.ctx, newBatch(parts...))
	ok(w.t, err)
	if len(res.Documents) != len(parts) || res.AlreadyCommitted {
		w.t.Fatalf("result of %d parts: %+v", len(parts), res)
	}
	return res
}

// write commits one row, each with the given text, at the document's head.
func (w *world) write(d store.Document, author store.User, updates ...string) store.Head {
	w.t.Helper()
	for _, u := range updates {
		res := w.append(part(w.head(d.ID), newRow(author, u)))
		if r := res.Documents[0].Rows[0]; r.Refused != store.Accepted {
			w.t.Fatalf("row was refused: %v", r.Refused)
		}
	}
	return w.head(d.ID)
}

// loaded is all that LoadDocument told.
type loaded struct {
	head     store.Head
	bindings map[uint64]store.UserID
	snapshot store.Snapshot
	rows     []store.Row
}

func (l loaded) texts() []string {
	texts := make([]string, len(l.rows))
	for i, r := range l.rows {
		texts[i] = string(r.Update)
	}
	return texts
}

func (w *world) tryLoad(id store.DocumentID) (l loaded, err error) {
	l.bindings = make(map[uint64]store.UserID)
	l.head, err = w.s.LoadDocument(w.ctx, id, store.Loader{
		Binding:  func(b store.Binding) error { l.bindings[b.Client] = b.User; return nil },
		Snapshot: func(s store.Snapshot) error { l.snapshot = s; return nil },
		Row:      func(r store.Row) error { l.rows = append(l.rows, r); return nil },
	})
	return l, err
}

func (w *world) load(id store.DocumentID) loaded {
	w.t.Helper()
	l, err := w.tryLoad(id)
	ok(w.t, err)
	return l
}

func (w *world) saved(id store.DocumentID, replaces uint64, s store.Snapshot) bool {
	w.t.Helper()
	saved, err := w.s.SaveSnapshot(w.ctx, id, w.head(id).Epoch, replaces, s)
	ok(w.t, err)
	return saved
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error is %v, want %v", err, target)
	}
}

func same(t *testing.T, what string, got, want any, opts ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// together runs f n times at once and gives the errors, in order of the calls.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errs
}

// count says how many of errs are which; any other error that is not nil ends the test.
func count(t *testing.T, errs []error, which error) int {
	t.Helper()
	n := 0
	for i, err := range errs {
		switch {
		case err != nil && which != nil && errors.Is(err, which):
			n++
		case err != nil:
			t.Fatalf("call %d: %v", i, err)
		}
	}
	return n
}

func hash(s string) (h [32]byte) {
	copy(h[:], fmt.Sprintf("%-32s", s))
	return h
}

// pages collects a list page by page.
func pages[T any](t *testing.T, limit int, list func(store.Page) ([]T, string, error)) (all []T) {
	t.Helper()
	p := store.Page{Limit: limit}
	for {
		rows, next, err := list(p)
		ok(t, err)
		if len(rows) > limit {
			t.Fatalf("page of %d rows, limit is %d", len(rows), limit)
		}
		all = append(all, rows...)
		if next == "" {
			return all
		}
		if len(rows) == 0 {
			t.Fatal("an empty page that is not the last")
		}
		p.Cursor = next
	}
}
