package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

const (
	// titleLife is how old a title may be that admins are shown; those changed on this node are shown at once.
	titleLife = 15 * time.Second
	// maxTitles bounds how many are remembered.
	maxTitles = 10_000
)

// titles remembers the titles of documents that people have open, so that a list of everybody online costs no query for each. It may be used concurrently.
type titles struct {
	store store.Store

	mu    sync.Mutex
	known map[store.DocumentID]titleEntry
}

type titleEntry struct {
	title string
	at    time.Time
}

func newTitles(st store.Store) *titles {
	return &titles{store: st, known: make(map[store.DocumentID]titleEntry)}
}

// set notes a title that was changed here.
func (t *titles) set(doc store.DocumentID, title string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if len(t.known) >= maxTitles {
		t.makeRoom(now)
	}
	t.known[doc] = titleEntry{title, now}
}

// makeRoom forgets what is too old, and in any case a tenth of all, whichever they are. The caller holds mu.
func (t *titles) makeRoom(now time.Time) {
	for doc, e := range t.known {
		if now.Sub(e.at) >= titleLife || len(t.known) > maxTitles*9/10 {
			delete(t.known, doc)
		}
	}
}

// of gives the titles of the documents that editors have open. One that can't be read is left out, or as old as it is.
func (t *titles) of(ctx context.Context, editors []collab.Editor) map[store.DocumentID]string {
	found := make(map[store.DocumentID]string)
	var ask []collab.Editor
	t.mu.Lock()
	for _, e := range editors {
		if _, ok := found[e.Document]; ok {
			continue
		}
		known, ok := t.known[e.Document]
		if !ok || time.Since(known.at) >= titleLife {
			ask = append(ask, e)
		}
		found[e.Document] = known.title
	}
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	for _, e := range ask {
		// Whoever has it open is a member of it, and so may ask.
		d, err := t.store.Document(ctx, e.Document, e.User)
		switch {
		case err == nil:
			found[e.Document] = d.Title
			t.set(e.Document, d.Title)
		case !errors.Is(err, store.ErrNotFound):
			return found // the database is away: one wait is enough
		}
	}
	return found
}
