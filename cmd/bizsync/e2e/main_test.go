package e2e

import (
	"os"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// program is the built program, for all tests of the package.
var program string

func TestMain(m *testing.M) {
	os.Exit(rig.Main(m, "node", rig.Build(&program)))
}
