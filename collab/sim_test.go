package collab

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

// seeds gives how many random histories are played: 200 (30 under the race detector), or BIZSYNC_SEEDS; and the first seed, 1, or BIZSYNC_SEED alone.
func seeds(t *testing.T) (first, n uint64) {
	if s := os.Getenv("BIZSYNC_SEED"); s != "" {
		first, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return first, 1
	}
	n = 200
	if raceEnabled {
		n = 30
	}
	if s := os.Getenv("BIZSYNC_SEEDS"); s != "" {
		var err error
		if n, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return 1, n
}

// TestRandomHistories plays people who edit, lose their connections and come back, while commits fail, hang and lose their answers, rooms unload, nodes crash and
// two nodes share a database. Promises: whatever anybody was told is in the database at that moment; whatever was acknowledged stays; in the end all are equal.
func TestRandomHistories(t *testing.T) {
	first, n := seeds(t)
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playHistory(t, seed) })
		})
		if t.Failed() {
			t.Fatalf("play it again with BIZSYNC_SEED=%d", seed)
		}
	}
}

// scene is one random history.
type scene struct {
	t     *testing.T
	w     *world
	seed  uint64
	rng   *rand.Rand // for the scene itself
	hubs  []*node
	bus   *bus
	cast  []*actor
	wg    sync.WaitGroup // actors and links
	quiet chan struct{}  // closed when editing and trouble are over
	end   chan struct{}  // closed when actors are to leave
}

// node is a server that may crash and come back.
type node struct {
	mu     sync.Mutex
	hub    *Hub
	serves sync.WaitGroup
}

// actor is a person at a browser tab.
type actor struct {
	*model
	doc  store.DocumentID
	rng  *rand.Rand
	node *node
	name string
}

func playHistory(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := &scene{t: t, seed: seed, rng: rng, quiet: make(chan struct{}), end: make(chan struct{})}
	users := 2 + rng.IntN(3)
	s.w = newWorld(t, users, 1+rng.IntN(2))
	options := s.options()
	s.bus = &bus{rng: rand.New(rand.NewPCG(seed, 3)), wg: &s.wg, lost: []int{0, 30, 50, 100}[rng.IntN(4)], shared: newFickle()}
	for range 1 + rng.IntN(2) {
		s.hubs = append(s.hubs, &node{hub: s.bus.join(NewHub(options))})
	}
	s.castActors()
	s.w.setFault(someFaults(rand.New(rand.NewPCG(seed, 2)), 2+rng.IntN(12)))
	locks := rand.New(rand.NewPCG(seed, 4))
	s.w.locked = func(store.DocumentID) bool { return locks.IntN(5) == 0 }
	for _, a := range s.cast {
		s.wg.Go(func() { s.play(a) })
	}
	s.trouble(options, 5+rng.IntN(15))
	s.w.setFault(nil)
	close(s.quiet)
	s.converge()
	s.checkAcks()
	s.meet()
	close(s.end)
	for _, n := range s.hubs {
		if err := n.hub.Stop(t.Context()); err != nil {
			t.Errorf("stop: %v", err)
		}
		n.serves.Wait()
	}
	s.wg.Wait()
	s.checkFresh()
	for _, err := range s.w.broken {
		t.Error(err)
	}
	if err := s.w.Close(); err != nil {
		t.Errorf("close the database: %v", err)
	}
}

// options vary what histories depend on: how soon rooms unload, how much may wait for the database, how commits gather.
func (s *scene) options() Options {
	o := Options{Store: s.w}
	o.Timing.Idle = time.Duration(1+s.rng.IntN(2000)) * time.Millisecond
	o.Timing.CommitLimit = time.Duration(50+s.rng.IntN(500)) * time.Millisecond
	o.Timing.Gather = time.Duration(1+s.rng.IntN(10)) * time.Millisecond
	if s.rng.IntN(3) == 0 {
		o.Limits.StagedDocBytes = 200
	}
	return o
}

