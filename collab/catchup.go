package collab

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

const (
	// readSpacing is the least time between two readings of a document's log, and the age at which a hole in it is read.
	readSpacing = 100 * time.Millisecond
	readRetry   = time.Second // after a read that failed
	readRows    = 256
	readLimit   = 5 * time.Second
)

// unknownOwner stands for an account that is not this one: the database said only that a client id is another's.
var unknownOwner = uuid.Max

// readResult is a piece of the log that was read for a room, or the snapshot where the log no longer reaches back.
type readResult struct {
	after    uint64      // where it began
	afterRow store.RowID // and what the room had there
	page     store.RowPage
	snapshot *store.Snapshot
	err      error
}

// compareHead looks at a document's head as the database had it, not before the room had applied the rows up to seen.
func (r *room) compareHead(h store.Head, seen uint64) {
	switch {
	case r.failed != nil:
	case h.Epoch != r.epoch:
		r.reload(h)
	case !r.damaged && h.Seq < seen, !r.damaged && h.Seq == r.upTo && h.Row != r.upToRow:
		r.historyWentBack(h)
	case h.Deleted:
		r.fail(&CloseError{Code: CloseNotFound, Reason: "the document was deleted"})
	default:
		r.setLenient(h)
		// A batch in flight explains a head that is ahead, for a while.
		if r.behind(h) && !r.damaged && (r.batch == nil || time.Since(r.batchSince) > r.hub.timing.HeadPoll) {
			r.catchUp("head")
		}
		if h.AccessVersion != r.accessVersion {
			r.askRights()
		}
	}
}

// setLenient notes whether anybody may bring what others wrote, as the database has it.
func (r *room) setLenient(h store.Head) {
	r.lenient = h.Lenient
	r.seenLenient.Store(h.Lenient)
}

// strange says whether rows that were read don't follow the room's last one: they are of another history.
func (r *room) strange(res readResult) bool {
	return len(res.page.Rows) > 0 && res.page.Head.Epoch == r.epoch && res.page.Rows[0].Seq == res.after+1 && res.page.Rows[0].Prev != res.afterRow
}

// reload gives the room up, since the document has another history now.
func (r *room) reload(h store.Head) {
	r.log().Warn("the document has another history; reloading", "head", h.Seq, "room", r.upTo)
	r.fail(&CloseError{Code: CloseGoingAway, Reason: "the document was reloaded"})
}

// historyWentBack notes that the database has lost rows that it had: it was restored, or failed over to a copy that lagged. The document gets a new epoch, by which every
// node knows, and then the room is given up; its clients bring what was lost. Nothing is committed meanwhile.
func (r *room) historyWentBack(h store.Head) {
	if r.resetting == resetNone && r.failed == nil {
		r.log().Error("the document's history went back", "head", h.Seq, "room", r.upTo)
		r.resetting = resetWanted
	}
}

type reset uint8

const (
	resetNone reset = iota
	resetWanted
	resetUnderWay
)

// startReset changes the document's epoch, if that was asked for.
func (r *room) startReset() {
	if r.resetting != resetWanted || r.failed != nil {
		return
	}
	r.resetting = resetUnderWay
	db, doc, epoch, ctx := r.hub.store, r.doc, r.epoch, r.life
	r.hub.roomsWG.Go(func() {
		for {
			limited, cancel := context.WithTimeout(ctx, readLimit)
			head, err := db.ChangeEpoch(limited, doc, epoch)
			cancel()
			if err == nil || errors.Is(err, store.ErrNotFound) {
				r.post(event{do: func() { r.reload(head) }})
				return
			}
			r.log().Warn("the epoch can't be changed; trying again", "error", err)
			if !pause(ctx, readRetry) {
				return
			}
		}
	})
}

// watchHole asks for a read when rows are missing below applied ones for too long.
func (r *room) watchHole(now time.Time) {
	if r.holeSince.IsZero() {
		return
	}
	if due := r.holeSince.Add(readSpacing); now.Before(due) {
		r.at(due)
	} else {
		r.catchUp("hole")
	}
}

// catchUp asks for the log to be read on.
func (r *room) catchUp(reason string) {
	if brokenNoCatchUp && (reason == "head" || reason == "hole") {
		return
	}
	if !r.readAgain {
		r.hub.metrics.catchUps.WithLabelValues(reason).Inc()
	}
	r.readAgain = true
}

