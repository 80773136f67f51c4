package collab

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"github.com/bizsync/bizsync/store"
)

// Presence between nodes. Each node tells the others what changes of its own clients, and, every RollCall, which clients it has: who missed something asks, and what is
// not called any more is taken away. A node that is gone is forgotten whole (Hub.forgetNode).

const (
	// presencePart bounds in bytes the states in one message between nodes; a single state is smaller.
	presencePart = 150 << 10
	// rollCalls is how many roll calls an entry outlives that is not called.
	rollCalls = 3
	// overtaking is how long messages of a node are thought to come in another order than they were sent.
	overtaking = time.Second
	// askSpacing is the least time between two questions for what was missed.
	askSpacing = time.Second
)

// far says where a client is that is connected to another node.
type far struct {
	run   uuid.UUID // the node
	user  store.UserID
	since int64     // when its connection was made there, Unix milliseconds
	heard time.Time // when the node last spoke of it
	// refuted is the clock at which its removal was told here, while it is not shown at a later one; 0: none. People here take it for old news until its client moves on.
	refuted uint64
}

// roll is what a room's presence owes the other nodes.
type roll struct {
	seed   maphash.Seed
	tell   map[uint64]struct{} // clients of this node whose change is to be told
	refute map[uint64]uint64   // clients that another node calls at a clock at which their removal was told here
	next   time.Time           // of the roll call; zero: at once
	ask    bool                // something was missed
	asked  time.Time
	empty  bool // the last roll call named nobody
}

func newRoll() roll {
	return roll{seed: maphash.MakeSeed(), refute: make(map[uint64]uint64), ask: true}
}

// presenceMessage is what a node tells of its clients in a document.
type presenceMessage struct {
	run     uuid.UUID
	roll    bool // called is all that the node has
	called  []called
	entries []farEntry
}

type called struct{ client, clock uint64 }

// farEntry is one client's state; "null" when it left.
type farEntry struct {
	awarenessEntry
	since int64
	user  store.UserID
}

// encode gives: version, kind, run, whether it is a roll call and if so all clients with clocks, then the entries.
func (m presenceMessage) encode() []byte {
	b := append([]byte{relayVersion, relayPresence}, m.run[:]...)
	if !m.roll {
		b = append(b, 0)
	} else {
		b = lib0.AppendVarUint(append(b, 1), uint64(len(m.called)))
		for _, c := range m.called {
			b = lib0.AppendVarUint(lib0.AppendVarUint(b, c.client), c.clock)
		}
	}
	b = lib0.AppendVarUint(b, uint64(len(m.entries)))
	for _, e := range m.entries {
		b = appendAwarenessEntry(b, e.awarenessEntry)
		b = lib0.AppendVarUint(b, uint64(e.since))
		b = append(b, e.user[:]...)
	}
	return b
}

// decodePresence checks a message completely. The states are slices of b.
func decodePresence(b []byte) (m presenceMessage, err error) {
	d := lib0.Over(b, 0)
	fail := func(what string, err error) (presenceMessage, error) {
		return presenceMessage{}, fmt.Errorf("%w: %s: %w", errRelay, what, err)
	}
	head, err := d.ReadBytes(uint64(len(m.run)) + 1)
	if err != nil {
		return fail("presence", err)
	}
	copy(m.run[:], head)
	if m.roll = head[len(m.run)] == 1; m.roll {
		n, err := d.ReadVarUint()
		if err != nil || n > uint64(d.Remaining())/2 {
			return fail("roll", fmt.Errorf("of %d clients: %w", n, err))
		}
		m.called = make([]called, n)
		for i := range m.called {
			c := &m.called[i]
			if c.client, err = d.ReadVarUint(); err == nil {
				c.clock, err = d.ReadVarUint()
			}
			if err != nil {
				return fail("roll", err)
			}
		}
	}
	n, err := d.ReadVarUint()
	if err != nil || n > uint64(d.Remaining())/20 {
		return fail("entries", fmt.Errorf("%d: %w", n, err))
	}
	m.entries = make([]farEntry, n)
	for i := range m.entries {
		if m.entries[i], err = readFarEntry(&d); err != nil {
			return fail("entry", err)
		}
	}
	if err := d.End(); err != nil {
		return fail("end", err)
	}
	return m, nil
}

