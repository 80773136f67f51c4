package postgres_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/bizsync/bizsync/store/postgres"
)

// childEnv makes the test binary play a node that migrates and is killed: it holds the URL of the database.
const childEnv = "BIZSYNC_TEST_CHILD"

// shared is the server of all tests that don't break it. It doesn't sync: nothing here outlives it.
var shared *server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	if url := os.Getenv(childEnv); url != "" {
		if err := postgres.MigrateUp(context.Background(), url, postgres.Options{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	var err error
	if shared, err = newServer("fsync=off", "full_page_writes=off", "max_connections=200"); err != nil {
		fmt.Fprintln(os.Stderr, "these tests need PostgreSQL:", err)
		return 1
	}
	defer shared.stop() // also when a test panics
	code = m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil { // Close ends every goroutine
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}
