//go:build race

package api

// The race detector makes everything larger, and pools forgetful.
const raceEnabled = true
