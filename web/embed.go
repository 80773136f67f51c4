// Package web holds the built browser application, so that the server is one file and needs no Node to run.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files returns the built application, rooted at the folder that holds index.html. Everything under assets/ is named by
// its content and may be cached for ever; index.html names the current assets and must not be. The result is safe for
// concurrent use.
func Files() fs.FS {
	root, err := fs.Sub(dist, "dist")
	if err != nil {
		// Only an invalid path makes fs.Sub fail, and this one is a constant.
		panic(err)
	}
	return root
}
