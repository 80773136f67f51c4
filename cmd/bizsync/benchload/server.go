package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// server is one that runs, and is measured.
type server struct {
	endpoint
	clock clock
	parts []part
	nodes []*lab.Node // ours, for profiles and complaints
	redis *lab.Redis  // nil: there is none
	rooms []string    // that have to be used; nil: any name will do
	stop  func() error
	// committed gives all of a room's committed content as an update; nil: nobody commits anything.
	committed func(ctx context.Context, room string) ([]byte, error)
	clients   int // made so far
	used      int // rooms so far
}

// room gives a room that was not used before.
func (s *server) room() (string, error) {
	s.used++
	if s.rooms == nil {
		return fmt.Sprintf("room-%d", s.used), nil
	}
	if s.used > len(s.rooms) {
		return "", errors.New("more rooms are needed than were made")
	}
	return s.rooms[s.used-1], nil
}

// client makes a client of a room; it isn't connected.
func (s *server) client(room string) *client {
	s.clients++
	return &client{number: s.clients, room: room, server: &s.endpoint, clock: s.clock}
}

// rss is what all that counts has in memory, in bytes.
func (s *server) rss() (sum int64, err error) {
	for _, p := range s.parts {
		if p.apart {
			continue
		}
		size, err := lab.RSS(p.PID())
		if err != nil {
			return 0, fmt.Errorf("%s: %w", p.Name, err)
		}
		sum += size
	}
	return sum, nil
}

// profiler writes profiles of our nodes, if any were asked for.
type profiler struct {
	folder string // empty: none
	name   string // what files begin with
	nodes  []*lab.Node
}

// of is the profiler of a part of what is measured.
func (p profiler) of(what string) profiler {
	p.name += "-" + what
	return p
}

// cpu begins to profile the processor for a time. done waits until that is over.
func (p profiler) cpu(ctx context.Context, during time.Duration) (done func() error) {
	if p.folder == "" || len(p.nodes) == 0 {
		return func() error { return nil }
	}
	ended := make(chan error, len(p.nodes))
	for _, n := range p.nodes {
		go func() { ended <- n.ProfileCPU(ctx, filepath.Join(p.folder, p.name+"-"+n.Name+".cpu"), during) }()
	}
	return func() (err error) {
		for range p.nodes {
			err = errors.Join(err, <-ended)
		}
		return err
	}
}

// heap profiles the memory now.
func (p profiler) heap(ctx context.Context) (err error) {
	for _, n := range p.nodes {
		if p.folder != "" {
			err = errors.Join(err, n.ProfileHeap(ctx, filepath.Join(p.folder, p.name+"-"+n.Name+".heap")))
		}
	}
	return err
}
