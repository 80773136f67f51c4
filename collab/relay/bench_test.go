package relay

import (
	"fmt"
	"testing"
)

var benchSizes = []int{64, 1024, 16 << 10}

// BenchmarkPublish is what a caller pays: a copy into the queue. The queue is emptied beside the clock.
func BenchmarkPublish(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			r := &Redis{queue: newQueue(NewMetrics(nil).queueBytes), metrics: NewMetrics(nil)}
			doc, payload := document(1), make([]byte, size)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for i := 0; b.Loop(); i++ {
				if err := r.Publish(doc, payload); err != nil {
					b.Fatal(err)
				}
				if i%256 == 255 {
					r.queue.release(r.queue.take())
				}
			}
		})
	}
}

// BenchmarkReceive is what a message costs after the client has read it: of a document that is hosted here, of one that isn't, and the node's own.
func BenchmarkReceive(b *testing.B) {
	for _, size := range benchSizes {
		for _, c := range []struct {
			name   string
			run    byte
			hosted bool
		}{{"hosted", 1, true}, {"elsewhere", 1, false}, {"own", 7, true}} {
			b.Run(fmt.Sprintf("%s/%dB", c.name, size), func(b *testing.B) {
				r := &Redis{run: [runSize]byte{7}, metrics: NewMetrics(nil), handler: Handler{
					Message: func(Document, []byte) {}, Interested: func(Document) bool { return c.hosted },
				}}
				s, channel := newSealer(testKey(b, testSecret)), documentChannel(document(1))
				env := string(sealed(b, testSecret, [runSize]byte{c.run}, channel, make([]byte, size)))
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for b.Loop() {
					r.message(s, channel, env)
				}
				if n := droppedFor(b, r.metrics, dropMAC); n != 0 {
					b.Fatalf("%d messages dropped", n)
				}
			})
		}
	}
}

// BenchmarkThroughRedis is the whole way of a message, from one node to another and to a third that doesn't host the document.
func BenchmarkThroughRedis(b *testing.B) {
	s := startRedis(b)
	nodes := make([]*Redis, 3)
	arrived, ready := make(chan struct{}, 1<<16), make(chan struct{}, 3)
	for i := range nodes {
		r, err := NewRedis(b.Context(), Options{URL: s.url(), Secret: []byte(testSecret), Handler: Handler{
			Message:    func(Document, []byte) { arrived <- struct{}{} },
			Gap:        func() { ready <- struct{}{} },
			Interested: func(Document) bool { return i == 1 },
		}})
		if err != nil {
			b.Fatal(err)
		}
		defer r.Close()
		nodes[i] = r
		<-ready
	}
	payload := make([]byte, 200)
	b.Run("one at a time", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := nodes[0].Publish(document(1), payload); err != nil {
				b.Fatal(err)
			}
			<-arrived
		}
	})
	b.Run("1,000 under way", func(b *testing.B) {
		b.ReportAllocs()
		under := 0
		for b.Loop() {
			if err := nodes[0].Publish(document(1), payload); err != nil {
				b.Fatal(err)
			}
			if under++; under > 1000 {
				<-arrived
				under--
			}
		}
		for ; under > 0; under-- {
			<-arrived
		}
	})
}
