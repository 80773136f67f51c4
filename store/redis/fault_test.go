package redis

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"

	"github.com/bizsync/bizsync/store"
)

// calls is every call, of a node that has a lease.
func calls(s *Shared, n store.Node, l store.Lease) map[string]func(context.Context) error {
	hash := [32]byte{1}
	return map[string]func(context.Context) error{
		"Renew":         func(ctx context.Context) error { _, err := s.Renew(ctx, n, []store.Lease{l}, nil); return err },
		"Nodes":         func(ctx context.Context) error { _, err := s.Nodes(ctx); return err },
		"Leases":        func(ctx context.Context) error { _, err := s.Leases(ctx, n.Run); return err },
		"Leave":         func(ctx context.Context) error { return s.Leave(ctx, uuid.New()) },
		"CachedSession": func(ctx context.Context) error { _, _, err := s.CachedSession(ctx, hash, time.Minute); return err },
		"CacheSession":  func(ctx context.Context) error { return s.CacheSession(ctx, hash, newSession(), time.Minute) },
		"ForgetSession": func(ctx context.Context) error { return s.ForgetSession(ctx, hash) },
	}
}

// endRest ends the pause after a failure.
func (s *Shared) endRest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retry = time.Time{}
}

func TestFrozen(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s := openShared(t, srv.url())
	w := world{T: t, a: s, b: s}
	a := newNode("a")
	lease := newLease(a, "Ann")
	w.renew(s, a, []store.Lease{lease}, nil, false)
	srv.signal(t, syscall.SIGSTOP)
	for name, call := range calls(s, a, lease) {
		t.Run(name, func(t *testing.T) {
			most := exchangeTimeout
			if strings.Contains(name, "Session") {
				most = sessionTimeout
				s.endRest()
			}
			began := time.Now()
			if err := call(t.Context()); err == nil || errors.Is(err, ErrResting) {
				t.Errorf("error %v", err)
			}
			if took := time.Since(began); took > most+500*time.Millisecond {
				t.Errorf("took %v", took)
			}
		})
	}
	// Whoever looks for sessions in a crowd waits once, not each.
	began, skipped := time.Now(), 0
	for range 100 {
		if _, _, err := s.CachedSession(t.Context(), [32]byte{1}, time.Minute); errors.Is(err, ErrResting) {
			skipped++
		} else if err == nil {
			t.Error("no error")
		}
	}
	if took := time.Since(began); took > time.Second || skipped < 98 {
		t.Errorf("100 sessions took %v, %d skipped", took, skipped)
	}
	gone := newLease(a, "Bob")
	if _, err := s.Renew(t.Context(), a, nil, []uuid.UUID{lease.Conn}); err == nil {
		t.Error("no error")
	}
	srv.signal(t, syscall.SIGCONT)
	poll(t, "presence", 5*time.Second, func() bool { _, err := s.Renew(t.Context(), a, []store.Lease{gone}, nil); return err == nil })
	w.nodes(a)
	w.leases(a, gone) // who left meanwhile is not forgotten
	poll(t, "sessions", 5*time.Second, func() bool { return calls(s, a, lease)["CacheSession"](t.Context()) == nil })
}

func TestAbsentAtStartKilledAndRestarted(t *testing.T) {
	t.Parallel()
	srv := &server{addr: freeAddr(t)}
	s := openShared(t, srv.url())
	w := world{T: t, a: s, b: s}
	a := newNode("a")
	lease := newLease(a, "Ann")
	for name, call := range calls(s, a, lease) {
		if err := call(t.Context()); err == nil {
			t.Errorf("%s: no error without Redis", name)
		}
	}
	srv.start(t)
	t.Cleanup(func() { srv.kill(t) })
	w.renew(s, a, []store.Lease{lease}, nil, false)
	w.leases(a, lease)
	for range 2 {
		srv.kill(t)
		if _, err := s.Renew(t.Context(), a, nil, nil); err == nil {
			t.Error("no error while Redis is down")
		}
		srv.start(t)
		w.renew(s, a, nil, nil, true)
		w.renew(s, a, []store.Lease{lease}, nil, false)
		w.nodes(a)
		w.leases(a, lease)
	}
}

