package faults

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// databasePassword must not show in a log. The database asks nobody for it.
const databasePassword = "the-password-of-the-database"

// database is a private PostgreSQL with durable settings.
type database struct {
	*lab.Database
	settings []string // -c name=value
	log      rig.Transcript
	process  *process
	wal      string // where a small file system for its log is mounted; empty: nowhere
}

// emptyDatabase makes the files of an empty database, once for all trials, in the folder that they share.
var emptyDatabase = sync.OnceValues(func() (string, error) {
	d, err := lab.NewDatabase(filepath.Join(scratch, "empty"))
	if err != nil {
		return "", err
	}
	return d.Dir, d.Init(context.Background(), "--no-sync")
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
	d, err := lab.NewDatabase(dir)
	return &database{Database: d}, err
}

// url names the database at an address: its own, or a proxy's.
func (p *database) url(addr string) string {
	return fmt.Sprintf("postgres://postgres:%s@%s/postgres", databasePassword, addr)
}

// start returns when it answers.
func (p *database) start() (err error) {
	if p.process, err = launch("PostgreSQL", p.Server(context.Background(), p.settings...), &p.log); err != nil {
		return err
	}
	return poll("PostgreSQL starts", rig.Patience, func() error {
		if !p.process.alive() {
			return fmt.Errorf("it has ended: %s", p.log.Tail())
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
	return p.process.end(s, rig.Patience)
}

// query gives the fields of the rows of a statement, by lines and |.
func (p *database) query(sql string) (string, error) { return p.Query(context.Background(), sql) }

// session is one that does nothing but what it is told, in the protocol's own messages.
type session struct{ net.Conn }

// session opens one. It is gone when it is closed.
func (p *database) session() (session, error) {
	conn, err := net.DialTimeout("tcp", p.Addr(), 5*time.Second)
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
