package collab

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// Editor is one connection that has a document open, on whichever node.
type Editor = store.Lease

// activeStep is how often others are told of a connection's last activity.
const activeStep = 10 * time.Second

// roster is who is connected, and to which document: on this node for certain, and on the others as far as they let it be known. Its methods are safe for
// concurrent use.
type roster struct {
	// Set at construction.
	self store.Node // without what changes

	changed chan struct{} // of capacity 1: there is something to tell the other nodes

	mu      sync.Mutex
	seats   map[uuid.UUID]*seat      // guarded by mu, like all that follows: connections of this node
	unseen  map[uuid.UUID]*seat      // of seats: came since their credentials were last looked at
	telling bool                     // there are other nodes to tell
	version uint64                   // of seats, as last told
	fresh   map[uuid.UUID]struct{}   // of seats: changed since then
	gone    []uuid.UUID              // left since then
	others  map[uuid.UUID]*neighbour // other nodes, by their run
	alone   bool                     // the other nodes can't be known
	watches map[*Watch]struct{}
}

// seat is a connection of this node.
type seat struct {
	session *session
	room    *room
	who     atomic.Pointer[Peer] // its newest credentials
	editor  Editor               // LastActive as last told
	told    time.Time            // when that was
	renewed time.Time            // when its lease was last written
}

func newRoster(self store.Node) *roster {
	return &roster{
		self: self, changed: make(chan struct{}, 1), seats: make(map[uuid.UUID]*seat), unseen: make(map[uuid.UUID]*seat), fresh: make(map[uuid.UUID]struct{}),
		others: make(map[uuid.UUID]*neighbour), watches: make(map[*Watch]struct{}),
	}
}

// enter notes a connection that was admitted to a room.
func (o *roster) enter(r *room, s *session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := &seat{session: s, room: r, told: time.Now(), editor: Editor{
		Conn: s.peer.Conn, Run: o.self.Run, Node: o.self.Name, Document: r.doc, User: s.peer.User, Name: s.peer.Name,
		Role: min(s.role, s.peer.MaxRole), Since: s.since, LastActive: time.Unix(0, s.lastActive.Load()),
	}}
	o.renewSeat(t)
	o.seats[s.peer.Conn], o.unseen[s.peer.Conn] = t, t
	o.touch(t.editor.Conn)
	o.tell(Change{Kind: Joined, Editor: t.editor})
}

// renew notes newer credentials of a connection, which are looked at like those of a newcomer.
func (o *roster) renew(s *session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.seats[s.peer.Conn]; t != nil && t.session == s {
		o.renewSeat(t)
		o.unseen[s.peer.Conn] = t
		t.editor.Role = min(s.role, s.peer.MaxRole)
		o.touch(s.peer.Conn)
		o.tell(Change{Kind: Changed, Editor: t.now()})
	}
}

func (*roster) renewSeat(t *seat) {
	peer := t.session.peer
	t.who.Store(&peer)
}

// leave forgets a connection.
func (o *roster) leave(s *session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.seats[s.peer.Conn]
	if t == nil || t.session != s {
		return
	}
	delete(o.seats, s.peer.Conn)
	delete(o.unseen, s.peer.Conn)
	delete(o.fresh, s.peer.Conn)
	if o.telling {
		o.gone = append(o.gone, s.peer.Conn)
		signal(o.changed)
	}
	o.tell(Change{Kind: Left, Editor: t.now()})
}

// setRole notes what a connection may do now.
func (o *roster) setRole(s *session, role store.Role) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.seats[s.peer.Conn]; t != nil && t.editor.Role != role {
		t.editor.Role = role
		o.touch(t.editor.Conn)
		o.tell(Change{Kind: Changed, Editor: t.now()})
	}
}

// noteActivity tells of connections that were active since this was last told of them, each every activeStep at most.
func (o *roster) noteActivity() {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	for conn, t := range o.seats {
		if e := t.now(); e.LastActive.After(t.editor.LastActive) && now.Sub(t.told) >= activeStep {
			t.editor, t.told = e, now
			o.touch(conn)
			o.tell(Change{Kind: Changed, Editor: e})
		}
	}
}

