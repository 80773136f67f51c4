package storetest

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

func testAppend(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	docs := make([]store.Document, 5)
	parts := make([]store.DocumentAppend, 5)
	for i := range docs {
		docs[i] = w.document(ann)
		w.member(docs[i], bob, store.Editor)
		parts[4-i] = part(w.head(docs[i].ID), newRow(ann, fmt.Sprint("a", i), 1), newRow(bob, fmt.Sprint("b", i), 2)) // not in the order of ids
	}
	res := w.append(parts...)
	for i, r := range res.Documents {
		d := docs[4-i]
		if r.Refused != store.Accepted || r.MoreForeign || len(r.Foreign) != 0 || len(r.Rows) != 2 {
			t.Fatalf("document %d: %+v", i, r)
		}
		one, two := r.Rows[0], r.Rows[1]
		if one.Seq != 1 || two.Seq != 2 || one.Prev != 0 || two.Prev != one.ID || one.ID == 0 || two.ID == 0 || one.ID == two.ID {
			t.Fatalf("rows of document %d: %+v", i, r.Rows)
		}
		l := w.load(d.ID)
		same(t, "head", r.Head, l.head)
		same(t, "rows", l.rows, []store.Row{
			{Seq: 1, ID: one.ID, Author: ann.ID, Update: []byte(fmt.Sprint("a", 4-i))},
			{Seq: 2, ID: two.ID, Prev: one.ID, Author: bob.ID, Update: []byte(fmt.Sprint("b", 4-i))},
		})
		same(t, "end of the log", l.head, store.Head{
			Document: d.ID, Seq: 2, Row: two.ID, Epoch: parts[i].Epoch, AccessVersion: parts[i].AccessVersion,
		})
	}

	// What is no row at all.
	d := docs[0]
	res = w.append(part(w.head(d.ID)))
	if r := res.Documents[0]; r.Refused != store.Accepted || r.Head != w.head(d.ID) || r.Head.Seq != 2 {
		t.Fatalf("an empty part: %+v", r)
	}
	w.append()

	// Large and small updates come back byte for byte.
	for _, u := range [][]byte{{0}, bytes.Repeat([]byte("compressible "), 100_000), incompressible(3 << 20)} {
		h := w.append(part(w.head(d.ID), store.NewRow{Author: ann.ID, Update: u})).Documents[0].Head
		page, err := w.s.Rows(w.ctx, d.ID, h.Seq-1, 10)
		ok(t, err)
		if len(page.Rows) != 1 || !bytes.Equal(page.Rows[0].Update, u) {
			t.Fatalf("an update of %d bytes was changed", len(u))
		}
	}

	for name, bad := range map[string]store.Batch{
		"no run":                    {Key: store.Key{Number: 1}},
		"no number":                 {Key: store.Key{Run: uuid.New()}},
		"a document twice":          newBatch(part(w.head(d.ID)), part(w.head(d.ID))),
		"a client id out of range":  newBatch(part(w.head(d.ID), newRow(ann, "x", math.MaxUint64))),
		"an announcement like that": newBatch(store.DocumentAppend{Document: d.ID, Announce: []store.Binding{{Client: math.MaxUint64, User: ann.ID}}}),
	} {
		if _, err := w.s.Append(w.ctx, bad); err == nil {
			t.Errorf("a batch with %s was taken", name)
		}
	}
}

func testRights(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	d := w.document(ann)
	people := map[store.Role]store.User{store.NoRole: w.user("stranger")}
	for r := store.Viewer; r <= store.Owner; r++ {
		people[r] = w.user(r.String())
		w.member(d, people[r], r)
	}
	stale := w.head(d.ID)
	stale.AccessVersion--
	for role, user := range people {
		h := w.head(d.ID)
		h.AccessVersion = stale.AccessVersion
		r := w.append(part(h, newRow(user, role.String(), uint64(100+role)))).Documents[0].Rows[0]
		if got := r.Refused == store.Accepted; got != role.CanWrite() || !got && (r.Refused != store.NoRight || r.Seq != 0) {
			t.Errorf("role %q: %+v", role, r)
		}
	}
	if l := w.load(d.ID); len(l.rows) != 2 || len(l.bindings) != 2 {
		t.Fatalf("log after the refusals: %+v", l)
	}

	// The refused row between two others leaves no gap.
	h := w.head(d.ID)
	h.AccessVersion = 0
	res := w.append(part(h, newRow(ann, "one"), newRow(people[store.Viewer], "no", 7), newRow(ann, "two"))).Documents[0]
	if res.Rows[0].Seq != 3 || res.Rows[1].Refused != store.NoRight || res.Rows[2].Seq != 4 || res.Rows[2].Prev != res.Rows[0].ID || res.Head.Seq != 4 {
		t.Fatalf("rows around a refused one: %+v", res)
	}

	// A downgrade counts from the next commit on, whatever version the room last saw.
	editor := people[store.Editor]
	h = w.head(d.ID)
	w.member(d, editor, store.Viewer)
	r := w.append(part(h, newRow(editor, "late"), newRow(ann, "in time"))).Documents[0]
	if r.Rows[0].Refused != store.NoRight || r.Rows[1].Refused != store.Accepted || r.Head.AccessVersion <= h.AccessVersion {
		t.Fatalf("after a downgrade: %+v", r)
	}

	// Accounts are always looked at, even with the current version.
	owner := people[store.Owner]
	db.Disable(t, w.s, owner.ID)
	h = w.head(d.ID)
	r = w.append(part(h, newRow(owner, "disabled"), store.NewRow{Author: uuid.New(), Update: []byte("unknown")})).Documents[0]
	if r.Refused != store.Accepted || r.Rows[0].Refused != store.NoRight || r.Rows[1].Refused != store.NoRight {
		t.Fatalf("authors without an account: %+v", r)
	}
	same(t, "head", w.head(d.ID), h)
}

