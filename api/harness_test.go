package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/collab/relay"
	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/redis"
	"github.com/bizsync/bizsync/store/sqlite"
)

const testSecret = "a secret for tests, of no other use"

// harness is a whole server on a real database, without the process around it.
type harness struct {
	t      *testing.T
	store  store.Store
	hub    *collab.Hub
	server *Server
	url    string
}

// newHarness starts a server; change may be nil.
func newHarness(t *testing.T, change func(*Options)) *harness {
	t.Helper()
	// The hub doesn't look by itself: what it is to do, the API must have told it.
	return startServer(t, openStore(t), "node-1", time.Hour, change)
}

// newPair starts two servers on one database, joined as nodes are that have Redis in common.
func newPair(t *testing.T, change func(*Options)) (one, two *harness) {
	t.Helper()
	st, bus, shared := openStore(t), relay.NewBus(), redis.NewMemory()
	join := func(h *harness) *harness {
		r := relay.NewLocal(bus, relay.Handler{Message: h.hub.Relayed, Gap: h.hub.Missed, Interested: h.hub.Hosts, Notice: h.hub.Noticed, Control: h.hub.Controlled}, nil)
		t.Cleanup(func() { r.Close() })
		h.hub.Join(r, shared)
		return h
	}
	one = join(startServer(t, st, "node-1", 200*time.Millisecond, change))
	two = join(startServer(t, st, "node-2", 200*time.Millisecond, change))
	for _, h := range []*harness{one, two} {
		eventually(t, "the nodes know each other", func() bool {
			nodes, whole := h.hub.Nodes()
			return whole && len(nodes) == 2
		})
	}
	return one, two
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it isn't so that %s", what)
		}
	}
}

// openStore opens a database of the test's own.
func openStore(t *testing.T) store.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "bizsync.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return st
}

// startServer starts a server on a store; poll is how often its hub looks at the database by itself.
func startServer(t *testing.T, st store.Store, node string, poll time.Duration, change func(*Options)) *harness {
	t.Helper()
	passwords, err := NewPasswords()
	if err != nil {
		t.Fatal(err)
	}
	hub := collab.NewHub(collab.Options{Node: node, Version: "test", Store: st, Timing: collab.Timing{HeadPoll: poll}})
	o := Options{Store: st, Hub: hub, Passwords: passwords, Secret: []byte(testSecret)}
	if change != nil {
		change(&o)
	}
	server, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewServer(&contract{t: t, server: server})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		server.BeginStop()
		if err := hub.Stop(ctx); err != nil {
			t.Errorf("stop hub: %v", err)
		}
		if err := server.Wait(ctx); err != nil {
			t.Error(err)
		}
		ts.Close()
	})
	return &harness{t: t, store: st, hub: hub, server: server, url: ts.URL}
}

// on gives the same person as another node sees them.
func (p *person) on(h *harness) *person {
	return &person{h: h, user: p.user, cookie: p.cookie, header: p.header.Clone()}
}

// person is somebody with a login, or, without a cookie, nobody.
type person struct {
	h      *harness
	user   store.User
	cookie string
	header http.Header // of every request
}

// anonymous is nobody in particular.
func (h *harness) anonymous() *person { return &person{h: h, header: http.Header{}} }

// person creates an account and logs it in, without the cost of a password.
func (h *harness) person(name string, role store.UserRole) *person {
	h.t.Helper()
	user, err := h.store.CreateUser(h.t.Context(), store.User{Email: name + "@example.com", Name: name, Role: role})
	if err != nil {
		h.t.Fatal(err)
	}
	return h.loggedIn(user)
}

// loggedIn opens another session of an account.
func (h *harness) loggedIn(user store.User) *person {
	h.t.Helper()
	token, hash := newToken()
	now := time.Now()
	err := h.store.CreateSession(h.t.Context(), store.Session{ID: store.NewID(), User: user.ID, CreatedAt: now, LastSeen: now, ExpiresAt: now.Add(time.Hour)}, hash)
	if err != nil {
		h.t.Fatal(err)
	}
	return &person{h: h, user: user, cookie: token, header: http.Header{}}
}

// reply is what the server said.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// call makes a request; body is sent as it is when it is a string, else as JSON.
func (p *person) call(method, path string, body any) reply {
	p.h.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = bytes.NewReader([]byte(b))
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			p.h.t.Fatal(err)
		}
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(p.h.t.Context(), method, p.h.url+path, r)
	if err != nil {
		p.h.t.Fatal(err)
	}
	if r != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if p.cookie != "" {
		req.AddCookie(&http.Cookie{Name: sessionCookie, Value: p.cookie})
	}
	for name, values := range p.header {
		req.Header[name] = values
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.h.t.Fatal(err)
	}
	defer res.Body.Close()
	var raw []byte
	if res.Header.Get("Content-Type") != eventsType { // which has no end
		if raw, err = io.ReadAll(res.Body); err != nil {
			p.h.t.Fatal(err)
		}
	}
	return reply{t: p.h.t, status: res.StatusCode, header: res.Header, body: raw}
}

// wants checks the status, and for errors the code and the form of a problem.
func (r reply) wants(status int, code string) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	if code == "" {
		return r
	}
	if got := r.header.Get("Content-Type"); got != problemType {
		r.t.Fatalf("content type %q, want %q", got, problemType)
	}
	p := decode[Problem](r)
	if p.Code != code || p.Status != status || p.Type != "about:blank" || p.Title == "" || p.Detail == "" {
		r.t.Fatalf("problem %+v, want code %s and status %d", p, code, status)
	}
	return r
}

// decode reads a reply's body.
func decode[T any](r reply) T {
	r.t.Helper()
	var v T
	if err := json.Unmarshal(r.body, &v); err != nil {
		r.t.Fatalf("body %q: %v", r.body, err)
	}
	return v
}

// sessionCookieOf gives the session cookie that an answer sets.
func sessionCookieOf(r reply) *http.Cookie {
	r.t.Helper()
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		if c.Name == sessionCookie {
			return c
		}
	}
	r.t.Fatal("no session cookie was set")
	return nil
}

// document creates a document and its members.
func (p *person) document(title string, members map[*person]string) Document {
	p.h.t.Helper()
	d := decode[Document](p.call("POST", "/api/v1/documents", map[string]any{"title": title}).wants(201, ""))
	for m, role := range members {
		p.call("PUT", "/api/v1/documents/"+d.ID.String()+"/members/"+m.user.ID.String(), map[string]any{"role": role}).wants(200, "")
	}
	return d
}
