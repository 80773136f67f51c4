package collab

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/bizsync/bizsync/store"
)

// sessionCredit is how many bytes of a session's frames may wait to be judged; a larger frame waits alone. When it is used up
// the reader stops reading, which the sender's TCP feels.
const sessionCredit = 64 << 10

// chargeTime is how long the reader of a connection with many documents waits for one of them.
const chargeTime = 250 * time.Millisecond

// frameCost is what a frame counts for at least, since waiting costs more than its bytes.
const frameCost = 256

// statelessUnit is the size in bytes at which a stateless message counts for another frame: 1 MiB a second with the default rate. Everybody gets it, and nobody keeps it.
const statelessUnit = 512

// openMost bounds how many frames of one session are remembered for their acknowledgement. A client that answers our step 1 never comes near.
const openMost = 50_000

// session is one connection's membership of a room. A y-websocket connection has one, a Hocuspocus connection one for each of its documents.
type session struct {
	// Set at construction.
	peer   Peer
	room   *room
	out    *outbox
	head   []byte // before each message: the document's key on a Hocuspocus connection
	keyed  bool   // it is one
	since  time.Time
	life   *life // done when the room has removed the session; the reader stops waiting for the room
	credit *semaphore.Weighted
	limit  *rate.Limiter // frames, by number and size

	// Owned by the reader.
	asks     *rate.Limiter // questions, which cost us more than the asker; nil before the second
	asked    bool
	received uint64 // update frames so far

	skipping  atomic.Bool  // frames were not kept: the client is to be asked when there is credit again
	skipped   atomic.Int64 // of these, those whose statuses the client waits for
	closing   atomic.Bool  // a CLOSE came that may be late: obeyed when nothing follows it
	unsettled atomic.Int64 // when the room has removed the session: statuses that its client still waits for

	lastActive atomic.Int64 // Unix nanoseconds of the last frame that was not a mere echo

	// Owned by whoever runs the room.
	former      *session   // of the same document on the same connection, before; until joined
	place       int        // in room.sessions
	touched     bool       // is in room.touched
	role        store.Role // what the account may do now
	roleVersion uint64     // the access version at which role was read
	joined      bool
	acks        acks
	moves       *rate.Limiter // from one client id to another in awareness; nil before the second
	moved       bool
	held        []frame
	heldBytes   int
	heldUntil   time.Time
	queue       []frame // waiting because the document has too much staged
	resync      backoff
	debt        *debt // what the client is still to be told beside what is queued
	caret       caret
}

// life is a context that ends with a session. It is not told of its parent's end, as a session is by its connection's, and so costs little.
type life struct {
	context.Context
	once sync.Once
	done chan struct{}
}

// Done is closed by end.
func (l *life) Done() <-chan struct{} { return l.done }

// Err is context.Canceled when the session has ended.
func (l *life) Err() error {
	select {
	case <-l.done:
		return context.Canceled
	default:
		return nil
	}
}

func (l *life) end() { l.once.Do(func() { close(l.done) }) }

// backoff spaces the step 1 messages that ask a client for what the room lacks.
type backoff struct {
	wait time.Duration // 0: none was sent lately
	next time.Time     // not before
}

// newSession makes a session that has not joined its room yet. ctx is the connection's.
func newSession(ctx context.Context, peer Peer, r *room, out *outbox) *session {
	now := time.Now()
	s := &session{
		peer: peer, room: r, out: out, since: now,
		credit: semaphore.NewWeighted(sessionCredit),
		limit:  r.hub.newPace(),
		role:   peer.Role, roleVersion: peer.AccessVersion,
	}
	s.life = &life{Context: ctx, done: make(chan struct{})}
	out.bear(s.life)
	s.acks.counts = peer.Acks
	s.lastActive.Store(now.UnixNano())
	return s
}

// newPace limits how many frames a connection sends.
func (h *Hub) newPace() *rate.Limiter {
	return rate.NewLimiter(rate.Limit(h.limits.UpdatesPerSecond), h.limits.UpdateBurst)
}

// enterRoom joins the session's room. unasked: the client is asked for what it has, and a Hocuspocus client is told all, before it says anything.
func (s *session) enterRoom(unasked bool) *CloseError {
	answer := make(chan *CloseError, 1)
	if !s.room.enter(event{do: func() { answer <- s.room.join(s, unasked) }}) {
		return &CloseError{Code: CloseTryAgain, Reason: "the document was reloaded"}
	}
	return <-answer
}

// leaveRoom ends the session, whatever it still has to be told.
func (s *session) leaveRoom() {
	s.room.enter(event{do: func() { s.room.remove(s) }})
	s.life.end()
	s.out.bury(s.life)
}

// canWrite says whether the account's role, the credentials and the document's condition allow writing.
func (s *session) canWrite() bool {
	return min(s.role, s.peer.MaxRole).CanWrite() && !s.room.damaged
}

