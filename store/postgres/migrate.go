package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/migrations"
)

// ErrNewerSchema: the database was brought up by a program that is more than one migration ahead of this one.
var ErrNewerSchema = errors.New("database schema is newer than this program")

// Schema says how far a database's schema is.
type Schema struct {
	Version int  // of the database; 0: empty
	Latest  int  // that this program knows
	Dirty   bool // a migration is at work, or was begun and not finished; the next MigrateUp or Open heals it
}

// MigrateUp brings the database to the newest schema. Open does the same.
func MigrateUp(ctx context.Context, url string, o Options) error {
	if err := migrateUp(ctx, url, o.withDefaults()); err != nil {
		return fmt.Errorf("migrate up: %w", err)
	}
	return nil
}

// MigrateDown undoes the newest migration, with all that is stored in what it made. No node may be at work.
func MigrateDown(ctx context.Context, url string, o Options) error {
	err := withDriver(ctx, url, o.withDefaults(), func(d *driver) error {
		if err := d.lock(); err != nil {
			return err
		}
		return d.down()
	})
	if err != nil {
		return fmt.Errorf("migrate down: %w", err)
	}
	return nil
}

// MigrationStatus reads how far the database is. It changes nothing and waits for nobody.
func MigrationStatus(ctx context.Context, url string, o Options) (schema Schema, err error) {
	err = withDriver(ctx, url, o.withDefaults(), func(d *driver) error {
		schema, err = d.schema()
		return err
	})
	if err != nil {
		return Schema{}, fmt.Errorf("migration status: %w", err)
	}
	return schema, nil
}

func migrateUp(ctx context.Context, url string, o Options) error {
	return withDriver(ctx, url, o, func(d *driver) error {
		// Most starts find nothing to do, and wait for nobody.
		schema, err := d.schema()
		if err != nil || schema.current() {
			return err
		}
		if err := d.lock(); err != nil {
			return err
		}
		// Another node may have done it while this one waited. A version that is still marked dirty under the lock is one that was cut off.
		if schema, err = d.schema(); err != nil || schema.current() {
			return err
		}
		if schema.Version > schema.Latest+1 {
			return fmt.Errorf("%w: version %d, known is %d", ErrNewerSchema, schema.Version, schema.Latest)
		}
		if schema.Version > schema.Latest {
			// Each file is one transaction: all of the newer one is there or nothing, and this program works with either.
			o.Log.Warn("the database schema is one version newer than this program, which should be renewed soon", "version", schema.Version, "known", schema.Latest)
			return nil
		}
		return d.run(schema, func(m *migrate.Migrate) error { return m.Up() })
	})
}

// current says whether there is nothing to do.
func (s Schema) current() bool { return s.Version == s.Latest && !s.Dirty }

// withDriver lends a connection of its own, whose end gives the migration lock back.
func withDriver(ctx context.Context, url string, o Options, f func(*driver) error) error {
	config, err := parse(url, o)
	if err != nil {
		return err
	}
	params := o.session(0, 0)
	params["application_name"] = "bizsync migration"
	params["statement_timeout"], params["lock_timeout"] = "0", "0" // ctx ends them
	for name, value := range params {
		config.ConnConfig.RuntimeParams[name] = value
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return explain(asUnavailable(err))
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // what it did is said and done
	if err := prepare(ctx, conn); err != nil {
		return explain(unavailable(err))
	}
	return explain(unavailable(f(&driver{ctx: ctx, conn: conn, ddlLock: o.LockTimeout})))
}

// schema reads the version table.
func (d *driver) schema() (schema Schema, err error) {
	if schema.Latest, err = latest(); err != nil {
		return schema, err
	}
	v, dirty, err := d.Version()
	if err != nil {
		return schema, err
	}
	schema.Version, schema.Dirty = max(v, 0), dirty // golang-migrate notes -1 while it undoes the first migration
	return schema, nil
}

// latest is the highest migration of this program.
func latest() (int, error) {
	src, err := iofs.New(migrations.Files(), migrations.Postgres)
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

func (d *driver) down() error {
	schema, err := d.schema()
	if err != nil {
		return err
	}
	if schema.Version > schema.Latest {
		return fmt.Errorf("%w: version %d, known is %d", ErrNewerSchema, schema.Version, schema.Latest)
	}
	if schema.Version == 0 && !schema.Dirty {
		return errors.New("nothing to undo: the database is empty")
	}
	return d.run(schema, func(m *migrate.Migrate) error {
		if schema.Dirty {
			if err := m.Up(); err != nil && !errors.Is(err, migrate.ErrNoChange) {
				return err
			}
		}
		return m.Steps(-1)
	})
}

// run lets golang-migrate work, under the lock. A version that is marked dirty is forced back one and runs again: each file is one transaction that can run twice, so
// whether it was the file or its mark that a kill cut off makes no difference.
func (d *driver) run(schema Schema, f func(*migrate.Migrate) error) error {
	if err := d.prepare(); err != nil {
		return err
	}
	src, err := iofs.New(migrations.Files(), migrations.Postgres)
	if err != nil {
		return fmt.Errorf("read embedded migrations: %w", err)
	}
	defer src.Close()
	m, err := migrate.NewWithInstance("embedded", src, "postgres", d)
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
