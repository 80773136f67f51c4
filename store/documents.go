package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Role is what an account may do in one document. Roles are ordered: each includes those below it.
type Role uint8

// The roles in a document. Commenters are viewers until comments exist.
const (
	NoRole Role = iota
	Viewer
	Commenter
	Editor
	Owner
)

// String gives the role's name in the API; "" for NoRole.
func (r Role) String() string {
	return [...]string{"", "viewer", "commenter", "editor", "owner"}[min(r, Owner)]
}

// ParseRole is the inverse of String; ok is false for anything but the four names.
func ParseRole(s string) (r Role, ok bool) {
	for r := Viewer; r <= Owner; r++ {
		if r.String() == s {
			return r, true
		}
	}
	return NoRole, false
}

// CanWrite says whether the role may change the document's content.
func (r Role) CanWrite() bool { return r >= Editor }

// Document is a document's entry in the catalogue; its content is in the log.
type Document struct {
	ID        DocumentID
	Key       string // unique name chosen by its creator, "" for none
	Title     string
	Kind      DocumentKind // KindRich when it was created without one
	Owner     UserID       // who created it, or to whom it was transferred
	OwnerName string
	Role      Role // of the user that asked
	CreatedAt time.Time
	UpdatedAt time.Time // of title, key, members or content, whichever moved last
	DeletedAt time.Time // zero: not in the trash
}

// TrashTime is how long a document stays in the trash before it is deleted for good.
const TrashTime = 30 * 24 * time.Hour

// DocumentKind says which editor a document is for. Its content is a Yjs document either way.
type DocumentKind string

// The kinds of documents.
const (
	KindRich DocumentKind = "rich" // formatted text, in the XML fragment "default"
	KindText DocumentKind = "text" // plain text or code, in the text "codemirror"
)

// Valid says whether k is one of the known kinds.
func (k DocumentKind) Valid() bool { return k == KindRich || k == KindText }

// DocumentFilter says which of a user's documents are wanted.
type DocumentFilter string

// The filters of lists of documents. All but FilterTrash leave out what is in the trash.
const (
	FilterAll    DocumentFilter = ""       // in which the user has a role
	FilterOwned  DocumentFilter = "owned"  // of which the user is an owner
	FilterShared DocumentFilter = "shared" // in which the user has a lower role
	FilterTrash  DocumentFilter = "trash"  // of which the user is an owner, in the trash
)

// DocumentSort is the order of a list of documents.
type DocumentSort string

// The orders of lists of documents. SortChanged lists those in the trash with the newest deletion first.
const (
	SortChanged DocumentSort = ""        // newest change first
	SortTitle   DocumentSort = "title"   // by the first SortedTitle characters of the title, without regard to case
	SortCreated DocumentSort = "created" // newest first
)

// SortedTitle is of how many characters of a title SortTitle takes note: cursors hold them.
const SortedTitle = 160

// DocumentQuery says which of a user's documents are wanted, and in which order.
type DocumentQuery struct {
	Text   string // searched in titles without regard to case; "" finds all
	Filter DocumentFilter
	Sort   DocumentSort
}

// Member is an account's membership of a document.
type Member struct {
	User      UserID
	Name      string
	Email     string // "" of a guest
	Role      Role
	Guest     bool
	CreatedAt time.Time
}

// MemberChange says what has become of a membership.
type MemberChange struct {
	Member Member   // as it is now; of one who was removed, as it was
	Before Role     // NoRole: it was none
	Guests []Member // of the member's API keys, with the roles that they had: they were lowered to the member's role, or removed with the member
}

// DocumentChange is what to change of a document's entry. What is nil stays.
type DocumentChange struct {
	Title *string
	Key   *string // "": none
	Owner *UserID // becomes its Owner, and an owner among its members; whoever was Owner before stays a member as they are
}

// Access is the answer to "may this account open that document, and as what?".
type Access struct {
	Document DocumentID
	Role     Role   // NoRole: not a member, or the account is disabled, or a guest's that has lapsed
	Version  uint64 // access version of the document that Role was read at
	Deleted  bool
}

