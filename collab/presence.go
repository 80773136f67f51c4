package collab

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"time"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"github.com/bizsync/bizsync/store"
)

// goneMost bounds how many departed clients a room remembers.
const goneMost = 10_000

// presence is who is in a room and where: the awareness states (y-protocols awareness.js) of connected clients. It goes beside the document: unnumbered, unsaved.
// All of it is owned by the room's run.
type presence struct {
	entries map[uint64]*entry
	gone    map[uint64]uint64 // clients whose removal was told, with the clock it was told at
	dirty   map[uint64]struct{}
	sent    time.Time
	roll    roll
}

// caret is what a session shows of itself.
type caret struct {
	client    uint64
	has       bool // client is announced
	lost      bool // another connection of the account has taken client over
	announced bool // the first awareness frame has come
}

// entry is the state of one client, connected to this node or to another.
type entry struct {
	session *session // nil: on another node
	clock   uint64
	raw     []byte // as the client sent it
	sum     uint64 // hash of raw
	state   []byte // as others get it; nil until raw was looked at
	bound   bool   // the client id belongs to the session's account, by the database
	far     far    // of one on another node
}

// user gives whose client it is.
func (e *entry) user() store.UserID {
	if e.session != nil {
		return e.session.peer.User
	}
	return e.far.user
}

func newPresence() presence {
	return presence{entries: make(map[uint64]*entry), gone: make(map[uint64]uint64), roll: newRoll()}
}

// receive takes an awareness update of a session. A connection speaks for its own client id only: the first that it announces and that nobody else holds. All else is an echo
// (a stock y-websocket client sends back every change that it hears) and is skipped unparsed. One frame brings a connection to one client id at most, and one that
// has an id moves only so often, since each id is bound in the database.
func (p *presence) receive(r *room, s *session, update []byte) {
	if r.damaged {
		return // nothing can be bound to anyone in it
	}
	opening := !s.caret.announced
	s.caret.announced = true
	moved := false
	// The reader has checked the update already.
	_ = eachAwarenessEntry(update, func(e awarenessEntry) bool {
		switch {
		case s.caret.has && s.caret.client == e.client:
			p.set(r, s, e)
		case !moved && p.mayTake(r, s, e, opening) && s.mayMove():
			moved = true
			p.set(r, s, e)
		}
		opening = false
		return true
	})
}

// mayTake says whether a session may begin to speak for a client id.
func (p *presence) mayTake(r *room, s *session, e awarenessEntry, opening bool) bool {
	if e.left() || e.client > lib0.MaxSafeInteger {
		return false
	}
	if held := p.entries[e.client]; held != nil {
		if s.caret.lost && s.caret.client == e.client && e.clock > held.clock {
			return true // it was no reconnect that took the id over, since this connection still moves its caret
		}
		// A reconnect finds its own older connection, that nobody has missed yet, here or on another node.
		return opening && held.user() == s.peer.User && held.session != s && (held.session == nil || !s.since.Before(held.session.since))
	}
	if owner, bound := r.owner(e.client); bound && owner != s.peer.User {
		return false
	}
	if clock, left := p.gone[e.client]; left && e.clock <= clock && !opening {
		return false // an echo of somebody who has left
	}
	return true
}

// set stores a session's own state.
func (p *presence) set(r *room, s *session, e awarenessEntry) {
	if len(e.state) > r.hub.limits.AwarenessBytes {
		r.hub.metrics.awarenessDropped.Inc()
		return
	}
	if s.caret.has && s.caret.client != e.client {
		p.leave(s) // Yjs changes a document's id when it meets itself
	}
	known := p.entries[e.client]
	if e.left() {
		if known != nil && e.clock >= known.clock {
			known.clock = e.clock
			p.remove(e.client, known)
			s.caret.has = false
		}
		return
	}
	if known != nil && known.session == s && e.clock <= known.clock {
		return
	}
	if clock, left := p.gone[e.client]; left && e.clock <= clock {
		// Its peers would take this for old news. Told that it has left, the client answers with the next clock.
		b := appendAwarenessEntry([]byte{1}, awarenessEntry{client: e.client, clock: clock, state: []byte("null")})
		s.put(awarenessMessage(b))
	} else {
		delete(p.gone, e.client)
	}
	if known != nil && known.session != nil && known.session != s {
		known.session.caret.has, known.session.caret.lost = false, true // taken over
	}
	owner, bound := r.owners[e.client]
	bound = bound && owner == s.peer.User
	if known == nil {
		known = &entry{}
		p.entries[e.client] = known
	}
	if sum := maphash.Bytes(p.roll.seed, e.state); known.session != s || known.sum != sum {
		known.sum = sum // clients repeat an unchanged state every 15 s, which is no activity
		s.lastActive.Store(time.Now().UnixNano())
	}
	known.session, known.clock, known.raw, known.state, known.far = s, e.clock, bytes.Clone(e.state), nil, far{}
	known.bound = known.bound || bound
	s.caret.client, s.caret.has, s.caret.lost = e.client, true, false
	if known.bound {
		p.mark(e.client)
	} else {
		r.announce(s, e.client)
	}
}

// announce has a client id bound to the account that announced it, before anybody is told.
func (r *room) announce(s *session, client uint64) {
	if _, pending := r.owner(client); pending {
		return // its batch is on the way
	}
	b := r.openBatch(func(b *batch) bool { return b.addAnnouncement(store.Binding{Client: client, User: s.peer.User}) })
	b.claim(client, s.peer.User)
	b.announce = append(b.announce, announcement{session: s, client: client})
}

