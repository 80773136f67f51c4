package api

import (
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
)

// accept chooses a password at a one-time link.
func (h *harness) accept(token, password string) reply {
	h.t.Helper()
	return h.anonymous().call("POST", "/api/v1/invitations", map[string]any{"token": token, "password": password})
}

// The link of an admin: the password so far holds until it is used, then it and all logins end.
func TestResetPassword(t *testing.T) {
	h := newHarness(t, nil)
	root, account := h.person("root", store.RoleAdmin), h.withPassword("bob@example.com", "correct horse")
	bob := h.loggedIn(account)
	reset := "/api/v1/users/" + account.ID.String() + "/reset"
	socket := bob.opened(bob.document("Plans", nil))

	link := decode[Invitation](root.call("POST", reset, nil).wants(200, ""))
	if left := time.Until(link.ExpiresAt); left < resetLife-time.Minute || left > resetLife {
		t.Errorf("good for %v", left)
	}
	older := tokenOfLink(t, link.URL, h.url+"/invite")
	token := tokenOfLink(t, decode[Invitation](root.call("POST", reset, nil).wants(200, "")).URL, h.url+"/invite")
	h.anonymous().login("bob@example.com", "correct horse").wants(200, "")
	bob.call("GET", "/api/v1/session", nil).wants(200, "")

	h.accept(token, "staple battery").wants(200, "")
	socket.closes(4401, time.Second)
	bob.call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
	h.anonymous().login("bob@example.com", "correct horse").wants(401, codeCredentials)
	h.anonymous().login("bob@example.com", "staple battery").wants(200, "")
	for _, used := range []string{token, older} {
		h.accept(used, "another horse").wants(404, codeLinkInvalid)
	}

	// Neither for who is disabled, nor with a link from before.
	token = tokenOfLink(t, decode[Invitation](root.call("POST", reset, nil).wants(200, "")).URL, h.url+"/invite")
	root.call("PATCH", "/api/v1/users/"+account.ID.String(), map[string]any{"disabled": true}).wants(200, "")
	root.call("POST", reset, nil).wants(409, codeConflict)
	h.accept(token, "another horse").wants(404, codeLinkInvalid)
}

// Who changes the password stays logged in, and is logged out everywhere else at once.
func TestChangePassword(t *testing.T) {
	h := newHarness(t, nil) // which doesn't poll
	account := h.withPassword("ann@example.com", "correct horse")
	here, phone := h.loggedIn(account), h.loggedIn(account)
	d := here.document("Plans", nil)
	here.opened(d)
	ends := phone.opened(d)
	change := func(current, next string) reply {
		return here.call("PUT", "/api/v1/users/me/password", map[string]any{"current": current, "new": next})
	}
	change("wrong horse", "staple battery").wants(403, codeCredentials)
	change("", "staple battery").wants(403, codeCredentials)
	if p := decode[Problem](change("correct horse", "short").wants(422, codeValidation)); len(p.Errors) != 1 || p.Errors[0].Location != "body.new" {
		t.Errorf("%+v", p)
	}
	phone.call("GET", "/api/v1/session", nil).wants(200, "")

	change("correct horse", "staple battery").wants(204, "")
	ends.closes(4401, time.Second)
	phone.call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
	here.call("GET", "/api/v1/session", nil).wants(200, "")
	if left := decode[struct{ Data []Editor }](here.call("GET", "/api/v1/documents/"+d.ID.String()+"/editors", nil)).Data; len(left) != 1 {
		t.Errorf("%d sockets are left, want the one of this login", len(left))
	}
	h.anonymous().login("ann@example.com", "correct horse").wants(401, codeCredentials)
	h.anonymous().login("ann@example.com", "staple battery").wants(200, "")
}

// A login that was left open is no way of guessing the password.
func TestChangePasswordThrottle(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.loggedIn(h.withPassword("ann@example.com", "correct horse"))
	change := func(current string) reply {
		return ann.call("PUT", "/api/v1/users/me/password", map[string]any{"current": current, "new": "correct horse"})
	}
	for range 7 {
		change("correct horse").wants(204, "")
	}
	for range loginsPerMinute {
		change("wrong horse").wants(403, codeCredentials)
	}
	if r := change("correct horse").wants(429, codeManyAttempts); r.header.Get("Retry-After") == "" {
		t.Error("it isn't said when to try again")
	}
	h.anonymous().login("ann@example.com", "correct horse").wants(200, "") // logging in is another thing
}
