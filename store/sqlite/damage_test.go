package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/sqlite"
)

// desk is a store with one document of ann's.
type desk struct {
	t   *testing.T
	s   *sqlite.Store
	ann store.User
	doc store.Document
}

func newDesk(t *testing.T, path string) *desk {
	t.Helper()
	d := &desk{t: t, s: open(t, path)}
	t.Cleanup(func() {
		if err := d.s.Close(); err != nil {
			t.Error(err)
		}
	})
	var err error
	if d.ann, err = d.s.CreateUser(t.Context(), store.User{Email: "ann@example.org", Role: store.RoleMember}); err != nil {
		t.Fatal(err)
	}
	if d.doc, _, err = d.s.CreateDocument(t.Context(), store.Document{Owner: d.ann.ID}, nil); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) batch(updates ...[]byte) store.Batch {
	d.t.Helper()
	_, h, err := d.s.Roles(d.t.Context(), d.doc.ID, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	part := store.DocumentAppend{Document: h.Document, Epoch: h.Epoch, UpTo: h.Seq, UpToRow: h.Row, AccessVersion: h.AccessVersion}
	for _, u := range updates {
		part.Rows = append(part.Rows, store.NewRow{Author: d.ann.ID, Update: u})
	}
	return store.Batch{Key: store.Key{Run: uuid.New(), Number: 1}, Documents: []store.DocumentAppend{part}}
}

func (d *desk) append(updates ...[]byte) store.DocumentResult {
	d.t.Helper()
	res, err := d.s.Append(d.t.Context(), d.batch(updates...))
	if err != nil || res.Documents[0].Refused != store.Accepted {
		d.t.Fatalf("append: %+v, %v", res, err)
	}
	return res.Documents[0]
}

func (d *desk) load() (rows []store.Row, err error) {
	_, err = d.s.LoadDocument(d.t.Context(), d.doc.ID, store.Loader{
		Binding:  func(store.Binding) error { return nil },
		Snapshot: func(store.Snapshot) error { return nil },
		Row:      func(r store.Row) error { rows = append(rows, r); return nil },
	})
	return rows, err
}

// TestDamagedLog: whatever is missing or altered, a document is not loaded in part.
func TestDamagedLog(t *testing.T) {
	for name, c := range map[string]struct {
		damage string
		rows   bool // Rows after 0 or after the snapshot notices too
	}{
		"nothing":                        {damage: "UPDATE updates SET author = zeroblob(16) WHERE 0"},
		"the first row is gone":          {"DELETE FROM updates WHERE seq = 4", true},
		"a row in the middle is gone":    {"DELETE FROM updates WHERE seq = 5", true},
		"the last row is gone":           {"DELETE FROM updates WHERE seq = 6", true},
		"all rows are gone":              {"DELETE FROM updates", true},
		"a row has another predecessor":  {"UPDATE updates SET prev = prev + 1 WHERE seq = 5", true},
		"a row has another id":           {"UPDATE updates SET id = id + 1 WHERE seq = 5", true},
		"the last row has another id":    {"UPDATE updates SET id = id + 1 WHERE seq = 6", false},
		"a row is empty":                 {"UPDATE updates SET data = zeroblob(0) WHERE seq = 5", true},
		"a row has an unknown format":    {"UPDATE updates SET data = x'7f00' WHERE seq = 5", true},
		"a row's compression is broken":  {"UPDATE updates SET data = x'01ffff' WHERE seq = 5", true},
		"the head is ahead":              {"UPDATE heads SET seq = 7", true},
		"the head is behind":             {"UPDATE heads SET seq = 5", true},
		"the head's row is elsewhere":    {"UPDATE heads SET last_n = last_n - 1", true},
		"a row leads in a circle":        {"UPDATE updates SET prev_n = n WHERE seq = 5", true},
		"a row leads to another's":       {"UPDATE updates SET document = zeroblob(16) WHERE seq = 5", true},
		"the head is another row":        {"UPDATE heads SET row = row + 1", false},
		"the snapshot is gone":           {"DELETE FROM snapshots", false},
		"the snapshot is of another row": {"UPDATE snapshots SET row = row + 1", false},
		"the snapshot is from before":    {"UPDATE snapshots SET seq = 2", false},
		"the snapshot is from later":     {"UPDATE snapshots SET seq = 9", false},
		"the snapshot can't be unpacked": {"UPDATE snapshots SET state = x'7f'", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, sqlite.Memory)
			r := d.append([]byte("1"), []byte("2"), []byte("3"))
			saved, err := d.s.SaveSnapshot(t.Context(), d.doc.ID, r.Head.Epoch, 0, store.Snapshot{Seq: 3, Row: r.Head.Row, State: []byte("123")})
			if err != nil || !saved {
				t.Fatalf("save snapshot: %v, %v", saved, err)
			}
			exec(t, d.s, "DELETE FROM updates WHERE seq <= 3") // as if swept
			d.append([]byte("4"), []byte("5"), []byte("6"))
			exec(t, d.s, c.damage)

			rows, err := d.load()
			if name == "nothing" {
				if err != nil || len(rows) != 3 {
					t.Fatalf("an undamaged document: %d rows, %v", len(rows), err)
				}
				return
			}
			if !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("load: %v", err)
			}
			page, err := d.s.Rows(t.Context(), d.doc.ID, 3, 100)
			if c.rows != (err != nil) {
				t.Errorf("rows: %d, %v", len(page.Rows), err)
			}
		})
	}
}

