package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// What can be done to a database's files.

// backup copies the database, while it runs, as it is now.
func (p *database) backup(to string) error {
	out, err := p.Program(context.Background(), "pg_basebackup", "-D", to, "-h", "127.0.0.1", "-p", fmt.Sprint(p.Port), "-U", "postgres", "-c", "fast", "-X", "fetch", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("copy the database: %w\n%s", err, out)
	}
	return nil
}

// restore has a copy take the database's place. It must not run.
func (p *database) restore(from string) error {
	return errors.Join(os.RemoveAll(p.Data()), os.Rename(from, p.Data()))
}

// ballast is the file that takes the room away in which the log would grow.
func (p *database) ballast() string { return filepath.Join(p.wal, "ballast") }

// mountLog moves the log to a file system of its own, of so many bytes. The database must not run, and whoever runs the suite must be allowed to mount.
func (p *database) mountLog(size int64) error {
	dir, log := filepath.Join(p.Dir, "wal"), filepath.Join(p.Data(), "pg_wal")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=755", size)); err != nil {
		return fmt.Errorf("mount a small file system for the log of PostgreSQL, which takes the rights of root (in a container: CAP_SYS_ADMIN): %w", err)
	}
	p.wal = dir
	if out, err := exec.Command("cp", "-a", log, filepath.Join(dir, "pg_wal")).CombinedOutput(); err != nil {
		return fmt.Errorf("move the log of PostgreSQL: %w\n%s", err, out)
	}
	return errors.Join(os.RemoveAll(log), os.Symlink(filepath.Join(dir, "pg_wal"), log))
}

// unmount takes back what mountLog mounted, with the log.
func (p *database) unmount() error {
	if p.wal == "" {
		return nil
	}
	if err := syscall.Unmount(p.wal, syscall.MNT_DETACH); err != nil { // processes that were killed may still be about to end
		return fmt.Errorf("unmount the log of PostgreSQL: %w", err)
	}
	p.wal = ""
	return nil
}

// fillLog takes all the room that is left.
func (p *database) fillLog() error {
	f, err := os.Create(p.ballast())
	if err != nil {
		return err
	}
	defer f.Close()
	for block := make([]byte, 1<<20); ; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			return nil
		} else if err != nil {
			return fmt.Errorf("fill the log's file system: %w", err)
		}
	}
}
