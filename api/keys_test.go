package api

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bizsync/bizsync/store"
)

// program is somebody's API key at work.
func (p *person) program(key string) *person {
	return &person{h: p.h, user: p.user, header: http.Header{"Authorization": {"Bearer " + key}}}
}

// makeKey makes an API key.
func (p *person) makeKey(body map[string]any) NewKey {
	p.h.t.Helper()
	return decode[NewKey](p.call("POST", "/api/v1/api-keys", body).wants(201, ""))
}

func allScopes() []string { return []string{scopeRead, scopeWrite, scopeTokens, scopeAdmin} }

func TestAPIKeys(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	ends := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	plain := ann.makeKey(map[string]any{"name": " Export ", "scopes": []string{"documents:read"}})
	other := ann.makeKey(map[string]any{"name": "Import", "scopes": []string{"documents:write", "tokens"}, "expiresAt": ends})
	if !strings.HasPrefix(plain.Text, "bsk_") || len(plain.Text) < 40 || plain.Text == other.Text || plain.Name != "Export" || plain.ExpiresAt != nil || plain.LastUsed != nil || plain.CreatedAt.IsZero() {
		t.Errorf("%+v", plain)
	}
	if other.ExpiresAt == nil || !other.ExpiresAt.Equal(ends) || len(other.Scopes) != 2 {
		t.Errorf("%+v", other)
	}
	program := ann.program(plain.Text)
	if list := decode[List[Document]](program.call("GET", "/api/v1/documents", nil).wants(200, "")); len(list.Data) != 0 {
		t.Errorf("%+v", list)
	}
	r := ann.call("GET", "/api/v1/api-keys", nil).wants(200, "")
	list := decode[List[Key]](r)
	if len(list.Data) != 2 || list.Data[0].ID != other.ID || list.Data[1].LastUsed == nil || list.Data[0].LastUsed != nil {
		t.Errorf("%s", r.body)
	}
	if bytes.Contains(r.body, []byte("bsk_")) || bytes.Contains(r.body, []byte("hash")) {
		t.Errorf("a key is shown again: %s", r.body)
	}
	path := "/api/v1/api-keys/" + plain.ID.String()
	bob.call("DELETE", path, nil).wants(404, codeNotFound)
	ann.call("DELETE", path, nil).wants(204, "")
	program.call("GET", "/api/v1/documents", nil).wants(401, codeUnauth)
	ann.call("DELETE", path, nil).wants(404, codeNotFound)
	ann.program(other.Text).call("POST", "/api/v1/documents", map[string]any{"title": "Imported"}).wants(201, "")

	for name, bad := range map[string]map[string]any{
		"no scope":          {"name": "k", "scopes": []string{}},
		"null":              {"name": "k", "scopes": nil},
		"unknown scope":     {"name": "k", "scopes": []string{"documents"}},
		"a scope twice":     {"name": "k", "scopes": []string{"tokens", "tokens"}},
		"no name":           {"name": " ", "scopes": []string{"tokens"}},
		"expired already":   {"name": "k", "scopes": []string{"tokens"}, "expiresAt": time.Now().Add(-time.Second)},
		"no time":           {"name": "k", "scopes": []string{"tokens"}, "expiresAt": "soon"},
		"a key of our own?": {"name": "k", "scopes": []string{"tokens"}, "key": "bsk_x"},
	} {
		t.Log(name)
		ann.call("POST", "/api/v1/api-keys", bad).wants(422, codeValidation)
	}
}

func TestAPIKeysOfAnAccountAreLimited(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	for range maxKeys {
		_, hash := newToken()
		if _, err := h.store.CreateAPIKey(t.Context(), store.APIKey{User: ann.user.ID, Name: "k", Scopes: []string{scopeRead}}, hash); err != nil {
			t.Fatal(err)
		}
	}
	ann.call("POST", "/api/v1/api-keys", map[string]any{"name": "k", "scopes": []string{"tokens"}}).wants(409, codeConflict)
}

