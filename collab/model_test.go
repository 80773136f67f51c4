package collab

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"github.com/bizsync/bizsync/store"
)

// link is a WebSocket made of memory, with latency and a cable that can be pulled. It is a Conn at the server's end.
type link struct {
	up, down         chan packet // as sent
	arrived, deliver chan []byte // as received: at the server, at the client
	latency          func() time.Duration
	silent           atomic.Int64 // since when its pings go unanswered, Unix nanoseconds; 0: they are answered
	rest             []Message    // owned by the server's sender
	cut              chan struct{}
	once             sync.Once

	mu     sync.Mutex
	code   int
	reason string
}

var errCut = errors.New("connection cut")

// newLink starts the pumps of a link; they end when it is cut. latency gives each message's way, in order.
func newLink(wg *sync.WaitGroup, latency func() time.Duration) *link {
	l := &link{
		up: make(chan packet, 256), down: make(chan packet, 256), latency: latency,
		arrived: make(chan []byte, 256), deliver: make(chan []byte, 256), cut: make(chan struct{}),
	}
	wg.Go(func() { l.pump(l.up, l.arrived, false) })
	wg.Go(func() { l.pump(l.down, l.deliver, true) })
	return l
}

// packet is a message under way. A nil message from the server is the close frame.
type packet struct {
	msg []byte
	due time.Time
}

func (l *link) packet(msg []byte) packet { return packet{msg: msg, due: time.Now().Add(l.latency())} }

// pump carries messages in order.
func (l *link) pump(from chan packet, to chan []byte, closing bool) {
	for {
		select {
		case p := <-from:
			if d := time.Until(p.due); d > 0 {
				time.Sleep(d)
			}
			if p.msg == nil && closing {
				l.pull()
				return
			}
			select {
			case to <- p.msg:
			case <-l.cut:
				return
			}
		case <-l.cut:
			return
		}
	}
}

// pull cuts the link; what is under way is lost.
func (l *link) pull() { l.once.Do(func() { close(l.cut) }) }

// Heard is now, as if every ping were answered, until the link is silenced.
func (l *link) Heard() time.Time {
	if at := l.silent.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Now()
}

func (l *link) Read() ([]byte, error) {
	select {
	case msg := <-l.arrived:
		return msg, nil
	case <-l.cut:
		return nil, errCut
	}
}

func (l *link) Send(msgs []Message) (bool, error) {
	for i, m := range msgs {
		b := m.Body
		if m.Head != nil {
			b = slices.Concat(m.Head, m.Body)
		}
		select {
		case l.down <- l.packet(b):
		case <-l.cut:
			return false, errCut
		default:
			l.rest = append(l.rest, msgs[i:]...)
			return false, nil
		}
	}
	return true, nil
}

func (*link) Limit(int64) {}

func (l *link) Flush() error {
	for _, m := range l.rest {
		select {
		case l.down <- l.packet(slices.Concat(m.Head, m.Body)):
		case <-l.cut:
			return errCut
		}
	}
	l.rest = l.rest[:0]
	return nil
}

func (l *link) Close(code int, reason string) {
	l.mu.Lock()
	if l.code == 0 {
		l.code, l.reason = code, reason
	}
	l.mu.Unlock()
	select {
	case l.down <- l.packet(nil):
	default:
		l.pull()
	}
}

func (l *link) closed() (int, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.code, l.reason
}

// sentFrame is an update frame that a model client has sent on its present connection.
type sentFrame struct {
	update  crdt.Update
	refused int
}

// model is a stock y-websocket client with bizsync.v1, without an integrated document: what it knows is a crdt.State.
type model struct {
	id         uint64
	user       store.UserID
	rng        *rand.Rand
	tabs       []*model            // of the same account and document: they share edits as over a BroadcastChannel
	onTold     func(u crdt.Update) // an update of the server has come
	onAck      func(u crdt.Update) // an update frame was acknowledged
	onPresence func()              // an awareness frame has come

	mu       sync.Mutex
	doc      *crdt.State
	clock    uint32
	conn     *link
	sent     []sentFrame
	ackedTo  int
	acked    []crdt.Update // ever acknowledged, on any connection
	refused  []int
	denied   []string
	malform  []error
	peers    map[uint64]awarenessEntry
	caretAt  uint64 // own awareness clock
	gotStep2 bool
	silent   bool // announces no presence
}

