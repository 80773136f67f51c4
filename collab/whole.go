//go:build !broken

package collab

// What broken.go can break is whole.
const (
	brokenAckBeforeCommit = false
	brokenOwnMovesUpTo    = false
	brokenNoCatchUp       = false
)