func testHistories(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	d := w.document(ann)
	one := w.write(d, ann, "1")
	h := w.write(d, ann, "2", "3")
	edit := func(f func(*store.DocumentAppend)) store.DocumentAppend {
		p := part(h, newRow(ann, "new", 1))
		p.Announce = []store.Binding{{Client: 2, User: ann.ID}}
		f(&p)
		return p
	}
	for name, c := range map[string]struct {
		part store.DocumentAppend
		want store.Refusal
	}{
		"another epoch":              {edit(func(p *store.DocumentAppend) { p.Epoch = uuid.New() }), store.EpochChanged},
		"a head below upTo":          {edit(func(p *store.DocumentAppend) { p.UpTo = h.Seq + 1 }), store.EpochChanged},
		"another row at the head":    {edit(func(p *store.DocumentAppend) { p.UpToRow++ }), store.EpochChanged},
		"another row in between":     {edit(func(p *store.DocumentAppend) { p.UpTo, p.UpToRow = 1, one.Row+1 }), store.EpochChanged},
		"a row id where none can be": {edit(func(p *store.DocumentAppend) { p.UpTo, p.UpToRow = 0, 5 }), store.EpochChanged},
		"an unknown document":        {edit(func(p *store.DocumentAppend) { p.Document = uuid.New() }), store.DocumentGone},
	} {
		r := w.append(c.part).Documents[0]
		if r.Refused != c.want || len(r.Rows) != 1 || r.Rows[0].Refused != c.want || r.Rows[0].Seq != 0 || len(r.Announced) != 1 || r.Announced[0].Refused == store.Accepted {
			t.Errorf("%s: %+v", name, r)
		}
		if r.Head.Document != c.part.Document || c.want == store.EpochChanged && r.Head != h {
			t.Errorf("%s: head is %+v", name, r.Head)
		}
	}
	l := w.load(d.ID)
	if l.head != h || len(l.bindings) != 0 {
		t.Fatalf("refused documents left something: %+v", l)
	}

	// A refused document takes no other down.
	other := w.document(ann)
	res := w.append(edit(func(p *store.DocumentAppend) { p.Epoch = uuid.New() }), part(w.head(other.ID), newRow(ann, "x")))
	if res.Documents[0].Refused != store.EpochChanged || res.Documents[1].Rows[0].Seq != 1 {
		t.Fatalf("a batch with one refused document: %+v", res)
	}

	// Rows that are in history, or only in a snapshot's number, are still this history.
	if !w.saved(d.ID, 0, store.Snapshot{Seq: h.Seq, Row: h.Row, State: []byte("s")}) {
		t.Fatal("snapshot was not saved")
	}
	db.Age(t, w.s, 11*time.Minute)
	if n, err := w.s.SweepCovered(w.ctx, 100); err != nil || n != 3 {
		t.Fatalf("swept %d rows, %v", n, err)
	}
	w.write(d, ann, "4")
	for _, upTo := range []store.Head{one, h} {
		p := edit(func(p *store.DocumentAppend) { p.UpTo, p.UpToRow = upTo.Seq, upTo.Row })
		if r := w.append(p).Documents[0]; r.Refused != store.Accepted {
			t.Fatalf("a room at swept row %d was refused: %v", upTo.Seq, r.Refused)
		}
		p.UpToRow++
		if r := w.append(p).Documents[0]; r.Refused != store.EpochChanged {
			t.Fatalf("a wrong id at swept row %d was taken: %+v", upTo.Seq, r)
		}
	}
}

