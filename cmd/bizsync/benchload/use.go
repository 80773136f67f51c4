package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// part is a process of what is measured.
type part struct {
	*lab.Process
	apart bool // it is shown, but doesn't count: a database that others don't have
}

// spent is what a part has used.
type spent struct {
	name                string
	apart               bool
	cpu                 time.Duration
	before, after, most int64 // RSS in bytes
}

// use is what everything has used during a measurement.
type use struct {
	wall    time.Duration
	parts   []spent
	harness time.Duration // processor time of the harness
	machine time.Duration // of all processes of the machine
}

// cpu is the processor time of all that counts.
func (u *use) cpu() (sum time.Duration) {
	for _, p := range u.parts {
		if !p.apart {
			sum += p.cpu
		}
	}
	return sum
}

// cores is how many cores that kept busy.
func (u *use) cores() float64 { return u.share(u.cpu()) }

// harnessCores is how many the harness kept busy.
func (u *use) harnessCores() float64 { return u.share(u.harness) }

// others is how many cores were busy with anything else: what disturbed the measurement.
func (u *use) others() float64 {
	rest := u.machine - u.harness
	for _, p := range u.parts {
		rest -= p.cpu
	}
	return max(0, u.share(rest))
}

func (u *use) share(d time.Duration) float64 { return d.Seconds() / max(u.wall.Seconds(), 1e-9) }

// most is the most memory of all that counts together, in bytes.
func (u *use) most() (sum int64) {
	for _, p := range u.parts {
		if !p.apart {
			sum += p.most
		}
	}
	return sum
}

// reading is the processor time that everything has used so far.
type reading struct {
	at           time.Time
	parts        []time.Duration
	own, machine time.Duration
}

func read(parts []part) (r reading, err error) {
	r.at = time.Now()
	for _, p := range parts {
		used, err := lab.ProcessorTime(p.PID())
		if err != nil {
			return r, fmt.Errorf("%s: %w", p.Name, err)
		}
		r.parts = append(r.parts, used)
	}
	if r.own, err = lab.OwnProcessorTime(); err != nil {
		return r, err
	}
	r.machine, err = lab.MachineTime()
	return r, err
}

// meter measures from its start to its stop.
type meter struct {
	parts   []part
	before  reading
	memory  []spent // of each part; owned by watch until that has ended
	stopped chan struct{}
	watch   sync.WaitGroup // looks at the memory from time to time
}

func startMeter(parts []part) (m *meter, err error) {
	m = &meter{parts: parts, stopped: make(chan struct{})}
	for _, p := range parts {
		rss, err := lab.RSS(p.PID())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		m.memory = append(m.memory, spent{name: p.Name, apart: p.apart, before: rss, most: rss})
	}
	if m.before, err = read(parts); err != nil {
		return nil, err
	}
	m.watch.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-m.stopped:
				return
			}
			for i, p := range m.parts {
				if rss, err := lab.RSS(p.PID()); err == nil { // it may have crashed: stop tells
					m.memory[i].most = max(m.memory[i].most, rss)
				}
			}
		}
	})
	return m, nil
}

// stop gives what was used. It has to be called once.
func (m *meter) stop() (u use, err error) {
	after, err := read(m.parts)
	close(m.stopped)
	m.watch.Wait()
	if err != nil {
		return u, err
	}
	u = use{wall: after.at.Sub(m.before.at), parts: m.memory, harness: after.own - m.before.own, machine: after.machine - m.before.machine}
	for i, p := range m.parts {
		s := &u.parts[i]
		s.cpu = after.parts[i] - m.before.parts[i]
		if s.after, err = lab.RSS(p.PID()); err != nil {
			return u, fmt.Errorf("%s: %w", p.Name, err)
		}
		s.most = max(s.most, s.after)
	}
	return u, nil
}

// quiet waits until the machine was nearly idle for three seconds in a row, for a time at most.
func quiet(ctx context.Context, most time.Duration) error {
	end, calm := time.Now().Add(most), 0
	last, err := lab.MachineTime()
	for err == nil && calm < 3 && time.Now().Before(end) {
		if err = sleep(ctx, time.Second); err != nil {
			break
		}
		var now time.Duration
		if now, err = lab.MachineTime(); now-last < 150*time.Millisecond {
			calm++
		} else {
			calm = 0
		}
		last = now
	}
	return err
}
