package api

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

// dialing is how a client comes to a document's socket.
type dialing struct {
	name   string // of the document
	query  string
	header http.Header
	acks   bool
}

// dial opens a socket; status is not 101 when there was no upgrade.
func (h *harness) dial(d dialing) (ws *websocket.Conn, status int) {
	h.t.Helper()
	o := &websocket.DialOptions{HTTPHeader: d.header}
	if d.acks {
		o.Subprotocols = []string{acksProtocol}
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), 10*time.Second)
	defer cancel()
	ws, res, err := websocket.Dial(ctx, h.url+"/collab/"+d.name+d.query, o)
	if err != nil {
		if res == nil {
			h.t.Fatal(err)
		}
		return nil, res.StatusCode
	}
	ws.SetReadLimit(-1)
	h.t.Cleanup(func() { _ = ws.CloseNow() })
	return ws, res.StatusCode
}

// page is the header of a browser's page of this server, logged in.
func (p *person) page() http.Header {
	return http.Header{"Origin": {p.h.url}, "Cookie": {sessionCookie + "=" + p.cookie}}
}

// fate reads a socket until it is closed, or until the server's step 1 shows that it was let in (code 0). told is the reason in the protocol's own message.
func fate(t *testing.T, ws *websocket.Conn) (code int, told string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		_, b, err := ws.Read(ctx)
		var closing websocket.CloseError
		if errors.As(err, &closing) {
			return int(closing.Code), told
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case len(b) > 3 && b[0] == 2 && b[1] == 0:
			n, w := binary.Uvarint(b[2:])
			if uint64(len(b)-2-w) != n {
				t.Fatalf("malformed refusal % x", b)
			}
			told = string(b[2+w:])
		case len(b) >= 2 && b[0] == 0 && b[1] == 0:
			return 0, told
		}
	}
}

func (p *person) token(d Document, body map[string]any) string {
	p.h.t.Helper()
	if body == nil {
		body = map[string]any{}
	}
	return decode[CollaborationToken](p.call("POST", "/api/v1/documents/"+d.ID.String()+"/tokens", body).wants(201, "")).Token
}

