package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The first account, which nodes make on an empty database.
const (
	AdminEmail    = "admin@example.com"
	AdminPassword = "correct horse battery staple, of the admin"
)

// Build builds the program into a file, with further arguments to go build.
func Build(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"build", "-o", program}, args, []string{"github.com/bizsync/bizsync/cmd/bizsync"})...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return nil
}

// Environment is ours for a server: without settings of its own, but with the first account.
func Environment() []string {
	return append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BIZSYNC_") }),
		"BIZSYNC_ADMIN_EMAIL="+AdminEmail, "BIZSYNC_ADMIN_PASSWORD="+AdminPassword)
}

// Node is one process of the program.
type Node struct {
	*Process
	Addr  string // host:port
	Admin string // URL of /metrics and /debug/pprof

	client *http.Client
}

// StartNode starts the program's server with further arguments and returns when it answers that all is well. What it says goes to a file. The caller ends it.
func StartNode(ctx context.Context, program, name, log string, args ...string) (*Node, error) {
	if err := os.RemoveAll(log); err != nil { // it is read for the addresses
		return nil, fmt.Errorf("start node %s: %w", name, err)
	}
	cmd := exec.Command(program, append([]string{"serve", "--addr", loopback(0), "--admin-addr", loopback(0), "--node-name", name, "--log-format", "json"}, args...)...)
	cmd.Env = Environment()
	p, err := Launch(name, cmd, log)
	if err != nil {
		return nil, err
	}
	n := &Node{Process: p, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: AtOnce}}}
	if err := errors.Join(p.Ready(ctx, n.found), p.Ready(ctx, func() error { return n.health(ctx) })); err != nil {
		return nil, errors.Join(err, n.Stop())
	}
	return n, nil
}

// Stop ends it in order. A nil node has ended.
func (n *Node) Stop() error {
	if n == nil {
		return nil
	}
	n.client.CloseIdleConnections()
	return n.End(syscall.SIGTERM)
}

// found reads the node's addresses from what it says.
func (n *Node) found() error {
	for line := range strings.Lines(n.Said()) {
		if addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on http://"); ok {
			n.Addr = addr
		}
		var entry struct{ Msg, URL string }
		if err := json.Unmarshal([]byte(line), &entry); err == nil && entry.Msg == "admin address" {
			n.Admin = entry.URL
		}
	}
	if n.Addr == "" || n.Admin == "" {
		return errors.New("it hasn't said where it listens")
	}
	return nil
}

func (n *Node) health(ctx context.Context) error {
	body, err := n.get(ctx, "http://"+n.Addr+"/readyz")
	if err != nil {
		return err
	}
	defer body.Close()
	var h struct{ Status string }
	if err := json.NewDecoder(body).Decode(&h); err != nil {
		return fmt.Errorf("health: %w", err)
	}
	if h.Status != "ok" {
		return fmt.Errorf("health: %s", h.Status)
	}
	return nil
}

// get is closed by the caller.
func (n *Node) get(ctx context.Context, url string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", n.Name, err)
	}
	res, err := n.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", n.Name, err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("ask %s: %s: %s", n.Name, url, res.Status), res.Body.Close())
	}
	return res.Body, nil
}

// Metrics reads the node's counters. Those with labels are under their whole name.
func (n *Node) Metrics(ctx context.Context) (map[string]float64, error) {
	body, err := n.get(ctx, n.Admin+"/metrics")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	values, lines := map[string]float64{}, bufio.NewScanner(body)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if values[name], err = strconv.ParseFloat(value, 64); err != nil {
			return nil, fmt.Errorf("metrics of %s: %s: %w", n.Name, name, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("metrics of %s: %w", n.Name, err)
	}
	return values, nil
}

// ProfileCPU writes into a file what the node's processor time goes into, for at least a second.
func (n *Node) ProfileCPU(ctx context.Context, path string, during time.Duration) error {
	return n.profile(ctx, path, fmt.Sprintf("profile?seconds=%d", max(1, int(during.Seconds()))))
}

// ProfileHeap writes into a file what the node's memory is used for, after a collection.
func (n *Node) ProfileHeap(ctx context.Context, path string) error {
	return n.profile(ctx, path, "heap?gc=1")
}

func (n *Node) profile(ctx context.Context, path, what string) (err error) {
	body, err := n.get(ctx, n.Admin+"/debug/pprof/"+what)
	if err != nil {
		return err
	}
	defer body.Close()
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("profile of %s: %w", n.Name, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err = io.Copy(file, body); err != nil {
		return fmt.Errorf("profile of %s: %w", n.Name, err)
	}
	return nil
}

// Complaints says how often each warning and error stands in the node's log, and with what cause the first time.
func (n *Node) Complaints() (all []string) {
	times, first := map[string]int{}, map[string]string{}
	for line := range strings.Lines(n.Said()) {
		var entry struct{ Level, Msg, Error string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Level != "WARN" && entry.Level != "ERROR" {
			continue
		}
		what := entry.Level + " " + entry.Msg
		if times[what]++; times[what] == 1 {
			first[what] = entry.Error
		}
	}
	for _, what := range slices.Sorted(maps.Keys(times)) {
		all = append(all, fmt.Sprintf("%d times in the log of node %s: %s (%s)", times[what], n.Name, what, first[what]))
	}
	return all
}
