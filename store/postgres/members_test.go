package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// TestLastOwners has the two owners of a document leave at the same moment, on two nodes: the head's lock makes the second see what the first did.
func TestLastOwners(t *testing.T) {
	f := newFixture(t, shared.database(t), quiet(), 1)
	id := f.heads[0].Document
	bob, err := f.s.CreateUser(t.Context(), store.User{Email: "bob@example.org", Role: store.RoleMember})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.s.SetMember(t.Context(), id, bob.ID, store.Owner, uuid.Nil); err != nil {
		t.Fatal(err)
	}
	other := open(t, f.url)
	defer other.Close()

	release := locked(t, f.url, id)
	done := make(chan error, 2)
	go func() { _, err := f.s.RemoveMember(t.Context(), id, f.ann.ID, uuid.Nil); done <- err }()
	go func() { _, err := other.RemoveMember(t.Context(), id, bob.ID, uuid.Nil); done <- err }()
	conn := connect(t, f.url)
	for n, deadline := 0, time.Now().Add(10*time.Second); n < 2; time.Sleep(2 * time.Millisecond) {
		err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&n)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%d calls wait for the head: %v", n, err)
		}
	}
	release()
	one, two := <-done, <-done
	if (one == nil) == (two == nil) || !errors.Is(errors.Join(one, two), store.ErrLastOwner) {
		t.Fatalf("two owners left: %v, %v", one, two)
	}
}
