package collab

import (
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
)

// pieceBytes is about what one message of an answer or an update has at most, so that a client on a slow line hears something every few seconds.
const pieceBytes = 1 << 20

// heldPieces is how many pieces of an answer are kept for one reader at a time: the next ones are made when these are out.
const heldPieces = 4

// welcomeTime is how long the pieces that newcomers get are kept when nobody comes.
const welcomeTime = 10 * time.Second

// debt is what a session's client is still to be told beside what is queued for it: an answer that goes out in pieces, or what it missed while it read too slowly. While there is one,
// no update is queued for it: they are all in the diff that is made when the rest is out.
type debt struct {
	welcome  bool             // the room's welcome is going out
	next     int              // of it
	reached  crdt.StateVector // what the client knows by it
	pieces   [][]byte         // messages, in order
	from     crdt.StateVector // what the client knows when these are out; everything else is owed, too. nil: nothing was missed
	asked    bool             // from is a question, which a step 2 answers
	presence bool             // and changes of presence were not told
	ask      bool             // and the client is to be asked for what it has
}

// welcome is what tells a newcomer all of the document.
type welcome struct {
	pieces []crdt.Update
	msgs   [][]byte
	at     time.Time // when it was last used
}

// answerStep1 sends what a client lacks of the committed state; nothing that is only staged is shown to anyone. While an answer is on its way, the newest question stands for
// those before.
func (r *room) answerStep1(s *session, have crdt.StateVector) {
	if s.debt == nil {
		s.debt = &debt{}
	}
	d := s.debt
	d.pieces, d.from, d.asked = nil, nil, true
	if d.welcome = len(have) == 0; d.welcome {
		d.next, d.reached = 0, nil
		if r.welcome == nil {
			r.welcome = &welcome{pieces: r.state.Pieces(nil, pieceBytes)}
			r.welcome.msgs = syncMessages(r.welcome.pieces, syncStep2)
		}
	} else {
		d.from = have
	}
	r.pay(s)
}

// tellUpdate gives an update to all sessions but one; the state has it already.
func (r *room) tellUpdate(u crdt.Update, except *session) {
	r.hub.metrics.updatesOut.Add(float64(len(r.sessions)))
	var msgs [][]byte
	for _, s := range r.sessions {
		switch {
		case s == except:
		case s.debt != nil:
			r.owe(s, u)
		default:
			if msgs == nil {
				msgs = r.updateMessages(u)
			}
			r.putUpdate(s, u, msgs)
		}
	}
}

// updateMessages gives an update as messages, encoded once for all who get it.
func (r *room) updateMessages(u crdt.Update) [][]byte {
	if len(u.Bytes()) <= pieceBytes {
		return [][]byte{syncMessage(syncUpdate, u.Bytes())}
	}
	whole := crdt.NewState()
	whole.Apply(u)
	have := r.state.StateVector() // of this much more than the readers, but for what u brings
	u.LowerTo(have)
	return syncMessages(whole.Pieces(have, pieceBytes), syncUpdate)
}

// putUpdate queues an update for a session; if too much waits for it, the updates among that are taken back, and it is owed a diff.
func (r *room) putUpdate(s *session, u crdt.Update, msgs [][]byte) {
	s.touch()
	for _, msg := range msgs {
		if s.out.putUpdate(s, Message{Head: s.head, Body: msg}) {
			continue
		}
		r.hub.metrics.collapsed.Inc()
		s.debt = &debt{}
		r.owe(s, u)
		for _, body := range s.out.recall(s) {
			if back, err := syncUpdateOf(body); err == nil {
				back.LowerTo(s.debt.from)
			}
		}
		r.pay(s)
		return
	}
}

// owe notes that a session is not told of an update, of which the state has all.
func (r *room) owe(s *session, u crdt.Update) {
	if d := s.debt; d.from == nil && !d.welcome { // a welcome is none any more when the state has changed
		d.from = r.state.StateVector()
		u.LowerTo(d.from)
	}
}

// pay gives a session what it is owed, as far as its connection has room; the outbox calls again when it has.
func (r *room) pay(s *session) {
	for s.joined && s.debt != nil {
		d := s.debt
		if len(d.pieces) == 0 && d.from == nil && !d.welcome && !d.presence && !d.ask {
			s.debt = nil
			return
		}
		if !s.out.free(s, freeBytes) {
			return
		}
		switch {
		case d.welcome:
			r.payWelcome(s)
		case len(d.pieces) > 0:
			s.put(d.pieces[0])
			d.pieces = d.pieces[1:]
		case d.from != nil:
			r.cutPieces(d)
		case d.ask:
			d.ask = false
			r.sendStep1(s)
		default:
			d.presence = false
			s.put(awarenessMessage(r.presence.allAndGone(r)))
		}
	}
}

// payWelcome gives a newcomer the next piece of what all newcomers get. When the document has changed meanwhile, the rest is its own.
func (r *room) payWelcome(s *session) {
	d, w := s.debt, r.welcome
	if w == nil {
		d.welcome, d.from = false, d.reached
		if d.from == nil {
			d.from = crdt.StateVector{}
		}
		return
	}
	w.at = time.Now()
	r.at(w.at.Add(welcomeTime))
	s.put(w.msgs[d.next])
	if d.next++; d.next == len(w.msgs) {
		d.welcome, d.asked, d.reached = false, false, nil
		return
	}
	if d.reached == nil {
		d.reached = make(crdt.StateVector)
	}
	w.pieces[d.next-1].RaiseTo(d.reached)
}

// cutPieces makes the next pieces of what a client lacks; the rest stays owed.
func (r *room) cutPieces(d *debt) {
	all := r.state.Pieces(d.from, pieceBytes)
	last := uint64(syncUpdate)
	if len(all) <= heldPieces {
		if d.asked {
			last = syncStep2
		}
		d.pieces, d.from, d.asked = syncMessages(all, last), nil, false
		return
	}
	all = all[:heldPieces]
	for _, u := range all {
		u.RaiseTo(d.from)
	}
	d.pieces = syncMessages(all, last)
}

// forgetWelcome drops what newcomers get when nobody has come for a while.
func (r *room) forgetWelcome(now time.Time) {
	if r.welcome == nil {
		return
	}
	if end := r.welcome.at.Add(welcomeTime); now.Before(end) {
		r.at(end)
		return
	}
	r.welcome, r.encoded = nil, nil
}

// syncMessages makes updates of all but the last, which is a step of its own.
func syncMessages(pieces []crdt.Update, last uint64) [][]byte {
	msgs := make([][]byte, len(pieces))
	for i, u := range pieces {
		step := uint64(syncUpdate)
		if i == len(pieces)-1 {
			step = last
		}
		msgs[i] = syncMessage(step, u.Bytes())
	}
	return msgs
}

// drained has the room pay what it still owes a session. The outbox calls it.
func (s *session) drained() {
	s.room.post(event{do: func() {
		s.room.pay(s)
		s.flushAck()
	}})
}

// tellPresence gives changes of presence to all sessions; those that read too slowly are told of all together later.
func (r *room) tellPresence(msg []byte) {
	for _, s := range r.sessions {
		switch {
		case s.debt != nil:
			s.debt.presence = true
		case s.out.crowded():
			s.debt = &debt{presence: true}
			r.pay(s)
		default:
			s.put(msg)
		}
	}
}
