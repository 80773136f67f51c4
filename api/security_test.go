package api

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bizsync/bizsync/store"
)

// somePath fills an operation's path in with ids of nothing.
func somePath(name string) (method, path string) {
	method, path, _ = strings.Cut(name, " ")
	id := store.NewID().String()
	return method, strings.NewReplacer("{id}", id, "{userId}", id).Replace(path)
}

// No operation that changes anything is open to pages of other sites, whatever they make their origin look like; and none of them is told that its answer may be read.
func TestForeignOriginsChangeNothing(t *testing.T) {
	h := newHarness(t, func(o *Options) {
		o.PublicURL, o.AllowedOrigins = "http://docs.example.com", []string{"https://app.example.com"}
	})
	ann := h.person("ann", store.RoleAdmin)
	refused := []http.Header{
		{"Origin": {"null"}}, {"Origin": {""}, "Sec-Fetch-Site": {"cross-site"}}, {"Origin": {"https://docs.example.com"}}, {"Origin": {"http://docs.example.com:8080"}},
		{"Origin": {"http://docs.example.com.evil.com"}}, {"Origin": {"http://evil-docs.example.com"}}, {"Origin": {"http://docs.example.com@evil.com"}}, {"Origin": {"http://sub.docs.example.com"}},
		{"Origin": {"http://app.example.com"}}, {"Origin": {"https://app.example.com:444"}}, {"Origin": {"https://app.example.com.evil.com"}}, {"Origin": {"https://app.example.com/"}},
		{"Origin": {"https://evil.com"}, "Sec-Fetch-Site": {"cross-site"}}, {"Origin": {"https://evil.example.com"}, "Sec-Fetch-Site": {"same-site"}}, {"Origin": {"file://"}},
	}
	admitted := []http.Header{{}, {"Origin": {"http://docs.example.com"}}, {"Origin": {"HTTP://DOCS.example.com:80"}}, {"Origin": {"https://app.example.com"}, "Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-origin"}}}
	n := 0
	for name := range operationsOf(h.server.api.OpenAPI()) {
		method, path := somePath(name)
		if method == http.MethodGet {
			continue
		}
		n++
		for _, header := range refused {
			p := &person{h: h, cookie: ann.cookie, header: header}
			r := p.call(method, path, `{}`)
			if r.status != 403 || !strings.Contains(string(r.body), codeCrossSite) {
				t.Errorf("%s from %v: %d %s", name, header, r.status, r.body)
			}
			if allow := r.header.Get("Access-Control-Allow-Origin"); allow != "" {
				t.Errorf("%s from %v: Access-Control-Allow-Origin %q", name, header, allow)
			}
		}
	}
	for _, header := range admitted {
		(&person{h: h, cookie: ann.cookie, header: header}).call("POST", "/api/v1/documents", map[string]any{"title": "Plans"}).wants(201, "")
	}
	if docs := decode[List[Document]](ann.call("GET", "/api/v1/documents", nil)); n < 15 || len(docs.Data) != len(admitted) {
		t.Errorf("%d operations, %d documents", n, len(docs.Data))
	}
}

// A browser that doesn't say itself where a request comes from is judged by Origin: its scheme counts, and the Host header doesn't when there is a public URL.
func TestOriginOfTheHost(t *testing.T) {
	for _, c := range []struct {
		name, publicURL, scheme string
		status                  int
	}{
		{"its own", "", "http", 201},
		{"another scheme", "", "https", 403},
		{"not the public one", "http://docs.example.com", "http", 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, func(o *Options) { o.PublicURL = c.publicURL })
			ann := h.person("ann", store.RoleMember)
			ann.header = http.Header{"Origin": {strings.Replace(h.url, "http", c.scheme, 1)}}
			if r := ann.call("POST", "/api/v1/documents", map[string]any{"title": "Plans"}); r.status != c.status {
				t.Errorf("%d %s, want %d", r.status, r.body, c.status)
			}
		})
	}
}