// TestCommitFails makes COMMIT itself fail. Nothing can be said about such a transaction, and the next one finds a sound connection.
func TestCommitFails(t *testing.T) {
	for _, path := range []string{sqlite.Memory, filepath.Join(t.TempDir(), "bizsync.db")} {
		d := newDesk(t, path)
		d.append([]byte("before"))
		err := sqlite.Transact(t.Context(), d.s,
			"PRAGMA defer_foreign_keys = 1", // checked at the commit
			"INSERT INTO secrets (name, value) VALUES ('in doubt', x'00')",
			"INSERT INTO links (token_hash, kind, user, created_at, expires_at) VALUES (zeroblob(32), 'password', zeroblob(16), 0, 0)")
		if !errors.Is(err, store.ErrUncertain) || errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("a commit that failed: %v", err)
		}
		if got, err := d.s.Secret(t.Context(), "in doubt", []byte("new")); err != nil || string(got) != "new" {
			t.Fatalf("the transaction is still there: %q, %v", got, err)
		}
		d.append([]byte("after"))
		if rows, err := d.load(); err != nil || len(rows) != 2 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
	}
}

// TestDiskFull: a definite failure that blames no document, and all is well when there is room again.
func TestDiskFull(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "bizsync.db"))
	d.append([]byte("before"))
	large := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(large) // nothing to compress; it never fails
	b := d.batch(large, large)
	for range 3 {
		exec(t, d.s, "PRAGMA max_page_count = 100") // of this connection, which SQLite's own rollback costs
		_, err := d.s.Append(t.Context(), b)
		if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrUncertain) {
			t.Fatalf("append without room: %v", err)
		}
	}
	if rows, err := d.load(); err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	exec(t, d.s, "PRAGMA max_page_count = 100000")
	if res, err := d.s.Append(t.Context(), b); err != nil || res.AlreadyCommitted || res.Documents[0].Head.Seq != 3 {
		t.Fatalf("append with room again: %+v, %v", res, err)
	}
}

// TestCancelledBeforeCommit: whoever gives up before the COMMIT learns for certain that nothing happened.
func TestCancelledBeforeCommit(t *testing.T) {
	for _, path := range []string{sqlite.Memory, filepath.Join(t.TempDir(), "bizsync.db")} {
		d := newDesk(t, path)
		err := sqlite.CancelledIn(t.Context(), d.s, "INSERT INTO secrets (name, value) VALUES ('x', x'00')")
		if !errors.Is(err, context.Canceled) || !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrUncertain) {
			t.Fatalf("a transaction that was given up: %v", err)
		}
		if got, err := d.s.Secret(t.Context(), "x", []byte("new")); err != nil || string(got) != "new" {
			t.Fatalf("secret %q, %v", got, err)
		}
	}
}

// TestPanic: a transaction that panics is undone and gives its turn back.
func TestPanic(t *testing.T) {
	for _, path := range []string{sqlite.Memory, filepath.Join(t.TempDir(), "bizsync.db")} {
		d := newDesk(t, path)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = sqlite.Panic(t.Context(), d.s, "INSERT INTO secrets (name, value) VALUES ('x', x'00')")
		}()
		if got, err := d.s.Secret(t.Context(), "x", []byte("new")); err != nil || string(got) != "new" {
			t.Fatalf("secret %q, %v", got, err)
		}
	}
}

// TestLostConnection: a writer whose connection was dropped makes a new one, with its settings.
func TestLostConnection(t *testing.T) {
	d := newDesk(t, filepath.Join(t.TempDir(), "bizsync.db"))
	for i := range 3 {
		sqlite.Drop(d.s)
		if r := d.append([]byte(fmt.Sprint(i))); r.Head.Seq != uint64(i+1) {
			t.Fatalf("head %+v", r.Head)
		}
		for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
			if got := sqlite.Pragma(t.Context(), d.s, pragma); got != want {
				t.Errorf("%s is %s, want %s", pragma, got, want)
			}
		}
	}
}
