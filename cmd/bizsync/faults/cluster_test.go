package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

const (
	// documents is in how many of them people type, each time at every node, two persons a node.
	documents = 3
	// usualPace is how often a person types a token.
	usualPace = 60 * time.Millisecond
)

// cluster is nodes on a database and a Redis, and people who type. Its methods are for the goroutine of its trial.
type cluster struct {
	*trial
	dir      string
	random   *rand.Rand
	postgres *database
	redis    *redis     // with sentinels: the first master
	watch    *sentinels // nil: there are none
	nodes    []*node
	secrets  []string // must not show in a log

	admin  *account
	people []*account
	rooms  []string // ids of the documents
	places []place  // of the crowd
	crowd  *crowd

	hope time.Duration // for how long the oracle waits, see hopeTime

	// How far the trial is.
	ended      time.Time          // of the fault, if that is before its function's return
	afterwards func()             // is called when all agree
	expected   func(refusal) bool // says which refusals are as they should be; nil: none is
	restored   bool               // the database went back: people at several nodes bring the same again at the same time
}

// startCluster starts everything that a fault needs, and returns when all clients have opened their documents.
func startCluster(r *trial, program string, f *fault) *cluster {
	seed := rand.Uint64()
	r.logf("seed %d", seed)
	c := &cluster{trial: r, random: rand.New(rand.NewPCG(seed, 3)), secrets: []string{lab.AdminPassword, databasePassword, redisPassword}}
	var err error
	c.dir, err = os.MkdirTemp(scratch, "c")
	r.must(err)
	r.must(os.Chmod(c.dir, 0o755))
	r.cleanup(func() { os.RemoveAll(c.dir) })

	c.postgres, err = newDatabase(filepath.Join(c.dir, "pg"))
	r.must(err)
	r.cleanup(func() {
		if c.postgres.process != nil && c.postgres.process.alive() {
			_ = c.postgres.stop(9)
		}
		if err := c.postgres.unmount(); err != nil {
			r.complain(err)
		}
	})
	r.must(c.postgres.start())
	c.redis, err = newRedis(c.dir)
	r.must(err)
	r.cleanup(func() {
		if c.redis.process != nil && c.redis.process.alive() {
			_ = c.redis.kill()
		}
	})
	r.must(c.redis.start())
	if f.sentinels {
		c.watch, err = watchRedis(r, c.dir, c.redis)
		r.must(err)
	}
	for i := range max(f.nodes, 2) {
		r.must(c.addNode(program, string(rune('A'+i)), f.flags))
	}
	r.cleanup(c.finish) // while their links are still there
	if f.launch == nil {
		c.launch()
	} else {
		f.launch(c)
	}
	c.gather()
	return c
}

// launch starts all nodes at once, on an empty database.
func (c *cluster) launch() {
	for _, n := range c.nodes {
		c.must(n.launch())
	}
	for _, n := range c.nodes {
		c.must(n.ready("ok"))
	}
}

// addNode makes a node that isn't started yet.
func (c *cluster) addNode(program, name string, flags []string) (err error) {
	n := &node{name: name, program: program, flags: flags}
	if n.postgres, err = newLink(name+" to PostgreSQL", c.postgres.Addr()); err != nil {
		return err
	}
	c.cleanup(n.postgres.cut)
	if n.wire, err = newWire(c.redis.addr()); err != nil {
		return err
	}
	c.cleanup(n.wire.close)
	if n.redis, err = newLink(name+" to Redis", n.wire.addr()); err != nil {
		return err
	}
	c.cleanup(n.redis.cut)
	n.databaseURL, n.redisURL = c.postgres.url(n.postgres.addr()), redisURL(n.redis.addr())
	if c.watch != nil {
		n.redisURL = c.watch.url()
	}
	for _, addr := range []*string{&n.addr, &n.metrics} {
		port, err := lab.FreePort()
		if err != nil {
			return err
		}
		*addr = fmt.Sprintf("127.0.0.1:%d", port)
	}
	c.nodes = append(c.nodes, n)
	return nil
}

// gather makes accounts and documents and has the crowd open them.
func (c *cluster) gather() {
	c.admin = c.login(lab.AdminEmail, lab.AdminPassword)
	for _, name := range []string{"ada", "bea", "cy"} {
		c.people = append(c.people, c.admin.member(name))
	}
	for i := range documents {
		room := c.admin.document(fmt.Sprint("Document ", i+1), c.people...)
		c.rooms = append(c.rooms, room)
		tokens := make([]string, len(c.people))
		for j, p := range c.people {
			tokens[j] = p.token(room)
		}
		for k, n := range c.nodes {
			for person := range 2 {
				c.places = append(c.places, place{Node: n.name, URL: n.collab(), Room: room, Token: tokens[(2*k+person)%len(tokens)]})
			}
		}
	}
	var err error
	c.crowd, err = newCrowd("node/crowd.mjs")
	c.must(err)
	c.cleanup(c.crowd.Kill)
	c.must(c.crowd.Call("open", map[string]any{"places": c.places, "seed": c.random.Uint32()}, rig.Patience, nil))
}

// finish ends the nodes, in order, and looks at what they said in all their lives.
func (c *cluster) finish() {
	var wg sync.WaitGroup
	ends := make([]error, len(c.nodes))
	for i, n := range c.nodes {
		switch {
		case n.process == nil:
		case !n.process.alive() && c.crowd == nil:
			ends[i] = fmt.Errorf("node %s ended before anything began: %w\n%s", n.name, n.process.err, n.log.Tail())
		case !n.process.alive():
			ends[i] = verdict{fmt.Sprintf("node %s ended by itself: %v", n.name, n.process.err)}
		default:
			wg.Go(func() {
				if ends[i] = n.stop(); ends[i] != nil {
					_ = n.process.end(9, rig.Patience)
				}
			})
		}
	}
	wg.Wait()
	for i, n := range c.nodes {
		c.complainOf(ends[i])
		log := n.log.String()
		for _, bad := range []string{"panic", "fatal error", "goroutine 1 [", "DATA RACE"} {
			if strings.Contains(log, bad) {
				c.broken("the log of node %s says %q\n%s", n.name, bad, n.log.Tail())
			}
		}
		for _, secret := range c.secrets {
			if strings.Contains(log, secret) {
				c.broken("the log of node %s has a secret in it: %.12q...", n.name, secret)
			}
		}
		if dir := os.Getenv("BIZSYNC_FAULTS_LOGS"); dir != "" && len(c.errs) > 0 {
			name := filepath.Join(dir, filepath.Base(c.dir)+"-"+n.name+".log")
			c.logf("log of node %s: %s (%v)", n.name, name, os.WriteFile(name, []byte(log), 0o644))
		}
	}
}

// any gives one of the nodes.
func (c *cluster) any() *node { return c.nodes[c.random.IntN(len(c.nodes))] }

// lasts lets time pass in which a fault lasts.
func (c *cluster) lasts(d time.Duration) { <-time.After(d) }

// moment lets a random time pass.
func (c *cluster) moment(atMost time.Duration) {
	c.lasts(time.Duration(c.random.Int64N(int64(atMost))))
}

// over says that the fault has ended now; what its function does from here on is done to a cluster that heals.
func (c *cluster) over() { c.ended = time.Now() }
