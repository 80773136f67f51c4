package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/bizsync/bizsync/store"
)

var errOtherBatch = errors.New("the key was used for another batch")

// digest tells batches apart that were given one key by mistake.
func digest(b store.Batch) uint64 {
	h := fnv.New64a()
	var buf []byte
	for i := range b.Documents {
		d := &b.Documents[i]
		buf = append(buf[:0], d.Document[:]...)
		buf = binary.AppendUvarint(buf, uint64(len(d.Announce)))
		for _, c := range d.Announce {
			buf = binary.AppendUvarint(append(buf, c.User[:]...), c.Client)
		}
		buf = binary.AppendUvarint(buf, uint64(len(d.Rows)))
		for j := range d.Rows {
			r := &d.Rows[j]
			buf = binary.AppendUvarint(append(buf, r.Author[:]...), uint64(len(r.Update)))
			_, _ = h.Write(buf) // never fails
			_, _ = h.Write(r.Update)
			buf = buf[:0]
		}
		_, _ = h.Write(buf)
	}
	return h.Sum64()
}

// encodeOutcome gives what is kept of a result: the digest, then for each document its refusal, the refusals of its announcements, and of its rows the
// refusal (with the client ids of others), or number, id and predecessor. How many there are the batch itself tells.
func encodeOutcome(digest uint64, r store.Result) []byte {
	size := 8
	for i := range r.Documents {
		size += 1 + len(r.Documents[i].Announced) + 24*len(r.Documents[i].Rows) // enough for most
	}
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, size), digest)
	for i := range r.Documents {
		d := &r.Documents[i]
		b = append(b, byte(d.Refused))
		if d.Refused != store.Accepted {
			continue
		}
		for _, a := range d.Announced {
			b = append(b, byte(a.Refused))
		}
		for j := range d.Rows {
			row := &d.Rows[j]
			b = append(b, byte(row.Refused))
			switch row.Refused {
			case store.Accepted:
				b = binary.AppendUvarint(b, row.Seq)
				b = binary.LittleEndian.AppendUint64(b, uint64(row.ID))
				b = binary.LittleEndian.AppendUint64(b, uint64(row.Prev))
			case store.ClientOfOther:
				b = binary.AppendUvarint(b, uint64(len(row.Others)))
				for _, c := range row.Others {
					b = binary.AppendUvarint(b, c)
				}
			}
		}
	}
	return b
}

// outcomeReader reads what encodeOutcome wrote; after a failure it gives zeros.
type outcomeReader struct {
	b      []byte
	failed bool
}

func (r *outcomeReader) take(n int) []byte {
	if n <= 0 || n > len(r.b) {
		r.failed, r.b = true, nil
		return make([]byte, max(n, 1))
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *outcomeReader) refusal() store.Refusal { return store.Refusal(r.take(1)[0]) }
func (r *outcomeReader) uint64() uint64         { return binary.LittleEndian.Uint64(r.take(8)) }

func (r *outcomeReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.take(n)
	return v
}

func (r *outcomeReader) row() store.RowResult {
	row := store.RowResult{Refused: r.refusal()}
	switch row.Refused {
	case store.Accepted:
		row.Seq, row.ID, row.Prev = r.uvarint(), store.RowID(r.uint64()), store.RowID(r.uint64())
	case store.ClientOfOther:
		for n := r.uvarint(); n > 0 && !r.failed; n-- {
			row.Others = append(row.Others, r.uvarint())
		}
	}
	return row
}

// decodeOutcome is the inverse of encodeOutcome for the batch that it was made of.
func decodeOutcome(p []byte, digest uint64, b store.Batch) (store.Result, error) {
	r := &outcomeReader{b: p}
	if r.uint64() != digest && !r.failed {
		return store.Result{}, errOtherBatch
	}
	res := store.Result{Documents: make([]store.DocumentResult, len(b.Documents))}
	for i, d := range b.Documents {
		doc := &res.Documents[i]
		doc.Refused = r.refusal()
		doc.Announced = make([]store.AnnounceResult, len(d.Announce))
		doc.Rows = make([]store.RowResult, len(d.Rows))
		for j := range doc.Announced {
			if doc.Announced[j].Refused = doc.Refused; doc.Refused == store.Accepted {
				doc.Announced[j].Refused = r.refusal()
			}
		}
		for j := range doc.Rows {
			if doc.Rows[j].Refused = doc.Refused; doc.Refused == store.Accepted {
				doc.Rows[j] = r.row()
			}
		}
	}
	if r.failed || len(r.b) > 0 {
		return store.Result{}, fmt.Errorf("outcome of the batch: %w", store.ErrCorrupt)
	}
	return res, nil
}
