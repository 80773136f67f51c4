package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// Log is the append-only, gap-free log of each document's updates, and what is made from it. It is all that the rooms and the journal need.
type Log interface {
	// Append commits one batch in one transaction, durably, or nothing of it. See Batch for what is checked. The result has one entry for each of
	// the batch's documents, in its order. A batch whose key is in the database already changes nothing and gets the result that its first run produced
	// (AlreadyCommitted is true then, and Foreign is empty). An error that wraps ErrUncertain leaves open whether it was committed; any other error means that this
	// call did not commit it.
	Append(ctx context.Context, b Batch) (Result, error)

	// Abandon settles a batch whose outcome is unknown: committed says that it is in the database, and Append gives its result; otherwise it never will be,
	// whatever became of earlier calls, and Append under its key fails from now on with ErrAbandoned. Errors leave it unsettled.
	Abandon(ctx context.Context, key Key) (committed bool, err error)

	// LoadDocument reads a document for a room: bindings, head, newest snapshot and the rows after it, all from one consistent read. The callbacks get memory
	// that is theirs to keep. ErrNotFound, ErrDeleted, and any error of a callback ends it. A row that is missing, does not follow its predecessor or can't be decoded is an
	// error: a document is never loaded in part.
	LoadDocument(ctx context.Context, id DocumentID, l Loader) (Head, error)
	// Rows reads on: from one consistent read the head, the number of the newest snapshot, and the rows after sequence number `after`, in order, at most limit rows
	// and about 1 MiB. When rows after `after` have been moved to history meanwhile (after < first kept row - 1), Rows is empty and Snapshot.Seq tells: load the snapshot.
	Rows(ctx context.Context, id DocumentID, after uint64, limit int) (RowPage, error)
	// ChangeEpoch gives the document a new epoch, under its head's lock, if its epoch is still old; either way the head is that of then. It is for whoever saw that the
	// document's history went back (the database was restored, or failed over with a loss): the document is lenient for 24 hours from that moment on. ErrNotFound.
	ChangeEpoch(ctx context.Context, id DocumentID, old uuid.UUID) (Head, error)
	// Heads gives the heads of several documents in one query; unknown ones are left out.
	Heads(ctx context.Context, ids []DocumentID) ([]Head, error)

	// SaveSnapshot replaces the newest snapshot, if that is still the one of number `replaces` (0: none yet) and s.Seq is above it, and the head's epoch is still epoch.
	// saved is false, without an error, when another node was faster.
	SaveSnapshot(ctx context.Context, id DocumentID, epoch uuid.UUID, replaces uint64, s Snapshot) (saved bool, err error)
	// LoadSnapshot reads the newest snapshot; a zero Seq when there is none.
	LoadSnapshot(ctx context.Context, id DocumentID) (Snapshot, error)
	// SweepCovered moves rows that a snapshot has covered for more than ten minutes to the history table and forgets idempotency keys of that age: at most limit
	// of each. The newest key of a run is kept for a day, since its node may not know its outcome yet. It says how many rows it moved.
	SweepCovered(ctx context.Context, limit int) (int, error)
}

// Head is the narrow row that orders a document's log.
type Head struct {
	Document      DocumentID
	Seq           uint64    // number of the last row, 0 when there is none
	Row           RowID     // id of that row
	Epoch         uuid.UUID // of the document's history; changes when history went back
	AccessVersion uint64    // moves with every change of who may do what
	Deleted       bool
	// Lenient: history went back less than 24 hours ago, by database time. Lost edits are taken from whoever still has them: rows may bring structs under client ids
	// that are bound to other accounts.
	Lenient bool
}

// RowID is a row's random identity: two rows with one number but different ids belong to different histories.
type RowID int64

// Row is one committed update of one author.
type Row struct {
	Seq    uint64
	ID     RowID
	Prev   RowID // id of row Seq-1, 0 for the first
	Author UserID
	Update []byte // Yjs update, v1
}

// RowPage is a piece of the log as one consistent read saw it.
type RowPage struct {
	Head     Head
	Snapshot uint64 // number of the newest snapshot, 0: none
	Rows     []Row
}

// Snapshot is the merged state of all rows up to Seq.
type Snapshot struct {
	Seq   uint64
	Row   RowID
	State []byte // Yjs update, v1, not compressed (implementations compress at rest)
}

