package collab

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/bizsync/bizsync/store"
)

// bells ring when a person has new notices. The notices themselves are in the database.
type bells struct {
	mu   sync.Mutex
	of   map[store.UserID]map[*Bell]struct{} // guarded by mu, like all that follows
	head map[store.UserID]uint64             // number of the newest notice, as last polled
}

// Bell says when a person may have new notices, on whichever node they were made.
type Bell struct {
	// Rings receives when there may be news. It is of capacity 1.
	Rings <-chan struct{}
	rings chan struct{}
	hub   *Hub
	user  store.UserID
}

// Listen gives a bell for a person's notices. Close it. Read what there is after listening: what comes later rings, without Redis within seconds.
func (h *Hub) Listen(user store.UserID) *Bell {
	rings := make(chan struct{}, 1)
	b := &Bell{Rings: rings, rings: rings, hub: h, user: user}
	h.bells.mu.Lock()
	defer h.bells.mu.Unlock()
	if h.bells.of[user] == nil {
		h.bells.of[user] = make(map[*Bell]struct{})
	}
	h.bells.of[user][b] = struct{}{}
	return b
}

// Close ends listening.
func (b *Bell) Close() {
	s := &b.hub.bells
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of[b.user], b)
	if len(s.of[b.user]) == 0 {
		delete(s.of, b.user)
		delete(s.head, b.user)
	}
}

// Notify says, on all nodes, that these people may have new notices.
func (h *Hub) Notify(users ...store.UserID) {
	h.mu.Lock()
	r := h.relay
	h.mu.Unlock()
	for _, user := range users {
		h.Noticed(user, nil)
		if r != nil {
			if err := r.Notify(user, []byte{relayVersion}); err != nil {
				h.metrics.relayed.WithLabelValues("unsent").Inc()
			}
		}
	}
}

// Noticed takes word of another node that a person may have new notices. It never blocks.
func (h *Hub) Noticed(user [16]byte, _ []byte) {
	h.bells.mu.Lock()
	defer h.bells.mu.Unlock()
	for b := range h.bells.of[user] {
		b.ring()
	}
}

func (b *Bell) ring() {
	select {
	case b.rings <- struct{}{}:
	default:
	}
}

// pollNotices rings every HeadPoll for those whose newest notice has moved, whatever became of the message about it.
func (h *Hub) pollNotices(ctx context.Context) {
	for h.nextPoll(ctx.Done(), nil) {
		h.lookForNotices(ctx)
	}
}

func (h *Hub) lookForNotices(ctx context.Context) {
	h.bells.mu.Lock()
	users := slices.Collect(maps.Keys(h.bells.of))
	h.bells.mu.Unlock()
	if len(users) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	heads, err := h.store.NoticeHeads(ctx, users)
	if err != nil {
		if ctx.Err() == nil {
			h.logger.Warn("notices can't be looked for", "error", err)
		}
		return
	}
	h.bells.mu.Lock()
	defer h.bells.mu.Unlock()
	for _, user := range users {
		listeners := h.bells.of[user]
		if listeners == nil {
			continue
		}
		if known, ok := h.bells.head[user]; !ok || known != heads[user] {
			h.bells.head[user] = heads[user]
			for b := range listeners {
				b.ring()
			}
		}
	}
}
