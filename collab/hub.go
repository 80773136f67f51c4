// Package collab is the collaboration core: rooms, the connections in them, the sync protocols that they speak, presence, and the journal that
// commits what they accept. It knows no HTTP, SQL or Redis; those come in through Conn and the store's contract.
package collab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

// ErrStopping: the node is going away.
var ErrStopping = errors.New("the node is going away")

// stopGrace is how long Stop waits for sockets after it gave up committing.
const stopGrace = time.Second

// Hub owns all rooms of a node and the journal. Its methods are safe for concurrent use.
type Hub struct {
	// Set at construction.
	store          Store
	logger         *slog.Logger
	metrics        *Metrics
	limits         Limits
	timing         Timing
	trustClientIDs bool
	stateless      bool // relay the stateless messages of Hocuspocus clients
	journal        *journal
	compactions    chan compaction
	headsNow       chan struct{}      // of capacity 1
	credentialsNow chan struct{}      // of capacity 1
	kill           context.CancelFunc // ends the rooms at once
	roster         *roster
	work           context.Context    // of the journal and the housekeeping; done after quiet
	quiet          context.CancelFunc // ends the journal and the housekeeping, when no room is left
	rooms          context.Context    // of the rooms' goroutines; done after kill
	loads          context.Context    // of loading documents; done as soon as the hub stops
	stopLoads      context.CancelFunc
	roomsWG        sync.WaitGroup
	visits         sync.WaitGroup // connections
	workWG         sync.WaitGroup // journal and housekeeping

	staged      atomic.Int64 // bytes accepted and not yet committed, of all rooms
	outboxBytes atomic.Int64
	layers      sync.Pool // of *crdt.State, empty: what rooms gather the next commit in
	revision    revision
	bells       bells
	alive       alive

	mu       sync.Mutex
	open     map[store.DocumentID]*room    // guarded by mu
	relay    Relay                         // guarded by mu; nil on a single node
	cluster  *cluster                      // guarded by mu; nil on a single node
	stopping bool                          // guarded by mu
	damaged  map[store.DocumentID]struct{} // guarded by mu: could not be read to their end when they were last loaded
}

// NewHub starts a hub: its journal and its housekeeping run until Stop.
func NewHub(o Options) *Hub {
	rooms, kill := context.WithCancel(context.Background())
	work, quiet := context.WithCancel(context.Background())
	loads, stopLoads := context.WithCancel(rooms)
	h := &Hub{
		store: o.Store, logger: o.Logger, metrics: o.Metrics, limits: o.Limits.withDefaults(), timing: o.Timing.withDefaults(),
		trustClientIDs: o.TrustClientIDs, stateless: o.Stateless,
		compactions:    make(chan compaction, 64),
		headsNow:       make(chan struct{}, 1),
		credentialsNow: make(chan struct{}, 1),
		kill:           kill, work: work, quiet: quiet, rooms: rooms, loads: loads, stopLoads: stopLoads,
		open: make(map[store.DocumentID]*room), damaged: make(map[store.DocumentID]struct{}),
	}
	if h.logger == nil {
		h.logger = slog.New(slog.DiscardHandler)
	}
	if h.metrics == nil {
		h.metrics = NewMetrics(nil)
	}
	h.alive.words = make(map[*outbox]Message)
	h.bells.of, h.bells.head = make(map[store.UserID]map[*Bell]struct{}), make(map[store.UserID]uint64)
	patient := h.newJournal(nil)
	h.journal = h.newJournal(patient)
	h.roster = newRoster(store.Node{Run: h.journal.run, Name: o.Node, Version: o.Version, StartedAt: time.Now().UTC()})
	h.metrics.watch(h)
	h.workWG.Go(func() { h.journal.loop(work) })
	h.workWG.Go(func() { patient.loop(work) })
	h.workWG.Go(func() { h.pollHeads(work) })
	h.workWG.Go(func() { h.pollCredentials(work) })
	h.workWG.Go(func() { h.pollNotices(work) })
	h.workWG.Go(func() { h.compactAll(work) })
	h.workWG.Go(func() { h.sweep(work) })
	h.workWG.Go(func() { h.beat(work) })
	return h
}

func (h *Hub) newJournal(patient *journal) *journal {
	return &journal{
		log: h.store, patient: patient, run: uuid.New(), limit: h.timing.CommitLimit, gather: h.timing.Gather,
		logger: h.logger, metrics: h.metrics, wake: make(chan struct{}, 1),
	}
}

