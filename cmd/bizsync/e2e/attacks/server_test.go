package attacks

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// patience is how long anything may take that should take moments.
	patience = 20 * time.Second

	adminEmail    = "admin@example.com"
	adminPassword = "correct horse battery staple, of the admin"
)

// server is the program, with a data directory that survives its deaths.
type server struct {
	t   testing.TB
	dir string

	addr    string // host:port
	metrics string // base URL of the admin address

	cmd    *exec.Cmd
	exited chan error // of capacity 1: how cmd ended
	log    transcript // of all its lives
}

// startServer starts a server on a free port and ends it, in order, when the test is over.
func startServer(t testing.TB) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir()}
	t.Cleanup(s.stop)
	s.launch()
	return s
}

// launch starts a process and returns when it answers. Attackers come over a proxy that is believed, so that each can have an address of its own.
func (s *server) launch() {
	s.t.Helper()
	cmd := exec.Command(program, "serve", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--data-dir", s.dir, "--log-level", "info", "--log-format", "json",
		"--trusted-proxies", "127.0.0.1/32")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BIZSYNC_") }),
		"BIZSYNC_ADMIN_EMAIL="+adminEmail, "BIZSYNC_ADMIN_PASSWORD="+adminPassword)
	metrics := s.log.next(`"msg":"admin address"`)
	cmd.Stderr = &s.log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
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
	case err := <-exited:
		s.cmd = nil
		s.t.Fatalf("the server doesn't start: %v\n%s", err, s.log.tail())
	case <-time.After(patience):
		s.t.Fatalf("the server doesn't start in %v\n%s", patience, s.log.tail())
	}
	select {
	case line := <-metrics:
		var said struct{ URL string }
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			s.t.Fatal(err)
		}
		s.metrics = said.URL
	case <-time.After(patience):
		s.t.Fatalf("the server doesn't say where its metrics are\n%s", s.log.tail())
	}
	s.get("http://" + s.addr + "/readyz")
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// stop ends the server by SIGTERM, which it must obey in order, and looks at what it said.
func (s *server) stop() {
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Errorf("SIGTERM: %v", err)
	}
	select {
	case err := <-s.exited:
		if err != nil {
			s.t.Errorf("the server's end: %v", err)
		}
	case <-time.After(12 * time.Second):
		s.t.Error("the server is still there 12 s after SIGTERM")
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
	s.cmd = nil
	log := s.log.String()
	for _, bad := range []string{"panic", "fatal error", "goroutine 1 [", "DATA RACE"} {
		if strings.Contains(log, bad) {
			s.t.Errorf("the server's log says %q", bad)
		}
	}
	if s.t.Failed() {
		s.t.Logf("end of the server's log:\n%s", s.log.tail())
	}
}

// get makes a request that must be answered with 200.
func (s *server) get(url string) []byte {
	s.t.Helper()
	res, err := http.Get(url)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s (%v)", url, res.Status, err)
	}
	return body
}

// memory is what the process holds, in MiB.
type memory struct {
	held float64 // of the machine's memory, without what the heap has free and will give back
	live float64 // of live objects
}

// memory has garbage collected and then looks.
func (s *server) memory() memory {
	s.t.Helper()
	s.get(s.metrics + "/debug/pprof/heap?gc=1")
	values := map[string]float64{}
	for line := range strings.Lines(string(s.get(s.metrics + "/metrics"))) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(name, "go_memstats_heap_") {
			bytes, err := strconv.ParseFloat(value, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			values[strings.TrimPrefix(name, "go_memstats_heap_")] = bytes / (1 << 20)
		}
	}
	if values["alloc_bytes"] == 0 || values["idle_bytes"] == 0 {
		s.t.Fatalf("the metrics don't tell of the heap: %v", values)
	}
	return memory{held: s.status("VmRSS") - values["idle_bytes"] + values["released_bytes"], live: values["alloc_bytes"]}
}

// status reads a size of the process from Linux, in MiB.
func (s *server) status(name string) float64 {
	s.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid()))
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			var kib float64
			if _, err := fmt.Sscanf(v, "%f kB", &kib); err != nil {
				s.t.Fatalf("%s: %q: %v", name, v, err)
			}
			return kib / 1024
		}
	}
	s.t.Fatalf("no %s in /proc/%d/status", name, s.pid())
	return 0
}

// forget makes Linux forget how much the process held at most.
func (s *server) forget() {
	s.t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.pid()), []byte("5"), 0); err != nil {
		s.t.Fatal(err)
	}
}

// transcript is what a process wrote.
type transcript struct {
	mu     sync.Mutex
	b      bytes.Buffer  // guarded by mu
	wanted string        // guarded by mu: a part of the line that is waited for
	found  chan<- string // guarded by mu, of capacity 1: gets that line
}

// Write takes whole lines, as loggers write them.
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for line := range strings.Lines(string(p)) {
		if t.found != nil && strings.Contains(line, t.wanted) {
			t.found <- line
			t.found = nil
		}
	}
	return t.b.Write(p)
}

// next gives the next line with that in it.
func (t *transcript) next(part string) <-chan string {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := make(chan string, 1)
	t.wanted, t.found = part, found
	return found
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
