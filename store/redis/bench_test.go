package redis

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// BenchmarkRenew writes a node's record and so many leases; BenchmarkLeases reads them.
func BenchmarkRenew(b *testing.B) {
	forLeases(b, func(b *testing.B, s *Shared, n store.Node, leases []store.Lease) {
		for b.Loop() {
			if _, err := s.Renew(b.Context(), n, leases, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkLeases(b *testing.B) {
	forLeases(b, func(b *testing.B, s *Shared, n store.Node, leases []store.Lease) {
		for b.Loop() {
			if got, err := s.Leases(b.Context(), n.Run); err != nil || len(got) != len(leases) {
				// Those that expire under a long run are written again.
				if _, err := s.Renew(b.Context(), n, leases, nil); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

func forLeases(b *testing.B, run func(*testing.B, *Shared, store.Node, []store.Lease)) {
	srv := startRedis(b)
	s := openShared(b, srv.url())
	for _, count := range []int{0, 1, 200, 1000, 10_000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			n := newNode("a")
			leases := make([]store.Lease, count)
			for i := range leases {
				leases[i] = newLease(n, "A person's name")
			}
			if _, err := s.Renew(b.Context(), n, leases, []uuid.UUID{uuid.New()}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			run(b, s, n, leases)
		})
	}
}

// BenchmarkCachedSession is what a request with a cookie pays in place of a query to the database.
func BenchmarkCachedSession(b *testing.B) {
	srv := startRedis(b)
	for name, s := range map[string]shared{"redis": openShared(b, srv.url()), "memory": NewMemory()} {
		b.Run(name, func(b *testing.B) {
			hash := [32]byte{1}
			if err := s.CacheSession(b.Context(), hash, newSession(), time.Minute); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, ok, err := s.CachedSession(b.Context(), hash, time.Minute); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}
