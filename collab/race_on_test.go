//go:build race

package collab

// The race detector makes SQLite about ten times slower.
const raceEnabled = true
