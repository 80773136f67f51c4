package collab

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// ErrQuiet is what a Conn's Read may say instead of waiting, and then Serve: nothing is wrong, and Serve is to be called again when something has arrived, best in another goroutine.
// The stack that this one has grown is given back so.
var ErrQuiet = errors.New("nothing has arrived")

// Conn is one WebSocket as the rooms see it: a seam to package api, and to memory in tests.
//
// Read is called from one goroutine at a time, and so are Send and Flush together; Close from any, once or more. After Close, all of them return an error soon.
type Conn interface {
	// Read returns the next binary message. The bytes belong to the caller. An error ends the connection; one that is a *CloseError
	// is the reason with which the connection is to be closed (a frame over the limit: 4413, a text frame: 4400). ErrQuiet doesn't end it.
	Read() ([]byte, error)
	// Send sends binary messages, in order and in few pieces, as far as the network takes them without waiting. If not all went out, the connection holds the rest, and Flush
	// has to return before the next Send. What was sent doesn't change any more; msgs itself is the caller's again.
	Send(msgs []Message) (sent bool, err error)
	// Flush waits until the rest is written. It fails when the peer takes nothing for long.
	Flush() error
	// Limit bounds the messages that Read takes from now on, in bytes; 0 means the connection's own bound. It is called by whoever calls Read.
	Limit(bytes int64)
	// Heard says when the last byte of the client was read, pongs included. It may be called from any goroutine.
	Heard() time.Time
	// Close starts the closing handshake with a code and a reason of at most 123 bytes and doesn't wait for it.
	Close(code int, reason string)
}

// Message is one WebSocket message in two parts: Head is this connection's own (nil for none), Body is shared by all who get it. Neither changes any more.
type Message struct {
	Head, Body []byte
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
