package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/sqlite"
)

// writer types in one document, as a room that was loaded once: all it knows of the document is what its own commits told.
type writer struct {
	t     *testing.T
	s     *sqlite.Store
	login [32]byte
	batch store.Batch
}

const loginLasts = 4 * time.Minute

func newWriter(t *testing.T, path string) *writer {
	t.Helper()
	d := newDesk(t, path)
	w := &writer{t: t, s: d.s, login: [32]byte{1}, batch: d.batch([]byte("text"))}
	login := store.Session{ID: uuid.New(), User: d.ann.ID, ExpiresAt: time.Now().Add(loginLasts)}
	if err := d.s.CreateSession(t.Context(), login, w.login); err != nil {
		t.Fatal(err)
	}
	w.batch.Documents[0].Rows[0].Credential = login.ID
	return w
}

func (w *writer) write() (document, row store.Refusal) {
	w.t.Helper()
	res, err := w.s.Append(w.t.Context(), w.batch)
	if err != nil {
		w.t.Fatal(err)
	}
	d, r := &w.batch.Documents[0], res.Documents[0]
	w.batch.Key.Number++
	if r.Rows[0].Refused == store.Accepted && (r.Head.Seq != d.UpTo+1 || r.Rows[0].Prev != d.UpToRow) {
		w.t.Fatalf("row %+v follows row %d", r, d.UpTo)
	}
	d.UpTo, d.UpToRow = r.Head.Seq, r.Head.Row
	return r.Refused, r.Rows[0].Refused
}

func (w *writer) writes(n int) {
	w.t.Helper()
	for range n {
		if document, row := w.write(); document != store.Accepted || row != store.Accepted {
			w.t.Fatalf("refused: %v, %v", document, row)
		}
	}
}

// TestOthersWrite: what the store knows from its own commits it doesn't believe any more when something else has written, be it by hand into a running server's file.
func TestOthersWrite(t *testing.T) {
	for name, write := range map[string]func(w *writer, path, statement string) error{
		"the store": func(w *writer, _, q string) error { return sqlite.Exec(w.t.Context(), w.s, q) },
		"another connection": func(w *writer, path, q string) error {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				return err
			}
			defer db.Close()
			_, err = db.ExecContext(w.t.Context(), q)
			return err
		},
	} {
		for statement, want := range map[string][2]store.Refusal{
			"UPDATE users SET disabled = 1":                                     {store.Accepted, store.NoRight},
			"DELETE FROM sessions":                                              {store.Accepted, store.NoRight},
			"UPDATE sessions SET expires_at = 0":                                {store.Accepted, store.NoRight},
			"UPDATE heads SET deleted = 1":                                      {store.DocumentGone, store.DocumentGone},
			"DELETE FROM heads":                                                 {store.DocumentGone, store.DocumentGone},
			"UPDATE heads SET epoch = zeroblob(16)":                             {store.EpochChanged, store.EpochChanged},
			"UPDATE heads SET row = row + 1":                                    {store.EpochChanged, store.EpochChanged},
			"UPDATE heads SET seq = seq - 1":                                    {store.EpochChanged, store.EpochChanged},
			"UPDATE members SET role = 1; UPDATE heads SET access_version = 99": {store.Accepted, store.NoRight},
			// The place in the log that would have been next is taken.
			"INSERT INTO updates SELECT n + 1, document, seq, prev_n, id, prev, author, created_at, data FROM updates WHERE n = 3": {},
		} {
			t.Run(name+": "+statement, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "bizsync.db")
				w := newWriter(t, path)
				w.writes(3)
				if sqlite.Known(w.s) != 1 {
					t.Fatal("the store doesn't know the head that it has moved")
				}
				if err := write(w, path, statement); err != nil {
					t.Fatal(err)
				}
				if document, row := w.write(); [2]store.Refusal{document, row} != want {
					t.Fatalf("refused: %v, %v; want %v", document, row, want)
				}
			})
		}
	}
}

// TestBeside: what changes neither heads nor people's rights leaves the store its knowledge, and that stays true.
func TestBeside(t *testing.T) {
	for _, path := range []string{sqlite.Memory, "file"} {
		t.Run(path, func(t *testing.T) {
			if path == "file" {
				path = filepath.Join(t.TempDir(), "bizsync.db")
			}
			synctest.Test(t, func(t *testing.T) {
				w := newWriter(t, path)
				w.writes(2)
				d := w.batch.Documents[0]
				saved, err := w.s.SaveSnapshot(t.Context(), d.Document, d.Epoch, 0, store.Snapshot{Seq: d.UpTo, Row: d.UpToRow, State: []byte("text")})
				if err != nil || !saved {
					t.Fatalf("saved: %v, %v", saved, err)
				}
				w.writes(1)
				// The login slides when it is used, beyond what the store had read of it at first.
				for range 2 {
					time.Sleep(loginLasts * 3 / 4)
					if _, _, err := w.s.SessionByToken(t.Context(), w.login, loginLasts); err != nil {
						t.Fatal(err)
					}
					if sqlite.Known(w.s) != 1 {
						t.Error("a used login made the store forget")
					}
					w.writes(2)
				}
				// A login that slides may end earlier than it would have, when the setting has become shorter.
				time.Sleep(loginLasts / 3)
				if _, _, err := w.s.SessionByToken(t.Context(), w.login, time.Second); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second)
				if document, row := w.write(); document != store.Accepted || row != store.NoRight {
					t.Fatalf("a login that has expired: %v, %v", document, row)
				}
				w.batch.Documents[0].Rows[0].Credential = uuid.Nil
				time.Sleep(10 * time.Minute)
				if n, err := w.s.SweepCovered(t.Context(), 100); err != nil || n != 2 {
					t.Fatalf("swept %d rows, %v", n, err)
				}
				if sqlite.Known(w.s) != 1 {
					t.Error("a sweep made the store forget")
				}
				w.writes(2)
				rows := 0
				_, err = w.s.LoadDocument(t.Context(), d.Document, store.Loader{
					Binding:  func(store.Binding) error { return nil },
					Snapshot: func(store.Snapshot) error { return nil },
					Row:      func(store.Row) error { rows++; return nil },
				})
				if err != nil || rows != 7 {
					t.Fatalf("%d rows, %v", rows, err)
				}
				if err := w.s.Close(); err != nil { // in the bubble
					t.Fatal(err)
				}
			})
		})
	}
}

// TestAppendThatFails: what a transaction read and would have written is not known when it was undone.
func TestAppendThatFails(t *testing.T) {
	w := newWriter(t, filepath.Join(t.TempDir(), "bizsync.db"))
	w.writes(2)
	exec(t, w.s, "CREATE TRIGGER full BEFORE INSERT ON batches BEGIN SELECT RAISE(FAIL, 'no more'); END")
	if _, err := w.s.Append(t.Context(), w.batch); err == nil {
		t.Fatal("the trigger did nothing")
	}
	if sqlite.Known(w.s) != 0 {
		t.Error("something is left of a transaction that was undone")
	}
	exec(t, w.s, "DROP TRIGGER full")
	w.writes(2)
	again := w.batch
	again.Key.Number--
	if res, err := w.s.Append(t.Context(), again); err != nil || !res.AlreadyCommitted || res.Documents[0].Rows[0].Seq != 4 {
		t.Errorf("a key that was used: %+v, %v", res, err)
	}
	w.writes(1)
}
