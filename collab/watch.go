package collab

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// ChangeKind says what happened to an editor.
type ChangeKind uint8

// The kinds of changes.
const (
	Joined  ChangeKind = iota
	Left               // Editor is as it was
	Changed            // role or activity
	Scope              // Whole changed; no editor
)

// Change is one thing that happened to who is online.
type Change struct {
	Kind   ChangeKind
	Editor Editor
	Whole  bool // with Scope: whether the people of other nodes are known from now on
}

// Watch follows who is online. What happens while nobody calls Next is gathered, one change a connection at most, so it can't grow beyond who is online.
// Its methods may be called from any goroutine, Next from one at a time.
type Watch struct {
	roster   *roster
	doc      store.DocumentID // Nil: all documents
	snapshot []Editor
	whole    bool
	wake     chan struct{} // of capacity 1

	pending map[uuid.UUID]Change // guarded by roster.mu, like all that follows
	scope   *bool
}

// Watch begins to follow the editors of a document, or with uuid.Nil of all. Close it.
func (h *Hub) Watch(doc store.DocumentID) *Watch {
	o := h.roster
	w := &Watch{roster: o, doc: doc, wake: make(chan struct{}, 1), pending: make(map[uuid.UUID]Change)}
	o.mu.Lock()
	defer o.mu.Unlock()
	w.snapshot, w.whole = o.listLocked(w.concerns), !o.alone
	o.watches[w] = struct{}{}
	return w
}

// Snapshot gives who was online when the watch began, oldest first, and whether the people of other nodes were known. Next continues from there.
func (w *Watch) Snapshot() (editors []Editor, whole bool) { return w.snapshot, w.whole }

// Next waits for changes and gives them, at most one a connection, in the order in which the connections were made; or ctx's error.
func (w *Watch) Next(ctx context.Context) ([]Change, error) {
	for {
		if changes := w.take(); len(changes) > 0 {
			return changes, nil
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close ends the watch.
func (w *Watch) Close() {
	w.roster.mu.Lock()
	defer w.roster.mu.Unlock()
	delete(w.roster.watches, w)
}

func (w *Watch) concerns(e *Editor) bool { return w.doc == uuid.Nil || w.doc == e.Document }

func (w *Watch) take() []Change {
	w.roster.mu.Lock()
	defer w.roster.mu.Unlock()
	changes := make([]Change, 0, len(w.pending)+1)
	for _, c := range w.pending {
		changes = append(changes, c)
	}
	clear(w.pending)
	slices.SortFunc(changes, func(a, b Change) int { return byAge(a.Editor, b.Editor) })
	if w.scope != nil {
		changes = append(changes, Change{Kind: Scope, Whole: *w.scope})
		w.scope = nil
	}
	return changes
}

// note takes a change. The caller holds roster.mu.
func (w *Watch) note(c Change) {
	if c.Kind == Scope {
		w.scope = &c.Whole
	} else {
		if !w.concerns(&c.Editor) {
			return
		}
		conn := c.Editor.Conn
		before, waits := w.pending[conn]
		switch {
		case waits && before.Kind == Joined && c.Kind == Left:
			delete(w.pending, conn) // nobody was told of it
			return
		case waits && before.Kind == Joined:
			c.Kind = Joined
		case waits && before.Kind == Left && c.Kind == Joined:
			c.Kind = Changed // a node that was thought dead has come back
		}
		w.pending[conn] = c
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
