package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var (
	program string // the built program, for all tests of the package
	scratch string // a folder that they share
)

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (code int, err error) {
	if _, err := os.Stat("../e2e/node/node_modules/.package-lock.json"); err != nil {
		return 1, fmt.Errorf("the Yjs clients are not installed (%w); run: npm ci --prefix cmd/bizsync/e2e/node", err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		return 1, fmt.Errorf("the tests need Node.js (package nodejs): %w", err)
	}
	// The path of a socket of PostgreSQL must be short, and open to user postgres.
	if scratch, err = os.MkdirTemp("/tmp", "bizsync-f-"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	if err := os.Chmod(scratch, 0o755); err != nil {
		return 1, err
	}
	if program, err = build("bizsync"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// build builds the program with further arguments to go build.
func build(name string, args ...string) (path string, err error) {
	path = filepath.Join(scratch, name)
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, args...), "github.com/bizsync/bizsync/cmd/bizsync")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return path, nil
}
