package relay

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// testSecret is what the nodes of the tests share.
const testSecret = "a secret of all nodes"

func joinRedis(url string) join {
	return func(t *testing.T, h Handler, m *Metrics) Relay {
		t.Helper()
		r, err := NewRedis(context.Background(), Options{
			URL: url, Secret: []byte(testSecret), Handler: h, Metrics: m, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

// server is a redis-server of the test's own.
type server struct {
	addr string
	args []string
	cmd  *exec.Cmd
	done chan struct{} // closed when its output has ended
}

func startRedis(tb testing.TB, args ...string) *server {
	tb.Helper()
	s := &server{addr: freeAddr(tb), args: args}
	s.start(tb)
	tb.Cleanup(func() { s.kill(tb) })
	return s
}

func (s *server) url() string { return "redis://" + s.addr }

// start returns when it accepts connections.
func (s *server) start(tb testing.TB) {
	tb.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		tb.Fatal("this test needs redis-server: install the package redis-server")
	}
	_, port, _ := net.SplitHostPort(s.addr)
	dir := tb.TempDir()
	args := []string{}
	if len(s.args) > 0 && s.args[0] == "--sentinel" {
		// A Sentinel keeps its state in the file that configures it.
		file := filepath.Join(dir, "sentinel.conf")
		if err := os.WriteFile(file, []byte(strings.Join(s.args[1:], "\n")+"\n"), 0o600); err != nil {
			tb.Fatal(err)
		}
		args = append(args, file, "--sentinel")
	}
	args = append(args, "--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "", "--appendonly", "no")
	if len(s.args) > 0 && s.args[0] != "--sentinel" {
		args = append(args, s.args...)
	}
	s.cmd = exec.Command(program, args...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	s.cmd.Stderr = s.cmd.Stdout
	if err := s.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	ready, done := make(chan struct{}), make(chan struct{})
	s.done = done
	var said strings.Builder
	go func() {
		defer close(done)
		for lines, open := bufio.NewScanner(out), true; lines.Scan(); {
			if !open {
				continue
			}
			fmt.Fprintln(&said, lines.Text())
			if strings.Contains(lines.Text(), "eady to accept connections") || strings.Contains(lines.Text(), "+monitor master") {
				open = false
				close(ready)
			}
		}
	}()
	select {
	case <-ready:
	case <-done:
		tb.Fatalf("redis-server ended:\n%s", said.String())
	case <-time.After(10 * time.Second):
		s.kill(tb)
		tb.Fatal("redis-server is not ready after 10 s")
	}
}

// kill ends it like a crash does.
func (s *server) kill(tb testing.TB) {
	tb.Helper()
	if s.cmd == nil {
		return
	}
	s.signal(tb, syscall.SIGKILL)
	<-s.done
	_ = s.cmd.Wait() // says that it was killed
	s.cmd = nil
}

func (s *server) signal(tb testing.TB, sig os.Signal) {
	tb.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		tb.Errorf("signal redis-server: %v", err)
	}
}

// client is for what the test itself asks of the server.
func (s *server) client(tb testing.TB) *redis.Client {
	tb.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.addr, Protocol: 2, DisableIdentity: true})
	tb.Cleanup(func() { c.Close() })
	return c
}

func freeAddr(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
