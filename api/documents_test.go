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
	if len(list) != 2 || list[0].User != (MemberUser{ann.user.ID, "ann", "ann@example.com", false}) || list[0].Role != "owner" || list[1].Role != "viewer" || list[1].CreatedAt.IsZero() {
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
		if path == "/docs" {
			continue // its policy is stricter: see TestDocsNeedNothingFromElsewhere
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

// The entry's tag changes with all that it says, and changes can be bound to it.
func TestDocumentETag(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	d := ann.document("Plans", map[*person]string{bob: "editor"})
	path := "/api/v1/documents/" + d.ID.String()
	with := func(p *person, name, tags, method string, body any) reply {
		p.header = http.Header{}
		if tags != "" {
			p.header.Set(name, tags)
		}
		defer func() { p.header = http.Header{} }()
		return p.call(method, path, body)
	}
	tag := ann.call("GET", path, nil).wants(200, "").header.Get("ETag")
	if !strings.HasPrefix(tag, `"`) || len(tag) < 10 {
		t.Fatalf("ETag %q", tag)
	}
	for _, same := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		if r := with(ann, "If-None-Match", same, "GET", nil).wants(304, ""); len(r.body) != 0 || r.header.Get("ETag") != tag {
			t.Errorf("%s: %q %v", same, r.body, r.header)
		}
	}
	if theirs := with(bob, "If-None-Match", tag, "GET", nil).wants(200, ""); theirs.header.Get("ETag") == tag {
		t.Error("another role, and the same tag")
	}
	for _, other := range []string{`"x"`, "W/" + tag, "x"} { // weak tags match no condition of a change
		with(ann, "If-Match", other, "PATCH", map[string]any{"title": "No"}).wants(412, codePrecondition)
		with(ann, "If-Match", other, "DELETE", nil).wants(412, codePrecondition)
	}
	renamed := with(ann, "If-Match", tag, "PATCH", map[string]any{"title": "Budget"}).wants(200, "")
	now := renamed.header.Get("ETag")
	if now == tag || now != ann.call("GET", path, nil).header.Get("ETag") {
		t.Errorf("ETag was %s and is %s", tag, now)
	}
	with(ann, "If-Match", tag, "PATCH", map[string]any{"title": "No"}).wants(412, codePrecondition)
	with(ann, "If-Match", "*", "PATCH", map[string]any{"title": "Yes"}).wants(200, "")
	bob.call("PATCH", path, map[string]any{"title": "Unconditional"}).wants(200, "")
	with(ann, "If-Match", now, "DELETE", nil).wants(412, codePrecondition)
	if got := decode[Document](ann.call("GET", path, nil).wants(200, "")); got.Title != "Unconditional" {
		t.Errorf("%+v", got)
	}
	with(ann, "If-Match", ann.call("GET", path, nil).header.Get("ETag"), "DELETE", nil).wants(204, "")
}

// Of many who change what they have read, one at a time succeeds.
func TestOneOfManyConditionalChanges(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	path := "/api/v1/documents/" + d.ID.String()
	tag := ann.call("GET", path, nil).header.Get("ETag")
	statuses := make(chan int, 20)
	for i := range cap(statuses) {
		go func() {
			req, err := http.NewRequestWithContext(t.Context(), "PATCH", h.url+path, strings.NewReader(fmt.Sprintf(`{"title":"Plan %d"}`, i)))
			if err != nil {
				statuses <- 0
				return
			}
			req.Header = http.Header{"If-Match": {tag}}
			req.Header.Set("Content-Type", "application/json")
			req.AddCookie(&http.Cookie{Name: sessionCookie, Value: ann.cookie})
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				statuses <- 0
				return
			}
			res.Body.Close()
			statuses <- res.StatusCode
		}()
	}
	count := make(map[int]int)
	for range cap(statuses) {
		count[<-statuses]++
	}
	if count[200] != 1 || count[412] != cap(statuses)-1 {
		t.Errorf("%v", count)
	}
}

// The views of the list: mine, shared with me, the trash; by change, title or creation; a page's cursor is for its own list.
func TestDocumentViews(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	zebra := ann.document("zebra", nil)
	ann.document("Äpfel", nil)
	ann.document("banana", nil)
	ann.document("Gone", nil)
	bob.document("Shared", map[*person]string{ann: "viewer"})
	bob.document("Ours", map[*person]string{ann: "owner"})
	gone := decode[List[Document]](ann.call("GET", "/api/v1/documents?q=gone", nil).wants(200, "")).Data[0]
	ann.call("DELETE", "/api/v1/documents/"+gone.ID.String(), nil).wants(204, "")
	ann.call("PATCH", "/api/v1/documents/"+zebra.ID.String(), map[string]any{"title": "Zebra"}).wants(200, "")
	for query, want := range map[string]string{
		"":                           "Zebra Ours Shared banana Äpfel",
		"?sort=changed":              "Zebra Ours Shared banana Äpfel",
		"?sort=created":              "Ours Shared banana Äpfel Zebra",
		"?sort=title":                "banana Ours Shared Zebra Äpfel",
		"?filter=owned&sort=title":   "banana Ours Zebra Äpfel",
		"?filter=shared":             "Shared",
		"?filter=shared&q=zebra":     "",
		"?filter=trash":              "Gone",
		"?filter=trash&sort=title":   "Gone",
		"?filter=owned&q=AN":         "banana",
		"?filter=owned&sort=created": "Ours banana Äpfel Zebra",
	} {
		var got []string
		for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
			if pages > 9 {
				t.Fatalf("%s: no end", query)
			}
			join := "?"
			if query != "" {
				join = query + "&"
			}
			list := decode[List[Document]](ann.call("GET", "/api/v1/documents"+join+"limit=2&cursor="+url.QueryEscape(cursor), nil).wants(200, ""))
			for _, d := range list.Data {
				got = append(got, d.Title)
			}
			cursor = list.NextCursor
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	if list := decode[List[Document]](bob.call("GET", "/api/v1/documents?filter=trash", nil).wants(200, "")).Data; len(list) != 0 {
		t.Errorf("others' trash: %+v", list)
	}
	cursor := url.QueryEscape(decode[List[Document]](ann.call("GET", "/api/v1/documents?limit=1", nil)).NextCursor)
	for _, bad := range []string{"?filter=mine", "?sort=size", "?filter=", "?filter=owned&cursor=" + cursor, "?sort=title&cursor=" + cursor} {
		if r := ann.call("GET", "/api/v1/documents"+bad, nil); r.status != 422 && bad != "?filter=" {
			t.Errorf("%s: %d %s", bad, r.status, r.body)
		}
	}
}
