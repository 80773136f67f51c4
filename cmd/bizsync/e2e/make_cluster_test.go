package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/cmd/bizsync/lab"
	"github.com/coder/websocket"
)

// madeCluster is what deploy/cluster.sh has started.
type madeCluster struct {
	t        *testing.T
	dir      string
	cmd      *exec.Cmd
	said     rig.Transcript
	lines    chan string // of its standard output; closed at its end
	balancer *server
	nodes    map[string]*server
	pids     map[string]int
}

// makeCluster runs the script that `make cluster` runs, with two nodes of the built program, and returns when it has told where everything is.
func makeCluster(t *testing.T) *madeCluster {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "bizsync-cluster-test-") // not below a folder of this user's own: PostgreSQL doesn't run as root
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c := &madeCluster{t: t, dir: dir, lines: make(chan string, 100), nodes: map[string]*server{}, pids: map[string]int{}}
	c.cmd = exec.Command("../../../deploy/cluster.sh", "--dir", dir, "--program", program, "--nodes", "2")
	c.cmd.Env = append(os.Environ(), "BIZSYNC_ADMIN_EMAIL="+lab.AdminEmail, "BIZSYNC_ADMIN_PASSWORD="+lab.AdminPassword)
	c.cmd.Stderr = &c.said
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Fprintln(&c.said, lines.Text())
			c.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		if c.cmd.ProcessState == nil {
			c.interrupt()
		}
		if t.Failed() {
			t.Logf("the script said:\n%s", c.said.Tail())
		}
	})
	place := regexp.MustCompile(`^(balancer|node \d) +http://(\S+)`)
	for len(c.pids) < 2 {
		line := c.line()
		if m := place.FindStringSubmatch(line); m != nil {
			s := &server{rig.At(t, m[2])}
			if m[1] == "balancer" {
				c.balancer = s
			} else {
				c.nodes[m[1]] = s
			}
		}
		c.note(line)
	}
	if c.balancer == nil || len(c.nodes) != 2 {
		t.Fatalf("it runs %d nodes, balancer: %v (this test needs HAProxy: install the package haproxy)", len(c.nodes), c.balancer)
	}
	return c
}

// line waits for what the script says next.
func (c *madeCluster) line() string {
	c.t.Helper()
	select {
	case line, ok := <-c.lines:
		if !ok {
			c.t.Fatalf("the script has ended: %v\n%s", c.cmd.Wait(), c.said.Tail())
		}
		return line
	case <-time.After(2 * rig.Patience):
		c.t.Fatalf("the script says nothing\n%s", c.said.Tail())
	}
	return ""
}

// note remembers which process a node is, if the line says so.
func (c *madeCluster) note(line string) (node string) {
	m := regexp.MustCompile(`^(node \d) is process (\d+)$`).FindStringSubmatch(line)
	if m == nil {
		return ""
	}
	pid, err := strconv.Atoi(m[2])
	if err != nil {
		c.t.Fatal(err)
	}
	c.pids[m[1]] = pid
	return m[1]
}

// restart sends a node SIGTERM and waits until the script has started it again and the balancer has seen that.
func (c *madeCluster) restart(node string) {
	c.t.Helper()
	up := "Server nodes/" + strings.ReplaceAll(node, " ", "") + " is UP"
	before := strings.Count(c.log("haproxy.log"), up)
	if err := syscall.Kill(c.pids[node], syscall.SIGTERM); err != nil {
		c.t.Fatal(err)
	}
	for {
		line := c.line()
		if strings.HasPrefix(line, node+" has ended") && !strings.HasSuffix(line, "(0)") {
			c.t.Errorf("after SIGTERM: %s", line)
		}
		if c.note(line) == node {
			break
		}
	}
	rig.WaitFor(c.t, "the balancer's word that "+node+" is back", func() bool { return strings.Count(c.log("haproxy.log"), up) > before }, &c.said)
}

