package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/google/uuid"

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
	if err := s.write(ctx, a.run); err != nil {
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
	order  []int      // indices of batch.Documents, sorted by id
	packed [][][]byte // of each document the packed updates of its rows
	digest uint64     // of the batch, to notice a key that is used for two
	now    int64

	heads    map[store.DocumentID]store.Head
	lastN    map[store.DocumentID]int64 // where the head's row is in the log
	active   map[store.UserID]bool      // authors whose account exists and is not disabled
	good     map[uuid.UUID]bool         // logins and API keys
	bindings map[bindingKey]store.UserID
	bytes    int // left of foreignBytes
	rows     int // left of foreignRows

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

type newRow struct {
	document store.DocumentID
	first    bool // of its document in this batch
	store.Row
	packed []byte
}

type movedHead struct {
	store.Head
	last int // the index of its last row in newRows
}

// newAppender checks what can be checked without the database, and packs, so that the transaction is short.
func newAppender(b store.Batch) (*appender, error) {
	if b.Key.Number == 0 || b.Key.Number > math.MaxInt64 || b.Key.Run == [16]byte{} {
		return nil, fmt.Errorf("batch key %v/%d is not valid", b.Key.Run, b.Key.Number)
	}
	a := &appender{batch: b, digest: digest(b), bytes: foreignBytes, rows: foreignRows}
	a.order = make([]int, len(b.Documents))
	a.packed = make([][][]byte, len(b.Documents))
	for i, d := range b.Documents {
		a.order[i] = i
		for _, c := range d.Announce {
			if c.Client > math.MaxInt64 {
				return nil, fmt.Errorf("client id %d is out of range", c.Client)
			}
		}
		a.packed[i] = make([][]byte, len(d.Rows))
		for j, r := range d.Rows {
			a.packed[i][j] = store.Pack(r.Update)
			for _, c := range r.Clients {
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
	return a, nil
}

func (a *appender) run(t *tx) error {
	a.now = now()
	var outcome []byte
	err := t.row("SELECT outcome FROM batches WHERE run = ? AND number = ?", blob(a.batch.Key.Run), int64(a.batch.Key.Number)).Scan(&outcome)
	switch {
	case err == nil && len(outcome) == 0:
		return fmt.Errorf("batch key %v/%d: %w", a.batch.Key.Run, a.batch.Key.Number, store.ErrAbandoned)
	case err == nil:
		return a.recall(t, outcome)
	case !errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("look up batch key: %w", err)
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
	for _, i := range a.order {
		if err := a.judge(t, i); err != nil {
			return fmt.Errorf("document %v: %w", a.batch.Documents[i].Document, err)
		}
	}
	if err := a.insert(t); err != nil {
		return err
	}
	return t.exec("INSERT INTO batches (run, number, created_at, outcome) VALUES (?, ?, ?, ?)",
		blob(a.batch.Key.Run), int64(a.batch.Key.Number), a.now, encodeOutcome(a.digest, a.result))
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

// head gives a document's head; one that is unknown has only its id.
func (a *appender) head(id store.DocumentID) store.Head {
	if h, ok := a.heads[id]; ok {
		return h
	}
	return store.Head{Document: id}
}

func (a *appender) readHeads(t *tx) error {
	ids := make([]store.DocumentID, len(a.order))
	for k, i := range a.order {
		ids[k] = a.batch.Documents[i].Document
	}
	a.heads = make(map[store.DocumentID]store.Head, len(ids))
	a.lastN = make(map[store.DocumentID]int64, len(ids))
	return eachHead(t, ids, func(h store.Head, lastN int64) {
		a.heads[h.Document], a.lastN[h.Document] = h, lastN
	})
}

func (a *appender) readAccounts(t *tx) error {
	a.active = make(map[store.UserID]bool)
	var args []any
	for _, d := range a.batch.Documents {
		for _, r := range d.Rows {
			if _, ok := a.active[r.Author]; !ok {
				a.active[r.Author] = false
				args = append(args, blob(r.Author))
			}
		}
	}
	return chunks(len(args), func(from, size int) error {
		return t.each(func(row *sqlRows) error {
			var id store.UserID
			if err := row.Scan(&id); err != nil {
				return err
			}
			a.active[id] = true
			return nil
		}, forms.accounts[size], args[from:from+size]...)
	})
}

// readCredentials looks for the logins and API keys that are good.
func (a *appender) readCredentials(t *tx) error {
	a.good = make(map[uuid.UUID]bool)
	var args []any
	for _, d := range a.batch.Documents {
		for _, r := range d.Rows {
			if _, ok := a.good[r.Credential]; !ok {
				a.good[r.Credential] = r.Credential == uuid.Nil
				if r.Credential != uuid.Nil {
					args = append(args, blob(r.Credential))
				}
			}
		}
	}
	return chunks(len(args), func(from, size int) error {
		return t.each(func(row *sqlRows) error {
			var id uuid.UUID
			var expires int64
			if err := row.Scan(&id, &expires); err != nil {
				return err
			}
			a.good[id] = expires > a.now
			return nil
		}, forms.credentials[size], args[from:from+size]...)
	})
}

func (a *appender) readBindings(t *tx) error {
	a.bindings = make(map[bindingKey]store.UserID)
	var args []any
	want := func(k bindingKey) {
		if _, ok := a.bindings[k]; !ok {
			a.bindings[k] = store.UserID{}
			args = append(args, blob(k.document), int64(k.client))
		}
	}
	for _, i := range a.order {
		d := a.batch.Documents[i]
		for _, c := range d.Announce {
			want(bindingKey{d.Document, c.Client})
		}
		for _, r := range d.Rows {
			for _, c := range r.Clients {
				want(bindingKey{d.Document, c})
			}
		}
	}
	return chunks(len(args)/2, func(from, size int) error {
		return t.each(func(row *sqlRows) error {
			var k bindingKey
			var user store.UserID
			if err := row.Scan(&k.document, &k.client, &user); err != nil {
				return err
			}
			a.bindings[k] = user
			return nil
		}, forms.bindings[size], args[2*from:2*(from+size)]...)
	})
}

// judge decides one document's part and notes what is to be written.
func (a *appender) judge(t *tx, i int) error {
	d, res := &a.batch.Documents[i], &a.result.Documents[i]
	res.Announced = make([]store.AnnounceResult, len(d.Announce))
	res.Rows = make([]store.RowResult, len(d.Rows))
	head, known := a.heads[d.Document]
	res.Head = a.head(d.Document)

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
	first := head.Seq
	for j, r := range d.Rows {
		may := a.active[r.Author] && a.good[r.Credential]
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
		row := newRow{document: d.Document, first: head.Seq == first, packed: a.packed[i][j]}
		row.Seq, row.ID, row.Prev, row.Author = head.Seq+1, newRowID(), head.Row, r.Author
		a.newRows = append(a.newRows, row)
		res.Rows[j] = store.RowResult{Seq: row.Seq, ID: row.ID, Prev: row.Prev}
		head.Seq, head.Row = row.Seq, row.ID
	}
	if head.Seq > first {
		a.moved = append(a.moved, movedHead{head, len(a.newRows) - 1})
	}
	res.Head = head
	return nil
}

// bindRow binds the client ids of a row, unless the document is lenient.
func (a *appender) bindRow(head store.Head, r store.NewRow) (others []uint64) {
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
		if r.Seq != next || a.rows == 0 || len(r.Update) > a.bytes {
			return false, nil
		}
		a.rows--
		a.bytes -= len(r.Update)
		res.Foreign = append(res.Foreign, r)
		return true, nil
	})
	res.MoreForeign = d.UpTo+uint64(len(res.Foreign)) < head.Seq
	return err
}

func (a *appender) insert(t *tx) error {
	args := make([]any, 0, 9*max(len(a.newRows), len(a.newBindings), len(a.moved)))
	for _, b := range a.newBindings {
		args = append(args, blob(b.document), int64(b.client), blob(b.user))
	}
	if err := inserted(t, forms.insertBindings, len(a.newBindings), args); err != nil {
		return fmt.Errorf("insert client bindings: %w", err)
	}
	if len(a.newRows) == 0 {
		return nil
	}
	n, err := nextN(t)
	if err != nil {
		return err
	}
	args = args[:0]
	for k, r := range a.newRows {
		prev := n + int64(k) - 1
		if r.first {
			prev = a.lastN[r.document]
		}
		args = append(args, n+int64(k), blob(r.document), int64(r.Seq), prev, int64(r.ID), int64(r.Prev), blob(r.Author), a.now, r.packed)
	}
	if err := inserted(t, forms.insertRows, len(a.newRows), args); err != nil {
		return fmt.Errorf("insert rows: %w", err)
	}
	args = args[:0]
	for _, h := range a.moved {
		args = append(args, blob(h.Document), int64(h.Seq), int64(h.Row), n+int64(h.last), blob(h.Epoch), int64(h.AccessVersion), a.now)
	}
	if err := inserted(t, forms.moveHeads, len(a.moved), args); err != nil {
		return fmt.Errorf("move heads: %w", err)
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

// inserted runs a statement of several rows for n rows of args.
func inserted(t *tx, form map[int]string, n int, args []any) error {
	if n == 0 {
		return nil
	}
	width := len(args) / n
	return chunks(n, func(from, size int) error {
		return t.exec(form[size], args[width*from:width*(from+size)]...)
	})
}

// newRowID gives a row's random identity. Zero means "no row".
func newRowID() store.RowID {
	for {
		if id := rand.Int64(); id != 0 {
			return store.RowID(id)
		}
	}
}
