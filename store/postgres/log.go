package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

// What Rows returns at most: about pageBytes, and no more than pageRows whatever the caller asks.
const (
	pageBytes = 1 << 20
	pageRows  = 10_000
)

const headQuery = "SELECT document, seq, row_id, epoch, access_version, deleted, coalesce(reset_at > clock_timestamp() - interval '24 hours', false) FROM heads"

func scanHead(r scanner) (h store.Head, err error) {
	err = r.Scan(&h.Document, &h.Seq, &h.Row, &h.Epoch, &h.AccessVersion, &h.Deleted, &h.Lenient)
	return h, err
}

func readHead(t *tx, id store.DocumentID) (store.Head, error) { return oneHead(t, id, "") }

// lockHead reads a head and keeps everybody else from changing it, until the transaction ends. Whatever changes a document's members, trash or epoch begins with it.
func lockHead(t *tx, id store.DocumentID) (store.Head, error) {
	return oneHead(t, id, " FOR NO KEY UPDATE")
}

func oneHead(t *tx, id store.DocumentID, lock string) (store.Head, error) {
	h, err := scanHead(t.row(headQuery+" WHERE document = $1"+lock, id))
	if err != nil {
		return store.Head{}, fmt.Errorf("read head: %w", err)
	}
	return h, nil
}

// Heads gives the heads of several documents from one consistent read; unknown ones are left out.
func (s *Store) Heads(ctx context.Context, ids []store.DocumentID) (heads []store.Head, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = query(ctx, s.watch, func(t *tx) error {
		heads = make([]store.Head, 0, len(ids))
		return t.each(func(rows pgx.Rows) error {
			h, err := scanHead(rows)
			heads = append(heads, h)
			return err
		}, headQuery+" WHERE document = ANY ($1)", ids)
	})
	if err != nil {
		return nil, fmt.Errorf("read heads: %w", err)
	}
	return heads, nil
}

// ChangeEpoch gives a document whose history went back a new epoch, if it still has the old one.
func (s *Store) ChangeEpoch(ctx context.Context, id store.DocumentID, old uuid.UUID) (head store.Head, err error) {
	err = s.write(ctx, func(t *tx) error {
		// Whoever waits here for another who changes it finds the epoch changed, and does nothing.
		err := t.exec("UPDATE heads SET epoch = $3, reset_at = clock_timestamp() WHERE document = $1 AND epoch = $2", id, old, uuid.New())
		if err == nil {
			head, err = readHead(t, id)
		}
		return err
	})
	if err != nil {
		return store.Head{}, fmt.Errorf("change epoch of document %v: %w", id, err)
	}
	return head, nil
}

// errStop ends a read of rows without a failure.
var errStop = errors.New("stop")

// eachRow reads a document's rows after a number, in order, until f says stop. It asks for limit of them at most.
func eachRow(t *tx, id store.DocumentID, after uint64, limit int, f func(store.Row) (more bool, err error)) error {
	if after > math.MaxInt64 {
		return nil
	}
	err := t.each(func(rows pgx.Rows) error {
		var r store.Row
		var packed []byte
		err := rows.Scan(&r.Seq, &r.ID, &r.Prev, &r.Author, &packed)
		if err != nil {
			return err
		}
		if r.Update, err = store.Unpack(packed); err != nil {
			return fmt.Errorf("row %d: %w", r.Seq, err)
		}
		more, err := f(r)
		if err == nil && !more {
			err = errStop
		}
		return err
	}, "SELECT seq, id, prev, author, data FROM updates WHERE document = $1 AND seq > $2 ORDER BY seq LIMIT $3", id, int64(after), limit)
	if !errors.Is(err, errStop) {
		return err
	}
	return nil
}

// sameHistory says whether the document's row of that number has that id. A number below what is kept anywhere is another history: reloading is always right.
// The order is that in which a sweep moves rows, so that nothing is missed while one is at work.
func sameHistory(t *tx, head store.Head, seq uint64, id store.RowID) (bool, error) {
	switch {
	case seq == 0:
		return id == 0, nil
	case seq == head.Seq:
		return id == head.Row, nil
	case seq > head.Seq:
		return false, nil
	}
	for _, query := range []string{
		"SELECT id FROM updates WHERE document = $1 AND seq = $2",
		"SELECT row_id FROM snapshots WHERE document = $1 AND seq = $2",
	} {
		var found store.RowID
		err := t.row(query, head.Document, seq).Scan(&found)
		if !errors.Is(err, store.ErrNotFound) {
			return found == id, err
		}
	}
	var there bool
	err := t.row("SELECT EXISTS (SELECT FROM history WHERE document = $1 AND seq = $2 AND id = $3)", head.Document, seq, id).Scan(&there)
	return there, err
}

