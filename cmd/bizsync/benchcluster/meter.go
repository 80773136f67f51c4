package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// cluster is what is measured.
type cluster struct {
	*servers
	nodes [2]*node
}

// reading is what everything had used and counted at a moment.
type reading struct {
	at       time.Time
	sent     uint64                   // letters
	used     map[string]time.Duration // processor time of "A", "B", "Redis", "PostgreSQL"
	own      time.Duration            // likewise, of the harness
	machine  time.Duration            // of all processes
	metrics  map[string]float64       // of both nodes, added up
	commands map[string]float64       // calls of Redis's commands
	wal      float64                  // bytes that PostgreSQL has written ahead
}

// processes are those whose time is measured.
func (c *cluster) processes() map[string]*process {
	return map[string]*process{"A": c.nodes[0].process, "B": c.nodes[1].process, "Redis": c.redis, "PostgreSQL": c.postgres}
}

// count asks everybody for what they count. Asking costs them a little time, which is why it isn't done between two calls of use.
func (c *cluster) count(ctx context.Context, r *reading) error {
	work, ctx := errgroup.WithContext(ctx)
	var metrics [2]map[string]float64
	for i, n := range c.nodes {
		work.Go(func() (err error) {
			metrics[i], err = n.metrics(ctx)
			return err
		})
	}
	work.Go(func() error {
		info, err := c.redisInfo("commandstats")
		if err != nil {
			return err
		}
		r.commands = map[string]float64{}
		for name, value := range info {
			calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
			if r.commands[strings.TrimPrefix(name, "cmdstat_")], err = strconv.ParseFloat(calls, 64); err != nil {
				return fmt.Errorf("redis: %s: %w", name, err)
			}
		}
		return nil
	})
	work.Go(func() error {
		bytes, err := c.query(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
		if err != nil {
			return err
		}
		if r.wal, err = strconv.ParseFloat(bytes, 64); err != nil {
			return fmt.Errorf("write-ahead log: %w", err)
		}
		return nil
	})
	if err := work.Wait(); err != nil {
		return err
	}
	r.metrics = metrics[0]
	for name, value := range metrics[1] {
		r.metrics[name] += value
	}
	return nil
}

// use reads the processor time of everybody.
func (c *cluster) use(r *reading) (err error) {
	r.at, r.used = time.Now(), map[string]time.Duration{}
	for name, p := range c.processes() {
		if r.used[name], err = processorTime(p.pid()); err != nil {
			return err
		}
	}
	if r.own, err = ownProcessorTime(); err != nil {
		return err
	}
	r.machine, err = machineTime()
	return err
}

// metrics reads a node's counters. Those with labels are under their whole name.
func (n *node) metrics(ctx context.Context) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.admin+"/metrics", nil)
	if err != nil {
		return nil, fmt.Errorf("metrics of node %s: %w", n.name, err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("metrics of node %s: %w", n.name, err)
	}
	defer res.Body.Close()
	values, lines := map[string]float64{}, bufio.NewScanner(res.Body)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if values[name], err = strconv.ParseFloat(value, 64); err != nil {
			return nil, fmt.Errorf("metrics of node %s: %s: %w", n.name, name, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("metrics of node %s: %w", n.name, err)
	}
	return values, nil
}
