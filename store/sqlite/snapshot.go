package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

const (
	// keepCovered is for how long rows stay in the log after a snapshot covered them, and idempotency keys after their commit.
	keepCovered = 10 * time.Minute
	// keepNewestKey is for how long the newest key of a run stays: its node may still be asking what became of it.
	keepNewestKey = 24 * time.Hour
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
	err = s.writeBeside(ctx, func(t *tx) error {
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

// SweepCovered moves covered rows to history and forgets old idempotency keys, in small transactions with room for commits between them.
func (s *Store) SweepCovered(ctx context.Context, limit int) (moved int, err error) {
	before := now() - keepCovered.Milliseconds()
	var rows []coveredRow
	var done []covering
	err = s.read(ctx, func(t *tx) error {
		rows, done, err = readCovered(t, before, limit)
		return err
	})
	for len(rows) > 0 && err == nil {
		var n int
		n, err = s.moveRows(ctx, rows[:min(sweepRows, len(rows))])
		rows = rows[min(sweepRows, len(rows)):]
		moved += n
	}
	if err == nil {
		err = s.writeBeside(ctx, func(t *tx) error {
			for _, c := range done {
				if err := t.exec("DELETE FROM coverings WHERE document = ? AND seq <= ?", blob(c.document), int64(c.seq)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err == nil {
		err = s.sweepKeys(ctx, before, limit)
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

// coveredRow is a row that is to go to history. Its place may have been swept by somebody else and used again, so document and number go with it.
type coveredRow struct {
	n, seq   int64
	document store.DocumentID
}

// readCovered finds at most limit rows that were covered before that time, the first ones of each document, and the coverings of which no more than those
// rows are left. The rows are in the order of the log, so that those on one page leave it together.
func readCovered(t *tx, before int64, limit int) (rows []coveredRow, done []covering, err error) {
	var old []covering
	err = t.each(func(r *sqlRows) error {
		var c covering
		err := r.Scan(&c.document, &c.seq)
		old = append(old, c)
		return err
	}, "SELECT document, max(seq) FROM coverings WHERE covered_at <= ? GROUP BY document LIMIT ?", before, max(limit, 0))
	for _, c := range old {
		room := limit - len(rows)
		if err != nil || room <= 0 {
			break
		}
		had := len(rows)
		err = t.each(func(r *sqlRows) error {
			row := coveredRow{document: c.document}
			err := r.Scan(&row.n, &row.seq)
			rows = append(rows, row)
			return err
		}, tail+"SELECT n, seq FROM tail WHERE seq <= ?3 ORDER BY seq LIMIT ?4", blob(c.document), 0, int64(c.seq), room)
		if len(rows)-had < room {
			done = append(done, c)
		}
	}
	slices.SortFunc(rows, func(a, b coveredRow) int { return cmp.Compare(a.n, b.n) })
	return rows, done, err
}

func (s *Store) moveRows(ctx context.Context, rows []coveredRow) (moved int, err error) {
	err = s.writeBeside(ctx, func(t *tx) error {
		for _, r := range rows {
			n, err := t.changed("INSERT OR FAIL INTO history (document, seq, id, prev, author, created_at, data)"+
				" SELECT document, seq, id, prev, author, created_at, data FROM updates WHERE n = ? AND document = ? AND seq = ?", r.n, blob(r.document), r.seq)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if err := t.exec("DELETE FROM updates WHERE n = ?", r.n); err != nil {
				return err
			}
			moved++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return moved, nil
}

// sweepKeys forgets idempotency keys from before that time, the first ones of each run.
func (s *Store) sweepKeys(ctx context.Context, before int64, limit int) error {
	done := []byte{} // every run up to this one
	for limit > 0 {
		n, size, end := 0, min(limit, 4*sweepRows), false
		err := s.writeBeside(ctx, func(t *tx) error {
			var run []byte
			err := t.row("SELECT run FROM batches WHERE run > ? ORDER BY run LIMIT 1", done).Scan(&run)
			if errors.Is(err, store.ErrNotFound) {
				end = true
				return nil
			}
			if err != nil {
				return err
			}
			n, err = t.changed("DELETE FROM batches WHERE run = ?1 AND number IN (SELECT number FROM"+
				" (SELECT number, created_at FROM batches WHERE run = ?1 ORDER BY number LIMIT ?2)"+
				" WHERE created_at <= ?3 AND (number < (SELECT max(number) FROM batches WHERE run = ?1) OR created_at <= ?4))",
				run, size, before, before-keepNewestKey.Milliseconds())
			if n < size {
				done = run
			}
			return err
		})
		if err != nil || end {
			return err
		}
		limit -= n
	}
	return nil
}
