package api

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bizsync/bizsync/store"
)

// auditLog gives the whole audit log as an admin reads it, oldest first.
func (p *person) auditLog(query url.Values) (entries []AuditEntry) {
	p.h.t.Helper()
	query = maps.Clone(query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", "7")
	for {
		page := decode[List[AuditEntry]](p.call("GET", "/api/v1/admin/audit?"+query.Encode(), nil).wants(200, ""))
		entries = append(entries, page.Data...)
		if page.NextCursor == "" {
			slices.Reverse(entries)
			return entries
		}
		query.Set("cursor", page.NextCursor)
	}
}

// actionsOf gives what entries say was done.
func actionsOf(entries []AuditEntry) (actions []string) {
	for _, e := range entries {
		actions = append(actions, e.Action)
	}
	return actions
}

// What people do with accounts and access is on record: who, what, to what, and from where.
func TestAudit(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	root := h.person("root", store.RoleAdmin)
	ann := h.withPassword("ann@example.com", "correct horse")
	from := http.Header{"X-Forwarded-For": {"192.0.2.7"}, "User-Agent": {"A browser"}}
	stranger := &person{h: h, header: from}

	stranger.login("ann@example.com", "wrong").wants(401, codeCredentials)
	stranger.login("nobody@example.com", "wrong").wants(401, codeCredentials)
	stranger.login("my password by mistake", "wrong").wants(401, codeCredentials)
	annAt := &person{h: h, user: ann, header: from, cookie: sessionCookieOf(stranger.login("ann@example.com", "correct horse").wants(200, "")).Value}

	d := annAt.document("Plans", nil)
	doc, member := "/api/v1/documents/"+d.ID.String(), "/api/v1/documents/"+d.ID.String()+"/members/"+root.user.ID.String()
	annAt.call("PUT", member, map[string]any{"role": "viewer"}).wants(200, "")
	annAt.call("PUT", member, map[string]any{"role": "editor"}).wants(200, "")
	annAt.call("PATCH", doc, map[string]any{"title": "Better plans"}).wants(200, "")
	annAt.call("POST", doc+"/tokens", map[string]any{"role": "viewer"}).wants(201, "")
	annAt.call("DELETE", member, nil).wants(204, "")
	annAt.call("DELETE", doc, nil).wants(204, "")
	annAt.call("POST", doc+"/restore", nil).wants(200, "")
	key := annAt.makeKey(map[string]any{"name": "robot", "scopes": []string{"documents:read", "documents:write"}})
	robot := annAt.program(key.Text)
	robot.header.Set("X-Forwarded-For", "192.0.2.8")
	robot.call("GET", "/api/v1/documents", nil).wants(200, "")
	robot.call("PATCH", doc, map[string]any{"title": "By robot"}).wants(200, "")
	annAt.call("DELETE", "/api/v1/api-keys/"+key.ID.String(), nil).wants(204, "")
	annAt.call("DELETE", "/api/v1/session", nil).wants(204, "")
	annAt.call("PATCH", doc, map[string]any{"title": "Too late"}).wants(401, codeUnauth) // what didn't happen isn't recorded
	root.call("PATCH", "/api/v1/users/"+ann.ID.String(), map[string]any{"role": "admin", "disabled": true}).wants(200, "")

	type line struct{ actor, action, subject, name, address, detail string }
	id, docID, keyID, here := ann.ID.String(), d.ID.String(), key.ID.String(), "192.0.2.7"
	rootID := root.user.ID.String()
	want := []line{
		{"", didFail, id, "ann@example.com", here, ""},
		{"", didFail, "", "nobody@example.com", here, ""},
		{"", didFail, "", "", here, ""},
		{id, didLogin, id, ann.Name, here, "A browser"},
		{id, didCreate, docID, "Plans", here, ""},
		{id, didShare, docID, "Plans", here, "root (" + rootID + "): viewer"},
		{id, didSetRole, docID, "Plans", here, "root (" + rootID + "): editor, before viewer"},
		{id, didRename, docID, "Better plans", here, ""},
		{id, didCreateToken, docID, "Better plans", here, "viewer"},
		{id, didUnshare, docID, "Better plans", here, "root (" + rootID + "), before editor"},
		{id, didDelete, docID, "Better plans", here, ""},
		{id, didRestore, docID, "Better plans", here, ""},
		{id, didCreateKey, keyID, "robot", here, "documents:read documents:write"},
		{id, didUseKey, keyID, "robot", "192.0.2.8", ""},
		{id, didRename, docID, "By robot", "192.0.2.8", ""},
		{id, didDeleteKey, keyID, "", here, ""},
		{id, didLogout, id, ann.Name, here, ""},
		{rootID, didChangeUser, id, ann.Name, "127.0.0.1", "role admin"},
		{rootID, didDisableUser, id, ann.Name, "127.0.0.1", ""},
	}
	entries := root.auditLog(nil)
	if len(entries) != len(want) {
		t.Fatalf("%d entries, want %d: %v", len(entries), len(want), actionsOf(entries))
	}
	for i, e := range entries {
		got := line{"", e.Action, e.Subject, e.Name, e.Address, e.Detail}
		if e.Actor != nil {
			got.actor = e.Actor.ID.String()
		}
		if got != want[i] {
			t.Errorf("entry %d is %+v, want %+v", i, got, want[i])
		}
		if byKey := e.Key != nil; byKey != (e.Address == "192.0.2.8") || byKey && *e.Key != key.ID {
			t.Errorf("entry %d was done with key %v", i, e.Key)
		}
	}
	// Reading it, part by part.
	for _, tt := range []struct {
		query url.Values
		want  int
	}{
		{url.Values{"actor": {id}}, 14}, {url.Values{"action": {didFail}}, 3}, {url.Values{"action": {"session."}}, 5}, {url.Values{"action": {"session"}}, 0}, {url.Values{"subject": {docID}}, 9},
		{url.Values{"actor": {rootID}, "subject": {id}}, 2}, {url.Values{"from": {"2020-01-01T00:00:00Z"}}, len(want)}, {url.Values{"to": {"2020-01-01T00:00:00Z"}}, 0},
	} {
		if got := root.auditLog(tt.query); len(got) != tt.want {
			t.Errorf("%v: %d entries, want %d: %v", tt.query, len(got), tt.want, actionsOf(got))
		}
	}
	root.call("GET", "/api/v1/admin/audit?cursor=zzz", nil).wants(422, codeValidation)
	root.call("GET", "/api/v1/admin/audit?from=yesterday", nil).wants(422, codeValidation)
}

// The use of a key is recorded once for each address and day, whichever node sees it.
func TestUseOfKeysIsRecordedOnce(t *testing.T) {
	one, two := newPair(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	root := one.person("root", store.RoleAdmin)
	robot := root.program(root.makeKey(map[string]any{"name": "robot", "scopes": []string{"documents:read"}}).Text)
	for _, address := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.1"} {
		robot.header.Set("X-Forwarded-For", address)
		robot.call("GET", "/api/v1/documents", nil).wants(200, "")
		robot.on(two).call("GET", "/api/v1/documents", nil).wants(200, "")
	}
	if got := root.auditLog(url.Values{"action": {didUseKey}}); len(got) != 2 || got[0].Address != "192.0.2.1" || got[1].Address != "192.0.2.2" {
		t.Errorf("%+v", got)
	}
	a, use, now := newAuditor(nil), keyUse{key: uuid.New(), address: "x"}, time.Now()
	if !a.first(use, now) || a.first(use, now) || !a.first(use, now.Add(24*time.Hour)) {
		t.Error("not once a day")
	}
}

// deafAudit is a store that can't record.
type deafAudit struct{ store.Store }

func (deafAudit) RecordAudit(context.Context, ...store.AuditEntry) error {
	return errors.New("no room")
}

// An act that can't be recorded has happened all the same; operators hear of it.
func TestAuditThatFails(t *testing.T) {
	reg, log := prometheus.NewRegistry(), &lockedLog{}
	h := newHarness(t, func(o *Options) {
		o.Store, o.Metrics = deafAudit{o.Store}, reg
		o.Logger = slog.New(slog.NewTextHandler(log, nil))
	})
	ann := h.person("ann", store.RoleMember)
	ann.document("Plans", nil)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := 0.0
	for _, f := range families {
		if f.GetName() == "bizsync_audit_failures_total" {
			counted = f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	if counted != 1 {
		t.Errorf("%v failures were counted", counted)
	}
	if !strings.Contains(log.String(), "no room") || !strings.Contains(log.String(), didCreate) {
		t.Errorf("log %s", log.String())
	}
}
