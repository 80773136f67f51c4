package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bizsync/bizsync/store"
)

// call is an operation and what it answers to each of several people.
type call struct {
	method, path string // below /api/v1; what is in braces is filled in
	body         any
	want         string // statuses, in the order of the people
}

// documentCalls are all operations on a document, for: owner, editor, commenter, viewer, stranger, admin (no member), anonymous. A document of others is 404, not
// 403, so that nobody learns of it.
func documentCalls() []call {
	title := map[string]any{"title": "Other"}
	return []call{
		{"GET", "/documents/{id}", nil, "200 200 200 200 404 404 401"},
		{"PATCH", "/documents/{id}", title, "200 200 403 403 404 404 401"},
		{"POST", "/documents/{id}/duplicate", nil, "201 201 201 201 404 404 401"},
		{"PATCH", "/documents/{id}", map[string]any{"key": ""}, "200 403 403 403 404 404 401"},
		{"DELETE", "/documents/{id}?forever=true", nil, "409 403 403 403 404 404 401"},
		{"GET", "/documents/{id}/content", nil, "200 200 200 200 404 404 401"},
		{"GET", "/documents/{id}/editors", nil, "200 200 200 200 404 404 401"},
		{"GET", "/documents/{id}/events", nil, "200 200 200 200 404 404 401"},
		{"GET", "/documents/{id}/members", nil, "200 200 200 200 404 404 401"},
		{"PUT", "/documents/{id}/members/{userId}", map[string]any{"role": "viewer"}, "409 403 403 403 404 404 401"},
		{"DELETE", "/documents/{id}/members/{userId}", nil, "409 403 403 403 404 404 401"},
		{"PUT", "/documents/{id}/members/{stranger}", map[string]any{"role": "viewer"}, "200 403 403 403 404 404 401"},
		{"DELETE", "/documents/{id}/members/{viewer}", nil, "204 403 403 204 404 404 401"},
		{"POST", "/documents/{id}/tokens", map[string]any{}, "201 201 201 201 404 404 401"},
		{"POST", "/documents/{id}/tokens", map[string]any{"role": "editor"}, "201 201 403 403 404 404 401"},
		{"POST", "/documents/{id}/tokens", map[string]any{"role": "owner"}, "201 403 403 403 404 404 401"},
		{"DELETE", "/documents/{id}", nil, "204 403 403 403 404 404 401"},
		{"POST", "/documents/{id}/restore", nil, "200 403 403 403 404 404 401"},
	}
}

// accountCalls are all other operations, for: admin, member, other, anonymous. {id} is the member.
func accountCalls() []call {
	user := map[string]any{"email": "x", "name": "x", "role": "member"}
	return []call{
		{"GET", "/setup", nil, "200 200 200 200"},
		{"POST", "/setup", map[string]any{"token": "x", "email": "a@b.co", "name": "A", "password": "correct horse"}, "409 409 409 409"},
		{"POST", "/invitations", map[string]any{"token": "x", "password": "correct horse"}, "404 404 404 404"},
		{"POST", "/session", map[string]any{"email": "nobody@example.com", "password": "x"}, "401 401 401 401"},
		{"GET", "/session", nil, "200 200 200 401"},
		{"DELETE", "/session", nil, "204 204 204 401"},
		{"GET", "/sessions", nil, "200 200 200 401"},
		{"DELETE", "/sessions/{id}", nil, "404 404 404 401"},
		{"GET", "/users", nil, "200 403 403 401"},
		{"POST", "/users", user, "422 403 403 401"}, // who may is asked before what
		{"GET", "/users/{id}", nil, "200 200 403 401"},
		{"GET", "/users/{unknown}", nil, "404 403 403 401"},
		{"PATCH", "/users/{id}", map[string]any{"name": "member"}, "200 403 403 401"},
		{"PATCH", "/users/{unknown}", map[string]any{"name": "member"}, "404 403 403 401"},
		{"PATCH", "/users/me", map[string]any{"name": "somebody"}, "200 200 200 401"},
		{"DELETE", "/users/{unknown}", nil, "404 403 403 401"},
		{"DELETE", "/users/{id}?heir={unknown}", nil, "422 403 403 401"},
		{"POST", "/users/{id}/reset", nil, "200 403 403 401"},
		{"POST", "/users/{unknown}/reset", nil, "404 403 403 401"},
		{"PUT", "/users/me/password", map[string]any{"current": "x", "new": "correct horse"}, "403 403 403 401"},
		{"GET", "/users/{id}/presence", nil, "200 200 404 401"},
		{"GET", "/users/{unknown}/presence", nil, "404 404 404 401"},
		{"GET", "/people", nil, "200 200 200 401"},
		{"GET", "/api-keys", nil, "200 200 200 401"},
		{"POST", "/api-keys", map[string]any{"name": "k", "scopes": []string{"documents:read"}}, "201 201 201 401"},
		{"POST", "/api-keys", map[string]any{"name": "k", "scopes": []string{"admin", "tokens"}}, "201 403 403 401"},
		{"DELETE", "/api-keys/{id}", nil, "404 404 404 401"},
		{"GET", "/documents", nil, "200 200 200 401"},
		{"POST", "/documents", map[string]any{"title": "New"}, "201 201 201 401"},
		{"GET", "/notifications", nil, "200 200 200 401"},
		{"GET", "/notifications/stream", nil, "200 200 200 401"},
		{"POST", "/notifications/read", map[string]any{}, "204 204 204 401"},
		{"POST", "/notifications/{id}/read", nil, "404 404 404 401"},
		{"GET", "/admin/editors", nil, "200 403 403 401"},
		{"GET", "/admin/events", nil, "200 403 403 401"},
		{"GET", "/admin/nodes", nil, "200 403 403 401"},
		{"GET", "/admin/audit", nil, "200 403 403 401"},
		{"GET", "/admin/statistics", nil, "200 403 403 401"},
		{"DELETE", "/admin/connections/{id}", nil, "404 403 403 401"},
	}
}

