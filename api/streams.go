package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

const (
	// streamsPerAccount bounds the event streams of an account on a node.
	streamsPerAccount = 20
	// expiryLook is how often logins are looked at though none is known to have ended: their expiry moves while they are used.
	expiryLook = 5 * time.Second
)

// stream is an answer of events that is being sent: what its caller must still have for it to go on.
type stream struct {
	// Set before it is entered.
	who   caller
	admin bool             // it is for admins only
	doc   store.DocumentID // it is for those who may read this document; Nil: for none in particular
	end   context.CancelFunc

	// Owned by the keeper.
	version uint64    // access version of doc at which the right was last looked at
	expires time.Time // when to look whether the login or key still holds, whatever else happens; zero: no need
}

// streams are the event streams of a node. While there are any, one goroutine, the keeper, looks again and again whether their callers may still read them, for
// all of them together: a query a second or so for each thing that can change, however many streams there are.
type streams struct {
	// Set at construction.
	store  store.Store
	hub    *collab.Hub
	timing streamTiming
	most   int             // of one account
	work   *sync.WaitGroup // which the keeper is counted in
	wake   chan struct{}   // of capacity 1

	// Owned by the keeper.
	seen uint64 // access revision at which all credentials were looked at

	mu       sync.Mutex
	open     map[*stream]struct{} // guarded by mu, like all that follows
	count    map[store.UserID]int
	due      bool // look at all credentials, whatever the access revision says
	kept     bool // the keeper runs
	stopping bool
}

// enter counts a stream in.
func (k *streams) enter(st *stream) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopping {
		return collab.ErrStopping
	}
	user := st.who.user.ID
	if k.count[user] >= k.most {
		return problem(http.StatusTooManyRequests, codeManyStreams, "too many event streams of this account are open").retryAfter(time.Second)
	}
	k.count[user]++
	k.open[st] = struct{}{}
	st.expires = st.who.expires()
	// Since the caller was looked at, the access revision may have been taken note of without this stream.
	k.due = true
	k.work.Add(1)
	if !k.kept {
		k.kept = true
		k.work.Go(k.keep)
	}
	return nil
}

// leave counts a stream out.
func (k *streams) leave(st *stream) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.open, st)
	user := st.who.user.ID
	if k.count[user]--; k.count[user] == 0 {
		delete(k.count, user)
	}
	if len(k.open) == 0 {
		k.signal()
	}
	k.work.Done()
}

// stop ends all streams and lets no more in.
func (k *streams) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopping = true
	for st := range k.open {
		st.end()
	}
}

// look has the keeper look now: somebody's rights were changed here.
func (k *streams) look() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.due = true
	k.signal()
}

func (k *streams) signal() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// keep ends the streams whose callers may not read them any more, until there are no streams.
func (k *streams) keep() {
	tick := time.NewTicker(k.timing.look)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-k.wake:
		}
		open, due := k.all()
		if len(open) == 0 {
			return
		}
		// What can't be looked at now, since the database is away, is looked at when it is back: as it is with sockets.
		ctx, cancel := context.WithTimeout(context.Background(), requestTime)
		if !k.lookAtCredentials(ctx, open, due) {
			k.again()
		}
		k.lookAtDocuments(ctx, open)
		cancel()
	}
}

// all gives the streams, and whether all credentials are to be looked at. Without streams the keeper's time is over.
func (k *streams) all() (open []*stream, due bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for st := range k.open {
		open = append(open, st)
	}
	due, k.due = k.due, false
	k.kept = len(open) > 0
	return open, due
}

func (k *streams) again() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.due = true
}

// lookAtCredentials ends the streams whose account, login or key has ended, and those for admins of people who are none any more. It asks the database only when there
// may be some; false: that was not possible.
func (k *streams) lookAtCredentials(ctx context.Context, open []*stream, due bool) bool {
	revision, fresh := k.hub.AccessRevision()
	now := time.Now()
	due = due || !fresh || revision != k.seen
	users, sessions, keys, admins := make(set), make(set), make(set), make(map[store.UserID]bool)
	for _, st := range open {
		due = due || !st.expires.IsZero() && !now.Before(st.expires)
		users.add(st.who.user.ID)
		sessions.add(st.who.session.ID)
		keys.add(st.who.key.ID)
		if st.admin {
			admins[st.who.user.ID] = true
		}
	}
	if !due {
		return true
	}
	lapsed, err := k.store.Lapsed(ctx, store.Credentials{Users: users.list(), Sessions: sessions.list(), Keys: keys.list()})
	if err != nil {
		return false
	}
	ended := make(set)
	for _, id := range slices.Concat(lapsed.Users, lapsed.Sessions, lapsed.Keys) {
		ended.add(id)
	}
	for id := range admins {
		user, err := k.store.User(ctx, id)
		if err != nil {
			return false
		}
		admins[id] = user.Role == store.RoleAdmin
	}
	for _, st := range open {
		if ended.has(st.who.user.ID) || ended.has(st.who.session.ID) || ended.has(st.who.key.ID) || st.admin && !admins[st.who.user.ID] {
			st.end()
		}
		if !st.expires.IsZero() && !now.Before(st.expires) {
			st.expires = now.Add(expiryLook) // it was used meanwhile
		}
	}
	if fresh {
		k.seen = revision
	}
	return true
}

// lookAtDocuments ends the streams about documents that were deleted or that their callers may not read any more.
func (k *streams) lookAtDocuments(ctx context.Context, open []*stream) {
	of := make(map[store.DocumentID][]*stream)
	for _, st := range open {
		if st.doc != uuid.Nil {
			of[st.doc] = append(of[st.doc], st)
		}
	}
	if len(of) == 0 {
		return
	}
	heads, err := k.store.Heads(ctx, slices.Collect(maps.Keys(of)))
	if err != nil {
		return
	}
	known := make(map[store.DocumentID]store.Head, len(heads))
	for _, head := range heads {
		known[head.Document] = head
	}
	for doc, streams := range of {
		head, exists := known[doc]
		moved, users := false, make(set)
		for _, st := range streams {
			if !exists || head.Deleted {
				st.end()
			}
			moved = moved || st.version != head.AccessVersion
			users.add(st.who.user.ID)
		}
		if !exists || head.Deleted || !moved {
			continue
		}
		roles, at, err := k.store.Roles(ctx, doc, users.list())
		if err != nil {
			continue
		}
		for _, st := range streams {
			if roles[st.who.user.ID] < toRead.role {
				st.end()
			}
			st.version = at.AccessVersion
		}
	}
}

// set is a set of ids. The nil id stands for none.
type set map[uuid.UUID]struct{}

func (s set) add(id uuid.UUID) {
	if id != uuid.Nil {
		s[id] = struct{}{}
	}
}

func (s set) has(id uuid.UUID) bool {
	_, ok := s[id]
	return ok
}

func (s set) list() []uuid.UUID { return slices.Collect(maps.Keys(s)) }