// Nobody can choose the login that another will have: whatever cookie there was before logging in, there is a new one after, and the old one is as good as it was.
func TestSessionFixation(t *testing.T) {
	h := newHarness(t, nil)
	h.withPassword("ann@example.com", "correct horse")
	mallory := h.person("mallory", store.RoleMember)
	for name, planted := range map[string]string{"made up": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "somebody else's": mallory.cookie} {
		victim := &person{h: h, cookie: planted, header: http.Header{}}
		cookie := sessionCookieOf(victim.login("ann@example.com", "correct horse").wants(200, ""))
		if cookie.Value == planted {
			t.Errorf("%s: the planted login was taken", name)
		}
		r := (&person{h: h, cookie: planted}).call("GET", "/api/v1/session", nil)
		if r.status == 200 && decode[User](r).ID != mallory.user.ID {
			t.Errorf("%s: it is now %s", name, r.body)
		}
	}
	// Two cookies of the name, one of them planted from a sibling's page: whichever counts, it is not made the other's.
	two := &person{h: h, header: http.Header{"Cookie": {sessionCookie + "=" + mallory.cookie + "; " + sessionCookie + "=" + strings.Repeat("A", 43)}}}
	if u := decode[User](two.call("GET", "/api/v1/session", nil).wants(200, "")); u.ID != mallory.user.ID {
		t.Errorf("two cookies: %+v", u)
	}
}

