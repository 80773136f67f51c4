package api

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

// loginPeriod is the time between two looks at the login of open sockets.
const loginPeriod = time.Minute

// loginKeeper keeps the logins alive that sockets were opened with, as REST requests do, and closes the sockets of logins that have ended elsewhere. Each login is
// looked up once a period, however many sockets it has, by one goroutine, which there is as long as there are any.
type loginKeeper struct {
	life   context.Context
	store  store.Store
	idle   time.Duration // a login lasts so long after a look
	period time.Duration
	work   *sync.WaitGroup // above zero while there are sockets

	mu   sync.Mutex
	open map[[32]byte]*keptLogin // guarded by mu, by the hash of the cookie
	end  context.CancelFunc      // guarded by mu; nil: nobody looks
}

// keptLogin is guarded by the keeper's mu.
type keptLogin struct {
	hash  [32]byte
	conns []*conn
	due   time.Time
}

func newLoginKeeper(life context.Context, st store.Store, idle time.Duration, work *sync.WaitGroup) *loginKeeper {
	return &loginKeeper{life: life, store: st, idle: idle, period: loginPeriod, work: work, open: make(map[[32]byte]*keptLogin)}
}

// keep has a connection end with the login that it uses. A connection has one login, and may be kept more than once; forget must be called in the end.
func (k *loginKeeper) keep(hash [32]byte, c *conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c.login != nil {
		return
	}
	l := k.open[hash]
	if l == nil {
		// Not all of those that come back together are looked at together.
		l = &keptLogin{hash: hash, due: time.Now().Add(k.period/2 + rand.N(k.period/2+1))}
		k.open[hash] = l
	}
	l.conns = append(l.conns, c)
	c.login = l
	if k.end == nil {
		ctx, cancel := context.WithCancel(k.life)
		k.end = cancel
		k.work.Go(func() { k.look(ctx) })
	}
}

// forget is for connections that have ended, kept or not.
func (k *loginKeeper) forget(c *conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := c.login
	if l == nil {
		return
	}
	c.login = nil
	at := slices.Index(l.conns, c)
	l.conns = slices.Delete(l.conns, at, at+1)
	if len(l.conns) > 0 {
		return
	}
	delete(k.open, l.hash)
	if len(k.open) == 0 {
		k.end()
		k.end = nil
	}
}

// look looks at the logins that are due, until ctx ends.
func (k *loginKeeper) look(ctx context.Context) {
	tick := time.NewTicker(max(k.period/60, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, hash := range k.due(now) {
				if err := k.lookAt(ctx, hash); err != nil {
					break // the database is away: later
				}
			}
		}
	}
}

func (k *loginKeeper) due(now time.Time) [][32]byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	var due [][32]byte
	for hash, l := range k.open {
		if !now.Before(l.due) {
			due = append(due, hash)
		}
	}
	return due
}

// lookAt uses a login, which makes it last, and closes its connections when it has ended. An error says that this can't be known now.
func (k *loginKeeper) lookAt(ctx context.Context, hash [32]byte) error {
	ctx, cancel := context.WithTimeout(ctx, admitTime)
	defer cancel()
	_, _, err := k.store.SessionByToken(ctx, hash, k.idle)
	ended := errors.Is(err, store.ErrNotFound)
	if err != nil && !ended {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.open[hash]
	if l == nil {
		return nil
	}
	l.due = time.Now().Add(k.period)
	if ended {
		for _, c := range l.conns {
			c.Close(collab.CloseUnauthorized, "logged out")
		}
	}
	return nil
}
