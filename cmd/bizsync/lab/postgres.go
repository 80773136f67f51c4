package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Postgres is a private PostgreSQL server as it comes: fsync and synchronous_commit are on.
type Postgres struct {
	*Process

	dir      string
	programs string
	account  *syscall.Credential // nil: ours
	port     int
}

// StartPostgres starts one whose data are below a folder. The caller ends it.
func StartPostgres(ctx context.Context, parent string) (*Postgres, error) {
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(programs) == 0 {
		return nil, errors.New("PostgreSQL is missing: install the package postgresql")
	}
	p := &Postgres{dir: filepath.Join(parent, "postgres"), programs: programs[len(programs)-1]}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of the database: %w", err)
	}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, fmt.Errorf("install the package postgresql: %w", err)
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		p.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := errors.Join(uidErr, gidErr, os.Chmod(parent, 0o755), os.Chown(p.dir, int(uid), int(gid))); err != nil {
			return nil, fmt.Errorf("folder of the database: %w", err)
		}
	}
	data := filepath.Join(p.dir, "data")
	if out, err := p.program(ctx, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if p.port, err = FreePort(); err != nil {
		return nil, err
	}
	// Not with the context: its end would kill the server, and data would be left behind.
	server := p.program(context.WithoutCancel(ctx), "postgres", "-D", data, "-p", strconv.Itoa(p.port), "-k", p.dir, "-h", "127.0.0.1")
	if p.Process, err = Launch("PostgreSQL", server, filepath.Join(parent, "postgres.log")); err != nil {
		return nil, err
	}
	if err := p.Ready(ctx, func() error { _, err := p.Query(ctx, "SELECT 1"); return err }); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// URL is where the nodes find it.
func (p *Postgres) URL() string {
	return fmt.Sprintf("postgres://postgres@%s/postgres", loopback(p.port))
}

// Stop shuts it down fast.
func (p *Postgres) Stop() error { return p.End(syscall.SIGINT) }

func (p *Postgres) program(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.programs, name), args...)
	cmd.Dir, cmd.SysProcAttr = p.dir, &syscall.SysProcAttr{Setpgid: true, Credential: p.account}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + p.dir, "PGCONNECT_TIMEOUT=5"}
	return cmd
}

// Query gives the fields of the rows of a statement, by lines and |.
func (p *Postgres) Query(ctx context.Context, sql string) (string, error) {
	out, err := p.program(ctx, "psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", strconv.Itoa(p.port), "-U", "postgres",
		"-c", sql, "postgres").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