func readFarEntry(d *lib0.Decoder) (e farEntry, err error) {
	if e.client, err = d.ReadVarUint(); err != nil {
		return e, err
	}
	if e.clock, err = d.ReadVarUint(); err != nil {
		return e, err
	}
	if e.state, err = d.ReadVarText(); err != nil {
		return e, err
	}
	since, err := d.ReadVarUint()
	if err != nil {
		return e, err
	}
	e.since = int64(since) // Unix milliseconds, far below 2^63
	user, err := d.ReadBytes(uint64(len(e.user)))
	if err != nil {
		return e, err
	}
	copy(e.user[:], user)
	return e, nil
}

// takeRelayed takes what another node tells of its clients.
func (p *presence) takeRelayed(r *room, m presenceMessage) {
	now := time.Now()
	if m.roll {
		p.takeRoll(m, now)
	}
	for _, e := range m.entries {
		switch held := p.entries[e.client]; {
		case e.left():
			p.takeLeft(m.run, e)
		case held != nil && held.session != nil:
			p.contest(r, held, m.run, e, now)
		case held != nil && held.far.run == m.run && e.clock <= held.clock:
			p.heardAgain(e.client, held, now)
		case held != nil && held.far.run != m.run && !e.newer(m.run, held.far.since, held.far.run):
			// An older connection of the same client, that its node has not missed yet.
		default:
			p.showFar(m.run, e, now)
		}
	}
}

// heardAgain notes that a node still has a client. If that is not seen here, its client is told so again: the first time may have been lost.
func (p *presence) heardAgain(client uint64, e *entry, now time.Time) {
	e.far.heard = now
	if e.far.refuted > 0 && e.clock <= e.far.refuted {
		p.roll.refute[client] = e.far.refuted
	}
}

// takeLeft takes word that a client is not shown elsewhere any more.
func (p *presence) takeLeft(run uuid.UUID, e farEntry) {
	held := p.entries[e.client]
	switch {
	case held == nil:
	case held.session != nil && e.clock >= held.clock:
		// On that node its removal was told at this clock, so people there take our client's state for old news. Told so, it answers with the next clock.
		b := appendAwarenessEntry([]byte{1}, awarenessEntry{client: e.client, clock: e.clock, state: []byte("null")})
		held.session.put(awarenessMessage(b))
	case held.session == nil && held.far.run == run && e.clock >= held.clock:
		held.clock = e.clock
		p.remove(e.client, held)
	}
}

// newer says whether the entry's connection, at that node, is newer than another. No two are equally new.
func (e farEntry) newer(run uuid.UUID, since int64, other uuid.UUID) bool {
	return e.since > since || e.since == since && bytes.Compare(run[:], other[:]) > 0
}

// contest settles which of two connections speaks for a client id that both nodes know: the newer one.
func (p *presence) contest(r *room, held *entry, run uuid.UUID, e farEntry, now time.Time) {
	switch {
	case held.user() != e.user:
		// The database has bound the id to one of them; the other node will find out.
	case e.newer(run, held.session.since.UnixMilli(), r.hub.Run()):
		held.session.caret.has, held.session.caret.lost = false, true
		p.showFar(run, e, now)
	case held.bound:
		add(&p.roll.tell, e.client)
	}
}

// showFar shows a client of another node.
func (p *presence) showFar(run uuid.UUID, e farEntry, now time.Time) {
	refuted := uint64(0)
	if clock, left := p.gone[e.client]; left && e.clock <= clock {
		refuted = clock
		p.roll.refute[e.client] = clock
	} else {
		delete(p.gone, e.client)
	}
	p.entries[e.client] = &entry{clock: e.clock, state: bytes.Clone(e.state), bound: true, far: far{run: run, user: e.user, since: e.since, heard: now, refuted: refuted}}
	add(&p.dirty, e.client)
}

