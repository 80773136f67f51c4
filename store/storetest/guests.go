package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// guest gives the guest of a key, whose name is external's.
func (w *world) guest(k store.APIKey, external string) store.User {
	w.t.Helper()
	u, err := w.s.Guest(w.ctx, k.ID, external, "Guest "+external)
	ok(w.t, err)
	return u
}

func testGuests(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	key, other := w.apiKey(ann, "key", time.Time{}), w.apiKey(ann, "other", time.Time{})
	g := w.guest(key, "7")
	same(t, "guest", g, store.User{
		ID: g.ID, Name: "Guest 7", Role: store.RoleMember, Guest: true, Key: key.ID, CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt,
	})
	if g.ID == uuid.Nil || time.Since(g.CreatedAt) > time.Minute || g.CreatedAt.Location() != time.UTC {
		t.Fatalf("id and times were not set: %+v", g)
	}
	read := func(id store.UserID) store.User {
		t.Helper()
		u, err := w.s.User(w.ctx, id)
		ok(t, err)
		return u
	}
	same(t, "guest read back", read(g.ID), g)
	same(t, "guest found again", w.guest(key, "7"), g)
	if w.guest(key, "8").ID == g.ID || w.guest(other, "7").ID == g.ID {
		t.Fatal("two people are one guest")
	}
	renamed, err := w.s.Guest(w.ctx, key.ID, "7", "Seven")
	ok(t, err)
	same(t, "a new name", []any{renamed.ID, renamed.Name, read(g.ID).Name}, []any{g.ID, "Seven", "Seven"})
	for _, external := range []string{"", "\xff", "a\x00b", strings.Repeat("x", store.MaxExternal+1)} {
		if u, err := w.s.Guest(w.ctx, key.ID, external, "x"); err == nil {
			t.Errorf("%q is a guest: %+v", external, u)
		}
	}
	w.guest(key, strings.Repeat("x", store.MaxExternal))
	_, err = w.s.Guest(w.ctx, uuid.New(), "7", "x")
	want(t, err, store.ErrNotFound)

	ids := make([]store.UserID, 8)
	count(t, together(len(ids), func(i int) error {
		u, err := w.s.Guest(w.ctx, key.ID, "race", fmt.Sprint("name", i))
		ids[i] = u.ID
		return err
	}), nil)
	for _, id := range ids {
		same(t, "guest of eight calls at once", id, ids[0])
	}

	// A guest is nobody whom people find, or who logs in.
	users, _, err := w.s.Users(w.ctx, store.Page{})
	ok(t, err)
	same(t, "users", users, []store.User{ann, bob})
	found, err := w.s.FindPeople(w.ctx, "guest", 10)
	ok(t, err)
	same(t, "people", len(found), 0)
	st, err := w.s.Statistics(w.ctx)
	ok(t, err)
	same(t, "users and guests", []int{st.Users, st.Guests}, []int{2, 5})
	for _, email := range []string{"", " ", g.ID.String(), " " + g.ID.String()} {
		_, err := w.s.UserByEmail(w.ctx, email)
		want(t, err, store.ErrNotFound)
	}
	d := w.document(ann)
	for what, do := range map[string]func() error{
		"CreateSession": func() error {
			return w.s.CreateSession(w.ctx, store.Session{ID: store.NewID(), User: g.ID, ExpiresAt: time.Now().Add(idle)}, hash("s"))
		},
		"CreateLink":     func() error { return w.s.CreateLink(w.ctx, store.LinkPassword, g.ID, hash("l"), time.Hour) },
		"CreateAPIKey":   func() error { _, err := w.s.CreateAPIKey(w.ctx, store.APIKey{User: g.ID}, hash("a")); return err },
		"SetPassword":    func() error { return w.s.SetPassword(w.ctx, g.ID, "h", uuid.Nil) },
		"ChangeUser":     func() error { _, err := w.s.ChangeUser(w.ctx, g.ID, ranked(store.RoleAdmin)); return err },
		"CreateDocument": func() error { _, _, err := w.s.CreateDocument(w.ctx, store.Document{Owner: g.ID}, nil); return err },
		"Transfer":       func() error { _, err := w.transfer(d.ID, g.ID, ann.ID); return err },
	} {
		t.Run(what, func(t *testing.T) { want(t, do(), store.ErrNotFound) })
	}

	// In a document it is a member like others, but gets no notices, and is not the owner that each needs.
	m, err := w.s.SetMember(w.ctx, d.ID, g.ID, store.Owner, ann.ID)
	ok(t, err)
	same(t, "member", m.Member, store.Member{User: g.ID, Name: "Seven", Role: store.Owner, Guest: true, CreatedAt: m.Member.CreatedAt})
	members, _, err := w.s.Members(w.ctx, d.ID, store.Page{})
	ok(t, err)
	same(t, "members that are guests", []bool{members[0].Guest, members[1].Guest}, []bool{false, true})
	want(t, w.remove(d.ID, ann.ID, uuid.Nil), store.ErrLastOwner)
	_, err = w.s.SetMember(w.ctx, d.ID, g.ID, store.Editor, ann.ID)
	ok(t, err)
	told, err := w.s.TrashDocument(w.ctx, d.ID, ann.ID)
	ok(t, err)
	same(t, "told of the trash", len(told), 0)
	ok(t, w.restore(d.ID))
	ok(t, w.remove(d.ID, g.ID, ann.ID))
	heads, err := w.s.NoticeHeads(w.ctx, []store.UserID{g.ID})
	ok(t, err)
	same(t, "notices", heads[g.ID], uint64(0))
}

