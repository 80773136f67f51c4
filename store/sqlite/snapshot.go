package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

const (
	// keepCovered is for how long rows stay in the log after a snapshot covered them, and idempotency keys after their commit.
	keepCovered = 10 * time.Minute
	// sweepRows bounds the rows of one transaction of a sweep, so that it doesn't keep commits waiting.
	sweepRows = 256
)

// readSnapshot gives a document's newest snapshot; a zero Seq when there is none.
func readSnapshot(t *tx, id store.DocumentID) (s store.Snapshot, err error) {
	var packed []byte
	err = t.row("SELECT seq, row, state FROM snapshots WHERE document = ?", blob(id)).Scan(&s.Seq, &s.Row, &packed)
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
	err = s.read(ctx, func(t *tx) error {
		snapshot, err = readSnapshot(t, id)
		return err
	})
	if err != nil {
		return store.Snapshot{}, fmt.Errorf("document %v: %w", id, err)
	}
	return snapshot, nil
}

// SaveSnapshot replaces the newest snapshot if it is still the one of number replaces. A snapshot of rows that the document doesn't have is an error.
func (s *Store) SaveSnapshot(ctx context.Context, id store.DocumentID, epoch uuid.UUID, replaces uint64, snapshot store.Snapshot) (saved bool, err error) {
	if snapshot.Seq <= replaces {
		return false, nil
	}
	if snapshot.Seq > math.MaxInt64 {
		return false, fmt.Errorf("save snapshot of document %v: number %d is out of range", id, snapshot.Seq)
	}
	packed := store.Pack(snapshot.State)
	err = s.write(ctx, func(t *tx) error {
		saved = false
		head, err := readHead(t, id)
		if err != nil {
			return err
		}
		if head.Epoch != epoch {
			return nil
		}
		var current uint64
		err = t.row("SELECT seq FROM snapshots WHERE document = ?", blob(id)).Scan(&current)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if current != replaces {
			return nil
		}
		same, err := sameHistory(t, head, snapshot.Seq, snapshot.Row)
		if err != nil {
			return err
		}
		if !same {
			return fmt.Errorf("row %d of the snapshot is not the document's", snapshot.Seq)
		}
		at := now()
		err = t.exec("INSERT INTO snapshots (document, seq, row, created_at, state) VALUES (?, ?, ?, ?, ?) ON CONFLICT (document)"+
			" DO UPDATE SET seq = excluded.seq, row = excluded.row, created_at = excluded.created_at, state = excluded.state",
			blob(id), int64(snapshot.Seq), int64(snapshot.Row), at, packed)
		if err != nil {
			return err
		}
		saved = true
		return t.exec("INSERT INTO coverings (document, seq, covered_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", blob(id), int64(snapshot.Seq), at)
	})
	if err != nil {
		return false, fmt.Errorf("save snapshot of document %v: %w", id, err)
	}
	return saved, nil
}

// covering is a number up to which a document's rows have been covered for long enough.
type covering struct {
	document store.DocumentID
	seq      uint64
}

// SweepCovered moves covered rows to history and forgets old idempotency keys, in small transactions with room for commits between them.
func (s *Store) SweepCovered(ctx context.Context, limit int) (moved int, err error) {
	before := now() - keepCovered.Milliseconds()
	var old []covering
	err = s.read(ctx, func(t *tx) error {
		return t.each(func(rows *sqlRows) error {
			var c covering
			err := rows.Scan(&c.document, &c.seq)
			old = append(old, c)
			return err
		}, "SELECT document, max(seq) FROM coverings WHERE covered_at <= ? GROUP BY document LIMIT ?", before, limit)
	})
	for _, c := range old {
		for done := false; err == nil && !done && moved < limit; {
			var n int
			n, done, err = s.sweepDocument(ctx, c, min(sweepRows, limit-moved))
			moved += n
		}
	}
	if err == nil {
		err = s.sweepKeys(ctx, before, limit)
	}
	if err != nil {
		return moved, fmt.Errorf("sweep covered rows: %w", err)
	}
	return moved, nil
}

// sweepDocument moves a document's first rows. Done says that none is left that c covers; then the covering is forgotten.
func (s *Store) sweepDocument(ctx context.Context, c covering, limit int) (moved int, done bool, err error) {
	err = s.write(ctx, func(t *tx) error {
		id, upTo := blob(c.document), int64(c.seq)
		err := t.exec("INSERT INTO history (document, seq, id, prev, author, created_at, data)"+
			" SELECT document, seq, id, prev, author, created_at, data FROM updates WHERE document = ? AND seq <= ? ORDER BY seq LIMIT ?", id, upTo, limit)
		if err != nil {
			return err
		}
		moved, err = t.changed("DELETE FROM updates WHERE document = ?1 AND seq IN"+
			" (SELECT seq FROM updates WHERE document = ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3)", id, upTo, limit)
		if done = moved < limit; err != nil || !done {
			return err
		}
		return t.exec("DELETE FROM coverings WHERE document = ? AND seq <= ?", id, upTo)
	})
	if err != nil {
		return 0, false, err
	}
	return moved, done, nil
}

// sweepKeys forgets idempotency keys from before that time, the first ones of each run.
func (s *Store) sweepKeys(ctx context.Context, before int64, limit int) error {
	done := []byte{} // every run up to this one
	for limit > 0 {
		n, size := 0, min(limit, 4*sweepRows)
		err := s.write(ctx, func(t *tx) error {
			var run []byte
			err := t.row("SELECT run FROM batches WHERE run > ? ORDER BY run LIMIT 1", done).Scan(&run)
			if err != nil {
				return err
			}
			n, err = t.changed("DELETE FROM batches WHERE run = ?1 AND number IN (SELECT number FROM"+
				" (SELECT number, created_at FROM batches WHERE run = ?1 ORDER BY number LIMIT ?2) WHERE created_at <= ?3)", run, size, before)
			if n < size {
				done = run
			}
			return err
		})
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		limit -= n
	}
	return nil
}