// Which scope each operation asks for; "": no key may call it, "public": nobody is asked who they are.
func scopesWanted() map[string]string {
	return map[string]string{
		"GET /setup": "public", "POST /setup": "public", "POST /invitations": "public", "POST /session": "public",
		"GET /session": "", "DELETE /session": "", "GET /sessions": "", "DELETE /sessions/{id}": "", "PATCH /users/me": "",
		"GET /api-keys": "", "POST /api-keys": "", "DELETE /api-keys/{id}": "",
		"GET /users": "admin", "POST /users": "admin", "GET /users/{id}": "admin", "PATCH /users/{id}": "admin", "DELETE /users/{id}": "admin",
		"POST /users/{id}/reset": "admin", "PUT /users/me/password": "",
		"GET /users/{id}/presence": "documents:read",
		"GET /people":              "documents:read",
		"GET /documents":           "documents:read", "POST /documents": "documents:write",
		"GET /documents/{id}": "documents:read", "PATCH /documents/{id}": "documents:write", "DELETE /documents/{id}": "documents:write", "POST /documents/{id}/restore": "documents:write", "POST /documents/{id}/duplicate": "documents:write",
		"GET /documents/{id}/content": "documents:read", "GET /documents/{id}/editors": "documents:read", "GET /documents/{id}/events": "documents:read",
		"GET /documents/{id}/members": "documents:read", "PUT /documents/{id}/members/{userId}": "documents:write", "DELETE /documents/{id}/members/{userId}": "documents:write",
		"POST /documents/{id}/tokens": "tokens",
		"GET /notifications":          "documents:read", "GET /notifications/stream": "documents:read", "POST /notifications/read": "documents:write", "POST /notifications/{id}/read": "documents:write",
		"GET /admin/editors": "admin", "GET /admin/events": "admin", "GET /admin/nodes": "admin", "GET /admin/audit": "admin", "GET /admin/statistics": "admin", "DELETE /admin/connections/{id}": "admin",
	}
}

// A key opens what its scope is for and nothing else, whatever its user may do; and every operation is in the table.
func TestAPIKeyScopes(t *testing.T) {
	h := newHarness(t, nil)
	root := h.person("root", store.RoleAdmin)
	wanted := scopesWanted()
	for path, item := range h.server.api.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete} {
			if _, ok := wanted[method+" "+strings.TrimPrefix(path, prefix)]; op != nil && !ok {
				t.Errorf("%s %s is not in the table", method, path)
			}
		}
	}
	bodies := make(map[string]any)
	for _, c := range append(documentCalls(), accountCalls()...) {
		if name := c.method + " " + c.path; bodies[name] == nil {
			bodies[name] = c.body
		}
	}
	other := h.person("other", store.RoleMember)
	for _, scope := range allScopes() {
		program := root.program(root.makeKey(map[string]any{"name": scope, "scopes": []string{scope}}).Text)
		for name, want := range wanted {
			method, path, _ := strings.Cut(name, " ")
			id := root.user.ID.String()
			if path == "/users/{id}/reset" { // for itself a key gets none
				id = other.user.ID.String()
			}
			if strings.HasPrefix(path, "/documents/") {
				id = root.document("Plans", nil).ID.String()
			}
			r := program.call(method, prefix+strings.NewReplacer("{id}", id, "{userId}", root.user.ID.String()).Replace(path), bodies[name])
			switch {
			case want == "public":
				if r.status == 403 {
					t.Errorf("%s with %s: %d %s", name, scope, r.status, r.body)
				}
			case want == scope:
				if r.status == 401 || r.status == 403 {
					t.Errorf("%s with %s: %d %s", name, scope, r.status, r.body)
				}
			default:
				r.wants(403, codeScope)
			}
		}
	}
}

// A key is never more than its user is now.
func TestAPIKeyIsNoMoreThanItsUser(t *testing.T) {
	h := newHarness(t, nil)
	root, ann, bob := h.person("root", store.RoleAdmin), h.person("ann", store.RoleAdmin), h.person("bob", store.RoleMember)
	key := ann.makeKey(map[string]any{"name": "all", "scopes": allScopes()}).Text
	program := ann.program(key)
	d := bob.document("Plans", map[*person]string{ann: "viewer"})
	doc := "/api/v1/documents/" + d.ID.String()
	hidden := bob.document("Hidden", nil)
	program.call("GET", doc, nil).wants(200, "")
	program.call("PATCH", doc, map[string]any{"title": "x"}).wants(403, codeForbidden)
	program.call("POST", doc+"/tokens", map[string]any{"role": "editor"}).wants(403, codeForbidden)
	program.call("GET", "/api/v1/documents/"+hidden.ID.String(), nil).wants(404, codeNotFound)
	program.call("GET", "/api/v1/users", nil).wants(200, "")

	// Without the scope admin, a key of an admin isn't one: only shared documents are shown.
	reader := ann.program(ann.makeKey(map[string]any{"name": "reads", "scopes": []string{"documents:read"}}).Text)
	presence := "/api/v1/users/" + bob.user.ID.String() + "/presence"
	bob.opened(hidden)
	if r := program.call("GET", presence, nil).wants(200, ""); !strings.Contains(string(r.body), "Hidden") {
		t.Errorf("%s", r.body)
	}
	if r := reader.call("GET", presence, nil).wants(200, ""); strings.Contains(string(r.body), "Hidden") {
		t.Errorf("%s", r.body)
	}

	root.call("PATCH", "/api/v1/users/"+ann.user.ID.String(), map[string]any{"role": "member"}).wants(200, "")
	program.call("GET", "/api/v1/users", nil).wants(403, codeForbidden)
	root.call("PATCH", "/api/v1/users/"+ann.user.ID.String(), map[string]any{"disabled": true}).wants(200, "")
	program.call("GET", doc, nil).wants(401, codeUnauth)
}

