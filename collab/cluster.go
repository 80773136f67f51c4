package collab

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// Relay carries messages to the other nodes. It may lose, repeat, delay and reorder them: what matters is in the database, and is found there.
// None of its methods blocks.
type Relay interface {
	// Publish queues a payload for the nodes that have the document open.
	Publish(doc [16]byte, payload []byte) error
	// Notify queues a payload for whoever listens to notices to a person.
	Notify(user [16]byte, payload []byte) error
	// Control queues a payload for all other nodes.
	Control(payload []byte) error
}

// Shared is where nodes leave what all of them may know and may forget: who is online. Everything in it expires by itself.
type Shared interface {
	// Renew writes the node's record and these leases and takes away those of gone. lost: the record of the earlier Renew was not there any more.
	Renew(ctx context.Context, n store.Node, leases []store.Lease, gone []uuid.UUID) (lost bool, err error)
	// Nodes lists the nodes whose record lives.
	Nodes(ctx context.Context) ([]store.Node, error)
	// Leases lists the living leases of one node.
	Leases(ctx context.Context, run uuid.UUID) ([]store.Lease, error)
	// Leave takes away a node's record and leases.
	Leave(ctx context.Context, run uuid.UUID) error
}

const (
	// beatPeriod is how often a node renews its record and looks at the others'. The record expires in a few times that.
	beatPeriod = time.Second
	// renewAfter is the age at which a lease is renewed, a third of its life.
	renewAfter = 5 * time.Second
	// tellSpacing is the least time between two messages about who joined and left.
	tellSpacing = 50 * time.Millisecond
	// goneAfter is how long a node's record is missing before its people count as gone: after a FLUSHALL it is back within a beat.
	goneAfter = 2500 * time.Millisecond
	// wholeAfter is how long after Redis has answered again everybody has renewed what it had lost.
	wholeAfter = 1500 * time.Millisecond
	// aloneAfter is how long Redis doesn't answer before this node shows its own people only.
	aloneAfter = 4 * time.Second
	// controlLeases bounds the leases in one message.
	controlLeases = 200
	sharedLimit   = 2 * time.Second
)

// neighbour is another node, as far as it lets itself be known. Guarded by roster.mu.
type neighbour struct {
	node    store.Node
	leases  map[uuid.UUID]Editor
	version uint64 // of the node's roster, that leases shows
	known   bool   // leases was read at least once
	missed  bool   // a message about it was lost: read leases again
	seen    time.Time
}

// cluster keeps the roster of one node and those of the others in step. It is owned by one goroutine, run.
type cluster struct {
	hub    *Hub
	roster *roster
	shared Shared
	relay  Relay
	heard  time.Time // when Redis last gave the list of nodes
	forgot bool      // what was known of the others is forgotten, since it fails
	back   time.Time // when it gave it again after it had failed; zero: it fails
}

// run renews what this node says of itself, and looks at the others, until ctx is done.
func (c *cluster) run(ctx context.Context) {
	tick := time.NewTicker(beatPeriod)
	defer tick.Stop()
	c.heard = time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.roster.noteActivity()
			c.tell(ctx, true)
			c.look(ctx)
		case <-c.roster.changed:
			c.tell(ctx, false)
			if !pause(ctx, tellSpacing) {
				return
			}
		}
	}
}

// tell renews leases and sends what changed to the other nodes; beat: it is time for the node's record, too.
func (c *cluster) tell(ctx context.Context, beat bool) {
	// Once more only when what was there is lost: changes that go on coming must not keep this node from looking at the others.
	for range 2 {
		m, node, leases := c.roster.takeChanges(time.Now())
		changed := len(m.Leases)+len(m.Gone) > 0
		if !changed && !beat && len(leases) == 0 {
			return
		}
		limited, cancel := context.WithTimeout(ctx, sharedLimit)
		lost, err := c.shared.Renew(limited, node, leases, m.Gone)
		cancel()
		if err != nil && ctx.Err() == nil {
			c.hub.logger.Debug("presence can't be shared", "error", err)
		}
		if lost || err != nil {
			c.roster.renewAll()
		}
		if changed {
			c.send(m)
		}
		if err != nil || !lost {
			return
		}
	}
}

