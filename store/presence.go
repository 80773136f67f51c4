package store

import (
	"time"

	"github.com/google/uuid"
)

// Node is what a running node tells the others of itself. The JSON form is kept in Redis for seconds; fields may be added.
type Node struct {
	Run         uuid.UUID `json:"run"` // of this process, made anew at every start
	Name        string    `json:"name"`
	Version     string    `json:"version"`
	StartedAt   time.Time `json:"startedAt"`
	Roster      uint64    `json:"roster"` // moves whenever the node's leases do
	Connections int       `json:"connections"`
	Documents   int       `json:"documents"`
}

// Lease says that a connection is open: who is where, in which document. It ends by itself unless its node renews it.
type Lease struct {
	Conn       uuid.UUID  `json:"conn"`
	Run        uuid.UUID  `json:"run"` // of the node that has the connection
	Node       string     `json:"node"`
	Document   DocumentID `json:"document"`
	User       UserID     `json:"user"`
	Name       string     `json:"name"`
	Role       Role       `json:"role"`
	Since      time.Time  `json:"since"`
	LastActive time.Time  `json:"lastActive"`
}

// CachedSession is a login as the database had it at an access revision (see Accounts.AccessRevision): while the revision stands and the session hasn't
// expired, it still holds. User.PasswordHash is always empty.
type CachedSession struct {
	Session  Session
	User     User
	Revision uint64
	Slid     time.Time // when the database last moved the session's expiry
}
