package api

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
)

// withPassword creates an account that logs in for real.
func (h *harness) withPassword(email, password string) store.User {
	h.t.Helper()
	hash, err := h.server.passwords.Hash(h.t.Context(), password)
	if err != nil {
		h.t.Fatal(err)
	}
	u, err := h.store.CreateUser(h.t.Context(), store.User{Email: email, Name: "Somebody", Role: store.RoleMember, PasswordHash: hash})
	if err != nil {
		h.t.Fatal(err)
	}
	return u
}

func (p *person) login(email, password string) reply {
	p.h.t.Helper()
	return p.call("POST", "/api/v1/session", map[string]any{"email": email, "password": password})
}

func TestLogin(t *testing.T) {
	h := newHarness(t, nil)
	user := h.withPassword("Ann@Example.com", "correct horse")
	if _, err := h.store.CreateUser(t.Context(), store.User{Email: "invited@example.com", Name: "Invited", Role: store.RoleMember}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		email, password string
		status          int
		code            string
	}{
		{"ann@example.com", "correct horse", 200, ""},
		{" ANN@example.com ", "correct horse", 200, ""},
		{"ann@example.com", "Correct horse", 401, codeCredentials},
		{"ann@example.com", "", 401, codeCredentials},
		{"nobody@example.com", "correct horse", 401, codeCredentials},
		{"nobody@example.com", "nobody has this password", 401, codeCredentials}, // what unknown accounts are compared with
		{"invited@example.com", "", 401, codeCredentials},
		{"invited@example.com", "nobody has this password", 401, codeCredentials},
	} {
		r := h.anonymous().login(tt.email, tt.password).wants(tt.status, tt.code)
		if tt.status == 200 {
			if u := decode[User](r); u.ID != user.ID || u.Email != "Ann@Example.com" {
				t.Errorf("logged in as %+v", u)
			}
		}
	}
}

func TestSessionCookie(t *testing.T) {
	for _, tt := range []struct {
		name   string
		public string
		secure bool
	}{{"plain", "", false}, {"behind TLS", "https://docs.example.com", true}} {
		h := newHarness(t, func(o *Options) { o.PublicURL = tt.public })
		h.withPassword("ann@example.com", "correct horse")
		first := sessionCookieOf(h.anonymous().login("ann@example.com", "correct horse").wants(200, ""))
		if !first.HttpOnly || first.SameSite != http.SameSiteLaxMode || first.Path != "/" || first.Domain != "" || first.Secure != tt.secure || first.MaxAge != 0 || !first.Expires.IsZero() {
			t.Errorf("%s: cookie %+v", tt.name, first)
		}
		// Logging in while logged in gives a new id: what somebody planted before is worth nothing after.
		ann := &person{h: h, cookie: first.Value}
		second := sessionCookieOf(ann.login("ann@example.com", "correct horse").wants(200, ""))
		if second.Value == first.Value {
			t.Errorf("%s: the id stayed the same", tt.name)
		}
		r := ann.call("DELETE", "/api/v1/session", nil).wants(204, "")
		if gone := sessionCookieOf(r); gone.MaxAge >= 0 || gone.Value != "" {
			t.Errorf("%s: cookie after logging out %+v", tt.name, gone)
		}
		ann.call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
		(&person{h: h, cookie: second.Value}).call("GET", "/api/v1/session", nil).wants(200, "")
	}
}

// Five attempts a minute for an account and an address. Others, and the account from elsewhere, go on; what succeeded doesn't count.
func TestLoginThrottle(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	h.withPassword("ann@example.com", "correct horse")
	h.withPassword("bob@example.com", "battery staple")
	from := func(address string) *person {
		return &person{h: h, header: http.Header{"X-Forwarded-For": {address}}}
	}
	here, there := from("192.0.2.1"), from("192.0.2.2")
	for range 7 {
		here.login("ann@example.com", "correct horse").wants(200, "")
	}
	for range loginsPerMinute {
		here.login("ann@example.com", "wrong").wants(401, codeCredentials)
	}
	for _, password := range []string{"wrong", "correct horse"} {
		r := here.login("ANN@example.com", password).wants(429, codeManyAttempts)
		if after, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || after < 1 || after > 60 {
			t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
		}
	}
	here.login("bob@example.com", "battery staple").wants(200, "")
	there.login("ann@example.com", "correct horse").wants(200, "")
	// A claim of another address by somebody who is no proxy doesn't help: see TestAddressOfRequest.
}

func TestSessionExpires(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.SessionIdle = 80 * time.Millisecond })
	h.withPassword("ann@example.com", "correct horse")
	ann := &person{h: h, cookie: sessionCookieOf(h.anonymous().login("ann@example.com", "correct horse").wants(200, "")).Value}
	deadline := time.Now().Add(5 * time.Second)
	for ann.call("GET", "/api/v1/session", nil).status == 200 {
		if time.Now().After(deadline) {
			t.Fatal("the session doesn't end")
		}
		time.Sleep(30 * time.Millisecond) // real time passes
	}
	ann.call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
}

