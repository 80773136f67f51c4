package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bizsync/bizsync/store"
)

// What Append returns of other authors' rows, at most, over a whole batch. Whoever is further behind reads on with Rows.
const (
	foreignRows  = 256
	foreignBytes = 1 << 20
)

// What batches.state says.
const (
	stateFresh     = 0
	stateCommitted = 1
	stateAbandoned = 2
)

const (
	// insertKey waits for the end of an earlier transaction under the key, if there is one at work.
	insertKey  = "INSERT INTO batches (run, number, created_at, digest, state) VALUES ($1, $2, clock_timestamp(), $3, $4) ON CONFLICT DO NOTHING"
	appendArgs = "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)"
)

var errOtherBatch = errors.New("the key was used for another batch")

// Append commits one batch in one transaction and one round trip: the key, then the function that does all the rest.
func (s *Store) Append(ctx context.Context, b store.Batch) (store.Result, error) {
	in, err := newInput(b)
	if err != nil {
		return store.Result{}, fmt.Errorf("append: %w", err)
	}
	var out output
	if err := s.transactJournal(ctx, in, &out); err != nil {
		if stale(err) {
			s.journal.Reset() // the next try shall not meet another connection that is gone
		}
		return store.Result{}, fmt.Errorf("append: %w", err)
	}
	result, err := out.result(in)
	if err != nil {
		return store.Result{}, fmt.Errorf("append: batch key %v/%d: %w", b.Key.Run, b.Key.Number, err)
	}
	return result, nil
}

// transactJournal sends both statements and their one end at once, and judges by the place of a failure what it leaves open.
func (s *Store) transactJournal(ctx context.Context, in *input, out *output) error {
	conn, err := s.journal.Acquire(ctx)
	if err != nil {
		return asUnavailable(fmt.Errorf("connect: %w", err))
	}
	defer conn.Release()

	batch := &pgx.Batch{}
	batch.Queue(insertKey, in.batch.Key.Run, int64(in.batch.Key.Number), in.digest, stateFresh)
	batch.Queue("SELECT * FROM "+appendFunction+appendArgs, in.args()...)
	sent := conn.SendBatch(ctx, batch)
	if _, err := sent.Exec(); err != nil {
		_ = sent.Close() // says the same
		return keyError(err)
	}
	if err := sent.QueryRow().Scan(out.fields()...); err != nil {
		_ = sent.Close() // says the same
		return statementError(err)
	}
	if err := sent.Close(); err != nil { // the implicit COMMIT
		return commitError(err)
	}
	return nil
}

// keyError judges a failure before or while the key was inserted. Whoever gave up waiting there knows nothing of the earlier transaction under that key.
func keyError(err error) error {
	switch code(err) {
	case lockNotAvailable, queryCanceled, deadlockDetected:
		return asUncertain(fmt.Errorf("insert batch key: %w", err))
	}
	return statementError(fmt.Errorf("insert batch key: %w", err))
}

// statementError judges a failure of a statement that was sent together with its COMMIT: an answer of the server says that it was undone, FATAL or not, since the
// statement never came to its end; so does a failure before anything was sent. All else leaves it open.
func statementError(err error) error {
	if code(err) != "" || pgconn.SafeToRetry(err) {
		return unavailable(err)
	}
	return asUncertain(err)
}

// Abandon settles a batch whose outcome is unknown: it waits for an earlier transaction under the key, and takes the key when that came to nothing.
func (s *Store) Abandon(ctx context.Context, key store.Key) (committed bool, err error) {
	committed, err = s.abandon(ctx, key)
	if err != nil {
		return false, fmt.Errorf("abandon batch %v/%d: %w", key.Run, key.Number, err)
	}
	return committed, nil
}

func (s *Store) abandon(ctx context.Context, key store.Key) (bool, error) {
	conn, err := s.journal.Acquire(ctx)
	if err != nil {
		return false, asUnavailable(fmt.Errorf("connect: %w", err))
	}
	defer conn.Release()
	batch := &pgx.Batch{}
	batch.Queue(insertKey, key.Run, int64(key.Number), int64(0), stateAbandoned)
	batch.Queue("SELECT state FROM batches WHERE run = $1 AND number = $2", key.Run, int64(key.Number))
	sent := conn.SendBatch(ctx, batch)
	var state int
	_, err = sent.Exec()
	if err == nil {
		err = sent.QueryRow().Scan(&state)
	}
	// Unsettled is unsettled, so that nothing needs to be told apart but what keeps everybody waiting.
	if err = errors.Join(err, sent.Close()); err != nil {
		return false, unavailable(err)
	}
	return state == stateCommitted, nil
}

// input is a batch in the form that the function takes: documents in sorted order, announcements and rows by index from 1.
type input struct {
	batch  store.Batch
	order  []int // indices of batch.Documents, sorted by id
	digest int64 // of the batch, to notice a key that is used for two

	docs, epochs         []uuid.UUID
	upTo, upToRow        []int64
	access               []int64
	annDoc               []int32
	annClient            []int64
	annUser              []uuid.UUID
	rowDoc               []int32
	rowID                []int64
	rowAuthor            []uuid.UUID
	rowCredential        []uuid.UUID // empty when no row has one
	rowFrom, rowTo, size []int32
	data                 [][]byte
	clients              []int64
}

