package rig

import (
	"bytes"
	"strings"
	"sync"
)

// Transcript is what a process wrote. It can be read while the process writes.
type Transcript struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (t *Transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *Transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// Tail is the last lines.
func (t *Transcript) Tail() string {
	lines := strings.SplitAfter(t.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "")
}
