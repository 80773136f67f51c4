package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"path/filepath"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/postgres"
	"github.com/bizsync/bizsync/store/sqlite"
)

// storageSettings say where everything is kept.
type storageSettings struct {
	DataDir     string `default:"./bizsync-data" placeholder:"DIR" help:"Directory of the SQLite database. Used without a database URL."`
	DatabaseURL string `placeholder:"URL" help:"PostgreSQL, postgres://...; SQLite in the data directory when empty."`
}

// Validate is called by kong.
func (s *storageSettings) Validate() error {
	if s.DatabaseURL != "" {
		// The error of url.Parse would repeat the password.
		if u, err := url.Parse(s.DatabaseURL); err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
			return errors.New("database-url: it should look like postgres://user:password@host:5432/database")
		}
		return nil
	}
	if s.DataDir == "" {
		return errors.New("data-dir: it can't be empty")
	}
	return nil
}

// path is the SQLite file.
func (s *storageSettings) path() string { return filepath.Join(s.DataDir, "bizsync.db") }

// open opens the database that the settings name, at the newest schema.
func (s *storageSettings) open(ctx context.Context, log *slog.Logger) (store.Store, error) {
	if s.DatabaseURL != "" {
		return postgres.Open(ctx, s.DatabaseURL, postgres.Options{Log: log})
	}
	return sqlite.Open(ctx, s.path(), sqlite.Options{})
}

// schema is how far a database's schema is.
type schema struct {
	version, latest int
	dirty           bool
}

func (s *storageSettings) migrateUp(ctx context.Context) error {
	if s.DatabaseURL != "" {
		return postgres.MigrateUp(ctx, s.DatabaseURL, postgres.Options{})
	}
	return sqlite.MigrateUp(ctx, s.path())
}

func (s *storageSettings) migrateDown(ctx context.Context) error {
	if s.DatabaseURL != "" {
		return postgres.MigrateDown(ctx, s.DatabaseURL, postgres.Options{})
	}
	return sqlite.MigrateDown(ctx, s.path())
}

func (s *storageSettings) schema(ctx context.Context) (schema, error) {
	if s.DatabaseURL != "" {
		found, err := postgres.MigrationStatus(ctx, s.DatabaseURL, postgres.Options{})
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
	if s.DatabaseURL == "" {
		return s.path()
	}
	u, err := url.Parse(s.DatabaseURL)
	if err != nil {
		return "the database"
	}
	return u.Host + u.Path
}
