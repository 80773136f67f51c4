package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

func (w *world) roleIn(d store.Document, u store.User) store.Role {
	w.t.Helper()
	roles, _, err := w.s.Roles(w.ctx, d.ID, []store.UserID{u.ID})
	ok(w.t, err)
	return roles[u.ID]
}

// testAdmitGuest: a guest has what its lender gives it, no more than the lender, and no more than an owner has left it.
func testAdmitGuest(t *testing.T, db Database) {
	set := func(role store.Role) func(w *world, d store.Document, g, by store.User) error {
		return func(w *world, d store.Document, g, by store.User) error {
			_, err := w.s.SetMember(w.ctx, d.ID, g.ID, role, by.ID)
			return err
		}
	}
	remove := func(w *world, d store.Document, g, by store.User) error { return w.remove(d.ID, g.ID, by.ID) }
	nothing := func(*world, store.Document, store.User, store.User) error { return nil }
	for name, c := range map[string]struct {
		lender  store.Role
		decides func(w *world, d store.Document, g, by store.User) error // an owner, of a guest who is an editor as far as the lender lets it
		asks    store.Role
		err     error
		then    store.Role // afterwards
	}{
		"as the lender":                     {store.Editor, nothing, store.Editor, nil, store.Editor},
		"less than the lender":              {store.Editor, nothing, store.Viewer, nil, store.Viewer},
		"more than a viewer":                {store.Viewer, nothing, store.Editor, store.ErrAboveLender, store.Viewer},
		"of a stranger":                     {store.NoRole, nothing, store.Viewer, store.ErrAboveLender, store.NoRole},
		"lowered, and asks for more":        {store.Editor, set(store.Viewer), store.Editor, store.ErrLimited, store.Viewer},
		"lowered, and asks for that":        {store.Editor, set(store.Viewer), store.Viewer, nil, store.Viewer},
		"lowered by one, and asks for less": {store.Editor, set(store.Commenter), store.Viewer, nil, store.Viewer},
		"removed":                           {store.Editor, remove, store.Viewer, store.ErrLimited, store.NoRole},
		"removed, and made a member again": {store.Editor, func(w *world, d store.Document, g, by store.User) error {
			return errors.Join(remove(w, d, g, by), set(store.Commenter)(w, d, g, by))
		}, store.Commenter, nil, store.Commenter},
		"removed, of another owner":          {store.Owner, remove, store.Editor, nil, store.Editor},
		"raised above its lender":            {store.Viewer, set(store.Editor), store.Viewer, store.ErrAboveLender, store.Viewer},
		"made a member of a stranger's":      {store.NoRole, set(store.Viewer), store.Viewer, store.ErrAboveLender, store.NoRole},
		"lowered to what its lender may not": {store.Commenter, set(store.Editor), store.Commenter, store.ErrAboveLender, store.Commenter},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, db)
			ann, bob := w.user("ann"), w.user("bob")
			d, elsewhere := w.document(ann), w.document(bob)
			if c.lender != store.NoRole {
				w.member(d, bob, c.lender)
			}
			g := w.guest(w.apiKey(bob, "key", time.Time{}), "7")
			if c.lender != store.NoRole {
				made, err := w.s.AdmitGuest(w.ctx, d.ID, g.ID, min(c.lender, store.Editor))
				ok(t, err)
				same(t, "change", made, store.MemberChange{
					Member: store.Member{User: g.ID, Name: g.Name, Role: min(c.lender, store.Editor), Guest: true, CreatedAt: made.Member.CreatedAt}})
			}
			if err := c.decides(w, d, g, ann); err != nil && !errors.Is(err, c.err) {
				t.Fatal(err)
			}
			before := w.roleIn(d, g)
			version := w.head(d.ID).AccessVersion
			got, err := w.s.AdmitGuest(w.ctx, d.ID, g.ID, c.asks)
			if c.err == nil {
				ok(t, err)
				same(t, "change", []store.Role{got.Before, got.Member.Role}, []store.Role{before, c.asks})
			} else if before < c.asks || c.lender == store.NoRole {
				want(t, err, c.err)
			}
			same(t, "role", w.roleIn(d, g), c.then)
			if moved := w.head(d.ID).AccessVersion != version; moved != (before != c.then) {
				t.Errorf("the access version moved: %v", moved)
			}
			// Another document is another matter.
			_, err = w.s.AdmitGuest(w.ctx, elsewhere.ID, g.ID, store.Editor)
			ok(t, err)
		})
	}

	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	d := w.document(ann)
	key := w.apiKey(ann, "key", time.Time{})
	g := w.guest(key, "7")
	// A decision ends when another owner, here the lender, lets the guest in.
	ok(t, set(store.Editor)(w, d, g, ann))
	ok(t, remove(w, d, g, ann))
	_, err := w.s.AdmitGuest(w.ctx, d.ID, g.ID, store.Viewer)
	ok(t, err)
	w.member(d, bob, store.Owner)
	lowered, err := w.s.SetMember(w.ctx, d.ID, ann.ID, store.Editor, bob.ID)
	ok(t, err)
	same(t, "guests lowered by nothing", lowered.Guests, []store.Member(nil))
	_, err = w.s.AdmitGuest(w.ctx, d.ID, g.ID, store.Editor)
	ok(t, err)
	// Who takes a lender's rights hears whose they were, too.
	lowered, err = w.s.SetMember(w.ctx, d.ID, ann.ID, store.Viewer, bob.ID)
	ok(t, err)
	same(t, "roles of the lender", []store.Role{lowered.Before, lowered.Member.Role}, []store.Role{store.Editor, store.Viewer})
	if len(lowered.Guests) != 1 || lowered.Guests[0].User != g.ID || lowered.Guests[0].Role != store.Editor || lowered.Guests[0].Name != g.Name {
		t.Errorf("guests that were lowered: %+v", lowered.Guests)
	}
	removed, err := w.s.RemoveMember(w.ctx, d.ID, ann.ID, bob.ID)
	ok(t, err)
	same(t, "who was removed", []any{removed.Member.User, removed.Before}, []any{ann.ID, store.Viewer})
	if len(removed.Guests) != 1 || removed.Guests[0].User != g.ID || removed.Guests[0].Role != store.Viewer {
		t.Errorf("guests that were removed: %+v", removed.Guests)
	}

	for name, c := range map[string]struct {
		d    store.DocumentID
		g    store.UserID
		role store.Role
	}{
		"a person": {d.ID, ann.ID, store.Viewer}, "nobody": {d.ID, uuid.New(), store.Viewer}, "no document": {uuid.New(), g.ID, store.Viewer},
	} {
		if _, err := w.s.AdmitGuest(w.ctx, c.d, c.g, c.role); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, role := range []store.Role{store.NoRole, store.Owner + 1} {
		if _, err := w.s.AdmitGuest(w.ctx, d.ID, g.ID, role); err == nil {
			t.Errorf("role %d was given", role)
		}
	}
	ok(t, w.s.DeleteAPIKey(w.ctx, ann.ID, key.ID))
	_, err = w.s.AdmitGuest(w.ctx, d.ID, g.ID, store.Viewer)
	want(t, err, store.ErrNotFound)
}

