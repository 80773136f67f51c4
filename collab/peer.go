package collab

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// Conn is one WebSocket as the rooms see it: a seam to package api, and to memory in tests.
//
// Read and Write are each called from one goroutine at a time; Close from any, once or more. After Close, Read and Write return an error soon.
type Conn interface {
	// Read returns the next binary message. The bytes belong to the caller. An error ends the connection; one that is a *CloseError
	// is the reason with which the connection is to be closed (a frame over the limit: 4413, a text frame: 4400).
	Read(ctx context.Context) ([]byte, error)
	// Write sends binary messages, in order, in few pieces. It does not keep or change them.
	Write(ctx context.Context, msgs ...[]byte) error
	// Heard says when the last byte of the client was read, pongs included. It may be called from any goroutine.
	Heard() time.Time
	// Close starts the closing handshake with a code and a reason of at most 123 bytes and doesn't wait for it.
	Close(code int, reason string)
}

// CloseError carries a close code and reason through an error.
type CloseError struct {
	Code   int
	Reason string
}

// Error says the reason.
func (e *CloseError) Error() string { return e.Reason }

// Peer says who is at the other end of a connection to a document. It is checked by package api before a connection is served.
type Peer struct {
	Conn uuid.UUID // of this connection
	User store.UserID
	Name string // shown to others
	// Role is what the account may do in the document; MaxRole what its credentials allow (a token's role; Owner for a session). The lower one counts.
	Role    store.Role
	MaxRole store.Role
	// AccessVersion is the document's access version at which Role was read.
	AccessVersion uint64
	Session       uuid.UUID // the login whose cookie was used; Nil for a token
	Key           uuid.UUID // the API key that minted the token; Nil when none did
	// Acks: the client asked for subprotocol bizsync.v1 and is told what is committed.
	Acks bool
}

// Close codes of the collaboration sockets (CONTRACT section 4). 4400-4499 tell a client not to come back by itself.
const (
	CloseNormal       = 1000
	CloseGoingAway    = 1012
	CloseTryAgain     = 1013
	CloseMalformed    = 4400
	CloseUnauthorized = 4401
	CloseForbidden    = 4403
	CloseNotFound     = 4404
	CloseClientID     = 4409
	CloseTooLarge     = 4413
)
