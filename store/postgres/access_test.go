package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// TestLoginsDoNotContend: while somebody holds the one row of the access revision, people log in and use their sessions and keys, and edits are committed.
func TestLoginsDoNotContend(t *testing.T) {
	f := newFixture(t, shared.database(t), quiet(), 1)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // less than the lock timeout
	defer cancel()
	tx, err := connect(t, f.url).Begin(ctx)
	if err == nil {
		_, err = tx.Exec(ctx, "SELECT FROM access_revision FOR UPDATE")
	}
	if err != nil {
		t.Fatal(err)
	}
	expires := time.Now().Add(time.Hour)
	if err := f.s.CreateSession(ctx, store.Session{ID: uuid.New(), User: f.ann.ID, ExpiresAt: expires}, [32]byte{1}); err != nil {
		t.Error(err)
	}
	behind(t, f.url, "UPDATE sessions SET last_seen = last_seen - interval '1 hour'") // so that it slides
	if _, _, err := f.s.SessionByToken(ctx, [32]byte{1}, time.Hour); err != nil {
		t.Error(err)
	}
	if _, err := f.s.CreateAPIKey(ctx, store.APIKey{User: f.ann.ID}, [32]byte{2}); err != nil {
		t.Error(err)
	}
	if _, _, err := f.s.APIKeyByToken(ctx, [32]byte{2}); err != nil {
		t.Error(err)
	}
	if res, err := f.s.Append(ctx, f.batch("text", f.heads...)); err != nil || res.Documents[0].Refused != store.Accepted {
		t.Errorf("append: %+v, %v", res, err)
	}
	if _, err := f.s.AccessRevision(ctx); err != nil {
		t.Error(err)
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestNodeOfVersionBefore: what such a node changes moves the revision too, though it knows nothing of it.
func TestNodeOfVersionBefore(t *testing.T) {
	f := newFixture(t, shared.database(t), quiet(), 0)
	if err := f.s.CreateSession(t.Context(), store.Session{ID: uuid.New(), User: f.ann.ID, ExpiresAt: time.Now().Add(time.Hour)}, [32]byte{1}); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"DELETE FROM sessions",
		"UPDATE users SET password_hash = 'new'",
		"DELETE FROM users",
	} {
		before, err := f.s.AccessRevision(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		behind(t, f.url, statement)
		if after, err := f.s.AccessRevision(t.Context()); err != nil || after <= before {
			t.Fatalf("%s: revision was %d, is %d, %v", statement, before, after, err)
		}
	}
}
