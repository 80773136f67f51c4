package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// talk publishes from one node until another hears it: however many messages a fault has lost, the next ones arrive.
func talk(t *testing.T, from, to *node, what string, within time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; sleep(ctx, 10*time.Millisecond); i++ {
			publish(t, from, document(i), what)
		}
	})
	to.wait(t, what+" from the other node", within, func(got []message, _ int) bool {
		for _, m := range got {
			if m.payload == what {
				return true
			}
		}
		return false
	})
	cancel()
	wg.Wait()
}

func TestRedisAbsentAtStart(t *testing.T) {
	t.Parallel()
	s := &server{addr: freeAddr(t)}
	n := &node{recorder: newRecorder(), metrics: NewMetrics(nil)}
	n.relay = joinRedis(s.url())(t, n.handler(), n.metrics)
	defer n.relay.Close()
	publish(t, n, document(1), "to nobody")
	poll(t, "failed attempts", 5*time.Second, func() bool { return value(t, n.metrics.reconnects) >= 2 })
	poll(t, "what could not be sent counted", 5*time.Second, func() bool { return droppedFor(t, n.metrics, dropPublish) == 1 })
	if h := n.relay.Health(); h.Connected || n.gapCount() != 0 {
		t.Fatalf("without Redis: %+v, %d gaps", h, n.gapCount())
	}
	s.start(t)
	t.Cleanup(func() { s.kill(t) })
	n.waitGap(t, 1)
	talk(t, startNodes(t, joinRedis(s.url()), 1)[0], n, "hello", 5*time.Second)
	poll(t, "health", 5*time.Second, func() bool {
		h := n.relay.Health()
		return h.Connected && h.Heartbeat > 0 && h.RoundTrip > 0
	})
}

func TestRedisKilledAndRestartedEmpty(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	nodes := startNodes(t, joinRedis(s.url()), 2)
	for round := range 3 {
		before := nodes[1].gapCount()
		s.kill(t)
		poll(t, "noticed", 5*time.Second, func() bool { return !nodes[1].relay.Health().Connected })
		s.start(t)
		nodes[1].waitGap(t, before+1)
		talk(t, nodes[0], nodes[1], fmt.Sprint("round ", round), 5*time.Second)
	}
}

func TestRedisFrozen(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	nodes := startNodes(t, joinRedis(s.url()), 2)
	before := nodes[1].gapCount()
	s.signal(t, syscall.SIGSTOP)
	thaw := time.NewTimer(10 * time.Second)
	defer thaw.Stop()
	started := time.Now()
	nodes[1].wait(t, "gap while frozen", 5*time.Second, func(_ []message, gaps int) bool { return gaps > before })
	t.Logf("gap %v after the freeze", time.Since(started))
	// All the while publishing doesn't block, and what piles up is bounded.
	payload := strings.Repeat("x", 64<<10)
	for i := 0; ; i++ {
		select {
		case <-thaw.C:
			before = nodes[1].gapCount()
			s.signal(t, syscall.SIGCONT)
			if q := nodes[0].relay.Health().QueuedBytes; q > maxQueue {
				t.Errorf("%d bytes queued", q)
			}
			if droppedFor(t, nodes[0].metrics, dropQueue) == 0 {
				t.Error("no message was dropped")
			}
			nodes[1].wait(t, "gap after the thaw", 5*time.Second, func(_ []message, gaps int) bool { return gaps > before })
			talk(t, nodes[0], nodes[1], "after", 5*time.Second)
			return
		case <-time.After(10 * time.Millisecond):
			began := time.Now()
			publish(t, nodes[0], document(i), payload)
			if took := time.Since(began); took > 500*time.Millisecond {
				t.Errorf("Publish took %v", took)
			}
		}
	}
}

