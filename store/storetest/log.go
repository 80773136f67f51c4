package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

func testLoad(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	d := w.document(ann)
	w.member(d, bob, store.Editor)
	l := w.load(d.ID)
	if l.head != w.head(d.ID) || l.head.Epoch == uuid.Nil || l.head.AccessVersion == 0 || len(l.rows) != 0 || l.snapshot.Seq != 0 {
		t.Fatalf("an empty document: %+v", l)
	}
	h := w.write(d, ann, "1", "2", "3")
	w.append(part(h, newRow(bob, "4", 9)))
	l = w.load(d.ID)
	same(t, "rows", l.texts(), []string{"1", "2", "3", "4"})
	same(t, "bindings", l.bindings, map[uint64]store.UserID{9: bob.ID})
	same(t, "head", l.head, w.head(d.ID))

	// Only the rows after the snapshot.
	two := l.rows[1]
	if !w.saved(d.ID, 0, store.Snapshot{Seq: two.Seq, Row: two.ID, State: []byte("one and two")}) {
		t.Fatal("snapshot was not saved")
	}
	short := w.load(d.ID)
	same(t, "snapshot", short.snapshot, store.Snapshot{Seq: 2, Row: two.ID, State: []byte("one and two")})
	same(t, "rows after it", short.rows, l.rows[2:])

	// A snapshot of everything.
	last := l.rows[3]
	if !w.saved(d.ID, 2, store.Snapshot{Seq: 4, Row: last.ID, State: incompressible(2 << 20)}) {
		t.Fatal("snapshot was not saved")
	}
	whole := w.load(d.ID)
	if len(whole.rows) != 0 || whole.snapshot.Seq != 4 || len(whole.snapshot.State) != 2<<20 || whole.head != l.head {
		t.Fatalf("%d rows after a snapshot of everything, which is %d", len(whole.rows), whole.snapshot.Seq)
	}

	// What the callbacks say ends it.
	stop := errors.New("stop")
	w.write(d, ann, "5")
	fine := store.Loader{
		Binding:  func(store.Binding) error { return nil },
		Snapshot: func(store.Snapshot) error { return nil },
		Row:      func(store.Row) error { return nil },
	}
	for name, change := range map[string]func(*store.Loader){
		"binding":  func(l *store.Loader) { l.Binding = func(store.Binding) error { return stop } },
		"snapshot": func(l *store.Loader) { l.Snapshot = func(store.Snapshot) error { return stop } },
		"row":      func(l *store.Loader) { l.Row = func(store.Row) error { return stop } },
	} {
		loader := fine
		change(&loader)
		if _, err := w.s.LoadDocument(w.ctx, d.ID, loader); !errors.Is(err, stop) {
			t.Errorf("an error of the %s callback gave %v", name, err)
		}
	}
	// A callback may use the store, and what is committed meanwhile is not in this load.
	rows := 0
	loader := fine
	loader.Row = func(store.Row) error { rows++; return nil }
	loader.Snapshot = func(store.Snapshot) error {
		res, err := w.s.Append(w.ctx, newBatch(part(w.head(d.ID), newRow(ann, "6"))))
		if err == nil && res.Documents[0].Refused != store.Accepted {
			err = errors.New("refused")
		}
		return err
	}
	head, err := w.s.LoadDocument(w.ctx, d.ID, loader)
	if err != nil || rows != 1 || head.Seq != 5 {
		t.Fatalf("load during an append: head %d with %d rows, %v", head.Seq, rows, err)
	}

	_, err = w.tryLoad(uuid.New())
	want(t, err, store.ErrNotFound)
	heads, err := w.s.Heads(w.ctx, []store.DocumentID{uuid.New(), d.ID, uuid.New()})
	if err != nil || len(heads) != 1 || heads[0].Document != d.ID {
		t.Fatalf("heads with unknown ones: %+v, %v", heads, err)
	}
	many := []store.DocumentID{d.ID}
	for range 150 {
		many = append(many, w.document(ann).ID)
	}
	heads, err = w.s.Heads(w.ctx, many)
	if err != nil || len(heads) != len(many) {
		t.Fatalf("%d heads of %d, %v", len(heads), len(many), err)
	}
}

