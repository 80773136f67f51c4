package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Database is what a private PostgreSQL server has on the disk, and PostgreSQL's own programs at work on that.
type Database struct {
	Dir  string
	Port int // of the loopback address

	programs string
	account  *syscall.Credential // nil: ours
}

// NewDatabase makes a folder, unless it is there, for a server at a free port. Its path must be short, since that of a socket begins with it, and open to user postgres
// when we are root: PostgreSQL refuses to run as root.
func NewDatabase(dir string) (*Database, error) {
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(programs) == 0 {
		return nil, errors.New("PostgreSQL is missing: install the package postgresql")
	}
	d := &Database{Dir: dir, programs: programs[len(programs)-1]}
	if d.Port, err = FreePort(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("folder of the database: %w", err)
	}
	if os.Geteuid() != 0 {
		return d, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("install the package postgresql: %w", err)
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	d.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	if err := errors.Join(uidErr, gidErr, os.Chown(dir, int(uid), int(gid))); err != nil {
		return nil, fmt.Errorf("folder of the database: %w", err)
	}
	return d, nil
}

// Data is the folder with all that the server keeps.
func (d *Database) Data() string { return filepath.Join(d.Dir, "data") }

// Addr is where the server listens, as host:port.
func (d *Database) Addr() string { return loopback(d.Port) }

// Program is one of PostgreSQL's programs, in a process group of its own.
func (d *Database) Program(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(d.programs, name), args...)
	cmd.Dir, cmd.SysProcAttr = d.Dir, &syscall.SysProcAttr{Setpgid: true, Credential: d.account}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + d.Dir, "PGCONNECT_TIMEOUT=5"}
	return cmd
}

// Init makes the data of an empty database. args are further ones of initdb.
func (d *Database) Init(ctx context.Context, args ...string) error {
	all := append([]string{"-D", d.Data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"}, args...)
	if out, err := d.Program(ctx, "initdb", all...).CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// Server is the server itself. args are further ones.
func (d *Database) Server(ctx context.Context, args ...string) *exec.Cmd {
	return d.Program(ctx, "postgres", slices.Concat([]string{"-D", d.Data(), "-p", strconv.Itoa(d.Port), "-k", d.Dir, "-h", "127.0.0.1"}, args)...)
}

// SQL is psql with statements that run in a session of their own.
func (d *Database) SQL(ctx context.Context, sql string) *exec.Cmd {
	return d.Program(ctx, "psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", strconv.Itoa(d.Port), "-U", "postgres", "-c", sql, "postgres")
}

// Query gives the fields of the rows of a statement, by lines and |.
func (d *Database) Query(ctx context.Context, sql string) (string, error) {
	out, err := d.SQL(ctx, sql).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
