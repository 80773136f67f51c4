package main

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// invocation is a process with these arguments and this environment.
func invocation(args []string, env map[string]string) (process, *bytes.Buffer) {
	var out bytes.Buffer
	return process{args: args, env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }, stdin: strings.NewReader(""), stdout: &out, stderr: &out}, &out
}

func TestBadSettings(t *testing.T) {
	for _, tt := range []struct {
		args []string
		env  map[string]string
		want string // in the error
	}{
		{args: []string{"--nonsense"}, want: "nonsense"},
		{args: []string{"dance"}, want: "dance"},
		{args: []string{"--addr", "8080"}, want: "addr"},
		{env: map[string]string{"BIZSYNC_ADDR": "8080"}, want: "addr"},
		{args: []string{"--admin-addr", "x"}, want: "admin-addr"},
		{args: []string{"--public-url", "docs.example.com"}, want: "public URL"},
		{env: map[string]string{"BIZSYNC_PUBLIC_URL": "https://x/y"}, want: "public URL"},
		{args: []string{"--allowed-origins", "*"}, want: "allowed origin"},
		{args: []string{"--allowed-origins", "https://a.com,null"}, want: "null"},
		{args: []string{"--trusted-proxies", "10.0.0.1"}, want: "trusted-proxies"},
		{args: []string{"--secret", "short"}, want: "secret"},
		{args: []string{"--client-ids", "maybe"}, want: "client-ids"},
		{args: []string{"--log-level", "loud"}, want: "log-level"},
		{args: []string{"--log-format", "xml"}, want: "log-format"},
		{args: []string{"--data-dir", ""}, want: "data-dir"},
		{args: []string{"--limit-frame-bytes", "0"}, want: "limit-frame-bytes"},
		{args: []string{"--limit-update-burst", "-1"}, want: "limit-update-burst"},
		{args: []string{"--limit-updates-per-second", "NaN"}, want: "limit-updates-per-second"},
		{env: map[string]string{"BIZSYNC_LIMIT_DOCUMENT_BYTES": "many"}, want: "limit-document-bytes"},
		{args: []string{"--database-url", "mysql://db"}, want: "it should look like postgres://"},
		{env: map[string]string{"BIZSYNC_DATABASE_URL": "db.example.com:5432"}, want: "database-url"},
		{args: []string{"--database-pool-size", "0"}, want: "database-pool-size"},
		{args: []string{"--database-statement-timeout", "30"}, want: "database-statement-timeout"},
		{args: []string{"migrate", "up", "--database-statement-timeout", "0s"}, want: "database-statement-timeout"},
		{env: map[string]string{"BIZSYNC_DATABASE_LOCK_TIMEOUT": "-1s"}, want: "database-lock-timeout"},
		{args: []string{"--redis-url", "redis://r"}, want: "nodes can't share a SQLite file"},
		{env: map[string]string{"BIZSYNC_DATABASE_URL": "postgres://db", "BIZSYNC_REDIS_URL": "http://r"}, want: "redis-url"},
		{args: []string{"migrate", "sideways"}, want: "sideways"},
		{args: []string{"user", "add"}, want: "email"},
		{args: []string{"user", "add", "a@b.co", "--role", "king"}, want: "role"},
	} {
		p, _ := invocation(tt.args, tt.env)
		_, err := parse(p)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v %v: %v, want %q in it", tt.args, tt.env, err, tt.want)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%v %v: more than a line: %v", tt.args, tt.env, err)
		}
	}
}

