package sqlite_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bizsync/bizsync/migrations"
	"github.com/bizsync/bizsync/store/sqlite"
)

// raw opens the database file without the store.
func raw(t *testing.T, path string, statements ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return db
}

// tables gives the definitions of all tables and indexes, but for the version table.
func tables(t *testing.T, path string) map[string]string {
	t.Helper()
	db := raw(t, path)
	defer db.Close()
	rows, err := db.Query("SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE tbl_name <> 'schema_migrations'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := make(map[string]string)
	for rows.Next() {
		var name, def string
		if err := rows.Scan(&name, &def); err != nil {
			t.Fatal(err)
		}
		found[name] = def
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// upSQL gives the first files of the way up, as many as told.
func upSQL(t *testing.T, files int) string {
	t.Helper()
	names := upFiles(t)
	var all strings.Builder
	for _, name := range names[:files] {
		b, err := fs.ReadFile(migrations.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(append(b, '\n'))
	}
	return all.String()
}

// upFiles names the files of the way up, in order. Their number is the newest version.
func upFiles(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(migrations.Files(), migrations.SQLite+"/*.up.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("files %v, %v", names, err)
	}
	return names
}

func TestMigrateUpAndDown(t *testing.T) {
	ctx, path, latest := t.Context(), filepath.Join(t.TempDir(), "bizsync.db"), len(upFiles(t))
	if _, err := sqlite.MigrationStatus(ctx, path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("status of no database: %v", err)
	}
	status := func(want sqlite.Schema) {
		t.Helper()
		got, err := sqlite.MigrationStatus(ctx, path)
		if err != nil || got != want {
			t.Fatalf("status %+v, %v; want %+v", got, err, want)
		}
	}
	for range 2 {
		if err := sqlite.MigrateUp(ctx, path); err != nil {
			t.Fatal(err)
		}
		status(sqlite.Schema{Version: latest, Latest: latest})
	}
	made := tables(t, path)
	if len(made) < 13 {
		t.Fatalf("tables: %v", made)
	}
	for version := latest - 1; version >= 0; version-- {
		if err := sqlite.MigrateDown(ctx, path); err != nil {
			t.Fatal(err)
		}
		status(sqlite.Schema{Version: version, Latest: latest})
	}
	if left := tables(t, path); len(left) != 0 {
		t.Fatalf("left after the way down: %v", left)
	}
	if err := sqlite.MigrateDown(ctx, path); err == nil {
		t.Fatal("an empty database went down")
	}
	s := open(t, path) // which brings it up again
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, tables(t, path)); diff != "" {
		t.Fatal(diff)
	}
}

// TestCutOffMigration opens what a kill at each moment of a migration leaves behind.
func TestCutOffMigration(t *testing.T) {
	ctx := t.Context()
	reference := filepath.Join(t.TempDir(), "bizsync.db")
	if err := sqlite.MigrateUp(ctx, reference); err != nil {
		t.Fatal(err)
	}
	want := tables(t, reference)
	const versions = "CREATE TABLE schema_migrations (version uint64, dirty bool); CREATE UNIQUE INDEX version_unique ON schema_migrations (version)"
	mark := func(version, dirty int) string {
		return fmt.Sprintf("INSERT INTO schema_migrations VALUES (%d, %d)", version, dirty)
	}
	latest := len(upFiles(t))
	first, all := upSQL(t, 1), upSQL(t, latest)
	for name, statements := range map[string][]string{
		"before the version table's first row": {versions},
		"before the file":                      {versions, mark(1, 1)},
		"after the file, before its mark":      {versions, mark(1, 1), first},
		"between two files":                    {versions, mark(1, 0), first},
		"before the last file":                 {versions, mark(latest, 1), upSQL(t, latest-1)},
		"before the last file's mark":          {versions, mark(latest, 1), all},
		"on the way down, before the file":     {versions, mark(-1, 1), first},
		"on the way down, after the file":      {versions, mark(-1, 1)},
		"some tables only":                     {versions, mark(1, 1), first, "DROP TABLE batches", "DROP TABLE coverings"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bizsync.db")
			raw(t, path, statements...).Close()
			s := open(t, path)
			if err := s.Ping(ctx); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, tables(t, path)); diff != "" {
				t.Error(diff)
			}
			got, err := sqlite.MigrationStatus(ctx, path)
			if err != nil || got != (sqlite.Schema{Version: latest, Latest: latest}) {
				t.Errorf("status %+v, %v", got, err)
			}
		})
	}
}

// TestHealKeepsData: running the file again destroys nothing.
func TestHealKeepsData(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bizsync.db")
	s := open(t, path)
	if _, err := s.Secret(t.Context(), "kept", []byte("yes")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw(t, path, "UPDATE schema_migrations SET dirty = 1").Close()
	if got, err := sqlite.MigrationStatus(t.Context(), path); err != nil || !got.Dirty {
		t.Fatalf("status %+v, %v", got, err)
	}
	s = open(t, path)
	defer s.Close()
	if got, err := s.Secret(t.Context(), "kept", []byte("no")); err != nil || string(got) != "yes" {
		t.Fatalf("secret %q, %v", got, err)
	}
}

func TestNewerSchema(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "bizsync.db")
	if err := sqlite.MigrateUp(ctx, path); err != nil {
		t.Fatal(err)
	}
	raw(t, path, "UPDATE schema_migrations SET version = 7").Close()
	before := tables(t, path)
	_, err := sqlite.Open(ctx, path, sqlite.Options{})
	if !errors.Is(err, sqlite.ErrNewerSchema) || !strings.Contains(err.Error(), "version 7") {
		t.Fatalf("open: %v", err)
	}
	if err := sqlite.MigrateUp(ctx, path); !errors.Is(err, sqlite.ErrNewerSchema) {
		t.Fatalf("up: %v", err)
	}
	if err := sqlite.MigrateDown(ctx, path); !errors.Is(err, sqlite.ErrNewerSchema) {
		t.Fatalf("down: %v", err)
	}
	if diff := cmp.Diff(before, tables(t, path)); diff != "" {
		t.Fatal(diff)
	}
	if got, err := sqlite.MigrationStatus(ctx, path); err != nil || got.Version != 7 || got.Latest != len(upFiles(t)) {
		t.Fatalf("status %+v, %v", got, err)
	}
}

// TestMigrationFiles: every number has both directions, and each way up can run twice.
func TestMigrationFiles(t *testing.T) {
	files, err := fs.Glob(migrations.Files(), migrations.SQLite+"/*.sql")
	if err != nil || len(files) == 0 || len(files)%2 != 0 {
		t.Fatalf("files %v, %v", files, err)
	}
	db := raw(t, filepath.Join(t.TempDir(), "x.db"))
	for i := 0; i < len(files); i += 2 {
		down, up := files[i], files[i+1]
		if strings.TrimSuffix(down, ".down.sql") != strings.TrimSuffix(up, ".up.sql") {
			t.Fatalf("%s and %s are no pair", down, up)
		}
		for _, name := range []string{up, up, down, down, up} {
			b, err := fs.ReadFile(migrations.Files(), name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec("BEGIN; " + string(b) + "; COMMIT"); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}
