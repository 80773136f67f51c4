package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// program is the built program, for all tests of the package.
var program string

func TestMain(m *testing.M) {
	os.Exit(rig.Main(m, "node", func(scratch string) error {
		program = filepath.Join(scratch, "bizsync")
		return lab.Build(context.Background(), program)
	}))
}