func testRows(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	d := w.document(ann)
	rows := make([]store.NewRow, 25)
	for i := range rows {
		rows[i] = newRow(ann, fmt.Sprint(i+1))
	}
	w.append(part(w.head(d.ID), rows...))
	all := w.load(d.ID).rows
	head := w.head(d.ID)

	var read []store.Row
	for after := uint64(0); ; {
		page, err := w.s.Rows(w.ctx, d.ID, after, 10)
		ok(t, err)
		same(t, "head", page.Head, head)
		if len(page.Rows) == 0 {
			break
		}
		if len(page.Rows) > 10 {
			t.Fatalf("page of %d rows", len(page.Rows))
		}
		read = append(read, page.Rows...)
		after = read[len(read)-1].Seq
	}
	same(t, "rows in pages", read, all)
	for _, after := range []uint64{25, 26, 1 << 40} {
		page, err := w.s.Rows(w.ctx, d.ID, after, 10)
		if err != nil || len(page.Rows) != 0 || page.Head != head {
			t.Fatalf("rows after %d: %+v, %v", after, page, err)
		}
	}

	// Pages of about a MiB, but never without progress.
	large := w.document(ann)
	for _, size := range []int{300 << 10, 300 << 10, 300 << 10, 300 << 10, 2 << 20, 10} {
		w.append(part(w.head(large.ID), store.NewRow{Author: ann.ID, Update: make([]byte, size)}))
	}
	var sizes []int
	for after := uint64(0); after < 6; {
		page, err := w.s.Rows(w.ctx, large.ID, after, 100)
		ok(t, err)
		if len(page.Rows) == 0 {
			t.Fatalf("no rows after %d", after)
		}
		sizes = append(sizes, len(page.Rows))
		after = page.Rows[len(page.Rows)-1].Seq
	}
	same(t, "rows a page", sizes, []int{3, 1, 1, 1})

	// Behind what was swept there is nothing but the snapshot's number.
	ten := all[9]
	w.saved(d.ID, 0, store.Snapshot{Seq: 10, Row: ten.ID, State: []byte("s")})
	page, err := w.s.Rows(w.ctx, d.ID, 3, 100)
	if err != nil || len(page.Rows) != 22 || page.Snapshot != 10 {
		t.Fatalf("covered rows that are still there: %d, %v", len(page.Rows), err)
	}
	db.Age(t, w.s, 11*time.Minute)
	_, err = w.s.SweepCovered(w.ctx, 100)
	ok(t, err)
	for after := range uint64(10) {
		page, err := w.s.Rows(w.ctx, d.ID, after, 100)
		if err != nil || len(page.Rows) != 0 || page.Snapshot != 10 || page.Head != head {
			t.Fatalf("rows after %d: %+v, %v", after, page, err)
		}
	}
	page, err = w.s.Rows(w.ctx, d.ID, 10, 100)
	ok(t, err)
	same(t, "rows after the snapshot", page.Rows, all[10:])

	ok(t, w.trash(d.ID))
	page, err = w.s.Rows(w.ctx, d.ID, 10, 100)
	if err != nil || !page.Head.Deleted {
		t.Fatalf("rows of a document in the trash: %+v, %v", page.Head, err)
	}
	_, err = w.s.Rows(w.ctx, uuid.New(), 0, 100)
	want(t, err, store.ErrNotFound)
}