// put queues a message for the client, to be sent when the room's turn ends. Its body may be shared.
func (s *session) put(body []byte) {
	s.touch()
	s.out.put(Message{Head: s.head, Body: body})
}

// touch has what was put sent when the room's turn ends.
func (s *session) touch() {
	if !s.touched {
		s.touched = true
		s.room.touched = append(s.room.touched, s)
	}
}

// read passes the messages of a y-websocket connection on to the room until the connection ends, or the session's membership of the room, and says with which
// code to close; or until the connection is quiet.
func (s *session) read() (end *CloseError, quiet bool) {
	for {
		b, err := s.out.conn.Read()
		if errors.Is(err, ErrQuiet) {
			return nil, true
		}
		if err != nil {
			return closing(err), false
		}
		if err := s.message(b); err != nil {
			return s.room.hub.fault(err), false
		}
	}
}

// message takes one message.
func (s *session) message(b []byte) error {
	f, err := parseFrame(b)
	if err != nil {
		return err
	}
	return s.take(f, len(b))
}

// closing gives the code with which to close a connection whose reading has ended, or nil.
func closing(err error) *CloseError {
	var c *CloseError
	if errors.As(err, &c) {
		return c
	}
	return nil
}

// fault gives the code with which to close a connection over one of its messages; nil: its session has ended.
func (h *Hub) fault(err error) *CloseError {
	if !errors.Is(err, errMalformed) {
		return closing(err)
	}
	h.metrics.malformed.Inc()
	return &CloseError{Code: CloseMalformed, Reason: truncate(err.Error(), 120)}
}

// take brings a frame to the room, as fast as the limits allow. An error says that the session has ended.
func (s *session) take(f frame, size int) error {
	if err := s.pace(f, size); err != nil {
		return err
	}
	f.size = size
	f.cost = min(max(int64(size), frameCost), sessionCredit)
	if err := s.charge(f); err != nil {
		return err
	}
	if f.carriesEdits() {
		s.received++
		f.number = s.received
		f.at = time.Now()
		s.lastActive.Store(f.at.UnixNano())
	}
	if !s.room.enter(event{session: s, frame: f}) {
		return context.Canceled
	}
	if f.cost == sessionCredit && !s.keyed {
		// A large frame is alone: the next one is not even read before the room is done with this one.
		if err := s.credit.Acquire(s.life, 1); err != nil {
			return err
		}
		s.credit.Release(1)
	}
	return nil
}

// errSkipped: a frame was not kept. Its client is asked for what it has when the room has time again.
var errSkipped = errors.New("the document has no room for more")

// charge takes a frame's credit. A y-websocket reader waits until there is some; one that reads for other documents, too, doesn't wait long for the trouble of one.
func (s *session) charge(f frame) error {
	if !s.keyed || f.kind == frameStep1 {
		return s.credit.Acquire(s.life, f.cost)
	}
	if s.credit.TryAcquire(f.cost) {
		return nil
	}
	if !s.skipping.Load() {
		ctx, cancel := context.WithTimeout(s.life, chargeTime)
		defer cancel()
		if s.credit.Acquire(ctx, f.cost) == nil {
			return nil
		}
		if s.life.Err() != nil {
			return context.Canceled
		}
	}
	s.skipping.Store(true)
	return errSkipped
}

// pace makes a client that sends faster than the limits wait: large frames count for several.
func (s *session) pace(f frame, size int) error {
	switch {
	case f.kind != frameStep1 && f.kind != frameQueryAwareness:
	case !s.asked: // most connections ask once
		s.asked = true
	default:
		if s.asks == nil {
			s.asks = rate.NewLimiter(5, 20)
		}
		if err := s.asks.Wait(s.life); err != nil {
			return err
		}
	}
	unit := sessionCredit
	if f.kind == frameStateless {
		unit = statelessUnit
	}
	return s.limit.WaitN(s.life, min(1+size/unit, s.limit.Burst()))
}

// holds notes how many bytes of its frames the room holds for the session.
func (s *session) holds(bytes int) {
	s.out.held.Add(int64(bytes - s.heldBytes))
	s.heldBytes = bytes
}

// mayMove says whether the session may speak for another client id now.
func (s *session) mayMove() bool {
	if !s.moved { // most connections have one
		s.moved = true
		return true
	}
	if s.moves == nil {
		s.moves = rate.NewLimiter(1, 5)
	}
	return s.moves.Allow()
}

func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n]
}

// spent gives the credit of a frame back that the room is done with.
func (s *session) spent(f frame) {
	s.credit.Release(f.cost)
	if f.cost > 0 && s.skipping.Load() && s.joined {
		s.skipping.Store(false)
		s.acks.due += int(s.skipped.Swap(0))
		s.room.askForMissing(s)
	}
}
