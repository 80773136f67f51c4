package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/store"
)

// Who may call what: every operation on a document, by everyone that there is. A document of others is 404, not 403, so that nobody learns of it.
func TestAccessToDocuments(t *testing.T) {
	h := newHarness(t, nil)
	owner, editor, commenter, viewer := h.person("owner", store.RoleMember), h.person("editor", store.RoleMember), h.person("commenter", store.RoleMember), h.person("viewer", store.RoleMember)
	stranger, admin := h.person("stranger", store.RoleMember), h.person("admin", store.RoleAdmin)
	people := []*person{owner, editor, commenter, viewer, stranger, admin, h.anonymous()}
	title := map[string]any{"title": "Other"}

	tests := []struct {
		method, path string
		body         any
		want         string // statuses for owner, editor, commenter, viewer, stranger, admin (no member), anonymous
	}{
		{"GET", "", nil, "200 200 200 200 404 404 401"},
		{"PATCH", "", title, "200 200 403 403 404 404 401"},
		{"GET", "/content", nil, "200 200 200 200 404 404 401"},
		{"GET", "/editors", nil, "200 200 200 200 404 404 401"},
		{"GET", "/members", nil, "200 200 200 200 404 404 401"},
		{"PUT", "/members/{stranger}", map[string]any{"role": "viewer"}, "200 403 403 403 404 404 401"},
		{"DELETE", "/members/{viewer}", nil, "204 403 403 204 404 404 401"},
		{"POST", "/tokens", map[string]any{}, "201 201 201 201 404 404 401"},
		{"POST", "/tokens", map[string]any{"role": "editor"}, "201 201 403 403 404 404 401"},
		{"POST", "/tokens", map[string]any{"role": "owner"}, "201 403 403 403 404 404 401"},
		{"DELETE", "", nil, "204 403 403 403 404 404 401"},
		{"POST", "/restore", nil, "200 403 403 403 404 404 401"},
	}
	codes := map[int]string{401: codeUnauth, 403: codeForbidden, 404: codeNotFound}
	for _, tt := range tests {
		name := tt.method + " /documents/{id}" + tt.path
		for i, want := range strings.Fields(tt.want) {
			p := people[i]
			who := "anonymous"
			if p.user.Name != "" {
				who = p.user.Name
			}
			t.Run(fmt.Sprintf("%s as %s", name, who), func(t *testing.T) {
				// Each on a document of its own: some calls change it.
				d := owner.document("Plans", map[*person]string{editor: "editor", commenter: "commenter", viewer: "viewer"})
				path := "/api/v1/documents/" + d.ID.String() + strings.NewReplacer("{stranger}", stranger.user.ID.String(), "{viewer}", viewer.user.ID.String()).Replace(tt.path)
				status, err := strconv.Atoi(want)
				if err != nil {
					t.Fatal(err)
				}
				p.call(tt.method, path, tt.body).wants(status, codes[status])
			})
		}
	}
}

func TestAccessToAccounts(t *testing.T) {
	h := newHarness(t, nil)
	admin, member, other := h.person("admin", store.RoleAdmin), h.person("member", store.RoleMember), h.person("other", store.RoleMember)
	people := []*person{admin, member, other, h.anonymous()}
	tests := []struct {
		method, path string
		body         any
		want         [4]int // admin, member, other, anonymous
	}{
		{"GET", "/users", nil, [4]int{200, 403, 403, 401}},
		{"POST", "/users", map[string]any{"email": "x", "name": "x", "role": "member"}, [4]int{422, 403, 403, 401}}, // who may is asked before what
		{"GET", "/users/" + member.user.ID.String(), nil, [4]int{200, 200, 403, 401}},
		{"GET", "/users/" + store.NewID().String(), nil, [4]int{404, 403, 403, 401}},
		{"GET", "/session", nil, [4]int{200, 200, 200, 401}},
		{"GET", "/documents", nil, [4]int{200, 200, 200, 401}},
		{"POST", "/documents", map[string]any{"title": "New"}, [4]int{201, 201, 201, 401}},
		{"GET", "/setup", nil, [4]int{200, 200, 200, 200}},
	}
	for _, tt := range tests {
		for i, want := range tt.want {
			t.Run(fmt.Sprintf("%s %s as %d", tt.method, tt.path, i), func(t *testing.T) {
				people[i].call(tt.method, "/api/v1"+tt.path, tt.body).wants(want, "")
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
