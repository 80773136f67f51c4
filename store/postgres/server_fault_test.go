package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// TestKilledServer kills every process of a server that syncs while four journals append, and starts it again, three times. Each keeps repeating what it
// doesn't know, under its key, so in the end every batch is there exactly once, and no row that was acknowledged is missing.
func TestKilledServer(t *testing.T) {
	srv, err := newServer()
	if err != nil {
		t.Fatal(err)
	}
	defer srv.stop()
	const journals = 4
	f := newFixture(t, srv.database(t), quiet(), journals)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var acked atomic.Int64
	var uncertain, unavailable atomic.Int64
	told := make([][]string, journals)
	var wg sync.WaitGroup
	for i := range journals {
		wg.Go(func() {
			head := f.heads[i]
			key := store.Key{Run: uuid.New()}
			for ctx.Err() == nil {
				key.Number++
				text := fmt.Sprintf("%d/%d", i, key.Number)
				b := f.batch(text, head)
				b.Key = key
				for {
					try, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
					res, err := f.s.Append(try, b)
					stop()
					if err == nil {
						if r := res.Documents[0]; len(r.Rows) != 1 || r.Rows[0].Refused != store.Accepted || len(r.Foreign) != 0 {
							t.Errorf("batch %s: %+v", text, r)
							return
						}
						head = res.Documents[0].Head
						break
					}
					switch {
					case errors.Is(err, store.ErrUncertain):
						uncertain.Add(1)
					case errors.Is(err, store.ErrUnavailable):
						unavailable.Add(1)
					default:
						t.Errorf("batch %s: %v", text, err)
						return
					}
					time.Sleep(10 * time.Millisecond) // the back-off of a journal
				}
				told[i] = append(told[i], text)
				acked.Add(1)
			}
		})
	}
	more := func(n int64) {
		t.Helper()
		for from, deadline := acked.Load(), time.Now().Add(30*time.Second); acked.Load() < from+n; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) || t.Failed() {
				t.Fatal("appends don't go on")
			}
		}
	}
	for range 3 {
		more(100)
		if err := srv.kill(); err != nil {
			t.Fatal(err)
		}
		if err := srv.start(); err != nil {
			t.Fatal(err)
		}
	}
	more(20)
	cancel()
	wg.Wait()
	for i, h := range f.heads {
		if got := f.rows(t, h.Document); !slices.Equal(got, told[i]) {
			t.Errorf("document %d: %d rows, %d were acknowledged", i, len(got), len(told[i]))
		}
	}
	if uncertain.Load()+unavailable.Load() == 0 {
		t.Error("no append was hit")
	}
	t.Logf("%d rows acknowledged, %d tries with unknown outcome, %d against no server", acked.Load(), uncertain.Load(), unavailable.Load())
}

// link forwards connections to a server, until it swallows what the server answers.
type link struct {
	listener net.Listener
	target   string
	swallow  atomic.Bool

	wg    sync.WaitGroup
	mu    sync.Mutex
	conns []net.Conn // guarded by mu
}

func newLink(t *testing.T, target string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{listener: listener, target: target}
	l.wg.Go(l.serve)
	t.Cleanup(func() {
		listener.Close()
		l.cut()
		l.wg.Wait()
	})
	return l
}

func (l *link) serve() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", l.target)
		if err != nil {
			client.Close()
			continue
		}
		l.mu.Lock()
		l.conns = append(l.conns, client, server)
		l.mu.Unlock()
		l.wg.Go(func() {
			_, _ = io.Copy(server, client) // ends when either side does
			server.Close()
		})
		l.wg.Go(func() {
			defer client.Close()
			buf := make([]byte, 64<<10)
			for {
				n, err := server.Read(buf)
				if err != nil {
					return
				}
				if l.swallow.Load() {
					continue
				}
				if _, err := client.Write(buf[:n]); err != nil {
					return
				}
			}
		})
	}
}

// cut closes all connections.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

func replacePort(t *testing.T, url, address string) string {
	t.Helper()
	return strings.Replace(url, fmt.Sprintf("127.0.0.1:%d", shared.port), address, 1)
}

// TestLostAnswer: a commit whose confirmation is lost, by a timeout of the caller or a cut connection, is uncertain, and the same key tells.
func TestLostAnswer(t *testing.T) {
	url := shared.database(t)
	direct := newFixture(t, url, quiet(), 1)
	l := newLink(t, fmt.Sprintf("127.0.0.1:%d", shared.port))
	s := open(t, replacePort(t, url, l.listener.Addr().String()))
	defer s.Close()
	for _, how := range []string{"timeout", "cut"} {
		h := direct.head(t, direct.heads[0].Document)
		if _, err := s.Append(t.Context(), direct.batch("before", h)); err != nil {
			t.Fatal(err)
		}
		h = direct.head(t, h.Document)
		b := direct.batch(how, h)
		ctx, cancel := context.WithCancel(t.Context())
		l.swallow.Store(true)
		done := make(chan error, 1)
		go func() {
			_, err := s.Append(ctx, b)
			done <- err
		}()
		for deadline := time.Now().Add(10 * time.Second); direct.head(t, h.Document).Seq == h.Seq; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the batch does not arrive")
			}
		}
		if how == "timeout" {
			cancel()
		} else {
			l.cut()
		}
		err := <-done
		cancel()
		wants(t, err, store.ErrUncertain)
		l.swallow.Store(false)
		l.cut()
		for tries := 0; ; tries++ {
			res, err := s.Append(t.Context(), b)
			if err == nil {
				if !res.AlreadyCommitted || res.Documents[0].Rows[0].Seq != h.Seq+1 {
					t.Fatalf("%+v", res)
				}
				break
			}
			if tries == 5 || !errors.Is(err, store.ErrUncertain) && !errors.Is(err, store.ErrUnavailable) {
				t.Fatal(err)
			}
		}
	}
}
