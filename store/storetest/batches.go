package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

func testIdempotency(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	d, gone := w.document(ann), w.document(ann)
	h := w.write(d, ann, "1")
	w.write(d, ann, "2")
	w.append(part(w.head(d.ID), newRow(ann, "3", 5)))
	p := part(h, newRow(ann, "4", 6), newRow(bob, "not a member"), newRow(ann, "5"))
	p.AccessVersion = 0
	p.Announce = []store.Binding{{Client: 5, User: bob.ID}, {Client: 7, User: bob.ID}}
	w.member(d, bob, store.Viewer)
	clash := part(w.head(w.document(ann).ID), newRow(ann, "first", 1), newRow(bob, "second", 2, 1))
	lost := part(w.head(gone.ID), newRow(ann, "x"))
	lost.Announce = []store.Binding{{Client: 1, User: ann.ID}}
	ok(t, w.trash(gone.ID))

	b := newBatch(p, lost, clash)
	first, err := w.s.Append(w.ctx, b)
	ok(t, err)
	r := first.Documents[0]
	if first.AlreadyCommitted || len(r.Foreign) != 2 || r.Rows[0].Seq != 4 || r.Rows[1].Refused != store.NoRight || r.Rows[2].Seq != 5 ||
		r.Announced[0].Refused != store.ClientOfOther || first.Documents[1].Refused != store.DocumentGone ||
		len(first.Documents[2].Rows[1].Others) != 1 {
		t.Fatalf("first run: %+v", first)
	}

	// Since then much has changed; the batch's result has not. Only the heads are those of now, and nothing of others is told.
	db.Disable(t, w.s, ann.ID)
	ok(t, w.restore(gone.ID))
	carl := w.user("carl")
	w.member(d, carl, store.Editor)
	w.write(d, carl, "6")
	before := w.load(d.ID)
	for range 2 {
		again, err := w.s.Append(w.ctx, b)
		ok(t, err)
		if !again.AlreadyCommitted {
			t.Fatal("the second run doesn't say that it is one")
		}
		same(t, "result of the second run", again.Documents, first.Documents, cmpopts.IgnoreFields(store.DocumentResult{}, "Foreign", "MoreForeign", "Head"))
		for i, r := range again.Documents {
			if len(r.Foreign) != 0 || r.MoreForeign {
				t.Fatalf("document %d: the second run tells of others' rows", i)
			}
			same(t, "head", r.Head, w.head(b.Documents[i].Document))
		}
	}
	after := w.load(d.ID)
	same(t, "log", after.texts(), before.texts())
	same(t, "bindings", after.bindings, before.bindings)

	// The key belongs to that batch alone.
	other := newBatch(part(w.head(d.ID), newRow(carl, "other")))
	other.Key = b.Key
	if _, err := w.s.Append(w.ctx, other); err == nil {
		t.Fatal("one key was taken for two batches")
	}
	other.Key.Number++
	if res, err := w.s.Append(w.ctx, other); err != nil || res.AlreadyCommitted {
		t.Fatalf("the next number of the run: %+v, %v", res, err)
	}

	// Keys are forgotten with the rows that they wrote, not before ten minutes.
	db.Age(t, w.s, 9*time.Minute)
	_, err = w.s.SweepCovered(w.ctx, 1000)
	ok(t, err)
	res, err := w.s.Append(w.ctx, b)
	if err != nil || !res.AlreadyCommitted {
		t.Fatalf("a key of nine minutes is forgotten: %v", err)
	}
	db.Age(t, w.s, 2*time.Minute)
	_, err = w.s.SweepCovered(w.ctx, 1000)
	ok(t, err)
	res, err = w.s.Append(w.ctx, newKeyed(b.Key, part(w.head(d.ID))))
	if err != nil || res.AlreadyCommitted {
		t.Fatalf("a key of eleven minutes is still there: %+v, %v", res, err)
	}
}

func newKeyed(k store.Key, parts ...store.DocumentAppend) store.Batch {
	return store.Batch{Key: k, Documents: parts}
}

func testConcurrency(t *testing.T, db Database) {
	t.Run("Appenders", func(t *testing.T) { testAppenders(t, db) })
	t.Run("Cancelled", func(t *testing.T) { testCancelled(t, db) })
	t.Run("Abandon", func(t *testing.T) { testAbandon(t, db) })
	t.Run("SameKey", func(t *testing.T) { testSameKey(t, db) })
}

