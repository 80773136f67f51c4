package redis

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// maxMemorySessions bounds what is cached in memory.
const maxMemorySessions = 10_000

// Memory is what Shared is, within a process: for tests of several nodes. (A single node needs neither: its hub knows who is online, and its database is at hand.) Its methods may be called from any goroutine and never fail
// but for wrong arguments. The zero value is not ready: see NewMemory.
type Memory struct {
	mu       sync.Mutex // guards all
	nodes    map[uuid.UUID]memoryNode
	leases   map[uuid.UUID]map[uuid.UUID]memoryLease // by run and connection
	renewed  map[uuid.UUID]bool                      // runs that have a record, or had one
	sessions map[[32]byte]memorySession
}

type memoryNode struct {
	store.Node
	expires time.Time
}

type memoryLease struct {
	store.Lease
	expires time.Time
}

type memorySession struct {
	store.CachedSession
	expires time.Time
}

// NewMemory makes an empty one.
func NewMemory() *Memory {
	return &Memory{
		nodes: make(map[uuid.UUID]memoryNode), leases: make(map[uuid.UUID]map[uuid.UUID]memoryLease),
		renewed: make(map[uuid.UUID]bool), sessions: make(map[[32]byte]memorySession),
	}
}

// Renew is Shared.Renew.
func (m *Memory) Renew(_ context.Context, n store.Node, leases []store.Lease, gone []uuid.UUID) (lost bool, err error) {
	if n.Run == uuid.Nil {
		return false, errors.New("renew presence: a node without a run")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.sweep(now)
	_, there := m.nodes[n.Run]
	lost = m.renewed[n.Run] && !there
	m.nodes[n.Run] = memoryNode{n, now.Add(NodeTTL)}
	m.renewed[n.Run] = true
	mine := m.leases[n.Run]
	if mine == nil {
		mine = make(map[uuid.UUID]memoryLease)
		m.leases[n.Run] = mine
	}
	for _, l := range leases {
		l.Run, l.Name = n.Run, cut(l.Name)
		mine[l.Conn] = memoryLease{l, now.Add(LeaseTTL)}
	}
	for _, conn := range gone {
		delete(mine, conn)
	}
	return lost, nil
}

// Nodes is Shared.Nodes.
func (m *Memory) Nodes(context.Context) ([]store.Node, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(time.Now())
	var nodes []store.Node
	for _, n := range m.nodes {
		nodes = append(nodes, n.Node)
	}
	return nodes, nil
}

// Leases is Shared.Leases.
func (m *Memory) Leases(_ context.Context, run uuid.UUID) ([]store.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(time.Now())
	leases := make([]store.Lease, 0, len(m.leases[run]))
	for _, l := range m.leases[run] {
		leases = append(leases, l.Lease)
	}
	return leases, nil
}

// Leave is Shared.Leave.
func (m *Memory) Leave(_ context.Context, run uuid.UUID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.nodes, run)
	delete(m.leases, run)
	delete(m.renewed, run)
	return nil
}

// sweep removes presence that has expired.
func (m *Memory) sweep(now time.Time) {
	maps.DeleteFunc(m.nodes, func(_ uuid.UUID, n memoryNode) bool { return !now.Before(n.expires) })
	maps.DeleteFunc(m.leases, func(_ uuid.UUID, leases map[uuid.UUID]memoryLease) bool {
		maps.DeleteFunc(leases, func(_ uuid.UUID, l memoryLease) bool { return !now.Before(l.expires) })
		return len(leases) == 0
	})
}

// CachedSession is Shared.CachedSession.
func (m *Memory) CachedSession(_ context.Context, tokenHash [32]byte, idle time.Duration) (c store.CachedSession, ok bool, err error) {
	if idle <= 0 {
		return c, false, errIdle
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.sessions[tokenHash]
	now := time.Now()
	if !ok || !now.Before(e.expires) || expired(e.CachedSession) {
		delete(m.sessions, tokenHash)
		return store.CachedSession{}, false, nil
	}
	e.expires = now.Add(idle)
	m.sessions[tokenHash] = e
	return e.CachedSession, true, nil
}

// CacheSession is Shared.CacheSession.
func (m *Memory) CacheSession(_ context.Context, tokenHash [32]byte, c store.CachedSession, idle time.Duration) error {
	if idle <= 0 {
		return errIdle
	}
	c.User.PasswordHash = ""
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if _, there := m.sessions[tokenHash]; !there && len(m.sessions) >= maxMemorySessions {
		m.makeRoom(now)
	}
	m.sessions[tokenHash] = memorySession{c, now.Add(idle)}
	return nil
}

// makeRoom forgets the sessions that have expired, and in any case a tenth of all, whichever they are: each is in the database.
func (m *Memory) makeRoom(now time.Time) {
	maps.DeleteFunc(m.sessions, func(_ [32]byte, e memorySession) bool { return !now.Before(e.expires) || expired(e.CachedSession) })
	for hash := range m.sessions {
		if len(m.sessions) <= maxMemorySessions*9/10 {
			return
		}
		delete(m.sessions, hash)
	}
}

// ForgetSession is Shared.ForgetSession.
func (m *Memory) ForgetSession(_ context.Context, tokenHash [32]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, tokenHash)
	return nil
}

// Close forgets nothing; it is there because Shared has it.
func (m *Memory) Close() error { return nil }
