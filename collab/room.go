package collab

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

// room is one open document: its committed state, what is on its way to the database, and the sessions that edit it.
type room struct {
	// Set at construction.
	hub     *Hub
	doc     store.DocumentID
	logger  *slog.Logger
	relay   Relay             // nil on a single node
	relayed chan relayed      // from other nodes, also while the room is loading
	inbox   chan event        // joins, leaves and frames: what connections do
	control chan event        // all else, so that it doesn't wait behind frames
	results chan commitResult // of capacity 1: the journal has at most one batch of a room
	reads   chan readResult   // of capacity 1: at most one read of the log is under way
	rights  chan rightsResult // of capacity 1
	resets  chan store.Head   // of capacity 1: the document's epoch was changed
	nudge   chan struct{}     // of capacity 1: look whether the room can end, and at word
	loaded  chan struct{}     // closed when loading has ended, one way or the other
	ended   chan struct{}     // closed when run has returned

	// Guarded by hub.mu.
	refs int // Serve and Content calls that use the room

	seen        atomic.Uint64 // upTo, for the hub's poll
	seenRow     atomic.Int64  // upToRow, likewise
	seenAccess  atomic.Uint64 // accessVersion, likewise
	seenLenient atomic.Bool   // lenient, likewise

	wordMu sync.Mutex
	word   word // guarded by wordMu

	loadErr error // written before loaded is closed

	// Owned by run.
	sessions    map[uuid.UUID]*session
	state       *crdt.State          // committed
	encoded     []byte               // state as a whole, encoded; nil when it has changed
	welcome     []byte               // the step 2 around encoded, shared by all newcomers
	lenient     bool                 // the document's history went back lately: others' structs are taken from whoever has them
	epoch       uuid.UUID            // never changes: a room whose document has another one is given up
	upTo        uint64               // every row up to this number is applied
	upToRow     store.RowID          // and has this id
	above       map[uint64]store.Row // applied rows beyond a hole; without their updates
	owners      map[uint64]store.UserID
	tail        tail
	compactedAt time.Time

	batchSince time.Time
	batch      *batch // with the journal, or nil
	next       *batch // gathers while batch is in flight, or nil
	spare      *crdt.State
	known      [3]*crdt.State

	accessVersion uint64 // at which the sessions' roles were read
	reading       bool   // a read of the log is under way
	readAgain     bool   // and another one was asked for meanwhile
	lastRead      time.Time
	awaiting      []staged // frames that are judged for good when the log was read to its head
	fresh         int      // of awaiting: so many were there when the read began
	asking        bool     // a read of rights is under way
	rightsDue     bool     // and this one is wanted
	rightsNext    time.Time
	holders       map[*session]struct{}
	unsynced      map[*session]struct{} // to be sent step 1 when their back-off allows
	rejudge       bool                  // held frames may fit now
	rejudgeNext   time.Time
	questions     map[*session]crdt.StateVector // of slow readers, to be answered when the earlier answer is written
	parked        map[*session]struct{}         // with frames that wait for room in the batch
	holeSince     time.Time
	resetting     reset // the document's history went back
	doubtful      bool  // the order in which rows were applied may have mattered

	hashNext time.Time // when the state is compared with other nodes
	hashOf   [32]byte  // of the state at hashedAt, if hashed
	hashedAt uint64
	hashed   bool

	presence presence

	stopping bool
	failed   *CloseError // the room is of no more use; its sessions were closed with this
	wake     *time.Timer
	wakeAt   time.Time
	idleFrom time.Time // no session and nothing staged since

	wg sync.WaitGroup // of reads under way
}

// tail counts what was committed since the newest snapshot.
type tail struct {
	rows  int
	bytes int
}

type eventKind uint8

const (
	eventFrame eventKind = iota
	eventJoin
	eventLeave
	eventHead    // the database's head, from the hub's poll
	eventContent // a reader wants the committed state
	eventStop
)