func TestConnectionSwallowed(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	p := startProxy(t, s.addr)
	deaf := startNodes(t, joinRedis(p.url()), 1)[0]
	other := startNodes(t, joinRedis(s.url()), 1)[0]
	talk(t, other, deaf, "before", 5*time.Second)
	for round := range 2 {
		poll(t, "a heartbeat", 5*time.Second, func() bool { h := deaf.relay.Health(); return h.Connected && h.Heartbeat > 0 })
		before, began := deaf.gapCount(), time.Now()
		if p.swallow() == 0 {
			t.Fatal("there was nothing to swallow")
		}
		// One gap for the silence, one for the new subscription.
		deaf.wait(t, "gaps", 5*time.Second, func(_ []message, gaps int) bool { return gaps >= before+2 })
		t.Logf("subscribed again %v after the connection was swallowed", time.Since(began))
		talk(t, other, deaf, fmt.Sprint("there ", round), 5*time.Second)
		talk(t, deaf, other, fmt.Sprint("and back ", round), 5*time.Second)
	}
}

func TestConnectionsCut(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	p := startProxy(t, s.addr)
	nodes := startNodes(t, joinRedis(p.url()), 2)
	for round := range 20 {
		before := nodes[1].gapCount()
		p.cut()
		nodes[1].waitGap(t, before+1)
		talk(t, nodes[0], nodes[1], fmt.Sprint("round ", round), 5*time.Second)
	}
}

func TestSubscriptionsKilledOverAndOver(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	nodes := startNodes(t, joinRedis(s.url()), 2)
	admin := s.client(t)
	before := nodes[1].gapCount()
	for range 15 {
		gaps := nodes[1].gapCount()
		if err := admin.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
			t.Fatal(err)
		}
		nodes[1].waitGap(t, gaps+1)
		sleep(t.Context(), 200*time.Millisecond) // the pace of the fault
	}
	if got := nodes[1].gapCount() - before; got > 40 {
		t.Errorf("%d gaps for 15 lost subscriptions", got)
	}
	talk(t, nodes[0], nodes[1], "after", 5*time.Second)
}

func TestReceiverTooSlow(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	rec := newRecorder()
	h := rec.handler()
	tell := h.Message
	entered, release := make(chan struct{}, 1), make(chan struct{})
	h.Message = func(doc Document, payload []byte) {
		if string(payload) == "stall" {
			entered <- struct{}{}
			<-release
		}
		tell(doc, payload)
	}
	slow := startNode(t, joinRedis(s.url()), rec, h)
	other := startNodes(t, joinRedis(s.url()), 1)[0]
	publish(t, other, document(1), "stall")
	<-entered
	before := slow.gapCount()
	sleep(t.Context(), deafAfter+heartbeatEvery/2) // the stall itself
	close(release)
	slow.waitGap(t, before+1)
	talk(t, other, slow, "after", 5*time.Second)
}

