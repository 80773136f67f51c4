package main

import (
	"context"
	"errors"
	"fmt"
)

// errNoDatabase: nothing was ever kept there.
var errNoDatabase = errors.New("there is no database yet")

// migrateUpCommand brings the database to the newest schema.
type migrateUpCommand struct {
	Storage storageSettings `embed:""`
}

func (c *migrateUpCommand) run(ctx context.Context, p process) error {
	if err := c.Storage.migrateUp(ctx); err != nil {
		return err
	}
	return printSchema(ctx, p, &c.Storage)
}

// migrateDownCommand undoes one migration.
type migrateDownCommand struct {
	Storage storageSettings `embed:""`
}

func (c *migrateDownCommand) run(ctx context.Context, p process) error {
	if err := c.Storage.migrateDown(ctx); err != nil {
		return err
	}
	return printSchema(ctx, p, &c.Storage)
}

// migrateStatusCommand prints how far the schema is.
type migrateStatusCommand struct {
	Storage storageSettings `embed:""`
}

func (c *migrateStatusCommand) run(ctx context.Context, p process) error {
	return printSchema(ctx, p, &c.Storage)
}

func printSchema(ctx context.Context, p process, storage *storageSettings) error {
	s, err := storage.schema(ctx)
	if errors.Is(err, errNoDatabase) {
		_, err := fmt.Fprintf(p.stdout, "%s: no database yet\n", storage.name())
		return err
	}
	if err != nil {
		return err
	}
	state := "up to date"
	switch {
	case s.dirty:
		state = "a migration was interrupted; migrate up finishes it"
	case s.version < s.latest:
		state = "behind"
	case s.version > s.latest:
		state = "newer than this program"
	}
	_, err = fmt.Fprintf(p.stdout, "%s: version %d of %d, %s\n", storage.name(), s.version, s.latest, state)
	return err
}
