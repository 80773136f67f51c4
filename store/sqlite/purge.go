package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/bizsync/bizsync/store"
)

const (
	// clearRows bounds the rows of one transaction that clears a log away, so that it doesn't keep commits waiting.
	clearRows = 1024
	// clearSteps bounds the transactions that whoever deletes a document for good waits for; what is left then is the next sweep's.
	clearSteps = 16
)

// PurgeDocument deletes a document for good.
func (s *Store) PurgeDocument(ctx context.Context, id store.DocumentID) error {
	if err := s.purge(ctx, id, math.MaxInt64); err != nil {
		return fmt.Errorf("purge document %v: %w", id, err)
	}
	_ = s.clear(ctx, id, clearSteps) // the document is gone; what is left of its log the next sweep clears away, and tells why it can't
	return nil
}

// SweepTrash deletes for good what was moved to the trash long ago.
func (s *Store) SweepTrash(ctx context.Context, limit int) (n int, err error) {
	if n, err = s.sweepTrash(ctx, max(limit, 0)); err != nil {
		return n, fmt.Errorf("sweep the trash: %w", err)
	}
	return n, nil
}

func (s *Store) sweepTrash(ctx context.Context, limit int) (n int, err error) {
	before := now() - store.TrashTime.Milliseconds()
	var left, old []store.DocumentID
	err = s.read(ctx, func(t *tx) error {
		if left, err = readIDs(t, "SELECT document FROM purges LIMIT ?", limit); err != nil {
			return err
		}
		old, err = readIDs(t, "SELECT id FROM documents WHERE deleted_at <= ? ORDER BY deleted_at LIMIT ?", before, limit)
		return err
	})
	if err != nil {
		return 0, err
	}
	var failed []error
	for _, id := range left {
		if err := s.clear(ctx, id, math.MaxInt); err != nil {
			failed = append(failed, err)
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
	for _, id := range old {
		err := s.purge(ctx, id, before)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
			continue // somebody else was faster, to purge or to restore it
		}
		if err == nil {
			n++
			err = s.clear(ctx, id, math.MaxInt)
		} else {
			err = fmt.Errorf("purge document %v: %w", id, err)
		}
		if err != nil {
			failed = append(failed, err)
		}
		if err := ctx.Err(); err != nil {
			return n, err
		}
	}
	return n, errors.Join(failed...)
}

func readIDs(t *tx, query string, args ...any) (ids []store.DocumentID, err error) {
	err = t.each(func(rows *sqlRows) error {
		var id store.DocumentID
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, query, args...)
	return ids, err
}

// purge makes a document unknown that was moved to the trash before that time. Its log, which may be long, is cleared away later.
func (s *Store) purge(ctx context.Context, id store.DocumentID, before int64) error {
	return s.write(ctx, func(t *tx) error {
		head, err := readHead(t, id)
		if err != nil {
			return err
		}
		err = t.row("SELECT 1 FROM documents WHERE id = ? AND deleted_at <= ?", blob(id), before).Scan(new(int))
		if !head.Deleted || errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("it is not in the trash: %w", store.ErrConflict)
		}
		if err == nil {
			err = t.exec("INSERT INTO purges (document, seq, last_n) SELECT document, seq, last_n FROM heads WHERE document = ?", blob(id))
		}
		for _, table := range []string{"heads", "snapshots", "coverings", "resets"} {
			if err != nil {
				return err
			}
			err = t.exec("DELETE FROM "+table+" WHERE document = ?", blob(id))
		}
		if err != nil {
			return err
		}
		return t.exec("DELETE FROM documents WHERE id = ?", blob(id)) // and members, and kind
	})
}

// clear clears away what is left of a document that was purged, in at most that many transactions. It changes nothing that the writer's memo may hold: no head refers to it.
func (s *Store) clear(ctx context.Context, id store.DocumentID, steps int) error {
	for ; steps > 0; steps-- {
		done := false
		err := s.writeBeside(ctx, func(t *tx) (err error) {
			done, err = clearStep(t, id)
			return err
		})
		if err != nil {
			return fmt.Errorf("clear the log of document %v away: %w", id, err)
		}
		if done {
			break
		}
	}
	return nil
}

// clearStep deletes some rows, those of the log first: whoever sweeps moves rows to history at the same time.
func clearStep(t *tx, id store.DocumentID) (done bool, err error) {
	if n, err := clearTail(t, id); n > 0 || err != nil {
		return false, err
	}
	for _, query := range []string{
		"DELETE FROM history WHERE document = ?1 AND (seq, id) IN (SELECT seq, id FROM history WHERE document = ?1 LIMIT ?2)",
		"DELETE FROM bindings WHERE document = ?1 AND client IN (SELECT client FROM bindings WHERE document = ?1 LIMIT ?2)",
	} {
		if n, err := t.changed(query, blob(id), clearRows); n > 0 || err != nil {
			return false, err
		}
	}
	return true, t.exec("DELETE FROM purges WHERE document = ?", blob(id))
}

// clearTail deletes the newest rows that a purged document has in the log, and notes where the next one is.
func clearTail(t *tx, id store.DocumentID) (n int, err error) {
	var rows []coveredRow
	var previous int64
	err = t.each(func(r *sqlRows) error {
		row := coveredRow{document: id}
		err := r.Scan(&row.n, &row.seq, &previous)
		rows = append(rows, row)
		return err
	}, "WITH RECURSIVE tail (n, seq, prev_n) AS ("+
		"SELECT u.n, u.seq, u.prev_n FROM purges p CROSS JOIN updates u ON u.n = p.last_n AND u.document = p.document AND u.seq = p.seq WHERE p.document = ?1"+
		" UNION ALL "+
		"SELECT u.n, u.seq, u.prev_n FROM tail t CROSS JOIN updates u ON u.n = t.prev_n AND u.document = ?1 AND u.seq = t.seq - 1"+
		") SELECT n, seq, prev_n FROM tail LIMIT ?2", blob(id), clearRows)
	if len(rows) == 0 || err != nil {
		return 0, err
	}
	for _, r := range rows {
		if err := t.exec("DELETE FROM updates WHERE n = ?", r.n); err != nil {
			return 0, err
		}
	}
	return len(rows), t.exec("UPDATE purges SET seq = ?, last_n = ? WHERE document = ?", rows[len(rows)-1].seq-1, previous, blob(id))
}
