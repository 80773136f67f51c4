package collab

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
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
	hub    *Hub
	doc    store.DocumentID
	relay  Relay           // nil on a single node
	life   context.Context // of what the room has started; done when it ends
	stop   context.CancelFunc
	loaded chan struct{} // closed when loading has ended, one way or the other
	mail   mail

	// Guarded by hub.mu.
	refs int // connections and Content calls that use the room

	seen        atomic.Uint64 // upTo, for the hub's poll
	seenRow     atomic.Int64  // upToRow, likewise
	seenAccess  atomic.Uint64 // accessVersion, likewise
	seenLenient atomic.Bool   // lenient, likewise
	comparing   atomic.Bool   // a head is in the mail
	foreign     atomic.Int64  // messages of other nodes in the mail
	nudged      atomic.Bool   // word is to be heard
	busy        atomic.Bool   // so large, or with so much to judge, that nobody should run the room whom others wait for

	wordMu sync.Mutex
	word   word // guarded by wordMu

	loadErr error // written before loaded is closed, and so is this:
	damaged bool  // the document can't be read to its end: nobody edits it

	// Owned by whoever runs the room.
	sessions    []*session
	touched     []*session           // have something to be sent when the turn ends
	state       *crdt.State          // committed
	encoded     []byte               // state as a whole, encoded; nil when it has changed
	welcome     *welcome             // what newcomers get, shared by all of them; nil when the state has changed
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
	slimmed       time.Time             // when deleted content was last looked for
	heavyAt       time.Time             // when the newest heavy frame was judged
	parked        map[*session]struct{} // with frames that wait for room in the batch
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
}

// tail counts what was committed since the newest snapshot.
type tail struct {
	rows  int
	bytes int
}

// event is a letter to a room: a session's frame, what became of a batch, or something else to do.
type event struct {
	session *session
	frame   frame
	batch   *batch // with its result
	do      func()
}

func newRoom(h *Hub, doc store.DocumentID, relay Relay) *room {
	r := &room{
		hub: h, doc: doc, relay: relay,
		loaded:   make(chan struct{}),
		state:    crdt.NewState(),
		above:    make(map[uint64]store.Row),
		owners:   make(map[uint64]store.UserID),
		holders:  make(map[*session]struct{}),
		unsynced: make(map[*session]struct{}),
		parked:   make(map[*session]struct{}),
		presence: newPresence(),
	}
	r.life, r.stop = context.WithCancel(h.rooms)
	r.mail.running = true // until it is loaded
	return r
}

// log is for what an operator has to know of the room: seldom anything, so no room keeps a logger.
func (r *room) log() *slog.Logger { return r.hub.logger.With("document", r.doc) }

// open loads the document, and then runs the room for those who wait.
func (r *room) open() {
	r.loadErr = r.load()
	r.hub.noteDamage(r.doc, r.damaged || errors.Is(r.loadErr, ErrDamaged))
	if r.loadErr != nil {
		r.hub.forget(r)
		r.mail.mu.Lock()
		r.mail.ended, r.mail.letters = true, nil
		r.mail.mu.Unlock()
		r.stop()
		close(r.loaded)
		r.hub.roomsWG.Done()
		return
	}
	r.hub.metrics.rooms.Inc()
	look := func() { r.wakeAt = time.Time{} }
	r.wake = time.AfterFunc(r.hub.timing.Idle, func() { r.post(event{do: look}) })
	r.idleFrom = time.Now()
	r.wakeAt = r.idleFrom.Add(r.hub.timing.Idle)
	close(r.loaded)
	r.turns(0)
}

// handle reads one letter.
func (r *room) handle(ev event) {
	defer r.rescue()
	switch {
	case ev.do != nil:
		ev.do()
	case ev.batch != nil:
		r.decided(ev.batch)
	case r.stopping || !ev.session.joined:
		ev.session.spent(ev.frame) // not accepted, not acknowledged: the client brings it again
		if ev.frame.carriesEdits() && !ev.frame.silent {
			ev.session.unsettled.Add(1)
		}
	default:
		r.receive(ev.session, ev.frame)
	}
}

// settle does what is due after a change: held and parked frames, reads, presence, and the time of the next look.
func (r *room) settle() {
	defer r.rescue()
	now := time.Now()
	r.unpark(now)
	if r.rejudge {
		r.rejudgeHeld(now)
	}
	r.expireHeld(now)
	r.askAgain(now)
	r.presence.flush(r, now)
	r.watchHole(now)
	r.startRead(now)
	r.startRights(now)
	r.startReset()
	r.resolveDoubt()
	r.tellHash(now)
	r.submit()
	r.compactTail(now)
	r.forgetWelcome(now)
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
		quiet := r.empty()
		if quiet && len(r.sessions) > 0 {
			r.part()
		}
		return quiet
	}
	return !r.idleFrom.IsZero() && time.Since(r.idleFrom) >= r.hub.timing.Idle
}

