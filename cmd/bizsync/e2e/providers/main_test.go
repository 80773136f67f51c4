package providers

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// program is the built program, for all tests of the package.
var program string

func TestMain(m *testing.M) {
	// The tests mostly wait, for clients to come back and for silence, and each has a server of its own.
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(rig.Main(m, "node", rig.Build(&program)))
}

// startServer starts a server that ends with the test. args are further flags.
func startServer(t testing.TB, args ...string) *rig.Server {
	t.Helper()
	return rig.StartServer(t, program, append([]string{"--log-level", "debug"}, args...)...)
}
