package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
	"github.com/coder/websocket"
)

// typist sends updates and notes how long the acknowledgement of each takes.
type typist struct {
	ws     *websocket.Conn
	window chan struct{}   // has a place for each frame that may be on its way
	ended  context.Context // done when listening has ended; the cause says why
	hangUp func()          // ends listening

	// Guarded by mu.
	mu   sync.Mutex
	sent []time.Time
	took timing.Sample // of the first frames
}

var errHungUp = errors.New("hung up")

// newTypist opens a document for somebody who has at most so many frames on their way. Nobody else may read from the socket.
func newTypist(t testing.TB, s *server, doc, token string, window int) *typist {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	ws, _, err := websocket.Dial(ctx, s.Collab()+"/"+doc+"?token="+token, &websocket.DialOptions{Subprotocols: []string{"bizsync.v1"}})
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(-1)
	y := &typist{ws: ws, window: make(chan struct{}, window), ended: ctx, hangUp: func() { cancel(errHungUp) }}
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		cancel(y.listen(ctx))
	}()
	t.Cleanup(func() {
		y.hangUp()
		<-listening
		_ = ws.CloseNow()
	})
	return y
}

// listen takes acknowledgements until ctx is done or something else happens that shouldn't.
func (y *typist) listen(ctx context.Context) error {
	for {
		_, m, err := y.ws.Read(ctx)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		switch m[0] {
		case 2, 121:
			return fmt.Errorf("refused: %q", m)
		case 120:
			n, err := y.acknowledged(m[1:])
			if err != nil {
				return err
			}
			for range n {
				<-y.window
			}
		}
	}
}

// acknowledged notes an acknowledgement and says how many frames it is for.
func (y *typist) acknowledged(body []byte) (frames int, err error) {
	now := time.Now()
	count, width := uvarint(body)
	y.mu.Lock()
	defer y.mu.Unlock()
	before := len(y.took)
	if width != len(body) || int(count) <= before || int(count) > len(y.sent) {
		return 0, fmt.Errorf("an acknowledgement of %d frames after one of %d, with %d sent", count, before, len(y.sent))
	}
	for _, at := range y.sent[before:count] {
		y.took = append(y.took, now.Sub(at))
	}
	return int(count) - before, nil
}

// send sends an update as soon as there is a place in the window.
func (y *typist) send(ctx context.Context, body []byte) error {
	select {
	case y.window <- struct{}{}:
	case <-y.ended.Done():
		return context.Cause(y.ended)
	case <-ctx.Done():
		return ctx.Err()
	}
	y.mu.Lock()
	y.sent = append(y.sent, time.Now())
	y.mu.Unlock()
	return y.ws.Write(y.ended, websocket.MessageBinary, update(body))
}

// settle waits until everything is acknowledged and gives the latencies, sorted.
func (y *typist) settle(ctx context.Context) (timing.Sample, error) {
	for range cap(y.window) {
		select {
		case y.window <- struct{}{}:
		case <-y.ended.Done():
			return nil, context.Cause(y.ended)
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for acknowledgements: %w", ctx.Err())
		}
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	took := slices.Clone(y.took)
	slices.Sort(took)
	return took, nil
}

// bystanders are two people who type in a document of their own while something happens elsewhere.
type bystanders struct {
	typists []*typist
	stop    chan struct{}
	typing  sync.WaitGroup
	letters [2]int   // owned by the goroutines while they type
	errs    [2]error // likewise
	told    [2]int   // acknowledgements that recent has given
}

// standBy lets them type a letter each every ten milliseconds until ends is called.
func standBy(t testing.TB, s *server, doc string, people [2]*rig.Person) *bystanders {
	t.Helper()
	b := &bystanders{stop: make(chan struct{})}
	for i, p := range people {
		y := newTypist(t, s, doc, p.Token(doc), 4096)
		b.typists = append(b.typists, y)
		b.typing.Go(func() {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-b.stop:
					return
				case <-tick.C:
				}
				if b.errs[i] = y.send(t.Context(), typedAt(uint64(900_001+i), uint64(b.letters[i]), "x")); b.errs[i] != nil {
					return
				}
				b.letters[i]++
			}
		})
	}
	return b
}

// recent gives the latencies of what was acknowledged since the last call.
func (b *bystanders) recent() (l timing.Sample) {
	for i, y := range b.typists {
		y.mu.Lock()
		l = append(l, y.took[b.told[i]:]...)
		b.told[i] = len(y.took)
		y.mu.Unlock()
	}
	slices.Sort(l)
	return l
}

// ends stops the typing, waits until all is acknowledged, and gives how many letters were typed.
func (b *bystanders) ends(t testing.TB) (letters int) {
	t.Helper()
	close(b.stop)
	b.typing.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	for i, y := range b.typists {
		_, err := y.settle(ctx)
		if err = errors.Join(b.errs[i], err); err != nil {
			t.Errorf("bystander %d: %v", i, err)
		}
		letters += b.letters[i]
	}
	return letters
}
