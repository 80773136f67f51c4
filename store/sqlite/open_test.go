package sqlite_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/sqlite"
)

func TestOneProcessADirectory(t *testing.T) {
	dir := t.TempDir()
	first := open(t, filepath.Join(dir, "bizsync.db"))
	for _, name := range []string{"bizsync.db", "other.db"} {
		_, err := sqlite.Open(t.Context(), filepath.Join(dir, name), sqlite.Options{})
		if !errors.Is(err, sqlite.ErrLocked) || !strings.Contains(err.Error(), dir) {
			t.Fatalf("second open of %s: %v", name, err)
		}
	}
	if _, err := sqlite.MigrationStatus(t.Context(), filepath.Join(dir, "bizsync.db")); !errors.Is(err, sqlite.ErrLocked) {
		t.Fatalf("migration status of an open database: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, filepath.Join(dir, "bizsync.db"))
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	s := open(t, filepath.Join(dir, "bizsync.db"))
	defer s.Close()
	if _, err := s.Secret(t.Context(), "tokens", []byte("x")); err != nil { // so that there is a WAL
		t.Fatal(err)
	}
	modes := make(map[string]fs.FileMode)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		modes[e.Name()] = info.Mode()
	}
	for _, name := range []string{"bizsync.db", "bizsync.db-wal", "bizsync.db-shm", "bizsync.lock"} {
		if modes[name] != 0o600 {
			t.Errorf("mode of %s is %v", name, modes[name])
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data directory: %v, %v", info.Mode(), err)
	}
}

func TestOddPaths(t *testing.T) {
	for _, name := range []string{"a b.db", "50%25.db", "what?mode=memory.db", "a#b.db", "ä&ö.db", "x:y.db"} {
		path := filepath.Join(t.TempDir(), name)
		s := open(t, path)
		if _, err := s.Secret(t.Context(), "kept", []byte("yes")); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, path)
		got, err := s.Secret(t.Context(), "kept", []byte("no"))
		if err != nil || string(got) != "yes" {
			t.Errorf("%s: secret %q, %v", name, got, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: the database is not in its file: %v", name, err)
		}
	}
}

func TestUnusablePaths(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("not a database, but long enough to look at"), 0o600); err != nil {
		t.Fatal(err)
	}
	locked := filepath.Join(dir, "locked")
	if err := os.MkdirAll(filepath.Join(locked, "bizsync.lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		filepath.Join(file, "data", "bizsync.db"): "create data directory",
		filepath.Join(locked, "bizsync.db"):       "data directory is not writable",
		dir:                                       "is a directory",
		file:                                      "not a database",
	} {
		_, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; want a word of %q", path, err, says)
		}
	}
	if got, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(got), "not a database") {
		t.Errorf("a file that is no database was changed: %q, %v", got, err)
	}
}

func TestMemoryIsPrivate(t *testing.T) {
	a, b := open(t, sqlite.Memory), open(t, sqlite.Memory)
	defer a.Close()
	defer b.Close()
	for s, want := range map[*sqlite.Store]string{a: "a", b: "b"} {
		if got, err := s.Secret(t.Context(), "x", []byte(want)); err != nil || string(got) != want {
			t.Fatalf("secret %q, %v; want %q", got, err, want)
		}
	}
}

func TestClosed(t *testing.T) {
	for _, path := range []string{sqlite.Memory, filepath.Join(t.TempDir(), "bizsync.db")} {
		s := open(t, path)
		for range 2 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("ping after close: %v", err)
		}
		if _, err := s.Append(t.Context(), store.Batch{Key: store.Key{Run: uuid.New(), Number: 1}}); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("append after close: %v", err)
		}
	}
}

// TestCloseWaits: a load in progress ends before the database and its lock are given up.
func TestCloseWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bizsync.db")
	synctest.Test(t, func(t *testing.T) {
		s := open(t, path)
		ctx := t.Context()
		ann, err := s.CreateUser(ctx, store.User{Email: "ann@example.org", Role: store.RoleMember})
		if err != nil {
			t.Fatal(err)
		}
		doc, _, err := s.CreateDocument(ctx, store.Document{Owner: ann.ID}, []byte("row"))
		if err != nil {
			t.Fatal(err)
		}
		goOn, loaded, closed := make(chan struct{}), make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := s.LoadDocument(ctx, doc.ID, store.Loader{Row: func(store.Row) error {
				<-goOn
				return s.Ping(ctx)
			}})
			loaded <- err
		}()
		synctest.Wait()
		go func() { closed <- s.Close() }()
		synctest.Wait()
		select {
		case err := <-closed:
			t.Fatalf("closed during a load: %v", err)
		default:
		}
		close(goOn)
		if err := <-loaded; !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("a call to the store that closes, from a callback: %v", err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

// TestBubble runs in virtual time, more than once and with the outside between: nothing of one bubble may stay behind for the next.
func TestBubble(t *testing.T) {
	work := func(t *testing.T, path string, sleep func()) {
		s := open(t, path)
		ctx := t.Context()
		ann, err := s.CreateUser(ctx, store.User{Email: "ann@example.org", Role: store.RoleMember})
		if err != nil {
			t.Fatal(err)
		}
		doc, _, err := s.CreateDocument(ctx, store.Document{Owner: ann.ID}, []byte(strings.Repeat("long enough to be compressed ", 50)))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CreateSession(ctx, store.Session{ID: uuid.New(), User: ann.ID, ExpiresAt: time.Now().Add(30 * time.Minute)}, [32]byte{1}); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		for range 4 {
			go func() {
				_, err := s.LoadDocument(ctx, doc.ID, store.Loader{
					Binding: func(store.Binding) error { return nil },
					Row:     func(store.Row) error { return nil },
				})
				done <- err
			}()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		sleep()
		if _, _, err := s.SessionByToken(ctx, [32]byte{1}, time.Minute); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a session that expired in the bubble's time: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i, path := range []string{sqlite.Memory, "file", sqlite.Memory, "file"} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if path == "file" {
				path = filepath.Join(t.TempDir(), "bizsync.db")
			}
			synctest.Test(t, func(t *testing.T) {
				work(t, path, func() { time.Sleep(31 * time.Minute) })
			})
		})
		if _, err := store.Unpack(store.Pack([]byte(strings.Repeat("outside ", 100)))); err != nil {
			t.Fatal(err)
		}
	}
}
