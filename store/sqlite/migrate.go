package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	migratesqlite "github.com/golang-migrate/migrate/v4/database/sqlite"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"

	"github.com/bizsync/bizsync/migrations"
)

// ErrNewerSchema: the database was written by a newer version of the program.
var ErrNewerSchema = errors.New("database schema is newer than this program")

// Schema says how far a database's schema is.
type Schema struct {
	Version int  // of the database; 0: empty
	Latest  int  // that this program knows
	Dirty   bool // a migration was begun and not finished; the next MigrateUp or Open heals it
}

// MigrateUp brings the database file at path to the newest schema, creating it when missing. Open does the same.
func MigrateUp(ctx context.Context, path string) error {
	return withSchema(ctx, path, "migrate up", func(s *Store) error { return s.migrate(ctx) })
}

// MigrateDown undoes the newest migration of the database file at path, with all that is stored in what it made.
func MigrateDown(ctx context.Context, path string) error {
	return withSchema(ctx, path, "migrate down", func(s *Store) error { return s.migrateDown(ctx) })
}

// MigrationStatus reads how far the database file at path is. It fails with fs.ErrNotExist when there is none.
func MigrationStatus(ctx context.Context, path string) (schema Schema, err error) {
	if _, err := os.Stat(path); err != nil {
		return schema, fmt.Errorf("migration status: %w", err)
	}
	err = withSchema(ctx, path, "migration status", func(s *Store) error {
		schema, err = s.schema(ctx)
		return err
	})
	return schema, err
}

func withSchema(ctx context.Context, path, doing string, f func(*Store) error) error {
	s, err := open(ctx, path, Options{Readers: 1})
	if err == nil {
		err = errors.Join(f(s), s.Close())
	}
	if err != nil {
		return fmt.Errorf("%s: database %s: %w", doing, path, err)
	}
	return nil
}

// migrate runs the migrations that the database lacks.
func (s *Store) migrate(ctx context.Context) error {
	schema, err := s.schema(ctx)
	if err != nil {
		return err
	}
	if schema.Version > schema.Latest {
		return fmt.Errorf("%w: version %d, known is %d", ErrNewerSchema, schema.Version, schema.Latest)
	}
	if schema.Version == schema.Latest && !schema.Dirty {
		return nil
	}
	return s.withMigrate(ctx, schema, func(m *migrate.Migrate) error { return m.Up() })
}

func (s *Store) migrateDown(ctx context.Context) error {
	schema, err := s.schema(ctx)
	if err != nil {
		return err
	}
	if schema.Version > schema.Latest {
		return fmt.Errorf("%w: version %d, known is %d", ErrNewerSchema, schema.Version, schema.Latest)
	}
	if schema.Version == 0 && !schema.Dirty {
		return errors.New("nothing to undo: the database is empty")
	}
	return s.withMigrate(ctx, schema, func(m *migrate.Migrate) error {
		if schema.Dirty {
			if err := m.Up(); err != nil && !errors.Is(err, migrate.ErrNoChange) {
				return err
			}
		}
		return m.Steps(-1)
	})
}

// schema reads the version table by itself: golang-migrate's driver takes any failure to read it for an empty database.
func (s *Store) schema(ctx context.Context) (Schema, error) {
	schema := Schema{}
	var err error
	if schema.Latest, err = latest(); err != nil {
		return schema, err
	}
	if err := s.writer.take(ctx); err != nil {
		return schema, err
	}
	defer s.writer.give()
	conn := s.writer.conn
	var tables int
	if err := conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", versionTable).Scan(&tables); err != nil {
		return schema, fmt.Errorf("read schema: %w", err)
	}
	if tables == 0 {
		return schema, nil
	}
	err = conn.QueryRowContext(ctx, "SELECT version, dirty FROM "+versionTable+" LIMIT 1").Scan(&schema.Version, &schema.Dirty)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return schema, fmt.Errorf("read schema version: %w", err)
	}
	schema.Version = max(schema.Version, 0) // golang-migrate notes -1 while it undoes the first migration
	return schema, nil
}

const versionTable = "schema_migrations"

// latest is the highest migration of this program.
func latest() (int, error) {
	src, err := iofs.New(migrations.Files(), migrations.SQLite)
	if err != nil {
		return 0, fmt.Errorf("read embedded migrations: %w", err)
	}
	defer src.Close()
	v, err := src.First()
	for err == nil {
		var next uint
		if next, err = src.Next(v); err == nil {
			v = next
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("read embedded migrations: %w", err)
	}
	return int(v), nil
}

// withMigrate lends the writer's connection to golang-migrate. A version that is marked dirty is forced back one and runs again: each file is one
// transaction that can run twice, so whether it was the file or its mark that a kill cut off makes no difference.
func (s *Store) withMigrate(ctx context.Context, schema Schema, f func(*migrate.Migrate) error) error {
	w := s.writer
	if err := w.take(ctx); err != nil {
		return err
	}
	defer w.give()
	// golang-migrate takes connections from the pool: this one, which lies there idle meanwhile, so that an in-memory database survives the exchange.
	if err := w.conn.release(); err != nil {
		return err
	}
	w.conn = nil

	err := func() error {
		src, err := iofs.New(migrations.Files(), migrations.SQLite)
		if err != nil {
			return fmt.Errorf("read embedded migrations: %w", err)
		}
		defer src.Close()
		return runMigrate(w.db, src, schema, f)
	}()
	return errors.Join(err, w.connect(ctx))
}

func runMigrate(db *sql.DB, src source.Driver, schema Schema, f func(*migrate.Migrate) error) error {
	drv, err := migratesqlite.WithInstance(db, &migratesqlite.Config{MigrationsTable: versionTable})
	if err != nil {
		return fmt.Errorf("prepare migration: %w", err)
	}
	m, err := migrate.NewWithInstance("embedded", src, "sqlite", drv)
	if err != nil {
		return fmt.Errorf("prepare migration: %w", err)
	}
	if schema.Dirty {
		before := schema.Version - 1
		if before <= 0 {
			before = database.NilVersion
		}
		if err := m.Force(before); err != nil {
			return fmt.Errorf("heal migration %d that was cut off: %w", schema.Version, err)
		}
	}
	if err := f(m); err != nil && !errors.Is(err, migrate.ErrNoChange) {
		return fmt.Errorf("run migrations: %w", err)
	}
	return nil
}
