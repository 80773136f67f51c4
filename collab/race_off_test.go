//go:build !race

package collab

const raceEnabled = false
