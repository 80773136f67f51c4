package storetest

import (
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
)

func testStatistics(t *testing.T, db Database) {
	w := newWorld(t, db)
	counts := func(want store.Statistics) int64 {
		t.Helper()
		got, err := w.s.Statistics(w.ctx)
		ok(t, err)
		size := got.LogBytes
		if size < 10_000 {
			t.Fatalf("the database has %d bytes", size)
		}
		got.LogBytes = 0
		same(t, "statistics", got, want)
		return size
	}
	counts(store.Statistics{})
	ann, bob := w.user("ann"), w.user("bob")
	plan, notes := w.document(ann), w.document(bob)
	w.document(bob)
	counts(store.Statistics{Users: 2, Documents: 3})
	small := counts(store.Statistics{Users: 2, Documents: 3})
	w.write(plan, ann, "a", "b", "c")
	w.write(notes, bob, "d", string(incompressible(4<<20)))
	ok(t, w.trash(notes.ID))
	if large := counts(store.Statistics{Users: 2, Documents: 2, Trashed: 1, LogRows: 5}); large-small < 4<<20 {
		t.Errorf("4 MiB have made %d bytes of %d", large, small)
	}
	ok(t, w.restore(notes.ID))
	key := w.apiKey(ann, "key", time.Time{})
	for _, name := range []string{"x", "y", "x"} {
		_, err := w.s.Guest(w.ctx, key.ID, name, name)
		ok(t, err)
	}
	db.Disable(t, w.s, bob.ID) // who is still there
	counts(store.Statistics{Users: 2, Guests: 2, Documents: 3, LogRows: 5})
	_, err := w.s.DeleteUser(w.ctx, bob.ID, ann.ID)
	ok(t, err)
	counts(store.Statistics{Users: 1, Guests: 2, Documents: 3, LogRows: 5})
}
