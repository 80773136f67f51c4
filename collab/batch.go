package collab

import (
	"sync"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

// bindingCost is what binding a client id counts for among staged bytes: the database takes for it about as long as for so many bytes of updates.
const bindingCost = 256

// batch is what a room has staged for its next commit. The room fills it; from sealing to the result it is the journal's.
type batch struct {
	room *room // whose results go there

	// Owned by room.run, also after sealing.
	frames   []staged // what is settled by the result, in the order of arrival
	announce []announcement
	claims   map[uint64]store.UserID // client ids that the batch binds
	single   *session                // the only connection whose frames are in it
	mixed    bool                    // more than one
	result   store.DocumentResult    // set by the journal, when it is done with the batch

	mu     sync.Mutex
	sealed bool
	part   store.DocumentAppend // guarded by mu until sealed; Rows is filled by seal
	rows   []authorRow          // guarded by mu until sealed
	bytes  int                  // guarded by mu until sealed: of all updates, and for bindings
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

// writer is an account, and the login or API key by which its connection was let in, if any: whose rights are checked at the commit.
type writer struct {
	user       store.UserID
	credential uuid.UUID
}

func (p *Peer) writer() writer {
	w := writer{p.User, p.Key}
	if p.Session != uuid.Nil {
		w.credential = p.Session
	}
	return w
}

// authorRow gathers what one writer brings in a batch.
type authorRow struct {
	author  writer
	updates []crdt.Update
	clients []uint64
	// layer is all of updates, merged: what the room knows of this author on top of what is committed. It is the room's alone. Another author's edits can't refer to it:
	// nobody has seen it yet, and if this row is refused, nothing that was committed may depend on it.
	layer *crdt.State
}

func newBatch(r *room) *batch {
	return &batch{
		room: r,
		part: store.DocumentAppend{
			Document: r.doc, Epoch: r.epoch, UpTo: r.upTo, UpToRow: r.upToRow, AccessVersion: r.accessVersion,
		},
	}
}

// add stages an update of an author for the commit; false when the batch is sealed already.
func (b *batch) add(author writer, accessVersion uint64, u crdt.Update, clients []uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealed {
		return false
	}
	// The transaction checks rights that changed since the oldest judgement in the batch.
	b.part.AccessVersion = min(b.part.AccessVersion, accessVersion)
	row := b.row(author)
	if row == nil {
		b.rows = append(b.rows, authorRow{author: author, layer: b.room.newLayer()})
		row = &b.rows[len(b.rows)-1]
	}
	row.updates = append(row.updates, u)
	row.clients = append(row.clients, clients...)
	row.layer.Apply(u)
	b.charge(len(u.Bytes()) + bindingCost*len(clients))
	return true
}

// charge puts bytes on the account of what is staged. The caller holds mu.
func (b *batch) charge(n int) {
	b.bytes += n
	b.room.hub.staged.Add(int64(n))
}

// row gives what a writer has in the batch, or nil. Only the room adds rows, so it may look without the lock.
func (b *batch) row(author writer) *authorRow {
	for i := range b.rows {
		if b.rows[i].author == author {
			return &b.rows[i]
		}
	}
	return nil
}

// settled takes the batch off the node's account of what is staged, once its outcome is known or it is given up.
func (b *batch) settled() { b.room.hub.staged.Add(-int64(b.bytes)) }

// addAnnouncement stages the binding of a client id; false when the batch is sealed already.
func (b *batch) addAnnouncement(binding store.Binding) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealed {
		return false
	}
	b.part.Announce = append(b.part.Announce, binding)
	b.charge(bindingCost)
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

// seal closes the batch and gives the journal its part, one row a writer, in the order in which they first wrote; and what it counts for.
func (b *batch) seal() (part store.DocumentAppend, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealed {
		return b.part, b.bytes
	}
	b.sealed = true // nothing is added from here on
	b.part.Rows = make([]store.NewRow, len(b.rows))
	for i, row := range b.rows {
		update := row.updates[0]
		if len(row.updates) > 1 {
			update = crdt.MergeUpdates(row.updates...)
		}
		b.part.Rows[i] = store.NewRow{Author: row.author.user, Credential: row.author.credential, Update: update.Bytes(), Clients: row.clients}
	}
	return b.part, b.bytes
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
	if _, taken := b.claims[client]; !taken {
		b.claims[client] = user
	}
}

// owner says to whom the batch binds a client id.
func (b *batch) owner(client uint64) (store.UserID, bool) {
	if b == nil {
		return uuid.Nil, false
	}
	u, ok := b.claims[client]
	return u, ok
}
