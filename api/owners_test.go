package api

import (
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
)

func TestChangeDocumentKey(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	d := ann.document("Plans", map[*person]string{bob: "editor"})
	other := decode[Document](ann.begins(map[string]any{"title": "Other", "key": "taken"}).wants(201, ""))
	path := "/api/v1/documents/" + d.ID.String()
	set := func(p *person, key string) reply { return p.call("PATCH", path, map[string]any{"key": key}) }
	if got := decode[Document](set(ann, "team:plans").wants(200, "")); got.Key != "team:plans" || got.Title != "Plans" {
		t.Errorf("%+v", got)
	}
	ann.call("GET", "/api/v1/documents/team:plans", nil).wants(200, "")
	set(ann, "team:plans").wants(200, "") // as it is
	set(ann, "taken").wants(409, codeConflict)
	set(ann, "a/b").wants(422, codeValidation)
	set(ann, other.ID.String()).wants(422, codeValidation)
	set(bob, "mine").wants(403, codeForbidden)
	set(ann, "").wants(200, "")
	ann.call("GET", "/api/v1/documents/team:plans", nil).wants(404, codeNotFound)
	// With a title that can't be, nothing is changed.
	ann.call("PATCH", path, map[string]any{"key": "new", "title": " "}).wants(422, codeValidation)
	ann.call("GET", "/api/v1/documents/new", nil).wants(404, codeNotFound)
	if got := decode[Document](ann.call("PATCH", path, map[string]any{"key": "new", "title": "Both"}).wants(200, "")); got.Key != "new" || got.Title != "Both" {
		t.Errorf("%+v", got)
	}
	if got := decode[Document](bob.call("PATCH", path, map[string]any{}).wants(200, "")); got.Title != "Both" {
		t.Errorf("no change: %+v", got)
	}
}

// Who gets a document is told, may do everything with it at once, in the sockets that are open, too; who had it stays.
func TestTransferDocument(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob, eve, gone := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember), h.person("eve", store.RoleMember), h.person("gone", store.RoleMember)
	root := h.person("root", store.RoleAdmin)
	d := ann.document("Plans", map[*person]string{bob: "viewer"})
	path := "/api/v1/documents/" + d.ID.String()
	to := func(p, heir *person) reply { return p.call("PATCH", path, map[string]any{"owner": heir.user.ID}) }
	socket := bob.opened(d)
	to(bob, bob).wants(403, codeForbidden)
	to(eve, eve).wants(404, codeNotFound)
	root.call("PATCH", "/api/v1/users/"+gone.user.ID.String(), map[string]any{"disabled": true}).wants(200, "")
	to(ann, gone).wants(422, codeValidation)
	ann.call("PATCH", path, map[string]any{"owner": store.NewID()}).wants(422, codeValidation)

	if got := decode[Document](to(ann, bob).wants(200, "")); got.Owner != (Person{bob.user.ID, "bob"}) || got.Role != "owner" {
		t.Errorf("%+v", got)
	}
	eventually(t, "the open socket has the new role", func() bool {
		list := decode[struct{ Data []Editor }](ann.call("GET", path+"/editors", nil)).Data
		return len(list) == 1 && list[0].Role == "owner"
	})
	if notices := decode[List[Notice]](bob.call("GET", "/api/v1/notifications", nil).wants(200, "")).Data; len(notices) == 0 || notices[0].Role != "owner" || notices[0].Actor.ID != ann.user.ID {
		t.Errorf("%+v", notices)
	}
	bob.call("PUT", path+"/members/"+ann.user.ID.String(), map[string]any{"role": "viewer"}).wants(200, "")
	to(ann, ann).wants(403, codeForbidden)
	if got := decode[Document](to(bob, eve).wants(200, "")); got.Owner.ID != eve.user.ID { // who was no member
		t.Errorf("%+v", got)
	}
	eve.call("DELETE", path, nil).wants(204, "")
	socket.closes(4404, 3*time.Second)
}

// For good: from the trash only, by owners only, and then nobody knows it any more.
func TestDeleteForGood(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	d := decode[Document](ann.begins(map[string]any{"title": "Plans", "key": "plans", "kind": "text", "content": "secret"}).wants(201, ""))
	path := "/api/v1/documents/" + d.ID.String()
	ann.call("PUT", path+"/members/"+bob.user.ID.String(), map[string]any{"role": "editor"}).wants(200, "")
	token := bob.token(d, nil)
	ann.call("DELETE", path+"?forever=true", nil).wants(409, codeConflict)
	ann.call("GET", path, nil).wants(200, "")
	ann.call("DELETE", path, nil).wants(204, "")
	listed := decode[List[Document]](ann.call("GET", "/api/v1/documents?filter=trash", nil).wants(200, "")).Data
	if len(listed) != 1 || listed[0].DeletedAt == nil || listed[0].ExpiresAt == nil || listed[0].ExpiresAt.Sub(*listed[0].DeletedAt) != store.TrashTime {
		t.Errorf("%+v", listed)
	}
	ann.call("DELETE", path, nil).wants(410, codeGone)
	bob.call("DELETE", path+"?forever=true", nil).wants(403, codeForbidden)
	ann.call("DELETE", path+"?forever=true", nil).wants(204, "")
	for _, p := range []*person{ann, bob} {
		p.call("GET", path, nil).wants(404, codeNotFound)
		p.call("POST", path+"/restore", nil).wants(404, codeNotFound)
		p.call("DELETE", path+"?forever=true", nil).wants(404, codeNotFound)
	}
	ws, _ := h.dial(dialing{name: d.ID.String(), query: "?token=" + token})
	if code, _ := fate(t, ws); code != 4404 {
		t.Errorf("its socket: %d", code)
	}
	again := decode[Document](bob.begins(map[string]any{"title": "Mine", "key": "plans"}).wants(201, ""))
	if text := bob.textOf(again); strings.Contains(text, "secret") || again.ID == d.ID {
		t.Errorf("%+v %q", again, text)
	}
}
