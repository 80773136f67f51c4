package storetest

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bizsync/bizsync/store"
)

// modelDocument is what a document's log should be.
type modelDocument struct {
	store.Document
	rows     []store.Row // all that were ever committed; rows[i] is number i+1
	snapshot uint64
}

// testModel plays random histories: appends to several documents at once by rooms that lag, snapshots, time, sweeps. After each step the log must read as
// if nothing had ever been compacted or moved.
func testModel(t *testing.T, db Database) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{t: t, ctx: t.Context(), db: db, s: db.Open(t)} // small, or making it older takes ever longer
		defer func() { ok(t, w.s.Close()) }()
		ann := w.user("ann")
		docs := make([]*modelDocument, 3)
		for i := range docs {
			docs[i] = &modelDocument{Document: w.document(ann)}
		}
		pick := func() *modelDocument { return rapid.SampledFrom(docs).Draw(rt, "document") }
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				var parts []store.DocumentAppend
				var to []*modelDocument
				for _, d := range docs {
					n := rapid.IntRange(0, 4).Draw(rt, "rows")
					if n == 0 {
						continue
					}
					p := part(w.head(d.ID))
					p.UpTo = rapid.Uint64Range(0, uint64(len(d.rows))).Draw(rt, "upTo")
					if p.UpToRow = 0; p.UpTo > 0 {
						p.UpToRow = d.rows[p.UpTo-1].ID
					}
					for k := range n {
						p.Rows = append(p.Rows, newRow(ann, fmt.Sprint(len(d.rows)+k+1)))
					}
					parts, to = append(parts, p), append(to, d)
				}
				for i, r := range w.append(parts...).Documents {
					to[i].appended(rt, parts[i], r)
				}
			},
			"snapshot": func(rt *rapid.T) {
				d := pick()
				if uint64(len(d.rows)) == d.snapshot {
					return
				}
				seq := rapid.Uint64Range(d.snapshot+1, uint64(len(d.rows))).Draw(rt, "seq")
				if !w.saved(d.ID, d.snapshot, store.Snapshot{Seq: seq, Row: d.rows[seq-1].ID, State: []byte(fmt.Sprint("up to ", seq))}) {
					rt.Fatal("snapshot was not saved")
				}
				d.snapshot = seq
			},
			"time": func(rt *rapid.T) {
				db.Age(t, w.s, time.Duration(rapid.IntRange(1, 11).Draw(rt, "minutes"))*time.Minute)
			},
			"sweep": func(rt *rapid.T) {
				if _, err := w.s.SweepCovered(w.ctx, rapid.IntRange(1, 30).Draw(rt, "limit")); err != nil {
					rt.Fatal(err)
				}
			},
			"": func(rt *rapid.T) {
				d := pick()
				d.checkLoad(rt, w.load(d.ID))
				after := rapid.Uint64Range(0, uint64(len(d.rows))).Draw(rt, "after")
				limit := rapid.IntRange(1, 10).Draw(rt, "limit")
				page, err := w.s.Rows(w.ctx, d.ID, after, limit)
				if err != nil {
					rt.Fatal(err)
				}
				wanted := min(limit, len(d.rows)-int(after))
				if page.Snapshot != d.snapshot || len(page.Rows) != wanted && (len(page.Rows) != 0 || after >= d.snapshot) {
					rt.Fatalf("%d rows after %d, want %d; snapshot %d, want %d", len(page.Rows), after, wanted, page.Snapshot, d.snapshot)
				}
				d.checkRows(rt, after, page.Rows)
			},
		})
	})
}

// appended checks the result of an append against the model, and takes it in.
func (d *modelDocument) appended(t *rapid.T, p store.DocumentAppend, r store.DocumentResult) {
	if r.Refused != store.Accepted {
		t.Fatalf("refused: %v", r.Refused)
	}
	d.checkRows(t, p.UpTo, r.Foreign)
	if missing := len(d.rows) - int(p.UpTo) - len(r.Foreign); r.MoreForeign != (missing > 0) || missing > 0 && p.UpTo >= d.snapshot {
		t.Fatalf("%d rows of others after %d of %d, more is %v", len(r.Foreign), p.UpTo, len(d.rows), r.MoreForeign)
	}
	for k, row := range r.Rows {
		prev := store.RowID(0)
		if n := len(d.rows); n > 0 {
			prev = d.rows[n-1].ID
		}
		if row.Seq != uint64(len(d.rows)+1) || row.Prev != prev {
			t.Fatalf("row %+v follows row %d, %d", row, len(d.rows), prev)
		}
		d.rows = append(d.rows, store.Row{Seq: row.Seq, ID: row.ID, Prev: row.Prev, Author: p.Rows[k].Author, Update: p.Rows[k].Update})
	}
}

func (d *modelDocument) checkLoad(t *rapid.T, l loaded) {
	if l.snapshot.Seq != d.snapshot || d.snapshot > 0 && string(l.snapshot.State) != fmt.Sprint("up to ", d.snapshot) {
		t.Fatalf("snapshot %d %q, want %d", l.snapshot.Seq, l.snapshot.State, d.snapshot)
	}
	if len(l.rows) != len(d.rows)-int(d.snapshot) || l.head.Seq != uint64(len(d.rows)) {
		t.Fatalf("%d rows after snapshot %d of %d, head %d", len(l.rows), d.snapshot, len(d.rows), l.head.Seq)
	}
	d.checkRows(t, d.snapshot, l.rows)
}

// checkRows: rows are those after a number.
func (d *modelDocument) checkRows(t *rapid.T, after uint64, rows []store.Row) {
	for i, r := range rows {
		wanted := d.rows[int(after)+i]
		if r.Seq != wanted.Seq || r.ID != wanted.ID || r.Prev != wanted.Prev || r.Author != wanted.Author || string(r.Update) != string(wanted.Update) {
			t.Fatalf("row %+v, want %+v", r, wanted)
		}
	}
}
