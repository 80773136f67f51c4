package collab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/sqlite"
)

// world is a real database with accounts and documents, behind faults.
type world struct {
	*sqlite.Store
	docs  []store.DocumentID
	users []store.UserID

	mu        sync.Mutex
	fault     func(n int) fault                // guarded by mu: what happens to the n-th commit; nil: nothing
	commits   int                              // guarded by mu
	abandons  int                              // guarded by mu
	committed map[store.DocumentID]*crdt.State // all that is in the database
	unknown   map[uuid.UUID]store.Batch        // guarded by mu: of each run, the batch whose outcome it doesn't know
	broken    []error                          // guarded by mu: rules of the contract that a journal broke
	poison    func(store.Batch) error          // guarded by mu: an error for certain batches
	locked    func(store.DocumentID) bool      // guarded by mu: whether another transaction holds a head just now
	held      map[store.Key][]bool             // guarded by mu: what locked said to a batch
	loadErr   error                            // guarded by mu: of every LoadDocument
	rolesGate chan struct{}                    // guarded by mu: Roles waits for it
	rewound   uint64                           // guarded by mu: so many rows are missing from what Heads says
	scratched func(*store.Row)                 // guarded by mu: what the disk has done to the rows of every document
}

type fault uint8

const (
	faultNone        fault = iota
	faultError             // a definite error; nothing was committed
	faultUnavailable       // the database is away; nothing was committed
	faultTimeoutDone       // committed, but the answer got lost
	faultTimeoutNot        // not committed, and the answer got lost
	faultHangDone          // committed, and then silence until the deadline
	faultHangNot           // silence until the deadline
	faultSlow
	faults
)

var errInjected = errors.New("injected fault")