// takeRoll compares what another node has with what is shown of it.
func (p *presence) takeRoll(m presenceMessage, now time.Time) {
	there := make(map[uint64]struct{}, len(m.called))
	for _, c := range m.called {
		there[c.client] = struct{}{}
		held := p.entries[c.client]
		switch {
		case held != nil && held.session == nil && held.far.run == m.run && held.clock >= c.clock:
			p.heardAgain(c.client, held, now)
		case held == nil, held.session == nil && held.far.run == m.run:
			p.roll.ask = true
		}
	}
	for client, e := range p.entries {
		// What was told a moment ago may have overtaken the call.
		if _, ok := there[client]; !ok && e.session == nil && e.far.run == m.run && now.Sub(e.far.heard) > overtaking {
			p.remove(client, e)
		}
	}
}

// forgetNode takes away what people of another node show; with uuid.Nil, of all other nodes.
func (p *presence) forgetNode(run uuid.UUID) {
	for client, e := range p.entries {
		if e.session == nil && (run == uuid.Nil || e.far.run == run) {
			p.remove(client, e)
		}
	}
}

// callRoll has this node ask the others and tell them what it has, since messages may have been missed.
func (p *presence) callRoll() {
	p.roll.ask, p.roll.next = true, time.Time{}
}

// tellAll has the other nodes told of all clients of this one.
func (p *presence) tellAll() {
	for client, e := range p.entries {
		if e.session != nil && e.bound {
			add(&p.roll.tell, client)
		}
	}
}

// flushRoll asks the other nodes and calls the roll when that is due.
func (p *presence) flushRoll(r *room, now time.Time) {
	if r.relay == nil {
		p.roll.tell = nil
		clear(p.roll.refute)
		return
	}
	if p.roll.ask {
		if due := p.roll.asked.Add(askSpacing); now.Before(due) {
			r.at(due)
		} else {
			p.roll.ask, p.roll.asked = false, now
			r.send([]byte{relayVersion, relayAsk})
		}
	}
	if now.Before(p.roll.next) {
		if len(p.entries) > 0 {
			r.at(p.roll.next)
		}
		return
	}
	period := r.hub.timing.RollCall
	p.roll.next = now.Add(period)
	m := presenceMessage{run: r.hub.Run(), roll: true}
	for client, e := range p.entries {
		switch {
		case e.session != nil && e.bound && p.rewrite(r, e):
			m.called = append(m.called, called{client, e.clock})
		case e.session == nil && now.Sub(e.far.heard) > rollCalls*period+period/2:
			p.remove(client, e)
		}
	}
	if len(m.called) > 0 || !p.roll.empty {
		r.send(m.encode())
	}
	p.roll.empty = len(m.called) == 0
	if len(p.entries) > 0 {
		r.at(p.roll.next)
	}
}

// tellNodes tells the other nodes what changed of this one's clients.
func (p *presence) tellNodes(r *room) {
	if r.relay == nil {
		return
	}
	m := presenceMessage{run: r.hub.Run()}
	size := 0
	add := func(e farEntry) {
		if size += len(e.state); size > presencePart && len(m.entries) > 0 {
			r.send(m.encode())
			m.entries, size = m.entries[:0], len(e.state)
		}
		m.entries = append(m.entries, e)
	}
	for client := range p.roll.tell {
		e := p.entries[client]
		switch clock, left := p.gone[client]; {
		case e != nil && e.session != nil && e.bound && p.rewrite(r, e):
			add(farEntry{awarenessEntry{client, e.clock, e.state}, e.session.since.UnixMilli(), e.session.peer.User})
		case e == nil && left:
			add(farEntry{awarenessEntry: awarenessEntry{client, clock, []byte("null")}})
		}
	}
	for client, clock := range p.roll.refute {
		add(farEntry{awarenessEntry: awarenessEntry{client, clock, []byte("null")}})
	}
	p.roll.tell = nil
	clear(p.roll.refute)
	if len(m.entries) > 0 {
		r.send(m.encode())
	}
}
