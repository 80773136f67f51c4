// Package migrations holds the database schema as numbered SQL files, one folder a dialect, the same numbers in each.
//
// Each file is one transaction that can run twice: a start that was killed between a file and its version mark runs the file again.
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed sqlite/*.sql postgres/*.sql
var files embed.FS

// The folders of the dialects.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// Files gives the folders of all dialects, in the form that golang-migrate's iofs source reads.
func Files() fs.FS { return files }
