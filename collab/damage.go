package collab

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

// ErrDamaged: what the database has of a document can't be read, or not to its end.
var ErrDamaged = errors.New("the document is damaged")

// damagedReason is what people are told.
const damagedReason = "this document is damaged: it can be read as far as it is whole, and not be edited until an administrator has repaired it"

// load reads the document. One that can't be read completely never becomes an empty or an editable one: what is whole before the damage is shown, and may not be edited, lest anybody
// builds on a document that lacks what others wrote.
func (r *room) load() (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			r.hub.metrics.panics.Inc()
			err = fmt.Errorf("%w: reading it panicked: %v\n%s", ErrDamaged, fault, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(r.hub.rooms, loadLimit) // not a child of r.life, which would remember to have had one
	defer cancel()
	defer context.AfterFunc(r.hub.loads, cancel)()
	var whole store.Head // as far as it could be read
	head, err := r.hub.store.LoadDocument(ctx, r.doc, store.Loader{
		Binding: func(b store.Binding) error { r.owners[b.Client] = b.User; return nil },
		Snapshot: func(s store.Snapshot) error {
			whole.Seq, whole.Row = s.Seq, s.Row
			if err := r.read(s.State); err != nil {
				whole = store.Head{}
				return fmt.Errorf("snapshot %d: %w", s.Seq, err)
			}
			return nil
		},
		Row: func(row store.Row) error {
			if err := r.read(row.Update); err != nil {
				return fmt.Errorf("row %d: %w", row.Seq, err)
			}
			whole.Seq, whole.Row = row.Seq, row.ID
			r.tail.rows++
			r.tail.bytes += len(row.Update)
			return nil
		},
	})
	if errors.Is(err, ErrDamaged) || errors.Is(err, store.ErrCorrupt) {
		head, err = r.quarantine(ctx, whole, err)
	}
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

// noteDamage remembers whether a document could be read to its end, for the alarm.
func (h *Hub) noteDamage(doc store.DocumentID, damaged bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if damaged {
		h.damaged[doc] = struct{}{}
	} else {
		delete(h.damaged, doc)
	}
}

// read applies what the database has.
func (r *room) read(b []byte) error {
	u, err := crdt.ParseUpdate(b)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	r.state.Apply(u)
	return nil
}

// quarantine opens a damaged document as far as it is whole, for reading. If nothing of it is, it is refused.
func (r *room) quarantine(ctx context.Context, whole store.Head, damage error) (store.Head, error) {
	damage = fmt.Errorf("%w: %w", ErrDamaged, damage)
	if whole.Seq == 0 {
		return store.Head{}, damage
	}
	heads, err := r.hub.store.Heads(ctx, []store.DocumentID{r.doc})
	if err != nil {
		return store.Head{}, err
	}
	if len(heads) == 0 {
		return store.Head{}, store.ErrNotFound
	}
	r.log().Error("a document is damaged; it may be read as far as it is whole, and not be edited", "readable", whole.Seq, "head", heads[0].Seq, "error", damage)
	r.damaged = true
	head := heads[0]
	head.Seq, head.Row = whole.Seq, whole.Row
	return head, nil
}