// TestExpiryByItself waits for Redis's own clock, where the suite moves the keys'.
func TestExpiryByItself(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s := openShared(t, srv.url())
	w := world{T: t, a: s, b: s}
	dead, alive := newNode("dead"), newNode("alive")
	lease := newLease(dead, "Ann")
	w.renew(s, dead, []store.Lease{lease}, nil, false)
	began := time.Now()
	poll(t, "the record's end", NodeTTL+time.Second, func() bool {
		w.renew(s, alive, nil, nil, false)
		nodes, err := s.Nodes(t.Context())
		w.ok(err)
		return len(nodes) == 1
	})
	if took := time.Since(began); took < NodeTTL-100*time.Millisecond {
		t.Errorf("the record ended after %v", took)
	}
	w.nodes(alive)
	w.leases(dead, lease)
	poll(t, "the lease's end", LeaseTTL, func() bool {
		leases, err := s.Leases(t.Context(), dead.Run)
		w.ok(err)
		return len(leases) == 0
	})
	noKeys(t, srv, dead.Run)
}

// noKeys waits until nothing is left of a run but its place in the list of nodes.
func noKeys(t *testing.T, srv *server, run uuid.UUID) {
	t.Helper()
	c := srv.client(t)
	poll(t, "nothing left of the node", time.Second, func() bool { return len(c.Keys(t.Context(), "*"+run.String()+"*").Val()) == 0 })
}

func TestLeaveLeavesNothing(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s := openShared(t, srv.url())
	w := world{T: t, a: s, b: s}
	a := newNode("a")
	leases := make([]store.Lease, maxCommands+1)
	for i := range leases {
		leases[i] = newLease(a, "Ann")
	}
	w.renew(s, a, leases, nil, false)
	w.ok(s.Leave(t.Context(), a.Run))
	noKeys(t, srv, a.Run)
	if n := srv.client(t).DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys left", n)
	}
}

// TestEveryKeyExpires: a Redis that no node uses any more empties by itself, and one that is short of memory may evict every key.
func TestEveryKeyExpires(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s, c := openShared(t, srv.url()), srv.client(t)
	w := world{T: t, a: s, b: s}
	a := newNode("a")
	w.renew(s, a, []store.Lease{newLease(a, "Ann")}, nil, false)
	w.ok(c.Persist(t.Context(), nodesKey).Err()) // as versions before left it
	w.renew(s, a, nil, nil, false)
	w.ok(s.CacheSession(t.Context(), [32]byte{1}, store.CachedSession{}, time.Minute))
	keys := c.Keys(t.Context(), "*").Val()
	if len(keys) != 5 {
		t.Errorf("%d keys, want the nodes, a node, its leases, a lease and a session: %v", len(keys), keys)
	}
	for _, key := range keys {
		if left := c.PTTL(t.Context(), key).Val(); left <= 0 || left > time.Minute {
			t.Errorf("%s expires in %v", key, left)
		}
	}
	age(t, srv, nodesTTL/2)
	w.renew(s, a, nil, nil, true)
	if left := c.PTTL(t.Context(), nodesKey).Val(); left <= nodesTTL/2 {
		t.Errorf("the list of nodes expires in %v after it was renewed", left)
	}
	w.nodes(a)
	age(t, srv, nodesTTL)
	if n := c.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys left", n)
	}
}

func TestDeadNodesAreSwept(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s, c := openShared(t, srv.url()), srv.client(t)
	w := world{T: t, a: s, b: s}
	a := newNode("a")
	w.renew(s, a, nil, nil, false)
	long, lately := uuid.New().String(), uuid.New().String()
	w.ok(c.ZAdd(t.Context(), nodesKey, goredis.Z{Score: float64(time.Now().Add(-2 * time.Hour).UnixMilli()), Member: long},
		goredis.Z{Score: float64(time.Now().UnixMilli()), Member: lately}, goredis.Z{Score: 1, Member: a.Run.String()}).Err())
	w.nodes(a)
	if left := c.ZRange(t.Context(), nodesKey, 0, -1).Val(); len(left) != 2 || left[0] == long || left[1] == long {
		t.Errorf("left: %v; want what is alive, whatever its clock, and what died lately", left)
	}
}

// TestFallback puts an older state back, like a failover to a replica that was behind.
func TestFallback(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s, c := openShared(t, srv.url()), srv.client(t)
	w := world{T: t, a: s, b: s}
	a := newNode("a")
	w.renew(s, a, nil, nil, false)
	older, err := c.Get(t.Context(), nodeKey(a.Run.String())).Result()
	w.ok(err)
	w.renew(s, a, []store.Lease{newLease(a, "Ann")}, nil, false)
	w.ok(c.Set(t.Context(), nodeKey(a.Run.String()), older, NodeTTL).Err())
	w.renew(s, a, nil, nil, true)
	w.renew(s, a, nil, nil, false)
}

