package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// errSharingViolation is ERROR_SHARING_VIOLATION: another process has the file open.
const errSharingViolation syscall.Errno = 32

// lockDirectory takes the directory for this process: it opens a file that it shares with nobody. Windows closes it when the process ends, however it ends.
func lockDirectory(dir string) (*fileLock, error) {
	path := filepath.Join(dir, lockName)
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errSharingViolation) {
		return nil, fmt.Errorf("lock data directory %s: %w", dir, ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("data directory is not writable: %w", &os.PathError{Op: "open", Path: path, Err: err})
	}
	return &fileLock{file: os.NewFile(uintptr(h), path)}, nil
}
