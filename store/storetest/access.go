package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

const idle = 30 * time.Minute

// login stores a session of u under a token.
func (w *world) login(u store.User, token string) store.Session {
	w.t.Helper()
	s := store.Session{ID: store.NewID(), User: u.ID, UserAgent: "agent", Address: "192.0.2.1", ExpiresAt: time.Now().Add(idle).UTC().Truncate(time.Millisecond)}
	ok(w.t, w.s.CreateSession(w.ctx, s, hash(token)))
	return s
}

func (w *world) admin(name string) store.User {
	w.t.Helper()
	u, err := w.s.CreateUser(w.ctx, store.User{Email: name + "@example.org", Name: name, Role: store.RoleAdmin})
	ok(w.t, err)
	return u
}

func (w *world) revision() uint64 {
	w.t.Helper()
	r, err := w.s.AccessRevision(w.ctx)
	ok(w.t, err)
	return r
}

func (w *world) lapsed(c store.Credentials) store.Credentials {
	w.t.Helper()
	gone, err := w.s.Lapsed(w.ctx, c)
	ok(w.t, err)
	return gone
}

// disabled, named and ranked are changes of an account.
func disabled(is bool) store.UserChange           { return store.UserChange{Disabled: &is} }
func named(name string) store.UserChange          { return store.UserChange{Name: &name} }
func ranked(role store.UserRole) store.UserChange { return store.UserChange{Role: &role} }

func testChangeUser(t *testing.T, db Database) {
	w := newWorld(t, db)
	change := func(u store.User, c store.UserChange) store.User {
		t.Helper()
		got, err := w.s.ChangeUser(w.ctx, u.ID, c)
		ok(t, err)
		read, err := w.s.User(w.ctx, u.ID)
		ok(t, err)
		same(t, "user read back", read, got)
		return got
	}
	root, bob := w.admin("root"), w.user("bob")
	db.Age(t, w.s, time.Hour)
	before, err := w.s.User(w.ctx, bob.ID)
	ok(t, err)
	same(t, "change of nothing", change(bob, store.UserChange{}), before)
	same(t, "change to what it was", change(bob, named("bob")), before)
	name, role := "Robert", store.RoleAdmin
	after := change(bob, store.UserChange{Name: &name, Role: &role})
	if !after.UpdatedAt.After(before.UpdatedAt) {
		t.Fatalf("updated at %v, before at %v", after.UpdatedAt, before.UpdatedAt)
	}
	before.Name, before.Role, before.UpdatedAt = name, role, after.UpdatedAt
	same(t, "changed user", after, before)
	_, err = w.s.ChangeUser(w.ctx, uuid.New(), named("x"))
	want(t, err, store.ErrNotFound)
	if _, err := w.s.ChangeUser(w.ctx, bob.ID, ranked("king")); err == nil {
		t.Fatal("an unknown role was stored")
	}

	// Disabling ends what lets people in, for good.
	w.login(bob, "b1")
	w.login(root, "r1")
	ok(t, w.s.CreateLink(w.ctx, store.LinkPassword, bob.ID, hash("link"), time.Hour))
	if !change(bob, disabled(true)).Disabled || change(bob, disabled(false)).Disabled {
		t.Fatal("not disabled and enabled")
	}
	_, _, err = w.s.SessionByToken(w.ctx, hash("b1"), idle)
	want(t, err, store.ErrNotFound)
	_, err = w.s.Link(w.ctx, store.LinkPassword, hash("link"))
	want(t, err, store.ErrNotFound)
	_, _, err = w.s.SessionByToken(w.ctx, hash("r1"), idle)
	ok(t, err)

	// Whoever logs in while the account is being disabled is not in when it is enabled again.
	for i := range 10 {
		errs := together(4, func(n int) error {
			if n == 0 {
				_, err := w.s.ChangeUser(w.ctx, bob.ID, disabled(true))
				return err
			}
			s := store.Session{ID: store.NewID(), User: bob.ID, ExpiresAt: time.Now().Add(idle)}
			return w.s.CreateSession(w.ctx, s, hash(fmt.Sprint("race", i, n)))
		})
		count(t, errs, store.ErrNotFound)
		change(bob, disabled(false))
		if left, _, err := w.s.Sessions(w.ctx, bob.ID, store.Page{}); err != nil || len(left) != 0 {
			t.Fatalf("sessions after disabling: %+v, %v", left, err)
		}
	}
}

// testLastAdmin: an admin whose account works is always left, whatever two do at once.
func testLastAdmin(t *testing.T, db Database) {
	w := newWorld(t, db)
	admins := []store.User{w.admin("a"), w.admin("b")}
	spare := w.admin("c")
	_, err := w.s.ChangeUser(w.ctx, spare.ID, disabled(true)) // who doesn't count
	ok(t, err)
	member := store.RoleMember
	for i := range 10 {
		ways := []store.UserChange{disabled(true), ranked(member)}
		errs := together(2, func(n int) error {
			_, err := w.s.ChangeUser(w.ctx, admins[n].ID, ways[(i+n*(i/2))%2])
			return err
		})
		if n := count(t, errs, store.ErrLastAdmin); n != 1 {
			t.Fatalf("round %d: %d of two admins were kept", i, n)
		}
		left := admins[slices.IndexFunc(errs, func(err error) bool { return err != nil })]
		both := store.UserChange{Role: &member, Disabled: new(bool)}
		for _, c := range []store.UserChange{disabled(true), ranked(member), both} {
			_, err := w.s.ChangeUser(w.ctx, left.ID, c)
			want(t, err, store.ErrLastAdmin)
		}
		_, err := w.s.ChangeUser(w.ctx, left.ID, named(fmt.Sprint("name", i)))
		ok(t, err)
		for _, u := range admins {
			role := store.RoleAdmin
			_, err := w.s.ChangeUser(w.ctx, u.ID, store.UserChange{Role: &role, Disabled: new(bool)})
			ok(t, err)
		}
	}
}

func testSessionList(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	w.login(ann, "old")
	w.login(bob, "other")
	db.Age(t, w.s, idle-time.Minute)
	var made []uuid.UUID // newest first
	for i := range 5 {
		made = append([]uuid.UUID{w.login(ann, fmt.Sprint("s", i)).ID}, made...)
		db.Age(t, w.s, time.Minute)
	}
	for _, limit := range []int{1, 2, 5, 50} {
		var ids []uuid.UUID
		for _, s := range pages(t, limit, func(p store.Page) ([]store.Session, string, error) { return w.s.Sessions(w.ctx, ann.ID, p) }) {
			ids = append(ids, s.ID)
		}
		same(t, fmt.Sprintf("sessions in pages of %d", limit), ids, made)
	}
	list, _, err := w.s.Sessions(w.ctx, ann.ID, store.Page{Limit: 1})
	ok(t, err)
	got, _, err := w.s.SessionByToken(w.ctx, hash("s4"), 2*idle)
	ok(t, err)
	list[0].LastSeen, list[0].ExpiresAt = got.LastSeen, got.ExpiresAt // which slid
	same(t, "session in the list", list[0], got)
	badCursors(t, func(p store.Page) error { _, _, err := w.s.Sessions(w.ctx, ann.ID, p); return err })
}

// testRevision: the revision moves with what takes access away, and with nothing else.
func testRevision(t *testing.T, db Database) {
	w := newWorld(t, db)
	root, ann := w.admin("root"), w.user("ann")
	d := w.document(ann)
	s1 := w.login(ann, "s1")
	w.login(ann, "s2")
	key := w.apiKey(ann, "key", time.Time{})
	revision := w.revision()
	if revision == 0 || revision != w.revision() {
		t.Fatalf("revision %d moves by itself", revision)
	}
	change := func(u store.User, c store.UserChange) error { _, err := w.s.ChangeUser(w.ctx, u.ID, c); return err }
	for _, step := range []struct {
		what  string
		moves bool
		fails error
		do    func() error
	}{
		{"a login", false, nil, func() error { w.login(ann, "s3"); return nil }},
		{"a look at a session", false, nil, func() error { _, _, err := w.s.SessionByToken(w.ctx, hash("s1"), idle); return err }},
		{"a slid session", false, nil, func() error {
			db.Age(t, w.s, 2*time.Minute)
			_, _, err := w.s.SessionByToken(w.ctx, hash("s1"), idle)
			return err
		}},
		{"a new account", false, nil, func() error { w.user("new"); return nil }},
		{"a member", false, nil, func() error { w.member(d, root, store.Editor); return nil }},
		{"an edit", false, nil, func() error { w.write(d, ann, "text"); return nil }},
		{"a new key", false, nil, func() error { w.apiKey(ann, "other", time.Time{}); return nil }},
		{"a used key", false, nil, func() error { _, _, err := w.s.APIKeyByToken(w.ctx, hash("key")); return err }},
		{"a logout", true, nil, func() error { return w.s.DeleteSession(w.ctx, ann.ID, s1.ID) }},
		{"a logout of nobody", false, store.ErrNotFound, func() error { return w.s.DeleteSession(w.ctx, ann.ID, s1.ID) }},
		{"a password", true, nil, func() error { return w.s.SetPassword(w.ctx, ann.ID, "h", uuid.Nil) }},
		{"a password of nobody", false, store.ErrNotFound, func() error { return w.s.SetPassword(w.ctx, uuid.New(), "h", uuid.Nil) }},
		{"a link", false, nil, func() error { return w.s.CreateLink(w.ctx, store.LinkPassword, ann.ID, hash("link"), time.Hour) }},
		{"a used link", true, nil, func() error { _, err := w.s.UseLink(w.ctx, hash("link"), "h2"); return err }},
		{"a used up link", false, store.ErrNotFound, func() error { _, err := w.s.UseLink(w.ctx, hash("link"), "h3"); return err }},
		{"a name", true, nil, func() error { return change(ann, named("Anna")) }},
		{"the same name", false, nil, func() error { return change(ann, named("Anna")) }},
		{"a promotion", true, nil, func() error { return change(ann, ranked(store.RoleAdmin)) }},
		{"a demotion", true, nil, func() error { return change(ann, ranked(store.RoleMember)) }},
		{"a refused demotion", false, store.ErrLastAdmin, func() error { return change(root, ranked(store.RoleMember)) }},
		{"a disabled account", true, nil, func() error { return change(ann, disabled(true)) }},
		{"an enabled account", true, nil, func() error { return change(ann, disabled(false)) }},
		{"a deleted key", true, nil, func() error { return w.s.DeleteAPIKey(w.ctx, ann.ID, key.ID) }},
		{"a deleted key again", false, store.ErrNotFound, func() error { return w.s.DeleteAPIKey(w.ctx, ann.ID, key.ID) }},
		{"an expired session", false, nil, func() error {
			w.login(ann, "s4")
			db.Age(t, w.s, idle+time.Second)
			n, err := w.s.DeleteExpiredSessions(w.ctx, 100)
			if n == 0 {
				t.Error("nothing had expired")
			}
			return err
		}},
	} {
		err := step.do()
		if step.fails != nil {
			want(t, err, step.fails)
		} else {
			ok(t, err)
		}
		if now := w.revision(); now < revision || now > revision != step.moves {
			t.Fatalf("%s: revision was %d, is %d", step.what, revision, now)
		}
		revision = w.revision()
	}
}

// testRevisionAtomic: nobody sees a login gone before the revision has moved, nor the other way round.
func testRevisionAtomic(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	for i := range 30 {
		s := w.login(ann, fmt.Sprint("s", i))
		before := w.revision()
		c := store.Credentials{Sessions: []uuid.UUID{s.ID}}
		ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second) // for whoever waits in vain
		errs := together(4, func(n int) error {
			switch n {
			case 0:
				return w.s.DeleteSession(ctx, ann.ID, s.ID)
			case 1, 2: // looks at the session first
				for {
					gone, err := w.s.Lapsed(ctx, c)
					if err != nil {
						return err
					}
					if len(gone.Sessions) == 0 {
						continue
					}
					now, err := w.s.AccessRevision(ctx)
					if err == nil && now == before {
						err = fmt.Errorf("the session is gone, and the revision stays at %d", now)
					}
					return err
				}
			default: // looks at the revision first
				for {
					now, err := w.s.AccessRevision(ctx)
					if err != nil {
						return err
					}
					if now == before {
						continue
					}
					gone, err := w.s.Lapsed(ctx, c)
					if err == nil && len(gone.Sessions) == 0 {
						err = fmt.Errorf("the revision has moved to %d, and the session is there", now)
					}
					return err
				}
			}
		})
		cancel()
		count(t, errs, nil)
	}

	// Many at once: each moves it.
	before := w.revision()
	var sessions []store.Session
	for i := range 20 {
		sessions = append(sessions, w.login(ann, fmt.Sprint("m", i)))
	}
	count(t, together(20, func(i int) error { return w.s.DeleteSession(w.ctx, ann.ID, sessions[i].ID) }), nil)
	if now := w.revision(); now < before+20 {
		t.Fatalf("20 logouts moved the revision from %d to %d", before, now)
	}
}

func testLapsed(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	nobody := uuid.New()
	same(t, "lapsed of nothing", w.lapsed(store.Credentials{}), store.Credentials{})

	kept, ended, late := w.login(ann, "kept"), w.login(ann, "ended"), w.login(ann, "late")
	bobs := w.login(bob, "bobs")
	soon := time.Now().Add(time.Hour)
	key, deleted, expiring, bobsKey := w.apiKey(ann, "k1", time.Time{}), w.apiKey(ann, "k2", time.Time{}), w.apiKey(ann, "k3", soon), w.apiKey(bob, "k4", time.Time{})
	all := store.Credentials{
		Users:    []store.UserID{ann.ID, bob.ID},
		Sessions: []uuid.UUID{kept.ID, ended.ID, late.ID, bobs.ID},
		Keys:     []uuid.UUID{key.ID, deleted.ID, expiring.ID, bobsKey.ID},
	}
	same(t, "lapsed at first", w.lapsed(all), store.Credentials{})
	unknown := store.Credentials{Users: []store.UserID{nobody}, Sessions: []uuid.UUID{nobody}, Keys: []uuid.UUID{nobody}}
	same(t, "lapsed of what never was", w.lapsed(unknown), unknown)
	same(t, "kinds are not mixed up", w.lapsed(store.Credentials{Users: all.Sessions[:1], Sessions: all.Keys[:1], Keys: all.Users[:1]}),
		store.Credentials{Users: all.Sessions[:1], Sessions: all.Keys[:1], Keys: all.Users[:1]})

	ok(t, w.s.DeleteSession(w.ctx, ann.ID, ended.ID))
	ok(t, w.s.DeleteAPIKey(w.ctx, ann.ID, deleted.ID))
	same(t, "after a logout and a deletion", w.lapsed(all), store.Credentials{Sessions: []uuid.UUID{ended.ID}, Keys: []uuid.UUID{deleted.ID}})

	_, err := w.s.ChangeUser(w.ctx, bob.ID, disabled(true))
	ok(t, err)
	gone := w.lapsed(all)
	sortIDs(gone.Sessions, gone.Keys)
	wanted := store.Credentials{Users: []store.UserID{bob.ID}, Sessions: []uuid.UUID{ended.ID, bobs.ID}, Keys: []uuid.UUID{deleted.ID, bobsKey.ID}}
	sortIDs(wanted.Sessions, wanted.Keys)
	same(t, "after an account was disabled", gone, wanted)
	_, err = w.s.ChangeUser(w.ctx, bob.ID, disabled(false))
	ok(t, err)
	same(t, "keys of an account that is enabled again", w.lapsed(store.Credentials{Users: all.Users, Keys: []uuid.UUID{bobsKey.ID}}), store.Credentials{})

	db.Age(t, w.s, 20*time.Minute)
	_, _, err = w.s.SessionByToken(w.ctx, hash("kept"), idle) // slides
	ok(t, err)
	db.Age(t, w.s, 11*time.Minute)
	gone = w.lapsed(store.Credentials{Sessions: []uuid.UUID{kept.ID, late.ID}, Keys: []uuid.UUID{key.ID, expiring.ID}})
	same(t, "an idle session", gone, store.Credentials{Sessions: []uuid.UUID{late.ID}})
	db.Age(t, w.s, 30*time.Minute)
	same(t, "an expired key", w.lapsed(store.Credentials{Keys: []uuid.UUID{key.ID, expiring.ID}}), store.Credentials{Keys: []uuid.UUID{expiring.ID}})
}

func sortIDs(lists ...[]uuid.UUID) {
	for _, l := range lists {
		slices.SortFunc(l, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	}
}
