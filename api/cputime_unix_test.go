//go:build unix

package api

import (
	"syscall"
	"time"
)

// processorTime is what this process has used of the processor. Other processes don't count, however busy they keep the machine.
func processorTime() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		panic(err) // it has no reason to fail
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
