package collab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

const (
	// A commit takes at most this many documents and about this many bytes; the rest goes into the next one.
	commitDocuments = 1000
	commitBytes     = 8 << 20

	retryFirst = 10 * time.Millisecond
	retryMost  = time.Second
	// A batch that took too long so many times is taken apart: the database may be well, and the batch too much for it.
	slowTries = 3
	// A document that fails by itself is tried again after so many times what its last try took, but at least so often.
	slowFactor = 4
	slowMost   = time.Second
)

// journal commits what the rooms of a node have staged: one transaction in flight, which gathers the next meanwhile.
//
// There are two, on a connection each. The first never waits for a document whose head another transaction holds, and takes no batch apart: what could hold others up
// goes to the second, the patient one, which waits and finds out who is to blame. A room has one batch at a time in both together.
type journal struct {
	// Set at construction.
	log     store.Log
	patient *journal  // nil: this is it
	run     uuid.UUID // this run of the node; with a number it names a batch for ever
	limit   time.Duration
	gather  time.Duration
	logger  *slog.Logger
	metrics *Metrics

	mu    sync.Mutex
	queue []*batch      // guarded by mu: at most one a room
	wake  chan struct{} // of capacity 1

	// Owned by loop. Only the patient one has sick parts.
	number  uint64
	started time.Time // of the newest commit
	busy    bool      // the newest commit had more than one row
	sick    []*sickPart
}

// group is sealed parts that are committed together, under one number until it is known that they were not.
type group struct {
	batches []*batch
	parts   []store.DocumentAppend
	rows    int
}

// sickPart is a document's part that fails on its own. It is tried again by itself, and holds up nobody else.
type sickPart struct {
	group
	wait time.Duration
	next time.Time
}

// enqueue hands a batch over. The room may go on filling it until the journal seals it.
func (j *journal) enqueue(batches ...*batch) {
	j.mu.Lock()
	j.queue = append(j.queue, batches...)
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

func (j *journal) queued() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.queue)
}

// loop runs until ctx is done. Every batch that it took is then either decided or unknown for ever; its room tells nobody.
func (j *journal) loop(ctx context.Context) {
	for {
		var sickDue <-chan time.Time
		var timer *time.Timer
		if next, ok := j.nextSick(); ok {
			timer = time.NewTimer(time.Until(next))
			sickDue = timer.C
		}
		if j.queued() == 0 {
			select {
			case <-j.wake:
			case <-sickDue:
			case <-ctx.Done():
			}
		}
		if timer != nil {
			timer.Stop()
		}
		if ctx.Err() != nil {
			return
		}
		if j.queued() == 0 {
			j.trySick(ctx)
			continue
		}
		// Under load a commit costs less a row when it takes more of them. Alone, a letter doesn't wait.
		if j.busy || j.queued() > 1 {
			if wait := j.gather - time.Since(j.started); wait > 0 && !pause(ctx, wait) {
				return
			}
		}
		if g := j.take(); len(g.parts) > 0 {
			j.commit(ctx, g)
		}
		j.trySick(ctx)
	}
}

// take seals the batches that go into the next commit.
func (j *journal) take() group {
	j.mu.Lock()
	n := min(len(j.queue), commitDocuments)
	taken := j.queue[:n:n]
	j.mu.Unlock()
	var g group
	sealed, bytes := 0, 0
	for _, b := range taken {
		if bytes > commitBytes {
			break
		}
		sealed++
		part, size, err := j.seal(b)
		if err != nil {
			continue
		}
		bytes += size
		g.rows += len(part.Rows)
		g.batches = append(g.batches, b)
		g.parts = append(g.parts, part)
	}
	j.mu.Lock()
	// Batches were appended behind meanwhile, never taken away.
	if j.queue = j.queue[sealed:]; len(j.queue) == 0 {
		j.queue = nil
	}
	j.mu.Unlock()
	return g
}

// seal seals a batch. A fault of ours in one document takes no other down: its room is given up.
func (j *journal) seal(b *batch) (part store.DocumentAppend, bytes int, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("merging what was staged panicked: %v", fault)
			j.metrics.panics.Inc()
			j.logger.Error("a batch panicked; giving its room up", "document", b.room.doc, "panic", fault, "stack", string(debug.Stack()))
			b.settled()
			b.room.post(event{do: func() {
				b.room.batch = nil
				b.room.fail(&CloseError{Code: CloseGoingAway, Reason: "the document was reloaded"})
			}})
		}
	}()
	part, bytes = b.seal()
	return part, bytes, nil
}

