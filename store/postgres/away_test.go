package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// reads are calls of all kinds; each needs the database.
func (f *fixture) reads(t *testing.T, s store.Store) map[string]func() error {
	id := f.heads[0].Document
	return map[string]func() error{
		"Ping":  func() error { return s.Ping(t.Context()) },
		"Heads": func() error { _, err := s.Heads(t.Context(), []store.DocumentID{id}); return err },
		"User":  func() error { _, err := s.User(t.Context(), f.ann.ID); return err },
		"Users": func() error { _, _, err := s.Users(t.Context(), store.Page{}); return err },
		"Rows":  func() error { _, err := s.Rows(t.Context(), id, 0, 1); return err },
		"SetMember": func() error {
			_, err := s.SetMember(t.Context(), id, f.ann.ID, store.Owner, uuid.Nil)
			return err
		},
	}
}

// TestSessionsEnded: a server that was restarted has ended all sessions of the pool. Nobody notices: the first call of each kind connects anew.
func TestSessionsEnded(t *testing.T) {
	f := newFixture(t, shared.database(t), quiet(), 1)
	for name, call := range f.reads(t, f.s) {
		behind(t, f.url, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoServer: without a server, and after Close, every call says that the database is away, and soon.
func TestNoServer(t *testing.T) {
	url := shared.database(t)
	f := newFixture(t, url, quiet(), 1)
	l := newLink(t, fmt.Sprintf("127.0.0.1:%d", shared.port))
	s := open(t, replacePort(t, url, l.listener.Addr().String()))
	away := func() {
		t.Helper()
		for name, call := range f.reads(t, s) {
			began := time.Now()
			if wants(t, call(), store.ErrUnavailable); time.Since(began) > 5*time.Second {
				t.Errorf("%s took %v", name, time.Since(began))
			}
		}
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.listener.Close()
	l.cut()
	away()
	_, err := s.Append(t.Context(), f.batch("x", f.heads[0]))
	if err == nil {
		t.Fatal("appended without a server")
	}
	_, err = s.Append(t.Context(), f.batch("x", f.heads[0])) // no connection is left that could have been told
	wants(t, err, store.ErrUnavailable)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	away()
	_, err = s.Append(t.Context(), f.batch("x", f.heads[0]))
	wants(t, err, store.ErrUnavailable)
}

// TestHostileText: bytes that the database can't hold are found nowhere, and do no harm where people or browsers name themselves.
func TestHostileText(t *testing.T) {
	f := newFixture(t, shared.database(t), quiet(), 0)
	for _, bad := range []string{"a\x00b", "\xff\xfe", "é\x80"} {
		_, err := f.s.Resolve(t.Context(), bad, f.ann.ID)
		wants(t, err, store.ErrNotFound)
		_, err = f.s.UserByEmail(t.Context(), bad)
		wants(t, err, store.ErrNotFound)
		if _, _, err := f.s.FindDocuments(t.Context(), f.ann.ID, store.DocumentQuery{Text: bad}, store.Page{}); err != nil {
			t.Errorf("search for %q: %v", bad, err)
		}
		if _, err := f.s.CreateUser(t.Context(), store.User{Email: bad, Role: store.RoleMember}); err == nil {
			t.Errorf("email %q was stored", bad)
		}
		if _, _, err := f.s.CreateDocument(t.Context(), store.Document{Key: bad, Owner: f.ann.ID}, nil); err == nil {
			t.Errorf("key %q was stored", bad)
		}
		d, _, err := f.s.CreateDocument(t.Context(), store.Document{Title: bad, Owner: f.ann.ID}, nil)
		if err != nil || d.Title == "" {
			t.Errorf("title %q: %q, %v", bad, d.Title, err)
		}
		if _, err := f.s.ChangeDocument(t.Context(), d.ID, store.DocumentChange{Title: &bad}, uuid.Nil); err != nil {
			t.Errorf("title %q: %v", bad, err)
		}
		session := store.Session{ID: uuid.New(), User: f.ann.ID, UserAgent: bad, ExpiresAt: time.Now().Add(time.Hour)}
		if err := f.s.CreateSession(t.Context(), session, [32]byte([]byte(fmt.Sprintf("%-32q", bad))[:32])); err != nil {
			t.Errorf("user agent %q: %v", bad, err)
		}
	}
}
