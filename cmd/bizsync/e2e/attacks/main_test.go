package attacks

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is the built program, for all tests of the package.
var program string

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (code int, err error) {
	if _, err := os.Stat("../node/node_modules/.package-lock.json"); err != nil {
		return 1, fmt.Errorf("the Yjs clients are not installed (%w); run: npm ci --prefix cmd/bizsync/e2e/node", err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		return 1, fmt.Errorf("the tests need Node.js (package nodejs): %w", err)
	}
	dir, err := os.MkdirTemp("", "bizsync-attacks-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "bizsync")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/bizsync/bizsync/cmd/bizsync").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return m.Run(), nil
}
