package faults

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

var (
	program string // the built program, for all tests of the package
	scratch string // a folder that they share
)

func TestMain(m *testing.M) {
	os.Exit(rig.Main(m, "../e2e/node", func(dir string) (err error) {
		scratch = dir
		program, err = build("bizsync")
		return err
	}))
}

// build builds the program with further arguments to go build.
func build(name string, args ...string) (path string, err error) {
	path = filepath.Join(scratch, name)
	return path, lab.Build(context.Background(), path, args...)
}
