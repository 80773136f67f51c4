package postgres_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// crowd is a document of many members, who were made and added in falling order of their ids.
func crowd(t *testing.T, members int) (*fixture, []store.User) {
	t.Helper()
	f := newFixture(t, shared.database(t), quiet(), 1)
	ids := make([]uuid.UUID, members)
	for i := range ids {
		ids[i] = store.NewID()
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(b[:], a[:]) })
	var users []store.User
	for i, id := range ids {
		u, err := f.s.CreateUser(t.Context(), store.User{ID: id, Email: fmt.Sprintf("m%d@example.org", i), Role: store.RoleMember})
		if err == nil {
			_, err = f.s.SetMember(t.Context(), f.heads[0].Document, id, store.Viewer, uuid.Nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, u)
	}
	return f, users
}

// TestNoticesAreNumberedInOrder: whoever tells many waits for the first person's numbers before it has anybody else's, whatever order people are found in. So two that tell the
// same people never wait for each other.
func TestNoticesAreNumberedInOrder(t *testing.T) {
	const members = 20
	f, users := crowd(t, members)
	conn := connect(t, f.url)
	tx, err := connect(t, f.url).Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), "SELECT FROM notice_heads WHERE user_id = $1 FOR UPDATE", users[members-1].ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	var told []store.UserID
	go func() {
		var err error
		told, err = f.s.TrashDocument(t.Context(), f.heads[0].Document, f.ann.ID)
		done <- err
	}()
	waiting(t, f.url, "bizsync")
	var free int
	err = conn.QueryRow(t.Context(), "SELECT count(*) FROM (SELECT FROM notice_heads FOR UPDATE SKIP LOCKED) h").Scan(&free)
	if err != nil || free != members-1 {
		t.Errorf("%d of %d rows are free while the first is waited for, %v", free, members-1, err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || len(told) != members {
		t.Fatalf("told %d of %d, %v", len(told), members, err)
	}
}

// TestSetMemberWhileDeleted changes members' roles from both ends while the document goes to the trash and back, on two nodes: all wait for the document's head first.
func TestSetMemberWhileDeleted(t *testing.T) {
	const members, rounds = 40, 5
	f, users := crowd(t, members)
	other := open(t, f.url)
	defer other.Close()
	id := f.heads[0].Document
	start := time.Now()
	done := make(chan error, 3)
	go func() {
		done <- func() error {
			for range rounds {
				if told, err := f.s.TrashDocument(t.Context(), id, f.ann.ID); err != nil || len(told) != members {
					return fmt.Errorf("told %d: %w", len(told), err)
				}
				if told, err := other.RestoreDocument(t.Context(), id, f.ann.ID); err != nil || len(told) != members {
					return fmt.Errorf("told %d: %w", len(told), err)
				}
			}
			return nil
		}()
	}()
	for n, s := range []store.Store{f.s, other} {
		go func() {
			done <- func() error {
				for i := range members {
					if n == 1 {
						i = members - 1 - i
					}
					if _, err := s.SetMember(t.Context(), id, users[i].ID, store.Editor+store.Role(n), f.ann.ID); err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d acts with %d members in %v", 2*rounds+2*members, members, time.Since(start))
	// Each was told of the sharing, of every deletion and return, and of both roles, whichever came first.
	for _, u := range users {
		list, err := f.s.NoticesAfter(t.Context(), u.ID, 0, 100)
		if err != nil || len(list) != 1+2*rounds+2 {
			t.Fatalf("%d notices, %v; want %d", len(list), err, 1+2*rounds+2)
		}
		for i, n := range list {
			if n.Seq != uint64(i+1) || i > 0 && n.CreatedAt.Before(list[i-1].CreatedAt) {
				t.Fatalf("notice %d is out of order: %+v", i+1, n)
			}
		}
	}
}

// BenchmarkTrash has a document of 1,000 members go to the trash and back.
func BenchmarkTrash(b *testing.B) {
	f := newFixture(b, shared.database(b), quiet(), 1)
	behind(b, f.url, `INSERT INTO users (id, email, email_key, name, role, password_hash, created_at, updated_at)
		SELECT gen_random_uuid(), 'u' || i, 'u' || i, 'u', 'member', '', now(), now() FROM generate_series(1, 1000) i`)
	behind(b, f.url, "INSERT INTO members SELECT $1, id, 1, now() FROM users WHERE id <> $2", f.heads[0].Document, f.ann.ID)
	for b.Loop() {
		if told, err := f.s.TrashDocument(b.Context(), f.heads[0].Document, f.ann.ID); err != nil || len(told) != 1000 {
			b.Fatal(len(told), err)
		}
		if _, err := f.s.RestoreDocument(b.Context(), f.heads[0].Document, f.ann.ID); err != nil {
			b.Fatal(err)
		}
	}
}