// testGuestsLapse: a guest has nothing any more when its key doesn't hold, whatever the reason.
func testGuestsLapse(t *testing.T, db Database) {
	for name, c := range map[string]struct {
		end, begin func(w *world, u store.User, k store.APIKey) error // begin: nil when there is no way back
	}{
		"the key was deleted": {end: func(w *world, u store.User, k store.APIKey) error { return w.s.DeleteAPIKey(w.ctx, u.ID, k.ID) }},
		"the key has expired": {end: func(w *world, _ store.User, _ store.APIKey) error {
			db.Age(w.t, w.s, time.Hour+time.Second)
			return nil
		}},
		"its user is disabled": {
			end: func(w *world, u store.User, _ store.APIKey) error {
				_, err := w.s.ChangeUser(w.ctx, u.ID, disabled(true))
				return err
			},
			begin: func(w *world, u store.User, _ store.APIKey) error {
				_, err := w.s.ChangeUser(w.ctx, u.ID, disabled(false))
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, db)
			ann, bob := w.user("ann"), w.user("bob")
			key, kept := w.apiKey(ann, "key", time.Now().Add(time.Hour)), w.apiKey(bob, "kept", time.Time{})
			g, other := w.guest(key, "7"), w.guest(kept, "7")
			d := w.document(bob)
			w.member(d, ann, store.Owner)
			w.member(d, g, store.Editor)
			w.member(d, other, store.Editor)
			holds := func(does bool) {
				t.Helper()
				gone, role, refused := []store.UserID{g.ID}, store.NoRole, store.NoRight
				if does {
					gone, role, refused = nil, store.Editor, store.Accepted
				}
				same(t, "lapsed", w.lapsed(store.Credentials{Users: []store.UserID{g.ID, other.ID}}).Users, gone)
				roles, _, err := w.s.Roles(w.ctx, d.ID, []store.UserID{g.ID, other.ID})
				ok(t, err)
				same(t, "roles", roles, map[store.UserID]store.Role{g.ID: role, other.ID: store.Editor})
				access, err := w.s.Resolve(w.ctx, d.ID.String(), g.ID)
				ok(t, err)
				same(t, "access", access.Role, role)
				for _, version := range []uint64{0, w.head(d.ID).AccessVersion} { // rights unchecked, and checked
					p := part(w.head(d.ID), newRow(g, "text"), newRow(other, "text"), newRow(g, "text"))
					p.AccessVersion = version
					rows := w.append(p).Documents[0].Rows
					same(t, fmt.Sprint("rows at version ", version), []store.Refusal{rows[0].Refused, rows[1].Refused, rows[2].Refused}, []store.Refusal{refused, store.Accepted, refused})
				}
				var errs []error
				_, err = w.s.Document(w.ctx, d.ID, g.ID)
				errs = append(errs, err)
				_, err = w.s.SetMember(w.ctx, d.ID, g.ID, store.Editor, uuid.Nil)
				errs = append(errs, err)
				_, err = w.s.Guest(w.ctx, key.ID, "7", "Guest 7")
				errs = append(errs, err)
				_, err = w.s.Guest(w.ctx, key.ID, "7", "Another name")
				errs = append(errs, err)
				_, err = w.s.Guest(w.ctx, key.ID, uuid.NewString(), "New")
				errs = append(errs, err)
				for _, err := range errs {
					if does {
						ok(t, err)
					} else {
						want(t, err, store.ErrNotFound)
					}
				}
				u, err := w.s.User(w.ctx, g.ID) // who wrote what is there
				if err != nil || !u.Guest || u.Disabled {
					t.Fatalf("guest: %+v, %v", u, err)
				}
			}
			holds(true)
			ok(t, c.end(w, ann, key))
			holds(false)
			if c.begin != nil {
				ok(t, c.begin(w, ann, key))
				holds(true)
			}
		})
	}
}

