package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/postgres"
	"github.com/bizsync/bizsync/store/sqlite"
)

// storageSettings say where everything is kept.
type storageSettings struct {
	DataDir  string           `default:"./bizsync-data" placeholder:"DIR" help:"Directory of the SQLite database. Used without a database URL."`
	Database postgresSettings `embed:"" prefix:"database-"`
}

// Validate is called by kong.
func (s *storageSettings) Validate() error {
	if s.Database.URL == "" && s.DataDir == "" {
		return errors.New("data-dir: it can't be empty")
	}
	return nil
}

// postgresSettings are those of a PostgreSQL database.
type postgresSettings struct {
	URL              string        `placeholder:"URL" help:"PostgreSQL, postgres://...; SQLite in the data directory when empty."`
	PoolSize         int           `default:"10" placeholder:"N" help:"Connections of this node to PostgreSQL, beside a few that only edits use."`
	StatementTimeout time.Duration `default:"30s" placeholder:"DURATION" help:"When PostgreSQL ends a statement of this node; one that commits edits after 5s at the latest."`
	LockTimeout      time.Duration `default:"250ms" placeholder:"DURATION" help:"How long a commit of edits waits for a document in which another node commits, before it is tried again."`
}

// maxPoolSize is more than any server takes.
const maxPoolSize = 10_000

// Validate is called by kong.
func (s *postgresSettings) Validate() error {
	// The error of url.Parse would repeat the password.
	if u, err := url.Parse(s.URL); s.URL != "" && (err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return errors.New("database-url: it should look like postgres://user:password@host:5432/database")
	}
	if s.PoolSize < 1 || s.PoolSize > maxPoolSize {
		return fmt.Errorf("database-pool-size: it must be from 1 to %d", maxPoolSize)
	}
	for name, d := range map[string]time.Duration{"statement": s.StatementTimeout, "lock": s.LockTimeout} {
		if d < time.Millisecond {
			return fmt.Errorf("database-%s-timeout: it must be at least 1ms", name)
		}
	}
	return nil
}

// options are the settings as the store takes them.
func (s *postgresSettings) options(log *slog.Logger) postgres.Options {
	return postgres.Options{
		MaxConns: s.PoolSize, StatementTimeout: s.StatementTimeout, JournalStatementTimeout: min(s.StatementTimeout, commitTimeout), JournalLockTimeout: s.LockTimeout, Log: log,
	}
}

// commitTimeout is when a statement that commits edits is ended at the latest: a node that gets no answer must soon try again.
const commitTimeout = 5 * time.Second

// name says which database it is, without a password.
func (s *postgresSettings) name() string {
	u, err := url.Parse(s.URL)
	if err != nil {
		return "the database"
	}
	return u.Host + u.Path
}

// path is the SQLite file.
func (s *storageSettings) path() string { return filepath.Join(s.DataDir, "bizsync.db") }

// open opens the database that the settings name, at the newest schema.
func (s *storageSettings) open(ctx context.Context, limits store.Limits, log *slog.Logger) (store.Store, error) {
	if s.Database.URL != "" {
		o := s.Database.options(log)
		o.Limits = limits
		return postgres.Open(ctx, s.Database.URL, o)
	}
	return sqlite.Open(ctx, s.path(), sqlite.Options{Limits: limits})
}

// registerStore adds what the store has to measure.
func registerStore(metrics prometheus.Registerer, st store.Store) {
	if p, ok := st.(*postgres.Store); ok {
		metrics.MustRegister(p.Collector())
	}
}

// schema is how far a database's schema is.
type schema struct {
	version, latest int
	dirty           bool
}

func (s *storageSettings) migrateUp(ctx context.Context) error {
	if s.Database.URL != "" {
		return postgres.MigrateUp(ctx, s.Database.URL, s.Database.options(nil))
	}
	return sqlite.MigrateUp(ctx, s.path())
}

func (s *storageSettings) migrateDown(ctx context.Context) error {
	if s.Database.URL != "" {
		return postgres.MigrateDown(ctx, s.Database.URL, s.Database.options(nil))
	}
	return sqlite.MigrateDown(ctx, s.path())
}

func (s *storageSettings) schema(ctx context.Context) (schema, error) {
	if s.Database.URL != "" {
		found, err := postgres.MigrationStatus(ctx, s.Database.URL, s.Database.options(nil))
		return schema{found.Version, found.Latest, found.Dirty}, err
	}
	found, err := sqlite.MigrationStatus(ctx, s.path())
	if errors.Is(err, fs.ErrNotExist) {
		return schema{}, fmt.Errorf("%s: %w", s.path(), errNoDatabase)
	}
	return schema{found.Version, found.Latest, found.Dirty}, err
}

// name says which database it is, without a password.
func (s *storageSettings) name() string {
	if s.Database.URL == "" {
		return s.path()
	}
	return s.Database.name()
}
