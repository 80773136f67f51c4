package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
	"golang.org/x/sync/errgroup"
)

// cluster is what is measured.
type cluster struct {
	*servers
	nodes [2]*lab.Node
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
func (c *cluster) processes() map[string]*lab.Process {
	return map[string]*lab.Process{"A": c.nodes[0].Process, "B": c.nodes[1].Process, "Redis": c.redis.Process, "PostgreSQL": c.postgres.Process}
}

// count asks everybody for what they count. Asking costs them a little time, which is why it isn't done between two calls of use.
func (c *cluster) count(ctx context.Context, r *reading) error {
	work, ctx := errgroup.WithContext(ctx)
	var metrics [2]map[string]float64
	for i, n := range c.nodes {
		work.Go(func() (err error) {
			metrics[i], err = n.Metrics(ctx)
			return err
		})
	}
	work.Go(func() error {
		info, err := c.redis.Info("commandstats")
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
		bytes, err := c.postgres.Query(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
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
		if r.used[name], err = lab.ProcessorTime(p.PID()); err != nil {
			return err
		}
	}
	if r.own, err = lab.OwnProcessorTime(); err != nil {
		return err
	}
	r.machine, err = lab.MachineTime()
	return err
}
