package sqlite_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/sqlite"
	"github.com/bizsync/bizsync/store/storetest"
)

// TestFile and TestMemory hold both kinds of database to the contract.
func TestFile(t *testing.T) {
	storetest.Run(t, conformance(func(t *testing.T) string { return filepath.Join(t.TempDir(), "data", "bizsync.db") }))
}

func TestMemory(t *testing.T) {
	storetest.Run(t, conformance(func(*testing.T) string { return sqlite.Memory }))
}

func conformance(path func(t *testing.T) string) storetest.Database {
	return storetest.Database{
		Open: func(t *testing.T) store.Store { return open(t, path(t)) },
		Limited: func(t *testing.T, l store.Limits) store.Store {
			t.Helper()
			s, err := sqlite.Open(t.Context(), path(t), sqlite.Options{Limits: l})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Age: func(t *testing.T, s store.Store, d time.Duration) {
			t.Helper()
			var statements []string
			for table, columns := range map[string][]string{
				"users":     {"created_at", "updated_at"},
				"sessions":  {"created_at", "last_seen", "expires_at"},
				"links":     {"created_at", "expires_at"},
				"api_keys":  {"created_at", "expires_at", "last_used"},
				"notices":   {"created_at", "read_at"},
				"documents": {"created_at", "deleted_at"},
				"members":   {"created_at"},
				"heads":     {"changed_at"},
				"updates":   {"created_at"},
				"history":   {"created_at"},
				"batches":   {"created_at"},
				"snapshots": {"created_at"},
				"coverings": {"covered_at"},
				"resets":    {"reset_at"},
				"requests":  {"at", "lease_until"},
			} {
				for _, c := range columns {
					statements = append(statements, fmt.Sprintf("UPDATE %s SET %s = %s - %d", table, c, c, d.Milliseconds()))
				}
			}
			if err := sqlite.Transact(t.Context(), s.(*sqlite.Store), statements...); err != nil {
				t.Fatal(err)
			}
		},
		Stick: func(t *testing.T, s store.Store, table string, id store.DocumentID) {
			t.Helper()
			exec(t, s.(*sqlite.Store), fmt.Sprintf("CREATE TRIGGER stuck_%[1]s BEFORE DELETE ON %[1]s WHEN old.document = x'%[2]x' BEGIN SELECT RAISE(ABORT, 'stuck'); END", table, id[:]))
		},
		Disable: func(t *testing.T, s store.Store, user store.UserID) {
			t.Helper()
			exec(t, s.(*sqlite.Store), "UPDATE users SET disabled = 1 WHERE id = ?", user[:])
		},
	}
}

// open opens a store; the caller closes it.
func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// exec changes the database behind the store's back.
func exec(t testing.TB, s *sqlite.Store, query string, args ...any) {
	t.Helper()
	if err := sqlite.Exec(t.Context(), s, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}