// Serve is Enter and Visit.Serve.
func (h *Hub) Serve(ctx context.Context, doc store.DocumentID, peer Peer, conn Conn) error {
	v, err := h.Enter(ctx, doc, peer, conn)
	if err != nil {
		return err
	}
	return serve(v.Serve)
}

// serve is for connections that are not taken to another goroutine when they are quiet.
func serve(session func() error) error {
	for {
		if err := session(); !errors.Is(err, ErrQuiet) {
			return err
		}
	}
}

// Visit is a y-websocket connection that was let into its document.
type Visit struct {
	hub     *Hub
	session *session
}

// Enter lets a y-websocket connection into a document; ctx is the connection's. The caller has authenticated the peer, and calls Serve of what it gets. After an error the connection is closed with the fitting code.
func (h *Hub) Enter(ctx context.Context, doc store.DocumentID, peer Peer, conn Conn) (*Visit, error) {
	out := h.newOutbox(conn)
	if !h.begin() {
		return nil, h.finish(out, closeFor(ErrStopping))
	}
	r, err := h.admit(ctx, doc, peer)
	if err != nil {
		defer h.visits.Done()
		return nil, h.finish(out, closeFor(err))
	}
	s := newSession(ctx, peer, r, out)
	if no := s.enterRoom(true); no != nil {
		s.life.end()
		h.release(r)
		defer h.visits.Done()
		return nil, h.finish(out, no)
	}
	h.keepAlive(out, Message{Body: emptyAwareness()})
	return &Visit{hub: h, session: s}, nil
}

// Serve runs the connection until it ends, closes it with the fitting code, and returns why it ended (nil: the client left); or until it is quiet: then it gives ErrQuiet, and has to
// be called again.
func (v *Visit) Serve() (err error) {
	why, quiet := &CloseError{Code: CloseTryAgain}, false
	defer func() { // after a panic, too
		if !quiet {
			err = v.leave(why)
		}
	}()
	if why, quiet = v.session.read(); quiet {
		return ErrQuiet
	}
	return nil
}

// leave takes the connection out of its document.
func (v *Visit) leave(why *CloseError) error {
	defer v.hub.visits.Done()
	v.session.leaveRoom()
	v.hub.letDie(v.session.out)
	return v.hub.finish(v.session.out, why)
}

// begin counts a connection among those that Stop waits for, until visits.Done; false when the hub stops.
func (h *Hub) begin() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopping {
		return false
	}
	h.visits.Add(1)
	return true
}

// admit opens a document for a peer. Its errors are *CloseError, or "try again". The room is kept from ending until release.
func (h *Hub) admit(ctx context.Context, doc store.DocumentID, peer Peer) (*room, error) {
	if peer.Role == store.NoRole || peer.MaxRole == store.NoRole {
		return nil, &CloseError{Code: CloseForbidden, Reason: "no access"}
	}
	if h.overStaged() && min(peer.Role, peer.MaxRole).CanWrite() {
		return nil, &CloseError{Code: CloseTryAgain, Reason: "the database is behind"}
	}
	r, err := h.acquire(ctx, doc)
	if err != nil {
		return nil, closeFor(err)
	}
	return r, nil
}

// finish closes a connection after its last words, with a code unless somebody has done so with another (nil: the client left), and gives the reason why it ended.
func (h *Hub) finish(out *outbox, c *CloseError) error {
	if c == nil {
		c = &CloseError{Code: CloseNormal}
	} else {
		h.metrics.closed(c.Code)
	}
	out.finish(c.Code, c.Reason)
	out.flush()
	out.join()
	if code, reason := out.outcome(); code != CloseNormal {
		return fmt.Errorf("serve a connection: %w", &CloseError{Code: code, Reason: reason})
	}
	return nil
}

func (h *Hub) newOutbox(conn Conn) *outbox {
	return &outbox{conn: conn, limit: h.limits.OutboxBytes, bytes: &h.outboxBytes}
}

// keepAlive has a connection's client hear a word when it has heard nothing for a while, until letDie.
func (h *Hub) keepAlive(out *outbox, word Message) {
	h.alive.mu.Lock()
	defer h.alive.mu.Unlock()
	h.alive.words[out] = word
}

func (h *Hub) letDie(out *outbox) {
	h.alive.mu.Lock()
	defer h.alive.mu.Unlock()
	delete(h.alive.words, out)
}

// alive is which connections are kept from silence, and with what.
type alive struct {
	mu    sync.Mutex
	words map[*outbox]Message
}

