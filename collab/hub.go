// Package collab is the collaboration core: rooms, the connections in them, the sync protocols that they speak, presence, and the journal that
// commits what they accept. It knows no HTTP, SQL or Redis; those come in through Conn and the store's contract.
package collab

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// Hub owns all rooms of a node and the journal.
type Hub struct{}

// NewHub starts a hub: its journal and its housekeeping run until Stop.
func NewHub(o Options) *Hub { return &Hub{} }

// Serve runs one connection to a document until it ends, closes it with the fitting code, and returns why it ended (nil: the client left).
// It blocks for the connection's life. The caller has authenticated the peer.
func (h *Hub) Serve(ctx context.Context, doc store.DocumentID, peer Peer, conn Conn) error {
	return errors.New("collab: not built")
}

// Content gives the committed state of a document at this moment as a v1 update, with its epoch and sequence number. It is read from the room when one is
// loaded, else from the log. The bytes must not be changed.
func (h *Hub) Content(ctx context.Context, doc store.DocumentID) (Content, error) {
	return Content{}, errors.New("collab: not built")
}

// Content is a document's committed content.
type Content struct {
	Epoch  uuid.UUID
	Seq    uint64
	Update []byte
	// Text reads a root's plain text; an empty name means the only root, or "default" when there are several.
	Text func(root string) (string, error)
}

// Editors lists who has a document open on this node, oldest connection first.
func (h *Hub) Editors(doc store.DocumentID) []Editor { return nil }

// AccessChanged makes an open room look at its members' rights now instead of at its next poll. Call it after a change of members, deletion or restore.
func (h *Hub) AccessChanged(doc store.DocumentID) {}

// EndSession closes every socket that was opened with that login's cookie (code 4401).
func (h *Hub) EndSession(session uuid.UUID) {}

// Stop refuses new connections, commits what was accepted, closes all sockets with 1012 and returns when all goroutines have ended, or when ctx is done.
func (h *Hub) Stop(ctx context.Context) error { return nil }
