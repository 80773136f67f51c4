package postgres_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/postgres"
	"github.com/bizsync/bizsync/store/storetest"
)

// stored is a store that knows where it is.
type stored struct {
	*postgres.Store
	url string
}

func TestConformance(t *testing.T) {
	// A test has a database, and each of its stores a schema there: the suite opens a hundred in one test.
	var mu sync.Mutex
	urls := make(map[string]string)
	limited := func(t *testing.T, l store.Limits) store.Store {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if urls[t.Name()] == "" {
			urls[t.Name()] = shared.database(t)
		}
		schema := "s" + strings.ReplaceAll(uuid.NewString(), "-", "")
		behind(t, urls[t.Name()], "CREATE SCHEMA "+schema)
		url, o := urls[t.Name()]+"&search_path="+schema, quiet()
		o.Limits = l
		s, err := postgres.Open(t.Context(), url, o)
		if err != nil {
			t.Fatal(err)
		}
		return stored{s, url}
	}
	storetest.Run(t, storetest.Database{
		Open:    func(t *testing.T) store.Store { t.Helper(); return limited(t, store.Limits{}) },
		Limited: limited,
		Age: func(t *testing.T, s store.Store, d time.Duration) {
			t.Helper()
			behind(t, s.(stored).url, `DO $$ DECLARE c record; BEGIN
				FOR c IN SELECT table_name, string_agg(format('%1$I = %1$I - interval ''`+d.String()+`''', column_name), ', ') AS sets
					FROM information_schema.columns WHERE table_schema = current_schema() AND data_type = 'timestamp with time zone' AND table_name <> 'audit' GROUP BY table_name LOOP
					EXECUTE format('UPDATE %I SET %s', c.table_name, c.sets);
				END LOOP; END $$`)
		},
		Stick: func(t *testing.T, s store.Store, table string, id store.DocumentID) {
			t.Helper()
			behind(t, s.(stored).url, "CREATE OR REPLACE FUNCTION stick() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''stuck''; END'")
			behind(t, s.(stored).url, "CREATE TRIGGER stuck BEFORE DELETE ON "+table+" FOR EACH ROW WHEN (old.document = '"+id.String()+"') EXECUTE FUNCTION stick()")
		},
		Disable: func(t *testing.T, s store.Store, user store.UserID) {
			t.Helper()
			behind(t, s.(stored).url, "UPDATE users SET disabled = true WHERE id = $1", user)
		},
	})
}

// behind changes a database behind the store's back.
func behind(t testing.TB, url, query string, args ...any) {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// quiet are options for tests whose server doesn't sync on purpose.
func quiet() postgres.Options { return postgres.Options{Log: slog.New(slog.DiscardHandler)} }

// open opens a store; the caller closes it.
func open(t testing.TB, url string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fixture is an open store with an author and documents.
type fixture struct {
	url   string
	s     *postgres.Store
	ann   store.User
	heads []store.Head
}

func newFixture(t testing.TB, url string, o postgres.Options, documents int) *fixture {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{url: url, s: s}
	if f.ann, err = s.CreateUser(t.Context(), store.User{Email: "ann@example.org", Name: "Ann", Role: store.RoleMember}); err != nil {
		t.Fatal(err)
	}
	for range documents {
		d, _, err := s.CreateDocument(t.Context(), store.Document{Title: "T", Owner: f.ann.ID}, nil)
		if err != nil {
			t.Fatal(err)
		}
		f.heads = append(f.heads, f.head(t, d.ID))
	}
	return f
}

func (f *fixture) head(t testing.TB, id store.DocumentID) store.Head {
	t.Helper()
	heads, err := f.s.Heads(t.Context(), []store.DocumentID{id})
	if err != nil || len(heads) != 1 {
		t.Fatalf("%d heads, %v", len(heads), err)
	}
	return heads[0]
}

// batch has one row for each head, under a new key.
func (f *fixture) batch(text string, heads ...store.Head) store.Batch {
	b := store.Batch{Key: store.Key{Run: uuid.New(), Number: 1}}
	for _, h := range heads {
		b.Documents = append(b.Documents, store.DocumentAppend{
			Document: h.Document, Epoch: h.Epoch, UpTo: h.Seq, UpToRow: h.Row, AccessVersion: h.AccessVersion,
			Rows: []store.NewRow{{Author: f.ann.ID, Update: []byte(text), Clients: []uint64{1}}},
		})
	}
	return b
}

// rows gives the texts of a document's rows.
func (f *fixture) rows(t testing.TB, id store.DocumentID) (texts []string) {
	t.Helper()
	_, err := f.s.LoadDocument(t.Context(), id, store.Loader{
		Binding:  func(store.Binding) error { return nil },
		Snapshot: func(store.Snapshot) error { return nil },
		Row:      func(r store.Row) error { texts = append(texts, string(r.Update)); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}
