package api

import (
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
)

// guestToken asks for a token for a person of the program's own system.
func (p *person) guestToken(d Document, id, name, role string) reply {
	p.h.t.Helper()
	body := map[string]any{"user": map[string]any{"id": id, "name": name}}
	if role != "" {
		body["role"] = role
	}
	return p.call("POST", "/api/v1/documents/"+d.ID.String()+"/tokens", body)
}

// joins opens a document with a token.
func (h *harness) joins(d Document, token reply) *opened {
	h.t.Helper()
	ws, _ := h.dial(dialing{name: d.ID.String(), query: "?token=" + decode[CollaborationToken](token.wants(201, "")).Token})
	if code, told := fate(h.t, ws); code != 0 {
		h.t.Fatalf("closed with %d, %s", code, told)
	}
	return keepOpen(h.t, ws)
}

// A program lets people of its own system in, who have no account here: by its words for them, with no more than its user may, and as long as its key holds.
func TestGuests(t *testing.T) {
	h := newHarness(t, nil) // which doesn't poll
	ann, bob, root := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember), h.person("root", store.RoleAdmin)
	d := ann.document("Plans", map[*person]string{bob: "viewer"})
	path := "/api/v1/documents/" + d.ID.String()
	key := ann.makeKey(map[string]any{"name": "crm", "scopes": []string{"tokens"}})
	crm := ann.program(key.Text)

	zoe := h.joins(d, crm.guestToken(d, "customer-17", "Zoe", ""))
	list := decode[struct{ Data []Editor }](ann.call("GET", path+"/editors", nil).wants(200, "")).Data
	if len(list) != 1 || list[0].User.Name != "Zoe" || list[0].Role != "editor" {
		t.Fatalf("%+v", list)
	}
	guest := list[0].User.ID
	members := decode[List[Member]](ann.call("GET", path+"/members", nil).wants(200, "")).Data
	if m := members[len(members)-1]; len(members) != 3 || m.User != (MemberUser{ID: guest, Name: "Zoe", Guest: true}) || m.Role != "editor" {
		t.Errorf("%+v", members)
	}

	// The same person is the same account, with the name of today; the last token says what they may do.
	h.joins(d, crm.guestToken(d, "customer-17", "Zoë", "viewer"))
	eventually(t, "both sockets are a viewer's", func() bool {
		list = decode[struct{ Data []Editor }](ann.call("GET", path+"/editors", nil)).Data
		return len(list) == 2 && list[0].Role == "viewer" && list[1].Role == "viewer"
	})
	if list[1].User != (Person{ID: guest, Name: "Zoë"}) {
		t.Errorf("%+v", list[1].User)
	}
	ann.call("PUT", path+"/members/"+guest.String(), map[string]any{"role": "editor"}).wants(200, "")
	ann.call("PUT", path+"/members/"+guest.String(), map[string]any{"role": "owner"}).wants(422, codeValidation)
	ann.call("PATCH", path, map[string]any{"owner": guest}).wants(422, codeValidation)

	// An account it isn't.
	for _, p := range []struct{ method, path string }{{"GET", ""}, {"PATCH", ""}, {"POST", "/reset"}} {
		root.call(p.method, "/api/v1/users/"+guest.String()+p.path, map[string]any{}).wants(404, codeNotFound)
	}
	if users := decode[List[User]](root.call("GET", "/api/v1/users", nil).wants(200, "")).Data; len(users) != 3 {
		t.Errorf("%+v", users)
	}
	if found := ann.finds("q=zo"); found != "" {
		t.Errorf("found %q", found)
	}

	// Not by people, not as owners, not above who asks.
	ann.guestToken(d, "customer-17", "Zoe", "").wants(403, codeForbidden)
	crm.guestToken(d, "customer-17", "Zoe", "owner").wants(403, codeForbidden)
	bobs := bob.program(bob.makeKey(map[string]any{"name": "k", "scopes": []string{"tokens"}}).Text)
	bobs.guestToken(d, "customer-17", "Zoe", "editor").wants(403, codeForbidden)
	theirs := h.joins(d, bobs.guestToken(d, "customer-17", "Zoe of Bob", ""))
	for _, bad := range [][2]string{{"", "x"}, {"x", ""}, {"x", "a\nb"}, {"a\x00b", "x"}, {string(make([]byte, 201)), "x"}} {
		crm.guestToken(d, bad[0], bad[1], "").wants(422, codeValidation)
	}

	// With the key all of its guests go, at once, and nobody else's.
	ann.call("DELETE", "/api/v1/api-keys/"+key.ID.String(), nil).wants(204, "")
	zoe.closes(4401, 3*time.Second)
	eventually(t, "only the other key's guest is left", func() bool {
		list = decode[struct{ Data []Editor }](ann.call("GET", path+"/editors", nil)).Data
		return len(list) == 1 && list[0].User.Name == "Zoe of Bob" && list[0].User.ID != guest
	})
	// Who is taken off the members is out.
	ann.call("DELETE", path+"/members/"+list[0].User.ID.String(), nil).wants(204, "")
	theirs.closes(4403, 3*time.Second)
}