func (s *scene) castActors() {
	id := uint64(1000)
	for i, user := range s.w.users {
		doc := s.w.docs[s.rng.IntN(len(s.w.docs))]
		var tabs []*actor
		for range 1 + s.rng.IntN(2) {
			id += 1 + s.rng.Uint64N(100)
			rng := rand.New(rand.NewPCG(s.seed, id))
			a := &actor{model: newModel(id, user, rng), doc: doc, rng: rng, node: s.hubs[s.rng.IntN(len(s.hubs))], name: fmt.Sprintf("User %d", i)}
			a.onTold = func(u crdt.Update) {
				if !s.w.holds(s.t, doc, u) {
					s.t.Errorf("client %d was told something that is not in the database", a.id)
				}
			}
			a.onAck = func(u crdt.Update) {
				if !s.w.holds(s.t, doc, u) {
					s.t.Errorf("client %d was told that something is saved that is not in the database", a.id)
				}
			}
			tabs = append(tabs, a)
			s.cast = append(s.cast, a)
		}
		for _, a := range tabs {
			for _, b := range tabs {
				if a != b {
					a.tabs = append(a.tabs, b.model)
				}
			}
		}
	}
}

// play is one actor's session: connect, edit, be cut off, come back.
func (s *scene) play(a *actor) {
	var l *link
	defer func() {
		if l != nil {
			l.pull()
		}
	}()
	for {
		if l == nil {
			if l = s.connect(a); l == nil {
				time.Sleep(50 * time.Millisecond)
				select {
				case <-s.end:
					return
				default:
				}
				continue
			}
		}
		pause := time.NewTimer(s.between(a))
		select {
		case msg := <-l.deliver:
			a.receive(msg)
		case <-l.cut:
			l = s.lost(a, l)
		case <-pause.C:
			select {
			case <-s.quiet:
			default:
				switch n := a.rng.IntN(100); {
				case n < 4:
					l.pull()
				case n < 10:
					a.offline(l)
					l = nil
				default:
					a.edit()
				}
			}
		case <-s.end:
			pause.Stop()
			return
		}
		pause.Stop()
	}
}

func (s *scene) between(a *actor) time.Duration {
	return time.Duration(1+a.rng.IntN(150)) * time.Millisecond
}

// offline is leaving, typing on and coming back.
func (a *actor) offline(l *link) {
	l.pull()
	a.mu.Lock()
	a.conn = nil
	a.mu.Unlock()
	for range a.rng.IntN(5) {
		a.edit()
		time.Sleep(time.Duration(a.rng.IntN(100)) * time.Millisecond)
	}
}

func (s *scene) lost(a *actor, l *link) *link {
	a.mu.Lock()
	a.conn = nil
	if code, reason := l.closed(); code != 0 && code != CloseGoingAway && code != CloseTryAgain && code != CloseNormal {
		a.malform = append(a.malform, fmt.Errorf("closed with %d %s", code, reason))
	}
	a.mu.Unlock()
	time.Sleep(time.Duration(a.rng.IntN(300)) * time.Millisecond)
	return nil
}

func (s *scene) connect(a *actor) *link {
	a.node.mu.Lock()
	defer a.node.mu.Unlock()
	hub := a.node.hub
	access, err := s.w.Resolve(s.t.Context(), a.doc.String(), a.user)
	if err != nil {
		return nil
	}
	way := time.Duration(a.rng.IntN(40)) * time.Millisecond
	l := newLink(&s.wg, func() time.Duration { return way })
	a.node.serves.Go(func() {
		_ = hub.Serve(s.t.Context(), a.doc, peerOf(a.model, a.name, access.Role, access.Version), l)
	})
	a.connect(l)
	return l
}