func TestSocketAdmission(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.AllowedOrigins = []string{"https://app.example.com"} })
	ann, bob, eve := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember), h.person("eve", store.RoleAdmin)
	d := ann.document("Plans", map[*person]string{bob: "viewer"})
	other := ann.document("Other", nil)
	keyed := decode[Document](ann.call("POST", "/api/v1/documents", map[string]any{"title": "Keyed", "key": "team:plans"}).wants(201, ""))
	trashed := ann.document("Trashed", nil)
	trashToken := ann.token(trashed, nil)
	ann.call("DELETE", "/api/v1/documents/"+trashed.ID.String(), nil).wants(204, "")
	id := d.ID.String()
	token := ann.token(d, nil)
	old, err := h.server.tokens.sign(grant{user: ann.user.ID, doc: d.ID, role: store.Owner}, "ann", time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	gone, err := h.server.tokens.sign(grant{user: store.NewID(), doc: d.ID, role: store.Owner}, "ghost", time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	ofEve, err := h.server.tokens.sign(grant{user: eve.user.ID, doc: d.ID, role: store.Owner}, "eve", time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		dialing
		code int
		tell bool
	}{
		{"cookie of an owner", dialing{name: id, header: ann.page()}, 0, false},
		{"cookie of a viewer", dialing{name: id, header: bob.page()}, 0, false},
		{"by key", dialing{name: "team:plans", header: ann.page()}, 0, false},
		{"by key, escaped", dialing{name: "team%3Aplans", header: ann.page()}, 0, false},
		{"key with its token", dialing{name: "team:plans", query: "?token=" + ann.token(keyed, nil)}, 0, false},
		{"cookie without an origin", dialing{name: id, header: http.Header{"Cookie": {sessionCookie + "=" + ann.cookie}}}, 4401, true},
		{"no credentials", dialing{name: id}, 4401, true},
		{"page without a login", dialing{name: id, header: http.Header{"Origin": {h.url}}}, 4401, true},
		{"made-up cookie", dialing{name: id, header: http.Header{"Origin": {h.url}, "Cookie": {sessionCookie + "=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}}, 4401, true},
		{"cookie of a stranger", dialing{name: id, header: eve.page()}, 4403, true},
		{"unknown document", dialing{name: store.NewID().String(), header: ann.page()}, 4404, false},
		{"unknown key", dialing{name: "nothing", header: ann.page()}, 4404, false},
		{"in the trash", dialing{name: trashed.ID.String(), header: ann.page()}, 4404, false},
		{"in the trash, for a stranger", dialing{name: trashed.ID.String(), header: eve.page()}, 4404, false},
		{"in the trash, with a token", dialing{name: trashed.ID.String(), query: "?token=" + trashToken}, 4404, false},
		{"token", dialing{name: id, query: "?token=" + token}, 0, false},
		{"token as a bearer", dialing{name: id, header: http.Header{"Authorization": {"Bearer " + token}}}, 0, false},
		{"token on an allowed page", dialing{name: id, query: "?token=" + token, header: http.Header{"Origin": {"https://app.example.com"}}}, 0, false},
		{"token for another document", dialing{name: other.ID.String(), query: "?token=" + token}, 4401, true},
		{"token that is too old", dialing{name: id, query: "?token=" + old}, 4401, true},
		{"token of nobody", dialing{name: id, query: "?token=" + gone}, 4401, true},
		{"token of somebody without access", dialing{name: id, query: "?token=" + ofEve}, 4403, true},
		{"bad token beside a good cookie", dialing{name: id, query: "?token=x", header: ann.page()}, 4401, true},
		{"empty token beside a good cookie", dialing{name: id, query: "?token=", header: ann.page()}, 4401, true},
		{"bad bearer beside a good cookie", dialing{name: id, header: func() http.Header { h := ann.page(); h.Set("Authorization", "Bearer x"); return h }()}, 4401, true},
		{"credentials of another kind", dialing{name: id, header: http.Header{"Authorization": {"Basic eA=="}}}, 4401, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ws, status := h.dial(tt.dialing)
			if status != http.StatusSwitchingProtocols {
				t.Fatalf("status %d", status)
			}
			code, told := fate(t, ws)
			if code != tt.code || (told != "") != tt.tell {
				t.Errorf("closed with %d after %q, want %d", code, told, tt.code)
			}
		})
	}
}

// deafStore is a database that has stopped answering questions about documents.
type deafStore struct{ store.Store }

func (deafStore) Resolve(context.Context, string, store.UserID) (store.Access, error) {
	return store.Access{}, fmt.Errorf("resolve: %w", store.ErrUnavailable)
}

// When rights can't be checked, that is no refusal: try again.
func TestDatabaseAway(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.Store = deafStore{o.Store} })
	ann := h.person("ann", store.RoleMember)
	ws, _ := h.dial(dialing{name: store.NewID().String(), header: ann.page()})
	if code, told := fate(t, ws); code != collab.CloseTryAgain || told != "" {
		t.Errorf("closed with %d after %q", code, told)
	}
	if r := ann.call("GET", "/api/v1/documents/"+store.NewID().String(), nil).wants(503, codeUnavailable); r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestSocketSubprotocol(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	for _, acks := range []bool{true, false} {
		ws, _ := h.dial(dialing{name: d.ID.String(), header: ann.page(), acks: acks})
		if got := ws.Subprotocol() == acksProtocol; got != acks {
			t.Errorf("asked for acks %v, got %v", acks, got)
		}
	}
}

// Neither REST of an unknown kind nor the base address of the sockets is answered by the application's index page.
func TestSocketAddressWithoutUpgrade(t *testing.T) {
	h := newHarness(t, nil)
	for _, path := range []string{"/collab", "/collab/", "/collab/x"} {
		if r := h.anonymous().call("GET", path, nil); r.status != http.StatusUpgradeRequired {
			t.Errorf("%s: status %d", path, r.status)
		}
	}
	h.anonymous().call("GET", "/collab/x/y", nil).wants(404, codeNotFound)
}

// Logging out closes the sockets of that login, and of no other.
func TestLogoutClosesSockets(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	phone := h.loggedIn(ann.user)
	d := ann.document("Plans", nil)
	open := func(x dialing) *websocket.Conn {
		ws, _ := h.dial(x)
		if code, _ := fate(t, ws); code != 0 {
			t.Fatalf("closed with %d", code)
		}
		return ws
	}
	tab := open(dialing{name: d.ID.String(), header: ann.page()})
	open(dialing{name: d.ID.String(), header: phone.page()})
	open(dialing{name: d.ID.String(), query: "?token=" + ann.token(d, nil)})
	ann.call("DELETE", "/api/v1/session", nil).wants(204, "")
	if code, _ := drain(t, tab); code != 4401 {
		t.Errorf("closed with %d", code)
	}
	if got := len(decode[struct{ Data []Editor }](phone.call("GET", "/api/v1/documents/"+d.ID.String()+"/editors", nil).wants(200, "")).Data); got != 2 {
		t.Errorf("%d editors are left, want 2", got)
	}
}

// drain reads until the socket is closed.
func drain(t *testing.T, ws *websocket.Conn) (int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		if _, _, err := ws.Read(ctx); err != nil {
			return int(websocket.CloseStatus(err)), err
		}
	}
}

func TestRevocationClosesSockets(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	for name, tt := range map[string]struct {
		do   func(doc string)
		code int
	}{
		"removed":  {func(doc string) { ann.call("DELETE", doc+"/members/"+bob.user.ID.String(), nil).wants(204, "") }, 4403},
		"to trash": {func(doc string) { ann.call("DELETE", doc, nil).wants(204, "") }, 4404},
	} {
		t.Run(name, func(t *testing.T) {
			d := ann.document("Plans", map[*person]string{bob: "editor"})
			ws, _ := h.dial(dialing{name: d.ID.String(), header: bob.page()})
			if code, _ := fate(t, ws); code != 0 {
				t.Fatal(code)
			}
			tt.do("/api/v1/documents/" + d.ID.String())
			if code, err := drain(t, ws); code != tt.code {
				t.Errorf("closed with %d, %v; want %d", code, err, tt.code)
			}
		})
	}
}

// A login that ended on another node, where nobody told this one, closes its sockets here too.
func TestLoginEndedElsewhere(t *testing.T) {
	h := newHarness(t, nil)
	h.server.keeper.period = 50 * time.Millisecond
	ann := h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	ws, _ := h.dial(dialing{name: d.ID.String(), header: ann.page()})
	if code, _ := fate(t, ws); code != 0 {
		t.Fatal(code)
	}
	if err := h.store.SetPassword(t.Context(), ann.user.ID, "", store.NewID()); err != nil { // ends all sessions
		t.Fatal(err)
	}
	if code, _ := drain(t, ws); code != 4401 {
		t.Errorf("closed with %d", code)
	}
}

func TestEditors(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	d := ann.document("Plans", map[*person]string{bob: "viewer"})
	path := "/api/v1/documents/" + d.ID.String() + "/editors"
	if got := string(ann.call("GET", path, nil).wants(200, "").body); strings.TrimSpace(got) != `{"data":[],"complete":true}` {
		t.Errorf("nobody is there: %s", got)
	}
	for _, p := range []*person{ann, bob} {
		ws, _ := h.dial(dialing{name: d.ID.String(), header: p.page()})
		if code, _ := fate(t, ws); code != 0 {
			t.Fatal(code)
		}
	}
	list := decode[struct{ Data []Editor }](bob.call("GET", path, nil).wants(200, "")).Data
	if len(list) != 2 || list[0].User != (Person{ann.user.ID, "ann"}) || list[0].Role != "owner" || list[1].User.Name != "bob" || list[1].Role != "viewer" ||
		list[0].Node != "node-1" || list[0].Since.IsZero() || list[0].LastActive.IsZero() || list[0].ConnectionID == list[1].ConnectionID {
		t.Errorf("%+v", list)
	}
}

// Too many attempts are told after the upgrade, to come back later.
func TestSocketAttempts(t *testing.T) {
	h := newHarness(t, func(o *Options) {
		o.Attempts = AttemptLimits{AccountPerSecond: 0.001, AccountBurst: 2, AddressPerSecond: 0.001, AddressBurst: 5}
	})
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	d := ann.document("Plans", map[*person]string{bob: "viewer"})
	var got []int
	for _, p := range []*person{ann, ann, ann, bob, bob, bob} {
		ws, _ := h.dial(dialing{name: d.ID.String(), header: p.page()})
		code, _ := fate(t, ws)
		got = append(got, code)
	}
	want := []int{0, 0, collab.CloseTryAgain, 0, 0, collab.CloseTryAgain} // ann's third; then the address's sixth
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("codes %v, want %v", got, want)
		}
	}
}