func testSnapshots(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	d := w.document(ann)
	if s, err := w.s.LoadSnapshot(w.ctx, d.ID); err != nil || s.Seq != 0 {
		t.Fatalf("snapshot of an empty document: %+v, %v", s, err)
	}
	w.write(d, ann, "1", "2", "3", "4")
	rows := w.load(d.ID).rows
	at := func(seq uint64, state string) store.Snapshot {
		return store.Snapshot{Seq: seq, Row: rows[seq-1].ID, State: []byte(state)}
	}
	if w.saved(d.ID, 1, at(2, "on what is not there")) {
		t.Fatal("a snapshot replaced one that does not exist")
	}
	saved := make([]bool, 6)
	count(t, together(6, func(i int) (err error) {
		saved[i], err = w.s.SaveSnapshot(w.ctx, d.ID, w.head(d.ID).Epoch, 0, at(2, fmt.Sprint("saver ", i)))
		return err
	}), nil)
	got, err := w.s.LoadSnapshot(w.ctx, d.ID)
	ok(t, err)
	n := 0
	for i, s := range saved {
		if s {
			n++
			same(t, "snapshot of the saver that won", got, at(2, fmt.Sprint("saver ", i)))
		}
	}
	if n != 1 {
		t.Fatalf("%d savers of 6 won", n)
	}
	for name, c := range map[string]struct {
		replaces uint64
		s        store.Snapshot
	}{
		"none, though there is one": {0, at(4, "x")},
		"an older one":              {1, at(4, "x")},
		"with the same number":      {2, at(2, "x")},
		"with an older number":      {2, at(1, "x")},
	} {
		if w.saved(d.ID, c.replaces, c.s) {
			t.Errorf("a snapshot replaced %s", name)
		}
	}
	if saved, err := w.s.SaveSnapshot(w.ctx, d.ID, uuid.New(), 2, at(4, "x")); err != nil || saved {
		t.Fatalf("a snapshot of another epoch: %v, %v", saved, err)
	}
	for _, s := range []store.Snapshot{{Seq: 4, Row: rows[3].ID + 1}, {Seq: 5, Row: 1}} {
		if saved, err := w.s.SaveSnapshot(w.ctx, d.ID, w.head(d.ID).Epoch, 2, s); err == nil || saved {
			t.Fatalf("a snapshot of rows that are not the document's: %v, %v", saved, err)
		}
	}
	_, err = w.s.SaveSnapshot(w.ctx, uuid.New(), uuid.New(), 0, at(1, "x"))
	want(t, err, store.ErrNotFound)
	if !w.saved(d.ID, 2, at(4, "all")) {
		t.Fatal("the next snapshot was not saved")
	}
	got, err = w.s.LoadSnapshot(w.ctx, d.ID)
	ok(t, err)
	same(t, "newest snapshot", got, at(4, "all"))
}

func testSweep(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	d, quiet := w.document(ann), w.document(ann)
	w.write(quiet, ann, "1", "2")
	sweep := func(limit, wanted int) {
		t.Helper()
		n, err := w.s.SweepCovered(w.ctx, limit)
		if err != nil || n != wanted {
			t.Fatalf("swept %d rows, %v; want %d", n, err, wanted)
		}
	}

	// Two rows a minute, compacted every minute: each row goes ten minutes after the first snapshot that covered it.
	snapshot := uint64(0)
	for minute := 1; minute <= 15; minute++ {
		h := w.write(d, ann, fmt.Sprint("a", minute), fmt.Sprint("b", minute))
		if !w.saved(d.ID, snapshot, store.Snapshot{Seq: h.Seq, Row: h.Row, State: []byte("s")}) {
			t.Fatal("snapshot was not saved")
		}
		snapshot = h.Seq
		if minute <= 10 {
			sweep(100, 0)
		} else {
			sweep(100, 2)
		}
		if l := w.load(d.ID); len(l.rows) != 0 || l.head != h {
			t.Fatalf("load after the sweep: %+v", l)
		}
		db.Age(t, w.s, time.Minute)
	}
	db.Age(t, w.s, time.Hour)
	sweep(3, 3)
	sweep(100, 17)
	sweep(100, 0)
	if rows := w.load(quiet.ID).rows; len(rows) != 2 {
		t.Fatalf("rows that no snapshot covers were swept: %d are left", len(rows))
	}

	// The log goes on where it was.
	h := w.write(d, ann, "next")
	if h.Seq != 31 {
		t.Fatalf("next row is %d", h.Seq)
	}
	same(t, "rows", w.load(d.ID).texts(), []string{"next"})

	// More than one transaction's worth.
	long := w.document(ann)
	rows := make([]store.NewRow, 700)
	for i := range rows {
		rows[i] = newRow(ann, "x")
	}
	h = w.append(part(w.head(long.ID), rows...)).Documents[0].Head
	w.saved(long.ID, 0, store.Snapshot{Seq: h.Seq, Row: h.Row, State: []byte("s")})
	db.Age(t, w.s, 11*time.Minute)
	sweep(600, 600)
	if page, err := w.s.Rows(w.ctx, long.ID, 600, 1000); err != nil || len(page.Rows) != 100 {
		t.Fatalf("%d rows are left in the log, %v", len(page.Rows), err)
	}
	sweep(600, 100)
}
