package sqlite

import (
	"errors"
	"os"
)

// ErrLocked: another process has the data directory open.
var ErrLocked = errors.New("in use by another bizsync process")

// lockName is the file in the data directory that a running process holds.
const lockName = "bizsync.lock"

// fileLock is a held lock on a data directory. The file stays: removing it would let two processes hold locks on two files of that name.
type fileLock struct{ file *os.File }

// release gives the lock back; once more does nothing.
func (l *fileLock) release() error {
	if err := l.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