// now gives the editor with the activity of this moment.
func (t *seat) now() Editor {
	e := t.editor
	e.LastActive = time.Unix(0, t.session.lastActive.Load())
	return e
}

// The caller of touch and tell holds mu.

func (o *roster) touch(conn uuid.UUID) {
	if o.telling {
		o.fresh[conn] = struct{}{}
		signal(o.changed)
	}
}

func (o *roster) tell(c Change) {
	for w := range o.watches {
		w.note(c)
	}
}

// list gives all connections that pass, oldest first, and whether those of other nodes are known.
func (o *roster) list(pass func(*Editor) bool) (list []Editor, whole bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.listLocked(pass), !o.alone
}

func (o *roster) listLocked(pass func(*Editor) bool) []Editor {
	var list []Editor
	for _, t := range o.seats {
		if pass(&t.editor) {
			list = append(list, t.now())
		}
	}
	for _, n := range o.others {
		for _, e := range n.leases {
			if pass(&e) {
				list = append(list, e)
			}
		}
	}
	slices.SortFunc(list, byAge)
	return list
}

// byAge orders connections, oldest first.
func byAge(a, b Editor) int {
	return cmp.Or(a.Since.Compare(b.Since), slices.Compare(a.Conn[:], b.Conn[:]))
}

// seat gives a connection of this node, or nil.
func (o *roster) seat(conn uuid.UUID) *seat {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seats[conn]
}

// host says which other node has a connection.
func (o *roster) host(conn uuid.UUID) (run uuid.UUID, found bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for run, n := range o.others {
		if _, ok := n.leases[conn]; ok {
			return run, true
		}
	}
	return uuid.Nil, false
}

// record is what this node says of itself. The caller holds mu.
func (o *roster) record() store.Node {
	n := o.self
	n.Roster, n.Connections = o.version, len(o.seats)
	docs := make(map[store.DocumentID]struct{})
	for _, t := range o.seats {
		docs[t.editor.Document] = struct{}{}
	}
	n.Documents = len(docs)
	return n
}

// nodes lists this node and the others, oldest first, and says whether the others are known.
func (o *roster) nodes() (list []store.Node, whole bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	list = []store.Node{o.record()}
	for _, n := range o.others {
		list = append(list, n.node)
	}
	slices.SortFunc(list, func(a, b store.Node) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), slices.Compare(a.Run[:], b.Run[:]))
	})
	return list, !o.alone
}

// credentials lists what connections rely on.
func credentials(seats []*seat) store.Credentials {
	users, sessions, keys := make(map[uuid.UUID]struct{}), make(map[uuid.UUID]struct{}), make(map[uuid.UUID]struct{})
	for _, t := range seats {
		p := t.who.Load()
		users[p.User], sessions[p.Session], keys[p.Key] = struct{}{}, struct{}{}, struct{}{}
	}
	return store.Credentials{Users: present(users), Sessions: present(sessions), Keys: present(keys)}
}

// present lists a set without the nil id.
func present(set map[uuid.UUID]struct{}) []uuid.UUID {
	delete(set, uuid.Nil)
	list := make([]uuid.UUID, 0, len(set))
	for id := range set {
		list = append(list, id)
	}
	return list
}

// takeNewcomers gives the connections that came since this was last called.
func (o *roster) takeNewcomers() []*seat {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]*seat, 0, len(o.unseen))
	for _, t := range o.unseen {
		list = append(list, t)
	}
	clear(o.unseen)
	return list
}

// returnNewcomers takes connections back that could not be looked at.
func (o *roster) returnNewcomers(list []*seat) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range list {
		if o.seats[t.editor.Conn] == t {
			o.unseen[t.editor.Conn] = t
		}
	}
}

// all gives this node's seats.
func (o *roster) all() []*seat {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]*seat, 0, len(o.seats))
	for _, t := range o.seats {
		list = append(list, t)
	}
	return list
}

// count gives the number of connections of this node and of the others.
func (o *roster) count() (here, there int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, n := range o.others {
		there += len(n.leases)
	}
	return len(o.seats), there
}
