package faults

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

// crowd is a Node process with stock clients at all nodes who type unique tokens. It is asked things and tells things, a line of JSON each.
type crowd struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	said transcript    // on standard error
	done chan struct{} // closed when its output has ended

	// Guarded by mu.
	mu       sync.Mutex
	last     int
	waiting  map[int]chan answer
	refusals []refusal
	err      error // what it said that can't be understood
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

type answer struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
}

// latencies of acknowledgements, in milliseconds.
type latencies struct {
	Count         int
	P50, P99, Max float64
}

// newCrowd starts a script of such clients.
func newCrowd(script string) (*crowd, error) {
	w := &crowd{cmd: exec.Command("node", script), done: make(chan struct{}), waiting: map[int]chan answer{}}
	w.cmd.Stderr = &w.said
	var err error
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := w.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the clients: %w", err)
	}
	go w.listen(out)
	return w, nil
}

func (w *crowd) listen(out io.Reader) {
	defer close(w.done)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		w.hear(line)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.waiting {
		c <- answer{Error: "the clients have ended"}
	}
	w.waiting = nil
}

func (w *crowd) hear(line []byte) {
	var said struct {
		answer
		Event string
		Value refusal
	}
	err := json.Unmarshal(line, &said)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil:
		w.err = fmt.Errorf("the clients say %q: %w", line, err)
	case said.Event != "":
		w.refusals = append(w.refusals, said.Value)
	case w.waiting[said.ID] != nil:
		w.waiting[said.ID] <- said.answer
		delete(w.waiting, said.ID)
	}
}

// ask asks something and waits for the answer; result may be nil.
func (w *crowd) ask(call string, args any, limit time.Duration, result any) error {
	c := make(chan answer, 1)
	w.mu.Lock()
	if w.waiting == nil {
		w.mu.Unlock()
		return fmt.Errorf("%s: the clients have ended: %s", call, w.said.tail())
	}
	w.last++
	w.waiting[w.last] = c
	line, err := json.Marshal(map[string]any{"id": w.last, "call": call, "args": args})
	w.mu.Unlock()
	if err != nil {
		return err
	}
	if _, err := w.in.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	select {
	case a := <-c:
		if a.Error != "" {
			return errors.New(a.Error)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(a.Result, result)
	case <-time.After(limit):
		return fmt.Errorf("%s: the clients don't answer in %v", call, limit)
	}
}

// refused gives what was refused since the last call, and forgets it.
func (w *crowd) refused() []refusal {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.refusals
	w.refusals = nil
	return r
}

func (w *crowd) kill() {
	_ = w.cmd.Process.Kill()
	<-w.done
	_ = w.cmd.Wait()
}

// types has everybody type a token about every so often; 0: nobody types.
func (c *cluster) types(every time.Duration) {
	c.must(c.crowd.ask("pace", map[string]any{"pace": every.Milliseconds()}, patience, nil))
}

// count says how many tokens were typed and how many of them are acknowledged.
func (c *cluster) count() (n struct{ Typed, Acked, Writers int }) {
	c.must(c.crowd.ask("counts", nil, patience, &n))
	return n
}

// forget ends all clients with all that they know, and has new ones take their places.
func (c *cluster) forget() { c.must(c.crowd.ask("forget", nil, patience, nil)) }

// leaveNode ends the clients at a node, with what they know. comeBack has new ones take their places.
func (c *cluster) leaveNode(n *node) {
	c.must(c.crowd.ask("leaveNode", map[string]any{"node": n.name}, patience, nil))
}

func (c *cluster) comeBack() { c.must(c.crowd.ask("comeBack", nil, patience, nil)) }

// one has one person at a node type one token in a document, and returns when that is acknowledged.
func (c *cluster) one(n *node, room string) {
	if err := c.crowd.ask("one", map[string]any{"node": n.name, "room": room, "limit": patience.Milliseconds()}, 2*patience, nil); err != nil {
		c.must(verdict{"a token isn't acknowledged: " + err.Error()})
	}
}

// mark begins a measurement of acknowledgements that latencies ends, of these nodes and documents.
func (c *cluster) mark() { c.must(c.crowd.ask("mark", nil, patience, nil)) }

func (c *cluster) latencies(nodes []*node, rooms []string) (l latencies) {
	var names []string
	for _, n := range nodes {
		names = append(names, n.name)
	}
	c.must(c.crowd.ask("latencies", map[string]any{"nodes": names, "rooms": rooms}, patience, &l))
	return l
}

// acked waits until so many more tokens are acknowledged, which only a cluster that works does.
func (c *cluster) acked(more int) {
	goal := c.count().Acked + more
	err := poll(fmt.Sprintf("%d more tokens are acknowledged", more), patience, func() error {
		if n := c.count().Acked; n < goal {
			return fmt.Errorf("%d are missing", goal-n)
		}
		return nil
	})
	if err != nil {
		c.must(verdict{err.Error()})
	}
}
