package api

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/sqlite"
)

// guestOf gives the only guest among a document's members.
func (p *person) guestOf(d Document) Member {
	p.h.t.Helper()
	for _, m := range decode[List[Member]](p.call("GET", "/api/v1/documents/"+d.ID.String()+"/members", nil).wants(200, "")).Data {
		if m.User.Guest {
			return m
		}
	}
	p.h.t.Fatal("there is no guest")
	return Member{}
}

// What an owner has decided of a guest no token of an editor undoes; another owner's does.
func TestOwnerDecidesOfGuests(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob, cleo := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember), h.person("cleo", store.RoleMember)
	d := ann.document("Plans", map[*person]string{bob: "editor", cleo: "owner"})
	path := "/api/v1/documents/" + d.ID.String()
	crm := bob.program(bob.makeKey(map[string]any{"name": "crm", "scopes": []string{"tokens"}}).Text)
	crm.guestToken(d, "x", "X", "editor").wants(201, "")
	guest := ann.guestOf(d)
	member := path + "/members/" + guest.User.ID.String()

	ann.call("PUT", member, map[string]any{"role": "viewer"}).wants(200, "")
	bob.call("PUT", member, map[string]any{"role": "editor"}).wants(403, codeForbidden)
	crm.guestToken(d, "x", "X", "editor").wants(403, codeGuestLimited)
	crm.guestToken(d, "x", "X", "").wants(403, codeGuestLimited) // which is an editor's, too
	crm.guestToken(d, "x", "X", "viewer").wants(201, "")
	ann.call("DELETE", member, nil).wants(204, "")
	crm.guestToken(d, "x", "X", "viewer").wants(403, codeGuestLimited)
	crm.guestToken(d, "y", "Y", "viewer").wants(201, "") // somebody else

	own := cleo.program(cleo.makeKey(map[string]any{"name": "crm", "scopes": []string{"tokens"}}).Text)
	own.guestToken(d, "z", "Z", "editor").wants(201, "")
	for _, m := range decode[List[Member]](ann.call("GET", path+"/members", nil).wants(200, "")).Data {
		if m.User.Name == "Z" {
			ann.call("DELETE", path+"/members/"+m.User.ID.String(), nil).wants(204, "")
		}
	}
	own.guestToken(d, "z", "Z", "editor").wants(201, "")
}

// Nobody makes a guest more than who lets it in.
func TestGuestAboveLender(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	d := ann.document("Plans", map[*person]string{bob: "viewer"})
	other := ann.document("Where Bob is nobody", nil)
	crm := bob.program(bob.makeKey(map[string]any{"name": "crm", "scopes": []string{"tokens"}}).Text)
	crm.guestToken(d, "x", "X", "").wants(201, "")
	guest := ann.guestOf(d).User.ID.String()
	ann.call("PUT", "/api/v1/documents/"+d.ID.String()+"/members/"+guest, map[string]any{"role": "editor"}).wants(409, codeAboveLender)
	ann.call("PUT", "/api/v1/documents/"+other.ID.String()+"/members/"+guest, map[string]any{"role": "viewer"}).wants(409, codeAboveLender)
	if m := ann.guestOf(d); m.Role != "viewer" {
		t.Errorf("%+v", m)
	}
}

