package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

func testAccounts(t *testing.T, db Database) {
	w := newWorld(t, db)
	before := time.Now().Add(-time.Second)
	ann, err := w.s.CreateUser(w.ctx, store.User{Email: " Änn@Example.org", Name: "Ann", Role: store.RoleMember, PasswordHash: "h1"})
	ok(t, err)
	if ann.ID == uuid.Nil || ann.CreatedAt.Before(before) || !ann.CreatedAt.Equal(ann.UpdatedAt) || ann.CreatedAt.Location() != time.UTC {
		t.Fatalf("id and times were not set: %+v", ann)
	}

	got, err := w.s.User(w.ctx, ann.ID)
	ok(t, err)
	same(t, "user by id", got, ann)
	for _, email := range []string{" Änn@Example.org", "änn@example.ORG", "  ÄNN@EXAMPLE.ORG  "} {
		got, err := w.s.UserByEmail(w.ctx, email)
		ok(t, err)
		same(t, "user by "+email, got, ann)
	}
	_, err = w.s.CreateUser(w.ctx, store.User{Email: "änn@example.org", Role: store.RoleMember})
	want(t, err, store.ErrConflict)
	_, err = w.s.CreateUser(w.ctx, store.User{Email: "x@example.org", Role: "king"})
	if err == nil {
		t.Fatal("an unknown role was stored")
	}
	_, err = w.s.User(w.ctx, uuid.New())
	want(t, err, store.ErrNotFound)
	_, err = w.s.UserByEmail(w.ctx, "nobody@example.org")
	want(t, err, store.ErrNotFound)

	given := store.User{
		ID: store.NewID(), Email: "bob@example.org", Name: "Bob", Role: store.RoleAdmin, Disabled: true,
		CreatedAt: time.UnixMilli(1_000).UTC(), UpdatedAt: time.UnixMilli(2_000).UTC(),
	}
	bob, err := w.s.CreateUser(w.ctx, given)
	ok(t, err)
	same(t, "a user that brings id and times", bob, given)

	all := []store.User{bob, ann} // oldest first
	for i := range 5 {
		all = append(all, w.user(fmt.Sprint("user", i)))
	}
	for _, limit := range []int{1, 2, 7, 100} {
		list := pages(t, limit, func(p store.Page) ([]store.User, string, error) { return w.s.Users(w.ctx, p) })
		if len(list) != len(all) {
			t.Fatalf("%d users in pages of %d, want %d", len(list), limit, len(all))
		}
		same(t, "oldest users", list[:2], all[:2])
		seen := make(map[store.UserID]bool)
		for _, u := range list {
			seen[u.ID] = true
		}
		if len(seen) != len(all) {
			t.Fatalf("pages of %d repeat users", limit)
		}
	}
	badCursors(t, func(p store.Page) error { _, _, err := w.s.Users(w.ctx, p); return err })

	ok(t, w.s.SetPassword(w.ctx, ann.ID, "h2", uuid.Nil))
	got, err = w.s.User(w.ctx, ann.ID)
	ok(t, err)
	if got.PasswordHash != "h2" {
		t.Fatalf("password hash is %q", got.PasswordHash)
	}
	want(t, w.s.SetPassword(w.ctx, uuid.New(), "h", uuid.Nil), store.ErrNotFound)
}

func badCursors(t *testing.T, list func(store.Page) error) {
	t.Helper()
	for _, cursor := range []string{"x", "!!", "AAAA", "' OR 1=1 --", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="} {
		want(t, list(store.Page{Limit: 10, Cursor: cursor}), store.ErrBadCursor)
	}
}

