package postgres_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// BenchmarkAppend commits batches of one small row a document, against a server that syncs.
func BenchmarkAppend(b *testing.B) {
	srv, err := newServer()
	if err != nil {
		b.Fatal(err)
	}
	defer srv.stop()
	for _, n := range []int{1, 20, 100} {
		b.Run(fmt.Sprint(n, " rows"), func(b *testing.B) {
			f := newFixture(b, srv.database(b), quiet(), n)
			heads := f.heads
			run := uuid.New()
			for i := 0; b.Loop(); i++ {
				batch := f.batch("a keystroke or two", heads...)
				batch.Key = store.Key{Run: run, Number: uint64(i + 1)}
				res, err := f.s.Append(b.Context(), batch)
				if err != nil {
					b.Fatal(err)
				}
				for k, d := range res.Documents {
					heads[k] = d.Head
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/row")
		})
	}
}
