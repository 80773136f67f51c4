package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// ErrLastAdmin: the installation can't lose its last admin.
var ErrLastAdmin = errors.New("an installation needs an admin")

// UserChange is what to change of an account. What is nil stays.
type UserChange struct {
	Name     *string
	Role     *UserRole
	Disabled *bool
}

// Apply gives u as it is after the change.
func (c UserChange) Apply(u User) User {
	if c.Name != nil {
		u.Name = *c.Name
	}
	if c.Role != nil {
		u.Role = *c.Role
	}
	if c.Disabled != nil {
		u.Disabled = *c.Disabled
	}
	return u
}

// Credentials are what lets people in: accounts, the logins of browsers, the API keys of programs.
type Credentials struct {
	Users    []UserID
	Sessions []uuid.UUID
	Keys     []uuid.UUID
}

// Revocation tells what has stopped letting people in.
type Revocation interface {
	// AccessRevision gives a number that moves, in the same transaction, whenever a login ends before its time, an account changes (name, role, disabled, password) or an API
	// key is deleted; logging in and expiry don't move it. Whoever reads the revision first and then checks credentials may rely on the answer, for those that
	// haven't expired, as long as the revision is still equal. It is one tiny read, asked every second by each node.
	AccessRevision(ctx context.Context) (uint64, error)
	// Lapsed gives those of c that don't hold any more, in any order: accounts that are disabled or unknown, and guests whose key doesn't hold; sessions that are unknown, ended or expired; keys that are unknown, deleted or expired;
	// sessions and keys of a disabled account.
	Lapsed(ctx context.Context, c Credentials) (Credentials, error)
}

// APIKey lets a program in as its user, within its scopes. Only the hash of the key itself is stored.
type APIKey struct {
	ID        uuid.UUID
	User      UserID
	Name      string
	Scopes    []string
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	LastUsed  time.Time // zero: not yet; exact to a minute
}

// APIKeys keeps the keys of programs.
type APIKeys interface {
	// CreateAPIKey stores a key under the SHA-256 of its text. ID and CreatedAt are set by the store when zero. ErrNotFound for an unknown or disabled user, or a guest.
	CreateAPIKey(ctx context.Context, k APIKey, tokenHash [32]byte) (APIKey, error)
	// APIKeys lists a user's keys, expired ones included, newest first.
	APIKeys(ctx context.Context, user UserID, p Page) (keys []APIKey, next string, err error)
	// DeleteAPIKey deletes one key of a user and moves the access revision; ErrNotFound when it isn't theirs.
	DeleteAPIKey(ctx context.Context, user UserID, id uuid.UUID) error
	// APIKeyByToken gives a key that has not expired, with its user (ErrNotFound otherwise, also for a disabled user), and moves LastUsed when that is more than a minute ago.
	APIKeyByToken(ctx context.Context, tokenHash [32]byte) (APIKey, User, error)
}
