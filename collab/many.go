package collab

import (
	"context"

	"github.com/bizsync/bizsync/store"
)

// Message is one WebSocket message in two parts: Head is this connection's own (nil for none), Body is shared by all who get it. Neither changes any more.
type Message struct {
	Head, Body []byte
}

// Gate lets the people of one Hocuspocus connection into documents.
type Gate interface {
	// Admit judges an auth frame: the document's id or key, and the token of the frame ("" when the client has none). A *CloseError is a definite refusal, with a code of
	// CONTRACT section 4 and a reason for the client; any other error means "try again". The peer's Conn is new at each call.
	Admit(ctx context.Context, document, token string) (store.DocumentID, Peer, error)
}

// ServeMany runs one Hocuspocus connection, with any number of documents, until it ends and closes it with the fitting code. It blocks for the connection's life and returns
// why it ended (nil: the client left).
func (h *Hub) ServeMany(ctx context.Context, conn Conn, gate Gate) error {
	_, _ = ctx, gate
	conn.Close(CloseTryAgain, "not yet")
	return nil
}
