package collab

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

// feed is a Conn whose client sends what is put into in and counts what it gets.
type feed struct {
	in   chan []byte
	acks atomic.Int64 // the newest n of message 120
	got  atomic.Int64
	wake chan struct{}
}

func (f *feed) Read() ([]byte, error) {
	b, ok := <-f.in
	if !ok {
		return nil, errCut
	}
	return b, nil
}

func (f *feed) Send(msgs []Message) (bool, error) {
	for _, m := range msgs {
		f.take(m.Body)
	}
	return true, nil
}

func (*feed) Limit(int64) {}

func (f *feed) Flush() error { return nil }

func (f *feed) take(b []byte) {
	f.got.Add(1)
	if b[0] == messageAck {
		n := int64(0)
		for i, c := range b[1:] {
			n |= int64(c&0x7f) << (7 * i)
		}
		f.acks.Store(n)
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

func (*feed) Heard() time.Time { return time.Now() }

func (f *feed) Close(int, string) {}

// BenchmarkRelay is one writer's letters through a room with readers: judged, committed to SQLite, told. An operation is one letter.
func BenchmarkRelay(b *testing.B) {
	for _, readers := range []int{1, 50} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			w := newWorld(b, 2, 1)
			o := Options{Store: w.Store}
			o.Limits.UpdatesPerSecond = 1e9
			o.Limits.UpdateBurst = 1 << 30
			o.Limits.SocketsPerUser = 100
			h := NewHub(o)
			var conns []*feed
			done := make(chan error, readers+1)
			for i := range readers + 1 {
				f := &feed{in: make(chan []byte, 64), wake: make(chan struct{}, 1)}
				conns = append(conns, f)
				peer := Peer{Conn: uuid.New(), User: w.users[min(i, 1)], Role: store.Editor, MaxRole: store.Owner, Acks: i == 0}
				go func() { done <- h.Serve(b.Context(), w.docs[0], peer, f) }()
			}
			msgs := make([][]byte, b.N)
			for i := range msgs {
				var origin *crdt.ID
				if i > 0 {
					origin = &crdt.ID{Client: 9, Clock: uint32(i - 1)}
				}
				msgs[i] = syncMessage(syncUpdate, insertion(crdt.ID{Client: 9, Clock: uint32(i)}, origin, "x").Bytes())
			}
			b.ReportAllocs()
			b.ResetTimer()
			writer := conns[0]
			for i, msg := range msgs {
				for int64(i)-writer.acks.Load() > 256 {
					<-writer.wake
				}
				writer.in <- msg
			}
			for writer.acks.Load() < int64(b.N) {
				<-writer.wake
			}
			b.StopTimer()
			for _, f := range conns {
				close(f.in)
			}
			for range conns {
				<-done
			}
			if err := h.Stop(context.Background()); err != nil {
				b.Fatal(err)
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
