package api

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Whatever the tests start has ended when they have: every goroutine has an owner that waits for it.
func TestMain(m *testing.M) {
	if address := os.Getenv(crowdAddress); address != "" {
		os.Exit(beCrowd(address))
	}
	goleak.VerifyTestMain(m)
}
