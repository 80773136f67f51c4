package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/postgres"
	"github.com/bizsync/bizsync/store/sqlite"
)

// importCommand moves what a single node kept in its directory into PostgreSQL, where several nodes go on with it. The directory stays as it is.
type importCommand struct {
	From     string           `required:"" placeholder:"DIR" help:"Data directory of the single node. No server may run on it; it stays as it is."`
	Database postgresSettings `embed:"" prefix:"database-"`
}

// Validate is called by kong.
func (c *importCommand) Validate() error {
	if c.Database.URL == "" {
		return errors.New("database-url is needed: it says into which PostgreSQL database to import, postgres://user:password@host:5432/database")
	}
	return nil
}

func (c *importCommand) run(ctx context.Context, p process) error {
	began := time.Now()
	path := (&storageSettings{DataDir: c.From}).path()
	source, err := filepath.Abs(c.From)
	if err != nil {
		return err
	}
	counts := make(map[string]int)
	rows, already := 0, false
	err = sqlite.Export(ctx, path, func(tables []store.Table) (err error) {
		for _, t := range tables {
			counts[t.Name] = t.Count
			rows += t.Count
		}
		report := &importProgress{to: p.stderr, began: began, told: began}
		already, err = postgres.Import(ctx, c.Database.URL, c.Database.options(slog.New(slog.DiscardHandler)), source, tables, report.row)
		return err
	})
	if err != nil {
		return c.explain(ctx, err)
	}
	if already {
		_, err = fmt.Fprintf(p.stdout, "%s was imported into %s before; nothing was changed\n", c.From, c.Database.name())
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "imported %s into %s: %d accounts, %d documents, %d rows in all, in %v\n",
		c.From, c.Database.name(), counts["users"], counts["documents"], rows, time.Since(began).Round(time.Millisecond))
	return err
}

// explain adds what the operator can do.
func (c *importCommand) explain(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil && !errors.Is(err, store.ErrUncertain):
		return fmt.Errorf("interrupted, and nothing was imported; run it again: %w", err)
	case errors.Is(err, store.ErrUncertain):
		return fmt.Errorf("it is not known whether the import is complete; run it again, which tells: %w", err)
	case errors.Is(err, sqlite.ErrLocked):
		return fmt.Errorf("stop the server that uses %s first: %w", c.From, err)
	case errors.Is(err, sqlite.ErrNoDatabase):
		return fmt.Errorf("%s is no data directory of BizSync: %w", c.From, err)
	case errors.Is(err, sqlite.ErrOlderSchema):
		return fmt.Errorf("run bizsync migrate up --data-dir %s first: %w", c.From, err)
	}
	return err
}

// progressPeriod is how often a long table tells how far it is.
const progressPeriod = time.Second

// importProgress tells a person how far an import is: a line for each table that has rows, and one a second for long ones.
type importProgress struct {
	to    io.Writer
	began time.Time
	told  time.Time
}

func (r *importProgress) row(t store.Table, done int) {
	if done < t.Count && time.Since(r.told) < progressPeriod {
		return
	}
	r.told = time.Now()
	fmt.Fprintf(r.to, "%6.1f s  %s: %d of %d rows\n", time.Since(r.began).Seconds(), t.Name, done, t.Count)
}