func testBindings(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	d := w.document(ann)
	w.member(d, bob, store.Editor)
	announce := func(bs ...store.Binding) store.DocumentAppend {
		p := part(w.head(d.ID))
		p.Announce = bs
		return p
	}

	// First come, first served: by announcement, by writing, within a batch and across batches.
	p := announce(store.Binding{Client: 1, User: ann.ID}, store.Binding{Client: 1, User: bob.ID}, store.Binding{Client: 2, User: bob.ID}, store.Binding{Client: 1, User: ann.ID})
	r := w.append(p).Documents[0]
	same(t, "announcements", r.Announced, []store.AnnounceResult{{}, {Refused: store.ClientOfOther}, {}, {}})

	r = w.append(part(w.head(d.ID),
		newRow(ann, "own and new", 1, 10),
		newRow(bob, "new, and two of ann's", 20, 10, 21, 1),
		newRow(bob, "what the refused row would have brought", 20, 2),
		newRow(ann, "that again", 20),
	)).Documents[0]
	same(t, "rows", r.Rows, []store.RowResult{
		{Seq: 1},
		{Refused: store.ClientOfOther, Others: []uint64{10, 1}},
		{Seq: 2},
		{Refused: store.ClientOfOther, Others: []uint64{20}},
	}, cmpopts.IgnoreFields(store.RowResult{}, "ID", "Prev"))

	r = w.append(announce(store.Binding{Client: 21, User: ann.ID}, store.Binding{Client: 20, User: ann.ID})).Documents[0]
	same(t, "announcements", r.Announced, []store.AnnounceResult{{}, {Refused: store.ClientOfOther}})
	same(t, "bindings", w.load(d.ID).bindings, map[uint64]store.UserID{1: ann.ID, 2: bob.ID, 10: ann.ID, 20: bob.ID, 21: ann.ID})

	// An announcement and a row of one batch: the announcement is first.
	p = announce(store.Binding{Client: 30, User: bob.ID})
	p.Rows = []store.NewRow{newRow(ann, "x", 30), newRow(bob, "y", 30)}
	r = w.append(p).Documents[0]
	if r.Announced[0].Refused != store.Accepted || r.Rows[0].Refused != store.ClientOfOther || r.Rows[1].Refused != store.Accepted {
		t.Fatalf("an announced id that another writes under: %+v", r)
	}

	// Another document has its own bindings.
	other := w.document(bob)
	if r := w.append(part(w.head(other.ID), newRow(bob, "z", 1))).Documents[0].Rows[0]; r.Refused != store.Accepted {
		t.Fatalf("ann's id in another document: %+v", r)
	}

	// The largest ids that clients may have, and many at once.
	many := make([]uint64, 1000)
	for i := range many {
		many[i] = 1<<53 - 1 - uint64(i)
	}
	if r := w.append(part(w.head(d.ID), newRow(ann, "many", many...))).Documents[0].Rows[0]; r.Refused != store.Accepted {
		t.Fatalf("a row with 1000 new ids: %+v", r)
	}
	if got := w.load(d.ID).bindings; len(got) != 1006 || got[1<<53-1] != ann.ID {
		t.Fatalf("%d bindings", len(got))
	}
}

func testForeign(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	d := w.document(ann)
	one := w.write(d, ann, "1")
	all := w.write(d, ann, "2", "3")
	r := w.append(part(one, newRow(ann, "4"))).Documents[0]
	if r.Rows[0].Seq != 4 || r.Rows[0].Prev != all.Row || r.MoreForeign {
		t.Fatalf("a room that lags: %+v", r)
	}
	same(t, "rows of others", r.Foreign, w.load(d.ID).rows[1:3])

	// Even what refuses every row tells what the room lacks.
	r = w.append(part(one, store.NewRow{Author: uuid.New(), Update: []byte("x")})).Documents[0]
	if len(r.Foreign) != 3 || r.Rows[0].Refused != store.NoRight {
		t.Fatalf("a lagging room whose row is refused: %+v", r)
	}

	// Many rows: the first 256.
	rows := make([]store.NewRow, 300)
	for i := range rows {
		rows[i] = newRow(ann, fmt.Sprint("row", i))
	}
	long := w.document(ann)
	start := w.head(long.ID)
	w.append(part(start, rows...))
	r = w.append(part(start, newRow(ann, "mine"))).Documents[0]
	if len(r.Foreign) != 256 || !r.MoreForeign || r.Rows[0].Seq != 301 {
		t.Fatalf("%d rows of 300 others, more is %v, own is %+v", len(r.Foreign), r.MoreForeign, r.Rows[0])
	}
	same(t, "rows of others", r.Foreign, w.load(long.ID).rows[:256])

	// Large rows: the first MiB.
	large := w.document(ann)
	start = w.head(large.ID)
	for range 4 {
		w.append(part(w.head(large.ID), store.NewRow{Author: ann.ID, Update: make([]byte, 400<<10)}))
	}
	r = w.append(part(start, newRow(ann, "mine"))).Documents[0]
	if len(r.Foreign) != 2 || !r.MoreForeign || r.Rows[0].Seq != 5 {
		t.Fatalf("%d rows of 4 others of 400 KiB, more is %v", len(r.Foreign), r.MoreForeign)
	}

	// What is in history already is left to Rows.
	h := w.head(d.ID)
	w.saved(d.ID, 0, store.Snapshot{Seq: h.Seq, Row: h.Row, State: []byte("s")})
	db.Age(t, w.s, 11*time.Minute)
	if _, err := w.s.SweepCovered(w.ctx, 1000); err != nil {
		t.Fatal(err)
	}
	w.write(d, ann, "after the snapshot")
	r = w.append(part(one, newRow(ann, "mine"))).Documents[0]
	if r.Refused != store.Accepted || len(r.Foreign) != 0 || !r.MoreForeign {
		t.Fatalf("a room behind the snapshot: %+v", r)
	}
}

// incompressible gives n bytes without a pattern, the same ones each time.
func incompressible(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // never fails
	return b
}