func TestForgeries(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	victim := startNodes(t, joinRedis(s.url()), 1)[0]
	attacker := s.client(t)
	channel, run := documentChannel(document(1)), [runSize]byte{0xee}
	genuine := sealed(t, testSecret, run, channel, []byte("genuine"))
	flipped := bytes.Clone(genuine)
	flipped[len(flipped)-1] ^= 1
	old := bytes.Clone(genuine)
	old[0]++
	self := victim.relay.(*Redis)
	for _, c := range []struct {
		name, channel string
		env           []byte
		reason        string
	}{
		{"another secret", channel, sealed(t, "guess", run, channel, []byte("forged")), dropMAC},
		{"bit flipped", channel, flipped, dropMAC},
		{"replayed into another document", documentChannel(document(2)), genuine, dropMAC},
		{"a document's made a person's", topic{toUser, document(1)}.channel(), genuine, dropMAC},
		{"a document's made the nodes'", controlChannel, genuine, dropMAC},
		{"not a person", "notification:x", genuine, dropChannel},
		{"cut inside the body", channel, genuine[:len(genuine)-1], dropMAC},
		{"cut inside the header", channel, genuine[:headerSize-1], dropTruncated},
		{"empty", channel, nil, dropTruncated},
		{"another version", channel, old, dropVersion},
		{"not a document", "document:x", genuine, dropChannel},
		{"too large", channel, append(bytes.Clone(genuine), make([]byte, MaxPayload)...), dropSize},
		{"heartbeat forged", self.heartbeat, sealed(t, "guess", self.run, self.heartbeat, make([]byte, 8)), dropMAC},
		{"heartbeat of the past", self.heartbeat, sealed(t, testSecret, self.run, self.heartbeat, make([]byte, 8)), dropHeartbeat},
		{"heartbeat of the future", self.heartbeat, sealed(t, testSecret, self.run, self.heartbeat, bytes.Repeat([]byte{0x7f}, 8)), dropHeartbeat},
		{"heartbeat that is long", self.heartbeat, genuine[:headerSize], dropHeartbeat},
	} {
		before := droppedFor(t, victim.metrics, c.reason)
		if err := attacker.Publish(t.Context(), c.channel, c.env).Err(); err != nil {
			t.Fatal(err)
		}
		poll(t, c.name+": counted as "+c.reason, 5*time.Second, func() bool { return droppedFor(t, victim.metrics, c.reason) == before+1 })
	}
	// A genuine message repeated is told again: the numbers inside tell the receiver that it has it.
	for range 3 {
		if err := attacker.Publish(t.Context(), channel, genuine).Err(); err != nil {
			t.Fatal(err)
		}
	}
	victim.wait(t, "three replays", 5*time.Second, func(got []message, _ int) bool { return len(got) == 3 })
	for _, m := range victim.all() {
		if m != (message{document(1), "genuine", toDocument}) {
			t.Errorf("told %q", m.payload)
		}
	}
	if victim.gapCount() != 1 {
		t.Errorf("%d gaps: forgeries have cost the subscription", victim.gapCount())
	}
}

func TestHugeMessageIsNotRead(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	nodes := startNodes(t, joinRedis(s.url()), 2)
	before := nodes[1].gapCount()
	if err := s.client(t).Publish(t.Context(), documentChannel(document(1)), make([]byte, maxBulk+1)).Err(); err != nil {
		t.Fatal(err)
	}
	nodes[1].waitGap(t, before+1)
	talk(t, nodes[0], nodes[1], "after", 5*time.Second)
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	s := startRedis(t, "--requirepass", "right")
	var mu sync.Mutex
	var log bytes.Buffer
	n := &node{recorder: newRecorder(), metrics: NewMetrics(nil)}
	r, err := NewRedis(t.Context(), Options{
		URL: "redis://:hush@" + s.addr, Secret: []byte("hushhush"), Handler: n.handler(), Metrics: n.metrics,
		Logger: slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return log.Write(p)
		}), &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	n.relay = r
	publish(t, n, document(1), "x")
	poll(t, "attempts", 5*time.Second, func() bool { return value(t, n.metrics.reconnects) >= 3 })
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), "hush") || !strings.Contains(log.String(), "WRONGPASS") {
		t.Errorf("logged:\n%s", log.String())
	}
	if n := strings.Count(log.String(), "can't subscribe"); n != 1 {
		t.Errorf("the outage was logged %d times", n)
	}
	right := startNodes(t, joinRedis("redis://:right@"+s.addr), 2)
	talk(t, right[0], right[1], "with the password", 5*time.Second)
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestContextEndsRelay(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	ctx, cancel := context.WithCancel(t.Context())
	n := &node{recorder: newRecorder()}
	r, err := NewRedis(ctx, Options{URL: s.url(), Secret: []byte(testSecret), Handler: n.handler()})
	if err != nil {
		t.Fatal(err)
	}
	n.waitGap(t, 1)
	cancel()
	r.wg.Wait()
	if err := r.Publish(document(1), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Publish: %v, want ErrClosed", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestCloseWhileRedisIsFrozen(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	n := startNodes(t, joinRedis(s.url()), 1)[0]
	s.signal(t, syscall.SIGSTOP)
	for i := range 1000 {
		publish(t, n, document(i), strings.Repeat("x", 4000))
	}
	began := time.Now()
	if err := n.relay.Close(); err != nil {
		t.Error(err)
	}
	// A few timeouts of a second, one after the other; a node has ten seconds to end.
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("Close took %v", took)
	}
}

