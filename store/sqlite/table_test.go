package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/sqlite"
)

func TestExportRefuses(t *testing.T) {
	file := func(t *testing.T, content string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "bizsync.db")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	migrated := func(t *testing.T, statements ...string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "bizsync.db")
		if err := sqlite.MigrateUp(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		raw(t, path, statements...).Close()
		return path
	}
	for name, c := range map[string]struct {
		path func(t *testing.T) string
		want error // nil: any
	}{
		"no directory":       {func(t *testing.T) string { return filepath.Join(t.TempDir(), "none", "bizsync.db") }, sqlite.ErrNoDatabase},
		"an empty directory": {func(t *testing.T) string { return filepath.Join(t.TempDir(), "bizsync.db") }, sqlite.ErrNoDatabase},
		"an empty file":      {func(t *testing.T) string { return file(t, "") }, sqlite.ErrNoDatabase},
		"another's database": {func(t *testing.T) string {
			path := file(t, "")
			raw(t, path, "CREATE TABLE users (a)").Close()
			return path
		}, sqlite.ErrNoDatabase},
		"no database": {func(t *testing.T) string {
			return file(t, "The quick brown fox jumps over the lazy dog. And so on, and so on, and so on.")
		}, nil},
		"a newer schema":      {func(t *testing.T) string { return migrated(t, "UPDATE schema_migrations SET version = version + 1") }, sqlite.ErrNewerSchema},
		"an older schema":     {func(t *testing.T) string { return migrated(t, "UPDATE schema_migrations SET version = version - 1") }, sqlite.ErrOlderSchema},
		"a migration cut off": {func(t *testing.T) string { return migrated(t, "UPDATE schema_migrations SET dirty = 1") }, sqlite.ErrOlderSchema},
		"in use by this server": {func(t *testing.T) string {
			path := migrated(t)
			s := open(t, path)
			t.Cleanup(func() { s.Close() })
			return path
		}, sqlite.ErrLocked},
	} {
		t.Run(name, func(t *testing.T) {
			path := c.path(t)
			before, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
			err := sqlite.Export(t.Context(), path, func([]store.Table) error { t.Error("exported"); return nil })
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
			if after, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(before) == 0 && len(after) != 0 {
				t.Errorf("it has made %q", after)
			}
		})
	}
}

// TestExport: tables can be read again and in part, give the same rows each time, and end with what is wrong.
func TestExport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bizsync.db")
	s := open(t, path)
	ann, err := s.CreateUser(t.Context(), store.User{Email: "ann@example.org", Name: "Ann", Role: store.RoleMember})
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := s.CreateDocument(t.Context(), store.Document{Title: "T", Owner: ann.ID}, make([]byte, 1000))
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.CreateAPIKey(t.Context(), store.APIKey{User: ann.ID, Name: "k", Scopes: []string{"a", `"b",`}}, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	tables := func(f func(map[string]store.Table)) error {
		return sqlite.Export(t.Context(), path, func(all []store.Table) error {
			byName := make(map[string]store.Table)
			for _, table := range all {
				byName[table.Name] = table
			}
			f(byName)
			return nil
		})
	}
	err = tables(func(all map[string]store.Table) {
		row := func(table, column string) (value any) {
			t.Helper()
			for range 2 {
				n := 0
				for row, err := range all[table].Rows {
					if err != nil {
						t.Fatal(err)
					}
					n++
					for i, c := range all[table].Columns {
						if c == column {
							value = row[i]
						}
					}
				}
				if n != 1 || all[table].Count != 1 {
					t.Fatalf("table %s: %d rows, %d were told", table, n, all[table].Count)
				}
			}
			return value
		}
		for _, c := range []struct {
			table, column string
			want          any
		}{
			{"users", "id", ann.ID}, {"users", "disabled", false}, {"users", "created_at", ann.CreatedAt}, {"users", "name", "Ann"},
			{"api_keys", "scopes", key.Scopes}, {"api_keys", "user_id", ann.ID}, {"api_keys", "expires_at", nil},
			{"heads", "seq", int64(1)}, {"heads", "reset_at", nil}, {"updates", "size", int64(1000)}, {"updates", "data", store.Pack(make([]byte, 1000))},
			{"documents", "key", nil}, {"members", "document", d.ID},
		} {
			if diff := cmp.Diff(c.want, row(c.table, c.column)); diff != "" {
				t.Errorf("%s.%s: %s", c.table, c.column, diff)
			}
		}
		for range all["members"].Rows {
			break // the reader has enough
		}
	})
	if err != nil {
		t.Fatal(err)
	}

	// Damaged rows are not taken along.
	raw(t, path, "UPDATE updates SET data = x'0917'").Close()
	err = tables(func(all map[string]store.Table) {
		var last error
		for _, err := range all["updates"].Rows {
			last = err
		}
		if !errors.Is(last, store.ErrCorrupt) {
			t.Errorf("a damaged row: %v", last)
		}
	})
	if err != nil {
		t.Fatal(err)
	}

	// Nothing was changed: the server goes on with it.
	raw(t, path, "DELETE FROM updates").Close()
	s = open(t, path)
	defer s.Close()
	if _, _, err := s.SessionByToken(t.Context(), [32]byte{}, time.Minute); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if _, err := s.Document(t.Context(), d.ID, uuid.New()); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}
