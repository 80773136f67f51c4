package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/bizsync/bizsync/store"
)

// copiesAtOnce is how many documents are duplicated at once on a node: each is in memory whole, several times (two of 40 MiB: 282 MiB more in use at once, 207 MiB one after the other), and
// is written at one go, for which others' edits wait. Most take milliseconds.
const copiesAtOnce = 1

// copies are the duplicates that are being made. It may be used concurrently.
type copies struct {
	slots chan struct{} // has one for each that is being made
	mu    sync.Mutex
	by    map[store.UserID]struct{} // guarded by mu: one of an account at a time, made or waiting for a slot
}

func newCopies() *copies {
	return &copies{slots: make(chan struct{}, copiesAtOnce), by: make(map[store.UserID]struct{})}
}

// begin refuses a second one of an account at once, and waits for its turn on the node while ctx lasts: most take milliseconds. end must be called after a begin without error.
func (c *copies) begin(ctx context.Context, user store.UserID) error {
	c.mu.Lock()
	_, busy := c.by[user]
	c.by[user] = struct{}{}
	c.mu.Unlock()
	if busy {
		return problem(http.StatusTooManyRequests, codeManyAttempts, "one duplicate of an account at a time").retryAfter(time.Second)
	}
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		c.leave(user)
		return errBusy
	}
}

func (c *copies) end(user store.UserID) {
	<-c.slots
	c.leave(user)
}

func (c *copies) leave(user store.UserID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.by, user)
}