// newInput checks what can be checked without the database, and packs, so that the transaction is short.
func newInput(b store.Batch) (*input, error) {
	if b.Key.Number == 0 || b.Key.Number > math.MaxInt64 || b.Key.Run == uuid.Nil {
		return nil, fmt.Errorf("batch key %v/%d is not valid", b.Key.Run, b.Key.Number)
	}
	in := &input{
		batch: b, digest: digest(b),
		docs: []uuid.UUID{}, epochs: []uuid.UUID{}, upTo: []int64{}, upToRow: []int64{}, access: []int64{}, // a nil slice would be NULL
		annDoc: []int32{}, annClient: []int64{}, annUser: []uuid.UUID{},
		rowDoc: []int32{}, rowID: []int64{}, rowAuthor: []uuid.UUID{}, rowCredential: []uuid.UUID{}, rowFrom: []int32{}, rowTo: []int32{}, size: []int32{}, data: [][]byte{},
		clients: []int64{},
	}
	for i := range b.Documents {
		in.order = append(in.order, i)
	}
	slices.SortFunc(in.order, func(i, j int) int { return bytes.Compare(b.Documents[i].Document[:], b.Documents[j].Document[:]) })
	for k, i := range in.order {
		if k > 0 && b.Documents[i].Document == in.docs[k-1] {
			return nil, fmt.Errorf("document %v is in the batch twice", in.docs[k-1])
		}
		if err := in.add(int32(k+1), &b.Documents[i]); err != nil {
			return nil, fmt.Errorf("document %v: %w", b.Documents[i].Document, err)
		}
	}
	if !slices.ContainsFunc(in.rowCredential, func(id uuid.UUID) bool { return id != uuid.Nil }) {
		in.rowCredential = in.rowCredential[:0]
	}
	return in, nil
}

func (in *input) add(index int32, d *store.DocumentAppend) error {
	if d.UpTo > math.MaxInt64 || d.AccessVersion > math.MaxInt64 {
		return fmt.Errorf("row %d or access version %d is out of range", d.UpTo, d.AccessVersion)
	}
	in.docs, in.epochs = append(in.docs, d.Document), append(in.epochs, d.Epoch)
	in.upTo, in.upToRow, in.access = append(in.upTo, int64(d.UpTo)), append(in.upToRow, int64(d.UpToRow)), append(in.access, int64(d.AccessVersion))
	for _, a := range d.Announce {
		if a.Client > math.MaxInt64 {
			return fmt.Errorf("client id %d is out of range", a.Client)
		}
		in.annDoc, in.annClient, in.annUser = append(in.annDoc, index), append(in.annClient, int64(a.Client)), append(in.annUser, a.User)
	}
	for _, r := range d.Rows {
		if len(r.Update) > math.MaxInt32 {
			return fmt.Errorf("an update of %d bytes is too large", len(r.Update))
		}
		in.rowDoc, in.rowID, in.rowAuthor = append(in.rowDoc, index), append(in.rowID, int64(newRowID())), append(in.rowAuthor, r.Author)
		in.rowCredential = append(in.rowCredential, r.Credential)
		in.size, in.data = append(in.size, int32(len(r.Update))), append(in.data, store.Pack(r.Update))
		in.rowFrom = append(in.rowFrom, int32(len(in.clients)+1))
		for _, c := range r.Clients {
			if c > math.MaxInt64 {
				return fmt.Errorf("client id %d is out of range", c)
			}
			in.clients = append(in.clients, int64(c))
		}
		in.rowTo = append(in.rowTo, int32(len(in.clients)))
	}
	return nil
}

func (in *input) args() []any {
	return []any{
		in.batch.Key.Run, int64(in.batch.Key.Number), in.docs, in.epochs, in.upTo, in.upToRow, in.access,
		in.annDoc, in.annClient, in.annUser,
		in.rowDoc, in.rowID, in.rowAuthor, in.rowCredential, in.rowFrom, in.rowTo, in.size, in.data, in.clients, foreignRows, foreignBytes, in.batch.NoWait,
	}
}

// digest tells batches apart that were given one key by mistake.
func digest(b store.Batch) int64 {
	h := fnv.New64a()
	var buf []byte
	for _, d := range b.Documents {
		buf = append(buf[:0], d.Document[:]...)
		buf = binary.AppendUvarint(buf, uint64(len(d.Announce)))
		for _, c := range d.Announce {
			buf = binary.AppendUvarint(append(buf, c.User[:]...), c.Client)
		}
		buf = binary.AppendUvarint(buf, uint64(len(d.Rows)))
		_, _ = h.Write(buf) // never fails
		for _, r := range d.Rows {
			_, _ = h.Write(binary.AppendUvarint(r.Author[:], uint64(len(r.Update))))
			_, _ = h.Write(r.Update)
		}
	}
	return int64(h.Sum64())
}

// newRowID gives a row's random identity. Zero means "no row".
func newRowID() store.RowID {
	for {
		if id := rand.Int64(); id != 0 {
			return store.RowID(id)
		}
	}
}
