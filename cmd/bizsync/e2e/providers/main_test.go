package providers

import (
	"context"
	"flag"
	"fmt"
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
		// The tests mostly wait, for clients to come back and for silence, and each has a server of its own.
		flag.Parse()
		if err := flag.Set("test.parallel", "6"); err != nil {
			return fmt.Errorf("run tests beside each other: %w", err)
		}
		program = filepath.Join(scratch, "bizsync")
		return lab.Build(context.Background(), program)
	}))
}

// startServer starts a server that ends with the test. args are further flags.
func startServer(t testing.TB, args ...string) *rig.Server {
	t.Helper()
	return rig.StartServer(t, program, append([]string{"--log-level", "debug"}, args...)...)
}
