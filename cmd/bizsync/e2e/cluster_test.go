package e2e

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/cmd/bizsync/lab"
	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
	"github.com/bizsync/bizsync/collab/crdt"
)

// postgresServer starts a private PostgreSQL with durable settings, ends it after the test, and gives its URL.
func postgresServer(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "bizsync-pg-") // a socket's path must be short, and open to user postgres
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p, err := lab.StartPostgres(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p.URL()
}

// startRedis starts a private Redis that can be killed and started again, empty.
func startRedis(t *testing.T) *lab.Redis {
	t.Helper()
	r, err := lab.StartRedis(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Kill() })
	return r
}

// knows gives a function that takes messages and says how many letters of a client they have brought in all.
func knows(t testing.TB, client uint64) func(message []byte) uint32 {
	state := crdt.NewState()
	return func(message []byte) uint32 {
		t.Helper()
		if message[0] == 0 && message[1] != 0 {
			u, err := crdt.ParseUpdate(varBytes(t, message[2:]))
			if err != nil {
				t.Fatal(err)
			}
			state.Apply(u)
		}
		return state.StateVector()[client]
	}
}

// TestTwoNodes: people on two nodes edit one document through PostgreSQL and Redis, also while Redis is away and after a node was killed.
func TestTwoNodes(t *testing.T) {
	redis := startRedis(t)
	flags := []string{"--database-url", postgresServer(t), "--redis-url", redis.URL()}
	a := startServer(t, flags...)
	b := startServer(t, flags...)
	admin := a.Admin()
	ada, bo := admin.Member("ada"), admin.Member("bo")
	doc := ada.Document("Plans", bo)

	// Accounts, documents, roles and tokens are the same on every node.
	writer := a.dial(t, doc, ada.Token(doc), "bizsync.v1").joined()
	listener := b.dial(t, doc, bo.Token(doc), "bizsync.v1").joined()
	const client = 4711
	heard, clock := knows(t, client), uint32(0)
	cross := func(phase string, letters int, most time.Duration) {
		t.Helper()
		var l timing.Sample
		for range letters {
			began := time.Now()
			writer.send(update(typedAt(client, uint64(clock), "x")))
			clock++
			if o := listener.until("a letter typed at the other node", func(_ outcome, m []byte) bool { return heard(m) >= clock }); o.code != 0 {
				t.Fatalf("%s: the listener was closed with %d", phase, o.code)
			}
			l = append(l, time.Since(began))
		}
		slices.Sort(l)
		t.Logf("%s: %d letters from node to node: %v", phase, letters, l)
		if p99 := l.Percentile(99); p99 > most {
			t.Errorf("%s: p99 %v from node to node, want at most %v", phase, p99, most)
		}
	}
	for name, node := range map[string]*server{"A": a, "B": b} {
		rig.WaitFor(t, "node "+name+" with Redis", func() bool { return node.Health() == "ok" }, &node.Log)
	}
	cross("healthy", 200, 250*time.Millisecond)
	redis.Kill()
	cross("without Redis", 3, 5*time.Second)
	if got := a.Health(); got != "degraded" {
		t.Errorf("/readyz says %q without Redis", got)
	}
	if err := redis.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, node := range map[string]*server{"A": a, "B": b} {
		rig.WaitFor(t, "node "+name+" with the new Redis", func() bool { return node.Health() == "ok" }, &node.Log)
	}
	cross("Redis is back, and empty", 200, 250*time.Millisecond)

	a.Kill()
	a.Restart()
	fresh := a.dial(t, doc, ada.Token(doc), "bizsync.v1")
	fresh.send(emptyStep1())
	whole := knows(t, client)
	if o := fresh.until("the whole document", func(_ outcome, m []byte) bool { return whole(m) >= clock }); o.code != 0 {
		t.Errorf("closed with %d before the document came", o.code)
	}
}
