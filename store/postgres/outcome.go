package postgres

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// output is the one row that append_batch_3 gives, in its order of columns.
type output struct {
	state  int16
	digest int64

	docRefused  []int16
	headSeq     []int64
	headRow     []int64
	headEpoch   []uuid.UUID
	headAccess  []int64
	headDeleted []bool
	headLenient []bool

	annRefused, rowRefused  []int16
	rowSeq, rowIDs, rowPrev []int64
	otherRow                []int32
	otherClient             []int64

	moreForeign            []bool
	forDoc                 []int32
	forSeq, forID, forPrev []int64
	forAuthor              []uuid.UUID
	forData                [][]byte
}

func (o *output) fields() []any {
	return []any{
		&o.state, &o.digest,
		&o.docRefused, &o.headSeq, &o.headRow, &o.headEpoch, &o.headAccess, &o.headDeleted, &o.headLenient,
		&o.annRefused, &o.rowRefused, &o.rowSeq, &o.rowIDs, &o.rowPrev, &o.otherRow, &o.otherClient,
		&o.moreForeign, &o.forDoc, &o.forSeq, &o.forID, &o.forPrev, &o.forAuthor, &o.forData,
	}
}

// result puts what the function said into the batch's order. Stored outcomes are checked to be of the batch's shape.
func (o *output) result(in *input) (store.Result, error) {
	switch {
	case o.state == stateAbandoned:
		return store.Result{}, store.ErrAbandoned
	case o.digest != in.digest:
		return store.Result{}, errOtherBatch
	case len(o.docRefused) != len(in.docs) || len(o.annRefused) != len(in.annDoc) || len(o.rowRefused) != len(in.rowDoc) ||
		len(o.rowSeq) != len(in.rowDoc) || len(o.rowIDs) != len(in.rowDoc) || len(o.rowPrev) != len(in.rowDoc) || len(o.otherRow) != len(o.otherClient):
		return store.Result{}, fmt.Errorf("outcome of the batch: %w", store.ErrCorrupt)
	}
	res := store.Result{Documents: make([]store.DocumentResult, len(in.docs)), AlreadyCommitted: o.state == stateCommitted}
	docs := make([]*store.DocumentResult, len(in.docs)) // in sorted order
	for k, i := range in.order {
		d := &res.Documents[i]
		docs[k] = d
		d.Refused = store.Refusal(o.docRefused[k])
		d.Announced = make([]store.AnnounceResult, 0, len(in.batch.Documents[i].Announce))
		d.Rows = make([]store.RowResult, 0, len(in.batch.Documents[i].Rows))
		d.MoreForeign = o.moreForeign[k]
		d.Head = store.Head{
			Document: in.docs[k], Seq: uint64(o.headSeq[k]), Row: store.RowID(o.headRow[k]), Epoch: o.headEpoch[k],
			AccessVersion: uint64(o.headAccess[k]), Deleted: o.headDeleted[k], Lenient: o.headLenient[k],
		}
	}
	for a, doc := range in.annDoc {
		d := docs[doc-1]
		d.Announced = append(d.Announced, store.AnnounceResult{Refused: store.Refusal(o.annRefused[a])})
	}
	others := make(map[int32][]uint64)
	for n, row := range o.otherRow {
		others[row] = append(others[row], uint64(o.otherClient[n]))
	}
	for j, doc := range in.rowDoc {
		d := docs[doc-1]
		d.Rows = append(d.Rows, store.RowResult{
			Refused: store.Refusal(o.rowRefused[j]), Seq: uint64(o.rowSeq[j]), ID: store.RowID(o.rowIDs[j]), Prev: store.RowID(o.rowPrev[j]), Others: others[int32(j+1)],
		})
	}
	for n, doc := range o.forDoc {
		update, err := store.Unpack(o.forData[n])
		if err != nil {
			// The batch is committed, and nobody waits for these rows: whoever reads them with Rows hears what is wrong.
			docs[doc-1].MoreForeign = true
			continue
		}
		d := docs[doc-1]
		if next := in.upTo[doc-1] + int64(len(d.Foreign)) + 1; o.forSeq[n] != next {
			continue // behind one that could not be read
		}
		d.Foreign = append(d.Foreign, store.Row{
			Seq: uint64(o.forSeq[n]), ID: store.RowID(o.forID[n]), Prev: store.RowID(o.forPrev[n]), Author: o.forAuthor[n], Update: update,
		})
	}
	return res, nil
}