func testSetup(t *testing.T, db Database) {
	w := newWorld(t, db)
	if any, err := w.s.HasUsers(w.ctx); err != nil || any {
		t.Fatalf("HasUsers of an empty store: %v, %v", any, err)
	}
	ok(t, w.s.CreateLink(w.ctx, store.LinkSetup, uuid.Nil, hash("first"), time.Hour))
	time.Sleep(2 * time.Millisecond) // the databases order them by time
	for i := range store.SetupLinks - 2 {
		ok(t, w.s.CreateLink(w.ctx, store.LinkSetup, uuid.Nil, hash(fmt.Sprint("another", i)), time.Hour))
	}
	ok(t, w.s.CreateLink(w.ctx, store.LinkSetup, uuid.Nil, hash("second"), time.Hour))
	if _, err := w.s.Link(w.ctx, store.LinkSetup, hash("first")); err != nil {
		t.Fatalf("the link of a node that started before: %v", err)
	}
	ok(t, w.s.CreateLink(w.ctx, store.LinkSetup, uuid.Nil, hash("one too many"), time.Hour))
	_, err := w.s.Link(w.ctx, store.LinkSetup, hash("first"))
	want(t, err, store.ErrNotFound)
	user, err := w.s.Link(w.ctx, store.LinkSetup, hash("second"))
	if err != nil || user != uuid.Nil {
		t.Fatalf("setup link: %v, %v", user, err)
	}
	_, err = w.s.UseLink(w.ctx, hash("second"), "h")
	want(t, err, store.ErrNotFound) // it sets nobody's password

	errs := together(20, func(i int) error {
		_, err := w.s.CreateFirstAdmin(w.ctx, store.User{Email: fmt.Sprintf("admin%d@example.org", i)})
		return err
	})
	if n := count(t, errs, store.ErrSetupDone); n != 19 {
		t.Fatalf("%d of 20 first admins were refused", n)
	}
	users, _, err := w.s.Users(w.ctx, store.Page{Limit: 100})
	ok(t, err)
	if len(users) != 1 || users[0].Role != store.RoleAdmin {
		t.Fatalf("users after the race: %+v", users)
	}
	if any, err := w.s.HasUsers(w.ctx); err != nil || !any {
		t.Fatalf("HasUsers: %v, %v", any, err)
	}
	_, err = w.s.Link(w.ctx, store.LinkSetup, hash("second"))
	want(t, err, store.ErrNotFound)
}

func testSessions(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	const idle = 30 * time.Minute
	login := func(u store.User, token string, ttl time.Duration) store.Session {
		t.Helper()
		s := store.Session{
			ID: store.NewID(), User: u.ID, UserAgent: "agent of " + token, Address: "192.0.2.1",
			ExpiresAt: time.Now().Add(ttl).UTC().Truncate(time.Millisecond),
		}
		ok(t, w.s.CreateSession(w.ctx, s, hash(token)))
		return s
	}
	lookup := func(token string) error {
		_, _, err := w.s.SessionByToken(w.ctx, hash(token), idle)
		return err
	}

	made := login(ann, "a1", idle)
	got, user, err := w.s.SessionByToken(w.ctx, hash("a1"), idle)
	ok(t, err)
	same(t, "user of the session", user, ann)
	made.CreatedAt, made.LastSeen = got.CreatedAt, got.LastSeen
	same(t, "session", got, made)
	want(t, lookup("other"), store.ErrNotFound)

	// Not moved within a minute; moved after it; gone when idle.
	db.Age(t, w.s, 50*time.Second)
	got, _, err = w.s.SessionByToken(w.ctx, hash("a1"), idle)
	ok(t, err)
	if left := time.Until(got.ExpiresAt); left > idle-49*time.Second {
		t.Fatalf("expiry moved within a minute: %v left", left)
	}
	db.Age(t, w.s, 20*time.Second)
	got, _, err = w.s.SessionByToken(w.ctx, hash("a1"), idle)
	ok(t, err)
	if left := time.Until(got.ExpiresAt); left < idle-5*time.Second || time.Since(got.LastSeen) > 5*time.Second {
		t.Fatalf("expiry did not slide: %v left", left)
	}
	for range 3 { // used every 20 minutes it lives on
		db.Age(t, w.s, 20*time.Minute)
		ok(t, lookup("a1"))
	}
	db.Age(t, w.s, idle+time.Second)
	want(t, lookup("a1"), store.ErrNotFound)

	login(ann, "a2", idle)
	b1 := login(bob, "b1", idle)
	ok(t, w.s.CreateLink(w.ctx, store.LinkPassword, bob.ID, hash("link"), time.Minute))
	db.Age(t, w.s, 2*time.Minute)
	if n, err := w.s.DeleteExpiredSessions(w.ctx, 100); err != nil || n != 1 {
		t.Fatalf("deleted %d expired sessions, %v; want 1", n, err)
	}
	ok(t, lookup("a2"))

	want(t, w.s.DeleteSession(w.ctx, ann.ID, b1.ID), store.ErrNotFound)
	ok(t, lookup("b1"))
	ok(t, w.s.DeleteSession(w.ctx, bob.ID, b1.ID))
	want(t, lookup("b1"), store.ErrNotFound)
	want(t, w.s.DeleteSession(w.ctx, bob.ID, b1.ID), store.ErrNotFound)

	keep := login(ann, "a3", idle)
	ok(t, w.s.SetPassword(w.ctx, ann.ID, "new", keep.ID))
	want(t, lookup("a2"), store.ErrNotFound)
	ok(t, lookup("a3"))

	db.Disable(t, w.s, ann.ID)
	want(t, lookup("a3"), store.ErrNotFound)
	want(t, w.s.CreateSession(w.ctx, store.Session{ID: store.NewID(), User: ann.ID, ExpiresAt: time.Now().Add(idle)}, hash("a4")), store.ErrNotFound)
	want(t, w.s.CreateSession(w.ctx, store.Session{ID: store.NewID(), User: uuid.New(), ExpiresAt: time.Now().Add(idle)}, hash("a5")), store.ErrNotFound)
}

