package providers

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// patience is how long anything may take that should take moments: the machine may be busy with other tests.
	patience = 30 * time.Second

	adminEmail    = "admin@example.com"
	adminPassword = "correct horse battery staple, of the admin"
)

// server is the program, with a data directory that survives its deaths.
type server struct {
	t    testing.TB
	dir  string
	args []string
	addr string // host:port, the same after a restart

	cmd    *exec.Cmd
	exited chan error // of capacity 1: how cmd ended

	log transcript // of all its lives
}

// startServer starts a server on a free port and ends it when the test is over. args are further flags.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), args: args, addr: "127.0.0.1:0"}
	t.Cleanup(s.finish)
	if err := s.launch(); err != nil {
		t.Fatal(err)
	}
	return s
}

// launch starts the process and returns when it answers.
func (s *server) launch() error {
	cmd := exec.Command(program, append([]string{"serve", "--addr", s.addr, "--data-dir", s.dir, "--log-level", "debug", "--log-format", "json"}, s.args...)...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BIZSYNC_") }),
		"BIZSYNC_ADMIN_EMAIL="+adminEmail, "BIZSYNC_ADMIN_PASSWORD="+adminPassword)
	cmd.Stderr = &s.log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.exited = cmd, make(chan error, 1)
	address, exited := make(chan string, 1), s.exited
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), "listening on http://"); ok {
				address <- rest
			}
		}
		exited <- cmd.Wait()
	}()
	select {
	case s.addr = <-address:
	case err := <-s.exited:
		s.cmd = nil
		return fmt.Errorf("the server ended at its start: %w\n%s", err, s.log.tail())
	case <-time.After(patience):
		return fmt.Errorf("the server doesn't start in %v\n%s", patience, s.log.tail())
	}
	res, err := http.Get(s.url() + "/readyz") // waits in the listener's queue until the server accepts
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("/readyz: %s", res.Status)
	}
	return nil
}

func (s *server) url() string { return "http://" + s.addr }

// collab is the base URL of the sockets.
func (s *server) collab() string { return "ws://" + s.addr + "/collab" }

// signal sends the process a signal. It waits for the end after SIGKILL, and after SIGSTOP until all of the process stands still.
func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("%v: %v (it should have been running)\n%s", sig, err, s.log.tail())
	}
	switch sig {
	case syscall.SIGKILL:
		<-s.exited
		s.cmd = nil
	case syscall.SIGSTOP:
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(s.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
			s.t.Fatalf("the server doesn't stand still: %v, %v", err, status)
		}
	}
}

// ended waits until the process is dead that somebody else kills.
func (s *server) ended() {
	s.t.Helper()
	select {
	case <-s.exited:
		s.cmd = nil
	case <-time.After(patience):
		s.t.Fatal("nobody has killed the server")
	}
}

// restart starts it again at the same address and data directory.
func (s *server) restart() {
	s.t.Helper()
	// Between two lives another program's outgoing connection may hold the port for a moment.
	for deadline := time.Now().Add(patience); ; {
		err := s.launch()
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "address already in use") || time.Now().After(deadline) {
			s.t.Fatal(err)
		}
	}
}

// finish ends the server by SIGTERM, which it must obey in order, and looks at what it said in all its lives.
func (s *server) finish() {
	if s.cmd != nil {
		// A test may have failed while the server stood still.
		if err := errors.Join(s.cmd.Process.Signal(syscall.SIGTERM), s.cmd.Process.Signal(syscall.SIGCONT)); err != nil {
			s.t.Errorf("SIGTERM: %v", err)
		}
		select {
		case err := <-s.exited:
			if err != nil {
				s.t.Errorf("the server's end: %v\n%s", err, s.log.tail())
			}
		case <-time.After(12 * time.Second):
			s.t.Errorf("the server is still there 12 s after SIGTERM\n%s", s.log.tail())
			_ = s.cmd.Process.Kill()
			<-s.exited
		}
	}
	log := s.log.String()
	for _, bad := range []string{"panic", "fatal error", "goroutine 1 [", "DATA RACE"} {
		if strings.Contains(log, bad) {
			s.t.Errorf("the server's log says %q\n%s", bad, s.log.tail())
		}
	}
	if s.t.Failed() {
		s.t.Logf("end of the server's log:\n%s", s.log.tail())
	}
}

// transcript is what a process wrote.
type transcript struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// tail is the last lines.
func (t *transcript) tail() string {
	lines := strings.SplitAfter(t.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "")
}
