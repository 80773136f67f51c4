package attacks

import (
	"os"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// patience is how long anything may take that should take moments.
const patience = 20 * time.Second

// program is the built program, for all tests of the package.
var program string

func TestMain(m *testing.M) {
	os.Exit(rig.Main(m, "../node", rig.Build(&program)))
}
