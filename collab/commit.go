package collab

import (
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

// decided takes the outcome of the batch at the journal. Only now is anything of it told to anyone.
func (r *room) decided(b *batch) {
	res := &b.result
	r.batch = nil
	if r.failed != nil {
		return
	}
	switch res.Refused {
	case store.EpochChanged:
		if res.Head.Epoch == r.epoch {
			r.historyWentBack(res.Head)
		} else {
			r.reload(res.Head)
		}
		return
	case store.DocumentGone:
		r.fail(&CloseError{Code: CloseNotFound, Reason: "the document was deleted"})
		return
	}
	r.setLenient(res.Head)
	if !brokenOwnMovesUpTo {
		r.takeRows(res.Foreign)
	}
	r.bind(b)
	merged, refused := r.merge(b)
	filling := len(r.above) > 0
	fresh := r.takeOwn(b)
	switch {
	case merged.IsEmpty():
	case !fresh:
		// The log was read meanwhile, and has told some of it or all.
		r.applyPart(merged)
		r.publish(res, merged)
	default:
		r.applyRows(merged, filling)
		except := b.single
		if len(refused) > 0 {
			except = nil
		}
		r.tellUpdate(merged, except)
		r.publish(res, merged)
	}
	if res.MoreForeign || r.behind(res.Head) {
		r.catchUp("commit")
	}
	r.announced(b)
	r.rejudge = true
	if len(refused) == 0 {
		r.acknowledge(b)
	} else {
		r.judgeAgain(b, refused)
	}
	r.keepSpare(b)
}

// merge gives one update with all rows that were committed, and the accounts whose row was refused.
func (r *room) merge(b *batch) (crdt.Update, map[writer]store.RowResult) {
	res := &b.result
	var refused map[writer]store.RowResult
	for i, row := range res.Rows {
		if row.Refused == store.Accepted {
			continue
		}
		if refused == nil {
			refused = make(map[writer]store.RowResult)
		}
		refused[b.rows[i].author] = row
		r.hub.metrics.refusedRow(row.Refused)
		for _, client := range row.Others {
			if _, known := r.owners[client]; !known {
				r.owners[client] = unknownOwner
			}
		}
	}
	switch {
	case refused == nil && len(b.rows) == 1 && len(b.rows[0].updates) == 1:
		return b.rows[0].updates[0], nil
	case refused == nil && len(b.rows) == 1:
		return b.rows[0].layer.Encode(), nil
	}
	var kept []crdt.Update
	for _, row := range b.rows {
		if _, no := refused[row.author]; !no {
			kept = append(kept, row.layer.Encode())
		}
	}
	return crdt.MergeUpdates(kept...), refused
}

// bind notes the client ids that the batch has bound.
func (r *room) bind(b *batch) {
	res, part := &b.result, &b.part
	for i, a := range res.Announced {
		if a.Refused == store.Accepted {
			r.owners[part.Announce[i].Client] = part.Announce[i].User
		}
	}
	for i, row := range res.Rows {
		if row.Refused == store.Accepted && !res.Head.Lenient {
			for _, client := range part.Rows[i].Clients {
				r.owners[client] = part.Rows[i].Author
			}
		}
	}
}

// acknowledge settles the frames of a batch that was committed whole.
func (r *room) acknowledge(b *batch) {
	now := time.Now()
	for _, f := range b.frames {
		f.session.decide(f.frame)
		f.session.spent(f.frame)
		r.hub.metrics.ackSeconds.observe(now.Sub(f.frame.at), now)
	}
	for _, f := range b.frames {
		if f.session.joined {
			f.session.flushAck()
		}
	}
	r.hub.metrics.acked.Add(float64(len(b.frames)))
}

// judgeAgain judges all frames of a batch anew of which a row was refused, and those staged behind it, since they may refer to it or have relied on its
// bringing something. Those whose content is committed are settled by that.
func (r *room) judgeAgain(b *batch, refused map[writer]store.RowResult) {
	for _, s := range r.sessions {
		if refused[s.peer.writer()].Refused == store.NoRight {
			s.role = min(s.role, store.Viewer)
			r.hub.roster.setRole(s, min(s.role, s.peer.MaxRole))
		}
	}
	r.askRights()
	frames := b.frames
	if next := r.next; next != nil {
		next.settled()
		r.next = nil
		for _, a := range next.announce {
			r.retry(a)
		}
		frames = append(frames, next.frames...)
	}
	for _, f := range frames {
		if !f.session.joined {
			f.session.spent(f.frame)
			continue
		}
		r.judge(f.session, f.frame, false)
		f.session.flushAck()
	}
}

// takeOwn notes the numbers of our own committed rows; fresh says that none of them had come from the log already.
func (r *room) takeOwn(b *batch) (fresh bool) {
	fresh = true
	for i, row := range b.result.Rows {
		if row.Refused == store.Accepted {
			if _, have := r.above[row.Seq]; have || row.Seq <= r.upTo {
				fresh = false
				continue
			}
			r.tail.rows++
			r.tail.bytes += len(b.part.Rows[i].Update)
			r.applied(store.Row{Seq: row.Seq, ID: row.ID, Prev: row.Prev})
		}
	}
	return fresh
}

// takeRows applies rows of others, in whatever order they come, and tells them at once. Foreign rows are never held or refused: they are committed.
func (r *room) takeRows(rows []store.Row) {
	for _, row := range rows {
		if row.Seq <= r.upTo {
			continue
		}
		if _, have := r.above[row.Seq]; have {
			continue
		}
		u, err := crdt.ParseUpdate(row.Update)
		if err != nil {
			r.log().Error("a row of the log can't be read", "seq", row.Seq, "error", err)
			r.hub.metrics.badRows.Inc()
			r.fail(&CloseError{Code: CloseTryAgain, Reason: "the document can't be read"})
			return
		}
		r.applyRows(u, len(r.above) > 0)
		r.tail.rows++
		r.tail.bytes += len(row.Update)
		r.applied(row)
		r.tellUpdate(u, nil)
	}
}

// applied moves upTo over the contiguous run that now exists.
func (r *room) applied(row store.Row) {
	switch {
	case row.Seq <= r.upTo:
		return
	case row.Seq > r.upTo+1 && !brokenOwnMovesUpTo:
		r.above[row.Seq] = store.Row{Seq: row.Seq, ID: row.ID, Prev: row.Prev}
		if r.holeSince.IsZero() {
			r.holeSince = time.Now()
		}
		return
	}
	if row.Prev != r.upToRow && !brokenOwnMovesUpTo {
		r.historyWentBack(store.Head{Seq: row.Seq})
	}
	r.upTo, r.upToRow = row.Seq, row.ID
	r.advance()
}

// advance moves upTo over what is applied above it and follows.
func (r *room) advance() {
	for {
		next, ok := r.above[r.upTo+1]
		if !ok {
			break
		}
		if next.Prev != r.upToRow {
			r.historyWentBack(store.Head{Seq: next.Seq})
		}
		delete(r.above, next.Seq)
		r.upTo, r.upToRow = next.Seq, next.ID
	}
	if len(r.above) == 0 {
		r.holeSince = time.Time{}
	} else {
		r.holeSince = time.Now()
	}
	r.moved()
}

// moved tells those who must know how far the room has come.
func (r *room) moved() {
	r.seen.Store(r.upTo)
	r.seenRow.Store(int64(r.upToRow))
	if r.batch != nil {
		r.batch.moveTo(r.upTo, r.upToRow)
	}
}

// behind says whether the database has rows that the room has not applied.
func (r *room) behind(h store.Head) bool {
	return h.Seq > r.upTo+uint64(len(r.above))
}

// newLayer gives an empty state, with memory of an earlier one if there is any at hand.
func (r *room) newLayer() *crdt.State {
	if layer, ok := r.hub.layers.Get().(*crdt.State); ok {
		return layer
	}
	return crdt.NewState()
}

// keepSpare keeps the memory of a small batch's layers for the next ones, of whatever room.
func (r *room) keepSpare(b *batch) {
	if b.bytes > 4<<10 {
		return
	}
	for i := range b.rows {
		b.rows[i].layer.Reset()
		r.hub.layers.Put(b.rows[i].layer)
		b.rows[i].layer = nil
	}
}