func TestBadAPIKeys(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	key := ann.makeKey(map[string]any{"name": "k", "scopes": []string{"documents:read"}}).Text
	_, hash := newToken()
	expired, late := newToken()
	if _, err := h.store.CreateAPIKey(t.Context(), store.APIKey{User: ann.user.ID, Name: "late", Scopes: []string{scopeRead}, ExpiresAt: time.Now().Add(-time.Hour)}, late); err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]int{
		"Bearer " + key: 200, "bearer " + key: 200,
		"Bearer " + key + "x": 401, "Bearer " + strings.TrimPrefix(key, keyPrefix): 401, "Basic " + key: 401, key: 401, "Bearer": 401, "Bearer bsk_": 401,
		"Bearer " + strings.ToUpper(key): 401, "Bearer " + keyPrefix + fmt.Sprintf("%x", hash): 401, "Bearer " + keyPrefix + expired: 401, "Bearer " + keyPrefix + ann.cookie: 401,
		"Bearer " + strings.Repeat("x", 20_000): 401,
	} {
		p := &person{h: h, cookie: ann.cookie, header: http.Header{"Authorization": {header}}} // a good cookie beside it doesn't help
		if r := p.call("GET", "/api/v1/documents", nil); r.status != want {
			t.Errorf("%.60s: %d, want %d", header, r.status, want)
		}
	}
	// A key is no cookie, and no collaboration token.
	(&person{h: h, cookie: strings.TrimPrefix(key, keyPrefix)}).call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
	d := ann.document("Plans", nil)
	ws, _ := h.dial(dialing{name: d.ID.String(), query: "?token=" + key})
	if code, _ := fate(t, ws); code != 4401 {
		t.Errorf("code %d", code)
	}
	// Another site's page may send one: a browser doesn't add it by itself.
	p := ann.program(ann.makeKey(map[string]any{"name": "k", "scopes": []string{"documents:write"}}).Text)
	p.header.Set("Origin", "https://evil.example")
	p.header.Set("Sec-Fetch-Site", "cross-site")
	p.call("POST", "/api/v1/documents", map[string]any{"title": "x"}).wants(201, "")
}

// What was opened with a key, or with a token that it made, ends with it on every node; tokens that it made open nothing any more.
func TestAPIKeyEndsWhatItOpened(t *testing.T) {
	one, two := newPair(t, nil)
	ann := one.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	key := ann.makeKey(map[string]any{"name": "k", "scopes": []string{"tokens", "documents:read"}})
	program := ann.program(key.Text)
	token := program.token(d, nil)
	var sockets []*opened
	for _, h := range []*harness{one, two} {
		ws, _ := h.dial(dialing{name: d.ID.String(), query: "?token=" + token})
		if code, told := fate(t, ws); code != 0 {
			t.Fatal(code, told)
		}
		sockets = append(sockets, keepOpen(t, ws))
	}
	own := ann.on(two).opened(d)
	stream := program.on(two).follow("/api/v1/documents/" + d.ID.String() + "/events")
	ann.call("DELETE", "/api/v1/api-keys/"+key.ID.String(), nil).wants(204, "")
	for _, s := range sockets {
		s.closes(4401, 3*time.Second)
	}
	stream.ends()
	for _, h := range []*harness{one, two} {
		ws, _ := h.dial(dialing{name: d.ID.String(), query: "?token=" + token})
		if code, told := fate(t, ws); code != 4401 || told == "" {
			t.Errorf("again: %d %q", code, told)
		}
	}
	select {
	case code := <-own.code:
		t.Errorf("her own socket was closed with %d", code)
	default:
	}
	// A token names the key that it was made with, and nobody else's.
	if g, err := one.server.tokens.check(token); err != nil || g.key != key.ID {
		t.Errorf("%+v %v", g, err)
	}
}

// lockedLog is a log that can be read while it is written.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// No log has what lets anybody in.
func TestCredentialsAreNotLogged(t *testing.T) {
	log := &lockedLog{}
	h := newHarness(t, func(o *Options) {
		o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	ann := h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	key := ann.makeKey(map[string]any{"name": "k", "scopes": allScopes()[:3]}).Text
	program := ann.program(key)
	token := program.token(d, nil)
	ws, _ := h.dial(dialing{name: d.ID.String(), query: "?token=" + token})
	fate(t, ws)
	program.call("GET", "/api/v1/session", nil).wants(403, codeScope)
	ann.program(key+"x").call("GET", "/api/v1/documents", nil).wants(401, codeUnauth)
	got := log.String()
	if !strings.Contains(got, "/api-keys") {
		t.Fatalf("nothing was logged: %s", got)
	}
	for name, secret := range map[string]string{"key": strings.TrimPrefix(key, keyPrefix), "token": token, "cookie": ann.cookie} {
		if strings.Contains(got, secret) {
			t.Errorf("the %s is in the log", name)
		}
	}
}
