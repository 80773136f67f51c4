package collab

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

const (
	// A document is compacted when its tail has grown to this while it is edited, or to the smaller numbers when its room ends.
	compactRows      = 2000
	compactBytes     = 4 << 20
	compactIdleRows  = 50
	compactIdleBytes = 64 << 10
	compactLimit     = 2 * time.Minute
	// While a document is edited there is at least this much time between two compactions, and so much more for each MiB that it has: a snapshot is written whole.
	compactSpacing    = 30 * time.Second
	compactSpacingMiB = 5 * time.Second
	sweepRows         = 5000
)

// compaction asks for a document to be compacted.
type compaction struct {
	doc store.DocumentID
}

// compactTail asks for compaction while the document is edited, with growing pauses.
func (r *room) compactTail(now time.Time) {
	spacing := compactSpacing + time.Duration(r.state.Size()>>20)*compactSpacingMiB
	if now.Sub(r.compactedAt) < spacing {
		return
	}
	if r.wantCompaction(compactRows, compactBytes) {
		r.compactedAt = now
	}
}

// wantCompaction asks for the document to be compacted when its tail is long. It never waits: the wish comes again.
func (r *room) wantCompaction(rows, bytes int) bool {
	if r.damaged || r.tail.rows < rows && r.tail.bytes < bytes {
		return false
	}
	select {
	case r.hub.compactions <- compaction{doc: r.doc}:
		r.tail = tail{}
		return true
	default:
		return false
	}
}

// compactAll compacts one document after the other.
func (h *Hub) compactAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-h.compactions:
			if err := h.compact(ctx, c.doc); err != nil && ctx.Err() == nil {
				h.logger.Warn("a document can't be compacted", "document", c.doc, "error", err)
			}
		}
	}
}

// compact replaces the snapshot of a document by one that has all rows up to the head. It is built from the database alone, never from a room's memory, and
// is conditional on the snapshot that it read: two nodes can do it at one moment and neither loses a row.
func (h *Hub) compact(ctx context.Context, doc store.DocumentID) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			h.metrics.panics.Inc()
			err = fmt.Errorf("%w: compacting it panicked: %v\n%s", ErrDamaged, fault, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, compactLimit)
	defer cancel()
	state := crdt.NewState()
	apply := func(b []byte) error {
		u, err := crdt.ParseUpdate(b)
		if err != nil {
			return err
		}
		state.Apply(u)
		return nil
	}
	var replaces uint64
	head, err := h.store.LoadDocument(ctx, doc, store.Loader{
		Binding:  func(store.Binding) error { return nil },
		Snapshot: func(s store.Snapshot) error { replaces = s.Seq; return apply(s.State) },
		Row:      func(row store.Row) error { return apply(row.Update) },
	})
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if head.Seq == replaces {
		return nil
	}
	saved, err := h.store.SaveSnapshot(ctx, doc, head.Epoch, replaces, store.Snapshot{Seq: head.Seq, Row: head.Row, State: state.Encode().Bytes()})
	if err != nil {
		return fmt.Errorf("save snapshot %d: %w", head.Seq, err)
	}
	if saved {
		h.metrics.compactions.Inc()
	}
	return nil
}

// sweep moves what snapshots have covered for long out of the way.
func (h *Hub) sweep(ctx context.Context) {
	for pause(ctx, h.timing.Sweep) {
		for {
			n, err := h.store.SweepCovered(ctx, sweepRows)
			if err != nil {
				if ctx.Err() == nil {
					h.logger.Warn("covered rows can't be swept", "error", err)
				}
				break
			}
			if n < sweepRows {
				break
			}
		}
	}
}