// chain checks that rows follow each other.
type chain struct {
	seq uint64
	row store.RowID
}

func (c *chain) next(r store.Row) error {
	if r.Seq != c.seq+1 {
		return fmt.Errorf("%w: row %d follows row %d", store.ErrCorrupt, r.Seq, c.seq)
	}
	if r.Prev != c.row {
		return fmt.Errorf("%w: row %d does not follow the row before it", store.ErrCorrupt, r.Seq)
	}
	c.seq, c.row = r.Seq, r.ID
	return nil
}

// ends checks that the last row is the head's.
func (c *chain) ends(h store.Head) error {
	if c.seq != h.Seq || c.row != h.Row {
		return fmt.Errorf("%w: the log ends with row %d, its head is row %d", store.ErrCorrupt, c.seq, h.Seq)
	}
	return nil
}

// LoadDocument reads a document for a room, row by row, from one snapshot of the database.
func (s *Store) LoadDocument(ctx context.Context, id store.DocumentID, l store.Loader) (head store.Head, err error) {
	err = s.read(ctx, func(t *tx) error {
		head, err = loadDocument(t, id, l)
		return err
	})
	if err != nil {
		return store.Head{}, fmt.Errorf("load document %v: %w", id, err)
	}
	return head, nil
}

func loadDocument(t *tx, id store.DocumentID, l store.Loader) (store.Head, error) {
	head, err := readHead(t, id)
	if err != nil {
		return head, err
	}
	if head.Deleted {
		return head, store.ErrDeleted
	}
	err = t.each(func(rows pgx.Rows) error {
		var b store.Binding
		if err := rows.Scan(&b.Client, &b.User); err != nil {
			return err
		}
		return l.Binding(b)
	}, "SELECT client, user_id FROM bindings WHERE document = $1 ORDER BY client", id)
	if err != nil {
		return head, fmt.Errorf("read client bindings: %w", err)
	}
	snapshot, err := readSnapshot(t, id)
	if err != nil {
		return head, err
	}
	if snapshot.Seq > 0 {
		if err := l.Snapshot(snapshot); err != nil {
			return head, fmt.Errorf("snapshot %d: %w", snapshot.Seq, err)
		}
	}
	c := chain{seq: snapshot.Seq, row: snapshot.Row}
	err = eachRow(t, id, snapshot.Seq, math.MaxInt32, func(r store.Row) (bool, error) {
		if err := c.next(r); err != nil {
			return false, err
		}
		if err := l.Row(r); err != nil {
			return false, fmt.Errorf("row %d: %w", r.Seq, err)
		}
		return true, nil
	})
	if err != nil {
		return head, fmt.Errorf("read rows: %w", err)
	}
	return head, c.ends(head)
}

// Rows reads a page of the log. Unlike LoadDocument it reads trashed documents too; the head tells.
func (s *Store) Rows(ctx context.Context, id store.DocumentID, after uint64, limit int) (page store.RowPage, err error) {
	err = transact(ctx, s.watch, consistentRead(), func(t *tx) error {
		page, err = readPage(t, id, after, min(max(limit, 1), pageRows))
		return err
	})
	if err != nil {
		return store.RowPage{}, fmt.Errorf("read rows of document %v after %d: %w", id, after, err)
	}
	return page, nil
}

func readPage(t *tx, id store.DocumentID, after uint64, limit int) (page store.RowPage, err error) {
	if page.Head, err = readHead(t, id); err != nil {
		return page, err
	}
	err = t.row("SELECT seq FROM snapshots WHERE document = $1", id).Scan(&page.Snapshot)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return page, fmt.Errorf("read snapshot number: %w", err)
	}
	size := 0
	var c chain
	err = eachRow(t, id, after, limit, func(r store.Row) (bool, error) {
		if len(page.Rows) == 0 {
			if r.Seq != after+1 && after < page.Snapshot {
				return false, nil // moved to history: the snapshot has them
			}
			c = chain{seq: after, row: r.Prev}
		}
		if err := c.next(r); err != nil {
			return false, err
		}
		if size += len(r.Update); size > pageBytes && len(page.Rows) > 0 {
			return false, nil
		}
		page.Rows = append(page.Rows, r)
		return true, nil
	})
	if err == nil && len(page.Rows) == 0 && after >= page.Snapshot && after < page.Head.Seq {
		err = fmt.Errorf("%w: rows %d to %d are missing", store.ErrCorrupt, after+1, page.Head.Seq)
	}
	return page, err
}