// Whoever loses rights loses those of their guests, and each is on record.
func TestGuestsOnRecord(t *testing.T) {
	h := newHarness(t, nil)
	root, ann, bob := h.person("root", store.RoleAdmin), h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	d := ann.document("Plans", map[*person]string{bob: "editor"})
	path := "/api/v1/documents/" + d.ID.String() + "/members/" + bob.user.ID.String()
	crm := bob.program(bob.makeKey(map[string]any{"name": "crm", "scopes": []string{"tokens"}}).Text)
	crm.guestToken(d, "x", "Xaver", "editor").wants(201, "")
	guest := fmt.Sprintf("Xaver (%s)", ann.guestOf(d).User.ID)
	before := len(root.auditLog(nil))
	ann.call("PUT", path, map[string]any{"role": "viewer"}).wants(200, "")
	ann.call("PUT", path, map[string]any{"role": "viewer"}).wants(200, "") // which changes nothing
	ann.call("DELETE", path, nil).wants(204, "")
	who := fmt.Sprintf("bob (%s)", bob.user.ID)
	want := []string{
		didSetRole + " " + who + ": viewer, before editor", didSetRole + " " + guest + ": viewer, before editor, with bob",
		didUnshare + " " + who + ", before viewer", didUnshare + " " + guest + ", before viewer, with bob",
	}
	var got []string
	for _, e := range root.auditLog(nil)[before:] {
		got = append(got, e.Action+" "+e.Detail)
		if e.Actor.ID != ann.user.ID || e.Subject != d.ID.String() || e.Name != "Plans" {
			t.Errorf("%+v", e)
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("recorded:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Limits have codes of their own, and nobody who is there goes.
func TestMembershipLimits(t *testing.T) {
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "bizsync.db"), sqlite.Options{Limits: store.Limits{Guests: 2, Members: 3}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	h := startServer(t, st, "node-1", time.Hour, nil)
	ann, bob, cleo := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember), h.person("cleo", store.RoleMember)
	d, other := ann.document("Plans", map[*person]string{bob: "editor"}), ann.document("More", nil)
	path := "/api/v1/documents/" + d.ID.String()
	crm := ann.program(ann.makeKey(map[string]any{"name": "crm", "scopes": []string{"tokens"}}).Text)
	crm.guestToken(d, "1", "One", "").wants(201, "")
	crm.guestToken(d, "2", "Two", "").wants(409, codeManyMembers)
	crm.guestToken(other, "2", "Two", "").wants(201, "")
	crm.guestToken(other, "3", "Three", "").wants(409, codeManyGuests)
	crm.guestToken(d, "1", "One", "viewer").wants(201, "")
	ann.call("PUT", path+"/members/"+cleo.user.ID.String(), map[string]any{"role": "viewer"}).wants(409, codeManyMembers)
	ann.call("PATCH", path, map[string]any{"owner": cleo.user.ID}).wants(409, codeManyMembers)
	ann.call("PUT", path+"/members/"+bob.user.ID.String(), map[string]any{"role": "viewer"}).wants(200, "")
	ann.call("DELETE", path+"/members/"+bob.user.ID.String(), nil).wants(204, "")
	ann.call("PUT", path+"/members/"+cleo.user.ID.String(), map[string]any{"role": "viewer"}).wants(200, "")
}

// Everybody may leave a document but its last owner; who has left is out, and it is on record.
func TestLeave(t *testing.T) {
	for _, role := range []string{"viewer", "commenter", "editor", "owner"} {
		t.Run(role, func(t *testing.T) {
			h := newHarness(t, nil) // which doesn't poll
			root, ann, bob := h.person("root", store.RoleAdmin), h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
			d := ann.document("Plans", map[*person]string{bob: role})
			path := "/api/v1/documents/" + d.ID.String()
			me := path + "/members/" + bob.user.ID.String()
			open, annsOpen := bob.opened(d), ann.opened(d)
			if role != "owner" {
				bob.call("DELETE", path+"/members/"+ann.user.ID.String(), nil).wants(403, codeForbidden)
			}
			bob.call("DELETE", me, nil).wants(204, "")
			open.closes(4403, 3*time.Second)
			bob.call("GET", path, nil).wants(404, codeNotFound)
			bob.call("DELETE", me, nil).wants(404, codeNotFound)
			log := root.auditLog(nil)
			if e := log[len(log)-1]; e.Action != didUnshare || e.Actor == nil || e.Actor.ID != bob.user.ID || e.Name != "Plans" || !strings.Contains(e.Detail, bob.user.ID.String()) {
				t.Errorf("on record: %+v", e)
			}
			if notices := decode[List[Notice]](bob.call("GET", "/api/v1/notifications", nil).wants(200, "")).Data; len(notices) != 1 || notices[0].Kind != "document.shared" {
				t.Errorf("told of what one did oneself: %+v", notices)
			}
			ann.call("DELETE", path+"/members/"+ann.user.ID.String(), nil).wants(409, codeLastOwner)
			select {
			case code := <-annsOpen.code:
				t.Errorf("the owner's socket was closed with %d", code)
			default:
			}
			ann.call("GET", path, nil).wants(200, "")
		})
	}
}
