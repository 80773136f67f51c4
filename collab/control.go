package collab

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// The kinds of control messages. A node ignores those that it doesn't know: another may be newer.
const (
	controlRoster      = "roster"      // who came and left
	controlPart        = "part"        // the node is going away
	controlDisconnect  = "disconnect"  // an admin ends a connection
	controlEndSession  = "end-session" // somebody logged out
	controlAccess      = "access"      // rights in a document changed
	controlCredentials = "credentials" // logins, accounts or keys ended
)

// controlMessage is what nodes tell each other beside documents. All of it is a shortcut: what must not be missed is in the database, and looked for there every second.
type controlMessage struct {
	Kind     string           `json:"kind"`
	Run      uuid.UUID        `json:"run"`
	From     uint64           `json:"from,omitempty"` // of a roster: the version that this changes
	To       uint64           `json:"to,omitempty"`   // and what it becomes
	Leases   []store.Lease    `json:"leases,omitempty"`
	Gone     []uuid.UUID      `json:"gone,omitempty"`
	Conn     uuid.UUID        `json:"conn,omitzero"`
	Session  uuid.UUID        `json:"session,omitzero"`
	Document store.DocumentID `json:"document,omitzero"`
}

// Join connects the hub with the other nodes. It is called once, before the hub serves anybody.
func (h *Hub) Join(r Relay, s Shared) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.relay = r
	if s == nil {
		return
	}
	h.roster.lose() // until the others were read
	h.roster.mu.Lock()
	h.roster.telling = true
	h.roster.mu.Unlock()
	c := &cluster{hub: h, roster: h.roster, shared: s, relay: r}
	h.cluster = c
	h.workWG.Go(func() { c.run(h.work) })
}

// inCluster gives what keeps this node in step with others, nil on a single one.
func (h *Hub) inCluster() *cluster {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cluster
}

// Controlled takes a control message of another node. It never blocks for long.
func (h *Hub) Controlled(payload []byte) {
	var m controlMessage
	if err := json.Unmarshal(payload, &m); err != nil {
		h.metrics.relayed.WithLabelValues("malformed").Inc()
		return
	}
	switch m.Kind {
	case controlRoster:
		h.roster.heard(m)
	case controlPart:
		if h.roster.drop(m.Run) {
			h.forgetNode(m.Run)
		}
	case controlDisconnect:
		h.disconnectHere(m.Conn)
	case controlEndSession:
		h.endSessionHere(m.Session)
	case controlAccess:
		h.look(m.Document)
	case controlCredentials:
		signal(h.credentialsNow)
	}
}

// control tells all other nodes something.
func (h *Hub) control(m controlMessage) {
	h.mu.Lock()
	r := h.relay
	h.mu.Unlock()
	if r == nil {
		return
	}
	m.Run = h.journal.run
	b, err := json.Marshal(m)
	if err == nil {
		err = r.Control(b)
	}
	if err != nil {
		h.metrics.relayed.WithLabelValues("unsent").Inc()
	}
}

// Editors lists who has a document open, oldest connection first. whole is false while only the people of this node are known.
func (h *Hub) Editors(doc store.DocumentID) (list []Editor, whole bool) {
	return h.roster.list(func(e *Editor) bool { return e.Document == doc })
}

// EditorsOf lists the connections of an account; see Editors.
func (h *Hub) EditorsOf(user store.UserID) (list []Editor, whole bool) {
	return h.roster.list(func(e *Editor) bool { return e.User == user })
}

// Everyone lists all connections; see Editors.
func (h *Hub) Everyone() (list []Editor, whole bool) {
	return h.roster.list(func(*Editor) bool { return true })
}

// Nodes lists the running nodes, this one included, oldest first. whole is false while the others are not known.
func (h *Hub) Nodes() (list []store.Node, whole bool) { return h.roster.nodes() }

// Run is what this node is known by among Nodes.
func (h *Hub) Run() uuid.UUID { return h.journal.run }

// Disconnect closes a connection on whichever node (code 4403); false when no such connection is known.
func (h *Hub) Disconnect(conn uuid.UUID) bool {
	if h.disconnectHere(conn) {
		return true
	}
	if _, found := h.roster.host(conn); !found {
		return false
	}
	h.control(controlMessage{Kind: controlDisconnect, Conn: conn})
	return true
}

func (h *Hub) disconnectHere(conn uuid.UUID) bool {
	t := h.roster.seat(conn)
	if t != nil {
		t.end("an administrator has ended this connection", CloseForbidden)
	}
	return t != nil
}

// end closes a connection for good; it doesn't wait for that.
func (t *seat) end(reason string, code int) {
	t.room.note(func(w *word) {
		w.endings = append(w.endings, ending{session: t.session, closing: &CloseError{Code: code, Reason: reason}})
	})
}

// forgetNode has all rooms take away what people of another node show of themselves; with uuid.Nil, of all other nodes.
func (h *Hub) forgetNode(run uuid.UUID) {
	for _, r := range h.all() {
		r.note(func(w *word) { w.forget = append(w.forget, run) })
	}
}

// word is what a room is told from outside without waiting for it.
type word struct {
	endings []ending
	forget  []uuid.UUID // nodes that are gone
	missed  bool        // messages of other nodes may have been lost
}

// ending is a connection to be closed.
type ending struct {
	session *session
	closing *CloseError
}

