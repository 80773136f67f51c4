//go:build broken

package collab

// breakage is set by the linker. The fault suite builds servers with one promise broken each, to show that it would find out; no release has this file.
var breakage string

var (
	brokenAckBeforeCommit = breakage == "ack-before-commit"
	brokenOwnMovesUpTo    = breakage == "own-moves-upto"
	brokenNoCatchUp       = breakage == "no-catch-up"
)
