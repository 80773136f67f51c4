package faults

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// databasePassword must not show in a log. The database asks nobody for it.
const databasePassword = "the-password-of-the-database"

// database is a private PostgreSQL with durable settings.
type database struct {
	dir, bin string
	port     int
	settings []string // -c name=value
	log      transcript
	process  *process
	wal      string // where a small file system for its log is mounted; empty: nowhere
}

// emptyDatabase makes the files of an empty database, once for all trials, in a folder that the last one removes.
var emptyDatabase = sync.OnceValues(func() (string, error) {
	p := &database{dir: filepath.Join(scratch, "empty")}
	if err := p.prepare(); err != nil {
		return "", err
	}
	out, err := p.command("initdb", "-D", filepath.Join(p.dir, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return p.dir, nil
})

// newDatabase makes a server that isn't started yet. dir must be short: it is in a socket's path.
func newDatabase(dir string) (*database, error) {
	empty, err := emptyDatabase()
	if err != nil {
		return nil, err
	}
	if out, err := exec.Command("cp", "-a", empty, dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy the empty database: %w\n%s", err, out)
	}
	p := &database{dir: dir}
	if p.port, err = freePort(); err != nil {
		return nil, err
	}
	return p, p.prepare()
}

// prepare finds the programs and makes the folder.
func (p *database) prepare() error {
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(programs) == 0 {
		return errors.New("the fault suite needs PostgreSQL: install the package postgresql")
	}
	p.bin = programs[len(programs)-1]
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	c, err := credential()
	if err != nil || c == nil {
		return err
	}
	return os.Chown(p.dir, int(c.Uid), int(c.Gid))
}

// credential is that of user postgres if ours is root's: PostgreSQL refuses to run as root.
func credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("install the package postgresql: %w", err)
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(uidErr, gidErr)
}

// command is one of PostgreSQL's programs.
func (p *database) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	c, _ := credential() // looked at by prepare
	cmd.Dir, cmd.SysProcAttr = p.dir, &syscall.SysProcAttr{Setpgid: true, Credential: c}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + p.dir}
	return cmd
}

func (p *database) addr() string { return "127.0.0.1:" + strconv.Itoa(p.port) }

// url names the database at an address: its own, or a proxy's.
func (p *database) url(addr string) string {
	return fmt.Sprintf("postgres://postgres:%s@%s/postgres", databasePassword, addr)
}

// start returns when it answers.
func (p *database) start() (err error) {
	args := append([]string{"-D", filepath.Join(p.dir, "data"), "-p", strconv.Itoa(p.port), "-k", p.dir, "-h", "127.0.0.1"}, p.settings...)
	if p.process, err = launch("PostgreSQL", p.command("postgres", args...), &p.log); err != nil {
		return err
	}
	return poll("PostgreSQL starts", patience, func() error {
		if !p.process.alive() {
			return fmt.Errorf("it has ended: %s", p.log.tail())
		}
		_, err := p.query("SELECT 1")
		return err
	})
}

// stop ends it: SIGINT fast, SIGQUIT immediate, SIGKILL with all its processes.
func (p *database) stop(s syscall.Signal) error {
	if s == syscall.SIGKILL {
		if err := p.process.signalAll(s); err != nil {
			return err
		}
		<-p.process.exited
		return nil
	}
	return p.process.end(s, patience)
}

// psql is SQL that runs in a session of its own.
func (p *database) psql(sql string) *exec.Cmd {
	cmd := p.command("psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", strconv.Itoa(p.port), "-U", "postgres", "-c", sql, "postgres")
	cmd.Env = append(cmd.Env, "PGCONNECT_TIMEOUT=5")
	return cmd
}

// query runs SQL with psql and gives the fields of all rows, by lines and |.
func (p *database) query(sql string) (string, error) {
	out, err := p.psql(sql).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// session is one that does nothing but what it is told, in the protocol's own messages.
type session struct{ net.Conn }

// session opens one. It is gone when it is closed.
func (p *database) session() (session, error) {
	conn, err := net.DialTimeout("tcp", p.addr(), 5*time.Second)
	if err != nil {
		return session{}, err
	}
	answer := make([]byte, 1) // R: it is let in
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err = conn.Write(counted32("\x00\x03\x00\x00user\x00postgres\x00database\x00postgres\x00\x00")); err == nil {
		_, err = io.ReadFull(conn, answer)
	}
	if err == nil && answer[0] != 'R' {
		err = fmt.Errorf("PostgreSQL answers %q", answer)
	}
	if err != nil {
		conn.Close()
		return session{}, err
	}
	return session{conn}, conn.SetDeadline(time.Time{})
}

// tell has it run a statement and doesn't wait for the answer.
func (s session) tell(sql string) error {
	_, err := s.Write(append([]byte{'Q'}, counted32(sql+"\x00")...))
	return err
}

// counted32 has the length before the message, which counts itself.
func counted32(message string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, 4+uint32(len(message))), message...)
}

// patience is how long anything may take that isn't measured.
const patience = 30 * time.Second
