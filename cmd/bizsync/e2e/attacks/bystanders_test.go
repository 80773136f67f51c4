package attacks

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
)

const (
	// typeEvery is how often a bystander types a letter.
	typeEvery = 10 * time.Millisecond
	// noticed is how late the acknowledgement of one letter in a hundred may be: later, and an attack elsewhere has hurt.
	noticed = 250 * time.Millisecond
)

// bystanders are two people who type in a document of their own all the time.
type bystanders struct {
	people [2]*bystander
	told   [2]int // acknowledgements that recent has given
	stop   chan struct{}
	tasks  sync.WaitGroup
}

// bystander types a letter at each tick, whether the last one was acknowledged or not.
type bystander struct {
	socket  *socket
	client  uint64
	letters int // owned by the typing goroutine

	mu   sync.Mutex
	sent []time.Time     // guarded by mu
	took []time.Duration // guarded by mu, of the first of sent
	err  error           // guarded by mu
	all  chan struct{}   // closed when all is acknowledged that was typed, after typing has ended
	done bool            // guarded by mu: typing has ended
}

// standBy lets them type until ends is called.
func standBy(t testing.TB, s *server, doc string, people [2]*rig.Person) *bystanders {
	t.Helper()
	b := &bystanders{stop: make(chan struct{})}
	for i, p := range people {
		k, err := s.dial(visitor{path: "/" + doc, token: p.Token(doc), address: fmt.Sprintf("198.51.100.%d", i), acks: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := k.conn.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		y := &bystander{socket: k, client: uint64(900_001 + i), all: make(chan struct{})}
		b.people[i] = y
		b.tasks.Go(func() { y.listen() })
		b.tasks.Go(func() { y.types(b.stop) })
		t.Cleanup(k.hangUp)
	}
	return b
}

func (y *bystander) types(stop <-chan struct{}) {
	tick := time.NewTicker(typeEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			y.mu.Lock()
			y.done = true
			y.finished()
			y.mu.Unlock()
			return
		case <-tick.C:
		}
		y.mu.Lock()
		y.sent = append(y.sent, time.Now())
		y.mu.Unlock()
		y.socket.write(frame(final|opBinary, update(typed(y.client, uint64(y.letters), "x"))))
		y.letters++
	}
}

// finished is for whoever holds mu.
func (y *bystander) finished() {
	if y.done && len(y.took) == len(y.sent) {
		close(y.all)
	}
}

func (y *bystander) listen() {
	for {
		m, code, err := y.socket.read()
		now := time.Now()
		y.mu.Lock()
		switch {
		case err != nil || code != 0:
			y.err = fmt.Errorf("closed with %d (%w)", code, err)
			y.mu.Unlock()
			return
		case m[0] == 2 || m[0] == 121:
			y.err = fmt.Errorf("refused: %q", m)
		case m[0] == 120:
			for _, at := range y.sent[len(y.took):min(int(varUint(m[1:])), len(y.sent))] {
				y.took = append(y.took, now.Sub(at))
			}
			y.finished()
		}
		y.mu.Unlock()
	}
}

// recent gives how long the acknowledgements took that came since the last call, and for how long those letters wait that have none yet.
func (b *bystanders) recent() (l timing.Sample) {
	for i, y := range b.people {
		y.mu.Lock()
		l = append(l, y.took[b.told[i]:]...)
		b.told[i] = len(y.took)
		for _, at := range y.sent[len(y.took):] {
			if waits := time.Since(at); waits > noticed {
				l = append(l, waits)
			}
		}
		y.mu.Unlock()
	}
	slices.Sort(l)
	return l
}

// ends stops the typing, waits until all is acknowledged, and gives how many letters were typed.
func (b *bystanders) ends(t testing.TB) (letters int) {
	t.Helper()
	close(b.stop)
	for i, y := range b.people {
		select {
		case <-y.all:
		case <-time.After(patience):
			t.Errorf("not all that bystander %d typed was acknowledged", i)
		}
		y.socket.hangUp()
	}
	b.tasks.Wait()
	for i, y := range b.people {
		if y.err != nil && len(y.took) < len(y.sent) {
			t.Errorf("bystander %d: %v", i, y.err)
		}
		letters += y.letters
	}
	return letters
}
