package api

import (
	"net/url"
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
)

// A device that is logged out elsewhere is out at once: its requests, sockets and streams, on every node, and no other's.
func TestDevices(t *testing.T) {
	one, two := newPair(t, nil)
	here, bob := one.person("ann", store.RoleMember), one.person("bob", store.RoleMember)
	lost := one.loggedIn(here.user).on(two)
	d := here.document("Plans", nil)
	stays, goes := here.on(two).opened(d), lost.opened(d)
	goesStream := lost.follow(noticeStream)

	first := decode[List[Device]](here.call("GET", "/api/v1/sessions?limit=1", nil).wants(200, ""))
	rest := decode[List[Device]](here.call("GET", "/api/v1/sessions?limit=1&cursor="+url.QueryEscape(first.NextCursor), nil).wants(200, ""))
	if len(first.Data) != 1 || len(rest.Data) != 1 || rest.NextCursor != "" || first.Data[0].Current || !rest.Data[0].Current || rest.Data[0].LastSeen.IsZero() || rest.Data[0].ExpiresAt.Before(time.Now()) {
		t.Fatalf("%+v %+v", first, rest)
	}
	path := "/api/v1/sessions/" + first.Data[0].ID.String()
	bob.call("DELETE", path, nil).wants(404, codeNotFound)
	here.call("DELETE", path, nil).wants(204, "")
	goes.closes(4401, 3*time.Second)
	lost.call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
	if took := goesStream.ends(); took > 3*time.Second {
		t.Errorf("the stream took %v to end", took)
	}
	here.call("DELETE", path, nil).wants(404, codeNotFound)
	select {
	case code := <-stays.code:
		t.Errorf("the other device was closed with %d", code)
	default:
	}
	// One's own is like logging out.
	here.call("DELETE", "/api/v1/sessions/"+rest.Data[0].ID.String(), nil).wants(204, "")
	stays.closes(4401, 3*time.Second)
	here.call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
}

// An account that is disabled is out on every node, and can't come back until it isn't.
func TestDisable(t *testing.T) {
	one, two := newPair(t, nil)
	root, bob := one.person("root", store.RoleAdmin), one.withPassword("bob@example.com", "correct horse")
	here := one.loggedIn(bob)
	there := one.loggedIn(bob).on(two)
	d := here.document("Plans", nil)
	sockets := []*opened{here.opened(d), there.opened(d)}
	ws, _ := two.dial(dialing{name: d.ID.String(), query: "?token=" + here.token(d, nil)})
	if code, _ := fate(t, ws); code != 0 {
		t.Fatal(code)
	}
	sockets = append(sockets, keepOpen(t, ws))
	stream := there.follow(noticeStream)

	path := "/api/v1/users/" + bob.ID.String()
	if u := decode[User](root.call("PATCH", path, map[string]any{"disabled": true}).wants(200, "")); !u.Disabled || u.Name != bob.Name {
		t.Errorf("%+v", u)
	}
	for _, socket := range sockets {
		socket.closes(4401, 3*time.Second)
	}
	stream.ends()
	here.call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
	there.call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
	one.anonymous().login("bob@example.com", "correct horse").wants(401, codeCredentials)
	root.call("PATCH", path, map[string]any{"disabled": false, "role": "admin", "name": " Robert "}).wants(200, "")
	if u := decode[User](one.anonymous().login("bob@example.com", "correct horse").wants(200, "")); u.Role != store.RoleAdmin || u.Name != "Robert" {
		t.Errorf("%+v", u)
	}
	here.call("GET", "/api/v1/session", nil).wants(401, codeUnauth) // the logins from before don't come back

	if u := decode[User](root.call("PATCH", "/api/v1/users/me", map[string]any{"name": "Ruth"}).wants(200, "")); u.Name != "Ruth" || u.Role != store.RoleAdmin || u.ID != root.user.ID {
		t.Errorf("%+v", u)
	}
	if u := decode[User](root.on(two).call("GET", "/api/v1/session", nil).wants(200, "")); u.Name != "Ruth" {
		t.Errorf("%+v", u)
	}
}

// Nobody waits for the next poll: what ends a login, an account or a key here ends its sockets and streams here at once.
func TestEndsAreToldAtOnce(t *testing.T) {
	h := newHarness(t, nil) // which doesn't poll
	h.server.streams.timing.look = time.Hour
	root := h.person("root", store.RoleAdmin)
	for name, end := range map[string]func(ann *person, key NewKey){
		"logout": func(ann *person, _ NewKey) { ann.call("DELETE", "/api/v1/session", nil).wants(204, "") },
		"disabled": func(ann *person, _ NewKey) {
			root.call("PATCH", "/api/v1/users/"+ann.user.ID.String(), map[string]any{"disabled": true}).wants(200, "")
		},
		"key": func(ann *person, key NewKey) {
			ann.call("DELETE", "/api/v1/api-keys/"+key.ID.String(), nil).wants(204, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			ann := h.person("ann-"+name, store.RoleMember)
			d := ann.document("Plans", nil)
			key := ann.makeKey(map[string]any{"name": "k", "scopes": []string{"tokens", "documents:read"}})
			dials, follower := dialing{name: d.ID.String(), header: ann.page()}, ann
			if name == "key" {
				follower = ann.program(key.Text)
				dials = dialing{name: d.ID.String(), query: "?token=" + follower.token(d, nil)}
			}
			ws, _ := h.dial(dials)
			if code, told := fate(t, ws); code != 0 {
				t.Fatal(code, told)
			}
			socket, stream := keepOpen(t, ws), follower.follow(noticeStream)
			end(ann, key)
			socket.closes(4401, time.Second)
			if took := stream.ends(); took > time.Second {
				t.Errorf("the stream took %v to end", took)
			}
		})
	}
}
