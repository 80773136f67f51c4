package postgres_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bizsync/bizsync/migrations"
	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/postgres"
)

// definitions gives all tables, columns, indexes, constraints and functions, but for the version table.
func definitions(t *testing.T, url string) (found []string) {
	t.Helper()
	rows, err := connect(t, url).Query(t.Context(), `
		SELECT format('%s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default) FROM information_schema.columns
		 WHERE table_schema = 'public' AND table_name <> 'schema_migrations'
		UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'schema_migrations'
		UNION ALL SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
		 WHERE connamespace = 'public'::regnamespace AND conrelid <> coalesce(to_regclass('schema_migrations'), 0::regclass)
		UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
		ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var def string
		if err := rows.Scan(&def); err != nil {
			t.Fatal(err)
		}
		found = append(found, def)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

func wantSchema(t *testing.T, url string, want postgres.Schema) {
	t.Helper()
	got, err := postgres.MigrationStatus(t.Context(), url, quiet())
	if err != nil || got != want {
		t.Fatalf("schema %+v, %v; want %+v", got, err, want)
	}
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
	names, err := fs.Glob(migrations.Files(), migrations.Postgres+"/*.up.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("files %v, %v", names, err)
	}
	return names
}

func TestMigrateUpAndDown(t *testing.T) {
	ctx, url, latest := t.Context(), shared.database(t), len(upFiles(t))
	wantSchema(t, url, postgres.Schema{Latest: latest})
	for range 2 {
		if err := postgres.MigrateUp(ctx, url, quiet()); err != nil {
			t.Fatal(err)
		}
		wantSchema(t, url, postgres.Schema{Version: latest, Latest: latest})
	}
	made := definitions(t, url)
	if len(made) < 80 {
		t.Fatalf("definitions: %q", made)
	}
	for version := latest - 1; version >= 0; version-- {
		if err := postgres.MigrateDown(ctx, url, quiet()); err != nil {
			t.Fatal(err)
		}
		wantSchema(t, url, postgres.Schema{Version: version, Latest: latest})
	}
	if left := definitions(t, url); len(left) != 0 {
		t.Fatalf("left after the way down: %q", left)
	}
	if err := postgres.MigrateDown(ctx, url, quiet()); err == nil {
		t.Fatal("an empty database went down")
	}
	if err := open(t, url).Close(); err != nil { // which brings it up again
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, definitions(t, url)); diff != "" {
		t.Fatal(diff)
	}
}

// TestCutOffMigration opens what a kill at each moment of a migration leaves behind.
func TestCutOffMigration(t *testing.T) {
	reference := shared.database(t)
	if err := postgres.MigrateUp(t.Context(), reference, quiet()); err != nil {
		t.Fatal(err)
	}
	want := definitions(t, reference)
	const versions = "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)"
	mark := func(version int, dirty bool) string {
		return fmt.Sprintf("INSERT INTO schema_migrations VALUES (%d, %v)", version, dirty)
	}
	latest := len(upFiles(t))
	first, all := upSQL(t, 1), upSQL(t, latest)
	for name, statements := range map[string][]string{
		"before the first mark":    {versions},
		"before the file":          {versions, mark(1, true)},
		"between file and mark":    {versions, mark(1, true), first},
		"between two files":        {versions, mark(1, false), first},
		"before the last file":     {versions, mark(latest, true), upSQL(t, latest-1)},
		"before the last mark":     {versions, mark(latest, true), all},
		"after the last mark":      {versions, mark(latest, false), all},
		"on the way down":          {versions, mark(-1, true), first},
		"at the end of the way":    {versions, mark(-1, true)},
		"before a newer file":      {versions, mark(latest+1, true), all},
		"after a newer file's end": {versions, mark(latest+1, false), all},
	} {
		t.Run(name, func(t *testing.T) {
			url := shared.database(t)
			for _, s := range statements {
				behind(t, url, s)
			}
			s := open(t, url)
			if err := s.Ping(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, definitions(t, url)); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestNewerSchema(t *testing.T) {
	url := shared.database(t)
	if err := postgres.MigrateUp(t.Context(), url, quiet()); err != nil {
		t.Fatal(err)
	}
	behind(t, url, "UPDATE schema_migrations SET version = version + 2")
	if _, err := postgres.Open(t.Context(), url, quiet()); !errors.Is(err, postgres.ErrNewerSchema) {
		t.Fatal(err)
	}
	if err := postgres.MigrateDown(t.Context(), url, quiet()); !errors.Is(err, postgres.ErrNewerSchema) {
		t.Fatal(err)
	}
}

// startTogether opens the database as three nodes do that start at once, and has each set it up.
func startTogether(t *testing.T, url string) {
	t.Helper()
	const nodes = 3
	var wg sync.WaitGroup
	errs, secrets, admins := make([]error, nodes), make([]string, nodes), make([]error, nodes)
	for i := range nodes {
		wg.Go(func() {
			s, err := postgres.Open(t.Context(), url, quiet())
			if err != nil {
				errs[i] = err
				return
			}
			secret, err := s.Secret(t.Context(), "tokens", fmt.Append(nil, "candidate ", i))
			secrets[i] = string(secret)
			_, admins[i] = s.CreateFirstAdmin(t.Context(), store.User{Email: fmt.Sprintf("admin%d@example.org", i)})
			errs[i] = errors.Join(err, s.Close())
		})
	}
	wg.Wait()
	made := 0
	for i := range nodes {
		if errs[i] != nil {
			t.Fatalf("node %d: %v", i, errs[i])
		}
		if secrets[i] != secrets[0] {
			t.Fatalf("secrets differ: %q", secrets)
		}
		if admins[i] == nil {
			made++
		} else if !errors.Is(admins[i], store.ErrSetupDone) {
			t.Fatal(admins[i])
		}
	}
	if made != 1 {
		t.Fatalf("%d first admins", made)
	}
	latest := len(upFiles(t))
	wantSchema(t, url, postgres.Schema{Version: latest, Latest: latest})
}

func TestNodesStartTogether(t *testing.T) {
	for range 5 {
		startTogether(t, shared.database(t))
	}
}

// TestNodeKilledWhileMigrating kills a process in the middle of the file, which another's table that is not committed yet keeps waiting, while three nodes start.
func TestNodeKilledWhileMigrating(t *testing.T) {
	url := shared.database(t)
	tx, err := connect(t, url).Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), "CREATE TABLE links (a int)")
	}
	if err != nil {
		t.Fatal(err)
	}
	node := exec.Command(os.Args[0])
	node.Env = append(os.Environ(), childEnv+"="+url)
	var output bytes.Buffer
	node.Stdout, node.Stderr = &output, &output
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	pid := waiting(t, url, "bizsync migration")
	if err := node.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := node.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the node was not killed in the middle: %v\n%s", err, output.String())
	}
	wantSchema(t, url, postgres.Schema{Version: 1, Latest: len(upFiles(t)), Dirty: true})
	// Its session ends as on a machine that is gone; the others, which wait for it, come next.
	behind(t, url, fmt.Sprintf("SELECT pg_terminate_backend(%d)", pid))
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	startTogether(t, url)
	if n := len(definitions(t, url)); n < 80 {
		t.Fatalf("%d definitions", n)
	}
}