// event is what a room's inbox carries.
type event struct {
	kind    eventKind
	session *session
	frame   frame
	head    store.Head
	seen    uint64
	joined  chan<- *CloseError // of capacity 1
	content chan<- Content     // of capacity 1
}

func newRoom(h *Hub, doc store.DocumentID, relay Relay) *room {
	return &room{
		hub: h, doc: doc, relay: relay, logger: h.logger.With("document", doc),
		inbox:     make(chan event, 64),
		control:   make(chan event, 8),
		relayed:   make(chan relayed, relayWaiting),
		results:   make(chan commitResult, 1),
		reads:     make(chan readResult, 1),
		rights:    make(chan rightsResult, 1),
		resets:    make(chan store.Head, 1),
		nudge:     make(chan struct{}, 1),
		loaded:    make(chan struct{}),
		ended:     make(chan struct{}),
		sessions:  make(map[uuid.UUID]*session),
		state:     crdt.NewState(),
		above:     make(map[uint64]store.Row),
		owners:    make(map[uint64]store.UserID),
		holders:   make(map[*session]struct{}),
		unsynced:  make(map[*session]struct{}),
		parked:    make(map[*session]struct{}),
		questions: make(map[*session]crdt.StateVector),
		presence:  newPresence(),
	}
}

// load reads the document. A document that can't be read completely is refused; it never becomes an empty one.
func (r *room) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loadLimit)
	defer cancel()
	defer context.AfterFunc(r.hub.loads, cancel)()
	apply := func(b []byte) error {
		u, err := crdt.ParseUpdate(b)
		if err != nil {
			return err
		}
		r.state.Apply(u)
		return nil
	}
	head, err := r.hub.store.LoadDocument(ctx, r.doc, store.Loader{
		Binding: func(b store.Binding) error { r.owners[b.Client] = b.User; return nil },
		Snapshot: func(s store.Snapshot) error {
			if err := apply(s.State); err != nil {
				return fmt.Errorf("snapshot %d: %w", s.Seq, err)
			}
			return nil
		},
		Row: func(row store.Row) error {
			if err := apply(row.Update); err != nil {
				return fmt.Errorf("row %d: %w", row.Seq, err)
			}
			r.tail.rows++
			r.tail.bytes += len(row.Update)
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("load document %s: %w", r.doc, err)
	}
	r.seen.Store(head.Seq)
	r.seenAccess.Store(head.AccessVersion)
	r.epoch, r.upTo, r.upToRow, r.accessVersion = head.Epoch, head.Seq, head.Row, head.AccessVersion
	r.setLenient(head)
	r.seenRow.Store(int64(head.Row))
	return nil
}

// run loads the document and then is the only goroutine that touches its state, until nobody needs the room any more.
func (r *room) run(ctx context.Context) {
	defer close(r.ended)
	r.loadErr = r.load(ctx)
	if r.loadErr != nil {
		r.hub.forget(r)
		close(r.loaded)
		return
	}
	r.hub.metrics.rooms.Inc()
	defer r.hub.metrics.rooms.Dec()
	r.wake = time.NewTimer(r.hub.timing.Idle)
	defer r.wake.Stop()
	r.idleFrom = time.Now()
	r.at(r.idleFrom.Add(r.hub.timing.Idle))
	close(r.loaded)
	defer r.wg.Wait()
	ctx, end := context.WithCancel(ctx)
	defer end()
	for {
		select {
		case ev := <-r.inbox:
			r.handle(ev)
			// What is there already is handled in the same go, so that held frames are looked at once for all of it.
			for n := len(r.inbox); n > 0; n-- {
				r.handle(<-r.inbox)
			}
		case ev := <-r.control:
			r.handle(ev)
		case m := <-r.relayed:
			r.takeRelayed(m)
			for n := len(r.relayed); n > 0; n-- {
				r.takeRelayed(<-r.relayed)
			}
		case res := <-r.results:
			r.decided(res)
		case res := <-r.reads:
			r.readDone(ctx, res)
		case res := <-r.rights:
			r.rightsDone(res)
		case head := <-r.resets:
			r.reload(head)
		case <-r.nudge:
			r.hear()
		case <-r.wake.C:
			r.wakeAt = time.Time{}
		case <-ctx.Done():
			r.fail(&CloseError{Code: CloseGoingAway, Reason: "going away"})
			if r.hub.unload(r) {
				return
			}
			// Sessions end by themselves now; their leaving is all that is left to hear.
			select {
			case ev := <-r.inbox:
				r.handle(ev)
			case ev := <-r.control:
				r.handle(ev)
			case <-r.nudge:
			}
			continue
		}
		r.settle(ctx)
		if r.finished() && r.hub.unload(r) {
			if r.failed == nil {
				r.wantCompaction(compactIdleRows, compactIdleBytes)
			}
			return
		}
	}
}

// handle takes one event.
func (r *room) handle(ev event) {
	s := ev.session
	switch ev.kind {
	case eventFrame:
		if r.stopping || !s.joined {
			s.spent(ev.frame) // not accepted, not acknowledged: the client brings it again
			return
		}
		r.receive(s, ev.frame)
	case eventJoin:
		ev.joined <- r.join(s)
	case eventLeave:
		r.remove(s)
	case eventHead:
		r.compareHead(ev.head, ev.seen)
	case eventContent:
		ev.content <- Content{Epoch: r.epoch, Seq: r.upTo, Update: r.encodeAll()}
	case eventStop:
		for n := len(r.inbox); n > 0; n-- { // came before
			r.handle(<-r.inbox)
		}
		r.stopping = true
	}
}

// settle does what is due after a change: held and parked frames, reads, presence, and the time of the next look.
func (r *room) settle(ctx context.Context) {
	now := time.Now()
	r.unpark(now)
	if r.rejudge {
		r.rejudgeHeld(now)
	}
	r.expireHeld(now)
	r.askAgain(now)
	r.answerWaiting()
	r.presence.flush(r, now)
	r.watchHole(now)
	r.startRead(ctx, now)
	r.startRights(ctx, now)
	r.startReset(ctx)
	r.resolveDoubt()
	r.tellHash(now)
	r.submit()
	r.compactTail(now)
	if len(r.sessions) > 0 || r.staging() {
		r.idleFrom = time.Time{}
	} else if r.idleFrom.IsZero() {
		r.idleFrom = now
	}
	// Later than that the room waits for whoever still uses it, whose release nudges it.
	if end := r.idleFrom.Add(r.hub.timing.Idle); !r.idleFrom.IsZero() && now.Before(end) {
		r.at(end)
	}
}

// at makes the room look again at t, at the latest.
func (r *room) at(t time.Time) {
	if r.wakeAt.IsZero() || t.Before(r.wakeAt) {
		r.wakeAt = t
		r.wake.Reset(time.Until(t))
	}
}

func (r *room) staging() bool { return r.batch != nil || r.next != nil }

// finished says whether the room may end: failed, stopped with everything committed, or idle for long enough.
func (r *room) finished() bool {
	switch {
	case r.failed != nil:
		return true
	case r.resetting != resetNone && r.stopping:
		r.fail(&CloseError{Code: CloseGoingAway, Reason: "going away"})
		return true
	case r.staging():
		return false
	case r.stopping:
		if len(r.inbox) == 0 && len(r.sessions) > 0 {
			r.part()
		}
		return len(r.inbox) == 0
	}
	return !r.idleFrom.IsZero() && time.Since(r.idleFrom) >= r.hub.timing.Idle
}

// join admits a session and tells it what it needs to begin: our step 1, and who is here.
func (r *room) join(s *session) *CloseError {
	if r.failed != nil {
		return r.failed
	}
	if r.stopping {
		return &CloseError{Code: CloseGoingAway, Reason: "going away"}
	}
	if refused := r.makePlace(s); refused != nil {
		return refused
	}
	r.sessions[s.peer.Conn] = s
	s.joined = true
	r.hub.metrics.connections.Inc()
	r.hub.roster.enter(r, s)
	r.sendStep1(s)
	if all := r.presence.all(r); all != nil {
		s.out.put(awarenessMessage(all))
	}
	if s.roleVersion != r.accessVersion {
		r.askRights()
	}
	return nil
}

// makePlace holds the limits on sockets. A silent older socket of the same account makes way: it is most likely dead.
func (r *room) makePlace(s *session) *CloseError {
	l := r.hub.limits
	var silent *session
	mine := 0
	for _, o := range r.sessions {
		if o.peer.User == s.peer.User {
			mine++
			if silent == nil || o.conn.Heard().Before(silent.conn.Heard()) {
				silent = o
			}
		}
	}
	if mine < l.SocketsPerUser && len(r.sessions) < l.SocketsPerDoc {
		return nil
	}
	if silent != nil && time.Since(silent.conn.Heard()) > silentFor {
		r.kick(silent, CloseTryAgain, "replaced by a newer connection")
		return nil
	}
	return &CloseError{Code: CloseTryAgain, Reason: "too many connections to this document"}
}

// remove takes a session out of the room. What it had staged is committed all the same.
func (r *room) remove(s *session) {
	if !s.joined {
		return
	}
	s.joined = false
	delete(r.sessions, s.peer.Conn)
	delete(r.holders, s)
	delete(r.unsynced, s)
	delete(r.parked, s)
	delete(r.questions, s)
	for _, f := range s.queue {
		s.spent(f)
	}
	s.held, s.queue, s.heldBytes = nil, nil, 0
	r.presence.leave(s)
	r.hub.roster.leave(s)
	s.end()
	r.hub.metrics.connections.Dec()
}

// kick closes a session after what is queued for it.
func (r *room) kick(s *session, code int, reason string) {
	if !s.joined {
		return
	}
	r.closeAfter(s, 0, code, reason)
}

func (r *room) closeAfter(s *session, linger time.Duration, code int, reason string) {
	r.hub.metrics.closed(code)
	// First the code: removing ends the reader, which closes with another one what nobody has closed.
	s.out.finishAfter(linger, code, reason)
	r.remove(s)
}

// fail closes all sessions and makes the room useless: the next connection loads the document anew.
func (r *room) fail(c *CloseError) {
	if r.failed == nil {
		r.failed = c
		r.hub.forget(r)
		if r.next != nil {
			r.next.settled()
			r.next = nil
		}
		r.awaiting = nil
	}
	for _, s := range r.sessions {
		r.kick(s, c.Code, c.Reason)
	}
}

// lastWords bounds how long a node that goes away waits for a connection to take what is queued for it.
const lastWords = time.Second

// part closes all sessions because the node goes away, spread over a while, so that the other nodes don't get all of them at once.
func (r *room) part() {
	for _, s := range r.sessions {
		if s.joined {
			r.closeAfter(s, rand.N(r.hub.timing.Part), CloseGoingAway, "going away")
			// Who reads nothing any more would keep the node from going.
			conn := s.conn
			time.AfterFunc(r.hub.timing.Part+lastWords, func() { conn.Close(CloseGoingAway, "going away") })
		}
	}
	r.fail(&CloseError{Code: CloseGoingAway, Reason: "going away"})
}

// broadcast gives one message to all sessions but one.
func (r *room) broadcast(msg []byte, except *session) {
	for _, s := range r.sessions {
		if s != except {
			s.out.put(msg)
		}
	}
}

// encodeAll gives the committed state, encoded once for all who ask before it changes.
func (r *room) encodeAll() []byte {
	if r.encoded == nil {
		state := r.state.Encode().Bytes()
		r.welcome = syncMessage(syncStep2, state)
		r.encoded = r.welcome[len(r.welcome)-len(state):]
	}
	return r.encoded
}
