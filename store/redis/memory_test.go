package redis

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory()
		w := world{T: t, a: m, b: m}
		add := func(n int, idle time.Duration) (hash [32]byte) {
			binary.BigEndian.PutUint64(hash[:], uint64(n))
			w.ok(m.CacheSession(t.Context(), hash, newSession(), idle))
			return hash
		}
		for n := range maxMemorySessions / 2 {
			add(n, time.Second)
		}
		time.Sleep(time.Second)
		first := add(maxMemorySessions, time.Minute)
		for n := range maxMemorySessions / 2 {
			add(maxMemorySessions+1+n, time.Minute)
		}
		// Only what had expired made room.
		if got := len(m.sessions); got != maxMemorySessions/2+1 {
			t.Errorf("%d sessions, want %d", got, maxMemorySessions/2+1)
		}
		if _, ok, _ := m.CachedSession(t.Context(), first, time.Minute); !ok {
			t.Error("a living session was forgotten for a dead one")
		}
		for n := range 3 * maxMemorySessions {
			last := add(n, time.Minute)
			if _, ok, _ := m.CachedSession(t.Context(), last, time.Minute); !ok || len(m.sessions) > maxMemorySessions {
				t.Fatalf("session %d is there: %v, among %d", n, ok, len(m.sessions))
			}
		}
		w.renew(m, newNode("a"), nil, nil, false)
		time.Sleep(NodeTTL)
		w.nodes()
		if len(m.nodes) != 0 || len(m.leases) != 0 {
			t.Errorf("%d nodes, %d lists of leases kept", len(m.nodes), len(m.leases))
		}
	})
}
