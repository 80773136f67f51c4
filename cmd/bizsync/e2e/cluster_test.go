package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
)

// postgresServer starts a private PostgreSQL with durable settings, ends it after the test, and gives its URL.
func postgresServer(t *testing.T) string {
	t.Helper()
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(programs) == 0 {
		t.Fatal("this test needs PostgreSQL: install the package postgresql")
	}
	bin := programs[len(programs)-1]
	dir, err := os.MkdirTemp("/tmp", "bizsync-pg-") // a socket's path must be short, and open to user postgres
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Fatalf("install the package postgresql: %v", err)
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr, os.Chown(dir, int(uid), int(gid))); err != nil {
			t.Fatal(err)
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir, cmd.SysProcAttr = dir, attr
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + dir}
		return cmd
	}
	data := filepath.Join(dir, "data")
	if out, err := run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := freePort(t)
	cmd := run("postgres", "-D", data, "-p", strconv.Itoa(port), "-k", dir, "-h", "127.0.0.1")
	var log transcript
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // fast shutdown
		_ = cmd.Wait()
	})
	waitFor(t, "PostgreSQL", func() bool { return run("pg_isready", "-h", "127.0.0.1", "-p", strconv.Itoa(port)).Run() == nil }, &log)
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", port)
}

// redisServer is a private Redis that can be ended and started again, empty.
type redisServer struct {
	t    *testing.T
	port int
	cmd  *exec.Cmd
}

func startRedis(t *testing.T) *redisServer {
	t.Helper()
	r := &redisServer{t: t, port: freePort(t)}
	r.start()
	t.Cleanup(r.kill)
	return r
}

func (r *redisServer) url() string { return fmt.Sprintf("redis://127.0.0.1:%d", r.port) }

func (r *redisServer) start() {
	r.t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		r.t.Fatal("this test needs redis-server: install the package redis-server")
	}
	r.cmd = exec.Command(program, "--bind", "127.0.0.1", "--port", strconv.Itoa(r.port), "--dir", r.t.TempDir(), "--save", "", "--appendonly", "no")
	var log transcript
	r.cmd.Stdout, r.cmd.Stderr = &log, &log
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	waitFor(r.t, "Redis", func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", r.port))
		if err == nil {
			c.Close()
		}
		return err == nil
	}, &log)
}

func (r *redisServer) kill() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r.cmd = nil
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// waitFor asks until something serves.
func waitFor(t *testing.T, what string, ready func() bool, log *transcript) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ready(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer after %v\n%s", what, patience, log.tail())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// knows gives a function that takes messages and says how many letters of a client they have brought in all.
func knows(t testing.TB, client uint64) func(message []byte) uint32 {
	state := crdt.NewState()
	return func(message []byte) uint32 {
		t.Helper()
		if message[0] == 0 && message[1] != 0 {
			u, err := crdt.ParseUpdate(varBytes(t, message[2:]))
			if err != nil {
				t.Fatal(err)
			}
			state.Apply(u)
		}
		return state.StateVector()[client]
	}
}

// health gives the status that /readyz tells.
func (s *server) health() string {
	res, err := http.Get(s.url + "/readyz")
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

// TestTwoNodes: people on two nodes edit one document through PostgreSQL and Redis, also while Redis is away and after a node was killed.
func TestTwoNodes(t *testing.T) {
	redis := startRedis(t)
	flags := []string{"--database-url", postgresServer(t), "--redis-url", redis.url()}
	a := startServer(t, flags...)
	b := startServer(t, flags...)
	admin := a.admin()
	ada, bo := admin.member("ada"), admin.member("bo")
	doc := ada.document("Plans", bo)

	// Accounts, documents, roles and tokens are the same on every node.
	writer := a.dial(t, doc, ada.token(doc), "bizsync.v1").joined()
	listener := b.dial(t, doc, bo.token(doc), "bizsync.v1").joined()
	const client = 4711
	heard, clock := knows(t, client), uint32(0)
	cross := func(phase string, letters int, most time.Duration) {
		t.Helper()
		var l latencies
		for range letters {
			began := time.Now()
			writer.send(update(typedAt(client, uint64(clock), "x")))
			clock++
			if o := listener.until("a letter typed at the other node", func(_ outcome, m []byte) bool { return heard(m) >= clock }); o.code != 0 {
				t.Fatalf("%s: the listener was closed with %d", phase, o.code)
			}
			l = append(l, time.Since(began))
		}
		slices.Sort(l)
		t.Logf("%s: %d letters from node to node: %v", phase, letters, l)
		if p99 := l.percentile(99); p99 > most {
			t.Errorf("%s: p99 %v from node to node, want at most %v", phase, p99, most)
		}
	}
	for name, node := range map[string]*server{"A": a, "B": b} {
		waitFor(t, "node "+name+" with Redis", func() bool { return node.health() == "ok" }, &node.log)
	}
	cross("healthy", 200, 250*time.Millisecond)
	redis.kill()
	cross("without Redis", 3, 5*time.Second)
	if got := a.health(); got != "degraded" {
		t.Errorf("/readyz says %q without Redis", got)
	}
	redis.start()
	for name, node := range map[string]*server{"A": a, "B": b} {
		waitFor(t, "node "+name+" with the new Redis", func() bool { return node.health() == "ok" }, &node.log)
	}
	cross("Redis is back, and empty", 200, 250*time.Millisecond)

	a.kill()
	a.restart()
	fresh := a.dial(t, doc, ada.token(doc), "bizsync.v1")
	fresh.send(emptyStep1())
	whole := knows(t, client)
	if o := fresh.until("the whole document", func(_ outcome, m []byte) bool { return whole(m) >= clock }); o.code != 0 {
		t.Errorf("closed with %d before the document came", o.code)
	}
}