// testAdmitRace: however a guest's admission and its lender's removal meet, the guest has nothing at the end.
func testAdmitRace(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	d := w.document(ann)
	key := w.apiKey(bob, "key", time.Time{})
	for round := range 20 {
		w.member(d, bob, store.Editor)
		guests := []store.User{w.guest(key, fmt.Sprint(round)), w.guest(key, fmt.Sprint(round, " too"))}
		errs := together(3, func(i int) error {
			if i == 1 {
				return w.remove(d.ID, bob.ID, ann.ID)
			}
			_, err := w.s.AdmitGuest(w.ctx, d.ID, guests[i/2].ID, store.Editor)
			return err
		})
		count(t, errs, store.ErrAboveLender)
		for i, g := range guests {
			if role := w.roleIn(d, g); role != store.NoRole {
				t.Fatalf("round %d: guest %d of a lender who was removed is an %v", round, i, role)
			}
		}
	}
}

// testLimits: an account adds up to a limit, and what is there stays as it is.
func testLimits(t *testing.T, db Database) {
	for _, guests := range []bool{false, true} {
		t.Run(fmt.Sprint("guests ", guests), func(t *testing.T) {
			const most = 4
			limits := store.Limits{Members: most}
			if guests {
				limits = store.Limits{Guests: most}
			}
			s := db.Limited(t, limits)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			w := &world{t: t, ctx: t.Context(), db: db, s: s}
			ann := w.user("ann")
			key, other := w.apiKey(ann, "key", time.Time{}), w.apiKey(ann, "other", time.Time{})
			if guests {
				for n := range most {
					w.guest(key, fmt.Sprint(n))
				}
				_, err := s.Guest(w.ctx, key.ID, "one more", "x")
				want(t, err, store.ErrTooMany)
				w.guest(key, "0") // is there
				w.guest(other, "0")
				st, err := s.Statistics(w.ctx)
				ok(t, err)
				same(t, "guests", st.Guests, most+1)
				errs := together(8, func(i int) error {
					_, err := s.Guest(w.ctx, other.ID, fmt.Sprint("new ", i), "x")
					return err
				})
				same(t, "guests refused of eight at once", count(t, errs, store.ErrTooMany), 8-(most-1))
				return
			}
			d := w.document(ann)
			var people []store.User
			for n := range most + 1 {
				people = append(people, w.user(fmt.Sprint("person", n)))
			}
			for _, u := range people[:most-1] { // and the owner
				w.member(d, u, store.Viewer)
			}
			late, g := people[most], w.guest(key, "7")
			_, err := s.SetMember(w.ctx, d.ID, late.ID, store.Viewer, ann.ID)
			want(t, err, store.ErrTooMany)
			_, err = s.AdmitGuest(w.ctx, d.ID, g.ID, store.Viewer)
			want(t, err, store.ErrTooMany)
			_, err = w.transfer(d.ID, late.ID, ann.ID)
			want(t, err, store.ErrTooMany)
			w.member(d, people[0], store.Owner) // is there
			_, err = w.transfer(d.ID, people[0].ID, ann.ID)
			ok(t, err)
			ok(t, w.remove(d.ID, people[1].ID, ann.ID))
			errs := together(4, func(i int) error {
				_, err := s.SetMember(w.ctx, d.ID, []store.User{late, people[1], people[most-1], g}[i].ID, store.Viewer, ann.ID)
				return err
			})
			same(t, "members refused of four at once", count(t, errs, store.ErrTooMany), 3)
			members, _, err := s.Members(w.ctx, d.ID, store.Page{})
			ok(t, err)
			same(t, "members", len(members), most)
		})
	}
	same(t, "defaults", store.Limits{Guests: -1}.WithDefaults(), store.Limits{Guests: store.DefaultGuests, Members: store.DefaultMembers})
}