func newModel(id uint64, user store.UserID, rng *rand.Rand) *model {
	return &model{id: id, user: user, rng: rng, doc: crdt.NewState(), peers: make(map[uint64]awarenessEntry)}
}

// connect starts to use a link as stock clients do: step 1, then presence.
func (m *model) connect(l *link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conn, m.sent, m.ackedTo, m.gotStep2 = l, nil, 0, false
	m.send(syncMessage(syncStep1, m.doc.StateVector().Encode()))
	if !m.silent {
		m.sendCaret()
	}
}

func (m *model) sendCaret() {
	m.caretAt++
	m.sendCaretAt(m.caretAt)
}

func (m *model) sendCaretAt(clock uint64) {
	b := appendAwarenessEntry([]byte{1}, awarenessEntry{client: m.id, clock: clock, state: []byte(`{"user":{"name":"somebody else"}}`)})
	m.send(awarenessMessage(b))
}

func (m *model) send(msg []byte) {
	if m.conn == nil {
		return
	}
	select {
	case m.conn.up <- m.conn.packet(msg):
	case <-m.conn.cut:
	}
}

func (m *model) sendUpdate(step uint64, u crdt.Update) {
	if m.conn == nil {
		return
	}
	m.sent = append(m.sent, sentFrame{update: u})
	m.send(syncMessage(step, u.Bytes()))
}

// receive takes one message of the server.
func (m *model) receive(msg []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := lib0.Over(msg, 0)
	kind, _ := d.ReadVarUint()
	switch kind {
	case messageAck:
		n, err := d.ReadVarUint()
		if err != nil || n > uint64(len(m.sent)) {
			m.malform = append(m.malform, errors.New("an ack beyond what was sent"))
			return
		}
		for ; m.ackedTo < int(n); m.ackedTo++ {
			if f := m.sent[m.ackedTo]; f.refused == 0 {
				m.acked = append(m.acked, f.update)
				if m.onAck != nil {
					m.onAck(f.update)
				}
			}
		}
		return
	case messageRefused:
		n, _ := d.ReadVarUint()
		code, _ := d.ReadVarUint()
		if n == 0 || n > uint64(len(m.sent)) {
			m.malform = append(m.malform, errors.New("a refusal of a frame that was not sent"))
			return
		}
		m.sent[n-1].refused = int(code)
		m.refused = append(m.refused, int(code))
		return
	case messageAuth:
		_, _ = d.ReadVarUint()
		reason, _ := d.ReadVarString()
		m.denied = append(m.denied, reason)
		return
	}
	f, err := parseFrame(msg)
	if err != nil {
		m.malform = append(m.malform, err)
		return
	}
	switch f.kind {
	case frameStep1:
		m.sendUpdate(syncStep2, m.doc.Diff(f.vector))
	case frameStep2, frameUpdate:
		m.gotStep2 = m.gotStep2 || f.kind == frameStep2
		if m.onTold != nil {
			m.onTold(f.update)
		}
		m.doc.Apply(f.update)
	case frameAwareness:
		if m.onPresence != nil {
			m.onPresence()
		}
		m.hear(f.awareness)
	}
}

