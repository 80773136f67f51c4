package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/bizsync/bizsync/store/sqlite"
)

// migrateUpCommand brings the database to the newest schema.
type migrateUpCommand struct {
	Storage storageSettings `embed:""`
}

func (c *migrateUpCommand) run(ctx context.Context, p process) error {
	if err := sqlite.MigrateUp(ctx, c.Storage.path()); err != nil {
		return err
	}
	return printSchema(ctx, p, c.Storage.path())
}

// migrateDownCommand undoes one migration.
type migrateDownCommand struct {
	Storage storageSettings `embed:""`
}

func (c *migrateDownCommand) run(ctx context.Context, p process) error {
	if err := sqlite.MigrateDown(ctx, c.Storage.path()); err != nil {
		return err
	}
	return printSchema(ctx, p, c.Storage.path())
}

// migrateStatusCommand prints how far the schema is.
type migrateStatusCommand struct {
	Storage storageSettings `embed:""`
}

func (c *migrateStatusCommand) run(ctx context.Context, p process) error {
	return printSchema(ctx, p, c.Storage.path())
}

func printSchema(ctx context.Context, p process, path string) error {
	s, err := sqlite.MigrationStatus(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		_, err := fmt.Fprintf(p.stdout, "%s: no database yet\n", path)
		return err
	}
	if err != nil {
		return err
	}
	state := "up to date"
	switch {
	case s.Dirty:
		state = "a migration was interrupted; migrate up finishes it"
	case s.Version < s.Latest:
		state = "behind"
	case s.Version > s.Latest:
		state = "newer than this program"
	}
	_, err = fmt.Fprintf(p.stdout, "%s: version %d of %d, %s\n", path, s.Version, s.Latest, state)
	return err
}