// join admits a session and tells it what it needs to begin: our step 1, and who is here.
func (r *room) join(s *session, unasked bool) *CloseError {
	if r.failed != nil {
		return r.failed
	}
	if r.stopping {
		return &CloseError{Code: CloseGoingAway, Reason: "going away"}
	}
	if refused := r.makePlace(s); refused != nil {
		return refused
	}
	s.place = len(r.sessions)
	r.sessions = append(r.sessions, s)
	s.joined = true
	r.hub.metrics.connections.Inc()
	r.hub.roster.enter(r, s)
	if s.keyed {
		if s.former != nil {
			s.acks.due += int(s.former.unsettled.Load())
			s.former = nil
		}
		s.put(authenticatedMessage(s.canWrite()))
		if unasked {
			r.answerStep1(s, nil)
		}
	}
	if unasked {
		r.sendStep1(s)
	}
	if all := r.presence.all(r); all != nil {
		s.put(awarenessMessage(all))
	}
	if r.damaged && !s.keyed {
		s.put(PermissionDenied(damagedReason))
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
			if silent == nil || o.out.conn.Heard().Before(silent.out.conn.Heard()) {
				silent = o
			}
		}
	}
	if mine < l.SocketsPerUser && len(r.sessions) < l.SocketsPerDoc {
		return nil
	}
	if silent != nil && time.Since(silent.out.conn.Heard()) > silentFor {
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
	last := len(r.sessions) - 1
	r.sessions[s.place] = r.sessions[last]
	r.sessions[s.place].place = s.place
	r.sessions[last] = nil
	r.sessions = r.sessions[:last]
	delete(r.holders, s)
	delete(r.unsynced, s)
	delete(r.parked, s)
	s.debt = nil
	for _, f := range s.queue {
		s.spent(f)
	}
	s.held, s.queue = nil, nil
	s.holds(0)
	r.presence.leave(s)
	r.hub.roster.leave(s)
	s.unsettled.Add(s.acks.unsettled() + s.skipped.Swap(0))
	s.life.end()
	r.hub.metrics.connections.Dec()
	r.hub.release(r)
}

// kick ends a session with a code of CONTRACT section 4, after what is queued for it.
func (r *room) kick(s *session, code int, reason string) {
	if s.joined {
		r.closeAfter(s, 0, code, reason)
	}
}

// closeAfter is kick, but the connection stays open for a while when all is sent. A Hocuspocus client that is not to come back is denied the one document: its connection stays.
func (r *room) closeAfter(s *session, linger time.Duration, code int, reason string) {
	r.hub.metrics.closed(code)
	if final(code) {
		s.put(s.denial(reason))
	}
	if !s.keyed || !final(code) {
		// First the code: removing ends the reader, which closes with another one what nobody has closed.
		s.out.finishAfter(linger, code, reason)
		s.touch()
	}
	r.remove(s)
}

// fail ends all sessions and makes the room useless: the next connection loads the document anew.
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
	for _, s := range slices.Backward(r.sessions) {
		r.kick(s, c.Code, c.Reason)
	}
}

// lastWords bounds how long a node that goes away waits for a connection to take what is queued for it.
const lastWords = time.Second

// part closes all sessions because the node goes away, spread over a while, so that the other nodes don't get all of them at once.
func (r *room) part() {
	for _, s := range slices.Backward(r.sessions) {
		r.closeAfter(s, rand.N(r.hub.timing.Part), CloseGoingAway, "going away")
		// Who reads nothing any more would keep the node from going.
		conn := s.out.conn
		time.AfterFunc(r.hub.timing.Part+lastWords, func() { conn.Close(CloseGoingAway, "going away") })
	}
	r.fail(&CloseError{Code: CloseGoingAway, Reason: "going away"})
}

// encodeAll gives the committed state, encoded once for all who ask before it changes.
func (r *room) encodeAll() []byte {
	if r.encoded == nil {
		r.encoded = r.state.Encode().Bytes()
	}
	return r.encoded
}

// heard notes that word was left, or that somebody has let go of the room.
func (r *room) heard() {
	if r.nudged.CompareAndSwap(false, true) {
		r.post(event{do: r.hear})
	}
}
