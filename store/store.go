// Package store defines what BizSync keeps: accounts, documents, their members and the update log, and the contract that every database
// implementation fulfils (package storetest holds the suite that proves it).
package store

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// UserID names an account.
type UserID = uuid.UUID

// DocumentID names a document.
type DocumentID = uuid.UUID

// Errors of every implementation. A method wraps them with what was being done; callers use errors.Is.
var (
	ErrNotFound = errors.New("not found")
	// ErrDeleted: the document is in the trash.
	ErrDeleted = errors.New("deleted")
	// ErrConflict: a unique value (email, document key) is taken by something else.
	ErrConflict = errors.New("already exists")
	// ErrSetupDone: the first admin exists already.
	ErrSetupDone = errors.New("set-up is done already")
	// ErrLastOwner: a document can't lose its last owner.
	ErrLastOwner = errors.New("a document needs an owner")
	// ErrTooMany: there are as many of that as Limits allow.
	ErrTooMany = errors.New("too many")
	// ErrAboveLender: a guest can't have a higher role in a document than the account whose API key it belongs to.
	ErrAboveLender = errors.New("a guest can't have more rights than who lends them")
	// ErrLimited: an owner of the document has removed the guest, or has left it a lower role.
	ErrLimited = errors.New("an owner has limited the guest")
	// ErrUncertain: the transaction may or may not have been committed (a timeout, a lost connection). The only honest continuation of
	// an Append is the same batch under the same key. Every other error of Append says that nothing of it was committed.
	ErrUncertain = errors.New("outcome unknown")
	// ErrAbandoned: the batch was given up with Abandon and can't be committed any more.
	ErrAbandoned = errors.New("the batch was abandoned")
	// ErrUnavailable: the database can't be reached or can't write at all (gone, read-only, its disk full). Nothing was committed, and no single document
	// is to blame: an Append is repeated whole, not split.
	ErrUnavailable = errors.New("database unavailable")
)

// Store is the whole contract. All methods are safe for concurrent use; times are database time, in UTC.
type Store interface {
	Log
	Accounts
	APIKeys
	Revocation
	Documents
	Notices
	People
	Audit
	Idempotency
	Measured

	// Ping says whether the database answers.
	Ping(ctx context.Context) error
	// Secret gives the installation's secret of that name: the stored one, or candidate when it is the first. However many nodes
	// start together, all get the same bytes.
	Secret(ctx context.Context, name string, candidate []byte) ([]byte, error)
	// Close ends all work and releases the database.
	Close() error
}

// UserRole is the role of an account in the installation.
type UserRole string

// The roles of accounts.
const (
	RoleAdmin  UserRole = "admin"
	RoleMember UserRole = "member"
)

// Valid says whether r is one of the known roles.
func (r UserRole) Valid() bool { return r == RoleAdmin || r == RoleMember }

// User is an account. PasswordHash is an argon2id hash, empty for an account that was invited and has none yet.
type User struct {
	ID           UserID
	Email        string // as typed; unique without regard to case
	Name         string
	Role         UserRole
	PasswordHash string
	Disabled     bool
	CreatedAt    time.Time
	UpdatedAt    time.Time
	Guest        bool      // stands for a person of somebody else's system (see People.Guest): it has no email and can't log in
	Key          uuid.UUID // of a guest: the API key that it belongs to
}

// Session is a browser's login. Only the hash of its cookie is stored.
type Session struct {
	ID        uuid.UUID
	User      UserID
	UserAgent string
	Address   string
	CreatedAt time.Time
	LastSeen  time.Time
	ExpiresAt time.Time
}

// LinkKind says what a one-time link is good for.
type LinkKind string

// SetupLinks is how many setup links are good at a time: each node that starts before there is an account makes one.
const SetupLinks = 16

// The kinds of one-time links.
const (
	LinkSetup    LinkKind = "setup"    // creates the first admin; bound to no user
	LinkPassword LinkKind = "password" // sets the password of its user: an invitation or a reset
)

// Limits bound what accounts may add. What is there already stays when they are lowered.
type Limits struct {
	Guests  int // of an API key, lapsed ones included; 0: DefaultGuests
	Members int // of a document, guests included; 0: DefaultMembers
}

// The limits that are meant by none.
const (
	DefaultGuests  = 10_000
	DefaultMembers = 1_000
)

