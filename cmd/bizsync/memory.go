package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much garbage may gather between two collections, in percent of what is in use. At work a document server allocates little beside what it holds: half of Go's own measure takes
// memory off it and costs no CPU time that could be measured. At rest it allocates next to nothing, and what a thousand people's coming took is given back.
const (
	workGrowth = 50
	restGrowth = 15
)

const (
	// A server is at rest that allocates less than this between two looks, in bytes.
	restAllocates = 4 << 20
	restLook      = 2 * time.Second
	// restPause is how soon memory is given back again.
	restPause = 5 * time.Second
)

// tuneMemory keeps the process small, until ctx is done: Go's runtime would hold garbage of the size of what is in use, and keep it for minutes after a burst. The environment's GOGC
// takes its place.
func tuneMemory(ctx context.Context, env func(string) (string, bool)) {
	if _, set := env("GOGC"); set {
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(workGrowth))
	tick := time.NewTicker(restLook)
	defer tick.Stop()
	allocs := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	var before uint64
	var gaveBack time.Time
	resting := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(allocs)
		now := allocs[0].Value.Uint64()
		quiet := now-before < restAllocates
		before = now
		switch {
		case quiet && !resting && time.Since(gaveBack) >= restPause:
			debug.SetGCPercent(restGrowth)
			debug.FreeOSMemory()
			gaveBack, resting = time.Now(), true
		case !quiet && resting:
			debug.SetGCPercent(workGrowth)
			resting = false
		}
	}
}