// commit brings a group to its end: committed, or cut down to parts that fail on their own.
func (j *journal) commit(ctx context.Context, g group) {
	work := []group{g}
	for len(work) > 0 && ctx.Err() == nil {
		g, work = work[0], work[1:]
		err := j.append(ctx, g)
		switch {
		case err == nil || ctx.Err() != nil:
		case j.patient != nil:
			j.patient.enqueue(g.batches...)
		case len(g.parts) > 1:
			half := len(g.parts) / 2
			work = append([]group{g.slice(0, half), g.slice(half, len(g.parts))}, work...)
		default:
			j.logger.Error("a document can't be committed", "document", g.parts[0].Document, "error", err)
			j.metrics.quarantined.Inc()
			j.sick = append(j.sick, &sickPart{group: g, wait: retryFirst, next: time.Now().Add(retryFirst)})
		}
	}
}

func (g group) slice(from, to int) group {
	s := group{batches: g.batches[from:to], parts: g.parts[from:to]}
	for _, p := range s.parts {
		s.rows += len(p.Rows)
	}
	return s
}

// append commits a group under a new number and delivers the results. While the outcome is unknown or the database is away it tries again, always the same parts
// under the same number: the transaction may have been committed. An error is definite: nothing of the group is in the database, nor will be.
func (j *journal) append(ctx context.Context, g group) error {
	j.number++
	b := store.Batch{Key: store.Key{Run: j.run, Number: j.number}, Documents: g.parts, NoWait: j.patient != nil}
	unknown := false // an earlier try may have been committed
	for wait, tries := retryFirst, 1; ; wait, tries = min(2*wait, retryMost), tries+1 {
		res, err := j.try(ctx, b)
		if err == nil {
			j.deliver(g, res)
			return nil
		}
		j.metrics.commitFailed()
		if ctx.Err() != nil {
			return err
		}
		switch {
		case errors.Is(err, store.ErrUncertain):
			unknown = true
		case errors.Is(err, store.ErrUnavailable) && (!errors.Is(err, context.DeadlineExceeded) || tries < slowTries):
		case !unknown || j.abandoned(ctx, b.Key):
			return err
		}
		j.logger.Warn("a commit did not succeed; trying again", "number", j.number, "documents", len(g.parts), "rows", g.rows, "in", wait, "error", err)
		if !pause(ctx, wait) {
			return err
		}
	}
}

// try runs one transaction.
func (j *journal) try(ctx context.Context, b store.Batch) (store.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, j.limit)
	defer cancel()
	j.started = time.Now()
	res, err := j.log.Append(ctx, b)
	if err == nil {
		j.metrics.committed(time.Since(j.started), b)
	}
	return res, err
}

// abandoned makes sure that a batch whose outcome is unknown never comes to be: false when it has been committed, or that can't be told now.
func (j *journal) abandoned(ctx context.Context, key store.Key) bool {
	ctx, cancel := context.WithTimeout(ctx, j.limit)
	defer cancel()
	committed, err := j.log.Abandon(ctx, key)
	return err == nil && !committed
}

func (j *journal) deliver(g group, res store.Result) {
	j.busy = g.rows > 1
	for i, b := range g.batches {
		if res.Documents[i].Refused == store.Busy && j.patient != nil {
			j.metrics.commitBusy.Inc()
			j.patient.enqueue(b)
			continue
		}
		b.settled()
		b.result = res.Documents[i]
		b.room.tell(event{batch: b}, b.bytes)
	}
}

func (j *journal) nextSick() (time.Time, bool) {
	var first time.Time
	for _, s := range j.sick {
		if first.IsZero() || s.next.Before(first) {
			first = s.next
		}
	}
	return first, !first.IsZero()
}

// trySick tries one of those again that failed alone, if it is due. The slower it fails, the seldomer, since everybody waits for it meanwhile.
func (j *journal) trySick(ctx context.Context) {
	i := slices.IndexFunc(j.sick, func(s *sickPart) bool { return time.Until(s.next) <= 0 })
	if i < 0 || ctx.Err() != nil {
		return
	}
	s := j.sick[i]
	j.sick = slices.Delete(j.sick, i, i+1)
	if j.append(ctx, s.group) == nil || ctx.Err() != nil {
		return
	}
	s.wait = max(min(2*s.wait, retryMost), min(slowFactor*time.Since(j.started), slowMost))
	s.next = time.Now().Add(s.wait)
	j.sick = append(j.sick, s) // behind the others that are due
}

// pause waits; false when ctx was done first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