func TestFirstSetup(t *testing.T) {
	h := newHarness(t, nil)
	needed := func() bool {
		return decode[struct{ Needed bool }](h.anonymous().call("GET", "/api/v1/setup", nil).wants(200, "")).Needed
	}
	if !needed() {
		t.Fatal("a new installation needs no set-up")
	}
	token := setupToken(t, h)
	later := setupToken(t, h) // of another node, or another start
	body := func(token string) map[string]any {
		return map[string]any{"token": token, "email": "ann@example.com", "name": "Ann", "password": "correct horse"}
	}
	for name, bad := range map[string]string{"none": "", "made up": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		t.Log(name)
		h.anonymous().call("POST", "/api/v1/setup", body(bad)).wants(404, codeLinkInvalid)
	}
	weak := body(token)
	weak["password"] = "short"
	h.anonymous().call("POST", "/api/v1/setup", weak).wants(422, codeValidation)

	// Everybody who has the link tries at once: one gets in.
	statuses := make(chan reply, 8)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			b := body([]string{token, later}[i%2])
			b["email"] = fmt.Sprintf("ann%d@example.com", i)
			statuses <- h.anonymous().call("POST", "/api/v1/setup", b)
		})
	}
	all.Wait()
	close(statuses)
	var won []reply
	for r := range statuses {
		switch r.status {
		case 201:
			won = append(won, r)
		case 409:
			r.wants(409, codeSetupDone)
		default:
			r.wants(404, codeLinkInvalid) // came between the winner's account and its own look at the link
		}
	}
	if len(won) != 1 {
		t.Fatalf("%d won", len(won))
	}
	if u := decode[User](won[0]); u.Role != store.RoleAdmin {
		t.Errorf("the first account is %+v", u)
	}
	(&person{h: h, cookie: sessionCookieOf(won[0]).Value}).call("GET", "/api/v1/users", nil).wants(200, "")
	if needed() {
		t.Error("set-up is still needed")
	}
	h.anonymous().call("POST", "/api/v1/setup", body(token)).wants(409, codeSetupDone)
	if link, err := SetupLink(t.Context(), h.store, h.url); err != nil || link != "" {
		t.Errorf("another link: %q, %v", link, err)
	}
}

func setupToken(t *testing.T, h *harness) string {
	t.Helper()
	link, err := SetupLink(t.Context(), h.store, h.url)
	if err != nil {
		t.Fatal(err)
	}
	return tokenOfLink(t, link, h.url+"/setup")
}

// tokenOfLink checks that the token is in the fragment.
func tokenOfLink(t *testing.T, link, page string) string {
	t.Helper()
	start := page + "#token="
	if len(link) <= len(start) || link[:len(start)] != start {
		t.Fatalf("link %q, want it to begin with %q", link, start)
	}
	return link[len(start):]
}

func TestInvitation(t *testing.T) {
	h := newHarness(t, nil)
	admin := h.person("admin", store.RoleAdmin)
	r := admin.call("POST", "/api/v1/users", map[string]any{"email": "bob@example.com", "name": "Bob", "role": "member"}).wants(201, "")
	u := decode[InvitedUser](r)
	if u.Invitation == nil || time.Until(u.Invitation.ExpiresAt) < invitationLife-time.Minute || u.Name != "Bob" || u.Role != store.RoleMember || r.header.Get("Location") != "/api/v1/users/"+u.ID.String() {
		t.Fatalf("%+v", u)
	}
	token := tokenOfLink(t, u.Invitation.URL, h.url+"/invite")
	accept := func(token, password string) reply {
		return h.anonymous().call("POST", "/api/v1/invitations", map[string]any{"token": token, "password": password})
	}
	accept("nonsense", "correct horse").wants(404, codeLinkInvalid)
	accept(token, "short").wants(422, codeValidation)
	in := accept(token, "correct horse").wants(200, "")
	bob := &person{h: h, cookie: sessionCookieOf(in).Value}
	if me := decode[User](bob.call("GET", "/api/v1/session", nil).wants(200, "")); me.ID != u.ID {
		t.Errorf("logged in as %+v", me)
	}
	accept(token, "another horse").wants(404, codeLinkInvalid)
	h.anonymous().login("bob@example.com", "correct horse").wants(200, "")

	direct := decode[InvitedUser](admin.call("POST", "/api/v1/users", map[string]any{"email": "eve@example.com", "name": "Eve", "role": "admin", "password": "correct horse"}).wants(201, ""))
	if direct.Invitation != nil {
		t.Error("an account with a password was invited")
	}
	h.anonymous().login("eve@example.com", "correct horse").wants(200, "")
}

func TestCleanAccount(t *testing.T) {
	for _, tt := range []struct{ email, name, wantEmail, wantName string }{
		{" ann@example.com ", " Ann ", "ann@example.com", "Ann"},
		{"ann@example.com", "", "ann@example.com", "ann"},
		{"ann@localhost", "Änn Ø", "ann@localhost", "Änn Ø"},
		{"ann", "Ann", "", ""}, {"", "Ann", "", ""}, {"a b@example.com", "Ann", "", ""}, {"<ann@example.com>", "Ann", "", ""}, {"ann@example.com, bob@example.com", "Ann", "", ""},
		{"ann@example.com\nBcc: x@y", "Ann", "", ""}, {"ann@example.com", "a\x1b[31m", "", ""}, {"ann@example.com", "a\nb", "", ""},
	} {
		email, name, err := CleanAccount(tt.email, tt.name)
		if email != tt.wantEmail || name != tt.wantName || (err == nil) != (tt.wantEmail != "") {
			t.Errorf("%q %q: %q %q %v", tt.email, tt.name, email, name, err)
		}
	}
}