// testGuestRights: whoever loses rights in a document doesn't keep them through the guests of their keys.
func testGuestRights(t *testing.T, db Database) {
	for name, c := range map[string]struct {
		change func(w *world, d store.Document, ann, bob store.User) error // of what bob may do
		bob    store.Role                                                  // afterwards
		editor store.Role                                                  // the guest's that was an editor
		viewer store.Role                                                  // the guest's that was a viewer
	}{
		"removed": {func(w *world, d store.Document, ann, bob store.User) error {
			return w.remove(d.ID, bob.ID, ann.ID)
		}, store.NoRole, store.NoRole, store.NoRole},
		"left": {func(w *world, d store.Document, _, bob store.User) error {
			return w.remove(d.ID, bob.ID, bob.ID)
		}, store.NoRole, store.NoRole, store.NoRole},
		"a viewer": {func(w *world, d store.Document, ann, bob store.User) error {
			_, err := w.s.SetMember(w.ctx, d.ID, bob.ID, store.Viewer, ann.ID)
			return err
		}, store.Viewer, store.Viewer, store.Viewer},
		"a commenter": {func(w *world, d store.Document, ann, bob store.User) error {
			_, err := w.s.SetMember(w.ctx, d.ID, bob.ID, store.Commenter, ann.ID)
			return err
		}, store.Commenter, store.Commenter, store.Viewer},
		"a viewer and an owner again": {func(w *world, d store.Document, ann, bob store.User) error {
			for _, role := range []store.Role{store.Viewer, store.Owner} {
				if _, err := w.s.SetMember(w.ctx, d.ID, bob.ID, role, ann.ID); err != nil {
					return err
				}
			}
			return nil
		}, store.Owner, store.Viewer, store.Viewer},
		"an editor, which is enough": {func(w *world, d store.Document, ann, bob store.User) error {
			_, err := w.s.SetMember(w.ctx, d.ID, bob.ID, store.Editor, ann.ID)
			return err
		}, store.Editor, store.Editor, store.Viewer},
		"the document is another's": {func(w *world, d store.Document, ann, _ store.User) error {
			_, err := w.transfer(d.ID, ann.ID, ann.ID)
			return err
		}, store.Owner, store.Editor, store.Viewer},
		"a stranger, who can't be removed": {func(w *world, d store.Document, ann, _ store.User) error {
			if err := w.remove(d.ID, w.user("eve").ID, ann.ID); !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("a stranger was removed: %w", err)
			}
			return nil
		}, store.Owner, store.Editor, store.Viewer},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, db)
			ann, bob := w.user("ann"), w.user("bob")
			key, second, anns := w.apiKey(bob, "key", time.Time{}), w.apiKey(bob, "second", time.Time{}), w.apiKey(ann, "ann's", time.Time{})
			editor, viewer, other := w.guest(key, "7"), w.guest(second, "8"), w.guest(anns, "7")
			d, elsewhere := w.document(bob), w.document(bob)
			for _, at := range []store.Document{d, elsewhere} {
				w.member(at, ann, store.Owner)
				w.member(at, editor, store.Editor)
				w.member(at, viewer, store.Viewer)
				w.member(at, other, store.Editor)
			}
			before := w.head(d.ID)
			ok(t, c.change(w, d, ann, bob))
			rolesIn := func(at store.Document) []store.Role {
				t.Helper()
				roles, _, err := w.s.Roles(w.ctx, at.ID, []store.UserID{ann.ID, bob.ID, editor.ID, viewer.ID, other.ID})
				ok(t, err)
				return []store.Role{roles[ann.ID], roles[bob.ID], roles[editor.ID], roles[viewer.ID], roles[other.ID]}
			}
			same(t, "roles", rolesIn(d), []store.Role{store.Owner, c.bob, c.editor, c.viewer, store.Editor})
			same(t, "roles elsewhere", rolesIn(elsewhere), []store.Role{store.Owner, store.Owner, store.Editor, store.Viewer, store.Editor})
			head := w.head(d.ID)
			if lowered := c.editor != store.Editor; lowered && head.AccessVersion == before.AccessVersion {
				t.Error("a guest was lowered under an access version that open sockets know")
			}

			// A server that has not heard of it yet writes nothing for the guest either.
			refused := store.Accepted
			if c.editor < store.Editor {
				refused = store.NoRight
			}
			p := part(head, newRow(editor, "text"), newRow(other, "text"))
			p.AccessVersion = before.AccessVersion
			rows := w.append(p).Documents[0].Rows
			same(t, "rows", []store.Refusal{rows[0].Refused, rows[1].Refused}, []store.Refusal{refused, store.Accepted})
		})
	}
}
