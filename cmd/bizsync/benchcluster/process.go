package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// patience is how long anything may take that isn't measured.
const patience = 30 * time.Second

// process is a server that the harness has started. All that it says goes to a file.
type process struct {
	name   string
	cmd    *exec.Cmd
	log    string
	exited chan struct{} // closed when it has
	err    error         // how it did, then
}

// launch starts a server in a process group of its own, so that a Ctrl-C in the terminal is for the harness, which ends the servers in order.
func launch(name string, cmd *exec.Cmd, log string) (*process, error) {
	file, err := os.Create(log)
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
	p := &process{name: name, cmd: cmd, log: log, exited: make(chan struct{})}
	go func() {
		defer close(p.exited)
		p.err = cmd.Wait()
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// said is what it has written so far.
func (p *process) said() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// tail is the end of that.
func (p *process) tail() string {
	lines := strings.SplitAfter(p.said(), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "")
}

// ready waits until what it asks succeeds.
func (p *process) ready(ctx context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
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
			return fmt.Errorf("%s doesn't start: %w\n%s", p.name, errors.Join(p.err, err), p.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s doesn't start: %w\n%s", p.name, errors.Join(ctx.Err(), err), p.tail())
		}
	}
}

// end asks it to end, kills it when it doesn't, and waits.
func (p *process) end(signal os.Signal) error {
	if p == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(signal) // it may have ended by itself
	select {
	case <-p.exited:
		return nil
	case <-time.After(patience):
	}
	// With its children. It may have ended this moment.
	_ = syscall.Kill(-p.pid(), syscall.SIGKILL)
	<-p.exited
	return fmt.Errorf("%s did not end and was killed", p.name)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("look for a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
