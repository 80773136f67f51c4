//go:build !linux

package postgres

import "syscall"

// dialControl does nothing where TCP_USER_TIMEOUT is unknown.
func dialControl(string, string, syscall.RawConn) error { return nil }
