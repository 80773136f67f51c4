package api

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/bizsync/bizsync/store"
)

// noticeList is the body of a list of notices.
type noticeList struct {
	Data       []Notice
	NextCursor string
	Unread     int
}

func (p *person) notices(query string) noticeList {
	p.h.t.Helper()
	return decode[noticeList](p.call("GET", "/api/v1/notifications"+query, nil).wants(200, ""))
}

// What others do to somebody's access is told to them, live and later, and to nobody else.
func TestNotices(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob, eve := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember), h.person("eve", store.RoleMember)
	live := bob.follow(noticeStream)
	d := ann.document("Plans", nil)
	path := "/api/v1/documents/" + d.ID.String()
	member := path + "/members/" + bob.user.ID.String()
	steps := []struct {
		method, path string
		body         any
		kind         store.NoticeKind
		role         string
	}{
		{"PUT", member, map[string]any{"role": "viewer"}, store.NoticeShared, "viewer"},
		{"PUT", member, map[string]any{"role": "editor"}, store.NoticeRole, "editor"},
		{"DELETE", path, nil, store.NoticeDeleted, "editor"},
		{"POST", path + "/restore", nil, store.NoticeRestored, "editor"},
		{"DELETE", member, nil, store.NoticeRemoved, ""},
	}
	var seen []Notice
	for i, step := range steps {
		ann.call(step.method, step.path, step.body)
		e := live.next()
		if e.name != "notice" || e.id != fmt.Sprint(i+1) {
			t.Fatalf("event %s %s", e.name, e.id)
		}
		n := decode[Notice](reply{t: t, body: e.data})
		if n.Kind != step.kind || n.Role != step.role || n.Document != (Titled{d.ID, "Plans"}) || n.Actor == nil || *n.Actor != (Person{ann.user.ID, "ann"}) || n.CreatedAt.IsZero() || n.ReadAt != nil {
			t.Errorf("%s %s told %s", step.method, step.path, e.data)
		}
		seen = append(seen, n)
	}

	all := bob.notices("")
	if len(all.Data) != 5 || all.Unread != 5 || all.NextCursor != "" || all.Data[0].ID != seen[4].ID {
		t.Fatalf("%+v", all)
	}
	bob.call("POST", "/api/v1/notifications/"+seen[1].ID.String()+"/read", nil).wants(204, "")
	bob.call("POST", "/api/v1/notifications/"+seen[1].ID.String()+"/read", nil).wants(204, "") // changes nothing
	eve.call("POST", "/api/v1/notifications/"+seen[2].ID.String()+"/read", nil).wants(404, codeNotFound)
	first := bob.notices("?unread=true&limit=3")
	rest := bob.notices("?unread=true&limit=3&cursor=" + url.QueryEscape(first.NextCursor))
	if len(first.Data) != 3 || len(rest.Data) != 1 || rest.NextCursor != "" || first.Unread != 4 || rest.Data[0].ID != seen[0].ID {
		t.Errorf("%+v %+v", first, rest)
	}
	if read := bob.notices("").Data[3]; read.ID != seen[1].ID || read.ReadAt == nil {
		t.Errorf("%+v", read)
	}
	eve.call("POST", "/api/v1/notifications/read", map[string]any{}).wants(204, "")
	if n := bob.notices("").Unread; n != 4 {
		t.Errorf("%d unread after somebody else read theirs", n)
	}
	bob.call("POST", "/api/v1/notifications/read", map[string]any{}).wants(204, "")
	if n := bob.notices("?unread=true"); n.Unread != 0 || len(n.Data) != 0 {
		t.Errorf("%+v", n)
	}
	for _, p := range []*person{ann, eve} {
		if n := p.notices(""); len(n.Data) != 0 || n.Unread != 0 {
			t.Errorf("%s was told %+v", p.user.Name, n)
		}
	}
}

// Whoever comes back with the last id gets what came meanwhile, however much; whoever comes anew gets only what is new.
func TestNoticeStreamResumes(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	d := ann.document("Plans", nil)
	tell := func(i int) { // an act makes one notice each
		t.Helper()
		role := store.Viewer + store.Role(i%2)
		if _, err := h.store.SetMember(t.Context(), d.ID, bob.user.ID, role, ann.user.ID); err != nil {
			t.Fatal(err)
		}
	}
	const many = noticesAtOnce + 7
	for i := range many {
		tell(i)
	}
	anew := bob.follow(noticeStream)
	back := &person{h: h, user: bob.user, cookie: bob.cookie, header: http.Header{"Last-Event-Id": {"3"}}}
	again := back.follow(noticeStream)
	for i := 4; i <= many; i++ {
		if e := again.next(); e.id != fmt.Sprint(i) {
			t.Fatalf("event %s, want %d", e.id, i)
		}
	}
	tell(many)
	h.hub.Notify(bob.user.ID)
	for _, f := range []*following{anew, again} {
		if e := f.next(); e.id != fmt.Sprint(many+1) {
			t.Errorf("event %s, want %d", e.id, many+1)
		}
	}
	// An id beyond the newest is of a history that is gone: what comes now is new all the same.
	back.header.Set("Last-Event-ID", "1000000")
	lost := back.follow(noticeStream)
	tell(many + 1)
	h.hub.Notify(bob.user.ID)
	if e := lost.next(); e.id != fmt.Sprint(many+2) {
		t.Errorf("event %s, want %d", e.id, many+2)
	}
	for _, bad := range []string{"x", "-1", "9999999999999999999999"} {
		back.header.Set("Last-Event-ID", bad)
		_, r := back.tryFollow(noticeStream)
		r.wants(422, codeValidation)
	}
}
