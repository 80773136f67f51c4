// Package rig starts the built server, people's accounts at it and stock clients under Node for the tests that look at it from outside, and holds the server to an orderly end.
package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// Main runs a package's tests, when the Node modules are installed that its clients consist of, in a folder named from here. prepare is given a scratch folder that all
// tests may share: its path is short enough for a socket of PostgreSQL, and other accounts may enter it. It gives the exit code.
func Main(m *testing.M, clients string, prepare func(scratch string) error) (code int) {
	code, err := run(m, clients, prepare)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}

// Build is a prepare for Main that builds the program and gives the name of its file.
func Build(program *string) (prepare func(scratch string) error) {
	return func(scratch string) error {
		*program = filepath.Join(scratch, "bizsync")
		return lab.Build(context.Background(), *program)
	}
}

func run(m *testing.M, clients string, prepare func(scratch string) error) (code int, err error) {
	if _, err := os.Stat(filepath.Join(clients, "node_modules/.package-lock.json")); err != nil {
		return 1, fmt.Errorf("the clients are not installed (%w); run: make deps", err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		return 1, fmt.Errorf("the tests need Node.js (package nodejs): %w", err)
	}
	scratch, err := os.MkdirTemp("/tmp", "bizsync-test-")
	if err != nil {
		return 1, fmt.Errorf("make a scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	if err := os.Chmod(scratch, 0o755); err != nil {
		return 1, fmt.Errorf("open the scratch folder to other accounts: %w", err)
	}
	if err := prepare(scratch); err != nil {
		return 1, err
	}
	return m.Run(), nil
}
