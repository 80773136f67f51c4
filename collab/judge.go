package collab

import (
	"maps"
	"slices"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

const (
	loadLimit = 60 * time.Second
	// silentFor is a little more than the time between two pings: one of them went unanswered.
	silentFor = 12 * time.Second
	// heldLimit and heldMost bound what one connection has held, in bytes and number of frames. An honest reconnect has a handful.
	heldLimit = 256 << 10
	heldMost  = 256
	// rejudgeTurns bounds how often held frames are judged in one go, rejudgePause is the pause after that: frames that were sent backwards take a turn each.
	rejudgeTurns = 4
	// parkedPause is how soon a room with parked frames looks again whether there is place on the node.
	parkedPause  = 50 * time.Millisecond
	rejudgePause = 5 * time.Millisecond
	// clientBytes is about what one client id of a document holds in memory.
	clientBytes = 360
	// slimPause is how long a full document waits before its deleted content is looked for again.
	slimPause   = time.Second
	resyncFirst = time.Second
	resyncMost  = 30 * time.Second
)

// receive takes a frame from a session's reader.
func (r *room) receive(s *session, f frame) {
	switch f.kind {
	case frameStep1:
		r.question(s, f.vector)
		s.spent(f)
	case frameStateless:
		r.stateless(s, f.stateless)
		s.spent(f)
	case frameAwareness:
		r.presence.receive(r, s, f.awareness)
		s.spent(f)
	case frameQueryAwareness:
		if all := r.presence.all(r); all != nil {
			s.put(awarenessMessage(all))
		}
		s.spent(f)
	case frameStep2, frameUpdate:
		if !s.opened(f) {
			s.spent(f)
			r.kick(s, CloseTryAgain, "too many edits that wait for what they refer to")
			return
		}
		r.hub.metrics.updatesIn.Inc()
		if len(s.queue) > 0 || r.full() {
			s.queue = append(s.queue, f)
			r.parked[s] = struct{}{}
			return
		}
		r.judge(s, f, false)
		s.flushAck()
	default:
		s.spent(f)
	}
}

// full says whether the document, or the node, has as much staged as it may.
func (r *room) full() bool {
	staged := 0
	for _, b := range [...]*batch{r.batch, r.next} {
		if b != nil {
			staged += b.bytes
		}
	}
	return staged >= r.hub.limits.StagedDocBytes || r.hub.overStaged()
}

// unpark judges frames that waited for room in the batch, a frame of each session in turn.
func (r *room) unpark(now time.Time) {
	for len(r.parked) > 0 {
		for s := range r.parked {
			if r.full() {
				// Another room's commit may be what makes place on the node.
				r.at(now.Add(parkedPause))
				return
			}
			f := s.queue[0]
			if s.queue = s.queue[1:]; len(s.queue) == 0 {
				s.queue = nil
				delete(r.parked, s)
			}
			r.judge(s, f, false)
			s.flushAck()
		}
	}
}

// layers is what the room knows as far as an author may refer to it: what is committed, and the author's own in flight and gathering. The second result says
// which batch each layer is of.
func (r *room) layers(author writer) (crdt.Known, [3]*batch) {
	var of [3]*batch
	r.known[0] = r.state
	n := 1
	for _, b := range [...]*batch{r.batch, r.next} {
		if b == nil {
			continue
		}
		if row := b.row(author); row != nil {
			r.known[n], of[n] = row.layer, b
			n++
		}
	}
	return r.known[:n], of
}

// owner says to whom a client id is bound, committed or staged.
func (r *room) owner(client uint64) (store.UserID, bool) {
	if u, ok := r.owners[client]; ok {
		return u, true
	}
	if u, ok := r.batch.owner(client); ok {
		return u, true
	}
	return r.next.owner(client)
}

// judge decides what becomes of an update frame: settled, held, refused, or staged. Nobody is refused before the log was read to its head (final):
// a client may know more than a node that lags.
func (r *room) judge(s *session, f frame, final bool) {
	var mayWriteAs func(uint64) bool
	if r.checksClientIDs() {
		// A claim that is only staged may be refused yet; between two of them the transaction decides.
		mayWriteAs = func(client uint64) bool {
			u, bound := r.owners[client]
			return !bound || u == s.peer.User
		}
	}
	if f.size > heavyFrame {
		r.heavyAt = time.Now()
	}
	known, batches := r.layers(s.peer.writer())
	fit := known.Fit(f.update, mayWriteAs)
	adds := !fit.Update.IsEmpty() || fit.Missing || fit.Foreign
	switch {
	case !adds:
		r.settleKnown(s, f, batchOf(fit, batches))
		return
	case r.damaged:
		r.reject(s, f, CloseForbidden, damagedReason)
		return
	case !s.canWrite():
		if !final {
			r.await(s, f)
			return
		}
		r.reject(s, f, CloseForbidden, "you may not edit this document")
		return
	case !final && (fit.Foreign || (fit.Missing && f.kind == frameStep2)):
		// At the head, what a step 2 refers to and the room doesn't know is only what its client can't use either: Yjs's pending structs.
		// Before it, the cut part might be somebody's edit, and the acknowledgement of the rest would be taken for its own.
		r.await(s, f)
		return
	case fit.Foreign && f.kind == frameUpdate:
		s.spent(f)
		r.hub.metrics.refused(CloseClientID)
		r.kick(s, CloseClientID, "this client id belongs to another account")
		return
	case fit.Missing && f.kind == frameUpdate:
		r.hold(s, f)
		return
	}
	if reason := r.overLimit(fit); reason != "" {
		if f.kind == frameStep2 && f.number > 0 && fit.DeleteRanges > 0 {
			// What it deletes makes room for the rest, which is asked for then.
			r.hub.metrics.refused(CloseTooLarge)
			s.refuse(f, CloseTooLarge, reason)
			f.number = 0
			r.askForMissing(s)
			fit = known.Fit(f.update, func(uint64) bool { return false })
			if !fit.Update.IsEmpty() && r.overLimit(fit) == "" {
				r.stage(s, f, fit)
				return
			}
			s.spent(f)
			return
		}
		r.reject(s, f, CloseTooLarge, reason)
		return
	}
	if fit.Missing {
		r.askForMissing(s)
	} else if f.kind == frameStep2 {
		s.resync = backoff{}
	}
	if fit.Foreign {
		// The others' part is cut out and said so; the remainder goes on under no number, since this frame is settled.
		r.hub.metrics.refused(CloseClientID)
		s.refuse(f, CloseClientID, "parts were made under client ids of other accounts")
		f.number = 0
	}
	if fit.Update.IsEmpty() {
		if f.number == 0 {
			s.spent(f)
			return
		}
		r.settleKnown(s, f, batchOf(fit, batches))
		return
	}
	r.stage(s, f, fit)
}

// checksClientIDs says whether accounts may write under their own client ids only. For a day after the document's history went back they may bring what others wrote:
// its authors may be gone.
func (r *room) checksClientIDs() bool { return !r.hub.trustClientIDs && !r.lenient }

// settleKnown settles a frame that brings nothing new: with the batch that holds what it brings, or at once when that is committed.
func (r *room) settleKnown(s *session, f frame, holds *batch) {
	if holds != nil {
		holds.note(s, f)
		return
	}
	s.decide(f)
	s.spent(f)
}

// batchOf gives the batch that holds the newest part of what a frame repeats; nil when all of it is committed.
func batchOf(fit crdt.Fit, batches [3]*batch) *batch {
	if fit.Layer < 0 {
		return nil
	}
	return batches[fit.Layer]
}

// overLimit says which limit of CONTRACT section 4 a frame would break by what it adds; "" for none. Frames that only delete always pass the quota.
func (r *room) overLimit(fit crdt.Fit) string {
	l := r.hub.limits
	if reason := l.exceededBy(fit); reason != "" {
		return reason
	}
	if fit.Structs > 0 && r.size()+fit.Bytes > l.DocumentBytes && (!r.slim() || r.size()+fit.Bytes > l.DocumentBytes) {
		return "the document is full"
	}
	return ""
}

// exceededBy says which limit on a frame is exceeded by what it adds; "" for none.
func (l Limits) exceededBy(fit crdt.Fit) string {
	switch {
	case fit.Structs > l.FrameStructs:
		return "too many structs in one frame"
	case fit.NewClients > l.FrameClients:
		return "too many client ids in one frame"
	case fit.DeleteRanges > l.FrameDeleteRanges:
		return "too many delete ranges in one frame"
	case fit.NewRoots > l.FrameRoots:
		return "too many root types in one frame"
	case fit.Depth > l.TypeDepth:
		return "types nest too deeply"
	}
	return ""
}

// slim drops the content that was deleted from the state, which only its encoding leaves out; false when that is not much, or was tried just now.
func (r *room) slim() bool {
	now := time.Now()
	if now.Sub(r.slimmed) < slimPause {
		return false
	}
	r.slimmed = now
	encoded := r.encodeAll()
	if len(encoded) > r.state.Size()*3/4 {
		return false
	}
	u, err := crdt.ParseUpdate(encoded)
	if err != nil {
		r.log().Error("the state can't be read again", "error", err)
		return false
	}
	r.state = crdt.NewState()
	r.state.Apply(u)
	return true
}

// size is what the document counts for against its quota, in bytes: its encoding, and what each client id takes in memory beside that.
func (r *room) size() int {
	n := r.state.Size() + clientBytes*r.state.Clients()
	for _, b := range [...]*batch{r.batch, r.next} {
		if b != nil {
			n += b.bytes
		}
	}
	return n
}

// reject refuses a frame and keeps the socket.
func (r *room) reject(s *session, f frame, code int, reason string) {
	r.hub.metrics.refused(code)
	s.refuse(f, code, reason)
	s.spent(f)
}

// await puts a frame aside until the log was read to its head.
func (r *room) await(s *session, f frame) {
	r.hub.metrics.held.WithLabelValues("head").Inc()
	r.awaiting = append(r.awaiting, staged{session: s, frame: f})
	r.catchUp("refusal")
}

// stage takes the new part of a frame into the batch that is still open.
func (r *room) stage(s *session, f frame, fit crdt.Fit) {
	// A lenient document's are named too: the database knows when that ends.
	var claims []uint64
	if !r.hub.trustClientIDs {
		for _, client := range fit.Writers {
			if u, bound := r.owner(client); !bound || u != s.peer.User {
				claims = append(claims, client)
			}
		}
	}
	version := min(r.accessVersion, s.roleVersion)
	b := r.openBatch(func(b *batch) bool { return b.add(s.peer.writer(), version, fit.Update, claims) })
	for _, client := range claims {
		if !r.lenient {
			b.claim(client, s.peer.User)
		}
	}
	// From here on the staged bytes are what is bounded, and the rest of the frame is known. But who pastes much has one such frame on its way at a time: it is its own
	// socket that then waits for the commit, not the document's.
	if f.cost < sessionCredit {
		s.spent(f)
		f.cost = 0
	}
	f.update = fit.Update
	b.note(s, f)
	r.rejudge = true
	if brokenAckBeforeCommit {
		s.decide(f)
		s.flushAck()
	}
}

// openBatch gives the batch that took what add offers: the one that waits at the journal, or, when that is sealed, the next one.
func (r *room) openBatch(add func(*batch) bool) *batch {
	if r.next == nil && r.batch != nil && add(r.batch) {
		return r.batch
	}
	if r.next == nil {
		r.next = newBatch(r)
	}
	add(r.next)
	return r.next
}

// submit hands the gathered batch to the journal when that has none of this room.
func (r *room) submit() {
	if r.batch == nil && r.next != nil && r.failed == nil && r.resetting == resetNone {
		r.batch, r.next = r.next, nil
		r.batch.moveTo(r.upTo, r.upToRow)
		r.batchSince = time.Now()
		r.hub.journal.enqueue(r.batch)
	}
}

// hold keeps an update whose references the room doesn't know yet. (Normal at every reconnect: the live update overtakes the step 2.)
func (r *room) hold(s *session, f frame) {
	if s.heldBytes+f.size > heldLimit || len(s.held) >= heldMost || !s.out.mayHold(f.size) {
		r.dropHeld(s)
		s.drop(f)
		s.spent(f)
		return
	}
	if len(s.held) == 0 {
		s.heldUntil = time.Now().Add(r.hub.timing.HoldTime)
		r.at(s.heldUntil)
	}
	r.hub.metrics.held.WithLabelValues("reference").Inc()
	s.held = append(s.held, f)
	s.holds(s.heldBytes + f.size)
	r.holders[s] = struct{}{}
	// Held frames must not stop their own step 2 from being read, so they don't count against the credit.
	s.spent(f)
}

// dropHeld gives up on what a session has held, and asks it for everything that the room lacks.
func (r *room) dropHeld(s *session) {
	for _, f := range s.held {
		s.drop(f)
	}
	s.held = nil
	s.holds(0)
	delete(r.holders, s)
	r.hub.metrics.heldDropped.Inc()
	r.askForMissing(s)
}

// rejudgeHeld looks at held frames again, since the room knows more than before. Each further turn has staged one of them.
func (r *room) rejudgeHeld(now time.Time) {
	if now.Before(r.rejudgeNext) {
		r.at(r.rejudgeNext)
		return
	}
	for turn := 0; r.rejudge && len(r.holders) > 0; turn++ {
		if turn == rejudgeTurns {
			r.rejudgeNext = now.Add(rejudgePause)
			r.at(r.rejudgeNext)
			return
		}
		r.rejudge = false
		for _, s := range slices.Collect(maps.Keys(r.holders)) {
			held, until := s.held, s.heldUntil
			s.held = nil
			s.holds(0)
			delete(r.holders, s)
			for _, f := range held {
				if !s.joined {
					break
				}
				f.cost = 0 // given back when it was held
				r.judge(s, f, false)
			}
			if len(s.held) > 0 {
				s.heldUntil = until
			}
			s.flushAck()
		}
	}
	r.rejudge = false
}

func (r *room) expireHeld(now time.Time) {
	for s := range r.holders {
		if !now.Before(s.heldUntil) {
			r.dropHeld(s)
		} else {
			r.at(s.heldUntil)
		}
	}
}