// announced tells of those whose client ids are theirs now, and forgets those whose id is another's.
func (r *room) announced(b *batch) {
	if len(b.claims) == 0 {
		return
	}
	for client, e := range r.presence.entries {
		if e.bound {
			continue
		}
		if _, claimed := b.claims[client]; !claimed {
			continue
		}
		if owner, bound := r.owners[client]; bound && owner == e.session.peer.User {
			e.bound = true
			r.presence.mark(client)
		} else {
			e.session.caret.has = false
			delete(r.presence.entries, client)
		}
	}
}

// retry has a client id announced again that was in a batch which was taken back.
func (r *room) retry(a announcement) {
	if e := r.presence.entries[a.client]; e != nil && !e.bound {
		r.announce(e.session, a.client)
	}
}

// leave removes what a session showed of itself.
func (p *presence) leave(s *session) {
	if !s.caret.has {
		return
	}
	s.caret.has = false
	if e := p.entries[s.caret.client]; e != nil && e.session == s {
		p.remove(s.caret.client, e)
	}
}

// add puts a client into a set, which a room at rest doesn't hold.
func add(set *map[uint64]struct{}, client uint64) {
	if *set == nil {
		*set = make(map[uint64]struct{})
	}
	(*set)[client] = struct{}{}
}

// mark has a client of this node told of, here and on the other nodes.
func (p *presence) mark(client uint64) {
	add(&p.dirty, client)
	add(&p.roll.tell, client)
}

func (p *presence) remove(client uint64, e *entry) {
	delete(p.entries, client)
	if !e.bound {
		return // nobody was told of it
	}
	if len(p.gone) >= goneMost {
		clear(p.gone)
	}
	p.gone[client] = e.clock
	add(&p.dirty, client)
	if e.session != nil {
		add(&p.roll.tell, client)
	}
}

// flush tells all sessions what changed since the last time, as one frame, and the other nodes what changed of it on this one.
func (p *presence) flush(r *room, now time.Time) {
	p.flushRoll(r, now)
	if len(p.dirty)+len(p.roll.tell) == 0 {
		return
	}
	if due := p.sent.Add(r.hub.timing.Presence); now.Before(due) && r.failed == nil {
		r.at(due)
		return
	}
	p.sent = now
	n := 0
	var body []byte
	for client := range p.dirty {
		if e := p.entries[client]; e != nil {
			if !e.bound || !p.rewrite(r, e) {
				continue
			}
			body = appendAwarenessEntry(body, awarenessEntry{client: client, clock: e.clock, state: e.state})
		} else if clock, left := p.gone[client]; left {
			body = appendAwarenessEntry(body, awarenessEntry{client: client, clock: clock, state: []byte("null")})
		} else {
			continue
		}
		n++
	}
	p.dirty = nil
	p.tellNodes(r)
	if n > 0 {
		r.tellPresence(awarenessMessage(append(lib0.AppendVarUint(nil, uint64(n)), body...)))
	}
	if len(r.sessions) == 0 {
		clear(p.gone) // nobody is left who could remember an old clock
	}
}

// all gives everybody's state as one awareness update, nil when nobody shows one.
func (p *presence) all(r *room) []byte {
	n, body := p.shown(r)
	if n == 0 {
		return nil
	}
	return append(lib0.AppendVarUint(nil, uint64(n)), body...)
}

// allAndGone is all, and who has left as far as it is remembered, for somebody who was not told of some changes.
func (p *presence) allAndGone(r *room) []byte {
	n, body := p.shown(r)
	for client, clock := range p.gone {
		if p.entries[client] == nil {
			body = appendAwarenessEntry(body, awarenessEntry{client: client, clock: clock, state: []byte("null")})
			n++
		}
	}
	return append(lib0.AppendVarUint(nil, uint64(n)), body...)
}

// shown gives the entries of all who show something, and how many they are.
func (p *presence) shown(r *room) (n int, body []byte) {
	for client, e := range p.entries {
		if e.bound && p.rewrite(r, e) {
			body = appendAwarenessEntry(body, awarenessEntry{client: client, clock: e.clock, state: e.state})
			n++
		}
	}
	return n, body
}

// rewrite makes the state that others get: the client's own, with the account's id and name written over what it claims. False when it is not a JSON object:
// such a state is dropped.
func (p *presence) rewrite(r *room, e *entry) bool {
	if e.state != nil {
		return true
	}
	if e.raw == nil {
		return false
	}
	state, err := signState(e.raw, e.session.peer)
	if err != nil {
		r.hub.metrics.awarenessDropped.Inc()
		e.raw = nil
		return false
	}
	e.raw, e.state = nil, state
	return true
}

// signState writes who it is into an awareness state: user.id and user.name, and a top-level name where the client keeps one there.
func signState(raw []byte, peer Peer) ([]byte, error) {
	var state map[string]json.RawMessage
	if err := json.Unmarshal(raw, &state); err != nil {
		return nil, err
	}
	if state == nil {
		return nil, errMalformed
	}
	var user map[string]json.RawMessage
	if err := json.Unmarshal(state["user"], &user); err != nil || user == nil {
		user = make(map[string]json.RawMessage, 2)
	}
	id, err := json.Marshal(peer.User)
	if err != nil {
		return nil, err
	}
	name, err := plainJSON(peer.Name)
	if err != nil {
		return nil, err
	}
	user["id"], user["name"] = id, name
	if _, has := state["name"]; has {
		state["name"] = name
	}
	if state["user"], err = plainJSON(user); err != nil {
		return nil, err
	}
	return plainJSON(state)
}

// plainJSON encodes without escaping for HTML, which would make a state larger than the limit that it passed.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
