//go:build unix

package sqlite_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// BenchmarkHeads asks for the heads of 1,000 documents, as a node does every second.
func BenchmarkHeads(b *testing.B) {
	o := newOffice(b, 1000)
	ids := make([]store.DocumentID, len(o.parts))
	for i, p := range o.parts {
		ids[i] = p.Document
	}
	cpu := processCPU(b)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if heads, err := o.s.Heads(b.Context(), ids); err != nil || len(heads) != len(ids) {
			b.Fatalf("%d heads, %v", len(heads), err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64((processCPU(b)-cpu).Microseconds())/float64(b.N), "cpu-us/op")
}

// BenchmarkLoadSmall loads documents of ten rows, a thousand of them in turn, eight at once: what happens when everybody comes back.
func BenchmarkLoadSmall(b *testing.B) {
	o := newOffice(b, 1000)
	run := uuid.New()
	for n := range uint64(5) {
		parts := make([]store.DocumentAppend, len(o.parts))
		copy(parts, o.parts)
		for i := range parts {
			parts[i].UpTo, parts[i].UpToRow = 0, 0
		}
		if _, err := o.s.Append(b.Context(), store.Batch{Key: store.Key{Run: run, Number: n + 1}, Documents: parts}); err != nil {
			b.Fatal(err)
		}
	}
	cpu := processCPU(b)
	b.ReportAllocs()
	b.SetParallelism(4)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			rows := 0
			_, err := o.s.LoadDocument(b.Context(), o.parts[i%len(o.parts)].Document, store.Loader{
				Binding:  func(store.Binding) error { return nil },
				Snapshot: func(store.Snapshot) error { return nil },
				Row:      func(store.Row) error { rows++; return nil },
			})
			if err != nil || rows != 10 {
				b.Errorf("%d rows, %v", rows, err)
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64((processCPU(b)-cpu).Microseconds())/float64(b.N), "cpu-us/op")
}
