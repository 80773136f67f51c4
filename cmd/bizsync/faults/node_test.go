package faults

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// node is the built program, with ways of its own to the database and to Redis.
type node struct {
	name          string
	program       string
	flags         []string
	addr, metrics string // host:port, the same in all lives
	postgres      *link
	redis         *link // ends at wire
	wire          *wire // ends at Redis; with sentinels the nodes go their own ways
	log           rig.Transcript
	process       *process
	databaseURL   string
	redisURL      string
	before        usage // what it used before the faults
}

// usage is what a process uses.
type usage struct {
	goroutines int
	heap       int // bytes that are reachable
}

// launch starts the process and doesn't wait until it answers.
func (n *node) launch() (err error) {
	cmd := exec.Command(n.program, append([]string{"serve", "--addr", n.addr, "--admin-addr", n.metrics, "--database-url", n.databaseURL, "--redis-url", n.redisURL,
		"--node-name", n.name, "--log-level", "debug", "--log-format", "json"}, n.flags...)...)
	cmd.Env = lab.Environment()
	n.process, err = launch("node "+n.name, cmd, &n.log)
	return err
}

// ready waits until /readyz says this: "ok", or "degraded" without Redis.
func (n *node) ready(status string) error {
	return poll("node "+n.name+" is "+status, rig.Patience, func() error {
		if !n.process.alive() {
			return fmt.Errorf("it has ended: %w\n%s", n.process.err, n.log.Tail())
		}
		got, err := n.health()
		if err == nil && got != status {
			err = fmt.Errorf("it is %q", got)
		}
		return err
	})
}

// health gives the status that /readyz tells.
func (n *node) health() (string, error) {
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Get("http://" + n.addr + "/readyz")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var h struct{ Status string }
	if err := json.NewDecoder(res.Body).Decode(&h); err != nil {
		return "", err
	}
	return h.Status, nil
}

// start starts the process again and waits until it answers.
func (n *node) start() error {
	return errors.Join(n.launch(), n.ready("ok"))
}

// kill ends the process as a power cut would, as far as the process is concerned.
func (n *node) kill() error {
	if !n.process.alive() {
		return verdict{fmt.Sprintf("node %s has ended by itself: %v\n%s", n.name, n.process.err, n.log.Tail())}
	}
	return n.process.end(syscall.SIGKILL, rig.Patience)
}

// stop ends the process in order, which may take it 10 s.
func (n *node) stop() error {
	if err := n.process.end(syscall.SIGTERM, 10*time.Second+time.Second); err != nil {
		return verdict{err.Error()}
	}
	if n.process.err != nil {
		return verdict{fmt.Sprintf("the end of node %s: %v\n%s", n.name, n.process.err, n.log.Tail())}
	}
	return nil
}

func (n *node) freeze() error { return n.process.signal(syscall.SIGSTOP) }
func (n *node) thaw() error   { return n.process.signal(syscall.SIGCONT) }

// collab is the base URL of the sockets.
func (n *node) collab() string { return "ws://" + n.addr + "/collab" }

// use measures what the process uses, after a garbage collection.
func (n *node) use() (u usage, err error) {
	client := http.Client{Timeout: rig.Patience}
	res, err := client.Get("http://" + n.metrics + "/debug/pprof/heap?gc=1")
	if err != nil {
		return u, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if err != nil {
		return u, err
	}
	values, err := n.measures()
	return usage{goroutines: int(values["go_goroutines"]), heap: int(values["go_memstats_heap_alloc_bytes"])}, err
}

// measures gives the metrics, by name with labels.
func (n *node) measures() (map[string]float64, error) {
	client := http.Client{Timeout: rig.Patience}
	res, err := client.Get("http://" + n.metrics + "/metrics")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	values := map[string]float64{}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		at := strings.LastIndexByte(lines.Text(), ' ')
		if at < 0 || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		v, err := strconv.ParseFloat(lines.Text()[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metric %q: %w", lines.Text(), err)
		}
		values[lines.Text()[:at]] = v
	}
	return values, lines.Err()
}

// slack is what a node may use more after faults than before: documents have grown, pools opened connections.
var slack = usage{goroutines: 20, heap: 32 << 20}

// recovered waits until the process uses no more than before, but for the slack.
func (n *node) recovered() error {
	var u usage
	err := poll("node "+n.name+" uses what it used before", 15*time.Second, func() (err error) {
		if u, err = n.use(); err != nil {
			return err
		}
		if u.goroutines > n.before.goroutines+slack.goroutines || u.heap > n.before.heap+slack.heap {
			return fmt.Errorf("%d goroutines and %d KiB, before %d and %d KiB", u.goroutines, u.heap>>10, n.before.goroutines, n.before.heap>>10)
		}
		return nil
	})
	if err != nil {
		return verdict{err.Error()}
	}
	return nil
}