// startRead begins reading the log from upTo on, if that was asked for: at most once per readSpacing, one at a time.
func (r *room) startRead(now time.Time) {
	if !r.readAgain || r.reading || r.failed != nil || r.damaged {
		return
	}
	if due := r.lastRead.Add(readSpacing); now.Before(due) {
		r.at(due)
		return
	}
	r.readAgain, r.reading, r.lastRead = false, true, now
	r.fresh = len(r.awaiting)
	r.readOn()
}

func (r *room) readOn() {
	after, afterRow, log := r.upTo, r.upToRow, r.hub.store
	r.hub.roomsWG.Go(func() {
		ctx, cancel := context.WithTimeout(r.life, readLimit)
		defer cancel()
		res := readTail(ctx, log, r.doc, after)
		res.after, res.afterRow = after, afterRow
		r.post(event{do: func() { r.readDone(res) }})
	})
}

func readTail(ctx context.Context, log store.Log, doc store.DocumentID, after uint64) readResult {
	page, err := log.Rows(ctx, doc, after, readRows)
	if err != nil {
		return readResult{err: err}
	}
	if page.Head.Seq > after && (len(page.Rows) == 0 || page.Rows[0].Seq != after+1) {
		// What comes next was compacted meanwhile.
		snapshot, err := log.LoadSnapshot(ctx, doc)
		if err != nil {
			return readResult{err: err}
		}
		return readResult{page: store.RowPage{Head: page.Head, Snapshot: page.Snapshot}, snapshot: &snapshot}
	}
	return readResult{page: page}
}

// readDone takes what was read. At the head, the frames that waited for it are judged for good.
func (r *room) readDone(res readResult) {
	r.reading = false
	if r.failed != nil {
		return
	}
	if errors.Is(res.err, store.ErrNotFound) || errors.Is(res.err, store.ErrDeleted) {
		r.fail(&CloseError{Code: CloseNotFound, Reason: "the document was deleted"})
		return
	}
	if res.err != nil {
		r.log().Warn("the log can't be read; trying again", "error", res.err)
		r.lastRead = time.Now().Add(readRetry - readSpacing)
		r.readAgain = true
		return
	}
	if res.page.Head.Epoch != r.epoch || res.page.Head.Seq < res.after || r.strange(res) {
		r.compareHead(res.page.Head, res.after)
		if r.strange(res) {
			r.historyWentBack(res.page.Head)
		}
		return
	}
	if res.snapshot != nil && !r.takeSnapshot(*res.snapshot) {
		return
	}
	r.takeRows(res.page.Rows)
	if r.failed != nil {
		return
	}
	if r.upTo < res.page.Head.Seq {
		if r.upTo == res.after {
			r.readAgain = true // it brought nothing: not again at once
			return
		}
		r.reading = true
		r.readOn()
		return
	}
	waiting := r.awaiting[:r.fresh]
	r.awaiting = append([]staged(nil), r.awaiting[r.fresh:]...)
	r.fresh = 0
	for _, f := range waiting {
		if !f.session.joined {
			f.session.spent(f.frame)
			continue
		}
		r.judge(f.session, f.frame, true)
		f.session.flushAck()
	}
	if len(r.awaiting) > 0 {
		r.readAgain = true
	}
}

// takeSnapshot merges a snapshot that is ahead of the room and tells the sessions what it brings.
func (r *room) takeSnapshot(s store.Snapshot) bool {
	if s.Seq <= r.upTo {
		return true
	}
	u, err := crdt.ParseUpdate(s.State)
	if err != nil {
		r.log().Error("a snapshot can't be read", "seq", s.Seq, "error", err)
		r.fail(&CloseError{Code: CloseTryAgain, Reason: "the document can't be read"})
		return false
	}
	r.applyPart(u)
	r.upTo, r.upToRow = s.Seq, s.Row
	for seq := range r.above {
		if seq <= s.Seq {
			delete(r.above, seq)
		}
	}
	r.tail = tail{}
	r.advance()
	return true
}

// question answers a client's step 1, and asks it back: Hocuspocus clients wait for that, and the others have been asked when they came.
func (r *room) question(s *session, have crdt.StateVector) {
	if s.keyed {
		s.acks.restart()
	}
	r.answerStep1(s, have)
	switch {
	case !s.keyed:
	case s.debt != nil && s.out.crowded():
		s.debt.ask = true
	default:
		r.sendStep1(s)
	}
}

