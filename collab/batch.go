package collab

import (
	"sync"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

// batch is what a room has staged for its next commit. The room fills it; from sealing to the result it is the journal's.
type batch struct {
	room *room // whose results go there

	// Owned by room.run, also after sealing.
	layer    *crdt.State // all staged updates, merged: what the room knows on top of earlier layers, and the frame that it broadcasts
	frames   []staged    // what is settled by the result, in the order of arrival
	announce []announcement
	claims   map[uint64]store.UserID // client ids that the batch binds
	bytes    int
	single   *session // the only connection whose frames are in it
	mixed    bool     // more than one

	mu     sync.Mutex
	sealed bool
	part   store.DocumentAppend // guarded by mu until sealed; Rows is filled by seal
	rows   []authorRow          // guarded by mu until sealed
}

// staged is a frame that waits for a batch.
type staged struct {
	session *session
	frame   frame
}

// announcement is a client id that a connection wants to be known by.
type announcement struct {
	session *session
	client  uint64
}

// authorRow gathers what one account writes in a batch.
type authorRow struct {
	author  store.UserID
	updates []crdt.Update
	clients []uint64
}

func newBatch(r *room) *batch {
	layer := r.spare
	if r.spare = nil; layer == nil {
		layer = crdt.NewState()
	}
	return &batch{
		room: r, layer: layer,
		part: store.DocumentAppend{
			Document: r.doc, Epoch: r.epoch, UpTo: r.upTo, UpToRow: r.upToRow, AccessVersion: r.accessVersion,
		},
	}
}

// add stages an update of an author for the commit; false when the batch is sealed already.
func (b *batch) add(author store.UserID, accessVersion uint64, u crdt.Update, clients []uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealed {
		return false
	}
	// The transaction checks rights that changed since the oldest judgement in the batch.
	b.part.AccessVersion = min(b.part.AccessVersion, accessVersion)
	for i := range b.rows {
		if b.rows[i].author == author {
			b.rows[i].updates = append(b.rows[i].updates, u)
			b.rows[i].clients = append(b.rows[i].clients, clients...)
			return true
		}
	}
	b.rows = append(b.rows, authorRow{author: author, updates: []crdt.Update{u}, clients: clients})
	return true
}

// addAnnouncement stages the binding of a client id; false when the batch is sealed already.
func (b *batch) addAnnouncement(binding store.Binding) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealed {
		return false
	}
	b.part.Announce = append(b.part.Announce, binding)
	return true
}

// moveTo tells an unsealed batch how far its room has come.
func (b *batch) moveTo(upTo uint64, row store.RowID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.sealed {
		b.part.UpTo, b.part.UpToRow = upTo, row
	}
}

// seal closes the batch and gives the journal its part: one row an author, in the order in which they first wrote.
func (b *batch) seal() store.DocumentAppend {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sealed = true
	b.part.Rows = make([]store.NewRow, len(b.rows))
	for i, row := range b.rows {
		update := row.updates[0]
		if len(row.updates) > 1 {
			update = crdt.MergeUpdates(row.updates...)
		}
		b.part.Rows[i] = store.NewRow{Author: row.author, Update: update.Bytes(), Clients: row.clients}
	}
	return b.part
}

// note remembers whom to answer when the batch is decided.
func (b *batch) note(s *session, f frame) {
	b.frames = append(b.frames, staged{session: s, frame: f})
	if b.single == nil && !b.mixed {
		b.single = s
	} else if b.single != s {
		b.single, b.mixed = nil, true
	}
}

// claim binds a client id to an account as far as the room is concerned, until the result.
func (b *batch) claim(client uint64, user store.UserID) {
	if b.claims == nil {
		b.claims = make(map[uint64]store.UserID)
	}
	b.claims[client] = user
}

// owner says to whom the batch binds a client id.
func (b *batch) owner(client uint64) (store.UserID, bool) {
	if b == nil {
		return uuid.Nil, false
	}
	u, ok := b.claims[client]
	return u, ok
}