// testAppenders has eight writers, each as a node would be, append to three documents in all orders; every row that was told as committed is there once,
// and each writer learns of all rows in order.
func testAppenders(t *testing.T, db Database) {
	w := newWorld(t, db)
	const writers, batches = 8, 12 // so that one who comes when all others are done learns of all their rows in one batch: 7 * 12 * 3 < 256
	ann := w.user("ann")
	var docs []store.Head
	for range 3 {
		docs = append(docs, w.head(w.document(ann).ID))
	}
	var mu sync.Mutex
	committed := make(map[store.DocumentID]map[string]uint64)
	for _, h := range docs {
		committed[h.Document] = make(map[string]uint64)
	}
	count(t, together(writers, func(i int) error {
		heads := append([]store.Head(nil), docs...)
		run := uuid.New()
		for n := range batches {
			b := store.Batch{Key: store.Key{Run: run, Number: uint64(n + 1)}}
			for k := range heads {
				b.Documents = append(b.Documents, part(heads[(k+i)%3], newRow(ann, fmt.Sprintf("%d/%d", i, n))))
			}
			res, err := w.s.Append(w.ctx, b)
			if err != nil {
				return err
			}
			for k, r := range res.Documents {
				had := heads[(k+i)%3].Seq
				if r.Refused != store.Accepted || r.Rows[0].Refused != store.Accepted || r.MoreForeign {
					return fmt.Errorf("refused: %+v", r)
				}
				for _, f := range r.Foreign {
					if had++; f.Seq != had {
						return fmt.Errorf("row %d of others comes where %d should", f.Seq, had)
					}
				}
				if r.Rows[0].Seq != had+1 {
					return fmt.Errorf("own row is %d, the last known is %d", r.Rows[0].Seq, had)
				}
				mu.Lock()
				committed[r.Head.Document][fmt.Sprintf("%d/%d", i, n)] = r.Rows[0].Seq
				mu.Unlock()
				heads[(k+i)%3] = r.Head
			}
		}
		return nil
	}), nil)
	for _, h := range docs {
		l := w.load(h.Document) // which checks that numbers have no gap
		if len(l.rows) != writers*batches {
			t.Fatalf("%d rows, want %d", len(l.rows), writers*batches)
		}
		for _, r := range l.rows {
			if committed[h.Document][string(r.Update)] != r.Seq {
				t.Fatalf("row %d is %s, which was committed as %d", r.Seq, r.Update, committed[h.Document][string(r.Update)])
			}
		}
	}
}

// testCancelled gives up appends at all moments and repeats each under its key until it is decided: every row is there exactly once.
func testCancelled(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	d := w.document(ann)
	run := uuid.New()
	cut := 0
	for n := range 60 {
		h := w.head(d.ID)
		b := store.Batch{Key: store.Key{Run: run, Number: uint64(n + 1)}, Documents: []store.DocumentAppend{part(h, newRow(ann, fmt.Sprint(n)))}}
		ctx, cancel := context.WithTimeout(w.ctx, time.Duration(n*10)*time.Microsecond)
		res, err := w.s.Append(ctx, b)
		cancel()
		if err != nil {
			cut++
			if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, store.ErrUncertain) {
				t.Fatal(err)
			}
			if committed := w.head(d.ID).Seq > h.Seq; committed && !errors.Is(err, store.ErrUncertain) {
				t.Fatalf("committed, but the error says that it was not: %v", err)
			}
			res, err = w.s.Append(w.ctx, b)
			ok(t, err)
		}
		if r := res.Documents[0]; r.Refused != store.Accepted || r.Rows[0].Seq != uint64(n+1) {
			t.Fatalf("batch %d: %+v", n, r)
		}
	}
	if cut == 0 {
		t.Fatal("no append was cut off")
	}
	for i, text := range w.load(d.ID).texts() {
		if text != fmt.Sprint(i) {
			t.Fatalf("row %d is %s", i+1, text)
		}
	}
}

// testSameKey repeats a batch while its first run may still be at work, as after a timeout.
func testSameKey(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	d := w.document(ann)
	b := newBatch(part(w.head(d.ID), newRow(ann, "once")))
	var mu sync.Mutex
	fresh := 0
	ids := make(map[store.RowID]bool)
	count(t, together(8, func(int) error {
		res, err := w.s.Append(w.ctx, b)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if !res.AlreadyCommitted {
			fresh++
		}
		ids[res.Documents[0].Rows[0].ID] = true
		return nil
	}), nil)
	if rows := w.load(d.ID).rows; fresh != 1 || len(ids) != 1 || len(rows) != 1 {
		t.Fatalf("%d fresh runs, %d ids, %d rows", fresh, len(ids), len(rows))
	}
}

// testAbandon: what was committed stays so, and what was not can't be any more.
func testAbandon(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	d := w.document(ann)
	done, lost := newBatch(part(w.head(d.ID), newRow(ann, "1"))), newBatch(part(w.head(d.ID), newRow(ann, "2")))
	first, err := w.s.Append(w.ctx, done)
	ok(t, err)
	for range 2 {
		for _, c := range []struct {
			batch store.Batch
			want  bool
		}{{done, true}, {lost, false}} {
			committed, err := w.s.Abandon(w.ctx, c.batch.Key)
			ok(t, err)
			if committed != c.want {
				t.Fatalf("batch %d is committed: %v, want %v", c.batch.Key.Number, committed, c.want)
			}
		}
	}
	again, err := w.s.Append(w.ctx, done)
	ok(t, err)
	if !again.AlreadyCommitted || again.Documents[0].Rows[0].Seq != first.Documents[0].Rows[0].Seq {
		t.Fatalf("after it was settled: %+v", again)
	}
	if _, err := w.s.Append(w.ctx, lost); !errors.Is(err, store.ErrAbandoned) {
		t.Fatalf("an abandoned batch: %v", err)
	}
	if h := w.head(d.ID); h.Seq != 1 {
		t.Fatalf("%d rows, want 1", h.Seq)
	}
}
