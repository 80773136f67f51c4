package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// servers are what the nodes share, and the program that they run.
type servers struct {
	dir      string
	program  string
	postgres *lab.Postgres
	redis    *lab.Redis
}

// startServers starts a private PostgreSQL and Redis below a folder. The program is built when none is named. The caller ends what was started, also after an error.
func startServers(ctx context.Context, dir, program string) (s *servers, err error) {
	s = &servers{dir: dir, program: program}
	if program == "" {
		s.program = filepath.Join(dir, "bizsync")
		if err := lab.Build(ctx, s.program); err != nil {
			return s, err
		}
	}
	if s.postgres, err = lab.StartPostgres(ctx, dir); err != nil {
		return s, err
	}
	s.redis, err = lab.StartRedis(ctx, dir)
	return s, err
}

// end ends all that was started.
func (s *servers) end() (err error) {
	if s.redis != nil {
		err = s.redis.Stop()
	}
	if s.postgres != nil {
		err = errors.Join(err, s.postgres.Stop())
	}
	return err
}

// startNode returns when the node answers and has found the others' Redis. Limits that hold one machine's clients back are lifted, since here all of them are on one.
func (s *servers) startNode(ctx context.Context, name, log string) (*lab.Node, error) {
	return lab.StartNode(ctx, s.program, name, filepath.Join(s.dir, log), "--database-url", s.postgres.URL(), "--redis-url", s.redis.URL(),
		"--limit-account-attempts-burst", "100000", "--limit-address-attempts-burst", "100000", "--limit-address-attempts-per-second", "10000")
}

// machine writes on what everything was measured.
func (s *servers) machine(ctx context.Context, w io.Writer) error {
	machine, err := lab.Machine(ctx, s.dir)
	if err != nil {
		return err
	}
	version, err := exec.CommandContext(ctx, s.program, "version").Output()
	if err != nil {
		return fmt.Errorf("version of the program: %w", err)
	}
	postgres, err := s.postgres.Query(ctx, "SHOW server_version")
	if err != nil {
		return err
	}
	durable, err := s.postgres.Query(ctx, "SELECT string_agg(name || ' ' || setting, ', ' ORDER BY name) FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'wal_sync_method')")
	if err != nil {
		return err
	}
	redis, err := s.redis.Info("server")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s\n%s; PostgreSQL %s (%s); Redis %s; everything on this machine, the load included\n", machine, strings.TrimSpace(string(version)), postgres, durable, redis["redis_version"])
	return nil
}