func testLinks(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	ok(t, w.s.CreateLink(w.ctx, store.LinkPassword, ann.ID, hash("a1"), time.Hour))
	ok(t, w.s.CreateLink(w.ctx, store.LinkPassword, ann.ID, hash("a2"), time.Hour))
	ok(t, w.s.CreateLink(w.ctx, store.LinkPassword, bob.ID, hash("b1"), time.Hour))
	user, err := w.s.Link(w.ctx, store.LinkPassword, hash("a1"))
	if err != nil || user != ann.ID {
		t.Fatalf("link is for %v, %v; want %v", user, err, ann.ID)
	}
	_, err = w.s.Link(w.ctx, store.LinkSetup, hash("a1"))
	want(t, err, store.ErrNotFound)
	want(t, w.s.CreateLink(w.ctx, store.LinkPassword, uuid.New(), hash("x"), time.Hour), store.ErrNotFound)

	ok(t, w.s.CreateSession(w.ctx, store.Session{ID: store.NewID(), User: ann.ID, ExpiresAt: time.Now().Add(time.Hour)}, hash("session")))
	errs := together(8, func(i int) error {
		_, err := w.s.UseLink(w.ctx, hash("a1"), fmt.Sprint("hash", i))
		return err
	})
	if n := count(t, errs, store.ErrNotFound); n != 7 {
		t.Fatalf("%d of 8 uses of one link were refused, want 7", n)
	}
	for i, err := range errs {
		if err == nil {
			got, err := w.s.User(w.ctx, ann.ID)
			ok(t, err)
			same(t, "password hash of the use that won", got.PasswordHash, fmt.Sprint("hash", i))
		}
	}
	_, err = w.s.Link(w.ctx, store.LinkPassword, hash("a2"))
	want(t, err, store.ErrNotFound) // an older link must not undo the new password
	_, _, err = w.s.SessionByToken(w.ctx, hash("session"), time.Hour)
	want(t, err, store.ErrNotFound) // nor an old login outlive it

	ok(t, w.s.CreateLink(w.ctx, store.LinkPassword, ann.ID, hash("a3"), time.Hour))
	ok(t, w.s.CreateLink(w.ctx, store.LinkSetup, uuid.Nil, hash("setup"), time.Hour))
	ok(t, w.s.SetPassword(w.ctx, ann.ID, "changed", uuid.Nil))
	_, err = w.s.Link(w.ctx, store.LinkPassword, hash("a3"))
	want(t, err, store.ErrNotFound)
	_, err = w.s.UseLink(w.ctx, hash("a3"), "of a thief")
	want(t, err, store.ErrNotFound)
	_, err = w.s.Link(w.ctx, store.LinkPassword, hash("b1"))
	ok(t, err)
	_, err = w.s.Link(w.ctx, store.LinkSetup, hash("setup"))
	ok(t, err)

	db.Age(t, w.s, time.Hour+time.Second)
	_, err = w.s.Link(w.ctx, store.LinkPassword, hash("b1"))
	want(t, err, store.ErrNotFound)
	_, err = w.s.UseLink(w.ctx, hash("b1"), "h")
	want(t, err, store.ErrNotFound)

	ok(t, w.s.CreateLink(w.ctx, store.LinkPassword, bob.ID, hash("b2"), time.Hour))
	db.Disable(t, w.s, bob.ID)
	_, err = w.s.UseLink(w.ctx, hash("b2"), "h")
	want(t, err, store.ErrNotFound)
}

func testSecrets(t *testing.T, db Database) {
	w := newWorld(t, db)
	got := make([]string, 8)
	errs := together(8, func(i int) error {
		secret, err := w.s.Secret(w.ctx, "tokens", []byte(fmt.Sprint("candidate", i)))
		got[i] = string(secret)
		return err
	})
	count(t, errs, nil)
	for _, s := range got {
		if s != got[0] || s == "" {
			t.Fatalf("secrets differ: %q", got)
		}
	}
	other, err := w.s.Secret(w.ctx, "relay", []byte("r"))
	ok(t, err)
	same(t, "secret of another name", string(other), "r")
	ok(t, w.s.Ping(w.ctx))
}
