package crdt_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// traces are the editing sessions that the benchmarks replay.
var traces = []string{"automerge-paper", "friendsforever"}

// applyAllDoc integrates updates one by one.
func applyAllDoc(t testing.TB, updates [][]byte) *crdt.Doc {
	d, err := crdt.NewDoc(crdt.NewState())
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range updates {
		u, err := crdt.ParseUpdate(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Apply(u); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// BenchmarkDocApply checks and integrates all updates of a trace, one by one.
func BenchmarkDocApply(b *testing.B) {
	for _, trace := range traces {
		b.Run(trace, func(b *testing.B) {
			updates := traceUpdates(b, trace)
			b.ReportAllocs()
			for b.Loop() {
				applyAllDoc(b, updates)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(updates)), "ns/update")
		})
	}
}

// BenchmarkDocLoad checks and integrates the state of a trace.
func BenchmarkDocLoad(b *testing.B) {
	for _, trace := range traces {
		b.Run(trace, func(b *testing.B) {
			state := applyAll(b, traceUpdates(b, trace)).Encode().Bytes()
			b.ReportAllocs()
			for b.Loop() {
				applyAllDoc(b, [][]byte{state})
			}
		})
	}
}

// BenchmarkDocHeap tells the bytes that a document keeps, its State included,
// loaded and after all updates of the trace.
func BenchmarkDocHeap(b *testing.B) {
	for _, trace := range traces {
		updates := traceUpdates(b, trace)
		state := applyAll(b, updates).Encode().Bytes()
		for _, c := range []struct {
			name    string
			updates [][]byte
		}{{"loaded", [][]byte{state}}, {"applied", updates}} {
			b.Run(trace+"/"+c.name, func(b *testing.B) {
				var kept uint64
				for b.Loop() {
					before := heapBytes()
					d := applyAllDoc(b, c.updates)
					kept = heapBytes() - before
					runtime.KeepAlive(d)
				}
				b.ReportMetric(float64(kept), "bytes")
			})
		}
	}
}

func heapBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkDocLetter integrates one typed letter in a document of a megabyte.
func BenchmarkDocLetter(b *testing.B) {
	const letters = 1 << 20
	updates := make([]crdt.Update, 0, letters)
	for _, frame := range typing(letters) {
		updates = append(updates, parse(b, frame))
	}
	var d *crdt.Doc
	next := len(updates)
	b.ReportAllocs()
	for b.Loop() {
		if next == len(updates) {
			b.StopTimer()
			d = applyAllDoc(b, nil)
			next = 0
			b.StartTimer()
		}
		if err := d.Apply(updates[next]); err != nil {
			b.Fatal(err)
		}
		next++
	}
}

// BenchmarkDocSizes loads documents of growing size: the time for each of their
// parts must not grow with the number of parts.
func BenchmarkDocSizes(b *testing.B) {
	for _, c := range []struct {
		name  string
		sizes []int
		make  func(n int) [][]byte
	}{
		{"clients", []int{5_000, 50_000}, func(n int) [][]byte { return [][]byte{manyClients(n)} }},
		{"roots", []int{1_000, 10_000}, func(n int) [][]byte {
			structs := make([][]byte, n)
			for i := range structs {
				structs[i] = lib0.AppendVarString(lib0.AppendVarString([]byte{4, 1}, fmt.Sprint(i)), "x")
			}
			return [][]byte{update(1, 0, structs...)}
		}},
		{"nested types", []int{20_000, 200_000}, func(n int) [][]byte {
			return [][]byte{update(1, 0, nested(1, uint32(n))...)}
		}},
	} {
		for _, n := range c.sizes {
			b.Run(fmt.Sprintf("%s=%d", c.name, n), func(b *testing.B) {
				updates := c.make(n)
				for b.Loop() {
					applyAllDoc(b, updates)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/part")
			})
		}
	}
}