// testInvite: an account comes with its link, or not at all.
func testInvite(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, err := w.s.InviteUser(w.ctx, store.User{Email: "ann@example.org", Name: "Ann", Role: store.RoleMember}, hash("ann"), time.Hour)
	ok(t, err)
	for_, err := w.s.Link(w.ctx, store.LinkPassword, hash("ann"))
	ok(t, err)
	same(t, "whose link", for_, ann.ID)
	_, err = w.s.InviteUser(w.ctx, store.User{Email: "ANN@example.org", Role: store.RoleMember}, hash("again"), time.Hour)
	want(t, err, store.ErrConflict)
	_, err = w.s.Link(w.ctx, store.LinkPassword, hash("again"))
	want(t, err, store.ErrNotFound)
	_, err = w.s.InviteUser(w.ctx, store.User{Email: "bob@example.org", Role: store.RoleMember}, hash("ann"), time.Hour) // a link that can't be made
	want(t, err, store.ErrConflict)
	_, err = w.s.UserByEmail(w.ctx, "bob@example.org")
	want(t, err, store.ErrNotFound)
	got, err := w.s.UseLink(w.ctx, hash("ann"), "h")
	ok(t, err)
	same(t, "who has a password", got.ID, ann.ID)
}

// testChangeDocument: of a change of several fields all are done, or none.
func testChangeDocument(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob, eve := w.user("ann"), w.user("bob"), w.user("eve")
	d, other := w.document(ann), w.document(bob)
	ok(t, w.setKey(other.ID, "taken"))
	db.Disable(t, w.s, eve.ID)
	guest := w.guest(w.apiKey(ann, "key", time.Time{}), "7")
	read := func() store.Document {
		t.Helper()
		got, err := w.s.Document(w.ctx, d.ID, ann.ID)
		ok(t, err)
		return got
	}
	before, head := read(), w.head(d.ID)
	of := func(title, key string, owner store.UserID) store.DocumentChange {
		return store.DocumentChange{Title: &title, Key: &key, Owner: &owner}
	}
	for name, c := range map[string]struct {
		change store.DocumentChange
		err    error
	}{
		"a key that is taken":  {of("Plan", "taken", bob.ID), store.ErrConflict},
		"an id as its key":     {of("Plan", other.ID.String(), bob.ID), store.ErrConflict},
		"an unknown owner":     {of("Plan", "plan", uuid.New()), store.ErrNotFound},
		"a disabled owner":     {of("Plan", "plan", eve.ID), store.ErrNotFound},
		"a guest as its owner": {of("Plan", "plan", guest.ID), store.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.s.ChangeDocument(w.ctx, d.ID, c.change, ann.ID)
			want(t, err, c.err)
			same(t, "document", read(), before)
			same(t, "head", w.head(d.ID), head)
		})
	}
	told, err := w.s.ChangeDocument(w.ctx, d.ID, of("Plan", "plan", bob.ID), ann.ID)
	ok(t, err)
	same(t, "told", told, []store.UserID{bob.ID})
	got := read()
	same(t, "document", []any{got.Title, got.Key, got.Owner, w.roleIn(d, bob)}, []any{"Plan", "plan", bob.ID, store.Owner})
	told, err = w.s.ChangeDocument(w.ctx, d.ID, store.DocumentChange{}, ann.ID)
	ok(t, err)
	same(t, "told of nothing", len(told), 0)
	same(t, "document of no change", read(), got)
	_, err = w.s.ChangeDocument(w.ctx, uuid.New(), store.DocumentChange{}, ann.ID)
	want(t, err, store.ErrNotFound)
}

