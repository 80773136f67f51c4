package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// NoticeKind says what a notice is about.
type NoticeKind string

// The kinds of notices.
const (
	NoticeShared   NoticeKind = "document.shared"   // you became a member
	NoticeRole     NoticeKind = "document.role"     // your role changed
	NoticeRemoved  NoticeKind = "document.removed"  // you are no member any more
	NoticeDeleted  NoticeKind = "document.deleted"  // the document went to the trash
	NoticeRestored NoticeKind = "document.restored" // it came back
)

// KeptNotices is how many of a person's notices are kept, the newest ones. Older ones go at the next sweep (see DeleteExpiredSessions).
const KeptNotices = 1000

// Notice tells a person what somebody else did to their access. Title and names are those of the moment.
type Notice struct {
	ID        uuid.UUID
	Seq       uint64 // of this person's notices, from 1, without gaps, in the order of commits
	User      UserID // whom it tells
	Kind      NoticeKind
	Document  DocumentID
	Title     string
	Role      Role   // of the person after it; NoRole for NoticeRemoved
	Actor     UserID // who did it; uuid.Nil: nobody in particular
	ActorName string
	CreatedAt time.Time
	ReadAt    time.Time // zero: unread
}

// Notices keeps what people are told. SetMember, RemoveMember, TrashDocument and RestoreDocument write them, in their own transactions: for everybody concerned whose account is
// not disabled and no guest, but never for whoever did it.
//
// As numbers have no gaps and become visible in their order, whoever has read up to a number and goes on after it misses none but those that were swept.
type Notices interface {
	// Notices lists a person's notices, newest first; unread leaves out those that were read.
	Notices(ctx context.Context, user UserID, unread bool, p Page) (notices []Notice, next string, err error)
	// UnreadNotices says how many are unread.
	UnreadNotices(ctx context.Context, user UserID) (int, error)
	// NoticesAfter gives a person's notices with higher numbers, oldest first, at most limit.
	NoticesAfter(ctx context.Context, user UserID, after uint64, limit int) ([]Notice, error)
	// NoticeHeads gives the last number of each of those people's notices, 0 where there has been none.
	NoticeHeads(ctx context.Context, users []UserID) (map[UserID]uint64, error)
	// ReadNotice marks one as read. It is idempotent; ErrNotFound when it isn't theirs.
	ReadNotice(ctx context.Context, user UserID, id uuid.UUID) error
	// ReadNotices marks as read all up to that number.
	ReadNotices(ctx context.Context, user UserID, upTo uint64) error
}
