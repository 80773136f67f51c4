package collab

import "github.com/bizsync/bizsync/collab/crdt"

// pieceBytes is about what one message of an answer or an update has at most, so that a client on a slow line hears something every few seconds.
const pieceBytes = 1 << 20

// debt is what a session's client is still to be told beside what is queued for it: an answer that goes out in pieces, or what it missed while it read too slowly. While there is one,
// no update is queued for it: they are all in the diff that is made when the rest is out.
type debt struct {
	pieces   [][]byte         // messages, in order
	from     crdt.StateVector // what the client knows when these are out; everything else is owed, too. nil: nothing was missed
	asked    bool             // from is a question, which a step 2 answers
	presence bool             // and changes of presence were not told
	ask      bool             // and the client is to be asked for what it has
}

// answerStep1 sends what a client lacks of the committed state; nothing that is only staged is shown to anyone. While an answer is on its way, the newest question stands for
// those before.
func (r *room) answerStep1(s *session, have crdt.StateVector) {
	if s.debt == nil {
		s.debt = &debt{}
	}
	d := s.debt
	d.pieces, d.from, d.asked = nil, have, true
	if have == nil {
		d.from = crdt.StateVector{}
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
	return syncMessages(whole.Pieces(nil, pieceBytes), syncUpdate)
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
	if s.debt.from == nil {
		s.debt.from = r.state.StateVector()
		u.LowerTo(s.debt.from)
	}
}

// pay gives a session what it is owed, as far as its connection has room; the outbox calls again when it has.
func (r *room) pay(s *session) {
	for s.joined && s.debt != nil {
		d := s.debt
		if len(d.pieces) == 0 && d.from == nil && !d.presence && !d.ask {
			s.debt = nil
			return
		}
		if !s.out.free(s) {
			return
		}
		switch {
		case len(d.pieces) > 0:
			s.put(d.pieces[0])
			d.pieces = d.pieces[1:]
		case d.from != nil:
			d.pieces = r.piecesFrom(d.from, d.asked)
			d.from, d.asked = nil, false
		case d.ask:
			d.ask = false
			r.sendStep1(s)
		default:
			d.presence = false
			s.put(awarenessMessage(r.presence.allAndGone(r)))
		}
	}
}

// piecesFrom gives the messages that tell what a client lacks; with a question the last one is its answer. What a newcomer is told is encoded once for all of them.
func (r *room) piecesFrom(have crdt.StateVector, asked bool) [][]byte {
	last := uint64(syncUpdate)
	if asked {
		last = syncStep2
	}
	if len(have) > 0 || !asked {
		return syncMessages(r.state.Pieces(have, pieceBytes), last)
	}
	if r.welcome == nil {
		r.welcome = syncMessages(r.state.Pieces(nil, pieceBytes), last)
	}
	return r.welcome
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
	s.room.post(event{do: func() { s.room.pay(s) }})
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
