package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// running is a server in this process.
type running struct {
	t      *testing.T
	url    string
	link   string // of the set-up, "" when none was printed
	stop   context.CancelFunc
	result chan error
	log    *lockedBuffer
	client *http.Client
}

// lockedBuffer is an output that can be read while it is written.
type lockedBuffer struct {
	mu    sync.Mutex
	b     bytes.Buffer
	wrote chan struct{} // has room for one: there is something new
}

func newLockedBuffer() *lockedBuffer { return &lockedBuffer{wrote: make(chan struct{}, 1)} }

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.wrote <- struct{}{}:
	default:
	}
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// after gives the rest of the line that has a text, "" when there is none.
func (l *lockedBuffer) after(text string) string {
	_, rest, _ := strings.Cut(l.String(), text)
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

// start runs a server on a free port and waits until it answers.
func start(t *testing.T, dir string, env map[string]string, args ...string) *running {
	t.Helper()
	p, _ := invocation(append([]string{"--addr", "localhost:0", "--data-dir", dir}, args...), env)
	out := newLockedBuffer()
	s := &running{t: t, result: make(chan error, 1), log: newLockedBuffer()}
	p.stdout, p.stderr = out, s.log
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	s.stop = cancel
	go func() { s.result <- run(ctx, p) }()
	for s.url == "" {
		select {
		case <-out.wrote:
			s.url = out.after("listening on ")
		case err := <-s.result:
			t.Fatalf("it doesn't start: %v\n%s", err, s.log)
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.client = &http.Client{Jar: jar}
	s.get("/healthz", 200) // all is printed before anything is answered
	if base := out.after("BizSync is at "); !strings.HasPrefix(base, "http://localhost:") {
		t.Errorf("base URL %q", base)
	}
	s.link = out.after("first account at ")
	return s
}

// ends stops the server and waits for it.
func (s *running) ends() {
	s.t.Helper()
	s.stop()
	select {
	case err := <-s.result:
		if err != nil {
			s.t.Errorf("it ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		s.t.Fatal("it doesn't end")
	}
}

func (s *running) get(path string, status int) string {
	s.t.Helper()
	res, err := s.client.Get(s.url + path)
	return s.body(res, err, status)
}

func (s *running) post(path string, body any, status int) string {
	s.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := s.client.Post(s.url+path, "application/json", bytes.NewReader(raw))
	return s.body(res, err, status)
}

func (s *running) body(res *http.Response, err error, status int) string {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status {
		s.t.Fatalf("%d %s, %v; want %d", res.StatusCode, b, err, status)
	}
	return string(b)
}

// A newcomer's first minutes: the printed link makes the first account, and everything is there after a restart.
func TestFirstRun(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir, nil, "--log-level", "debug")
	page, token, ok := strings.Cut(s.link, "/setup#token=")
	if !ok || !strings.HasPrefix(page, "http://localhost:") {
		t.Fatalf("link %q", s.link)
	}
	s.post("/api/v1/setup", map[string]string{"token": token, "email": "ann@example.com", "name": "Ann", "password": "correct horse"}, 201)
	s.post("/api/v1/documents", map[string]string{"title": "Plans", "key": "plans"}, 201)
	minted := s.post("/api/v1/documents/plans/tokens", struct{}{}, 201)
	if !strings.Contains(s.get("/", 200), "<!doctype html>") {
		t.Error("no page")
	}
	if strings.Contains(s.log.String(), token) || strings.Contains(s.log.String(), "correct horse") {
		t.Errorf("a secret was logged: %s", s.log)
	}
	s.ends()

	again := start(t, dir, nil, "--log-level", "debug")
	if again.link != "" {
		t.Errorf("a second link %q", again.link)
	}
	again.post("/api/v1/session", map[string]string{"email": "ann@example.com", "password": "correct horse"}, 200)
	if !strings.Contains(again.get("/api/v1/documents", 200), `"Plans"`) {
		t.Error("the document is gone")
	}
	// Tokens of before the restart are still good: the secret is in the database.
	var got struct{ Token string }
	if err := json.Unmarshal([]byte(minted), &got); err != nil {
		t.Fatal(err)
	}
	ws, _, err := websocket.Dial(t.Context(), again.url+"/collab/plans?token="+got.Token, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if _, b, err := ws.Read(t.Context()); err != nil || len(b) < 2 || b[0] != 0 || b[1] != 0 {
		t.Fatalf("% x, %v", b, err)
	}
	// The end of the server is told to sockets as a reason to come back.
	again.stop()
	for {
		if _, _, err := ws.Read(t.Context()); err != nil {
			if websocket.CloseStatus(err) != websocket.StatusServiceRestart {
				t.Errorf("closed with %v", err)
			}
			break
		}
	}
	again.ends()
	if strings.Contains(again.log.String(), got.Token) {
		t.Error("a token was logged")
	}
}

func TestServeFailures(t *testing.T) {
	busy, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := start(t, dir, nil)
	for name, tt := range map[string]struct {
		args []string
		env  map[string]string
		want string
	}{
		"busy port":            {args: []string{"--addr", busy.Addr().String(), "--data-dir", t.TempDir()}, want: busy.Addr().String()},
		"busy admin port":      {args: []string{"--addr", "localhost:0", "--admin-addr", busy.Addr().String(), "--data-dir", t.TempDir()}, want: "admin address"},
		"no such host":         {args: []string{"--addr", "256.0.0.1:0", "--data-dir", t.TempDir()}, want: "256.0.0.1"},
		"file as a directory":  {args: []string{"--addr", "localhost:0", "--data-dir", file}, want: file},
		"directory in use":     {args: []string{"--addr", "localhost:0", "--data-dir", dir}, want: dir},
		"half a first admin":   {args: []string{"--addr", "localhost:0", "--data-dir", t.TempDir()}, env: map[string]string{"BIZSYNC_ADMIN_EMAIL": "a@b.co"}, want: "BIZSYNC_ADMIN_PASSWORD"},
		"a weak first admin":   {args: []string{"--addr", "localhost:0", "--data-dir", t.TempDir()}, env: map[string]string{"BIZSYNC_ADMIN_EMAIL": "a@b.co", "BIZSYNC_ADMIN_PASSWORD": "x"}, want: "password"},
		"accounts while it is": {args: []string{"user", "add", "b@b.co", "--data-dir", dir}, want: dir},
	} {
		p, _ := invocation(tt.args, tt.env)
		p.stdin = strings.NewReader("correct horse\n")
		err := run(t.Context(), p)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", name, err, tt.want)
		}
	}
	s.get("/readyz", 200)
	s.ends()
}

func TestFirstAdminFromTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"BIZSYNC_ADMIN_EMAIL": "ops@example.com", "BIZSYNC_ADMIN_PASSWORD": "correct horse"}
	s := start(t, dir, env)
	if s.link != "" {
		t.Errorf("a link is printed although there is an admin: %s", s.link)
	}
	s.post("/api/v1/session", map[string]string{"email": "ops@example.com", "password": "correct horse"}, 200)
	s.get("/api/v1/users", 200)
	s.ends()
	// Later it changes nothing.
	env["BIZSYNC_ADMIN_PASSWORD"] = "another horse"
	s = start(t, dir, env)
	s.post("/api/v1/session", map[string]string{"email": "ops@example.com", "password": "another horse"}, 401)
	s.ends()
}

func TestAdminAddress(t *testing.T) {
	s := start(t, t.TempDir(), nil, "--admin-addr", "localhost:0", "--log-format", "json")
	var address string
	for line := range strings.Lines(s.log.String()) {
		var entry struct{ Msg, URL string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if entry.Msg == "admin address" {
			address = entry.URL
		}
	}
	s.get("/metrics", 404)
	public := s.url
	s.url = address
	metrics := s.get("/metrics", 200)
	for _, name := range []string{"bizsync_connections", "bizsync_rooms", "bizsync_commit_seconds", "bizsync_commit_rows", "go_goroutines"} {
		if !strings.Contains(metrics, name) {
			t.Errorf("no %s", name)
		}
	}
	s.get("/debug/pprof/", 200)
	s.get("/debug/pprof/goroutine?debug=1", 200)
	s.get("/api/v1/setup", 404)
	s.url = public
	s.ends()
}

func TestUsersAndMigrationsFromTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	command := func(stdin string, args ...string) (string, error) {
		p, out := invocation(append(args, "--data-dir", dir), nil)
		p.stdin = strings.NewReader(stdin)
		err := run(t.Context(), p)
		return out.String(), err
	}
	steps := []struct {
		stdin, args string
		want, fails string
	}{
		{"", "migrate status", "no database yet", ""},
		{"", "migrate up", "up to date", ""},
		{"", "migrate status", "up to date", ""},
		{"correct horse\n", "user add ann@example.com --name Ann --role admin", "ann@example.com", ""},
		{"correct horse\n", "user add ANN@example.com", "", "already"},
		{"short\n", "user add bob@example.com", "", "password"},
		{"", "user add bob@example.com", "", "password"},
		{"correct horse\n", "user add bob", "", "email"},
	}
	for _, step := range steps {
		out, err := command(step.stdin, strings.Fields(step.args)...)
		if step.fails == "" && (err != nil || !strings.Contains(out, step.want)) || step.fails != "" && (err == nil || !strings.Contains(err.Error(), step.fails)) {
			t.Errorf("%s: %q, %v", step.args, out, err)
		}
	}
	s := start(t, dir, nil)
	if s.link != "" {
		t.Errorf("link %q", s.link)
	}
	s.post("/api/v1/session", map[string]string{"email": "ann@example.com", "password": "correct horse"}, 200)
	if users := s.get("/api/v1/users", 200); !strings.Contains(users, `"Ann"`) {
		t.Errorf("users %s", users)
	}
	s.ends()
	if out, err := command("", "migrate", "down"); err != nil || !strings.Contains(out, "version") {
		t.Errorf("down: %q, %v", out, err)
	}
}

// The program itself: one line and exit 1 for what can't work, exit 0 soon after a signal.
func TestProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "bizsync")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(program, "--addr", "nonsense")
	cmd.Stderr = &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 || strings.Count(stderr.String(), "\n") != 1 || !strings.HasPrefix(stderr.String(), "bizsync: ") {
		t.Errorf("%v: %q", err, stderr.String())
	}
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		cmd := exec.Command(program, "--addr", "localhost:0", "--data-dir", t.TempDir())
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "listening on http://127.0.0.1:") {
			t.Errorf("%q, %v", line, err)
		}
		began := time.Now()
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", sig, err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%v: it took %v", sig, took)
		}
	}
}