// hear applies an awareness update as y-protocols does, and echoes it as y-websocket does.
func (m *model) hear(update []byte) {
	_ = eachAwarenessEntry(update, func(e awarenessEntry) bool {
		if e.client == m.id {
			if e.left() && e.clock >= m.caretAt {
				m.caretAt = e.clock + 1
				m.sendCaretAt(m.caretAt)
			}
			return true
		}
		known, had := m.peers[e.client]
		if !had || e.clock > known.clock || (e.clock == known.clock && e.left()) {
			m.peers[e.client] = awarenessEntry{client: e.client, clock: e.clock, state: append([]byte(nil), e.state...)}
			m.send(awarenessMessage(appendAwarenessEntry([]byte{1}, e)))
		}
		return true
	})
}

// edit types something or deletes something, and sends it when connected.
func (m *model) edit() {
	m.mu.Lock()
	u := m.make()
	m.mu.Unlock()
	m.local(u)
}

// local applies an edit of one's own, sends it, and shares it with one's other tabs.
func (m *model) local(u crdt.Update) {
	m.mu.Lock()
	m.doc.Apply(u)
	m.sendUpdate(syncUpdate, u)
	m.mu.Unlock()
	for _, tab := range m.tabs {
		tab.mu.Lock()
		tab.doc.Apply(u)
		tab.mu.Unlock()
	}
}

// make builds an update: mostly a few letters after any known element, else the deletion of known elements.
func (m *model) make() crdt.Update {
	sv := m.doc.StateVector()
	if len(sv) > 0 && m.rng.IntN(4) == 0 {
		at := m.known(sv)
		n := 1 + m.rng.Uint32N(min(3, sv[at.Client]-at.Clock))
		return deletion(at, n)
	}
	text := "abcdefgh"[:1+m.rng.IntN(4)]
	var origin *crdt.ID
	if len(sv) > 0 && m.rng.IntN(10) > 0 {
		id := m.known(sv)
		origin = &id
	}
	u := insertion(crdt.ID{Client: m.id, Clock: m.clock}, origin, text)
	m.clock += uint32(len(text))
	return u
}

// known picks one element at random among those that the client has.
func (m *model) known(sv crdt.StateVector) crdt.ID {
	n := m.rng.IntN(len(sv))
	// Map order would make a seed mean something else at each run.
	var clients []uint64
	for c := range sv {
		clients = append(clients, c)
	}
	for i := range clients {
		for j := i + 1; j < len(clients); j++ {
			if clients[j] < clients[i] {
				clients[i], clients[j] = clients[j], clients[i]
			}
		}
	}
	c := clients[n]
	return crdt.ID{Client: c, Clock: m.rng.Uint32N(sv[c])}
}

// insertion is the update that Yjs makes when text is typed after origin (nil: into an empty Y.Text "t").
func insertion(id crdt.ID, origin *crdt.ID, text string) crdt.Update {
	b := []byte{1, 1}
	b = lib0.AppendVarUint(b, id.Client)
	b = lib0.AppendVarUint(b, uint64(id.Clock))
	if origin != nil {
		b = append(b, 0x80|4)
		b = lib0.AppendVarUint(b, origin.Client)
		b = lib0.AppendVarUint(b, uint64(origin.Clock))
	} else {
		b = append(b, 4, 1)
		b = lib0.AppendVarString(b, "t")
	}
	b = lib0.AppendVarString(b, text)
	b = append(b, 0)
	return mustParse(b)
}

// deletion is the update that Yjs makes when n elements from at on are deleted.
func deletion(at crdt.ID, n uint32) crdt.Update {
	b := []byte{0, 1}
	b = lib0.AppendVarUint(b, at.Client)
	b = append(b, 1)
	b = lib0.AppendVarUint(b, uint64(at.Clock))
	b = lib0.AppendVarUint(b, uint64(n))
	return mustParse(b)
}

func mustParse(b []byte) crdt.Update {
	u, err := crdt.ParseUpdate(b)
	if err != nil {
		panic(err)
	}
	return u
}

// peerOf is the checked identity of a model's account.
func peerOf(m *model, name string, role store.Role, version uint64) Peer {
	return Peer{Conn: uuid.New(), User: m.user, Name: name, Role: role, MaxRole: store.Owner, AccessVersion: version, Acks: true}
}
