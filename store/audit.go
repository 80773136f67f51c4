package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// AuditEntry is one line of the audit log. Names are those of the moment.
type AuditEntry struct {
	ID        uuid.UUID // set by the store when zero; sorts by time
	At        time.Time // set by the store
	Actor     UserID    // uuid.Nil: nobody who is known (a failed login), or the server itself
	ActorName string
	Key       uuid.UUID // the API key that was used; uuid.Nil: none
	Action    string    // such as "document.share"
	Subject   string    // what it was done to: an id, "" for nothing in particular
	Name      string    // of that: a title, a person's name
	Address   string    // from which network address
	Detail    string    // what else an admin wants to know, short: "editor", "key expires 2027-01-01"
}

// SweptEntry is the entry that SweepAudit writes when entries are kept from that time on.
func SweptEntry(since time.Time) AuditEntry {
	return AuditEntry{ID: NewID(), Action: AuditSwept, Detail: "entries from before " + since.UTC().Format(time.RFC3339)}
}

// maxAuditText is how many bytes of each text are kept.
const maxAuditText = 1000

// Trimmed gives e as every implementation keeps it: texts are UTF-8 without NUL, with U+FFFD in place of what isn't, and cut at 1,000 bytes, at the border of a character.
func (e AuditEntry) Trimmed() AuditEntry {
	for _, text := range []*string{&e.ActorName, &e.Action, &e.Subject, &e.Name, &e.Address, &e.Detail} {
		*text = trim(*text)
	}
	return e
}

func trim(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= maxAuditText {
		return s
	}
	end := maxAuditText
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// AuditQuery says which entries are wanted; what is zero restricts nothing.
type AuditQuery struct {
	Actor   UserID
	Action  string // exactly, or everything that begins with it when it ends with "."
	Subject string
	From    time.Time // inclusive
	To      time.Time // exclusive
}

// AuditSwept is the action of the entry that SweepAudit writes.
const AuditSwept = "audit.sweep"

// Audit keeps what was done by whom. It is append-only: the database itself refuses to change an entry, and to delete one that is to be kept.
type Audit interface {
	// RecordAudit appends entries, all or none. Texts are cut at 1,000 bytes, at the border of a character. Entries of one call have the same time and, unless they bring ids,
	// are listed as if they had happened in their order. ErrConflict for an id that is there.
	RecordAudit(ctx context.Context, entries ...AuditEntry) error
	// AuditLog lists entries, newest first.
	AuditLog(ctx context.Context, q AuditQuery, p Page) (entries []AuditEntry, next string, err error)
	// SweepAudit deletes entries from before that time, at most limit, the oldest first, and says how many. Before the first one goes, an entry with the action AuditSwept and nobody
	// as its actor says from when on entries are kept: one for each such time, whichever node it is that sweeps, and none when nothing is that old.
	SweepAudit(ctx context.Context, before time.Time, limit int) (int, error)
}

// IdempotencyTime is how long a reply is kept for who repeats a request.
const IdempotencyTime = 24 * time.Hour

// MaxIdempotencyKey is how many bytes an idempotency key may have.
const MaxIdempotencyKey = 255

// ErrBusyRequest: the same request is being done at this moment.
var ErrBusyRequest = errors.New("the request is being done")

// IdempotencyKey names a request that may be repeated: the caller's own word for it, and what it is.
type IdempotencyKey struct {
	User      UserID
	Operation string
	Key       string // at most MaxIdempotencyKey bytes
}

// Check says what makes k one that can't be kept: a database takes no texts but UTF-8 without NUL, and no index one that is endless.
func (k IdempotencyKey) Check() error {
	for what, text := range map[string]string{"key": k.Key, "operation": k.Operation} {
		if len(text) > MaxIdempotencyKey || !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			return fmt.Errorf("the %s has to be a text of at most %d bytes", what, MaxIdempotencyKey)
		}
	}
	return nil
}

// Reply is what a request was answered. Body is opaque here.
type Reply struct {
	Status int
	Header map[string]string
	Body   []byte
}

// Idempotency keeps the replies to requests that may come again.
type Idempotency interface {
	// BeginRequest claims a request. request is a hash of all that it says. When it was answered in the last IdempotencyTime, that reply is given, and nothing may be done again.
	// nil without an error: it is the caller's to do, and to end with FinishRequest or ForgetRequest. ErrConflict: the key was used for another request. ErrBusyRequest: the same one
	// is being done at this moment; who claimed it and has neither ended nor renewed it within lease (at most IdempotencyTime) is taken to have died, and the claim is given to the
	// next. Claims don't tell who holds them: whoever takes long has to renew theirs in time.
	BeginRequest(ctx context.Context, k IdempotencyKey, request [32]byte, lease time.Duration) (*Reply, error)
	// RenewRequest has a claimed request's lease begin anew. ErrNotFound when it isn't claimed, or was answered.
	RenewRequest(ctx context.Context, k IdempotencyKey, lease time.Duration) error
	// FinishRequest keeps the reply of a claimed request. The first reply stays. ErrNotFound when it isn't claimed.
	FinishRequest(ctx context.Context, k IdempotencyKey, r Reply) error
	// ForgetRequest gives a claim up: the request had no effect, and may be tried again. What was answered stays.
	ForgetRequest(ctx context.Context, k IdempotencyKey) error
	// SweepRequests removes what is older than IdempotencyTime, at most limit, and says how many.
	SweepRequests(ctx context.Context, limit int) (int, error)
}

// Statistics are what an admin wants to know of the database. They may be a minute old, and about in a large one.
type Statistics struct {
	Users     int // without deleted ones and guests
	Guests    int
	Documents int   // without those in the trash
	Trashed   int   // documents in the trash
	LogRows   int64 // updates that no snapshot has covered for long
	LogBytes  int64 // of the whole database on disk
}

// Measured tells how large things are.
type Measured interface {
	// Statistics counts. It must not slow a busy database down noticeably: tables that are large are estimated.
	Statistics(ctx context.Context) (Statistics, error)
}