func (c *cluster) send(m controlMessage) {
	m.Run = c.roster.self.Run
	b, err := json.Marshal(m)
	if err == nil {
		err = c.relay.Control(b)
	}
	if err != nil {
		c.hub.metrics.relayed.WithLabelValues("unsent").Inc()
	}
}

// look reads which other nodes live, and the leases of those of which messages were missed.
func (c *cluster) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sharedLimit)
	defer cancel()
	nodes, err := c.shared.Nodes(ctx)
	now := time.Now()
	if err != nil {
		if ctx.Err() == nil || now.Sub(c.heard) < aloneAfter {
			c.hub.logger.Debug("the other nodes can't be read", "error", err)
		}
		c.back = time.Time{}
		if now.Sub(c.heard) >= aloneAfter && !c.forgot {
			c.forgot = true
			if c.roster.lose() {
				c.hub.logger.Warn("Redis is away: only the people of this node are shown", "error", err)
			}
			c.hub.forgetNode(uuid.Nil)
		}
		return
	}
	again := c.back.IsZero()
	if again {
		c.back = now
	}
	c.heard, c.forgot = now, false
	read, found := c.roster.see(nodes, now, again)
	if found {
		c.hub.callRolls()
	}
	complete := now.Sub(c.back) >= wholeAfter
	for _, run := range read {
		version := c.roster.versionOf(run)
		leases, err := c.shared.Leases(ctx, run)
		if err != nil {
			c.hub.logger.Debug("who is on another node can't be read", "error", err)
			complete = false
			continue
		}
		c.roster.learn(run, version, leases)
	}
	if complete && c.roster.found() {
		c.hub.logger.Info("the people of all nodes are known")
	}
	for _, run := range c.roster.missing(now) {
		c.hub.forgetNode(run)
	}
}

// part says farewell: the other nodes need not wait until what this one said of itself expires.
func (c *cluster) part(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sharedLimit)
	defer cancel()
	c.send(controlMessage{Kind: controlPart})
	if err := c.shared.Leave(ctx, c.roster.self.Run); err != nil {
		c.hub.logger.Debug("presence can't be taken back; it expires", "error", err)
	}
}

// takeChanges gives what the other nodes are to be told, at most controlLeases of it, what this node says of itself then, and which leases are to be written.
func (o *roster) takeChanges(now time.Time) (m controlMessage, self store.Node, leases []store.Lease) {
	o.mu.Lock()
	defer o.mu.Unlock()
	m = controlMessage{Kind: controlRoster, From: o.version}
	for conn := range o.fresh {
		if len(m.Leases) == controlLeases {
			signal(o.changed)
			break
		}
		delete(o.fresh, conn)
		t := o.seats[conn]
		t.renewed = now
		m.Leases = append(m.Leases, t.now())
	}
	m.Gone, o.gone = o.gone, nil
	if len(m.Gone) > 10*controlLeases {
		m.Gone, o.gone = m.Gone[:10*controlLeases], m.Gone[10*controlLeases:]
		signal(o.changed)
	}
	if len(m.Leases)+len(m.Gone) > 0 {
		o.version++
	}
	m.To = o.version
	leases = m.Leases
	for _, t := range o.seats {
		if now.Sub(t.renewed) >= renewAfter {
			t.renewed = now
			leases = append(leases, t.now())
		}
	}
	return m, o.record(), leases
}

// renewAll makes all leases due. They are a new version: whoever has looked meanwhile has seen only some of them.
func (o *roster) renewAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.version++
	for _, t := range o.seats {
		t.renewed = time.Time{}
	}
}

