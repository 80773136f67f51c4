package main

import (
	"context"
	"time"
)

// idling is many connections that do nothing: in pairs, each with an awareness state.
type idling struct {
	connections int
	settle      time.Duration // until everything that joining has used is given back
	measured    time.Duration
}

func (i idling) run(ctx context.Context, s *server, profile profiler) (*result, error) {
	var clients []*client
	for n := range i.connections {
		var room string
		if n%2 == 1 {
			room = clients[n-1].room
		} else {
			var err error
			if room, err = s.room(); err != nil {
				return nil, err
			}
		}
		c := s.client(room)
		c.announces = true
		clients = append(clients, c)
	}
	if err := sleep(ctx, i.settle); err != nil { // what starting has used is given back, too
		return nil, err
	}
	before, err := s.rss()
	if err != nil {
		return nil, err
	}
	crowd := join(ctx, clients)
	defer crowd.leave()
	if err := sleep(ctx, i.settle); err != nil {
		return nil, err
	}
	m, err := startMeter(s.parts)
	if err != nil {
		return nil, err
	}
	err = sleep(ctx, i.measured)
	r := &result{connections: len(crowd.clients)}
	var useErr error
	if r.use, useErr = m.stop(); useErr != nil {
		return nil, useErr
	}
	if err != nil {
		return nil, err
	}
	after, err := s.rss()
	if err != nil {
		return nil, err
	}
	r.idleSize = float64(after-before) / float64(max(r.connections, 1))
	r.fail("join: ", crowd.failed, crowd.firstErr)
	n, first := crowd.dropped()
	r.fail("dropped: ", n, first)
	return r, profile.heap(ctx)
}