// Binding says to which account a Yjs client id belongs in a document.
type Binding struct {
	Client uint64
	User   UserID
}

// Loader receives what LoadDocument reads, in this order: all bindings, the snapshot (not called when there is none), the rows.
type Loader struct {
	Binding  func(Binding) error
	Snapshot func(Snapshot) error
	Row      func(Row) error
}

// Key identifies a batch for ever: the run of a node (a new random UUID at each start) and the batch's number in it, from 1.
type Key struct {
	Run    uuid.UUID
	Number uint64
}

// Batch is what a journal commits at once: at most one entry a document.
//
// For each document, under its head's lock (locks in sorted order): a document that is unknown, deleted, of another epoch, or whose history went back (head below
// UpTo, or another row id at UpTo) is refused as a whole. Authors' rights are checked when the head's access version is not AccessVersion; their accounts, logins and API keys
// always. Bindings are inserted, announcements first, then rows in order: an id bound to another account refuses that announcement, or that author's row with all that
// it would have bound. In a lenient document ids don't refuse rows, and rows bind none; announcements are as ever. What remains gets the next numbers, in order. A key that was used for another batch, and a document that is in the batch twice, are errors.
type Batch struct {
	Key       Key
	Documents []DocumentAppend
	// NoWait: documents whose head another transaction has locked are refused as Busy instead of being waited for.
	NoWait bool
}

// DocumentAppend is one document's part of a batch.
type DocumentAppend struct {
	Document      DocumentID
	Epoch         uuid.UUID
	UpTo          uint64 // the room has applied every row up to this number
	UpToRow       RowID  // and this is that row's id (0 when UpTo is 0)
	AccessVersion uint64 // the version at which the room last checked its members' rights
	Announce      []Binding
	Rows          []NewRow
}

// NewRow is one author's merged update. Clients are the Yjs client ids under which it brings new structs; they become bound to Author. Credential is the login whose cookie
// the author's connection used, or the API key that minted its token; uuid.Nil for neither. One that has ended, expired, or is a disabled account's refuses the row.
type NewRow struct {
	Author     UserID
	Credential uuid.UUID
	Update     []byte
	Clients    []uint64
}

// Refusal is why a document's part, a row or an announcement was not committed.
type Refusal uint8

// The refusals. Those from EpochChanged on refuse a whole document.
const (
	Accepted      Refusal = iota
	NoRight               // the author's role doesn't allow writing (any more), or the account or API key is gone, disabled or expired, or a guest has lapsed
	ClientOfOther         // a client id is bound to another account
	EpochChanged          // the document has another epoch, or its history went back: the room must reload
	DocumentGone          // deleted or unknown
	Busy                  // another transaction has locked the document's head (with Batch.NoWait): nothing of it was committed, and it is to be tried again in another batch
)

// String names the refusal for logs and metrics.
func (r Refusal) String() string {
	names := [...]string{"accepted", "no_right", "client_of_other", "epoch_changed", "document_gone", "busy"}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("refusal(%d)", r)
}

// Result is what Append committed.
type Result struct {
	Documents        []DocumentResult
	AlreadyCommitted bool
}

// DocumentResult is the result of one DocumentAppend.
type DocumentResult struct {
	Refused   Refusal // of the whole part: Accepted, EpochChanged, DocumentGone or Busy
	Announced []AnnounceResult
	Rows      []RowResult // one for each of DocumentAppend.Rows, in its order
	// Foreign are rows of others between UpTo and this batch's own, in order: the first 256 or 1 MiB of them, counted over all documents of the batch.
	// MoreForeign says that there are more; read them with Rows. When the first of them are in history already, Foreign is empty.
	Foreign     []Row
	MoreForeign bool
	// Head is the document's head after the commit. For a batch that was committed already it is the head now.
	Head Head
}

// AnnounceResult says whether a client id belongs to the account that announced it.
type AnnounceResult struct {
	Refused Refusal // Accepted or ClientOfOther (for all announcements of a refused document: that refusal)
}

// RowResult is the fate of one NewRow: Seq and ID are zero when it was refused.
type RowResult struct {
	Refused Refusal // Accepted, NoRight or ClientOfOther (for all rows of a refused document: that refusal)
	Seq     uint64
	ID      RowID
	Prev    RowID
	Others  []uint64 // with ClientOfOther: those of NewRow.Clients that are bound to other accounts
}
