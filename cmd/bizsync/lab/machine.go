package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tmpfs is the type of a file system in memory (statfs(2)).
const tmpfs = 0x01021994

// OnDisk makes a folder below another one, which must not be in memory: what a commit costs is mostly the disk's doing.
func OnDisk(parent string) (dir string, err error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(parent, &fs); err != nil {
		return "", fmt.Errorf("look at %s: %w", parent, err)
	}
	if fs.Type == tmpfs {
		return "", fmt.Errorf("%s is in memory, not on a disk: name another folder", parent)
	}
	if dir, err = os.MkdirTemp(parent, "bizsync-bench-"); err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL runs under an account of its own when we are root
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

// Machine says on what is measured: day, cores, memory, systems, and how long the disk of a folder takes to keep a page.
func Machine(ctx context.Context, dir string) (string, error) {
	sync, err := syncTime(dir)
	if err != nil {
		return "", err
	}
	memory := "unknown memory"
	if kilobytes, err := strconv.Atoi(strings.TrimSuffix(field("/proc/meminfo", "MemTotal", ":"), " kB")); err == nil {
		memory = fmt.Sprintf("%.0f GiB", float64(kilobytes)/(1<<20))
	}
	node := "no Node.js"
	if out, err := exec.CommandContext(ctx, "node", "--version").Output(); err == nil {
		node = "Node.js " + strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	}
	return fmt.Sprintf("%s: %d cores (%s), %s, %s (%s/%s), %s, %s; the disk keeps a page in %.1f ms", time.Now().Format(time.DateOnly), runtime.NumCPU(), field("/proc/cpuinfo", "model name", ":"),
		memory, strings.Trim(field("/etc/os-release", "PRETTY_NAME", "="), `"`), runtime.GOOS, runtime.GOARCH, runtime.Version(), node, sync.Seconds()*1000), nil
}

// field is the first value of that name in a file of names and values; "unknown" when there is none.
func field(file, name, separator string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(content)) {
		if n, value, ok := strings.Cut(line, separator); ok && strings.TrimSpace(n) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
