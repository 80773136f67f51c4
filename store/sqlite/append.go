package sqlite

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/bizsync/bizsync/store"
)

// What Append returns of other authors' rows, at most, over a whole batch. Whoever is further behind reads on with Rows.
const (
	foreignRows  = 256
	foreignBytes = 1 << 20
)

// Append commits one batch in one transaction.
func (s *Store) Append(ctx context.Context, b store.Batch) (store.Result, error) {
	a, err := newAppender(b)
	if err != nil {
		return store.Result{}, fmt.Errorf("append: %w", err)
	}
	if err := unavailable(s.writer.transact(ctx, a.run, a.learned)); err != nil {
		return store.Result{}, fmt.Errorf("append: %w", err)
	}
	return a.result, nil
}

// Abandon settles a batch whose outcome is unknown. There is one writer, so an earlier call has ended, one way or the other. The key of an abandoned batch
// stands with an empty outcome.
func (s *Store) Abandon(ctx context.Context, key store.Key) (committed bool, err error) {
	err = s.write(ctx, func(t *tx) error {
		var outcome []byte
		err := t.row("SELECT outcome FROM batches WHERE run = ? AND number = ?", blob(key.Run), int64(key.Number)).Scan(&outcome)
		if errors.Is(err, store.ErrNotFound) {
			committed = false
			return t.exec("INSERT INTO batches (run, number, created_at, outcome) VALUES (?, ?, ?, ?)", blob(key.Run), int64(key.Number), now(), []byte{})
		}
		committed = err == nil && len(outcome) > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("abandon batch %v/%d: %w", key.Run, key.Number, err)
	}
	return committed, nil
}

// appender is one run of Append. Documents are worked on in sorted order, results stand in the batch's order.
type appender struct {
	batch  store.Batch
	order  []int    // indices of batch.Documents, sorted by id
	rows   int      // how many the batch has
	packed [][]byte // the packed updates of all rows, in the batch's order
	firsts []int    // of each document the index of its first row in packed
	digest uint64   // of the batch, to notice a key that is used for two
	now    int64

	memo     *memo
	bindings map[bindingKey]store.UserID // nil when the batch speaks of none

	foreignBytes int // left of foreignBytes
	foreignRows  int // left of foreignRows

	newBindings []newBinding
	newRows     []newRow
	moved       []movedHead

	result store.Result
}

type bindingKey struct {
	document store.DocumentID
	client   uint64
}

type newBinding struct {
	bindingKey
	user store.UserID
}

// newRow is a row that is to be written; its place in the log is its index, counted from the log's end.
type newRow struct {
	document store.DocumentID
	previous int   // the index in newRows of the row before it; -1: that one is in the log already
	prevN    int64 // and where
	store.Row
	packed []byte
}

type movedHead struct {
	store.Head
	from store.RowID // the head's row until now
	last int         // the index of its last row in newRows
}

// newAppender checks what can be checked without the database, and packs, so that the transaction is short.
func newAppender(b store.Batch) (*appender, error) {
	if b.Key.Number == 0 || b.Key.Number > math.MaxInt64 || b.Key.Run == [16]byte{} {
		return nil, fmt.Errorf("batch key %v/%d is not valid", b.Key.Run, b.Key.Number)
	}
	a := &appender{batch: b, digest: digest(b), foreignBytes: foreignBytes, foreignRows: foreignRows}
	a.order = make([]int, len(b.Documents))
	a.firsts = make([]int, len(b.Documents))
	for i := range b.Documents {
		d := &b.Documents[i]
		a.order[i], a.firsts[i] = i, a.rows
		a.rows += len(d.Rows)
		for _, c := range d.Announce {
			if c.Client > math.MaxInt64 {
				return nil, fmt.Errorf("client id %d is out of range", c.Client)
			}
		}
		for j := range d.Rows {
			for _, c := range d.Rows[j].Clients {
				if c > math.MaxInt64 {
					return nil, fmt.Errorf("client id %d is out of range", c)
				}
			}
		}
	}
	slices.SortFunc(a.order, func(i, j int) int {
		return bytes.Compare(b.Documents[i].Document[:], b.Documents[j].Document[:])
	})
	for k := 1; k < len(a.order); k++ {
		if id := b.Documents[a.order[k]].Document; id == b.Documents[a.order[k-1]].Document {
			return nil, fmt.Errorf("document %v is in the batch twice", id)
		}
	}
	a.packed = make([][]byte, 0, a.rows)
	for i := range b.Documents {
		for j := range b.Documents[i].Rows {
			a.packed = append(a.packed, store.Pack(b.Documents[i].Rows[j].Update))
		}
	}
	return a, nil
}

func (a *appender) run(t *tx) error {
	a.now, a.memo = now(), t.memo
	a.memo.room(len(a.batch.Documents), a.rows)
	outcome, known, err := a.lookUp(t)
	switch {
	case err != nil:
		return fmt.Errorf("look up batch key: %w", err)
	case known && len(outcome) == 0:
		return fmt.Errorf("batch key %v/%d: %w", a.batch.Key.Run, a.batch.Key.Number, store.ErrAbandoned)
	case known:
		return a.recall(t, outcome)
	}
	if err := a.readHeads(t); err != nil {
		return fmt.Errorf("read heads: %w", err)
	}
	if err := a.readAccounts(t); err != nil {
		return fmt.Errorf("read accounts: %w", err)
	}
	if err := a.readCredentials(t); err != nil {
		return fmt.Errorf("read logins and API keys: %w", err)
	}
	if err := a.readBindings(t); err != nil {
		return fmt.Errorf("read client bindings: %w", err)
	}
	a.result.Documents = make([]store.DocumentResult, len(a.batch.Documents))
	a.newRows = make([]newRow, 0, a.rows)
	a.moved = make([]movedHead, 0, len(a.batch.Documents))
	results := make([]store.RowResult, a.rows)
	for _, i := range a.order {
		first := a.firsts[i]
		last := first + len(a.batch.Documents[i].Rows)
		a.result.Documents[i].Rows = results[first:last:last]
		if err := a.judge(t, i); err != nil {
			return fmt.Errorf("document %v: %w", a.batch.Documents[i].Document, err)
		}
	}
	if err := a.insert(t); err != nil {
		return err
	}
	return t.exec(insertBatch, blob(a.batch.Key.Run), int64(a.batch.Key.Number), a.now, encodeOutcome(a.digest, a.result))
}

// recall gives the result of the run of this batch that was committed.
func (a *appender) recall(t *tx, outcome []byte) error {
	result, err := decodeOutcome(outcome, a.digest, a.batch)
	if err != nil {
		return fmt.Errorf("batch key %v/%d: %w", a.batch.Key.Run, a.batch.Key.Number, err)
	}
	if err := a.readHeads(t); err != nil {
		return fmt.Errorf("read heads: %w", err)
	}
	for i, d := range a.batch.Documents {
		result.Documents[i].Head = a.head(d.Document)
	}
	result.AlreadyCommitted = true
	a.result = result
	return nil
}

// judge decides one document's part and notes what is to be written.
func (a *appender) judge(t *tx, i int) error {
	d, res := &a.batch.Documents[i], &a.result.Documents[i]
	res.Announced = make([]store.AnnounceResult, len(d.Announce))
	_, known := a.memo.heads[d.Document]
	head := a.head(d.Document)
	res.Head = head

	switch {
	case !known || head.Deleted:
		res.Refused = store.DocumentGone
	case head.Epoch != d.Epoch || head.Seq < d.UpTo:
		res.Refused = store.EpochChanged
	default:
		same, err := sameHistory(t, head, d.UpTo, d.UpToRow)
		if err != nil {
			return err
		}
		if !same {
			res.Refused = store.EpochChanged
		}
	}
	if res.Refused != store.Accepted {
		for j := range res.Announced {
			res.Announced[j].Refused = res.Refused
		}
		for j := range res.Rows {
			res.Rows[j].Refused = res.Refused
		}
		return nil
	}

	if head.Seq > d.UpTo {
		if err := a.foreign(t, d, head, res); err != nil {
			return err
		}
	}
	for j, c := range d.Announce {
		if others := a.bind(d.Document, c.User, c.Client); others != nil {
			res.Announced[j].Refused = store.ClientOfOther
		}
	}
	return a.judgeRows(t, i, head)
}

func (a *appender) judgeRows(t *tx, i int, head store.Head) error {
	d, res := &a.batch.Documents[i], &a.result.Documents[i]
	before, previous := head.Row, -1
	for j := range d.Rows {
		r := &d.Rows[j]
		may := a.active(r.Author) && a.good(r.Credential)
		if may && head.AccessVersion != d.AccessVersion {
			role, err := readRole(t, d.Document, r.Author)
			if err != nil {
				return err
			}
			may = role.CanWrite()
		}
		if !may {
			res.Rows[j].Refused = store.NoRight
			continue
		}
		if others := a.bindRow(head, r); others != nil {
			res.Rows[j] = store.RowResult{Refused: store.ClientOfOther, Others: others}
			continue
		}
		row := newRow{document: d.Document, previous: previous, packed: a.packed[a.firsts[i]+j]}
		row.Seq, row.ID, row.Prev, row.Author = head.Seq+1, newRowID(), head.Row, r.Author
		if previous < 0 {
			row.prevN = a.memo.heads[d.Document].lastN
		}
		previous = len(a.newRows)
		a.newRows = append(a.newRows, row)
		res.Rows[j] = store.RowResult{Seq: row.Seq, ID: row.ID, Prev: row.Prev}
		head.Seq, head.Row = row.Seq, row.ID
	}
	if previous >= 0 {
		a.moved = append(a.moved, movedHead{Head: head, from: before, last: previous})
	}
	res.Head = head
	return nil
}

// bindRow binds the client ids of a row, unless the document is lenient.
func (a *appender) bindRow(head store.Head, r *store.NewRow) (others []uint64) {
	if head.Lenient {
		return nil
	}
	return a.bind(head.Document, r.Author, r.Clients...)
}

// bind binds all those client ids to the user. When some belong to others it binds none of them and gives those.
func (a *appender) bind(document store.DocumentID, user store.UserID, clients ...uint64) (others []uint64) {
	for _, c := range clients {
		if owner := a.bindings[bindingKey{document, c}]; owner != user && owner != (store.UserID{}) {
			others = append(others, c)
		}
	}
	if others != nil {
		return others
	}
	for _, c := range clients {
		k := bindingKey{document, c}
		if a.bindings[k] != user {
			a.bindings[k] = user
			a.newBindings = append(a.newBindings, newBinding{k, user})
		}
	}
	return nil
}

// foreign reads the rows of others that the room lacks. When the first of them are in history already, it leaves all of them to Rows.
func (a *appender) foreign(t *tx, d *store.DocumentAppend, head store.Head, res *store.DocumentResult) error {
	err := eachRow(t, d.Document, d.UpTo, func(r store.Row) (bool, error) {
		next := d.UpTo + uint64(len(res.Foreign)) + 1
		if r.Seq != next || a.foreignRows == 0 || len(r.Update) > a.foreignBytes {
			return false, nil
		}
		a.foreignRows--
		a.foreignBytes -= len(r.Update)
		res.Foreign = append(res.Foreign, r)
		return true, nil
	})
	res.MoreForeign = d.UpTo+uint64(len(res.Foreign)) < head.Seq
	return err
}

func (a *appender) insert(t *tx) error {
	err := chunks(len(a.newBindings), func(from, size int) error {
		for _, b := range a.newBindings[from : from+size] {
			t.conn.direct.arg(blob(b.document))
			t.conn.direct.arg(int64(b.client))
			t.conn.direct.arg(blob(b.user))
		}
		_, err := t.conn.direct.run(t.ctx, forms.insertBindings[size])
		return err
	})
	if err != nil {
		return fmt.Errorf("insert client bindings: %w", err)
	}
	if len(a.newRows) == 0 {
		return nil
	}
	if a.memo.next == 0 {
		if a.memo.next, err = nextN(t); err != nil {
			return err
		}
	}
	if err := a.insertRows(t); err != nil {
		return fmt.Errorf("insert rows: %w", err)
	}
	if err := a.moveHeads(t); err != nil {
		return fmt.Errorf("move heads: %w", err)
	}
	return nil
}

func (a *appender) insertRows(t *tx) error {
	var now driver.Value = a.now
	return chunks(len(a.newRows), func(from, size int) error {
		for k := from; k < from+size; k++ {
			r := &a.newRows[k]
			prev := r.prevN
			if r.previous >= 0 {
				prev = a.memo.next + int64(r.previous)
			}
			t.conn.direct.arg(a.memo.next + int64(k))
			t.conn.direct.arg(r.document[:])
			t.conn.direct.arg(int64(r.Seq))
			t.conn.direct.arg(prev)
			t.conn.direct.arg(int64(r.ID))
			t.conn.direct.arg(int64(r.Prev))
			t.conn.direct.arg(r.Author[:])
			t.conn.direct.arg(now)
			t.conn.direct.arg(r.packed)
		}
		_, err := t.conn.direct.run(t.ctx, forms.insertRows[size])
		return err
	})
}

func (a *appender) moveHeads(t *tx) error {
	var now driver.Value = a.now
	for i := range a.moved {
		h := &a.moved[i]
		t.conn.direct.arg(int64(h.Seq))
		t.conn.direct.arg(int64(h.Row))
		t.conn.direct.arg(a.memo.next + int64(h.last))
		t.conn.direct.arg(now)
		t.conn.direct.arg(h.Document[:])
		t.conn.direct.arg(int64(h.from))
		r, err := t.conn.direct.run(t.ctx, moveHead)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("document %v: its head is not at row %d", h.Document, h.from)
		}
	}
	return nil
}

// nextN gives the place of the next row in the log of all documents.
func nextN(t *tx) (n int64, err error) {
	if err := t.row("SELECT coalesce(max(n), 0) + 1 FROM updates").Scan(&n); err != nil {
		return 0, fmt.Errorf("find the end of the log: %w", err)
	}
	return n, nil
}

// newRowID gives a row's random identity. Zero means "no row".
func newRowID() store.RowID {
	for {
		if id := rand.Int64(); id != 0 {
			return store.RowID(id)
		}
	}
}
