package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Redis is a private Redis server that keeps nothing.
type Redis struct {
	*Process
	Port int

	dir string
}

// StartRedis starts one. What it says goes to a file in that folder. The caller ends it.
func StartRedis(ctx context.Context, dir string) (*Redis, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	r := &Redis{Port: port, dir: dir}
	if err := r.Start(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Start starts one that was ended or killed again, at the same port and empty.
func (r *Redis) Start(ctx context.Context) error {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return fmt.Errorf("redis-server is missing: install the package redis-server: %w", err)
	}
	server := exec.Command(program, "--bind", "127.0.0.1", "--port", strconv.Itoa(r.Port), "--dir", r.dir, "--save", "", "--appendonly", "no")
	if r.Process, err = Launch("Redis", server, filepath.Join(r.dir, "redis.log")); err != nil {
		return err
	}
	if err := r.Ready(ctx, func() error { _, err := r.Info("server"); return err }); err != nil {
		return errors.Join(err, r.Stop())
	}
	return nil
}

// Addr is where it listens, as host:port.
func (r *Redis) Addr() string { return loopback(r.Port) }

// URL is where the nodes find it.
func (r *Redis) URL() string { return "redis://" + r.Addr() }

// Stop ends it.
func (r *Redis) Stop() error { return r.End(syscall.SIGTERM) }

// Info gives a section of Redis's INFO.
func (r *Redis) Info(section string) (map[string]string, error) {
	conn, err := net.DialTimeout("tcp", r.Addr(), time.Second)
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
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("redis: INFO %s: %w", section, err)
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("redis: INFO %s: nothing came", section)
	}
	return values, nil
}