func TestCallersContext(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s := openShared(t, srv.url())
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	a := newNode("a")
	for name, call := range calls(s, a, newLease(a, "Ann")) {
		if err := call(cancelled); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Who gave up hasn't made others think that Redis is away.
	for name, call := range calls(s, a, newLease(a, "Ann")) {
		if err := call(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"no client": {Secret: []byte("s")},
		"no host":   {Client: &goredis.UniversalOptions{}, Secret: []byte("s")},
		"no secret": {Client: &goredis.UniversalOptions{Addrs: []string{"localhost:1"}}},
	} {
		if s, err := Open(o); err == nil {
			t.Errorf("%s: no error", name)
			s.Close()
		}
	}
	given := &goredis.UniversalOptions{Addrs: []string{"localhost:1"}, PoolSize: 77}
	s, err := Open(Options{Client: given, Secret: []byte("s")})
	if err != nil || given.PoolSize != 77 || given.MaxRetries != 0 {
		t.Errorf("%v; the caller's options are now %+v", err, given)
	}
	s.Close()
}

// TestCluster has two masters, between which nodes and sessions are spread.
func TestCluster(t *testing.T) {
	t.Parallel()
	busA, busB := port(freeAddr(t)), port(freeAddr(t))
	a := startRedis(t, "cluster-enabled yes", "cluster-port "+busA)
	b := startRedis(t, "cluster-enabled yes", "cluster-port "+busB)
	ca, cb := a.client(t), b.client(t)
	for _, err := range []error{
		ca.ClusterAddSlotsRange(t.Context(), 0, 8000).Err(), cb.ClusterAddSlotsRange(t.Context(), 8001, 16383).Err(),
		ca.Do(t.Context(), "CLUSTER", "MEET", "127.0.0.1", port(b.addr), busB).Err(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []*goredis.Client{ca, cb} {
		poll(t, "cluster", 20*time.Second, func() bool {
			info := c.ClusterInfo(t.Context()).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:2")
		})
	}
	url := "redis://" + a.addr + "," + b.addr + "?cluster=true"
	onServers(t, url, a, b)
	// Every slot's share: the runs of twenty nodes don't all hash to one master.
	s := openShared(t, url)
	w := world{T: t, a: s, b: s}
	for range 20 {
		n := newNode("n")
		w.renew(s, n, []store.Lease{newLease(n, "Ann")}, nil, false)
	}
	if got, err := s.Nodes(t.Context()); err != nil || len(got) < 20 {
		t.Errorf("%d nodes, %v", len(got), err)
	}
	if x, y := ca.DBSize(t.Context()).Val(), cb.DBSize(t.Context()).Val(); x == 0 || y == 0 {
		t.Errorf("%d keys at one master, %d at the other", x, y)
	}
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	master := startRedis(t)
	replica := startRedis(t, "replicaof 127.0.0.1 "+port(master.addr))
	sentinel := &server{addr: freeAddr(t), program: []string{"--sentinel"}, config: []string{
		"sentinel monitor main 127.0.0.1 " + port(master.addr) + " 1",
		"sentinel down-after-milliseconds main 1000", "sentinel failover-timeout main 5000",
	}}
	sentinel.start(t)
	t.Cleanup(func() { sentinel.kill(t) })
	asked := sentinel.client(t)
	poll(t, "the sentinel knows the replica", 20*time.Second, func() bool { return strings.Contains(asked.Info(t.Context()).Val(), "slaves=1") })
	s := openShared(t, "redis://"+sentinel.addr+"/0?master=main")
	w := world{T: t, a: s, b: s}
	a := newNode("a")
	lease := newLease(a, "Ann")
	w.renew(s, a, []store.Lease{lease}, nil, false)
	master.kill(t)
	began := time.Now()
	poll(t, "presence at the new master", 30*time.Second, func() bool {
		_, err := s.Renew(t.Context(), a, []store.Lease{lease}, nil)
		return err == nil
	})
	t.Logf("presence again %v after the master's death", time.Since(began))
	w.nodes(a)
	w.leases(a, lease)
	if left := replica.client(t).Exists(t.Context(), nodeKey(a.Run.String())).Val(); left != 1 {
		t.Error("the record isn't at the replica that was promoted")
	}
}