// dismiss closes the connections that are in no room.
func (h *Hub) dismiss() {
	h.alive.mu.Lock()
	left := slices.Collect(maps.Keys(h.alive.words))
	h.alive.mu.Unlock()
	for _, out := range left {
		out.finish(CloseGoingAway, "going away")
		out.flush()
		time.AfterFunc(lastWords, func() { out.conn.Close(CloseGoingAway, "going away") })
	}
}

// beat gives all connections the beats of their outboxes, three in KeepAlive, a few at a time.
func (h *Hub) beat(ctx context.Context) {
	var all []*outbox
	for pause(ctx, h.timing.KeepAlive/3) {
		all = all[:0]
		h.alive.mu.Lock()
		for out := range h.alive.words {
			all = append(all, out)
		}
		h.alive.mu.Unlock()
		for _, out := range all {
			h.alive.mu.Lock()
			word, there := h.alive.words[out]
			h.alive.mu.Unlock()
			if there {
				out.beat(word)
			}
		}
		clear(all)
	}
}

// closeFor gives the code with which a socket is closed whose document could not be opened.
func closeFor(err error) *CloseError {
	var closing *CloseError
	switch {
	case errors.As(err, &closing):
		return closing
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrDeleted):
		return &CloseError{Code: CloseNotFound, Reason: "no such document"}
	case errors.Is(err, ErrDamaged):
		return &CloseError{Code: CloseForbidden, Reason: "the document is damaged and can't be opened; an administrator has to repair it"}
	case errors.Is(err, ErrStopping):
		return &CloseError{Code: CloseGoingAway, Reason: "going away"}
	}
	return &CloseError{Code: CloseTryAgain, Reason: "the document can't be opened now"}
}

// acquire finds or loads a document's room and keeps it from ending until release.
func (h *Hub) acquire(ctx context.Context, doc store.DocumentID) (*room, error) {
	h.mu.Lock()
	if h.stopping {
		h.mu.Unlock()
		return nil, ErrStopping
	}
	r := h.open[doc]
	if r == nil {
		r = newRoom(h, doc, h.relay)
		h.open[doc] = r
		h.roomsWG.Add(1) // for the room's life
		h.roomsWG.Go(r.open)
	}
	r.refs++
	h.mu.Unlock()
	select {
	case <-r.loaded:
	case <-ctx.Done():
		h.release(r)
		return nil, ctx.Err()
	}
	if r.loadErr != nil {
		h.release(r)
		if !errors.Is(r.loadErr, store.ErrNotFound) && !errors.Is(r.loadErr, store.ErrDeleted) {
			h.metrics.loadFailures.Inc()
			h.logger.Error("a document can't be loaded", "document", doc, "error", r.loadErr)
		}
		return nil, r.loadErr
	}
	return r, nil
}

func (h *Hub) release(r *room) {
	h.mu.Lock()
	r.refs--
	last := r.refs == 0
	h.mu.Unlock()
	if last {
		r.heard()
	}
}

// forget stops giving a room out. Those who use it may go on until they release it.
func (h *Hub) forget(r *room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open[r.doc] == r {
		delete(h.open, r.doc)
	}
}

// unload ends a room that nobody uses: true when it is out of the map for good.
func (h *Hub) unload(r *room) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.refs > 0 {
		return false
	}
	if h.open[r.doc] == r {
		delete(h.open, r.doc)
	}
	return true
}

func (h *Hub) overStaged() bool { return h.staged.Load() >= int64(h.limits.StagedNodeBytes) }

// all gives the rooms that are open now.
func (h *Hub) all() []*room {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*room, 0, len(h.open))
	for _, r := range h.open {
		list = append(list, r)
	}
	return list
}

// pollHeads compares the heads of all open documents with the rooms', every HeadPoll: what another node committed, or changed in who may do what, is found at
// the latest then, with no other help.
func (h *Hub) pollHeads(ctx context.Context) {
	for h.nextPoll(ctx.Done(), h.headsNow) {
		h.compareHeads(ctx, h.all())
	}
}

