//go:build !unix

package api

import "time"

var started = time.Now()

// processorTime is the time that has gone by, where that of the processor isn't told.
func processorTime() time.Duration { return time.Since(started) }
