package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// apiKey stores a key of u under a token, which is its name too.
func (w *world) apiKey(u store.User, token string, expires time.Time) store.APIKey {
	w.t.Helper()
	k, err := w.s.CreateAPIKey(w.ctx, store.APIKey{User: u.ID, Name: token, Scopes: []string{"documents:read", "tokens"}, ExpiresAt: expires}, hash(token))
	ok(w.t, err)
	return k
}

func testAPIKeys(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	lookup := func(token string) error {
		_, _, err := w.s.APIKeyByToken(w.ctx, hash(token))
		return err
	}

	k := w.apiKey(ann, "k", time.Time{})
	same(t, "key", k, store.APIKey{ID: k.ID, User: ann.ID, Name: "k", Scopes: []string{"documents:read", "tokens"}, CreatedAt: k.CreatedAt})
	if k.ID == uuid.Nil || time.Since(k.CreatedAt) > time.Minute || k.CreatedAt.Location() != time.UTC {
		t.Fatalf("id and time were not set: %+v", k)
	}
	given := store.APIKey{
		ID: store.NewID(), User: ann.ID, Name: "given", Scopes: []string{},
		CreatedAt: time.UnixMilli(1_000).UTC(), ExpiresAt: time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond),
	}
	got, err := w.s.CreateAPIKey(w.ctx, given, hash("given"))
	ok(t, err)
	same(t, "a key that brings id and times", got, given)
	bare, err := w.s.CreateAPIKey(w.ctx, store.APIKey{User: ann.ID}, hash("bare"))
	ok(t, err)
	if len(bare.Scopes) != 0 {
		t.Fatalf("scopes of a key without any: %q", bare.Scopes)
	}
	ok(t, w.s.DeleteAPIKey(w.ctx, ann.ID, bare.ID))
	_, err = w.s.CreateAPIKey(w.ctx, store.APIKey{User: ann.ID}, hash("k"))
	want(t, err, store.ErrConflict)
	_, err = w.s.CreateAPIKey(w.ctx, store.APIKey{User: uuid.New()}, hash("x"))
	want(t, err, store.ErrNotFound)

	// Used for the first time; then noted at most once a minute.
	got, user, err := w.s.APIKeyByToken(w.ctx, hash("k"))
	ok(t, err)
	same(t, "user of the key", user, ann)
	if time.Since(got.LastUsed) > time.Minute || got.LastUsed.Location() != time.UTC {
		t.Fatalf("last used at %v", got.LastUsed)
	}
	first := got.LastUsed
	k.LastUsed = first
	same(t, "key by its token", got, k)
	db.Age(t, w.s, 50*time.Second)
	got, _, err = w.s.APIKeyByToken(w.ctx, hash("k"))
	ok(t, err)
	if !got.LastUsed.Equal(first.Add(-50 * time.Second)) {
		t.Fatalf("last use was moved within a minute: %v, was %v", got.LastUsed, first)
	}
	db.Age(t, w.s, 20*time.Second)
	got, _, err = w.s.APIKeyByToken(w.ctx, hash("k"))
	ok(t, err)
	if time.Since(got.LastUsed) > 30*time.Second {
		t.Fatalf("last use did not move: %v", got.LastUsed)
	}
	want(t, lookup("other"), store.ErrNotFound)

	ok(t, lookup("given"))
	db.Age(t, w.s, time.Hour)
	want(t, lookup("given"), store.ErrNotFound)
	ok(t, lookup("k"))

	made := []uuid.UUID{k.ID, given.ID} // newest first; expired ones are listed
	for i := range 5 {
		made = append([]uuid.UUID{w.apiKey(ann, fmt.Sprint("n", i), time.Time{}).ID}, made...)
		db.Age(t, w.s, time.Second)
	}
	w.apiKey(bob, "bobs", time.Time{})
	for _, limit := range []int{1, 3, 50} {
		var ids []uuid.UUID
		for _, k := range pages(t, limit, func(p store.Page) ([]store.APIKey, string, error) { return w.s.APIKeys(w.ctx, ann.ID, p) }) {
			ids = append(ids, k.ID)
		}
		same(t, fmt.Sprintf("keys in pages of %d", limit), ids, made)
	}
	badCursors(t, func(p store.Page) error { _, _, err := w.s.APIKeys(w.ctx, ann.ID, p); return err })

	want(t, w.s.DeleteAPIKey(w.ctx, bob.ID, k.ID), store.ErrNotFound)
	ok(t, lookup("k"))
	ok(t, w.s.DeleteAPIKey(w.ctx, ann.ID, k.ID))
	want(t, lookup("k"), store.ErrNotFound)
	want(t, w.s.DeleteAPIKey(w.ctx, ann.ID, k.ID), store.ErrNotFound)

	_, err = w.s.ChangeUser(w.ctx, bob.ID, disabled(true))
	ok(t, err)
	want(t, lookup("bobs"), store.ErrNotFound)
	_, err = w.s.CreateAPIKey(w.ctx, store.APIKey{User: bob.ID}, hash("late"))
	want(t, err, store.ErrNotFound)
	_, err = w.s.ChangeUser(w.ctx, bob.ID, disabled(false))
	ok(t, err)
	ok(t, lookup("bobs"))
}
