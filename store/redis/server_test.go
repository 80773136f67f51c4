package redis

import (
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/bizsync/bizsync/collab/relay"
)

func TestMain(m *testing.M) {
	relay.LogClient(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// server is a redis-server of the test's own, which it may kill, freeze and start again.
type server struct {
	addr    string
	config  []string
	program []string // arguments behind the configuration's name
	cmd     *exec.Cmd
}

func startRedis(tb testing.TB, config ...string) *server {
	tb.Helper()
	s := &server{addr: freeAddr(tb), config: config}
	s.start(tb)
	tb.Cleanup(func() { s.kill(tb) })
	return s
}

// start returns when it answers.
func (s *server) start(tb testing.TB) {
	tb.Helper()
	dir := tb.TempDir()
	lines := append([]string{"bind 127.0.0.1", "port " + port(s.addr), "dir " + dir, `save ""`}, s.config...)
	file := filepath.Join(dir, "redis.conf") // a Sentinel keeps its state in it
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command("redis-server", append([]string{file}, s.program...)...)
	if err := cmd.Start(); err != nil {
		tb.Fatalf("this test needs redis-server: install the package redis-server (%v)", err)
	}
	s.cmd = cmd
	client := s.client(tb)
	poll(tb, "redis-server", 10*time.Second, func() bool { return client.Ping(tb.Context()).Err() == nil })
}

// kill ends it like a crash does.
func (s *server) kill(tb testing.TB) {
	tb.Helper()
	if s.cmd != nil {
		s.signal(tb, syscall.SIGKILL)
		_ = s.cmd.Wait() // says that it was killed
		s.cmd = nil
	}
}

func (s *server) signal(tb testing.TB, sig os.Signal) {
	tb.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		tb.Errorf("signal redis-server: %v", err)
	}
}

// client is for what the test itself asks of the server.
func (s *server) client(tb testing.TB) *goredis.Client {
	tb.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: s.addr, Protocol: 2, DisableIdentity: true})
	tb.Cleanup(func() { c.Close() })
	return c
}

func (s *server) url() string { return "redis://" + s.addr }

func freeAddr(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

// poll waits for something that has no way to say that it has happened.
func poll(tb testing.TB, what string, within time.Duration, holds func() bool) {
	tb.Helper()
	late := time.NewTimer(within)
	defer late.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late.C:
			tb.Fatalf("%s: not within %v", what, within)
		}
	}
}

// openShared is one node's view of the Redis behind url.
func openShared(tb testing.TB, url string) *Shared {
	tb.Helper()
	opt, err := relay.ParseURL(url)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := Open(Options{Client: opt, Secret: []byte("a secret of all nodes"), Logger: slog.New(slog.NewTextHandler(tb.Output(), nil))})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}
