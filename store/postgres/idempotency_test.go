package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/postgres"
)

// TestClaimsOfNodes has nodes claim the same requests at once, over connections of their own: exactly one gets each.
func TestClaimsOfNodes(t *testing.T) {
	const nodes, requests = 3, 50
	f := newFixture(t, shared.database(t), quiet(), 0)
	stores := []*postgres.Store{f.s}
	for len(stores) < nodes {
		s := open(t, f.url)
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		stores = append(stores, s)
	}
	for n := range requests {
		k := store.IdempotencyKey{User: f.ann.ID, Operation: "createDocument", Key: fmt.Sprint(n)}
		var wg sync.WaitGroup
		got := make([]error, nodes)
		for i, s := range stores {
			wg.Go(func() {
				var reply *store.Reply
				if reply, got[i] = s.BeginRequest(t.Context(), k, token("request"), time.Minute); reply != nil {
					t.Errorf("request %d: a reply: %v", n, reply)
				}
			})
		}
		wg.Wait()
		claimed := 0
		for _, err := range got {
			if err == nil {
				claimed++
			} else if !errors.Is(err, store.ErrBusyRequest) {
				t.Errorf("request %d: %v", n, err)
			}
		}
		if claimed != 1 {
			t.Errorf("request %d was claimed by %d nodes", n, claimed)
		}
	}
}

// TestClaimWaits: who claims what another connection is claiming in a transaction that isn't committed yet waits, and then gets it exactly if the other doesn't.
func TestClaimWaits(t *testing.T) {
	for end, want := range map[string]error{"COMMIT": store.ErrBusyRequest, "ROLLBACK": nil} {
		f := newFixture(t, shared.database(t), quiet(), 0)
		other := connect(t, f.url)
		request := token("request")
		run := func(statement string, args ...any) {
			t.Helper()
			if _, err := other.Exec(t.Context(), statement, args...); err != nil {
				t.Fatal(err)
			}
		}
		run("BEGIN")
		run("INSERT INTO requests (user_id, operation, key, request, at, lease_until) VALUES ($1, 'o', 'k', $2, now(), now() + interval '1 minute')", f.ann.ID, request[:])
		done := make(chan error)
		go func() {
			_, err := f.s.BeginRequest(t.Context(), store.IdempotencyKey{User: f.ann.ID, Operation: "o", Key: "k"}, request, time.Minute)
			done <- err
		}()
		waiting(t, f.url, "bizsync")
		run(end)
		if err := <-done; !errors.Is(err, want) {
			t.Errorf("after the other's %s: %v, want %v", end, err, want)
		}
	}
}
