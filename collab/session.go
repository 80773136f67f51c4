package collab

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/bizsync/bizsync/store"
)

// sessionCredit is how many bytes of a connection's frames may wait to be judged; a larger frame waits alone. When it is used up
// the reader stops reading, which the sender's TCP feels.
const sessionCredit = 64 << 10

// openMost bounds how many frames of one connection are remembered for their acknowledgement. A client that answers our step 1 never comes near.
const openMost = 50_000

// session is one connection's membership of a room.
type session struct {
	// Set at construction.
	peer   Peer
	conn   Conn
	out    *outbox
	since  time.Time
	end    context.CancelFunc // called when the room has removed the session; the reader stops waiting for the room
	credit *semaphore.Weighted
	limit  *rate.Limiter // frames, by number and size
	asks   *rate.Limiter // questions, which cost us more than the asker
	moves  *rate.Limiter // from one client id to another in awareness

	// Owned by the reader.
	received uint64 // update frames so far

	lastActive atomic.Int64 // Unix nanoseconds of the last frame that was not a mere echo

	// Owned by room.run.
	role        store.Role // what the account may do now
	roleVersion uint64     // the access version at which role was read
	joined      bool
	open        []openFrame // update frames that are not decided yet or not told so, in order
	dropped     int         // of open
	acked       uint64      // the first so many update frames are decided
	told        uint64      // and the client knows of so many
	held        []frame
	heldBytes   int
	heldUntil   time.Time
	queue       []frame // waiting because the document has too much staged
	resync      backoff
	caret       caret
}

// openFrame is an update frame on its way to a decision.
type openFrame struct {
	number  uint64
	decided bool
	dropped bool // held for too long: the next step 2 contains it
}

// backoff spaces the step 1 messages that ask a client for what the room lacks.
type backoff struct {
	wait time.Duration // 0: none was sent lately
	next time.Time     // not before
}

func newSession(peer Peer, conn Conn, h *Hub, end context.CancelFunc) *session {
	now := time.Now()
	s := &session{
		peer: peer, conn: conn, since: now,
		out:    newOutbox(conn, h.limits.OutboxBytes, &h.outboxBytes),
		end:    end,
		credit: semaphore.NewWeighted(sessionCredit),
		limit:  rate.NewLimiter(rate.Limit(h.limits.UpdatesPerSecond), h.limits.UpdateBurst),
		asks:   rate.NewLimiter(5, 20),
		moves:  rate.NewLimiter(1, 5),
		role:   peer.Role, roleVersion: peer.AccessVersion,
	}
	s.lastActive.Store(now.UnixNano())
	return s
}

// canWrite says whether both the account's role and the credentials allow writing.
func (s *session) canWrite() bool { return min(s.role, s.peer.MaxRole).CanWrite() }

// read passes checked frames on to the room until the connection ends, or ctx, which ends with the session's membership of the room. It says with which
// code to close. Reading itself has a context of its own: ending that would cut the connection before the room's last words are out.
func (s *session) read(ctx, reading context.Context, r *room) *CloseError {
	for {
		b, err := s.conn.Read(reading)
		if err != nil {
			var closing *CloseError
			if errors.As(err, &closing) {
				return closing
			}
			return nil
		}
		f, err := parseFrame(b)
		if err != nil {
			r.hub.metrics.malformed.Inc()
			return &CloseError{Code: CloseMalformed, Reason: truncate(err.Error(), 120)}
		}
		if err := s.pace(ctx, f, len(b)); err != nil {
			return nil
		}
		f.size = len(b)
		f.cost = min(int64(len(b)), sessionCredit)
		if f.carriesEdits() {
			s.received++
			f.number = s.received
			f.at = time.Now()
			s.lastActive.Store(f.at.UnixNano())
		}
		if err := s.credit.Acquire(ctx, f.cost); err != nil {
			return nil
		}
		select {
		case r.inbox <- event{kind: eventFrame, session: s, frame: f}:
		case <-ctx.Done():
			return nil
		}
		if f.cost == sessionCredit {
			// A large frame is alone: the next one is not even read before the room is done with this one.
			if err := s.credit.Acquire(ctx, 1); err != nil {
				return nil
			}
			s.credit.Release(1)
		}
	}
}

// pace makes a client that sends faster than the limits wait: large frames count for several.
func (s *session) pace(ctx context.Context, f frame, size int) error {
	if f.kind == frameStep1 || f.kind == frameQueryAwareness {
		if err := s.asks.Wait(ctx); err != nil {
			return err
		}
	}
	return s.limit.WaitN(ctx, min(1+size/sessionCredit, s.limit.Burst()))
}

func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n]
}

// spent gives the credit of a frame back that the room is done with.
func (s *session) spent(f frame) { s.credit.Release(f.cost) }

// opened notes an update frame that waits for its decision. Frames are opened in the order of their numbers, without a hole. False when too many wait.
func (s *session) opened(number uint64) bool {
	if !s.peer.Acks {
		return true
	}
	s.open = append(s.open, openFrame{number: number})
	return len(s.open) <= openMost
}

// find gives the entry of an update frame, or nil when it is settled and told.
func (s *session) find(number uint64) *openFrame {
	if len(s.open) == 0 || number < s.open[0].number {
		return nil
	}
	return &s.open[number-s.open[0].number]
}

// decide settles a frame: it is committed, or was refused. A step 2 contains all that its client had sent before; with it
// those earlier frames are settled that were held for too long. flushAck tells it.
func (s *session) decide(f frame) {
	if o := s.find(f.number); o != nil {
		o.decided = true
	}
	if f.kind == frameStep2 && s.dropped > 0 {
		for i := range s.open {
			if o := &s.open[i]; o.dropped && o.number < f.number {
				o.dropped, o.decided = false, true
				s.dropped--
			}
		}
	}
	n := 0
	for n < len(s.open) && s.open[n].decided {
		s.acked = s.open[n].number
		n++
	}
	if s.open = s.open[n:]; len(s.open) == 0 {
		s.open = nil
	}
}

// flushAck sends how far the frames of the connection are decided, if that moved and the client asked for it.
func (s *session) flushAck() {
	if s.acked > s.told {
		s.told = s.acked
		s.out.put(ackMessage(s.acked))
	}
}

// refuse settles a frame as refused and tells the client why.
func (s *session) refuse(f frame, code int, reason string) {
	switch {
	case f.number == 0: // the remainder of a step 2 whose refusal was told already
	case s.peer.Acks:
		s.out.put(refusedMessage(f.number, code, reason))
		if f.kind == frameStep2 {
			// What was waiting for this step 2 to bring it is refused with it.
			for _, o := range s.open {
				if o.dropped && o.number < f.number {
					s.out.put(refusedMessage(o.number, code, reason))
				}
			}
		}
	default:
		s.out.put(PermissionDenied(reason))
	}
	s.decide(f)
	s.flushAck()
}

// drop gives up holding a frame: the next step 2 of its client settles it.
func (s *session) drop(f frame) {
	if o := s.find(f.number); o != nil && !o.dropped {
		o.dropped = true
		s.dropped++
	}
}
