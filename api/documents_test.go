package api

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/bizsync/bizsync/store"
)

func TestCreateDocument(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	r := ann.call("POST", "/api/v1/documents", map[string]any{"title": " Plans ", "key": "team:plans"}).wants(201, "")
	d := decode[Document](r)
	if d.Title != "Plans" || d.Key != "team:plans" || d.Role != "owner" || d.Owner != (Person{ann.user.ID, "ann"}) || d.CreatedAt.IsZero() || d.UpdatedAt.IsZero() || d.DeletedAt != nil || d.ID.Version() != 7 {
		t.Errorf("%+v", d)
	}
	if got := r.header.Get("Location"); got != "/api/v1/documents/"+d.ID.String() {
		t.Errorf("Location %q", got)
	}
	again := decode[Document](ann.call("POST", "/api/v1/documents", map[string]any{"title": "Other", "key": "team:plans"}).wants(200, ""))
	if again.ID != d.ID || again.Title != "Plans" {
		t.Errorf("the same key again: %+v", again)
	}
	bob.call("POST", "/api/v1/documents", map[string]any{"title": "Mine", "key": "team:plans"}).wants(409, codeConflict)
	for _, name := range []string{d.ID.String(), "team:plans", url.PathEscape("team:plans"), "team%3Aplans"} {
		if got := decode[Document](ann.call("GET", "/api/v1/documents/"+name, nil).wants(200, "")); got.ID != d.ID {
			t.Errorf("by %s: %+v", name, got)
		}
	}
	ann.call("DELETE", "/api/v1/documents/team:plans", nil).wants(204, "")
	ann.call("POST", "/api/v1/documents", map[string]any{"title": "Plans", "key": "team:plans"}).wants(410, codeGone)
}

// The trash: gone for those who could see it, unknown to others, back as it was.
func TestTrash(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob, eve := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember), h.person("eve", store.RoleMember)
	d := ann.document("Plans", map[*person]string{bob: "editor"})
	path := "/api/v1/documents/" + d.ID.String()
	ann.call("DELETE", path, nil).wants(204, "")
	for _, tt := range []struct{ method, path string }{{"GET", ""}, {"DELETE", ""}, {"GET", "/content"}, {"GET", "/members"}, {"GET", "/editors"}, {"POST", "/tokens"}} {
		for _, p := range []*person{ann, bob} {
			p.call(tt.method, path+tt.path, nil).wants(410, codeGone)
		}
		eve.call(tt.method, path+tt.path, nil).wants(404, codeNotFound)
	}
	if list := decode[List[Document]](ann.call("GET", "/api/v1/documents", nil)); len(list.Data) != 0 {
		t.Errorf("listed: %+v", list)
	}
	bob.call("POST", path+"/restore", nil).wants(403, codeForbidden)
	eve.call("POST", path+"/restore", nil).wants(404, codeNotFound)
	if got := decode[Document](ann.call("POST", path+"/restore", nil).wants(200, "")); got.DeletedAt != nil || got.Title != "Plans" {
		t.Errorf("%+v", got)
	}
	bob.call("GET", path, nil).wants(200, "")
	ann.call("POST", path+"/restore", nil).wants(200, "") // once more changes nothing
}

