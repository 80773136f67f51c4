package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

const (
	// clearRows bounds the rows of one transaction that clears a log away.
	clearRows = 1024
	// clearSteps bounds the transactions that whoever deletes a document for good waits for; what is left then is the next sweep's.
	clearSteps = 16
)

// PurgeDocument deletes a document for good.
func (s *Store) PurgeDocument(ctx context.Context, id store.DocumentID) error {
	if err := s.purge(ctx, id, "true"); err != nil {
		return fmt.Errorf("purge document %v: %w", id, err)
	}
	_ = s.clear(ctx, id, clearSteps) // the document is gone; what is left of its log the next sweep clears away, and tells why it can't
	return nil
}

// longTrashed says that a document was moved to the trash long ago.
var longTrashed = fmt.Sprintf("deleted_at <= now() - interval '%d seconds'", int(store.TrashTime.Seconds()))

// SweepTrash deletes for good what was moved to the trash long ago. Nodes may sweep at the same time.
func (s *Store) SweepTrash(ctx context.Context, limit int) (n int, err error) {
	if n, err = s.sweepTrash(ctx, max(limit, 0)); err != nil {
		return n, fmt.Errorf("sweep the trash: %w", err)
	}
	return n, nil
}

func (s *Store) sweepTrash(ctx context.Context, limit int) (n int, err error) {
	left, err := s.documentIDs(ctx, "SELECT document FROM purges LIMIT $1", limit)
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
	old, err := s.documentIDs(ctx, "SELECT id FROM documents WHERE "+longTrashed+" ORDER BY deleted_at LIMIT $1", limit)
	if err != nil {
		return 0, errors.Join(append(failed, err)...)
	}
	for _, id := range old {
		err := s.purge(ctx, id, longTrashed)
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

func (s *Store) documentIDs(ctx context.Context, query string, limit int) (ids []store.DocumentID, err error) {
	err = s.query(ctx, func(t *tx) error {
		ids = nil
		return t.each(func(rows pgx.Rows) error {
			var id store.DocumentID
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		}, query, limit)
	})
	return ids, err
}

// purge makes a document unknown that is in the trash and meets that condition. Its log, which may be long, is cleared away later.
func (s *Store) purge(ctx context.Context, id store.DocumentID, condition string) error {
	return s.write(ctx, func(t *tx) error {
		// Whoever saves a snapshot locks its row before the head, too. One that is new is undone by itself, when it finds no head.
		if err := t.exec("SELECT FROM snapshots WHERE document = $1 FOR UPDATE", id); err != nil {
			return err
		}
		head, err := lockHead(t, id)
		if err != nil {
			return err
		}
		err = t.row("SELECT 1 FROM documents WHERE id = $1 AND "+condition, id).Scan(new(int))
		if !head.Deleted || errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("it is not in the trash: %w", store.ErrConflict)
		}
		if err == nil {
			err = t.exec("INSERT INTO purges (document) VALUES ($1)", id)
		}
		for _, table := range []string{"snapshots", "coverings", "heads"} {
			if err != nil {
				return err
			}
			err = t.exec("DELETE FROM "+table+" WHERE document = $1", id)
		}
		if err != nil {
			return err
		}
		return t.exec("DELETE FROM documents WHERE id = $1", id) // and members, and kind
	})
}

// clear clears away what is left of a document that was purged, in at most that many transactions.
func (s *Store) clear(ctx context.Context, id store.DocumentID, steps int) error {
	for ; steps > 0; steps-- {
		done := false
		err := s.write(ctx, func(t *tx) (err error) {
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

// clearStep deletes some rows, those of the log first: whoever sweeps moves rows to history at the same time, and those that are on their way are still seen in the log at the
// end, so that nothing is left behind.
func clearStep(t *tx, id store.DocumentID) (done bool, err error) {
	for _, query := range []string{
		"DELETE FROM updates WHERE document = $1 AND seq IN (SELECT seq FROM updates WHERE document = $1 ORDER BY seq LIMIT $2)",
		"DELETE FROM history WHERE document = $1 AND (seq, id) IN (SELECT seq, id FROM history WHERE document = $1 ORDER BY seq, id LIMIT $2)",
		"DELETE FROM bindings WHERE document = $1 AND client IN (SELECT client FROM bindings WHERE document = $1 ORDER BY client LIMIT $2)",
	} {
		if n, err := t.changed(query, id, clearRows); n > 0 || err != nil {
			return false, err
		}
	}
	err = t.exec("DELETE FROM purges WHERE document = $1 AND NOT EXISTS (SELECT FROM updates WHERE document = $1) AND NOT EXISTS (SELECT FROM history WHERE document = $1)", id)
	if err != nil {
		return false, err
	}
	err = t.row("SELECT NOT EXISTS (SELECT FROM purges WHERE document = $1)", id).Scan(&done)
	return done, err
}