// newWorld opens a database of its own in memory. All users are editors of all documents; the first is their owner.
func newWorld(t testing.TB, users, docs int) *world {
	t.Helper()
	db, err := sqlite.Open(t.Context(), ":memory:", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Store: db, committed: make(map[store.DocumentID]*crdt.State), unknown: make(map[uuid.UUID]store.Batch), held: make(map[store.Key][]bool)}
	for i := range users {
		u, err := db.CreateUser(t.Context(), store.User{Email: fmt.Sprintf("u%d@example.com", i), Name: fmt.Sprintf("User %d", i), Role: store.RoleMember})
		if err != nil {
			t.Fatal(err)
		}
		w.users = append(w.users, u.ID)
	}
	for i := range docs {
		d, _, err := db.CreateDocument(t.Context(), store.Document{Title: fmt.Sprintf("Document %d", i), Owner: w.users[0]}, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.docs = append(w.docs, d.ID)
		w.committed[d.ID] = crdt.NewState()
		for _, u := range w.users[1:] {
			w.setRole(t, d.ID, u, store.Editor)
		}
	}
	return w
}

func (w *world) setRole(t testing.TB, doc store.DocumentID, user store.UserID, role store.Role) {
	t.Helper()
	if _, err := w.SetMember(t.Context(), doc, user, role, uuid.Nil); err != nil {
		t.Fatal(err)
	}
}

func (w *world) setFault(f func(n int) fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
}

func (w *world) setPoison(f func(store.Batch) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.poison = f
}

func (w *world) Append(ctx context.Context, b store.Batch) (store.Result, error) {
	w.mu.Lock()
	w.commits++
	if last, open := w.unknown[b.Key.Run]; open && !cmp.Equal(last, b) {
		w.broken = append(w.broken, fmt.Errorf("batch %d followed %d, whose outcome is unknown, or is another under its key", b.Key.Number, last.Key.Number))
	}
	f := faultNone
	if w.fault != nil {
		f = w.fault(w.commits)
	}
	poison := w.poison
	w.mu.Unlock()
	if poison != nil {
		if err := poison(b); err != nil {
			return store.Result{}, err
		}
	}
	switch f {
	case faultError:
		return store.Result{}, fmt.Errorf("commit: %w", errInjected)
	case faultUnavailable:
		return store.Result{}, fmt.Errorf("commit: %w", store.ErrUnavailable)
	case faultTimeoutNot:
		return store.Result{}, w.lose(b)
	case faultHangNot:
		<-ctx.Done()
		return store.Result{}, w.lose(b)
	case faultSlow:
		time.Sleep(20 * time.Millisecond)
	}
	res, err := w.appendIdle(ctx, b)
	if err != nil {
		return res, err
	}
	w.mu.Lock()
	delete(w.unknown, b.Key.Run)
	for i, d := range res.Documents {
		for j, row := range d.Rows {
			if row.Refused == store.Accepted {
				w.committed[b.Documents[i].Document].Apply(mustParse(b.Documents[i].Rows[j].Update))
			}
		}
	}
	w.mu.Unlock()
	switch f {
	case faultTimeoutDone:
		return store.Result{}, w.lose(b)
	case faultHangDone:
		<-ctx.Done()
		return store.Result{}, w.lose(b)
	}
	return res, nil
}

// appendIdle commits what is not locked by some other transaction, as far as the batch doesn't wait for that.
func (w *world) appendIdle(ctx context.Context, b store.Batch) (store.Result, error) {
	if !b.NoWait {
		return w.Store.Append(ctx, b)
	}
	w.mu.Lock()
	held, again := w.held[b.Key]
	if !again && w.locked != nil {
		for _, d := range b.Documents {
			held = append(held, w.locked(d.Document))
		}
		w.held[b.Key] = held // a batch that is repeated gets the same answer
	}
	w.mu.Unlock()
	if held == nil {
		return w.Store.Append(ctx, b)
	}
	idle := b
	idle.Documents = nil
	for i, d := range b.Documents {
		if !held[i] {
			idle.Documents = append(idle.Documents, d)
		}
	}
	part, err := w.Store.Append(ctx, idle)
	if err != nil {
		return part, err
	}
	all := store.Result{AlreadyCommitted: part.AlreadyCommitted}
	for i, d := range b.Documents {
		if held[i] {
			all.Documents = append(all.Documents, store.DocumentResult{
				Refused: store.Busy, Rows: make([]store.RowResult, len(d.Rows)), Announced: make([]store.AnnounceResult, len(d.Announce)),
			})
			for k := range d.Rows {
				all.Documents[i].Rows[k].Refused = store.Busy
			}
		} else {
			all.Documents = append(all.Documents, part.Documents[0])
			part.Documents = part.Documents[1:]
		}
	}
	return all, nil
}

func (w *world) LoadDocument(ctx context.Context, id store.DocumentID, l store.Loader) (store.Head, error) {
	w.mu.Lock()
	err, scratched := w.loadErr, w.scratched
	w.mu.Unlock()
	if err != nil {
		return store.Head{}, err
	}
	if row := l.Row; scratched != nil {
		l.Row = func(r store.Row) error {
			scratched(&r)
			return row(r)
		}
	}
	return w.Store.LoadDocument(ctx, id, l)
}

// rewind makes the heads look as if the last rows had never been, as after a restore. Only the heads: what reloads finds the rows again.
func (w *world) rewind(rows uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rewound = rows
}

func (w *world) Heads(ctx context.Context, ids []store.DocumentID) ([]store.Head, error) {
	heads, err := w.Store.Heads(ctx, ids)
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range heads {
		heads[i].Seq -= min(w.rewound, heads[i].Seq)
	}
	return heads, err
}

func (w *world) Roles(ctx context.Context, id store.DocumentID, users []store.UserID) (map[store.UserID]store.Role, store.Head, error) {
	w.mu.Lock()
	gate := w.rolesGate
	w.mu.Unlock()
	if gate != nil {
		<-gate
	}
	return w.Store.Roles(ctx, id, users)
}

// Abandon settles what Append left unknown, unless its answer gets lost as well.
func (w *world) Abandon(ctx context.Context, key store.Key) (bool, error) {
	committed, err := w.Store.Abandon(ctx, key)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.abandons++
	if w.abandons%3 == 0 {
		return false, errInjected
	}
	if err == nil && !committed {
		delete(w.unknown, key.Run)
	}
	return committed, err
}

// lose loses the answer to a batch.
func (w *world) lose(b store.Batch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unknown[b.Key.Run] = b
	return fmt.Errorf("commit: %w", store.ErrUncertain)
}

// holds says whether the database has all of an update.
func (w *world) holds(t testing.TB, doc store.DocumentID, u crdt.Update) bool {
	w.mu.Lock()
	fit := crdt.Known{w.committed[doc]}.Fit(u, nil)
	w.mu.Unlock()
	if fit.Update.IsEmpty() && !fit.Missing {
		return true
	}
	// Another node may have read a row before its commit was noted here.
	fit = crdt.Known{w.fresh(t, doc)}.Fit(u, nil)
	return fit.Update.IsEmpty() && !fit.Missing
}

// fresh reads a document from the database as a newcomer would.
func (w *world) fresh(t testing.TB, doc store.DocumentID) *crdt.State {
	t.Helper()
	s := crdt.NewState()
	apply := func(b []byte) error { s.Apply(mustParse(b)); return nil }
	_, err := w.LoadDocument(context.Background(), doc, store.Loader{
		Binding:  func(store.Binding) error { return nil },
		Snapshot: func(s store.Snapshot) error { return apply(s.State) },
		Row:      func(r store.Row) error { return apply(r.Update) },
	})
	if err != nil {
		t.Fatalf("load document: %v", err)
	}
	return s
}

// someFaults makes roughly one commit in `every` go wrong.
func someFaults(rng *rand.Rand, every int) func(int) fault {
	return func(int) fault {
		if rng.IntN(every) > 0 {
			return faultNone
		}
		return 1 + fault(rng.IntN(int(faults)-1))
	}
}

// crash ends a hub as kill -9 would: nothing more is committed or told.
func (h *Hub) crash() {
	h.mu.Lock()
	h.stopping = true
	h.mu.Unlock()
	h.quiet()
	h.workWG.Wait()
	h.killRooms()
	h.roomsWG.Wait()
}
