package api

import (
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
)

// An account that is deleted is out everywhere at once; nothing that others need goes with it.
func TestDeleteUser(t *testing.T) {
	h := newHarness(t, nil) // which doesn't poll
	h.server.streams.timing.look = time.Hour
	root, heir, ann := h.person("root", store.RoleAdmin), h.person("heir", store.RoleMember), h.person("ann", store.RoleMember)
	account := h.withPassword("bob@example.com", "correct horse")
	bob := h.loggedIn(account)
	path := "/api/v1/users/" + account.ID.String()

	alone := decode[Document](bob.begins(map[string]any{"title": "Alone", "kind": "text", "content": "kept"}).wants(201, ""))
	trashed := bob.document("Trashed", nil)
	bob.call("DELETE", "/api/v1/documents/"+trashed.ID.String(), nil).wants(204, "")
	shared := bob.document("Shared", map[*person]string{ann: "owner"})
	anns := ann.document("Ann's", map[*person]string{bob: "editor"})

	key := bob.makeKey(map[string]any{"name": "k", "scopes": []string{"tokens", "documents:read"}})
	program := bob.program(key.Text)
	ws, _ := h.dial(dialing{name: anns.ID.String(), query: "?token=" + program.token(anns, nil)})
	if code, _ := fate(t, ws); code != 0 {
		t.Fatal(code)
	}
	sockets := []*opened{bob.opened(anns), bob.opened(alone), keepOpen(t, ws), h.joins(anns, program.guestToken(anns, "c-1", "Zoe", "viewer"))}
	stream := bob.follow(noticeStream)
	link := decode[Invitation](root.call("POST", path+"/reset", nil).wants(200, ""))

	root.call("DELETE", "/api/v1/users/"+root.user.ID.String(), nil).wants(409, codeConflict)
	root.call("DELETE", path+"?heir="+account.ID.String(), nil).wants(422, codeValidation)
	root.call("DELETE", path+"?heir="+heir.user.ID.String(), nil).wants(204, "")
	for i, socket := range sockets {
		select {
		case code := <-socket.code:
			if code != 4401 && code != 4403 { // whichever is seen first: no account, or no access
				t.Errorf("socket %d: closed with %d", i, code)
			}
		case <-time.After(3 * time.Second):
			t.Errorf("socket %d stays open", i)
		}
	}
	stream.ends()
	bob.call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
	program.call("GET", "/api/v1/documents", nil).wants(401, codeUnauth)
	h.anonymous().login("bob@example.com", "correct horse").wants(401, codeCredentials)
	h.accept(tokenOfLink(t, link.URL, h.url+"/invite"), "another horse").wants(404, codeLinkInvalid)
	root.call("GET", path, nil).wants(404, codeNotFound)
	root.call("DELETE", path, nil).wants(404, codeNotFound)
	ann.call("PUT", "/api/v1/documents/"+anns.ID.String()+"/members/"+account.ID.String(), map[string]any{"role": "viewer"}).wants(404, codeNotFound)

	if got := heir.textOf(alone); got != "kept" {
		t.Errorf("text %q", got)
	}
	if d := decode[Document](heir.call("GET", "/api/v1/documents/"+alone.ID.String(), nil).wants(200, "")); d.Role != "owner" || d.Owner.ID != heir.user.ID {
		t.Errorf("%+v", d)
	}
	heir.call("POST", "/api/v1/documents/"+trashed.ID.String()+"/restore", nil).wants(200, "")
	if d := decode[Document](ann.call("GET", "/api/v1/documents/"+shared.ID.String(), nil).wants(200, "")); d.Owner.ID != heir.user.ID || d.Role != "owner" {
		t.Errorf("%+v", d)
	}
	heir.call("GET", "/api/v1/documents/"+anns.ID.String(), nil).wants(404, codeNotFound)
	if members := string(ann.call("GET", "/api/v1/documents/"+anns.ID.String()+"/members", nil).body); strings.Contains(members, "bob") || strings.Contains(members, "Zoe") {
		t.Errorf("%s", members)
	}
	// The address is free again.
	root.call("POST", "/api/v1/users", map[string]any{"email": "bob@example.com", "name": "Bob", "role": "member"}).wants(201, "")
}
