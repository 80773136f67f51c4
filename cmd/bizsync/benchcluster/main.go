// Command benchcluster measures a cluster: it starts PostgreSQL, Redis and two nodes of the program, has up to a thousand people type on both of them at once, and
// prints how long an edit takes to the other node and to its acknowledgement, what it costs each process, and whether anything was lost or came twice.
//
// Clients are its own, and cheap, since they share the machine with what they measure: how late they were and what they used is part of the table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
)

// settings are the command line.
type settings struct {
	duration, warmUp time.Duration
	scenario         string
	dir              string
	program          string
	profiles         string
}

// errWrong means that everything was measured, and something was not as it has to be.
var errWrong = errors.New("not everything typed is everywhere exactly once")

func main() {
	var s settings
	flag.DurationVar(&s.duration, "duration", 20*time.Second, "how long each scenario is measured")
	flag.DurationVar(&s.warmUp, "warm-up", 5*time.Second, "how long people type before that")
	flag.StringVar(&s.scenario, "scenario", "", "only this one: room, rooms or crowd")
	flag.StringVar(&s.dir, "dir", "/var/tmp", "`folder` on a disk, below which the databases are, as long as this runs")
	flag.StringVar(&s.program, "program", "", "built `file` to measure instead of building it here")
	flag.StringVar(&s.profiles, "profiles", "", "existing `folder` for processor profiles of the nodes (they cost the nodes a little)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "benchcluster:", err)
		os.Exit(1)
	}
}

// run plays the scenarios one after the other, each with nodes of its own.
func run(ctx context.Context, s settings, out io.Writer) (err error) {
	dir, err := lab.OnDisk(s.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	shared, err := startServers(ctx, dir, s.program)
	defer func() { err = errors.Join(err, shared.end()) }()
	if err != nil {
		return err
	}
	if err := shared.machine(ctx, out); err != nil {
		return err
	}
	var results []*result
	var known []*lab.Account
	for _, one := range scenarios() {
		if s.scenario != "" && s.scenario != one.name {
			continue
		}
		fmt.Fprintf(out, "%s: %s, for %v after %v ...\n", one.name, one.title, s.duration, s.warmUp)
		var r *result
		if r, known, err = play(ctx, shared, one, known, s); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		results = append(results, r)
		fmt.Fprintf(out, "%s: p99 %s to the other node, %s to the acknowledgement\n", one.name, timing.Milliseconds(r.elsewhere.Quantile(0.99)), timing.Milliseconds(r.acks.Quantile(0.99)))
	}
	if len(results) == 0 {
		return fmt.Errorf("there is no scenario %q", s.scenario)
	}
	fmt.Fprintln(out)
	table(out, results)
	fmt.Fprintln(out)
	for _, r := range results {
		r.remarks(out)
		if wrong := r.wrong(); wrong != "" {
			fmt.Fprintf(out, "%s: WRONG: %s\n", r.name, wrong)
			err = errWrong
		}
	}
	return err
}

// play starts two nodes, plays a scenario and ends them. known are the accounts, which are made the first time.
func play(ctx context.Context, shared *servers, one scenario, known []*lab.Account, s settings) (r *result, _ []*lab.Account, err error) {
	c := &cluster{servers: shared}
	defer func() {
		for _, n := range c.nodes {
			err = errors.Join(err, n.Stop())
		}
	}()
	for i, name := range []string{"A", "B"} {
		if c.nodes[i], err = shared.startNode(ctx, name, one.name+"-"+name+".log"); err != nil {
			return nil, nil, err
		}
	}
	if known == nil {
		if known, err = lab.Accounts(ctx, c.nodes[0], 50); err != nil {
			return nil, nil, err
		}
	}
	l := &load{cluster: c, scenario: one, people: known, quiet: settleTime, table: &timetable{zero: time.Now(), every: one.every, warmUp: s.warmUp, measured: s.duration}}
	r, err = l.run(ctx, s.profiles)
	return r, known, err
}
