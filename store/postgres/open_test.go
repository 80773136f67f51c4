package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/store/postgres"
)

// TestStartErrors: an operator reads what to change, and nobody reads the password.
func TestStartErrors(t *testing.T) {
	url := shared.database(t)
	name := strings.TrimSuffix(url[strings.LastIndexByte(url, '/')+1:], "?sslmode=disable")
	shared.exec(t, "postgres",
		"CREATE ROLE guest LOGIN PASSWORD 'hunter2'",
		"CREATE ROLE crowd LOGIN CONNECTION LIMIT 0",
		"REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	shared.exec(t, name, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	as := func(user string) string { return strings.Replace(url, "postgres@", user+"@", 1) }
	for what, c := range map[string]struct{ url, want string }{
		"no URL":         {"postgres://user:hunter2@host:port/db", "the database URL can't be read"},
		"another scheme": {"mysql://user:hunter2@host/db", "the database URL can't be read"},
		"nobody there":   {"postgres://user:hunter2@" + address + "/db", "the database can't be reached"},
		"no database":    {strings.Replace(as("postgres:hunter2"), name, "nothing", 1), "doesn't exist: create it first"},
		"no user":        {as("stranger:hunter2"), "the database"},
		"no rights":      {as("guest:hunter2"), "lacks rights"},
		"no connections": {as("crowd:hunter2"), "takes no more connections"},
	} {
		s, err := postgres.Open(t.Context(), c.url, quiet())
		if err == nil {
			t.Errorf("%s: opened, %v", what, s.Close())
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", what, err)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the password is in %v", what, err)
		}
	}
}

// TestConnectionLimits: what one node can't live with is told at the start, and not when all connections are needed at once.
func TestConnectionLimits(t *testing.T) {
	const fewer, warning = "fewer connections than this node may open", "level=WARN"
	for what, c := range map[string]struct {
		limit    string // %s is both the user and the database
		refused  string
		warned   []string
		maxConns int
	}{
		"far too few":                  {limit: "ALTER ROLE %s CONNECTION LIMIT 2", refused: "takes 2 connections, and a node needs at least 6: raise max_connections"},
		"one too few":                  {limit: "ALTER ROLE %s CONNECTION LIMIT 5", refused: "takes 5 connections, and a node needs at least 6"},
		"enough to live":               {limit: "ALTER ROLE %s CONNECTION LIMIT 6", warned: []string{warning, fewer, "limit=6 needed=15"}},
		"fewer than the pool may open": {limit: "ALTER ROLE %s CONNECTION LIMIT 8", warned: []string{warning, fewer, "limit=8 needed=15"}},
		"a pool to match":              {limit: "ALTER ROLE %s CONNECTION LIMIT 8", maxConns: 3},
		"a database with few":          {limit: "ALTER DATABASE %s CONNECTION LIMIT 2", refused: "takes 2 connections, and a node needs at least 6"},
		"no limits":                    {limit: "ALTER ROLE %s CONNECTION LIMIT -1"},
		"a superuser":                  {limit: "ALTER ROLE %s SUPERUSER CONNECTION LIMIT 2"},
	} {
		t.Run(what, func(t *testing.T) {
			url := shared.database(t)
			name := strings.TrimSuffix(url[strings.LastIndexByte(url, '/')+1:], "?sslmode=disable")
			shared.exec(t, "postgres", "CREATE ROLE "+name+" LOGIN", "ALTER DATABASE "+name+" OWNER TO "+name, fmt.Sprintf(c.limit, name))
			var out bytes.Buffer
			o := postgres.Options{Log: slog.New(slog.NewTextHandler(&out, nil)), MaxConns: c.maxConns}
			s, err := postgres.Open(t.Context(), strings.Replace(url, "postgres@", name+"@", 1), o)
			if err == nil {
				defer s.Close()
			}
			if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("opened with %v, want %q", err, c.refused)
			}
			for _, want := range c.warned {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not in the log: %s", want, out.String())
				}
			}
			if got := strings.Count(out.String(), fewer); got != min(len(c.warned), 1) {
				t.Errorf("warned %d times: %s", got, out.String())
			}
		})
	}
}

func TestOpenGivesUpWithItsContext(t *testing.T) {
	url := shared.database(t)
	holder := connect(t, url)
	if _, err := holder.Exec(t.Context(), "SELECT pg_advisory_lock(x'62697a73796e63'::bigint)"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := postgres.Open(ctx, url, quiet())
		done <- err
	}()
	waiting(t, url, "bizsync migration")
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "wait for other nodes' migrations") {
		t.Fatal(err)
	}
}

func TestUnsafeSettingsAreTold(t *testing.T) {
	var out bytes.Buffer
	o := postgres.Options{Log: slog.New(slog.NewTextHandler(&out, nil)), MaxConns: 1000}
	s, err := postgres.Open(t.Context(), shared.database(t), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, want := range []string{"level=WARN", "fsync=off", "limit=197", "needed=1005"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in the log: %s", want, out.String())
		}
	}
}

// TestJournalSession: what a database's own settings would weaken is put right, and what is stricter stays.
func TestJournalSession(t *testing.T) {
	for set, want := range map[string]string{"off": "on", "local": "on", "remote_write": "on", "on": "on", "remote_apply": "remote_apply"} {
		url := shared.database(t)
		name := strings.TrimSuffix(url[strings.LastIndexByte(url, '/')+1:], "?sslmode=disable")
		shared.exec(t, "postgres",
			"ALTER DATABASE "+name+" SET synchronous_commit = "+set,
			"ALTER DATABASE "+name+" SET default_transaction_isolation = 'serializable'")
		s := open(t, url)
		for setting, value := range map[string]string{
			"synchronous_commit":                  want,
			"default_transaction_isolation":       "read committed",
			"lock_timeout":                        "250ms",
			"statement_timeout":                   "5s",
			"idle_in_transaction_session_timeout": "5s",
			"tcp_keepalives_idle":                 "4",
			"tcp_user_timeout":                    "10000",
		} {
			if got := postgres.JournalSetting(t.Context(), s, setting); got != value {
				t.Errorf("synchronous_commit %s: %s is %s, want %s", set, setting, got, value)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