// testSweepAudit: old entries go, and the log says so; nothing else can be deleted.
func testSweepAudit(t *testing.T, db Database) {
	w := newWorld(t, db)
	sweep := func(before time.Time, limit, want int) {
		t.Helper()
		if n, err := w.s.SweepAudit(w.ctx, before, limit); err != nil || n != want {
			t.Fatalf("swept %d entries, %v; want %d", n, err, want)
		}
	}
	sweep(time.Now(), 10, 0)
	same(t, "entries of an empty log", len(w.audited(store.AuditQuery{}, 10)), 0)
	var at []time.Time
	for n := range 5 {
		at = append(at, w.record(store.AuditEntry{Action: "document.share", Detail: fmt.Sprint(n)}).At)
	}
	sweep(at[0], 10, 0) // it is kept, as nothing is older
	same(t, "entries", details(w.audited(store.AuditQuery{}, 10)), []string{"4", "3", "2", "1", "0"})
	sweep(at[3], 0, 0)
	sweep(at[3], 2, 2)
	sweep(at[3], 2, 1)
	sweep(at[3], 2, 0)
	sweep(at[1], 2, 0)
	left := w.audited(store.AuditQuery{}, 10)
	same(t, "entries", details(left), []string{"entries from before " + at[3].Format(time.RFC3339), "4", "3"})
	same(t, "entry of the sweep", []any{left[0].Action, left[0].Actor, left[0].Address}, []any{store.AuditSwept, uuid.Nil, ""})
	if errs := together(4, func(int) error { _, err := w.s.SweepAudit(w.ctx, at[4], 10); return err }); count(t, errs, nil) != 0 {
		t.Fatal(errs)
	}
	same(t, "entries", len(w.audited(store.AuditQuery{Action: "document.share"}, 10)), 1)
	same(t, "entries of sweeps", len(w.audited(store.AuditQuery{Action: store.AuditSwept}, 10)), 2)
}
