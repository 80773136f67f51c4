package collab

import (
	"context"
	"log/slog"
	"time"

	"github.com/bizsync/bizsync/store"
)

// Store is what the rooms need of the database: the log, and who may do what. A store.Store is one.
type Store interface {
	store.Log
	// Roles says what users may do in a document (see store.Documents).
	Roles(ctx context.Context, id store.DocumentID, users []store.UserID) (map[store.UserID]store.Role, store.Head, error)
	// AccessRevision and Lapsed say whether connections still have the login, account and key that they were opened with (see store.Accounts).
	AccessRevision(ctx context.Context) (uint64, error)
	Lapsed(ctx context.Context, c store.Credentials) (store.Credentials, error)
	// NoticeHeads gives the number of each person's newest notice (see store.Notices).
	NoticeHeads(ctx context.Context, users []store.UserID) (map[store.UserID]uint64, error)
}

// Limits bound what clients can make a node hold or do. The zero value of a field means its default.
type Limits struct {
	FrameBytes        int64   // an inbound frame, 16 MiB (enforced by the Conn)
	UpdatesPerSecond  float64 // update frames of a connection, 2,000/s; faster typing is read more slowly
	UpdateBurst       int     // 20,000
	DocumentBytes     int     // a document's state, 50 MiB
	AwarenessBytes    int     // one awareness state, 64 KiB
	SocketsPerUser    int     // of one user in one document, 20
	SocketsPerDoc     int     // 1,000
	FrameStructs      int     // structs that a frame adds, 500,000
	FrameClients      int     // client ids that a frame adds, 50,000
	FrameDeleteRanges int     // delete ranges that a frame adds, 100,000
	FrameRoots        int     // root types that a frame adds, 10,000
	StagedDocBytes    int     // accepted and not yet committed, a document: 4 MiB
	StagedNodeBytes   int     // the same, a node: 64 MiB
	OutboxBytes       int     // what waits for one slow reader before it is cut, 32 MiB
	TypeDepth         int     // how deep the types that a frame adds nest in the document, 256

	// Of a connection with many documents. The first three count until its first document is authenticated.
	UnauthenticatedTime      time.Duration // 5 s
	UnauthenticatedBytes     int           // what it sends, 64 KiB
	UnauthenticatedDocuments int           // keys that it names, 100
	SocketDocuments          int           // documents at once, 1,000
}

// Timing holds the periods of the rooms. The zero value of a field means its default.
type Timing struct {
	Idle        time.Duration // an empty room stays loaded, 30 s
	HeadPoll    time.Duration // comparing heads with the database, 1 s
	KeepAlive   time.Duration // the longest silence towards a client, 15 s
	RollCall    time.Duration // nodes compare who is in a document, 10 s
	HashCheck   time.Duration // nodes compare the content of a document, 30 s
	Part        time.Duration // when the node goes away, sockets close spread over this time, 1 s
	Presence    time.Duration // presence is sent at most once in this time, 50 ms
	HoldTime    time.Duration // a frame with a gap is held, 2 s
	Gather      time.Duration // under load commits start at most once in this time, 5 ms; never over 10 ms
	CommitLimit time.Duration // a commit that takes longer is given up and tried again under its key, 5 s
	Sweep       time.Duration // housekeeping of the log, 1 min
}

// Options are a Hub's parts. Store is needed; the others have defaults.
type Options struct {
	Store   Store
	Logger  *slog.Logger
	Metrics *Metrics
	Limits  Limits
	Timing  Timing
	// TrustClientIDs turns the check that writers keep to their own client ids off (setting client-ids=uploader).
	TrustClientIDs bool
	// Stateless lets Hocuspocus clients send each other messages that nobody keeps (setting stateless).
	Stateless bool
	Node      string // name of this node among others
	Version   string // of the program
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// DefaultLimits are the limits of a hub that is given none.
func DefaultLimits() Limits { return Limits{}.withDefaults() }

func (l Limits) withDefaults() Limits {
	orDefault(&l.FrameBytes, 16<<20)
	orDefault(&l.UpdatesPerSecond, 2000)
	orDefault(&l.UpdateBurst, 20_000)
	orDefault(&l.DocumentBytes, 50<<20)
	orDefault(&l.AwarenessBytes, 64<<10)
	orDefault(&l.SocketsPerUser, 20)
	orDefault(&l.SocketsPerDoc, 1000)
	orDefault(&l.FrameStructs, 500_000)
	orDefault(&l.FrameClients, 50_000)
	orDefault(&l.FrameDeleteRanges, 100_000)
	orDefault(&l.FrameRoots, 10_000)
	orDefault(&l.StagedDocBytes, 4<<20)
	orDefault(&l.StagedNodeBytes, 64<<20)
	orDefault(&l.OutboxBytes, 32<<20)
	orDefault(&l.TypeDepth, 256)
	orDefault(&l.UnauthenticatedTime, 5*time.Second)
	orDefault(&l.UnauthenticatedBytes, 64<<10)
	orDefault(&l.UnauthenticatedDocuments, 100)
	orDefault(&l.SocketDocuments, 1000)
	return l
}

func (t Timing) withDefaults() Timing {
	orDefault(&t.Idle, 30*time.Second)
	orDefault(&t.HeadPoll, time.Second)
	orDefault(&t.KeepAlive, 15*time.Second)
	orDefault(&t.RollCall, 10*time.Second)
	orDefault(&t.HashCheck, 30*time.Second)
	orDefault(&t.Part, time.Second)
	orDefault(&t.Presence, 50*time.Millisecond)
	orDefault(&t.HoldTime, 2*time.Second)
	orDefault(&t.Gather, 5*time.Millisecond)
	orDefault(&t.CommitLimit, 5*time.Second)
	orDefault(&t.Sweep, time.Minute)
	t.Gather = min(t.Gather, 10*time.Millisecond)
	return t
}
