package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// masterName is what the sentinels call the Redis that they watch.
const masterName = "shared"

// sentinels are three that agree on which of two servers of Redis is the master.
type sentinels struct {
	servers []*redis
	guards  []*redis
}

// watchRedis gives a running Redis a replica, and both of them sentinels, and returns when these know each other.
func watchRedis(r *trial, dir string, master *redis) (*sentinels, error) {
	replica, err := newRedis(dir)
	if err != nil {
		return nil, err
	}
	w := &sentinels{servers: []*redis{master, replica}}
	// Either may become the other's replica.
	for _, s := range w.servers {
		s.args = append(s.args, "--masterauth", redisPassword)
	}
	if _, err := master.do("CONFIG", "SET", "masterauth", redisPassword); err != nil {
		return nil, err
	}
	for i := range 3 {
		guard, err := newSentinel(filepath.Join(dir, "sentinel"+strconv.Itoa(i)), master)
		if err != nil {
			return nil, err
		}
		w.guards = append(w.guards, guard)
	}
	for _, s := range append([]*redis{replica}, w.guards...) {
		if err := s.start(); err != nil {
			return nil, err
		}
		r.cleanup(func() {
			if s.process.alive() {
				_ = s.kill()
			}
		})
	}
	if _, err := replica.do("REPLICAOF", "127.0.0.1", strconv.Itoa(master.port)); err != nil {
		return nil, err
	}
	return w, w.settled()
}

// newSentinel makes one that isn't started yet. It notes what it learns in the file of its settings.
func newSentinel(dir string, master *redis) (*redis, error) {
	port, err := lab.FreePort()
	if err != nil {
		return nil, err
	}
	settings := fmt.Sprintf("bind 127.0.0.1\nport %d\ndir %s\nsentinel monitor %[3]s 127.0.0.1 %d 2\nsentinel auth-pass %[3]s %[5]s\nsentinel down-after-milliseconds %[3]s 1000\n"+
		"sentinel failover-timeout %[3]s 3000\n", port, dir, masterName, master.port, redisPassword)
	file := filepath.Join(dir, "sentinel.conf")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(file, []byte(settings), 0o600)); err != nil {
		return nil, err
	}
	return &redis{port: port, args: []string{file, "--sentinel"}}, nil
}

// url names the Redis that the sentinels choose.
func (w *sentinels) url() string {
	var hosts []string
	for _, g := range w.guards {
		hosts = append(hosts, g.addr())
	}
	return redisURL(strings.Join(hosts, ",")) + "/0?master=" + masterName
}

// master gives the server that all sentinels take for the master, if it takes itself for it, too.
func (w *sentinels) master() (*redis, error) {
	var port string
	for _, g := range w.guards {
		v, err := g.do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName)
		switch {
		case err != nil:
			return nil, err
		case len(v.strings) != 2:
			return nil, fmt.Errorf("a sentinel says %q", v.raw)
		case port != "" && port != string(v.strings[1]):
			return nil, errors.New("the sentinels don't agree")
		}
		port = string(v.strings[1])
	}
	for _, s := range w.servers {
		if strconv.Itoa(s.port) != port {
			continue
		}
		v, err := s.do("ROLE")
		if err == nil && (len(v.strings) == 0 || string(v.strings[0]) != "master") {
			err = fmt.Errorf("it says of itself %q", v.raw)
		}
		return s, err
	}
	return nil, fmt.Errorf("the sentinels mean port %s", port)
}

// settled waits until all know of all others and the replica follows.
func (w *sentinels) settled() error {
	return poll("the sentinels know everybody", rig.Patience, func() error {
		if _, err := w.master(); err != nil {
			return err
		}
		for _, g := range w.guards {
			v, err := g.do("SENTINEL", "MASTER", masterName)
			if err != nil {
				return err
			}
			facts := map[string]string{}
			for i := 0; i+1 < len(v.strings); i += 2 {
				facts[string(v.strings[i])] = string(v.strings[i+1])
			}
			if facts["num-other-sentinels"] != "2" || facts["num-slaves"] != "1" || facts["flags"] != "master" {
				return fmt.Errorf("%s other sentinels, %s replicas, flags %s", facts["num-other-sentinels"], facts["num-slaves"], facts["flags"])
			}
			if v, err = g.do("SENTINEL", "REPLICAS", masterName); err != nil {
				return err
			}
			if !strings.Contains(string(v.raw), "\r\nmaster-link-status\r\n$2\r\nok\r\n") {
				return errors.New("the replica doesn't follow")
			}
		}
		return nil
	})
}

// failover kills the master and gives the server that takes its place.
func (w *sentinels) failover() (before, after *redis, err error) {
	if before, err = w.master(); err != nil {
		return nil, nil, err
	}
	if err := before.kill(); err != nil {
		return nil, nil, err
	}
	err = poll("the sentinels choose another master", rig.Patience, func() (err error) {
		if after, err = w.master(); err == nil && after == before {
			err = errNotYet
		}
		return err
	})
	return before, after, err
}
