package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// accounts is how many people share a run's connections.
const accounts = 10

// raised are the limits that would hold one machine's clients back, since here all of them are on one.
func raised() []string {
	return []string{
		"--limit-updates-per-second", "1000000", "--limit-update-burst", "1000000",
		"--limit-sockets-per-user", "10000", "--limit-sockets-per-document", "10000",
		"--limit-account-attempts-per-second", "100000", "--limit-account-attempts-burst", "1000000",
		"--limit-address-attempts-per-second", "100000", "--limit-address-attempts-burst", "1000000",
	}
}

// ours is our program: one node on SQLite, or several on PostgreSQL and Redis.
type ours struct {
	program    string
	hocuspocus bool
}

// start makes people and documents first, and then starts the nodes anew: what is measured has done nothing yet.
func (o ours) start(ctx context.Context, dir string, nodes, rooms int) (s *server, err error) {
	s = &server{endpoint: endpoint{hocuspocus: o.hocuspocus}}
	var stops []func() error
	s.stop = func() (err error) {
		for i := len(stops) - 1; i >= 0; i-- {
			err = errors.Join(err, stops[i]())
		}
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	storage := []string{"--data-dir", filepath.Join(dir, "data")}
	if nodes > 1 {
		postgres, err := lab.StartPostgres(ctx, dir)
		if err != nil {
			return s, err
		}
		stops = append(stops, postgres.Stop)
		redis, err := lab.StartRedis(ctx, dir)
		if err != nil {
			return s, err
		}
		stops = append(stops, redis.Stop)
		s.redis = redis
		s.parts = append(s.parts, part{Process: redis.Process}, part{Process: postgres.Process, apart: true})
		storage = []string{"--database-url", postgres.URL(), "--redis-url", redis.URL()}
	}
	args := slices.Concat(raised(), storage, []string{"--public-url", publicURL})
	people, err := o.prepare(ctx, s, dir, rooms, args)
	if err != nil {
		return s, err
	}
	for i := range nodes {
		name := string(rune('A' + i))
		n, err := lab.StartNode(ctx, o.program, name, filepath.Join(dir, name+".log"), args...)
		if err != nil {
			return s, err
		}
		stops = append(stops, n.Stop)
		s.nodes, s.parts = append(s.nodes, n), append(s.parts, part{Process: n.Process})
		path := "/collab/{room}"
		if o.hocuspocus {
			path = "/collab"
		}
		s.urls = append(s.urls, "ws://"+n.Addr+path)
	}
	s.committed = func(ctx context.Context, room string) ([]byte, error) {
		return people[0].Content(ctx, s.nodes[0], room)
	}
	for _, p := range people {
		// Browsers say where a page is from; without that a cookie doesn't count. All nodes are at one public address.
		s.headers = append(s.headers, http.Header{"Cookie": {p.Cookie}, "Origin": {publicURL}})
	}
	return s, nil
}

// publicURL is where people would see the nodes, if there were a load balancer.
const publicURL = "http://bizsync.example"

// prepare makes accounts and documents at a node that ends then.
func (o ours) prepare(ctx context.Context, s *server, dir string, rooms int, args []string) (people []*lab.Account, err error) {
	n, err := lab.StartNode(ctx, o.program, "preparing", filepath.Join(dir, "preparing.log"), args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.Stop()) }()
	if people, err = lab.Accounts(ctx, n, accounts); err != nil {
		return nil, err
	}
	s.rooms, err = lab.Documents(ctx, n, people, rooms)
	return people, err
}

// complaints says what the nodes complained about, as remarks.
func (s *server) complaints() (all []string) {
	for _, n := range s.nodes {
		all = append(all, n.Complaints()...)
	}
	return all
}

// within makes a folder for a run; remove takes it away.
func within(parent, name string) (dir string, remove func() error, err error) {
	if dir, err = os.MkdirTemp(parent, name+"-"); err != nil {
		return "", nil, fmt.Errorf("make a folder: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}