// trouble crashes and restarts nodes for some seconds.
func (s *scene) trouble(o Options, seconds int) {
	for range seconds {
		time.Sleep(time.Second)
		if s.rng.IntN(6) > 0 {
			continue
		}
		n := s.hubs[s.rng.IntN(len(s.hubs))]
		n.mu.Lock()
		old := n.hub
		n.hub = s.bus.join(NewHub(o))
		n.mu.Unlock()
		if s.rng.IntN(2) == 0 {
			old.crash()
		} else if err := old.Stop(s.t.Context()); err != nil {
			s.t.Errorf("stop: %v", err)
		}
	}
}

// converge waits until everyone who has a document open has the same of it, and so has the database: within 5 s of the end of trouble.
func (s *scene) converge() {
	begin := time.Now()
	for {
		different := s.differences()
		if len(different) == 0 {
			return
		}
		if time.Since(begin) > 5*time.Second {
			s.t.Fatalf("not equal after 5 s: %s", strings.Join(different, "; "))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// meet waits until everyone sees exactly those who have the document open, in it and in the lists of every node, once messages come through again.
func (s *scene) meet() {
	s.bus.lose(0)
	begin := time.Now()
	for {
		strange := s.strangers()
		if len(strange) == 0 {
			return
		}
		if time.Since(begin) > 20*time.Second {
			s.t.Fatalf("they don't see each other after 20 s: %s", strings.Join(strange, "; "))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *scene) strangers() (list []string) {
	for _, a := range s.cast {
		a.mu.Lock()
		for _, b := range s.cast {
			if e, seen := a.peers[b.id]; a != b && (seen && !e.left()) != (a.doc == b.doc) {
				list = append(list, fmt.Sprintf("client %d of %v sees client %d of %v: %v", a.id, a.doc, b.id, b.doc, seen && !e.left()))
			}
		}
		a.mu.Unlock()
	}
	for i, n := range s.hubs {
		if everyone, whole := n.hub.Everyone(); len(everyone) != len(s.cast) || !whole {
			list = append(list, fmt.Sprintf("node %d lists %d of %d people, whole: %v", i, len(everyone), len(s.cast), whole))
		}
	}
	return list
}

func (s *scene) differences() (list []string) {
	for _, doc := range s.w.docs {
		want := s.w.fresh(s.t, doc)
		for _, a := range s.cast {
			if a.doc != doc {
				continue
			}
			a.mu.Lock()
			if a.conn == nil {
				list = append(list, fmt.Sprintf("client %d is not connected", a.id))
			} else if a.model.doc.Hash() != want.Hash() {
				list = append(list, fmt.Sprintf("client %d has %v, the database %v", a.id, a.model.doc.StateVector(), want.StateVector()))
			} else if a.ackedTo != len(a.sent) {
				list = append(list, fmt.Sprintf("client %d: %d of %d frames acknowledged", a.id, a.ackedTo, len(a.sent)))
			}
			a.mu.Unlock()
		}
	}
	return list
}

// checkAcks: whatever was ever acknowledged is in the database, and nothing was refused or garbled.
func (s *scene) checkAcks() {
	for _, a := range s.cast {
		a.mu.Lock()
		for _, u := range a.acked {
			if !s.w.holds(s.t, a.doc, u) {
				s.t.Errorf("client %d: an acknowledged edit is not in the database", a.id)
			}
		}
		if len(a.refused) > 0 || len(a.denied) > 0 {
			s.t.Errorf("client %d: refused %v, denied %v", a.id, a.refused, a.denied)
		}
		for _, err := range a.malform {
			s.t.Errorf("client %d: %v", a.id, err)
		}
		a.mu.Unlock()
	}
}

// checkFresh: what a newcomer reads after all have gone is what they had.
func (s *scene) checkFresh() {
	for _, a := range s.cast {
		if got := s.w.fresh(s.t, a.doc); got.Hash() != a.model.doc.Hash() {
			s.t.Errorf("client %d: a newcomer reads something else", a.id)
		}
	}
}