// see takes the list of living nodes and gives those whose leases must be read, and whether there are some that were not known. again: it is the first list after a
// while in which there was none, so that nobody could be missed.
func (o *roster) see(nodes []store.Node, now time.Time, again bool) (read []uuid.UUID, found bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, node := range nodes {
		if node.Run == o.self.Run {
			continue
		}
		n := o.others[node.Run]
		if n == nil {
			n = &neighbour{leases: make(map[uuid.UUID]Editor)}
			o.others[node.Run] = n
			found = true
		}
		n.node, n.seen = node, now
		if !n.known || n.missed || n.version != node.Roster || len(n.leases) != node.Connections {
			read = append(read, node.Run)
		}
	}
	if again {
		for _, n := range o.others {
			n.seen = now
		}
	}
	return read, found
}

func (o *roster) versionOf(run uuid.UUID) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := o.others[run]; n != nil {
		return n.version
	}
	return 0
}

// learn takes all leases of another node, read when its version here was before.
func (o *roster) learn(run uuid.UUID, before uint64, leases []store.Lease) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.others[run]
	if n == nil || n.version != before {
		return // a message came meanwhile; the next look tells whether it was enough
	}
	gone := n.leases
	n.leases = make(map[uuid.UUID]Editor, len(leases))
	for _, l := range leases {
		old, had := gone[l.Conn]
		delete(gone, l.Conn)
		o.put(n, l, old, had)
	}
	for _, e := range gone {
		o.tell(Change{Kind: Left, Editor: e})
	}
	// The leases are at least as new as the record was. What came later is told again, or looked for at the next beat.
	n.known, n.missed, n.version = true, false, n.node.Roster
}

// put stores another node's lease. The caller holds mu.
func (o *roster) put(n *neighbour, e, old Editor, had bool) {
	n.leases[e.Conn] = e
	switch {
	case !had:
		o.tell(Change{Kind: Joined, Editor: e})
	case old.Role != e.Role || !old.LastActive.Equal(e.LastActive):
		o.tell(Change{Kind: Changed, Editor: e})
	}
}

// heard takes another node's message about who came and left there.
func (o *roster) heard(m controlMessage) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.others[m.Run]
	switch {
	case n == nil || !n.known || m.To <= n.version:
		return // read in full soon, or known already
	case m.From != n.version:
		n.missed = true
		return
	}
	for _, l := range m.Leases {
		old, had := n.leases[l.Conn]
		o.put(n, l, old, had)
	}
	for _, conn := range m.Gone {
		if e, had := n.leases[conn]; had {
			delete(n.leases, conn)
			o.tell(Change{Kind: Left, Editor: e})
		}
	}
	n.version = m.To
}

// drop forgets another node; false when it is not known.
func (o *roster) drop(run uuid.UUID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropLocked(run)
}

func (o *roster) dropLocked(run uuid.UUID) bool {
	n := o.others[run]
	if n == nil {
		return false
	}
	delete(o.others, run)
	for _, e := range n.leases {
		o.tell(Change{Kind: Left, Editor: e})
	}
	return true
}

// missing forgets the nodes whose record was not seen for a while, and gives them.
func (o *roster) missing(now time.Time) (runs []uuid.UUID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for run, n := range o.others {
		if now.Sub(n.seen) >= goneAfter {
			runs = append(runs, run)
			o.dropLocked(run)
		}
	}
	return runs
}

// lose forgets all other nodes, since nothing can be known of them; false when it was said already that not all are known.
func (o *roster) lose() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for run := range o.others { // some may be known though not yet all
		o.dropLocked(run)
	}
	if o.alone {
		return false
	}
	o.alone = true
	o.tell(Change{Kind: Scope, Whole: false})
	return true
}

// found says that the other nodes are known; false when that was so already.
func (o *roster) found() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.alone {
		return false
	}
	o.alone = false
	o.tell(Change{Kind: Scope, Whole: true})
	return true
}