func (r *room) sendStep1(s *session) {
	s.put(syncMessage(syncStep1, r.state.EncodeStateVector()))
}

// askForMissing sends step 1 to a client whose frames refer to what the room lacks, with growing pauses: its step 2 brings everything.
func (r *room) askForMissing(s *session) {
	r.unsynced[s] = struct{}{}
	r.resync(s, time.Now())
}

func (r *room) resync(s *session, now time.Time) {
	b := &s.resync
	if now.Before(b.next) {
		r.at(b.next)
		return
	}
	delete(r.unsynced, s)
	b.wait = min(max(2*b.wait, resyncFirst), resyncMost)
	b.next = now.Add(b.wait)
	r.sendStep1(s)
}

// askAgain sends the step 1 messages that had to wait.
func (r *room) askAgain(now time.Time) {
	for s := range r.unsynced {
		r.resync(s, now)
	}
}

// rightsResult is what the database says about the sessions' accounts.
type rightsResult struct {
	roles  map[store.UserID]store.Role
	lapsed []store.UserID // of those without a role: their account is disabled
	head   store.Head
	err    error
}

// askRights marks that roles must be read again.
func (r *room) askRights() { r.rightsDue = true }

// startRights reads the roles of all accounts in the room, one read at a time.
func (r *room) startRights(now time.Time) {
	if !r.rightsDue || r.asking || r.failed != nil {
		return
	}
	if now.Before(r.rightsNext) {
		r.at(r.rightsNext)
		return
	}
	r.rightsDue, r.asking = false, true
	seen := make(map[store.UserID]struct{})
	var users []store.UserID
	for _, s := range r.sessions {
		if _, dup := seen[s.peer.User]; !dup {
			seen[s.peer.User] = struct{}{}
			users = append(users, s.peer.User)
		}
	}
	db := r.hub.store
	r.hub.roomsWG.Go(func() {
		ctx, cancel := context.WithTimeout(r.life, readLimit)
		defer cancel()
		res := rightsResult{}
		res.roles, res.head, res.err = db.Roles(ctx, r.doc, users)
		var out []store.UserID
		for user, role := range res.roles {
			if role == store.NoRole {
				out = append(out, user)
			}
		}
		if len(out) > 0 && res.err == nil {
			var lapsed store.Credentials
			lapsed, res.err = db.Lapsed(ctx, store.Credentials{Users: out})
			res.lapsed = lapsed.Users
		}
		r.post(event{do: func() { r.rightsDone(res) }})
	})
}

// rightsDone takes changed roles: who lost access is closed with 4403, who may write no more is refused from the next frame on.
func (r *room) rightsDone(res rightsResult) {
	r.asking = false
	if r.failed != nil {
		return
	}
	if res.err != nil {
		r.log().Warn("roles can't be read; trying again", "error", res.err)
		r.rightsNext = time.Now().Add(readRetry)
		r.rightsDue = true
		return
	}
	r.accessVersion = res.head.AccessVersion
	r.seenAccess.Store(r.accessVersion)
	for _, s := range slices.Backward(r.sessions) {
		role, asked := res.roles[s.peer.User]
		switch {
		case s.roleVersion > res.head.AccessVersion: // its role is newer than this answer
		case !asked:
			r.rightsDue = true // joined meanwhile
		case role == store.NoRole && slices.Contains(res.lapsed, s.peer.User):
			r.kick(s, CloseUnauthorized, "the account was disabled")
		case role == store.NoRole:
			r.kick(s, CloseForbidden, "you have no access to this document any more")
		default:
			could := s.canWrite()
			s.role, s.roleVersion = role, res.head.AccessVersion
			if s.canWrite() != could {
				r.mayWriteNow(s)
			}
			r.hub.roster.setRole(s, min(role, s.peer.MaxRole))
		}
	}
	r.compareHead(res.head, 0)
}

// mayWriteNow tells a client that it may write now, or may no more. What it wrote while it might not is still in its document: it is asked for that.
func (r *room) mayWriteNow(s *session) {
	if s.keyed {
		s.put(authenticatedMessage(s.canWrite()))
	}
	if s.canWrite() {
		r.sendStep1(s)
	}
}
