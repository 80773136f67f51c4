//go:build unix

package api

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// triable says that reads and writes can be tried without waiting.
const triable = true

// tryWrite writes what the network takes now: none when its buffer is full.
func tryWrite(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Write(int(fd), p)
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, syscall.EAGAIN):
			return 0, nil
		case !errors.Is(err, syscall.EINTR):
			return 0, fmt.Errorf("write: %w", err)
		}
	}
}

// tryRead reads what has arrived: none when nothing has. io.EOF is the end.
func tryRead(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), p)
		switch {
		case n > 0:
			return n, nil
		case err == nil:
			return 0, io.EOF
		case errors.Is(err, syscall.EAGAIN):
			return 0, nil
		case !errors.Is(err, syscall.EINTR):
			return 0, fmt.Errorf("read: %w", err)
		}
	}
}
