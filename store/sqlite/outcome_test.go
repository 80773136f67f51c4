package sqlite

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/bizsync/bizsync/store"
)

// drawBatch gives a batch and a result that it could have had.
func drawBatch(t *rapid.T) (store.Batch, store.Result) {
	var b store.Batch
	var res store.Result
	for range rapid.IntRange(0, 4).Draw(t, "documents") {
		refused := rapid.SampledFrom([]store.Refusal{store.Accepted, store.Accepted, store.EpochChanged, store.DocumentGone}).Draw(t, "refused")
		part := store.DocumentAppend{Document: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))}
		doc := store.DocumentResult{Refused: refused}
		for range rapid.IntRange(0, 3).Draw(t, "announcements") {
			part.Announce = append(part.Announce, store.Binding{Client: rapid.Uint64().Draw(t, "client")})
			a := store.AnnounceResult{Refused: refused}
			if refused == store.Accepted && rapid.Bool().Draw(t, "clash") {
				a.Refused = store.ClientOfOther
			}
			doc.Announced = append(doc.Announced, a)
		}
		for range rapid.IntRange(0, 3).Draw(t, "rows") {
			part.Rows = append(part.Rows, store.NewRow{Update: rapid.SliceOf(rapid.Byte()).Draw(t, "update")})
			row := store.RowResult{Refused: refused}
			if refused == store.Accepted {
				row.Refused = rapid.SampledFrom([]store.Refusal{store.Accepted, store.NoRight, store.ClientOfOther}).Draw(t, "row")
			}
			switch row.Refused {
			case store.Accepted:
				row.Seq = rapid.Uint64Min(1).Draw(t, "seq")
				row.ID = store.RowID(rapid.Int64().Draw(t, "row id"))
				row.Prev = store.RowID(rapid.Int64().Draw(t, "prev"))
			case store.ClientOfOther:
				row.Others = rapid.SliceOfN(rapid.Uint64(), 1, 5).Draw(t, "others")
			}
			doc.Rows = append(doc.Rows, row)
		}
		b.Documents = append(b.Documents, part)
		res.Documents = append(res.Documents, doc)
	}
	return b, res
}

func TestOutcomeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, want := drawBatch(t)
		p := encodeOutcome(digest(b), want)
		got, err := decodeOutcome(p, digest(b), b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		for n := range p {
			if _, err := decodeOutcome(p[:n], digest(b), b); err == nil {
				t.Fatalf("the first %d of %d bytes were taken", n, len(p))
			}
		}
		if _, err := decodeOutcome(append(p, 0), digest(b), b); !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("a byte too many: %v", err)
		}
		if _, err := decodeOutcome(p, digest(b)+1, b); !errors.Is(err, errOtherBatch) {
			t.Fatalf("another batch: %v", err)
		}
	})
}

// FuzzDecodeOutcome: stored bytes that were damaged give an error or a result of the batch's shape, never a panic.
func FuzzDecodeOutcome(f *testing.F) {
	b := store.Batch{Documents: []store.DocumentAppend{
		{Announce: make([]store.Binding, 2), Rows: make([]store.NewRow, 3)},
		{Rows: make([]store.NewRow, 1)},
	}}
	f.Add(encodeOutcome(digest(b), store.Result{Documents: []store.DocumentResult{
		{Announced: make([]store.AnnounceResult, 2), Rows: []store.RowResult{{Seq: 1, ID: 2}, {Refused: store.NoRight}, {Refused: store.ClientOfOther, Others: []uint64{1, 1 << 40}}}},
		{Refused: store.DocumentGone, Rows: []store.RowResult{{Refused: store.DocumentGone}}},
	}}))
	f.Fuzz(func(t *testing.T, p []byte) {
		res, err := decodeOutcome(p, digest(b), b)
		if err == nil && (len(res.Documents) != 2 || len(res.Documents[0].Announced) != 2 || len(res.Documents[0].Rows) != 3 || len(res.Documents[1].Rows) != 1) {
			t.Fatalf("result of another shape: %+v", res)
		}
	})
}

func TestChunks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, next := rapid.IntRange(0, 1000).Draw(t, "n"), 0
		err := chunks(n, func(from, size int) error {
			if from != next || forms.insertRows[size] == "" {
				t.Fatalf("piece of %d at %d, want one at %d", size, from, next)
			}
			next += size
			return nil
		})
		if err != nil || next != n {
			t.Fatalf("cut %d of %d, %v", next, n, err)
		}
	})
}