func TestListDocuments(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	var want []string
	for i := range 5 {
		d := ann.document(fmt.Sprintf("Plan %d", i), nil)
		want = append([]string{d.ID.String()}, want...)
	}
	ann.document("Budget", nil)
	bob.document("Plan of bob", nil)
	var got []string
	cursor := ""
	for range 5 {
		page := decode[List[Document]](ann.call("GET", "/api/v1/documents?q=pLAN&limit=2&cursor="+url.QueryEscape(cursor), nil).wants(200, ""))
		for _, d := range page.Data {
			got = append(got, d.ID.String())
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
		if len(page.Data) != 2 {
			t.Errorf("a page of %d that isn't the last", len(page.Data))
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v, want %v", got, want)
	}
	if r := h.person("new", store.RoleMember).call("GET", "/api/v1/documents", nil); strings.TrimSpace(string(r.body)) != `{"data":[],"nextCursor":""}` {
		t.Errorf("an empty list: %s", r.body)
	}
}

func TestListUsersInPages(t *testing.T) {
	h := newHarness(t, nil)
	admin := h.person("admin", store.RoleAdmin)
	h.person("bob", store.RoleMember)
	h.person("eve", store.RoleMember)
	first := decode[List[User]](admin.call("GET", "/api/v1/users?limit=2", nil).wants(200, ""))
	second := decode[List[User]](admin.call("GET", "/api/v1/users?limit=2&cursor="+url.QueryEscape(first.NextCursor), nil).wants(200, ""))
	if len(first.Data) != 2 || len(second.Data) != 1 || second.NextCursor != "" || first.Data[0].Name != "admin" || second.Data[0].Name != "eve" {
		t.Errorf("%+v %+v", first, second)
	}
}

func TestMembers(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	d := ann.document("Plans", map[*person]string{bob: "viewer"})
	path := "/api/v1/documents/" + d.ID.String() + "/members"
	list := decode[List[Member]](bob.call("GET", path, nil).wants(200, "")).Data
	if len(list) != 2 || list[0].User != (MemberUser{ann.user.ID, "ann", "ann@example.com"}) || list[0].Role != "owner" || list[1].Role != "viewer" || list[1].CreatedAt.IsZero() {
		t.Errorf("%+v", list)
	}
	m := decode[Member](ann.call("PUT", path+"/"+bob.user.ID.String(), map[string]any{"role": "editor"}).wants(200, ""))
	if m.Role != "editor" || m.User.Name != "bob" {
		t.Errorf("%+v", m)
	}
	// The last owner can neither leave nor step down.
	ann.call("DELETE", path+"/"+ann.user.ID.String(), nil).wants(409, codeLastOwner)
	ann.call("PUT", path+"/"+ann.user.ID.String(), map[string]any{"role": "viewer"}).wants(409, codeLastOwner)
	ann.call("PUT", path+"/"+bob.user.ID.String(), map[string]any{"role": "owner"}).wants(200, "")
	ann.call("DELETE", path+"/"+ann.user.ID.String(), nil).wants(204, "")
	ann.call("GET", path, nil).wants(404, codeNotFound)
	bob.call("DELETE", path+"/"+ann.user.ID.String(), nil).wants(404, codeNotFound)
	bob.call("DELETE", path+"/"+bob.user.ID.String(), nil).wants(409, codeLastOwner)
}

// helloUpdate is what Yjs makes of getText(root).insert(0, text) by one client: one struct, an item of string content with the root as its parent.
func helloUpdate(client uint64, root, text string) []byte {
	b := []byte{1, 1} // one client, one struct
	b = binary.AppendUvarint(b, client)
	b = append(b, 0, 4, 1) // clock 0; content string, no origins; the parent is a root type
	b = append(binary.AppendUvarint(b, uint64(len(root))), root...)
	b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	return append(b, 0) // nothing deleted
}

// type_ sends an update over a socket and waits for its ack.
func (p *person) type_(d Document, update []byte) {
	t := p.h.t
	t.Helper()
	ws, _ := p.h.dial(dialing{name: d.ID.String(), header: p.page(), acks: true})
	if code, _ := fate(t, ws); code != 0 {
		t.Fatal(code)
	}
	frame := append(binary.AppendUvarint([]byte{0, 2}, uint64(len(update))), update...)
	if err := ws.Write(t.Context(), websocket.MessageBinary, frame); err != nil {
		t.Fatal(err)
	}
	for {
		_, b, err := ws.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if b[0] == 121 {
			t.Fatalf("refused: % x", b)
		}
		if b[0] == 120 {
			break
		}
	}
	_ = ws.Close(websocket.StatusNormalClosure, "")
}

func TestContent(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	path := "/api/v1/documents/" + d.ID.String() + "/content"
	get := func(query, have string) reply {
		ann.header.Set("If-None-Match", have)
		if have == "" {
			ann.header.Del("If-None-Match")
		}
		return ann.call("GET", path+query, nil)
	}
	empty := get("", "").wants(200, "")
	etag := empty.header.Get("ETag")
	if len(empty.body) != 0 || empty.header.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.HasPrefix(etag, `"`) || !strings.HasSuffix(etag, `.0"`) || empty.header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("empty: %q %v", empty.body, empty.header)
	}
	get("", etag).wants(304, "")

	ann.type_(d, helloUpdate(7, "default", "Grüße 🙂"))
	text := get("", etag).wants(200, "")
	if string(text.body) != "Grüße 🙂" {
		t.Errorf("text %q", text.body)
	}
	now := text.header.Get("ETag")
	if now == etag || !strings.HasSuffix(now, `.1"`) {
		t.Errorf("ETag was %s and is %s", etag, now)
	}
	for _, have := range []string{now, "W/" + now, `"x", ` + now, "*"} {
		if r := get("", have).wants(304, ""); len(r.body) != 0 || r.header.Get("ETag") != now {
			t.Errorf("%s: %q %v", have, r.body, r.header)
		}
	}
	get("", `"x"`).wants(200, "")
	if r := get("?field=other", "").wants(200, ""); len(r.body) != 0 {
		t.Errorf("a field that isn't there: %q", r.body)
	}
	if r := get("?format=yjs", "").wants(200, ""); r.header.Get("Content-Type") != "application/octet-stream" || !strings.Contains(string(r.body), "Grüße") {
		t.Errorf("state %q %v", r.body, r.header)
	}
	if r := get("?format=text&field=default", "").wants(200, ""); string(r.body) != "Grüße 🙂" {
		t.Errorf("by name: %q", r.body)
	}
}

func TestSecurityHeaders(t *testing.T) {
	h := newHarness(t, nil)
	for _, path := range []string{"/api/v1/session", "/healthz", "/docs", "/nothing"} {
		header := h.anonymous().call("GET", path, nil).header
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		csp := header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'self'", "frame-ancestors 'none'", "connect-src 'self' ws: wss:", "img-src 'self' data: https:", "style-src 'self' 'unsafe-inline'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: %s is not in %q", path, part, csp)
			}
		}
		if strings.Contains(csp, "script-src") {
			t.Errorf("%s: scripts beyond our own: %s", path, csp)
		}
	}
	if _, err := time.Parse(http.TimeFormat, h.anonymous().call("GET", "/healthz", nil).header.Get("Date")); err != nil {
		t.Error(err)
	}
}