// interrupt does what Ctrl-C does, and waits for the end.
func (c *madeCluster) interrupt() {
	c.t.Helper()
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		c.t.Error(err)
	}
	killer := time.AfterFunc(rig.Patience, func() { _ = c.cmd.Process.Kill() })
	defer killer.Stop()
	for range c.lines { // until it has ended, and whatever might hold its output
	}
	var exit *exec.ExitError
	if err := c.cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
		c.t.Errorf("after an interrupt it ends with %v, want exit status 130", err)
	}
}

// processes are all that have their working directory in the cluster's folder.
func (c *madeCluster) processes() (found []string) {
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, c.dir) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline"))
			found = append(found, fmt.Sprintf("%s %q", filepath.Dir(link), line))
		}
	}
	return found
}

// log is what a part of the cluster has logged.
func (c *madeCluster) log(name string) string {
	c.t.Helper()
	b, err := os.ReadFile(filepath.Join(c.dir, "log", name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

// visitor asks and changes things through the balancer all the time, until it is told to stop; every answer has to be a good one.
func (c *madeCluster) visitor(p *rig.Person, stop <-chan struct{}) (requests int, err error) {
	for {
		select {
		case <-stop:
			return requests, nil
		default:
		}
		err := errors.Join(
			p.Request("GET", "/documents?limit=1", nil, http.StatusOK, nil),
			p.Request("POST", "/documents", map[string]any{"title": "A visitor's"}, http.StatusCreated, nil))
		if err != nil {
			return requests, err
		}
		requests += 2
		time.Sleep(2 * time.Millisecond) // a load is not the point
	}
}

// TestMakeCluster: `make cluster` starts two nodes behind a balancer, which lose nothing and refuse nobody while they are restarted one after the other, and
// ends all of it.
func TestMakeCluster(t *testing.T) {
	c := makeCluster(t)
	for name, s := range c.nodes {
		rig.WaitFor(t, name+" with Redis", func() bool { return s.Health() == "ok" }, &c.said)
	}
	if got := c.balancer.Health(); got != "ok" {
		t.Errorf("/readyz says %q through the balancer", got)
	}
	if n := len(c.processes()); n < 5 {
		t.Fatalf("%d processes are found, want at least PostgreSQL, Redis, two nodes and the balancer: %v", n, c.processes())
	}

	admin := c.balancer.Admin()
	ada := admin.Member("ada")
	doc := ada.Document("Plans")
	token := ada.Token(doc)

	// From node to node, and to someone behind the balancer.
	const client = 4711
	writer := c.nodes["node 1"].dial(t, doc, token, "bizsync.v1").joined()
	listeners := map[string]*socket{
		"node 2":   c.nodes["node 2"].dial(t, doc, token, "bizsync.v1").joined(),
		"balancer": c.balancer.dial(t, doc, token, "bizsync.v1").joined(),
	}
	writer.send(update(typedAt(client, 0, "x")))
	for where, listener := range listeners {
		heard := knows(t, client)
		if o := listener.until("a letter typed at node 1", func(_ outcome, m []byte) bool { return heard(m) == 1 }); o.code != 0 {
			t.Errorf("%s: closed with %d", where, o.code)
		}
	}

	// A rolling restart. People come back through the balancer whenever they are asked to, and are never turned away.
	stop := make(chan struct{})
	var visiting sync.WaitGroup
	for i := range 4 {
		visiting.Go(func() {
			if n, err := c.visitor(ada, stop); err != nil {
				t.Errorf("visitor %d: after %d requests: %v", i, n, err)
			} else {
				t.Logf("visitor %d: %d requests", i, n)
			}
		})
	}
	for i := range 4 {
		visiting.Go(func() { c.stayer(doc, token, i, stop) })
	}
	c.restart("node 1")
	c.restart("node 2")
	close(stop)
	visiting.Wait()
	if o := listeners["balancer"].until("the end", func(o outcome, _ []byte) bool { return o.code != 0 }); o.code != int(websocket.StatusServiceRestart) {
		t.Errorf("the node's end reaches a client behind the balancer as %d", o.code)
	}

	c.comesFromElsewhere()
	if log := c.log("haproxy.log"); !strings.Contains(log, "/collab/"+doc) || strings.Contains(log, token) {
		t.Errorf("the balancer's log should have the path of sockets and no token: %s", log)
	}

	// Nodes that are killed are started again, even both at once.
	for _, pid := range c.pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	for back := map[string]bool{}; len(back) < len(c.nodes); {
		if node := c.note(c.line()); node != "" {
			back[node] = true
		}
	}

	c.interrupt()
	if left := c.processes(); len(left) > 0 {
		t.Errorf("it leaves running: %v", left)
	}
	for name, s := range c.nodes {
		if res, err := http.Get(s.URL() + "/healthz"); err == nil {
			res.Body.Close()
			t.Errorf("%s still answers", name)
		}
	}
}

// stayer keeps a document open through the balancer. Whenever its node goes, it is told so and comes back at once.
func (c *madeCluster) stayer(doc, token string, number int, stop <-chan struct{}) {
	moved := 0
	defer func() { c.t.Logf("stayer %d: moved %d times", number, moved) }()
	for {
		ws, res, err := websocket.Dial(c.t.Context(), c.balancer.Collab()+"/"+doc+"?token="+token, nil)
		if err != nil {
			c.t.Errorf("stayer %d: after %d moves it can't come back: %v, %v", number, moved, res, err)
			return
		}
		closed := make(chan error, 1)
		go func() {
			for {
				if _, _, err := ws.Read(c.t.Context()); err != nil {
					closed <- err
					return
				}
			}
		}()
		select {
		case <-stop:
			_ = ws.CloseNow()
			<-closed
			return
		case err := <-closed:
			_ = ws.CloseNow()
			if code := websocket.CloseStatus(err); code != websocket.StatusServiceRestart {
				c.t.Errorf("stayer %d: closed with %v", number, err)
			}
			moved++
		}
	}
}

// comesFromElsewhere logs in from another address of this machine, claims to come from a third, and looks at what the nodes take it for.
func (c *madeCluster) comesFromElsewhere() {
	c.t.Helper()
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	client := &http.Client{Transport: &http.Transport{DialContext: from.DialContext, DisableKeepAlives: true}, Timeout: rig.Patience}
	req, err := http.NewRequest("POST", c.balancer.URL()+"/api/v1/session", strings.NewReader(`{"email": "nobody@example.com", "password": "not even a good one"}`))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Forwarded-For", "203.0.113.9")
	res, err := client.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		c.t.Errorf("log in as nobody: %s", res.Status)
	}
	if log := c.log("node1.log") + c.log("node2.log"); !strings.Contains(log, `"address":"127.0.0.2"`) || strings.Contains(log, `"address":"203.0.113.9"`) {
		c.t.Errorf("the nodes should have heard of 127.0.0.2 through the balancer, and not have believed in 203.0.113.9:\n%s", log)
	}
}

// The script says what is wrong instead of half starting.
func TestMakeClusterRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no nodes":         {[]string{"--nodes", "0"}, "from 1 to 4"},
		"no number":        {[]string{"--nodes"}, "from 1 to 4"},
		"a port in words":  {[]string{"--port", "http"}, "--port"},
		"no program there": {[]string{"--program", filepath.Join(t.TempDir(), "bizsync")}, "can't be run"},
		"unknown":          {[]string{"--fast"}, "usage"},
	} {
		cmd := exec.Command("../../../deploy/cluster.sh", tt.args...)
		var said rig.Transcript
		cmd.Stdout, cmd.Stderr = io.Discard, &said
		if err := cmd.Run(); err == nil || !strings.Contains(said.String(), tt.want) {
			t.Errorf("%s: %v: %s", name, err, said.String())
		}
	}
}
