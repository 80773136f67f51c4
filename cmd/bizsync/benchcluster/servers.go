package main

import (
	"bufio"
	"context"
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
	"strings"
	"syscall"
	"time"
)

const (
	adminEmail    = "admin@example.com"
	adminPassword = "correct horse battery staple, of the admin"
)

// servers are what the nodes share, and the program that they run.
type servers struct {
	dir      string
	program  string
	postgres *process
	redis    *process

	postgresPrograms string
	postgresUser     *syscall.Credential // nil: ours
	postgresPort     int
	redisAddr        string
}

// startServers starts a private PostgreSQL and Redis below a folder. The program is built when none is named. The caller ends what was started, also after an error.
func startServers(ctx context.Context, dir, program string) (*servers, error) {
	s := &servers{dir: dir, program: program}
	if program == "" {
		s.program = filepath.Join(dir, "bizsync")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", s.program, "github.com/bizsync/bizsync/cmd/bizsync").CombinedOutput(); err != nil {
			return s, fmt.Errorf("build the server: %w\n%s", err, out)
		}
	}
	if err := s.startPostgres(ctx); err != nil {
		return s, err
	}
	return s, s.startRedis(ctx)
}

// end ends all that was started.
func (s *servers) end() error {
	return errors.Join(s.redis.end(syscall.SIGTERM), s.postgres.end(syscall.SIGINT)) // SIGINT: a fast shutdown
}

// startPostgres starts it as it comes: fsync and synchronous_commit are on.
func (s *servers) startPostgres(ctx context.Context) error {
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(programs) == 0 {
		return errors.New("PostgreSQL is missing: install the package postgresql")
	}
	s.postgresPrograms = programs[len(programs)-1]
	dir := filepath.Join(s.dir, "postgres")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("folder of the database: %w", err)
	}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			return fmt.Errorf("install the package postgresql: %w", err)
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		s.postgresUser = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := errors.Join(uidErr, gidErr, os.Chmod(s.dir, 0o755), os.Chown(dir, int(uid), int(gid))); err != nil {
			return fmt.Errorf("folder of the database: %w", err)
		}
	}
	data := filepath.Join(dir, "data")
	if out, err := s.postgresProgram(ctx, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if s.postgresPort, err = freePort(); err != nil {
		return err
	}
	// Not with the context: its end would kill the server, and data would be left behind.
	server := s.postgresProgram(context.WithoutCancel(ctx), "postgres", "-D", data, "-p", strconv.Itoa(s.postgresPort), "-k", dir, "-h", "127.0.0.1")
	if s.postgres, err = launch("PostgreSQL", server, filepath.Join(s.dir, "postgres.log")); err != nil {
		return err
	}
	return s.postgres.ready(ctx, func() error {
		_, err := s.query(ctx, "SELECT 1")
		return err
	})
}

func (s *servers) postgresProgram(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.postgresPrograms, name), args...)
	dir := filepath.Join(s.dir, "postgres")
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Setpgid: true, Credential: s.postgresUser}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + dir, "PGCONNECT_TIMEOUT=5"}
	return cmd
}

// query gives the fields of the rows of a statement, by lines and |.
func (s *servers) query(ctx context.Context, sql string) (string, error) {
	out, err := s.postgresProgram(ctx, "psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", strconv.Itoa(s.postgresPort), "-U", "postgres",
		"-c", sql, "postgres").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

func (s *servers) startRedis(ctx context.Context) error {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return fmt.Errorf("install the package redis-server: %w", err)
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	s.redisAddr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	server := exec.Command(program, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", s.dir, "--save", "", "--appendonly", "no")
	if s.redis, err = launch("Redis", server, filepath.Join(s.dir, "redis.log")); err != nil {
		return err
	}
	return s.redis.ready(ctx, func() error {
		_, err := s.redisInfo("server")
		return err
	})
}

// redisInfo gives a section of Redis's INFO.
func (s *servers) redisInfo(section string) (map[string]string, error) {
	conn, err := net.DialTimeout("tcp", s.redisAddr, time.Second)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	if _, err := fmt.Fprintf(conn, "INFO %s\r\nQUIT\r\n", section); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	values, lines := map[string]string{}, bufio.NewScanner(conn)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok {
			values[name] = value
		}
	}
	if err := lines.Err(); err != nil || len(values) == 0 {
		return nil, fmt.Errorf("redis: INFO %s: %d lines (%w)", section, len(values), err)
	}
	return values, nil
}

// node is one process of the program.
type node struct {
	*process
	name  string
	addr  string // host:port
	admin string // URL of /metrics and /debug/pprof
}

// startNode returns when the node answers and has found the others' Redis. Limits that hold one machine's clients back are lifted, since here all of them are on one.
func (s *servers) startNode(ctx context.Context, name, log string) (*node, error) {
	cmd := exec.Command(s.program, "serve", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--node-name", name, "--log-format", "json",
		"--database-url", fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", s.postgresPort), "--redis-url", "redis://"+s.redisAddr,
		"--limit-account-attempts-burst", "100000", "--limit-address-attempts-burst", "100000", "--limit-address-attempts-per-second", "10000")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BIZSYNC_") }),
		"BIZSYNC_ADMIN_EMAIL="+adminEmail, "BIZSYNC_ADMIN_PASSWORD="+adminPassword)
	p, err := launch("node "+name, cmd, filepath.Join(s.dir, log))
	if err != nil {
		return nil, err
	}
	n := &node{process: p, name: name}
	if err := p.ready(ctx, n.found); err != nil {
		return nil, errors.Join(err, p.end(syscall.SIGTERM))
	}
	if err := p.ready(ctx, func() error { return n.health(ctx) }); err != nil {
		return nil, errors.Join(err, p.end(syscall.SIGTERM))
	}
	return n, nil
}

// found reads the node's addresses from what it says.
func (n *node) found() error {
	for line := range strings.Lines(n.said()) {
		if addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on http://"); ok {
			n.addr = addr
		}
		var entry struct{ Msg, URL string }
		if err := json.Unmarshal([]byte(line), &entry); err == nil && entry.Msg == "admin address" {
			n.admin = entry.URL
		}
	}
	if n.addr == "" || n.admin == "" {
		return errors.New("it hasn't said where it listens")
	}
	return nil
}

func (n *node) health(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.addr+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	defer res.Body.Close()
	var h struct{ Status string }
	if err := json.NewDecoder(res.Body).Decode(&h); err != nil {
		return fmt.Errorf("health: %w", err)
	}
	if h.Status != "ok" {
		return fmt.Errorf("health: %s", h.Status)
	}
	return nil
}

// complaints counts the warnings and errors of the node's log by what they say; example is the cause that the first of a kind names.
func (n *node) complaints() (times map[string]int, example map[string]string) {
	times, example = map[string]int{}, map[string]string{}
	for line := range strings.Lines(n.said()) {
		var entry struct{ Level, Msg, Error string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Level != "WARN" && entry.Level != "ERROR" {
			continue
		}
		what := entry.Level + " " + entry.Msg
		if times[what]++; times[what] == 1 {
			example[what] = entry.Error
		}
	}
	return times, example
}
