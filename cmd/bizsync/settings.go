package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/bizsync/bizsync/api"
	"github.com/bizsync/bizsync/collab/relay"
)

// command is what an invocation asks for.
type command interface {
	run(ctx context.Context, p process) error
}

// commands is the command line. Every flag is also an environment variable: BIZSYNC_ and its name in capitals.
type commands struct {
	Serve   serveCommand `cmd:"" default:"withargs" help:"Run the server (what happens without a command, too)."`
	Migrate struct {
		Up     migrateUpCommand     `cmd:"" help:"Bring the database to the newest schema. The server does so when it starts."`
		Down   migrateDownCommand   `cmd:"" help:"Undo the newest migration, with all that is stored in what it made."`
		Status migrateStatusCommand `cmd:"" help:"Say how far the database's schema is."`
	} `cmd:"" help:"Change or inspect the database's schema, while no server runs."`
	User struct {
		Add userAddCommand `cmd:"" help:"Create an account, with the password from standard input, while no server runs."`
	} `cmd:"" help:"Manage accounts."`
	Import      importCommand      `cmd:"" help:"Move the data of a single node, a data directory, into a new PostgreSQL database."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask a running server whether it is ready; exit status 1 when it is not."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// serveCommand is the server's settings.
type serveCommand struct {
	Addr           string          `default:"localhost:8080" placeholder:"HOST:PORT" help:"Address to listen on. Port 0 takes a free one."`
	RedisURL       string          `placeholder:"URL" help:"Redis, which connects several nodes: redis://, rediss://, with ?master=NAME for Sentinel or ?cluster=true for Cluster. One node when empty."`
	Storage        storageSettings `embed:""`
	NodeName       string          `placeholder:"NAME" help:"Name of this node among others, for people. The machine's name when empty."`
	PublicURL      string          `placeholder:"URL" help:"URL at which people see this server; its origin is the public origin. From the request when empty."`
	AllowedOrigins []string        `placeholder:"ORIGIN" help:"Origins whose pages may use this server beside the public one."`
	TrustedProxies []netip.Prefix  `placeholder:"CIDR" help:"Networks whose X-Forwarded-For and X-Forwarded-Proto are believed."`
	AdminAddr      string          `placeholder:"HOST:PORT" help:"Address for /metrics and /debug/pprof, which ask for no password. Not served when empty."`
	Secret         string          `placeholder:"TEXT" help:"Signs collaboration tokens, at least 16 bytes. Made on first start and kept in the database when empty."`
	ClientIDs      string          `name:"client-ids" default:"strict" enum:"strict,uploader" help:"strict: an account writes only under its own Yjs client ids. uploader: that isn't checked."`
	Stateless      bool            `help:"Pass on stateless messages between the Hocuspocus clients of a document. Nobody keeps them."`
	AuditRetention time.Duration   `default:"0s" placeholder:"DURATION" help:"How long entries of the audit log are kept, at least 24h, counted in whole days: 8760h is a year. For ever when 0."`
	Limit          limitSettings   `embed:"" prefix:"limit-"`
	LogLevel       slog.Level      `default:"info" placeholder:"LEVEL" help:"debug, info, warn or error."`
	LogFormat      string          `default:"auto" enum:"auto,text,json" help:"auto is text on a terminal, else json."`
}

const day = 24 * time.Hour

// Validate is called by kong. It checks all that can be checked without touching anything.
func (c *serveCommand) Validate() error {
	if c.RedisURL != "" && c.Storage.Database.URL == "" {
		return errors.New("redis-url without database-url: Redis connects several nodes, and nodes can't share a SQLite file")
	}
	if c.RedisURL != "" {
		if _, err := relay.ParseURL(c.RedisURL); err != nil {
			return fmt.Errorf("redis-url: %w", err)
		}
	}
	for name, addr := range map[string]string{"addr": c.Addr, "admin-addr": c.AdminAddr} {
		if addr == "" && name == "admin-addr" {
			continue
		}
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("%s: %q should look like localhost:8080", name, addr)
		}
	}
	if c.Secret != "" && len(c.Secret) < api.MinSecretBytes {
		return fmt.Errorf("secret: at least %d bytes are needed", api.MinSecretBytes)
	}
	if c.AuditRetention != 0 && c.AuditRetention < day {
		return errors.New("audit-retention: it must be at least 24h, or 0 to keep the audit log for ever")
	}
	return api.CheckOrigins(c.PublicURL, c.AllowedOrigins)
}

// envName is the environment variable of a flag.
func envName(flag string) string {
	return "BIZSYNC_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// helpShown ends parsing after help was printed.
type helpShown struct{}

// parse reads flags and environment; flags win. The command is nil when help was asked for.
func parse(p process) (c command, err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case helpShown:
			c, err = nil, nil
		default:
			panic(v)
		}
	}()
	var cli commands
	// kong would read the environment of the process itself; this way it is what run was given.
	environment := kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if flag.Name == "help" {
			return nil, nil
		}
		if v, ok := p.env(envName(flag.Name)); ok && v != "" {
			return v, nil
		}
		return nil, nil
	})
	parser, err := kong.New(&cli,
		kong.Name("bizsync"), kong.Description("Documents that several people edit at once. Without any settings: http://localhost:8080, everything in ./bizsync-data."),
		kong.Writers(p.stdout, p.stderr), kong.Exit(func(int) { panic(helpShown{}) }), kong.Resolvers(environment),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ValueFormatter(func(v *kong.Value) string {
			if v.Flag == nil || v.Flag.Name == "help" {
				return v.Help
			}
			if v.HasDefault && v.Default != "" {
				return fmt.Sprintf("%s Default: %s. [$%s]", v.Help, v.Default, envName(v.Flag.Name))
			}
			return fmt.Sprintf("%s [$%s]", v.Help, envName(v.Flag.Name))
		}))
	if err != nil {
		return nil, fmt.Errorf("command line: %w", err)
	}
	parsed, err := parser.Parse(p.args)
	if err != nil {
		return nil, err
	}
	c, ok := parsed.Selected().Target.Addr().Interface().(command)
	if !ok {
		return nil, fmt.Errorf("command line: %s does nothing", parsed.Command())
	}
	return c, nil
}

// logger writes to standard error, as the settings say.
func (c *serveCommand) logger(stderr io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "text" || c.LogFormat == "auto" && isTerminal(stderr) {
		return slog.New(slog.NewTextHandler(stderr, options))
	}
	return slog.New(slog.NewJSONHandler(stderr, options))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
