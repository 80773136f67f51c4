// Package lab starts the servers that a benchmark measures or a test tries, each of them private and on a free port of the loopback address, makes people and documents
// at ours, and reads what all of them use.
package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Patience is how long anything may take that isn't measured.
const Patience = 30 * time.Second

// Process is a server that was started here. All that it says goes to a file.
type Process struct {
	Name string

	cmd    *exec.Cmd
	log    string
	exited chan struct{} // closed when it has
	err    error         // how it did, then
}

// Launch starts a server in a process group of its own, so that a Ctrl-C in the terminal is for the benchmark, which ends its servers in order. log is a file's name.
func Launch(name string, cmd *exec.Cmd, log string) (*Process, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.Stdout, cmd.Stderr = file, file
	err = cmd.Start()
	if closing := file.Close(); err != nil || closing != nil { // the process has the file now
		return nil, fmt.Errorf("start %s: %w", name, errors.Join(err, closing))
	}
	p := &Process{Name: name, cmd: cmd, log: log, exited: make(chan struct{})}
	go func() {
		defer close(p.exited)
		p.err = cmd.Wait()
	}()
	return p, nil
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Said is what it has written so far, or why that can't be read.
func (p *Process) Said() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// tail is the end of that.
func (p *Process) tail() string {
	lines := strings.SplitAfter(p.Said(), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "")
}

// Ready waits until what it asks succeeds, for Patience at most.
func (p *Process) Ready(ctx context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.exited:
			return fmt.Errorf("%s doesn't start: %w\n%s", p.Name, errors.Join(p.err, err), p.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s doesn't start: %w\n%s", p.Name, errors.Join(ctx.Err(), err), p.tail())
		}
	}
}

// Listens is something for Ready to ask: whether something answers at a port of the loopback address.
func Listens(port int) func() error {
	return func() error {
		conn, err := net.DialTimeout("tcp", loopback(port), time.Second)
		if err != nil {
			return fmt.Errorf("look whether it listens: %w", err)
		}
		return conn.Close()
	}
}

// End asks it to end, kills it when it doesn't, and waits. A nil process has ended.
func (p *Process) End(signal os.Signal) error {
	if p == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(signal) // it may have ended by itself
	select {
	case <-p.exited:
		return nil
	case <-time.After(Patience):
	}
	p.kill()
	return fmt.Errorf("%s did not end and was killed", p.Name)
}

// Kill ends it without asking, and waits. A nil process has ended.
func (p *Process) Kill() {
	if p != nil {
		p.kill()
	}
}

func (p *Process) kill() {
	// With its children. It may have ended this moment.
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.exited
}

// FreePort is a port of the loopback address at which nothing listens, below those that the system gives to outgoing connections: nobody takes it while its server is
// down.
func FreePort() (int, error) {
	for range 1000 {
		port := 20000 + rand.IntN(12000)
		if l, err := net.Listen("tcp", loopback(port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("there is no free port")
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
