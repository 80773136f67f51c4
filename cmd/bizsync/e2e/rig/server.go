package rig

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// Patience is how long anything may take that should take moments: the machine may be busy with other tests.
const Patience = lab.Patience

// AnyPort is an address with a free port.
const AnyPort = "127.0.0.1:0"

// Server is the program, with a data directory that survives its deaths. What goes wrong with it fails its test, whose goroutine its methods are for.
type Server struct {
	Addr string     // host:port, the same after a restart
	Dir  string     // of its data
	Log  Transcript // of all its lives

	t       testing.TB
	program string
	args    []string

	cmd    *exec.Cmd     // nil: it doesn't run
	exited chan struct{} // closed when cmd has ended
	end    error         // how it did, then
	began  int           // where its part of the log begins

	mu      sync.Mutex
	secrets []string // guarded by mu: they must not show in the log
}

// StartServer starts a program's server on a free port and ends it, in order, when the test is over. args are further flags.
func StartServer(t testing.TB, program string, args ...string) *Server {
	t.Helper()
	s := At(t, AnyPort)
	s.Dir, s.program, s.args = t.TempDir(), program, args
	t.Cleanup(s.finish)
	if err := s.launch(); err != nil {
		t.Fatal(err)
	}
	return s
}

// At is a server that somebody else has started: a place to talk to.
func At(t testing.TB, addr string) *Server {
	return &Server{t: t, Addr: addr, secrets: []string{lab.AdminPassword}}
}

// launch starts the process and returns when it answers.
func (s *Server) launch() error {
	cmd := exec.Command(s.program, append([]string{"serve", "--addr", s.Addr, "--data-dir", s.Dir, "--log-format", "json"}, s.args...)...)
	cmd.Env = lab.Environment()
	cmd.Stderr, s.began = &s.Log, len(s.Log.String())
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	s.cmd, s.exited = cmd, make(chan struct{})
	address := make(chan string, 1)
	go func() {
		defer close(s.exited)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), "listening on http://"); ok {
				address <- rest
			}
		}
		s.end = cmd.Wait()
	}()
	select {
	case s.Addr = <-address:
	case <-s.exited:
		s.cmd = nil
		return fmt.Errorf("the server doesn't start: %w\n%s", errors.Join(errors.New("it ended"), s.end), s.Log.Tail())
	case <-time.After(Patience):
		return fmt.Errorf("the server doesn't start in %v\n%s", Patience, s.Log.Tail())
	}
	_, err = s.get(s.URL() + "/readyz") // waits in the listener's queue until the server accepts
	return err
}

// URL is the base of all that it serves.
func (s *Server) URL() string { return "http://" + s.Addr }

// Collab is the base URL of the sockets.
func (s *Server) Collab() string { return "ws://" + s.Addr + "/collab" }

// AdminURL is the base of its admin address, which it must have been given. It is another one after a restart.
func (s *Server) AdminURL() (url string) {
	s.t.Helper()
	WaitFor(s.t, "the log names the admin address", func() bool {
		for line := range strings.Lines(s.Log.String()[s.began:]) {
			var said struct{ Msg, URL string }
			if err := json.Unmarshal([]byte(line), &said); err == nil && said.Msg == "admin address" {
				url = said.URL
			}
		}
		return url != ""
	}, &s.Log)
	return url
}

// Get makes a request that must be answered with 200, and gives the answer.
func (s *Server) Get(url string) []byte {
	s.t.Helper()
	body, err := s.get(url)
	if err != nil {
		s.t.Fatal(err)
	}
	return body
}

func (s *Server) get(url string) ([]byte, error) {
	res, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s (%w)", url, res.Status, err)
	}
	return body, nil
}

// Health gives the status that /readyz tells, or why it doesn't.
func (s *Server) Health() string {
	res, err := http.Get(s.URL() + "/readyz")
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	var h struct{ Status string }
	if err := json.NewDecoder(res.Body).Decode(&h); err != nil {
		return err.Error()
	}
	return h.Status
}

// PID is the process that runs now.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// StillRuns fails the test unless it is this process that runs.
func (s *Server) StillRuns(pid int) {
	s.t.Helper()
	select {
	case <-s.exited:
		s.t.Fatalf("the process has ended: %v", s.end)
	default:
	}
	if s.PID() != pid {
		s.t.Error("it is another process")
	}
}

// Kill ends the process as a power cut would, as far as the process is concerned.
func (s *Server) Kill() {
	s.t.Helper()
	s.Signal(syscall.SIGKILL)
}

// Signal sends the process a signal. It waits for the end after SIGKILL, and after SIGSTOP until all of the process stands still.
func (s *Server) Signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("%v: %v (it should have been running)\n%s", sig, err, s.Log.Tail())
	}
	switch sig {
	case syscall.SIGKILL:
		<-s.exited
		s.cmd = nil
	case syscall.SIGSTOP:
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(s.PID(), &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
			s.t.Fatalf("the server doesn't stand still: %v, %v", err, status)
		}
	}
}

// Killed waits until the process is dead that somebody else kills.
func (s *Server) Killed() {
	s.t.Helper()
	select {
	case <-s.exited:
		s.cmd = nil
	case <-time.After(Patience):
		s.t.Fatal("nobody has killed the server")
	}
}

// Restart starts it again with the same data directory, at its address.
func (s *Server) Restart() {
	s.t.Helper()
	// Between two lives another program's outgoing connection may hold the port for a moment.
	for deadline := time.Now().Add(Patience); ; {
		err := s.launch()
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "address already in use") || time.Now().After(deadline) {
			s.t.Fatal(err)
		}
	}
}

// Stop ends the process by SIGTERM, which it must obey in order.
func (s *Server) Stop() {
	s.t.Helper()
	// A test may have failed while the server stood still.
	if err := errors.Join(s.cmd.Process.Signal(syscall.SIGCONT), s.cmd.Process.Signal(syscall.SIGTERM)); err != nil {
		s.t.Errorf("SIGTERM: %v", err)
	}
	select {
	case <-s.exited:
		if s.end != nil {
			s.t.Errorf("the server's end: %v\n%s", s.end, s.Log.Tail())
		}
	case <-time.After(12 * time.Second):
		s.t.Errorf("the server is still there 12 s after SIGTERM\n%s", s.Log.Tail())
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
	s.cmd = nil
}

// finish ends the server, and looks at what it said in all its lives.
func (s *Server) finish() {
	if s.cmd != nil {
		s.Stop()
	}
	log := s.Log.String()
	for _, bad := range []string{"panic", "fatal error", "goroutine 1 [", "DATA RACE"} {
		if strings.Contains(log, bad) {
			s.t.Errorf("the server's log says %q\n%s", bad, s.Log.Tail())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.secrets {
		if strings.Contains(log, secret) {
			s.t.Errorf("the server's log has a secret in it: %.12q...", secret)
		}
	}
	if s.t.Failed() {
		s.t.Logf("end of the server's log:\n%s", s.Log.Tail())
	}
}

// secret notes what must never be logged.
func (s *Server) secret(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, text)
}

// WaitFor asks until something is so, for Patience at most. log is shown when it never is.
func WaitFor(t testing.TB, what string, so func() bool, log *Transcript) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !so(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v\n%s", what, Patience, log.Tail())
		}
		time.Sleep(20 * time.Millisecond)
	}
}
