package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

const (
	// keepCovered is for how long rows stay in the log after a snapshot covered them, and idempotency keys after their commit.
	keepCovered = 10 * time.Minute
	// keepNewestKey is for how long the newest key of a run stays: its node may still be asking what became of it.
	keepNewestKey = 24 * time.Hour
	// sweepRows bounds the rows of one transaction of a sweep.
	sweepRows = 256
)

// readSnapshot gives a document's newest snapshot; a zero Seq when there is none.
func readSnapshot(t *tx, id store.DocumentID) (s store.Snapshot, err error) {
	var packed []byte
	err = t.row("SELECT seq, row_id, state FROM snapshots WHERE document = $1", id).Scan(&s.Seq, &s.Row, &packed)
	if errors.Is(err, store.ErrNotFound) {
		return store.Snapshot{}, nil
	}
	if err == nil {
		s.State, err = store.Unpack(packed)
	}
	if err != nil {
		return store.Snapshot{}, fmt.Errorf("read snapshot: %w", err)
	}
	return s, nil
}

// LoadSnapshot reads the newest snapshot; a zero Seq when there is none.
func (s *Store) LoadSnapshot(ctx context.Context, id store.DocumentID) (snapshot store.Snapshot, err error) {
	err = s.query(ctx, func(t *tx) error {
		snapshot, err = readSnapshot(t, id)
		return err
	})
	if err != nil {
		return store.Snapshot{}, fmt.Errorf("document %v: %w", id, err)
	}
	return snapshot, nil
}

// errNotSaved undoes a transaction that came too late.
var errNotSaved = errors.New("another snapshot was faster")

// SaveSnapshot replaces the newest snapshot if it is still the one of number replaces. A snapshot of rows that the document doesn't have is an error.
func (s *Store) SaveSnapshot(ctx context.Context, id store.DocumentID, epoch uuid.UUID, replaces uint64, snapshot store.Snapshot) (saved bool, err error) {
	if snapshot.Seq <= replaces {
		return false, nil
	}
	if snapshot.Seq > math.MaxInt64 {
		return false, fmt.Errorf("save snapshot of document %v: number %d is out of range", id, snapshot.Seq)
	}
	packed := store.Pack(snapshot.State)
	err = s.write(ctx, func(t *tx) error { return saveSnapshot(t, id, epoch, replaces, snapshot, packed) })
	if errors.Is(err, errNotSaved) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("save snapshot of document %v: %w", id, err)
	}
	return true, nil
}

// saveSnapshot writes first and looks at the head's epoch last, under a lock: so the lock lasts no longer than a commit, however large the snapshot is.
func saveSnapshot(t *tx, id store.DocumentID, epoch uuid.UUID, replaces uint64, snapshot store.Snapshot, packed []byte) error {
	head, err := readHead(t, id)
	if err != nil {
		return err
	}
	if head.Epoch != epoch {
		return errNotSaved
	}
	same, err := sameHistory(t, head, snapshot.Seq, snapshot.Row)
	if err != nil {
		return err
	}
	var n int
	if replaces == 0 {
		n, err = t.changed("INSERT INTO snapshots (document, seq, row_id, created_at, state) VALUES ($1, $2, $3, now(), $4) ON CONFLICT DO NOTHING",
			id, snapshot.Seq, snapshot.Row, packed)
	} else {
		n, err = t.changed("UPDATE snapshots SET seq = $2, row_id = $3, created_at = now(), state = $4 WHERE document = $1 AND seq = $5",
			id, snapshot.Seq, snapshot.Row, packed, replaces)
	}
	switch {
	case err != nil:
		return err
	case n == 0:
		return errNotSaved
	case !same:
		return fmt.Errorf("row %d of the snapshot is not the document's", snapshot.Seq)
	}
	if err := t.exec("INSERT INTO coverings (document, seq, covered_at) VALUES ($1, $2, now()) ON CONFLICT DO NOTHING", id, snapshot.Seq); err != nil {
		return err
	}
	if head, err = oneHead(t, id, " FOR SHARE"); err != nil {
		return err
	}
	if head.Epoch != epoch {
		return errNotSaved
	}
	return nil
}

// SweepCovered moves covered rows to history and forgets old idempotency keys, in small transactions. Nodes may sweep at the same time.
func (s *Store) SweepCovered(ctx context.Context, limit int) (moved int, err error) {
	moved, err = s.sweepRows(ctx, max(limit, 0))
	if err == nil {
		err = s.sweepKeys(ctx, max(limit, 0))
	}
	if err != nil {
		return moved, fmt.Errorf("sweep covered rows: %w", err)
	}
	return moved, nil
}

// covering is a number up to which a document's rows have been covered for long enough.
type covering struct {
	document store.DocumentID
	seq      uint64
}

func (s *Store) sweepRows(ctx context.Context, limit int) (moved int, err error) {
	var old []covering
	err = s.read(ctx, func(t *tx) error {
		return t.each(func(r pgx.Rows) error {
			var c covering
			err := r.Scan(&c.document, &c.seq)
			old = append(old, c)
			return err
		}, "SELECT document, max(seq) FROM coverings WHERE covered_at <= now() - $1::interval GROUP BY document LIMIT $2", keepCovered, limit)
	})
	for _, c := range old {
		for err == nil && moved < limit {
			var n int
			size := min(sweepRows, limit-moved)
			n, err = s.moveRows(ctx, c, size)
			moved += n
			if n < size {
				break
			}
		}
	}
	return moved, err
}

// moveRows moves the first rows of a covering, at most size, and forgets the covering with its last row.
func (s *Store) moveRows(ctx context.Context, c covering, size int) (moved int, err error) {
	err = s.write(ctx, func(t *tx) error {
		moved, err = t.changed("WITH gone AS (DELETE FROM updates WHERE document = $1 AND seq IN"+
			" (SELECT seq FROM updates WHERE document = $1 AND seq <= $2 ORDER BY seq LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING *)"+
			" INSERT INTO history (document, seq, id, prev, author, created_at, size, data)"+
			" SELECT document, seq, id, prev, author, created_at, size, data FROM gone", c.document, c.seq, size)
		if err != nil || moved == size {
			return err
		}
		// Not while somebody else is moving the remainder, who may still fail.
		return t.exec("DELETE FROM coverings WHERE document = $1 AND seq <= $2 AND NOT EXISTS (SELECT FROM updates WHERE document = $1 AND seq <= $2)", c.document, c.seq)
	})
	if err != nil {
		return 0, err
	}
	return moved, nil
}

// sweepKeys forgets at most limit idempotency keys, oldest first. Numbers of a run grow with time, so the newest key of a run has its highest number.
func (s *Store) sweepKeys(ctx context.Context, limit int) error {
	for n, size := 0, 0; limit > 0 && n == size; limit -= n {
		size = min(limit, 4*sweepRows)
		err := s.write(ctx, func(t *tx) (err error) {
			n, err = t.changed("DELETE FROM batches WHERE (run, number) IN (SELECT run, number FROM batches b"+
				" WHERE created_at <= now() - $1::interval"+
				" AND (number < (SELECT max(m.number) FROM batches m WHERE m.run = b.run) OR created_at <= now() - $2::interval)"+
				" ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED)", keepCovered, keepNewestKey, size)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
