package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// What Rows returns at most: about pageBytes, and no more than pageRows whatever the caller asks.
const (
	pageBytes = 1 << 20
	pageRows  = 10_000
)

// leniency is for how long a document whose history went back takes structs of other accounts.
const leniency = 24 * time.Hour

const (
	headColumns = "h.document, h.seq, h.row, h.epoch, h.access_version, h.deleted, coalesce(r.reset_at, 0), h.last_n"
	headTables  = "heads h LEFT JOIN resets r ON r.document = h.document"
)

func readHead(t *tx, id store.DocumentID) (h store.Head, err error) {
	err = store.ErrNotFound
	if e := eachHead(t, []store.DocumentID{id}, func(k knownHead) { h, err = k.at(now()), nil }); e != nil {
		err = e
	}
	if err != nil {
		return store.Head{}, fmt.Errorf("read head: %w", err)
	}
	return h, nil
}

// eachHead reads the heads of those documents that exist, in no order.
func eachHead(t *tx, ids []store.DocumentID, f func(knownHead)) error {
	return chunks(len(ids), func(from, size int) error {
		if err := t.call.Err(); err != nil {
			return err
		}
		for i := range ids[from : from+size] {
			t.conn.direct.arg(ids[from+i][:])
		}
		return t.conn.direct.each(t.ctx, forms.heads[size], func(r *record) error {
			h := knownHead{reset: r.integer(6), lastN: r.integer(7), Head: store.Head{
				Document: r.id(0), Seq: uint64(r.integer(1)), Row: store.RowID(r.integer(2)), Epoch: r.id(3), AccessVersion: uint64(r.integer(4)), Deleted: r.integer(5) != 0,
			}}
			if r.err == nil {
				f(h)
			}
			return r.err
		})
	})
}

// Heads gives the heads of several documents from one consistent read; unknown ones are left out.
func (s *Store) Heads(ctx context.Context, ids []store.DocumentID) (heads []store.Head, err error) {
	err = s.read(ctx, func(t *tx) error {
		at := now()
		return eachHead(t, ids, func(h knownHead) { heads = append(heads, h.at(at)) })
	})
	if err != nil {
		return nil, fmt.Errorf("read heads: %w", err)
	}
	return heads, nil
}

// ChangeEpoch gives a document whose history went back a new epoch, if it still has the old one.
func (s *Store) ChangeEpoch(ctx context.Context, id store.DocumentID, old uuid.UUID) (head store.Head, err error) {
	err = s.write(ctx, func(t *tx) error {
		if head, err = readHead(t, id); err != nil || head.Epoch != old {
			return err
		}
		epoch := uuid.New()
		if err := t.exec("UPDATE heads SET epoch = ? WHERE document = ?", blob(epoch), blob(id)); err != nil {
			return err
		}
		err := t.exec("INSERT INTO resets (document, reset_at) VALUES (?, ?) ON CONFLICT (document) DO UPDATE SET reset_at = excluded.reset_at", blob(id), now())
		if err != nil {
			return err
		}
		head, err = readHead(t, id)
		return err
	})
	if err != nil {
		return store.Head{}, fmt.Errorf("change epoch of document %v: %w", id, err)
	}
	return head, nil
}

// eachRow reads a document's rows after a number, in order, until f says stop.
func eachRow(t *tx, id store.DocumentID, after uint64, f func(store.Row) (more bool, err error)) error {
	if after > math.MaxInt64 {
		return nil
	}
	stop := errors.New("stop")
	t.conn.direct.arg(id[:])
	t.conn.direct.arg(int64(after))
	err := t.conn.direct.each(t.ctx, tailRows, func(v *record) (err error) {
		r := store.Row{Seq: uint64(v.integer(0)), ID: store.RowID(v.integer(1)), Prev: store.RowID(v.integer(2)), Author: v.id(3)}
		packed := v.bytes(4)
		if err := cmp.Or(v.err, t.call.Err()); err != nil {
			return err
		}
		if r.Update, err = store.Unpack(packed); err != nil {
			return fmt.Errorf("row %d: %w", r.Seq, err)
		}
		more, err := f(r)
		if err == nil && !more {
			err = stop
		}
		return err
	})
	if !errors.Is(err, stop) {
		return err
	}
	return nil
}

// sameHistory says whether the document's row of that number has that id. A number below what is kept anywhere is another history: reloading is always right.
func sameHistory(t *tx, head store.Head, seq uint64, id store.RowID) (bool, error) {
	if seq == 0 {
		return id == 0, nil
	}
	if seq == head.Seq {
		return id == head.Row, nil
	}
	if seq > head.Seq {
		return false, nil
	}
	var found store.RowID
	for _, query := range []struct {
		text string
		seq  uint64
	}{
		{tailRow, seq - 1},
		{"SELECT row FROM snapshots WHERE document = ? AND seq = ?", seq},
	} {
		err := t.row(query.text, blob(head.Document), int64(query.seq)).Scan(&found)
		if !errors.Is(err, store.ErrNotFound) {
			return found == id, err
		}
	}
	err := t.row("SELECT 1 FROM history WHERE document = ? AND seq = ? AND id = ?", blob(head.Document), int64(seq), int64(id)).Scan(new(int))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
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

// LoadDocument reads a document for a room, row by row. On an in-memory database, whose only connection the callbacks may need themselves, they are
// called when all is read.
func (s *Store) LoadDocument(ctx context.Context, id store.DocumentID, l store.Loader) (head store.Head, err error) {
	var calls []func() error
	if s.readers == nil {
		l = store.Loader{
			Binding:  later(&calls, l.Binding),
			Snapshot: later(&calls, l.Snapshot),
			Row:      later(&calls, l.Row),
		}
	}
	err = s.read(ctx, func(t *tx) error {
		head, err = loadDocument(t, id, l)
		return err
	})
	for _, call := range calls {
		if err == nil {
			err = call()
		}
	}
	if err != nil {
		return store.Head{}, fmt.Errorf("load document %v: %w", id, err)
	}
	return head, nil
}

// later notes the calls of f instead of making them.
func later[T any](calls *[]func() error, f func(T) error) func(T) error {
	return func(v T) error {
		*calls = append(*calls, func() error { return f(v) })
		return nil
	}
}

func loadDocument(t *tx, id store.DocumentID, l store.Loader) (store.Head, error) {
	head, err := readHead(t, id)
	if err != nil {
		return head, err
	}
	if head.Deleted {
		return head, store.ErrDeleted
	}
	err = t.each(func(rows *sqlRows) error {
		var b store.Binding
		if err := rows.Scan(&b.Client, &b.User); err != nil {
			return err
		}
		return l.Binding(b)
	}, "SELECT client, user FROM bindings WHERE document = ? ORDER BY client", blob(id))
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
	err = eachRow(t, id, snapshot.Seq, func(r store.Row) (bool, error) {
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
	err = s.read(ctx, func(t *tx) error {
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
	err = t.row("SELECT seq FROM snapshots WHERE document = ?", blob(id)).Scan(&page.Snapshot)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return page, fmt.Errorf("read snapshot number: %w", err)
	}
	size := 0
	var c chain
	err = eachRow(t, id, after, func(r store.Row) (bool, error) {
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
		return len(page.Rows) < limit, nil
	})
	if err == nil && len(page.Rows) == 0 && after >= page.Snapshot && after < page.Head.Seq {
		err = fmt.Errorf("%w: rows %d to %d are missing", store.ErrCorrupt, after+1, page.Head.Seq)
	}
	return page, err
}