func (h *Hub) compareHeads(ctx context.Context, rooms []*room) {
	byDoc := make(map[store.DocumentID]*room, len(rooms))
	seen := make(map[store.DocumentID]uint64, len(rooms))
	ids := make([]store.DocumentID, 0, len(rooms))
	for _, r := range rooms {
		select {
		case <-r.loaded:
			byDoc[r.doc], seen[r.doc] = r, r.seen.Load()
			ids = append(ids, r.doc)
		default:
		}
	}
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	heads, err := h.store.Heads(ctx, ids)
	if err != nil {
		if ctx.Err() == nil {
			h.logger.Warn("heads can't be compared", "error", err)
		}
		return
	}
	for _, head := range heads {
		r := byDoc[head.Document]
		delete(byDoc, head.Document)
		if r.isAt(head) {
			continue
		}
		if was := seen[head.Document]; r.comparing.CompareAndSwap(false, true) { // else it is so busy that it will be asked again
			r.post(event{do: func() {
				r.comparing.Store(false)
				r.compareHead(head, was)
			}})
		}
	}
	for _, r := range byDoc { // purged before anybody here has seen them in the trash
		r.post(event{do: func() { r.fail(&CloseError{Code: CloseNotFound, Reason: "the document was deleted"}) }})
	}
}

// isAt says whether a head is what the room has applied already. Safe for concurrent use once the room is loaded.
func (r *room) isAt(h store.Head) bool {
	return h.Seq == r.seen.Load() && int64(h.Row) == r.seenRow.Load() && h.Lenient == r.seenLenient.Load() && h.AccessVersion == r.seenAccess.Load() && h.Epoch == r.epoch && !h.Deleted
}

// Content gives the committed state of a document at this moment as a v1 update, with its epoch and sequence number. The bytes must not be changed. ErrDamaged: it can't be
// read to its end.
// The document is loaded for it when it isn't open.
func (h *Hub) Content(ctx context.Context, doc store.DocumentID) (Content, error) {
	r, err := h.acquire(ctx, doc)
	if err != nil {
		return Content{}, fmt.Errorf("content of %s: %w", doc, err)
	}
	defer h.release(r)
	if r.damaged {
		return Content{}, fmt.Errorf("content of %s: %w", doc, ErrDamaged)
	}
	answer := make(chan Content, 1)
	r.post(event{do: func() {
		defer close(answer) // also when the room is given up over it
		answer <- Content{Epoch: r.epoch, Seq: r.upTo, Update: r.encodeAll()}
	}})
	select {
	case c, ok := <-answer:
		if !ok {
			return Content{}, fmt.Errorf("content of %s: the room was given up", doc)
		}
		return c, nil
	case <-ctx.Done():
		return Content{}, fmt.Errorf("content of %s: %w", doc, ctx.Err())
	}
}

// Content is a document's committed content.
type Content struct {
	Epoch  uuid.UUID
	Seq    uint64
	Update []byte // the whole state, Yjs v1
}

// Text reads a root's plain text; an empty name means the only root, or "default" when there are several.
func (c Content) Text(root string) (string, error) {
	u, err := crdt.ParseUpdate(c.Update)
	if err != nil {
		return "", fmt.Errorf("read content: %w", err)
	}
	state := crdt.NewState()
	state.Apply(u)
	if root == "" {
		root = "default"
		if roots := state.Roots(); len(roots) == 1 {
			root = roots[0]
		}
	}
	return state.Text(root)
}

// Stop refuses new connections, commits what was accepted, closes all sockets with 1012 and returns when all goroutines have ended. When ctx is done first, what was
// not committed by then is given up; nobody was told that it was saved.
func (h *Hub) Stop(ctx context.Context) error {
	h.mu.Lock()
	h.stopping = true
	h.mu.Unlock()
	h.stopLoads()
	for _, r := range h.all() {
		r.post(event{do: func() { r.stopping = true }})
	}
	done := make(chan struct{})
	go func() {
		h.roomsWG.Wait()
		h.dismiss()
		h.visits.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = fmt.Errorf("stop the rooms: %w", ctx.Err())
		h.quiet()
	}
	h.killRooms()
	if err != nil {
		// Sockets that nobody reads from may take long to close. They hold nothing that was promised.
		select {
		case <-done:
		case <-time.After(stopGrace):
			h.part(ctx)
			return err
		}
	}
	<-done
	h.quiet()
	h.workWG.Wait()
	h.part(ctx)
	return err
}

// killRooms ends all rooms at once, and what they have under way.
func (h *Hub) killRooms() {
	h.kill()
	for _, r := range h.all() {
		r.post(event{do: func() { r.fail(&CloseError{Code: CloseGoingAway, Reason: "going away"}) }})
	}
}

// part says farewell to the other nodes.
func (h *Hub) part(ctx context.Context) {
	if c := h.inCluster(); c != nil {
		c.part(context.WithoutCancel(ctx))
	}
}
