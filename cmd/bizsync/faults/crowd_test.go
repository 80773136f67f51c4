package faults

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// crowd is a Node process with stock clients at all nodes who type unique tokens.
type crowd struct {
	*rig.Script

	mu       sync.Mutex
	refusals []refusal // guarded by mu
}

// place is where a client types.
type place struct {
	Node  string `json:"node"`
	URL   string `json:"url"`
	Room  string `json:"room"`
	Token string `json:"token"`
}

// refusal is what the crowd was told that isn't an acknowledgement: a refused frame, a close code of the 44.. kind, or something that makes no sense.
type refusal struct {
	Node   string `json:"node"`
	Room   string `json:"room"`
	Code   int    `json:"code"`
	Reason string `json:"reason"`
	Frame  int    `json:"frame"`
	Wrong  int    `json:"wrong"` // an acknowledgement of so many frames can't be
}

// latencies of acknowledgements, in milliseconds.
type latencies struct {
	Count         int
	P50, P99, Max float64
}

// newCrowd starts a script of such clients.
func newCrowd(script string) (w *crowd, err error) {
	w = &crowd{}
	w.Script, err = rig.StartScript(".", script, func(e rig.Event) {
		var r refusal
		if err := json.Unmarshal(e.Value, &r); err != nil {
			r.Reason = fmt.Sprintf("the clients tell of %q: %s (%v)", e.Kind, e.Value, err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.refusals = append(w.refusals, r)
	})
	return w, err
}

// refused gives what was refused since the last call, and forgets it.
func (w *crowd) refused() []refusal {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.refusals
	w.refusals = nil
	return r
}

// types has everybody type a token about every so often; 0: nobody types.
func (c *cluster) types(every time.Duration) {
	c.must(c.crowd.Call("pace", map[string]any{"pace": every.Milliseconds()}, rig.Patience, nil))
}

// count says how many tokens were typed and how many of them are acknowledged.
func (c *cluster) count() (n struct{ Typed, Acked, Writers int }) {
	c.must(c.crowd.Call("counts", nil, rig.Patience, &n))
	return n
}

// forget ends all clients with all that they know, and has new ones take their places.
func (c *cluster) forget() { c.must(c.crowd.Call("forget", nil, rig.Patience, nil)) }

// leaveNode ends the clients at a node, with what they know. comeBack has new ones take their places.
func (c *cluster) leaveNode(n *node) {
	c.must(c.crowd.Call("leaveNode", map[string]any{"node": n.name}, rig.Patience, nil))
}

func (c *cluster) comeBack() { c.must(c.crowd.Call("comeBack", nil, rig.Patience, nil)) }

// one has one person at a node type one token in a document, and returns when that is acknowledged.
func (c *cluster) one(n *node, room string) {
	if err := c.crowd.Call("one", map[string]any{"node": n.name, "room": room, "limit": rig.Patience.Milliseconds()}, 2*rig.Patience, nil); err != nil {
		c.must(verdict{"a token isn't acknowledged: " + err.Error()})
	}
}

// mark begins a measurement of acknowledgements that latencies ends, of these nodes and documents.
func (c *cluster) mark() { c.must(c.crowd.Call("mark", nil, rig.Patience, nil)) }

func (c *cluster) latencies(nodes []*node, rooms []string) (l latencies) {
	var names []string
	for _, n := range nodes {
		names = append(names, n.name)
	}
	c.must(c.crowd.Call("latencies", map[string]any{"nodes": names, "rooms": rooms}, rig.Patience, &l))
	return l
}

// acked waits until so many more tokens are acknowledged, which only a cluster that works does.
func (c *cluster) acked(more int) {
	goal := c.count().Acked + more
	err := poll(fmt.Sprintf("%d more tokens are acknowledged", more), rig.Patience, func() error {
		if n := c.count().Acked; n < goal {
			return fmt.Errorf("%d are missing", goal-n)
		}
		return nil
	})
	if err != nil {
		c.must(verdict{err.Error()})
	}
}
