package api

import (
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
)

// Who is removed takes along whom their programs let in: open sockets end, and tokens from before open no more.
func TestGuestOfRemoved(t *testing.T) {
	h := newHarness(t, nil) // which doesn't poll
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	d := ann.document("Plans", map[*person]string{bob: "editor"})
	path := "/api/v1/documents/" + d.ID.String()
	crm := bob.program(bob.makeKey(map[string]any{"name": "crm", "scopes": []string{"tokens"}}).Text)
	token := crm.guestToken(d, "me-too", "Ann", "editor")
	guest := h.joins(d, token)

	ann.call("DELETE", path+"/members/"+bob.user.ID.String(), nil).wants(204, "")
	guest.closes(4403, 3*time.Second)
	ws, _ := h.dial(dialing{name: d.ID.String(), query: "?token=" + decode[CollaborationToken](token).Token})
	if code, told := fate(t, ws); code != 4403 {
		t.Errorf("a new socket with the token from before: code %d, %q", code, told)
	}
	if members := decode[List[Member]](ann.call("GET", path+"/members", nil).wants(200, "")).Data; len(members) != 1 || members[0].User.ID != ann.user.ID {
		t.Errorf("%+v", members)
	}
}

// Who is made a viewer has no editors as guests any more, and stays who lets them in.
func TestGuestOfDowngraded(t *testing.T) {
	h := newHarness(t, nil) // which doesn't poll
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	d := ann.document("Plans", map[*person]string{bob: "editor"})
	path := "/api/v1/documents/" + d.ID.String()
	crm := bob.program(bob.makeKey(map[string]any{"name": "crm", "scopes": []string{"tokens"}}).Text)
	h.joins(d, crm.guestToken(d, "x", "X", "editor"))

	ann.call("PUT", path+"/members/"+bob.user.ID.String(), map[string]any{"role": "viewer"}).wants(200, "")
	eventually(t, "the guest's socket is a viewer's", func() bool {
		list := decode[struct{ Data []Editor }](ann.call("GET", path+"/editors", nil).wants(200, "")).Data
		return len(list) == 1 && list[0].Role == "viewer"
	})
	crm.guestToken(d, "x", "X", "editor").wants(403, codeForbidden)
	for _, m := range decode[List[Member]](ann.call("GET", path+"/members", nil).wants(200, "")).Data {
		if m.User.ID != ann.user.ID && m.Role != "viewer" {
			t.Errorf("%+v", m)
		}
	}
	h.joins(d, crm.guestToken(d, "x", "X", "viewer"))
}

// A link from before sets no password after it was changed.
func TestLinkAfterChange(t *testing.T) {
	h := newHarness(t, nil)
	root, account := h.person("root", store.RoleAdmin), h.withPassword("ann@example.com", "correct horse")
	ann := h.loggedIn(account)
	link := decode[Invitation](root.call("POST", "/api/v1/users/"+account.ID.String()+"/reset", nil).wants(200, ""))
	token := tokenOfLink(t, link.URL, h.url+"/invite")

	ann.call("PUT", "/api/v1/users/me/password", map[string]any{"current": "correct horse", "new": "staple battery"}).wants(204, "")
	h.accept(token, "another horse").wants(404, codeLinkInvalid)
	h.anonymous().login("ann@example.com", "staple battery").wants(200, "")
}
