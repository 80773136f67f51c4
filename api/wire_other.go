//go:build !unix

package api

import "errors"

// triable: here reads and writes always wait.
const triable = false

func tryWrite(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }

func tryRead(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }
