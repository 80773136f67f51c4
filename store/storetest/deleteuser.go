package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

func testDeleteUser(t *testing.T, db Database) {
	w := newWorld(t, db)
	root, ann, bob, eve := w.admin("root"), w.user("ann"), w.user("bob"), w.user("eve")
	alone, trashed, shared, onlyDisabled := w.titled("alone", ann), w.titled("trashed", ann), w.titled("shared", ann), w.titled("only disabled", ann)
	bobs, untouched, hers := w.titled("bob's", bob), w.titled("untouched", bob), w.titled("hers, whom she left it to", ann)
	w.member(shared, bob, store.Owner)
	w.member(onlyDisabled, eve, store.Owner)
	w.member(bobs, ann, store.Editor)
	w.member(alone, root, store.Viewer) // who is promoted
	w.member(hers, bob, store.Owner)
	ok(t, w.remove(hers.ID, ann.ID, ann.ID))
	ok(t, w.trash(trashed.ID))
	db.Disable(t, w.s, eve.ID)

	w.login(ann, "ann's")
	w.login(bob, "bob's")
	ok(t, w.s.CreateLink(w.ctx, store.LinkPassword, ann.ID, hash("link"), time.Hour))
	key, bobsKey := w.apiKey(ann, "key", time.Time{}), w.apiKey(bob, "bob's key", time.Time{})
	old := w.apiKey(ann, "old", time.Time{})
	guest, bobsGuest, lapsed := w.guest(key, "1"), w.guest(bobsKey, "1"), w.guest(old, "1")
	guestsDoc := w.titled("where her guests are, too", bob)
	w.member(guestsDoc, ann, store.Editor)
	w.member(guestsDoc, guest, store.Editor)
	w.member(untouched, bobsGuest, store.Editor)
	w.member(guestsDoc, lapsed, store.Viewer)
	ok(t, w.s.DeleteAPIKey(w.ctx, ann.ID, old.ID))
	w.append(part(w.head(bobs.ID), newRow(ann, "text of ann", 5)))
	_, err := w.transfer(bobs.ID, ann.ID, bob.ID) // which bob stays an owner of
	ok(t, err)
	stranger := w.guest(bobsKey, "2")

	before := make(map[store.DocumentID]store.Head)
	for _, d := range []store.Document{alone, trashed, shared, onlyDisabled, bobs, guestsDoc, untouched, hers} {
		before[d.ID] = w.head(d.ID)
	}
	revision := w.revision()
	for _, c := range []struct {
		who, heir store.UserID
		err       error
	}{
		{uuid.New(), root.ID, store.ErrNotFound},
		{guest.ID, root.ID, store.ErrNotFound},
		{ann.ID, ann.ID, store.ErrConflict},
		{ann.ID, uuid.New(), store.ErrNotFound},
		{ann.ID, eve.ID, store.ErrNotFound},
		{ann.ID, stranger.ID, store.ErrNotFound},
		{root.ID, ann.ID, store.ErrLastAdmin},
	} {
		_, err := w.s.DeleteUser(w.ctx, c.who, c.heir)
		want(t, err, c.err)
	}
	if w.revision() != revision || w.head(alone.ID) != before[alone.ID] {
		t.Fatal("a refused deletion moved something")
	}

	affected, err := w.s.DeleteUser(w.ctx, ann.ID, root.ID)
	ok(t, err)
	wanted := []store.DocumentID{alone.ID, trashed.ID, shared.ID, onlyDisabled.ID, bobs.ID, guestsDoc.ID, hers.ID}
	sortIDs(affected, wanted)
	same(t, "affected", affected, wanted)
	for id, h := range before {
		if moved := w.head(id).AccessVersion > h.AccessVersion; moved != slices.Contains(wanted, id) {
			t.Errorf("document %v: access version moved: %v", id, moved)
		}
	}
	if w.revision() == revision {
		t.Error("the access revision did not move")
	}

	// Nothing is left of the account.
	for _, id := range []store.UserID{ann.ID, guest.ID, lapsed.ID} {
		_, err := w.s.User(w.ctx, id)
		want(t, err, store.ErrNotFound)
	}
	_, err = w.s.UserByEmail(w.ctx, "ann@example.org")
	want(t, err, store.ErrNotFound)
	users, _, err := w.s.Users(w.ctx, store.Page{})
	ok(t, err)
	same(t, "users", len(users), 3)
	for what, do := range map[string]func() error{
		"session":    func() error { _, _, err := w.s.SessionByToken(w.ctx, hash("ann's"), idle); return err },
		"link":       func() error { _, err := w.s.Link(w.ctx, store.LinkPassword, hash("link")); return err },
		"used link":  func() error { _, err := w.s.UseLink(w.ctx, hash("link"), "h"); return err },
		"key":        func() error { _, _, err := w.s.APIKeyByToken(w.ctx, hash("key")); return err },
		"guest":      func() error { _, err := w.s.Guest(w.ctx, key.ID, "1", "x"); return err },
		"once more":  func() error { _, err := w.s.DeleteUser(w.ctx, ann.ID, root.ID); return err },
		"as heir":    func() error { _, err := w.s.DeleteUser(w.ctx, bob.ID, ann.ID); return err },
		"change":     func() error { _, err := w.s.ChangeUser(w.ctx, ann.ID, named("x")); return err },
		"password":   func() error { return w.s.SetPassword(w.ctx, ann.ID, "h", uuid.Nil) },
		"membership": func() error { _, err := w.s.SetMember(w.ctx, shared.ID, ann.ID, store.Viewer, uuid.Nil); return err },
		"document":   func() error { _, err := w.s.Document(w.ctx, shared.ID, ann.ID); return err },
		"transfer":   func() error { _, err := w.transfer(shared.ID, ann.ID, uuid.Nil); return err },
		"a new session": func() error {
			return w.s.CreateSession(w.ctx, store.Session{ID: store.NewID(), User: ann.ID, ExpiresAt: time.Now().Add(idle)}, hash("n"))
		},
	} {
		if err := do(); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	gone := []store.UserID{ann.ID, guest.ID, lapsed.ID}
	ended := w.lapsed(store.Credentials{Users: append(slices.Clone(gone), bob.ID, bobsGuest.ID), Keys: []uuid.UUID{key.ID}})
	sortIDs(ended.Users, gone)
	same(t, "lapsed", ended, store.Credentials{Users: gone, Keys: []uuid.UUID{key.ID}})
	heads, err := w.s.NoticeHeads(w.ctx, []store.UserID{ann.ID})
	ok(t, err)
	same(t, "notices", heads[ann.ID], uint64(0))
	for _, author := range []store.User{ann, guest} {
		for _, version := range []uint64{0, w.head(bobs.ID).AccessVersion} {
			p := part(w.head(bobs.ID), newRow(author, "late", 6))
			p.AccessVersion = version
			same(t, "a late row", w.append(p).Documents[0].Rows[0].Refused, store.NoRight)
		}
	}

	// What it has written stays, and its documents have an owner.
	l := w.load(bobs.ID)
	same(t, "text", l.texts(), []string{"text of ann"})
	same(t, "author and binding", []store.UserID{l.rows[0].Author, l.bindings[5]}, []store.UserID{ann.ID, ann.ID})
	for _, c := range []struct {
		d           store.Document
		asks, owner store.User
		role        store.Role
	}{
		{alone, root, root, store.Owner}, {trashed, root, root, store.Owner}, {onlyDisabled, root, root, store.Owner},
		{shared, bob, root, store.Owner}, {bobs, bob, root, store.Owner}, {hers, bob, root, store.Owner},
		{untouched, bob, bob, store.Owner}, {guestsDoc, bob, bob, store.Owner},
	} {
		got, err := w.s.Document(w.ctx, c.d.ID, c.asks.ID)
		ok(t, err)
		same(t, "owner of "+c.d.Title, []any{got.Owner, got.OwnerName, got.Role}, []any{c.owner.ID, c.owner.Name, c.role})
	}
	// Where it was the Owner, the heir is an owner beside those that there are; elsewhere it gets nothing.
	for d, role := range map[*store.Document]store.Role{&shared: store.Owner, &hers: store.Owner, &bobs: store.Owner, &guestsDoc: store.NoRole, &untouched: store.NoRole} {
		a, err := w.s.Resolve(w.ctx, d.ID.String(), root.ID)
		ok(t, err)
		same(t, "role of the heir in "+d.Title, a.Role, role)
	}
	_, _, err = w.s.SessionByToken(w.ctx, hash("bob's"), idle)
	ok(t, err)

	// The email is free again, for another account.
	again := w.user("ann")
	if again.ID == ann.ID {
		t.Fatal("the account is back")
	}
	if docs := w.found(again, store.DocumentQuery{}, 10); len(docs) != 0 {
		t.Fatalf("the new account has %q", docs)
	}
}

// testDeleteUserRace: an account that is deleted while it is used, shared with and made an heir ends all the same, and an admin and owners are left.
func testDeleteUserRace(t *testing.T, db Database) {
	w := newWorld(t, db)
	root := w.admin("root")
	for round := range 6 {
		a, b := w.admin(fmt.Sprint("a", round)), w.admin(fmt.Sprint("b", round))
		key := w.apiKey(a, fmt.Sprint("key", round), time.Time{})
		g := w.guest(key, "1")
		var docs []store.Document
		for i := range 6 {
			docs = append(docs, w.titled("T", []store.User{a, b, root}[i%3]))
		}
		w.member(docs[0], g, store.Editor)
		ok(t, w.trash(docs[1].ID))
		gone := func(err error) error {
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			return err
		}
		errs := together(8, func(i int) error {
			switch i {
			case 0:
				_, err := w.s.DeleteUser(w.ctx, a.ID, b.ID)
				return gone(err)
			case 1:
				_, err := w.s.DeleteUser(w.ctx, b.ID, a.ID)
				return gone(err)
			case 2:
				for _, d := range docs {
					for _, u := range []store.User{g, b, a} {
						if _, err := w.s.SetMember(w.ctx, d.ID, u.ID, store.Editor, root.ID); err != nil && !errors.Is(err, store.ErrLastOwner) && !errors.Is(err, store.ErrAboveLender) && gone(err) != nil {
							return err
						}
					}
				}
				return nil
			case 3:
				for _, d := range docs {
					if _, err := w.transfer(d.ID, a.ID, root.ID); gone(err) != nil {
						return err
					}
				}
				return nil
			case 4:
				for range 5 {
					if _, _, err := w.s.CreateDocument(w.ctx, store.Document{Title: "N", Owner: a.ID}, []byte("x")); gone(err) != nil {
						return err
					}
				}
				return nil
			case 5:
				for n := range 5 {
					if _, err := w.s.Guest(w.ctx, key.ID, fmt.Sprint(n), fmt.Sprint("name", n)); gone(err) != nil {
						return err
					}
				}
				return nil
			case 6:
				for n := range 5 {
					s := store.Session{ID: store.NewID(), User: a.ID, ExpiresAt: time.Now().Add(idle)}
					if err := w.s.CreateSession(w.ctx, s, hash(fmt.Sprint("r", round, n))); gone(err) != nil {
						return err
					}
					if err := w.s.ReadNotices(w.ctx, a.ID, 1000); err != nil {
						return err
					}
				}
				return nil
			default:
				for _, d := range docs {
					if _, err := w.s.TrashDocument(w.ctx, d.ID, root.ID); err != nil {
						return err
					}
					if _, err := w.s.RestoreDocument(w.ctx, d.ID, root.ID); err != nil {
						return err
					}
				}
				return nil
			}
		})
		count(t, errs, nil)
		_, errA := w.s.User(w.ctx, a.ID)
		_, errB := w.s.User(w.ctx, b.ID)
		left := a
		if errA != nil {
			left = b
		}
		if (errA == nil) == (errB == nil) {
			t.Fatalf("round %d: of two who delete each other: %v, %v", round, errA, errB)
		}
		_, err := w.s.DeleteUser(w.ctx, left.ID, root.ID)
		ok(t, err)
		for _, d := range docs {
			members, _, err := w.s.Members(w.ctx, d.ID, store.Page{})
			ok(t, err)
			if !slices.ContainsFunc(members, func(m store.Member) bool { return m.User == root.ID && m.Role == store.Owner }) || len(members) != 1 {
				t.Fatalf("round %d: members are %+v", round, members)
			}
		}
		users, _, err := w.s.Users(w.ctx, store.Page{})
		ok(t, err)
		st, err := w.s.Statistics(w.ctx)
		ok(t, err)
		same(t, "users and guests", []int{len(users), st.Users, st.Guests}, []int{1, 1, 0})
	}
	_, err := w.s.DeleteUser(w.ctx, root.ID, w.user("member").ID)
	want(t, err, store.ErrLastAdmin)
}
