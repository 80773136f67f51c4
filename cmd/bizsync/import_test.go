package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
)

// What can't be imported is said before anything is asked of PostgreSQL, which isn't there.
func TestImportRefuses(t *testing.T) {
	const url = "postgres://ann:hunter2@localhost:1/db?connect_timeout=1"
	dir, used, older := t.TempDir(), t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	migrate := func(dir, direction string) {
		t.Helper()
		p, _ := invocation([]string{"migrate", direction, "--data-dir", dir}, nil)
		if err := run(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	migrate(older, "up")
	migrate(older, "down")
	s := start(t, used, nil)
	idle := t.TempDir()
	migrate(idle, "up")
	for name, tt := range map[string]struct {
		args []string
		env  map[string]string
		want []string
	}{
		"no directory named":    {args: []string{"import"}, env: map[string]string{"BIZSYNC_DATABASE_URL": url}, want: []string{"--from"}},
		"no database named":     {args: []string{"import", "--from", idle}, want: []string{"database-url", "postgres://"}},
		"not PostgreSQL":        {args: []string{"import", "--from", idle, "--database-url", "mysql://db"}, want: []string{"database-url", "postgres://"}},
		"no such directory":     {args: []string{"import", "--from", filepath.Join(dir, "none"), "--database-url", url}, want: []string{"none", "does not exist"}},
		"no data directory":     {args: []string{"import", "--from", dir, "--database-url", url}, want: []string{dir, "no data directory of BizSync"}},
		"a server runs on it":   {args: []string{"import", "--from", used}, env: map[string]string{"BIZSYNC_DATABASE_URL": url}, want: []string{"stop the server", used}},
		"an older schema":       {args: []string{"import", "--from", older, "--database-url", url}, want: []string{"bizsync migrate up --data-dir " + older}},
		"no PostgreSQL answers": {args: []string{"import", "--from", idle, "--database-url", url}, want: []string{"can't be reached"}},
	} {
		p, _ := invocation(tt.args, tt.env)
		err := run(t.Context(), p)
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q in it", name, err, want)
			}
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the password shows: %v", name, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("it has left %v in a directory that isn't its own, %v", entries, err)
	}
	s.get("/readyz", 200)
	s.ends()
}

// A short table is one line, an empty one none, a long one a line a second.
func TestImportProgress(t *testing.T) {
	p, out := invocation(nil, nil)
	r := &importProgress{to: p.stderr, began: time.Now(), told: time.Now()}
	users, updates := store.Table{Name: "users", Count: 3}, store.Table{Name: "updates", Count: 1000}
	for n := range 3 {
		r.row(users, n+1)
	}
	for n := range 1000 {
		if n == 500 {
			r.told = r.told.Add(-progressPeriod)
		}
		r.row(updates, n+1)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		_, text, _ := strings.Cut(strings.TrimSpace(line), "s  ")
		lines = append(lines, text)
	}
	if got := strings.Join(lines, "; "); got != "users: 3 of 3 rows; updates: 501 of 1000 rows; updates: 1000 of 1000 rows" {
		t.Errorf("%q\n%s", got, out)
	}
}