// How long a refusal takes says nothing of whether there is an account: the median times differ by less than a tenth. Where the machine is busy with other things, so that the clock tells little
// (and less than a half of difference), it is the processor's time that does.
func TestRefusedLoginsTakeEquallyLong(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")} })
	h.withPassword("known@example.com", "correct horse")
	disabled := h.withPassword("disabled@example.com", "correct horse")
	yes := true
	if _, err := h.store.ChangeUser(t.Context(), disabled.ID, store.UserChange{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	h.person("invited", store.RoleMember)
	kinds := []string{"known", "nobody", "disabled", "invited"}
	clock, processor := make(map[string][]time.Duration), make(map[string][]time.Duration)
	attempt := 0
	try := func(kind string) {
		attempt++
		r := httptest.NewRequest("POST", "/api/v1/session", strings.NewReader(`{"email":"`+kind+`@example.com","password":"wrong horse"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", attempt>>16&255, attempt>>8&255, attempt&255)) // not throttled
		w := httptest.NewRecorder()
		began, used := time.Now(), processorTime()
		h.server.ServeHTTP(w, r)
		clock[kind], processor[kind] = append(clock[kind], time.Since(began)), append(processor[kind], processorTime()-used)
		if w.Code != 401 {
			t.Fatalf("%s: %d %s", kind, w.Code, w.Body)
		}
	}
	spread := func(times map[string][]time.Duration) float64 {
		var medians []time.Duration
		for _, kind := range kinds {
			medians = append(medians, slices.Sorted(slices.Values(times[kind]))[len(times[kind])/2])
		}
		return float64(slices.Max(medians)) / float64(slices.Min(medians))
	}
	var byClock, byProcessor float64
	for range 5 { // more is measured until it is clear
		for range 15 {
			for _, i := range rand.Perm(len(kinds)) { // what one attempt leaves behind, such as garbage, is the next one's to carry
				try(kinds[i])
			}
		}
		byClock, byProcessor = spread(clock), spread(processor)
		if byClock < 1.1 || byClock < 1.5 && byProcessor < 1.1 {
			return
		}
	}
	t.Errorf("the median of one kind is %.2f times that of another by the clock, %.2f times by the processor's time", byClock, byProcessor)
}

// Three hundred logins at once take turns: each is answered, the memory for hashing is that of a few, and others go on.
func TestManyLoginsAtOnce(t *testing.T) {
	const logins, most = 300, 200 << 20
	h := newHarness(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	ann := h.loggedIn(h.withPassword("ann@example.com", "correct horse"))
	debug.FreeOSMemory()
	before := memoryInUse().Bytes
	var all sync.WaitGroup
	statuses := make([]int, logins)
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: logins}}
	defer client.CloseIdleConnections()
	for i := range logins {
		all.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), "POST", h.url+"/api/v1/session", strings.NewReader(`{"email":"ann@example.com","password":"correct horse"}`))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.%d.%d", i/100, i%100+1))
			res, err := client.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			statuses[i] = res.StatusCode
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	peak, slowest := before, time.Duration(0)
	for waiting := true; waiting; {
		began := time.Now()
		ann.call("GET", "/api/v1/session", nil).wants(200, "")
		slowest = max(slowest, time.Since(began))
		peak = max(peak, memoryInUse().Bytes)
		select {
		case <-done:
			waiting = false
		case <-time.After(5 * time.Millisecond):
		}
	}
	count := make(map[int]int)
	for _, status := range statuses {
		count[status]++
	}
	t.Logf("%v, %d MiB more, slowest other request %v", count, (peak-before)>>20, slowest)
	// Who doesn't get a turn in time is told to come back.
	if count[200]+count[503] != logins || count[200] < logins/10 {
		t.Errorf("statuses %v", count)
	}
	if peak-before > most {
		t.Errorf("%d MiB more than before", (peak-before)>>20)
	}
	if slowest > 2*time.Second {
		t.Errorf("another request took %v", slowest)
	}
}

// A body has the fields of its operation and no others, at every depth: nobody becomes owner, admin or older by naming a field.
func TestMassAssignment(t *testing.T) {
	h := newHarness(t, nil)
	root := h.person("root", store.RoleAdmin)
	o := h.server.api.OpenAPI()
	fields := map[string]any{"id": store.NewID().String(), "owner": store.NewID().String(), "role": "admin", "user": root.user.ID.String(), "userId": root.user.ID.String(), "email": "other@example.com",
		"passwordHash": "x", "password_hash": "x", "disabled": false, "admin": true, "isAdmin": true, "createdAt": exampleTime, "deletedAt": nil, "scopes": []string{"admin"}, "lastUsed": exampleTime,
		"__proto__": map[string]any{"role": "admin"}, "Role": "admin", "ROLE": "admin", "": "x"}
	bodies := 0
	for name, op := range operationsOf(o) {
		if op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil {
			continue
		}
		bodies++
		media := op.RequestBody.Content["application/json"]
		closed(t, o, name, media.Schema)
		example, ok := media.Example.(map[string]any)
		if !ok {
			t.Errorf("%s: example %v", name, media.Example)
			continue
		}
		method, path := somePath(name)
		for field, value := range fields {
			schema := media.Schema
			for schema.Ref != "" {
				schema = o.Components.Schemas.SchemaFromRef(schema.Ref)
			}
			if schema.Properties[field] != nil {
				continue // its own: who may set it is asked in the tables of access
			}
			body := maps.Clone(example)
			body[field] = value
			if r := root.call(method, path, body); r.status != 422 || !strings.Contains(string(r.body), codeValidation) {
				t.Errorf("%s with %q: %d %s", name, field, r.status, r.body)
			}
		}
	}
	if bodies < 10 {
		t.Errorf("only %d operations with bodies", bodies)
	}
	if u := decode[User](root.call("GET", "/api/v1/session", nil).wants(200, "")); u.Name != "root" || u.Role != store.RoleAdmin {
		t.Errorf("%+v", u)
	}
}

// closed checks that no object of a request takes what it doesn't know.
func closed(t *testing.T, o *huma.OpenAPI, where string, s *huma.Schema) {
	t.Helper()
	for s.Ref != "" {
		s = o.Components.Schemas.SchemaFromRef(s.Ref)
	}
	if s.Type == huma.TypeObject && s.AdditionalProperties != false {
		t.Errorf("%s takes any fields", where)
	}
	for name, p := range s.Properties {
		closed(t, o, where+"."+name, p)
	}
	if s.Items != nil {
		closed(t, o, where+"[]", s.Items)
	}
}

// A script that somebody puts into a title, a name or a text comes back as what it is: data, of a type that no browser runs.
func TestStoredScriptIsData(t *testing.T) {
	h := newHarness(t, nil)
	const script = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>{{7*7}}`
	root := h.person("root", store.RoleAdmin)
	ann := h.person("ann", store.RoleMember)
	ann.call("PATCH", "/api/v1/users/me", map[string]any{"name": script}).wants(200, "")
	d := ann.document(script, map[*person]string{root: "viewer"})
	doc := "/api/v1/documents/" + d.ID.String()
	ann.type_(d, helloUpdate(7, "default", script))
	ann.makeKey(map[string]any{"name": script, "scopes": []string{"documents:read"}})
	ann.opened(d)

	strings_ := func(r reply) (all []string) {
		var walk func(any)
		walk = func(v any) {
			switch v := v.(type) {
			case string:
				all = append(all, v)
			case []any:
				for _, e := range v {
					walk(e)
				}
			case map[string]any:
				for _, e := range v {
					walk(e)
				}
			}
		}
		walk(decode[any](r))
		return all
	}
	for _, tt := range []struct {
		who        *person
		path, kind string
	}{
		{ann, doc, "application/json"}, {ann, "/api/v1/documents", "application/json"}, {ann, "/api/v1/session", "application/json"}, {ann, doc + "/members", "application/json"},
		{ann, doc + "/editors", "application/json"}, {ann, "/api/v1/api-keys", "application/json"}, {root, "/api/v1/notifications", "application/json"}, {root, "/api/v1/users", "application/json"},
		{root, "/api/v1/admin/editors", "application/json"}, {root, "/api/v1/admin/audit", "application/json"}, {root, "/api/v1/users/" + ann.user.ID.String() + "/presence", "application/json"},
		{ann, doc + "/content?format=text", "text/plain; charset=utf-8"}, {ann, doc + "/content?format=yjs", "application/octet-stream"},
	} {
		r := tt.who.call("GET", tt.path, nil).wants(200, "")
		if got := r.header.Get("Content-Type"); got != tt.kind || r.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %q, %q", tt.path, got, r.header.Get("X-Content-Type-Options"))
		}
		if policy := r.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'self';") || strings.Contains(policy, "script-src") {
			t.Errorf("%s: policy %q", tt.path, policy)
		}
		switch tt.kind {
		case "application/json":
			if !slices.Contains(strings_(r), script) {
				t.Errorf("%s doesn't have it as it is: %s", tt.path, r.body)
			}
		case "text/plain; charset=utf-8":
			if string(r.body) != script {
				t.Errorf("%s: %s", tt.path, r.body)
			}
		}
	}
	// What isn't there isn't repeated.
	for _, path := range []string{"/api/v1/documents/" + url.PathEscape("<script>alert(1)</script>"), "/api/v1/" + url.PathEscape("<script>"), "/api/v1/documents?q=" + url.QueryEscape("<script>none"),
		"/api/v1/documents?x=" + url.QueryEscape("<script>"), "/" + url.PathEscape("<script>"), "/collab/" + url.PathEscape("<script>")} {
		r := ann.call("GET", path, nil)
		if strings.Contains(string(r.body), "<script>") || strings.HasPrefix(r.header.Get("Content-Type"), "text/html") || r.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %q %s", path, r.status, r.header.Get("Content-Type"), r.body)
		}
	}
}

// Through a whole life of secrets (set-up, passwords, links, cookies, keys, tokens, replies that are kept) none is in the log, nor in the audit log.
func TestSecretsAreNowhereInLogs(t *testing.T) {
	log := &lockedLog{}
	h := newHarness(t, func(o *Options) {
		o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	secrets := make(map[string]string)
	link, err := SetupLink(t.Context(), h.store, h.url)
	if err != nil {
		t.Fatal(err)
	}
	after := func(link string) string { _, token, _ := strings.Cut(link, "#token="); return token }
	secrets["set-up token"], secrets["first password"] = after(link), "first horse battery"
	r := h.anonymous().call("POST", "/api/v1/setup", map[string]any{"token": secrets["set-up token"], "email": "root@example.com", "name": "Root", "password": secrets["first password"]}).wants(201, "")
	root := &person{h: h, user: store.User{ID: decode[User](r).ID}, cookie: sessionCookieOf(r).Value, header: http.Header{}}
	secrets["cookie"] = root.cookie
	secrets["second password"] = "second horse battery"
	root.call("PUT", "/api/v1/users/me/password", map[string]any{"current": secrets["first password"], "new": secrets["second password"]}).wants(204, "")
	secrets["wrong password"] = "wrong horse battery"
	h.anonymous().login("root@example.com", secrets["wrong password"]).wants(401, codeCredentials)
	secrets["password as email"] = "a third horse battery"
	h.anonymous().login(secrets["password as email"], "x").wants(401, codeCredentials)

	invited := decode[InvitedUser](root.repeating("invite").call("POST", "/api/v1/users", map[string]any{"email": "bo@example.com", "name": "Bo", "role": "member"}).wants(201, ""))
	root.repeating("invite").call("POST", "/api/v1/users", map[string]any{"email": "bo@example.com", "name": "Bo", "role": "member"}).wants(201, "")
	secrets["invitation"], secrets["invited password"] = after(invited.Invitation.URL), "fourth horse battery"
	h.anonymous().call("POST", "/api/v1/invitations", map[string]any{"token": secrets["invitation"], "password": "short"}).wants(422, codeValidation)
	r = h.anonymous().call("POST", "/api/v1/invitations", map[string]any{"token": secrets["invitation"], "password": secrets["invited password"]}).wants(200, "")
	secrets["invited cookie"] = sessionCookieOf(r).Value
	reset := decode[Invitation](root.call("POST", "/api/v1/users/"+invited.ID.String()+"/reset", nil).wants(200, ""))
	secrets["reset token"] = after(reset.URL)
	h.anonymous().call("GET", "/api/v1/session?password=fourth+horse+battery", nil)

	key := root.makeKey(map[string]any{"name": "robot", "scopes": allScopes()})
	secrets["API key"] = strings.TrimPrefix(key.Text, keyPrefix)
	robot := root.program(key.Text)
	d := root.document("Plans", nil)
	secrets["token"] = robot.token(d, nil)
	ws, _ := h.dial(dialing{name: d.ID.String(), query: "?token=" + secrets["token"]})
	fate(t, ws)
	robot.call("POST", "/api/v1/api-keys", map[string]any{"name": "x", "scopes": []string{"admin"}}).wants(403, codeScope)
	root.call("DELETE", "/api/v1/session", nil).wants(204, "")
	secrets["server secret"] = testSecret

	written := log.String()
	entries, err := json.Marshal(robot.auditLog(nil))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(written, "/api/v1/session") || !strings.Contains(string(entries), didPassword) {
		t.Fatalf("nothing was logged: %s %s", written, entries)
	}
	for name, secret := range secrets {
		if secret == "" {
			t.Errorf("there was no %s", name)
		}
		for _, form := range []string{secret, url.QueryEscape(secret), strings.ReplaceAll(secret, " ", "%20")} {
			if strings.Contains(written, form) {
				t.Errorf("the %s is in the log", name)
			}
			if strings.Contains(string(entries), form) {
				t.Errorf("the %s is in the audit log", name)
			}
		}
	}
}