// statuses reads what a call wants.
func (c call) statuses(t *testing.T) (all []int) {
	t.Helper()
	for word := range strings.FieldsSeq(c.want) {
		status, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, status)
	}
	return all
}

// Every operation is in one of the tables: a new one without a row is one of which nobody has said who may call it.
func TestEveryOperationHasARow(t *testing.T) {
	rows := make(map[string]bool)
	for _, c := range append(documentCalls(), accountCalls()...) {
		path, _, _ := strings.Cut(c.path, "?")
		rows[c.method+" "+prefix+path] = true
	}
	n := 0
	for path, item := range newHarness(t, nil).server.api.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete} {
			if op == nil {
				continue
			}
			n++
			if !rows[method+" "+path] {
				t.Errorf("%s %s (%s) has no row", method, path, op.OperationID)
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d operations were found", n)
	}
}

func TestAccessToDocuments(t *testing.T) {
	h := newHarness(t, nil)
	owner, editor, commenter, viewer := h.person("owner", store.RoleMember), h.person("editor", store.RoleMember), h.person("commenter", store.RoleMember), h.person("viewer", store.RoleMember)
	stranger, admin := h.person("stranger", store.RoleMember), h.person("admin", store.RoleAdmin)
	people := []*person{owner, editor, commenter, viewer, stranger, admin, h.anonymous()}
	codes := map[int]string{401: codeUnauth, 403: codeForbidden, 404: codeNotFound}
	for _, c := range documentCalls() {
		for i, want := range c.statuses(t) {
			p := people[i]
			who := "anonymous"
			if p.user.Name != "" {
				who = p.user.Name
			}
			t.Run(fmt.Sprintf("%s %s as %s", c.method, c.path, who), func(t *testing.T) {
				// Each on a document of its own: some calls change it.
				d := owner.document("Plans", map[*person]string{editor: "editor", commenter: "commenter", viewer: "viewer"})
				path := strings.NewReplacer("{id}", d.ID.String(), "{userId}", owner.user.ID.String(), "{stranger}", stranger.user.ID.String(), "{viewer}", viewer.user.ID.String()).Replace(c.path)
				p.call(c.method, prefix+path, c.body).wants(want, codes[want])
			})
		}
	}
}

func TestAccessToAccounts(t *testing.T) {
	h := newHarness(t, nil)
	admin, member, other := h.person("admin", store.RoleAdmin), h.person("member", store.RoleMember), h.person("other", store.RoleMember)
	for _, c := range accountCalls() {
		for i, want := range c.statuses(t) {
			t.Run(fmt.Sprintf("%s %s as %d", c.method, c.path, i), func(t *testing.T) {
				p := h.anonymous()
				if i < 3 {
					p = h.loggedIn([]store.User{admin.user, member.user, other.user}[i]) // anew: one of the calls logs out
				}
				path := strings.NewReplacer("{id}", member.user.ID.String(), "{unknown}", store.NewID().String()).Replace(c.path)
				p.call(c.method, prefix+path, c.body).wants(want, "")
			})
		}
	}
}

// A disabled or expired login, a made-up cookie and an Authorization header next to a good cookie are all nobody.
func TestNobody(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	tests := []struct {
		name   string
		cookie string
		header http.Header
		want   int
	}{
		{"a good cookie", ann.cookie, nil, 200},
		{"none", "", nil, 401},
		{"made up", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", nil, 401},
		{"not even one", "x", nil, 401},
		{"beside bad credentials", ann.cookie, http.Header{"Authorization": {"Bearer bsk_x"}}, 401},
		{"beside other credentials", ann.cookie, http.Header{"Authorization": {"Basic x"}}, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &person{h: h, cookie: tt.cookie, header: tt.header}
			r := p.call("GET", "/api/v1/session", nil)
			if tt.want == 401 {
				r.wants(401, codeUnauth)
			} else {
				r.wants(tt.want, "")
			}
		})
	}
}
