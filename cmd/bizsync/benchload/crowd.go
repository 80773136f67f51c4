package main

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// atOnce is how many sockets are opened at a time.
const atOnce = 32

// crowd is who is connected to a server.
type crowd struct {
	clients []*client
	took    time.Duration // to connect

	mu       sync.Mutex // guards what follows
	failed   int
	firstErr error
}

// join connects all clients. Who can't is counted and no member.
func join(ctx context.Context, all []*client) *crowd {
	c, began := &crowd{}, time.Now()
	var work errgroup.Group
	work.SetLimit(atOnce)
	in := make([]bool, len(all))
	for i, one := range all {
		work.Go(func() error {
			err := one.join(ctx)
			in[i] = err == nil
			c.fail(err)
			return nil
		})
	}
	_ = work.Wait() // what failed is counted
	for i, one := range all {
		if in[i] {
			c.clients = append(c.clients, one)
		}
	}
	c.took = time.Since(began)
	return c
}

func (c *crowd) fail(err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed++; c.firstErr == nil {
		c.firstErr = err
	}
}

// dropped is how many have lost their connection, and why the first.
func (c *crowd) dropped() (n int, first error) {
	for _, one := range c.clients {
		if !one.alive() {
			if n++; first == nil {
				first = one.err
			}
		}
	}
	return n, first
}

// received is how many messages and bytes have come.
func (c *crowd) received() (frames, bytes uint64) {
	for _, one := range c.clients {
		frames += one.frames.Load()
		bytes += one.bytes.Load()
	}
	return frames, bytes
}

// leave ends all connections.
func (c *crowd) leave() {
	var work errgroup.Group
	work.SetLimit(2 * atOnce)
	for _, one := range c.clients {
		work.Go(func() error {
			one.leave()
			return nil
		})
	}
	_ = work.Wait() // leaving doesn't fail
}
