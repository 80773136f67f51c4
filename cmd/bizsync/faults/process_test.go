package faults

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// process is a program that the suite has started, with all processes that it starts itself.
type process struct {
	name   string
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // how it ended; once exited is closed
}

// launch starts a program that writes into a transcript.
func launch(name string, cmd *exec.Cmd, log *rig.Transcript) (*process, error) {
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{name: name, cmd: cmd, exited: make(chan struct{})}
	go func() {
		defer close(p.exited)
		p.err = cmd.Wait()
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// signal sends a signal to the process itself.
func (p *process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("%s: %v: %w", p.name, s, err)
	}
	return nil
}

// end sends a signal and waits for the end.
func (p *process) end(s syscall.Signal, limit time.Duration) error {
	if err := p.signal(s); err != nil {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(limit):
		return fmt.Errorf("%s is still there %v after %v", p.name, limit, s)
	}
}

// signalAll sends a signal to the process and all its descendants, those included that are born meanwhile.
func (p *process) signalAll(s syscall.Signal) error {
	for seen := map[int]bool{}; ; {
		news := 0
		for _, pid := range family(p.pid()) {
			if seen[pid] {
				continue
			}
			seen[pid] = true
			news++
			if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("%s: %v to process %d: %w", p.name, s, pid, err)
			}
		}
		if news == 0 {
			return nil
		}
	}
}

// family gives a process and its descendants, parents first.
func family(root int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is correct
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // ended meanwhile
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		// "pid (name) state parent ...", where the name may contain anything.
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		parent, _ := strconv.Atoi(fields[1])
		children[parent] = append(children[parent], pid)
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// poll asks until something is so.
func poll(what string, limit time.Duration, so func() error) error {
	var err error
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = so(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s: not within %v: %w", what, limit, err)
}

// errNotYet: what is polled for isn't so yet.
var errNotYet = errors.New("not yet")

// newRandom gives random numbers to somebody who can't share the cluster's: what goroutines do at the same time has no order that a seed could repeat.
func newRandom() *rand.Rand { return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) }