func TestStoppingServer(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	ws, _ := h.dial(dialing{name: d.ID.String(), header: ann.page()})
	if code, _ := fate(t, ws); code != 0 {
		t.Fatal(code)
	}
	h.anonymous().call("GET", "/readyz", nil).wants(200, "")
	h.server.BeginStop()
	h.anonymous().call("GET", "/readyz", nil).wants(503, "")
	h.anonymous().call("GET", "/healthz", nil).wants(200, "")
	if _, status := h.dial(dialing{name: d.ID.String(), header: ann.page()}); status != 503 {
		t.Errorf("a new socket: status %d", status)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- h.hub.Stop(t.Context()) }()
	if code, err := drain(t, ws); code != collab.CloseGoingAway {
		t.Errorf("closed with %d: %v", code, err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if err := h.server.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// The claims that the contract names, and what an impostor would try.
func TestTokens(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	g := grant{user: store.NewID(), doc: store.NewID(), role: store.Editor}
	tokens := newTokens([]byte(testSecret))
	good, err := tokens.sign(g, "Ann", now, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tokens.check(good); err != nil || got != g {
		t.Fatalf("%+v, %v", got, err)
	}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(good, claims); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"sub": g.user.String(), "name": "Ann", "doc": g.doc.String(), "role": "editor", "exp": float64(now.Add(time.Hour).Unix()), "iat": float64(now.Unix())} {
		if claims[name] != want {
			t.Errorf("claim %s is %v, want %v", name, claims[name], want)
		}
	}
	if id, _ := claims["jti"].(string); id == "" {
		t.Error("no claim jti")
	}

	signed := func(method jwt.SigningMethod, key any, change jwt.MapClaims) string {
		c := jwt.MapClaims{"sub": g.user.String(), "doc": g.doc.String(), "role": "editor", "exp": now.Add(time.Hour).Unix()}
		for k, v := range change {
			if c[k] = v; v == nil {
				delete(c, k)
			}
		}
		s, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	secret := []byte(testSecret)
	if _, err := tokens.check(signed(jwt.SigningMethodHS256, secret, nil)); err != nil {
		t.Errorf("a token with just what is needed: %v", err)
	}
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"empty": "", "garbage": "a.b.c", "too long": strings.Repeat("x", maxTokenBytes+1),
		"unsigned":                  signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"signature left out":        parts[0] + "." + parts[1] + ".",
		"another algorithm":         signed(jwt.SigningMethodHS512, secret, nil),
		"another secret":            signed(jwt.SigningMethodHS256, []byte("not the secret of this server!"), nil),
		"expired":                   signed(jwt.SigningMethodHS256, secret, jwt.MapClaims{"exp": now.Add(-time.Second).Unix()}),
		"without expiry":            signed(jwt.SigningMethodHS256, secret, jwt.MapClaims{"exp": nil}),
		"not valid yet":             signed(jwt.SigningMethodHS256, secret, jwt.MapClaims{"nbf": now.Add(time.Hour).Unix()}),
		"without account":           signed(jwt.SigningMethodHS256, secret, jwt.MapClaims{"sub": nil}),
		"account that is none":      signed(jwt.SigningMethodHS256, secret, jwt.MapClaims{"sub": "ann"}),
		"without document":          signed(jwt.SigningMethodHS256, secret, jwt.MapClaims{"doc": nil}),
		"a role that doesn't exist": signed(jwt.SigningMethodHS256, secret, jwt.MapClaims{"role": "king"}),
		"no role":                   signed(jwt.SigningMethodHS256, secret, jwt.MapClaims{"role": ""}),
	} {
		if _, err := tokens.check(token); !errors.Is(err, errToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCreateToken(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	path := "/api/v1/documents/" + d.ID.String() + "/tokens"
	for _, tt := range []struct {
		body any
		life time.Duration
		role store.Role
	}{{nil, time.Hour, store.Owner}, {map[string]any{}, time.Hour, store.Owner}, {map[string]any{"role": "viewer", "expiresIn": 60}, time.Minute, store.Viewer}, {map[string]any{"expiresIn": 86400}, 24 * time.Hour, store.Owner}} {
		got := decode[CollaborationToken](ann.call("POST", path, tt.body).wants(201, ""))
		if left := time.Until(got.ExpiresAt); left > tt.life || left < tt.life-10*time.Second {
			t.Errorf("%v: expires in %v", tt.body, left)
		}
		if g, err := h.server.tokens.check(got.Token); err != nil || g != (grant{user: ann.user.ID, doc: d.ID, role: tt.role}) {
			t.Errorf("%v: %+v, %v", tt.body, g, err)
		}
		if want := strings.Replace(h.url, "http", "ws", 1) + "/collab"; got.URL != want {
			t.Errorf("url %s, want %s", got.URL, want)
		}
	}
}

// A token of a higher role than the account has left doesn't help: the lower one counts. And a viewer's token of an owner only reads.
func TestTokenRoleIsNeverAboveTheMembership(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	d := ann.document("Plans", map[*person]string{bob: "owner"})
	token := bob.token(d, nil)
	ann.call("PUT", "/api/v1/documents/"+d.ID.String()+"/members/"+bob.user.ID.String(), map[string]any{"role": "viewer"}).wants(200, "")
	for _, tt := range []struct{ token, want string }{{token, "viewer"}, {ann.token(d, map[string]any{"role": "viewer"}), "viewer"}} {
		ws, _ := h.dial(dialing{name: d.ID.String(), query: "?token=" + tt.token})
		if code, _ := fate(t, ws); code != 0 {
			t.Fatal(code)
		}
		// An update that only deletes is well-formed anywhere; to write it, a role is needed.
		update := []byte{0, 2, 6, 0, 1, 1, 1, 0, 1}
		if err := ws.Write(t.Context(), websocket.MessageBinary, update); err != nil {
			t.Fatal(err)
		}
		if told := refusalOf(t, ws); told == "" {
			t.Error("a viewer wrote")
		}
	}
}

// refusalOf waits for the message [2][0]reason.
func refusalOf(t *testing.T, ws *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		_, b, err := ws.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 3 && b[0] == 2 && b[1] == 0 {
			return string(b[3:])
		}
	}
}

// faultyStore has a fault of ours in it.
type faultyStore struct{ store.Store }

func (faultyStore) Resolve(context.Context, string, store.UserID) (store.Access, error) {
	panic("a fault of ours")
}

// A fault between the upgrade and the document closes the connection like any other, so that a stop of the node doesn't wait for it.
func TestSocketWhoseAdmissionPanics(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.Store = faultyStore{o.Store} })
	ann := h.person("ann", store.RoleMember)
	ws, status := h.dial(dialing{name: "plan", header: ann.page()})
	if status != http.StatusSwitchingProtocols {
		t.Fatal(status)
	}
	if code, _ := fate(t, ws); code != collab.CloseTryAgain {
		t.Errorf("closed with %d", code)
	}
	eventually(t, "nobody works for it any more", func() bool {
		h.server.sockets.mu.Lock()
		defer h.server.sockets.mu.Unlock()
		return len(h.server.sockets.open) == 0
	})
}
