package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// tmpfs is the type of a file system in memory (statfs(2)).
const tmpfs = 0x01021994

// onDisk makes a folder below another one, which must not be in memory: what a commit costs is mostly the disk's doing.
func onDisk(parent string) (dir string, err error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(parent, &fs); err != nil {
		return "", fmt.Errorf("look at %s: %w", parent, err)
	}
	if fs.Type == tmpfs {
		return "", fmt.Errorf("%s is in memory, not on a disk: name another folder with --dir", parent)
	}
	if dir, err = os.MkdirTemp(parent, "bizsync-bench-"); err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	return dir, nil
}

// syncTime is the median of how long the disk takes to keep a page.
func syncTime(dir string) (median time.Duration, err error) {
	file, err := os.Create(filepath.Join(dir, "page"))
	if err != nil {
		return 0, fmt.Errorf("try the disk: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	var took []time.Duration
	for range 101 {
		if _, err := file.WriteAt(make([]byte, 8192), 0); err != nil {
			return 0, fmt.Errorf("try the disk: %w", err)
		}
		began := time.Now()
		if err := file.Sync(); err != nil {
			return 0, fmt.Errorf("try the disk: %w", err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// machine writes on what everything was measured.
func (s *servers) machine(ctx context.Context, w io.Writer) error {
	said := func(cmd *exec.Cmd) (string, error) {
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("%s: %w", cmd, err)
		}
		return strings.TrimSpace(string(out)), nil
	}
	ours, err := said(exec.CommandContext(ctx, s.program, "version"))
	if err != nil {
		return err
	}
	postgres, err := s.query(ctx, "SHOW server_version")
	if err != nil {
		return err
	}
	durable, err := s.query(ctx, "SELECT string_agg(name || ' ' || setting, ', ' ORDER BY name) FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'wal_sync_method')")
	if err != nil {
		return err
	}
	redis, err := s.redisInfo("server")
	if err != nil {
		return err
	}
	sync, err := syncTime(s.dir)
	if err != nil {
		return err
	}
	model := "an unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	fmt.Fprintf(w, "%s: %d cores (%s), %s/%s, %s; the disk keeps a page in %s\n", time.Now().Format(time.DateOnly), runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version(), milliseconds(sync))
	fmt.Fprintf(w, "%s; PostgreSQL %s (%s); Redis %s; everything on this machine, the load included\n", ours, postgres, durable, redis["redis_version"])
	return nil
}