// note leaves word for a room. It never blocks.
func (r *room) note(leave func(*word)) {
	r.wordMu.Lock()
	leave(&r.word)
	r.wordMu.Unlock()
	r.heard()
}

// hear does what word was left for.
func (r *room) hear() {
	r.nudged.Store(false)
	r.wordMu.Lock()
	w := r.word
	r.word = word{}
	r.wordMu.Unlock()
	for _, e := range w.endings {
		r.kick(e.session, e.closing.Code, e.closing.Reason)
	}
	for _, run := range w.forget {
		r.presence.forgetNode(run)
	}
	if w.missed {
		r.presence.callRoll()
	}
}

// EndSession closes every socket that was opened with that login's cookie (code 4401), on all nodes. Those that don't hear of it find out within a second.
func (h *Hub) EndSession(session uuid.UUID) {
	h.endSessionHere(session)
	h.control(controlMessage{Kind: controlEndSession, Session: session})
}

func (h *Hub) endSessionHere(session uuid.UUID) {
	if session == uuid.Nil {
		return
	}
	for _, t := range h.roster.all() {
		if t.who.Load().Session == session {
			t.end("signed out", CloseUnauthorized)
		}
	}
}

// AccessChanged makes every node look at the rights of a document's members now instead of at its next poll. Call it after a change of members, deletion or restore.
func (h *Hub) AccessChanged(doc store.DocumentID) {
	h.look(doc)
	h.control(controlMessage{Kind: controlAccess, Document: doc})
}

// look compares a document's head with the database's soon, if it is open here.
func (h *Hub) look(doc store.DocumentID) {
	if h.Hosts(doc) {
		signal(h.headsNow)
	}
}

// CredentialsChanged makes every node look now at the logins, accounts and keys that connections rely on. Call it after one of them was ended.
func (h *Hub) CredentialsChanged() {
	signal(h.credentialsNow)
	h.control(controlMessage{Kind: controlCredentials})
}

// revision is what is known of store.Accounts.AccessRevision.
type revision struct {
	mu      sync.Mutex
	number  uint64
	at      time.Time // when it was asked for; zero: never
	checked time.Time // when the connections' credentials were last checked in full
}

const (
	// revisionLife is how long a polled revision is taken for the present one. Writes hold within 2 s (CONTRACT A1).
	revisionLife = 1500 * time.Millisecond
	// expiryCheck is how often credentials are checked though nothing has changed: some expire.
	expiryCheck = 30 * time.Second
)

// AccessRevision gives the access revision (store.Accounts) as it was at most 1.5 s ago; fresh is false when that isn't known.
func (h *Hub) AccessRevision() (number uint64, fresh bool) {
	h.revision.mu.Lock()
	defer h.revision.mu.Unlock()
	return h.revision.number, !h.revision.at.IsZero() && time.Since(h.revision.at) < revisionLife
}

// pollCredentials looks every HeadPoll, and whenever somebody says so, whether connections still have what let them in.
func (h *Hub) pollCredentials(ctx context.Context) {
	for h.nextPoll(ctx.Done(), h.credentialsNow) {
		h.checkCredentials(ctx)
		if h.inCluster() == nil {
			h.roster.noteActivity()
		}
	}
}

// checkCredentials closes the connections whose login, account or key has ended, when the access revision says that there may be some. Those that are new are looked at in
// any case: they were let in at an earlier revision.
func (h *Hub) checkCredentials(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	asked := time.Now()
	newcomers := h.roster.takeNewcomers()
	number, err := h.store.AccessRevision(ctx)
	if err != nil {
		h.roster.returnNewcomers(newcomers)
		h.credentialsUnknown(ctx, err)
		return
	}
	v := &h.revision
	v.mu.Lock()
	due := number != v.number || v.checked.IsZero() || asked.Sub(v.checked) >= expiryCheck
	v.mu.Unlock()
	seats := newcomers
	if due {
		seats = h.roster.all()
	}
	if err := h.endLapsed(ctx, seats); err != nil {
		h.roster.returnNewcomers(newcomers)
		h.credentialsUnknown(ctx, err)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.number, v.at = number, asked
	if due {
		v.checked = asked
	}
}

func (h *Hub) credentialsUnknown(ctx context.Context, err error) {
	if !errors.Is(ctx.Err(), context.Canceled) {
		h.logger.Warn("the credentials of connections can't be checked; trying again", "error", err)
	}
}

func (h *Hub) endLapsed(ctx context.Context, seats []*seat) error {
	if len(seats) == 0 {
		return nil
	}
	c := credentials(seats)
	lapsed, err := h.store.Lapsed(ctx, c)
	if err != nil {
		return err
	}
	if len(lapsed.Users)+len(lapsed.Sessions)+len(lapsed.Keys) == 0 {
		return nil
	}
	ended := make(map[uuid.UUID]string)
	for _, id := range lapsed.Keys {
		ended[id] = "the API key was revoked"
	}
	for _, id := range lapsed.Sessions {
		ended[id] = "signed out"
	}
	for _, id := range lapsed.Users {
		ended[id] = "the account was disabled"
	}
	for _, t := range seats {
		p := t.who.Load()
		for _, id := range [...]uuid.UUID{p.User, p.Session, p.Key} {
			if reason, ok := ended[id]; ok {
				t.end(reason, CloseUnauthorized)
				break
			}
		}
	}
	return nil
}
