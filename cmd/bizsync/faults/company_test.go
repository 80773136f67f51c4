package faults

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// What CONTRACT P1 allows until somebody who isn't there any more is shown to nobody.
const (
	leaveTime  = time.Second      // after a clean leave
	vanishTime = 20 * time.Second // of a client that is silent from one moment to the next
	diedTime   = 10 * time.Second // of the people of a node that was killed
	// wholeTime is within what presence is whole after Redis has forgotten it, or is back.
	wholeTime = 5 * time.Second
)

// person is a client in a document, and which clients it shows there; nobody looks at what a guest shows.
type person struct {
	Node   string   `json:"node"`
	Client uint64   `json:"client"`
	Shown  []uint64 `json:"shown"`
}

// departure is what a client was told: others have left.
type departure struct {
	Node string   `json:"node"`
	Room string   `json:"room"`
	Gone []uint64 `json:"gone"`
}

// company looks whether the people at these nodes, and nobody else, are shown in a document to each other, and listed by each of the nodes; complete is what
// these must say of their lists.
func (c *cluster) company(room string, nodes []*node, complete bool) error {
	var people []person
	if err := c.crowd.Call("company", map[string]any{"room": room}, rig.Patience, &people); err != nil {
		return err
	}
	counts := map[string]int{}
	var here []uint64
	for _, n := range nodes {
		for _, p := range people {
			if p.Node == n.name {
				counts[n.name]++
				here = append(here, p.Client)
			}
		}
	}
	slices.Sort(here)
	for _, p := range people {
		slices.Sort(p.Shown)
		if counts[p.Node] > 0 && p.Shown != nil && !slices.Equal(p.Shown, here) {
			return fmt.Errorf("document %s: client %d at node %s shows %v, there are %v", room, p.Client, p.Node, p.Shown, here)
		}
	}
	for _, n := range nodes {
		var list struct {
			Data []struct {
				Node string `json:"node"`
			} `json:"data"`
			Complete bool `json:"complete"`
		}
		if err := c.admin.request(n, "GET", "/documents/"+room+"/editors", nil, http.StatusOK, &list); err != nil {
			return err
		}
		listed := map[string]int{}
		for _, e := range list.Data {
			listed[e.Node]++
		}
		if !maps.Equal(listed, counts) || list.Complete != complete {
			return fmt.Errorf("document %s: node %s lists so many editors at each node: %v, complete: %v; there are %v", room, n.name, listed, list.Complete, counts)
		}
	}
	return nil
}

// attended waits until company holds in all documents, which must be so soon after `since`.
func (c *cluster) attended(what string, nodes []*node, complete bool, since time.Time, limit time.Duration) {
	err := poll(what, limit-time.Since(since), func() error {
		for _, room := range c.rooms {
			if err := c.company(room, nodes, complete); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.must(verdict{fmt.Sprintf("%v after it should have begun: %v", time.Since(since).Round(time.Millisecond), err)})
	}
	c.logf("%s: after %v", what, time.Since(since).Round(time.Millisecond))
}

// move has everybody move their carets, which shows them to those who have come back (see crowd.mjs).
func (c *cluster) move() { c.must(c.crowd.Call("move", nil, rig.Patience, nil)) }

// departed gives whom anybody was told to have left since the last call.
func (c *cluster) departed() (all []departure) {
	c.must(c.crowd.Call("departed", nil, rig.Patience, &all))
	return all
}

// others gives all nodes but one.
func (c *cluster) others(than *node) []*node {
	return slices.DeleteFunc(slices.Clone(c.nodes), func(n *node) bool { return n == than })
}

// guest is somebody who only looks at a document, at one node, by a way that can be swallowed.
type guest struct {
	c    *cluster
	name string
	way  *link
}

// visit has the admin open a document.
func (c *cluster) visit(name string, at *node, room string) guest {
	way, err := newLink(name+" to "+at.name, at.addr)
	c.must(err)
	c.cleanup(way.cut)
	p := place{Node: at.name, URL: "ws://" + way.addr() + "/collab", Room: room, Token: c.admin.token(room)}
	c.must(c.crowd.Call("visit", map[string]any{"name": name, "place": p}, rig.Patience, nil))
	return guest{c, name, way}
}

// leave closes the document in order.
func (g guest) leave() {
	g.c.must(g.c.crowd.Call("leave", map[string]any{"name": g.name}, rig.Patience, nil))
}

// vanish takes the guest's network away, and neither end notices.
func (g guest) vanish() {
	g.c.must(g.way.swallow())
	g.c.must(g.c.crowd.Call("lose", map[string]any{"name": g.name}, rig.Patience, nil))
}

// events follows what a node streams about who is online, until the function that it gives is called, which tells the kinds of all events.
func (c *cluster) events(n *node) (end func() []string) {
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.addr+"/api/v1/admin/events", nil)
	c.must(err)
	res, err := (&http.Client{Jar: c.admin.client.Jar}).Do(req) //nolint:bodyclose // the goroutine below does
	c.must(err)
	if res.StatusCode != http.StatusOK {
		c.must(fmt.Errorf("the events of node %s: %s", n.name, res.Status))
	}
	var kinds []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer res.Body.Close()
		lines := bufio.NewReader(res.Body)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if kind, ok := strings.CutPrefix(line, "event:"); ok {
				kinds = append(kinds, strings.TrimSpace(kind))
			}
		}
	}()
	stop := func() { cancel(); <-done }
	c.cleanup(stop)
	return func() []string { stop(); return kinds }
}
