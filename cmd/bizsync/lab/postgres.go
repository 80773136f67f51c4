package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Postgres is a private PostgreSQL server as it comes: fsync and synchronous_commit are on.
type Postgres struct {
	*Process
	*Database
}

// StartPostgres starts one whose data are below a folder. The caller ends it.
func StartPostgres(ctx context.Context, parent string) (*Postgres, error) {
	if os.Geteuid() == 0 { // PostgreSQL has an account of its own then
		if err := os.Chmod(parent, 0o755); err != nil {
			return nil, fmt.Errorf("folder of the database: %w", err)
		}
	}
	d, err := NewDatabase(filepath.Join(parent, "postgres"))
	if err != nil {
		return nil, err
	}
	if err := d.Init(ctx); err != nil {
		return nil, err
	}
	// Not with the context: its end would kill the server, and data would be left behind.
	server, err := Launch("PostgreSQL", d.Server(context.WithoutCancel(ctx)), filepath.Join(parent, "postgres.log"))
	if err != nil {
		return nil, err
	}
	p := &Postgres{Process: server, Database: d}
	if err := p.Ready(ctx, func() error { _, err := p.Query(ctx, "SELECT 1"); return err }); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// URL is where the nodes find it.
func (p *Postgres) URL() string {
	return fmt.Sprintf("postgres://postgres@%s/postgres", p.Addr())
}

// Stop shuts it down fast.
func (p *Postgres) Stop() error { return p.End(syscall.SIGINT) }