// Documents keeps the catalogue: titles, keys, members, trash.
type Documents interface {
	// CreateDocument inserts a document, its head (sequence 0, a new epoch) and the owner's membership. When the key exists: the existing document if owner is its
	// owner (created is false), else ErrConflict; one of theirs in the trash gives ErrDeleted. A key that reads like another document's id is ErrConflict too,
	// since it would hide that document. ErrNotFound for an unknown or disabled owner, or a guest.
	// ID, times and kind are set by the store when zero. initial, if any, becomes row 1 of the log in the same transaction.
	CreateDocument(ctx context.Context, d Document, initial []byte) (doc Document, created bool, err error)
	// Document gives a document as user sees it, trashed ones included (see DeletedAt); ErrNotFound when unknown or when user is no member.
	Document(ctx context.Context, id DocumentID, user UserID) (Document, error)
	// FindDocuments lists those of a user's documents that q wants. Pages neither skip nor repeat a document that did not change meanwhile. A cursor goes on with the sort and
	// the filter that it was made for, and is ErrBadCursor with others.
	FindDocuments(ctx context.Context, user UserID, q DocumentQuery, p Page) (docs []Document, next string, err error)
	// ChangeDocument changes a document's entry, all of c or nothing. ErrConflict for a key that is another document's, or reads like another document's id; ErrNotFound for an
	// unknown document, and for a new owner whose account is unknown, disabled or a guest's; ErrTooMany as by SetMember. A new owner moves the access version and gets a notice as
	// by SetMember: told says whether.
	ChangeDocument(ctx context.Context, id DocumentID, c DocumentChange, by UserID) (told []UserID, err error)
	// TrashDocument moves a document to the trash, RestoreDocument brings it back; both are idempotent and move the access version. by did it (uuid.Nil: nobody in
	// particular) and is not told; told are those who got a notice of it.
	TrashDocument(ctx context.Context, id DocumentID, by UserID) (told []UserID, err error)
	RestoreDocument(ctx context.Context, id DocumentID, by UserID) (told []UserID, err error)
	// PurgeDocument deletes a document for good, with all that it ever had but notices of it: whoever writes to it afterwards finds it unknown. ErrConflict unless it is in the trash.
	PurgeDocument(ctx context.Context, id DocumentID) error
	// SweepTrash deletes for good what has been in the trash for TrashTime, at most limit documents, and says how many. One that can't be deleted keeps none of the others: the
	// errors of all that couldn't are joined.
	SweepTrash(ctx context.Context, limit int) (int, error)

	// Resolve finds a document by id or key, trashed ones included, with user's access to it. ErrNotFound when there is none.
	// name is tried as a key, then, when it is a UUID, as an id. An unknown member gives Role NoRole, not an error.
	Resolve(ctx context.Context, name string, user UserID) (Access, error)
	// Roles gives the current access of several users to one document in one consistent read; users without access have NoRole.
	Roles(ctx context.Context, id DocumentID, users []UserID) (map[UserID]Role, Head, error)

	Members(ctx context.Context, id DocumentID, p Page) (members []Member, next string, err error)
	// SetMember adds or changes a member and moves the access version. ErrNotFound for an unknown or disabled user, or a guest that has lapsed; ErrLastOwner: a guest is none;
	// ErrAboveLender; ErrTooMany when the document has Limits.Members others. The member gets a notice, unless the role is the same as before, or by is the member themself, or a
	// guest; by is who did it, uuid.Nil nobody in particular. When the role is less than before, guests of the member's API keys that have more in this document are lowered to
	// it, in the same transaction; raising it again doesn't raise them. Of a guest this is an owner's decision: AdmitGuest keeps to it.
	SetMember(ctx context.Context, id DocumentID, user UserID, role Role, by UserID) (MemberChange, error)
	// AdmitGuest is SetMember by the account that lends a guest its API key, who needs no more than that role in the document: ErrAboveLender. ErrLimited when the guest would
	// get more than an owner has left it with SetMember or RemoveMember, unless the lender is an owner, too: then that is over. A role that the guest has moves nothing.
	AdmitGuest(ctx context.Context, id DocumentID, guest UserID, role Role) (MemberChange, error)
	// RemoveMember takes a member's access away, moves the access version and tells the member, unless by is themself. Guests of the member's API keys go with them, in the
	// same transaction. Of a guest this is an owner's decision, as by SetMember. ErrNotFound, ErrLastOwner.
	RemoveMember(ctx context.Context, id DocumentID, user, by UserID) (MemberChange, error)
}

// NewID makes an identifier that sorts by time of creation (UUIDv7).
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