func TestOptions(t *testing.T) {
	good := Options{URL: "redis://localhost", Secret: []byte("s"), Handler: newRecorder().handler()}
	for name, spoil := range map[string]func(*Options){
		"no URL":     func(o *Options) { o.URL = "" },
		"no secret":  func(o *Options) { o.Secret = nil },
		"no handler": func(o *Options) { o.Handler = Handler{} },
	} {
		o := good
		spoil(&o)
		if r, err := NewRedis(t.Context(), o); err == nil {
			t.Errorf("%s: no error", name)
			r.Close()
		}
	}
}

// TestCluster has two masters: a message published at one is heard by a node that subscribes at the other.
func TestCluster(t *testing.T) {
	t.Parallel()
	a := startRedis(t, "--cluster-enabled", "yes", "--cluster-port", portOf(freeAddr(t)))
	b := startRedis(t, "--cluster-enabled", "yes", "--cluster-port", portOf(freeAddr(t)))
	ca, cb := a.client(t), b.client(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(ca.ClusterAddSlotsRange(t.Context(), 0, 8000).Err())
	must(cb.ClusterAddSlotsRange(t.Context(), 8001, 16383).Err())
	must(ca.Do(t.Context(), "CLUSTER", "MEET", "127.0.0.1", portOf(b.addr), b.args[3]).Err())
	for _, c := range []*redis.Client{ca, cb} {
		poll(t, "cluster", 20*time.Second, func() bool {
			info := c.ClusterInfo(t.Context()).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:2")
		})
	}
	nodes := startNodes(t, joinRedis("redis://"+a.addr+","+b.addr+"?cluster=true"), 3)
	for i := range 200 {
		publish(t, nodes[0], document(i), "to every slot")
	}
	for _, n := range nodes[1:] {
		n.wait(t, "all", 10*time.Second, func(got []message, _ int) bool { return len(got) == 200 })
		poll(t, "heartbeat", 5*time.Second, func() bool { h := n.relay.Health(); return h.Connected && h.Heartbeat > 0 })
	}
}

func portOf(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

func TestSentinel(t *testing.T) {
	t.Parallel()
	master := startRedis(t)
	replica := startRedis(t, "--replicaof", "127.0.0.1 "+portOf(master.addr))
	sentinel := startRedis(t, "--sentinel", "sentinel monitor main 127.0.0.1 "+portOf(master.addr)+" 1",
		"sentinel down-after-milliseconds main 1000", "sentinel failover-timeout main 5000")
	asked := sentinel.client(t)
	poll(t, "the sentinel knows the replica", 20*time.Second, func() bool {
		return strings.Contains(asked.Info(t.Context()).Val(), "slaves=1")
	})
	nodes := startNodes(t, joinRedis("redis://"+sentinel.addr+"/0?master=main"), 2)
	talk(t, nodes[0], nodes[1], "by the master", 5*time.Second)
	before := nodes[1].gapCount()
	master.kill(t)
	began := time.Now()
	nodes[1].wait(t, "gap at the new master", 30*time.Second, func(_ []message, gaps int) bool { return gaps > before })
	talk(t, nodes[0], nodes[1], "by the new master", 10*time.Second)
	t.Logf("messages flow %v after the master's death", time.Since(began))
	if role := replica.client(t).Info(t.Context(), "replication").Val(); !strings.Contains(role, "role:master") {
		t.Errorf("the replica was not promoted:\n%s", role)
	}
}