// WithDefaults gives l with the defaults in place of zeros.
func (l Limits) WithDefaults() Limits {
	return Limits{Guests: cmp.Or(max(l.Guests, 0), DefaultGuests), Members: cmp.Or(max(l.Members, 0), DefaultMembers)}
}

// Page asks for one page of a list: at most Limit rows after Cursor (empty: from the start). Cursors are opaque and made by the implementation.
// A cursor that the implementation did not make gives ErrBadCursor.
type Page struct {
	Limit  int
	Cursor string
}

// ErrBadCursor: a list was continued with something that is no cursor of it.
var ErrBadCursor = errors.New("bad cursor")

// Accounts keeps users, their sessions and one-time links.
type Accounts interface {
	// CreateUser inserts a user; ErrConflict when the email is taken. ID, CreatedAt and UpdatedAt are set by the store when zero.
	CreateUser(ctx context.Context, u User) (User, error)
	// InviteUser is CreateUser together with CreateLink for a LinkPassword of the new account: both or neither.
	InviteUser(ctx context.Context, u User, tokenHash [32]byte, ttl time.Duration) (User, error)
	// CreateFirstAdmin inserts u as an admin if and only if no user exists; else ErrSetupDone. It uses up every setup link.
	CreateFirstAdmin(ctx context.Context, u User) (User, error)
	// HasUsers says whether any account exists.
	HasUsers(ctx context.Context) (bool, error)
	// User gives an account, disabled ones and guests included.
	User(ctx context.Context, id UserID) (User, error)
	UserByEmail(ctx context.Context, email string) (User, error)
	// Users lists accounts without guests, oldest first. next is empty on the last page.
	Users(ctx context.Context, p Page) (users []User, next string, err error)
	// SetPassword replaces the hash, ends all sessions of the user except keep (uuid.Nil keeps none) and uses up all their links, in one transaction. ErrNotFound for an
	// unknown account or a guest.
	SetPassword(ctx context.Context, id UserID, hash string, keep uuid.UUID) error
	// ChangeUser changes an account and gives it as it is then. ErrNotFound for an unknown one or a guest; ErrLastAdmin, also for two at once, when no enabled admin
	// would be left. Disabling ends all sessions and one-time links of the account.
	ChangeUser(ctx context.Context, id UserID, c UserChange) (User, error)

	// CreateSession stores a login under the SHA-256 of its cookie; the session brings its ID and ExpiresAt. ErrNotFound for an unknown or disabled user, or a guest.
	CreateSession(ctx context.Context, s Session, tokenHash [32]byte) error
	// SessionByToken gives a session that has not expired, with its user (ErrNotFound otherwise, also for a disabled user), and slides its expiry to
	// now + idle when it was last moved more than a minute ago.
	SessionByToken(ctx context.Context, tokenHash [32]byte, idle time.Duration) (Session, User, error)
	// Sessions lists a user's sessions that have not expired, newest login first.
	Sessions(ctx context.Context, user UserID, p Page) (sessions []Session, next string, err error)
	// DeleteSession ends one session of a user; ErrNotFound when it isn't theirs.
	DeleteSession(ctx context.Context, user UserID, id uuid.UUID) error
	// DeleteExpiredSessions removes sessions and one-time links that have expired, and each person's notices beyond the newest KeptNotices, at most limit of each kind. It
	// says how many of that kind of which it removed most: with limit more may be left.
	DeleteExpiredSessions(ctx context.Context, limit int) (int, error)

	// CreateLink stores a one-time link under the SHA-256 of its token. user is uuid.Nil for LinkSetup. Of setup links the newest SetupLinks are kept.
	// ErrNotFound for an unknown or disabled user, or a guest.
	CreateLink(ctx context.Context, kind LinkKind, user UserID, tokenHash [32]byte, ttl time.Duration) error
	// Link says for whom an unused, unexpired link is; ErrNotFound otherwise.
	Link(ctx context.Context, kind LinkKind, tokenHash [32]byte) (UserID, error)
	// UseLink sets the password of a LinkPassword's user, ends all their sessions and uses up this and every other link of theirs, in one transaction;
	// ErrNotFound when it is used, expired or unknown, or its user disabled.
	UseLink(ctx context.Context, tokenHash [32]byte, passwordHash string) (User, error)
}