func TestSettings(t *testing.T) {
	parseServe := func(args []string, env map[string]string) *serveCommand {
		t.Helper()
		p, _ := invocation(args, env)
		c, err := parse(p)
		if err != nil {
			t.Fatal(err)
		}
		return c.(*serveCommand)
	}
	for _, args := range [][]string{nil, {"serve"}} {
		c := parseServe(args, nil)
		if c.Addr != "localhost:8080" || c.Storage.DataDir != "./bizsync-data" || c.ClientIDs != "strict" || c.Limit.FrameBytes != 16<<20 || c.Limit.UpdatesPerSecond != 2000 ||
			c.Limit.UpdateBurst != 20_000 || c.Limit.DocumentBytes != 50<<20 || c.Limit.SocketsPerUser != 20 || c.Limit.SocketsPerDoc != 1000 || c.Limit.AwarenessBytes != 64<<10 ||
			c.Limit.AccountBurst != 500 || c.Limit.AddressBurst != 1000 || c.Stateless {
			t.Errorf("%v: defaults %+v", args, c)
		}
	}
	db := parseServe(nil, nil).Storage.Database.options(nil)
	if db.MaxConns != 10 || db.StatementTimeout != 30*time.Second || db.JournalStatementTimeout != 5*time.Second || db.JournalLockTimeout != 250*time.Millisecond {
		t.Errorf("defaults of the database: %+v", db)
	}
	db = parseServe([]string{"--database-pool-size", "40", "--database-statement-timeout", "2s"}, map[string]string{"BIZSYNC_DATABASE_LOCK_TIMEOUT": "100ms"}).Storage.Database.options(nil)
	if db.MaxConns != 40 || db.StatementTimeout != 2*time.Second || db.JournalStatementTimeout != 2*time.Second || db.JournalLockTimeout != 100*time.Millisecond {
		t.Errorf("settings of the database: %+v", db)
	}
	env := map[string]string{"BIZSYNC_ADDR": ":1", "BIZSYNC_DATA_DIR": "/d", "BIZSYNC_TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8", "BIZSYNC_ALLOWED_ORIGINS": "https://a.com,https://b.com",
		"BIZSYNC_LIMIT_SOCKETS_PER_USER": "7", "BIZSYNC_CLIENT_IDS": "uploader", "BIZSYNC_SECRET": "", "BIZSYNC_LOG_LEVEL": "debug"}
	c := parseServe([]string{"--addr", ":2"}, env)
	if c.Addr != ":2" {
		t.Errorf("a flag doesn't win over the environment: %s", c.Addr)
	}
	if c.Storage.DataDir != "/d" || len(c.AllowedOrigins) != 2 || !slices.Equal(c.TrustedProxies, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}) ||
		c.Limit.SocketsPerUser != 7 || c.ClientIDs != "uploader" || c.LogLevel.String() != "DEBUG" {
		t.Errorf("from the environment: %+v", c)
	}
}

// The names of the contract, each as a flag and as a variable, are all in the help, which is no error.
func TestHelpNamesEverySetting(t *testing.T) {
	p, out := invocation([]string{"serve", "--help"}, nil)
	if c, err := parse(p); c != nil || err != nil {
		t.Fatalf("%v, %v", c, err)
	}
	help := out.String()
	for _, flag := range []string{"addr", "data-dir", "database-url", "database-pool-size", "database-statement-timeout", "database-lock-timeout", "redis-url", "public-url", "allowed-origins", "trusted-proxies", "admin-addr", "secret", "client-ids", "stateless", "log-level", "log-format", "limit-frame-bytes"} {
		if !strings.Contains(help, "--"+flag) || !strings.Contains(help, envName(flag)) {
			t.Errorf("%s or %s is missing", flag, envName(flag))
		}
	}
	// And every flag that there is has a sentence and its variable.
	var cli commands
	parser, err := kong.New(&cli)
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range parser.Model.Node.Children[0].AllFlags(true) {
		for _, f := range group {
			if f.Name != "help" && (f.Help == "" || !strings.Contains(strings.Join(strings.Fields(help), ""), envName(f.Name))) {
				t.Errorf("--%s is not explained", f.Name)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	p, out := invocation([]string{"version"}, nil)
	if err := run(t.Context(), p); err != nil || !strings.HasPrefix(out.String(), "bizsync ") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestReadPassword(t *testing.T) {
	for in, want := range map[string]string{"secret\n": "secret", "secret": "secret", "secret\r\nmore": "secret", " a b \n": " a b ", "": "", "\n": ""} {
		got, err := readPassword(strings.NewReader(in))
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	broken := errors.New("broken pipe")
	if _, err := readPassword(brokenReader{broken}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type brokenReader struct{ err error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.err }
