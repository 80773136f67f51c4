package collab

import (
	"runtime"
	"testing"
)

// BenchmarkIdle shows what a room and its connections hold when nothing happens, beside what package api holds for a connection: two people in each document, who show presence.
func BenchmarkIdle(b *testing.B) {
	const docs = 500
	w := newWorld(b, 2, docs)
	h := NewHub(Options{Store: w})
	heap := func() (heap, stack uint64) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, m.StackInuse
	}
	heap0, stack0 := heap()
	conns := make([]*feed, 0, 2*docs)
	for i, doc := range w.docs {
		for j, user := range w.users {
			f := &feed{in: make(chan []byte), wake: make(chan struct{}, 1)}
			conns = append(conns, f)
			m := newModel(uint64(10*i+j+1), user, nil)
			access, err := w.Resolve(b.Context(), doc.String(), user)
			if err != nil {
				b.Fatal(err)
			}
			go func() { _ = h.Serve(b.Context(), doc, peerOf(m, "Somebody", access.Role, access.Version), f) }()
			entry := awarenessEntry{client: m.id, clock: 1, state: []byte(`{"user":{"name":"Somebody","color":"#30bced"},"cursor":{"anchor":1,"head":1}}`)}
			f.in <- awarenessMessage(appendAwarenessEntry([]byte{1}, entry))
		}
	}
	for _, doc := range w.docs { // until all are known
		for n := 0; n < 2; {
			list, _ := h.Editors(doc)
			n = len(list)
		}
	}
	heap1, stack1 := heap()
	b.ReportMetric(float64(heap1-heap0)/float64(len(conns)), "heap-B/conn")
	b.ReportMetric(float64(stack1-stack0)/float64(len(conns)), "stack-B/conn")
	b.ReportMetric(0, "ns/op")
	for _, f := range conns {
		close(f.in)
	}
	if err := h.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
}
