package api

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

// gateOf is the gate of a Hocuspocus connection that was opened with those headers.
func (h *harness) gateOf(query string, header http.Header) *gate {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodGet, "/collab"+query, nil)
	r.Header = header
	c, _, _ := connPair(h.t, testSockets(h.t, 1<<20, defaultConnTiming()))
	h.t.Cleanup(func() { h.server.keeper.forget(c) })
	return newGate(h.server, c, visitorOf(r, header.Get("Origin") != ""))
}

// refusedWith gives the code of a definite refusal, 0 for none.
func refusedWith(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	return closeCodeOf(t, err)
}

func TestGate(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob, eve := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember), h.person("eve", store.RoleMember)
	d := ann.document("Plans", map[*person]string{bob: "viewer"})
	other := ann.document("Other", nil)
	trashed := ann.document("Trashed", nil)
	ann.call("DELETE", "/api/v1/documents/"+trashed.ID.String(), nil).wants(204, "")
	keyed := decode[Document](ann.call("POST", "/api/v1/documents", map[string]any{"title": "Keyed", "key": "team:plans"}).wants(201, ""))
	token := ann.token(d, map[string]any{"role": "editor"})
	nobody, none := http.Header{}, ""
	bearer := func(token string, header http.Header) http.Header {
		header = header.Clone()
		header.Set("Authorization", "Bearer "+token)
		return header
	}
	for _, tt := range []struct {
		name            string
		query           string
		header          http.Header
		document, token string
		code            int
		user            *person // who is let in
		doc             store.DocumentID
		max             store.Role
	}{
		{"token", "", nobody, d.ID.String(), token, 0, ann, d.ID, store.Editor},
		{"token on a page of somebody else", "", bob.page(), d.ID.String(), token, 0, ann, d.ID, store.Editor},
		{"cookie of a page", "", bob.page(), d.ID.String(), none, 0, bob, d.ID, store.Owner},
		{"cookie and a key", "", ann.page(), "team:plans", none, 0, ann, keyed.ID, store.Owner},
		{"bearer of the upgrade", "", bearer(token, nobody), d.ID.String(), none, 0, ann, d.ID, store.Editor},
		{"token of the URL", "?token=" + token, nobody, d.ID.String(), none, 0, ann, d.ID, store.Editor},
		{"token beside a bad bearer", "", bearer("x", nobody), d.ID.String(), token, 0, ann, d.ID, store.Editor},
		{"nothing", "", nobody, d.ID.String(), none, collab.CloseUnauthorized, nil, store.DocumentID{}, 0},
		{"cookie without a page", "", http.Header{"Cookie": ann.page()["Cookie"]}, d.ID.String(), none, collab.CloseUnauthorized, nil, store.DocumentID{}, 0},
		{"page without a cookie", "", http.Header{"Origin": {h.url}}, d.ID.String(), none, collab.CloseUnauthorized, nil, store.DocumentID{}, 0},
		{"made-up cookie", "", http.Header{"Origin": {h.url}, "Cookie": {sessionCookie + "=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}, d.ID.String(), none, collab.CloseUnauthorized, nil, store.DocumentID{}, 0},
		{"bad token beside a good cookie", "", ann.page(), d.ID.String(), "x", collab.CloseUnauthorized, nil, store.DocumentID{}, 0},
		{"bad bearer beside a good cookie", "", bearer("x", ann.page()), d.ID.String(), none, collab.CloseUnauthorized, nil, store.DocumentID{}, 0},
		{"credentials of another kind beside a good cookie", "", func() http.Header { p := ann.page(); p.Set("Authorization", "Basic eA=="); return p }(), d.ID.String(), none, collab.CloseUnauthorized, nil, store.DocumentID{}, 0},
		{"token for another document", "", nobody, other.ID.String(), token, collab.CloseUnauthorized, nil, store.DocumentID{}, 0},
		{"cookie of a stranger", "", eve.page(), d.ID.String(), none, collab.CloseForbidden, nil, store.DocumentID{}, 0},
		{"unknown document", "", ann.page(), "nothing", none, collab.CloseNotFound, nil, store.DocumentID{}, 0},
		{"no document", "", ann.page(), "", none, collab.CloseNotFound, nil, store.DocumentID{}, 0},
		{"in the trash", "", ann.page(), trashed.ID.String(), none, collab.CloseNotFound, nil, store.DocumentID{}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := h.gateOf(tt.query, tt.header)
			doc, peer, err := g.Admit(t.Context(), tt.document, tt.token)
			if code := refusedWith(t, err); code != tt.code {
				t.Fatalf("%v; want %d", err, tt.code)
			}
			if err != nil {
				return
			}
			if doc != tt.doc || peer.User != tt.user.user.ID || peer.MaxRole != tt.max || peer.Role == store.NoRole || peer.AccessVersion == 0 {
				t.Errorf("%v, %+v", doc, peer)
			}
			_, again, err := g.Admit(t.Context(), tt.document, tt.token)
			if err != nil || again.Conn == peer.Conn {
				t.Errorf("admitted again as %v, %v", again.Conn, err)
			}
			if g.conn.owner != peer.User.String() {
				t.Errorf("large frames are those of %q", g.conn.owner)
			}
			if kept := g.conn.login != nil; kept != (tt.max == store.Owner) {
				t.Errorf("kept with a login: %v", kept)
			}
		})
	}
}

// What the cookie stands for is looked up when a document is opened, not when the socket was.
func TestGateAfterLogout(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	g := h.gateOf("", ann.page())
	ann.call("DELETE", "/api/v1/session", nil).wants(204, "")
	if _, _, err := g.Admit(t.Context(), d.ID.String(), ""); refusedWith(t, err) != collab.CloseUnauthorized {
		t.Error(err)
	}
}

// Each document that is asked for counts as an attempt of the account; when rights can't be checked, that is no refusal.
func TestGateTriesAgain(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.Attempts = AttemptLimits{AccountPerSecond: 0.001, AccountBurst: 2} })
	ann := h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	for _, want := range []int{0, 0, collab.CloseTryAgain} {
		g := h.gateOf("", ann.page())
		for range 5 { // an attempt is a connection, whatever it opens
			if _, _, err := g.Admit(t.Context(), d.ID.String(), ""); refusedWith(t, err) != want {
				t.Errorf("%v, want %d", err, want)
			}
		}
	}
	h.server.store = deafStore{h.store}
	bob := h.person("bob", store.RoleMember)
	_, _, err := h.gateOf("", bob.page()).Admit(t.Context(), d.ID.String(), "")
	if _, definite := errors.AsType[*collab.CloseError](err); err == nil || definite {
		t.Errorf("%v, without a database", err)
	}
}

// openMany opens a Hocuspocus socket.
func (h *harness) openMany(header http.Header) (*websocket.Conn, int) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 10*time.Second)
	defer cancel()
	ws, res, err := websocket.Dial(ctx, h.url+"/collab", &websocket.DialOptions{HTTPHeader: header})
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

// attach asks for a document in the Hocuspocus protocol and gives the answer's kind: 1 denied, 2 authenticated.
func attach(t *testing.T, ws *websocket.Conn, document, token string) byte {
	t.Helper()
	str := func(b []byte, s string) []byte { return append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	ask := str(append(str(nil, document), 2, 0), token)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := ws.Write(ctx, websocket.MessageBinary, ask); err != nil {
		t.Fatal(err)
	}
	for {
		_, b, err := ws.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		n, w := binary.Uvarint(b)
		if rest := b[w+int(n):]; string(b[w:w+int(n)]) == document && len(rest) > 1 && rest[0] == 2 {
			return rest[1]
		}
	}
}

// One socket opens documents with whatever each may be opened with, and ends with the login that one of them was opened with.
func TestHocuspocusSocket(t *testing.T) {
	h := newHarness(t, nil)
	h.server.keeper.period = 50 * time.Millisecond
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	d, secret := ann.document("Plans", map[*person]string{bob: "viewer"}), ann.document("Secret", nil)
	ws, _ := h.openMany(bob.page())
	if got := attach(t, ws, d.ID.String(), ""); got != 2 {
		t.Errorf("with the cookie: %d", got)
	}
	if got := attach(t, ws, secret.ID.String(), "x"); got != 1 {
		t.Errorf("with a bad token: %d", got)
	}
	if got := attach(t, ws, secret.ID.String(), ann.token(secret, nil)); got != 2 {
		t.Errorf("with a token: %d", got)
	}
	if err := h.store.SetPassword(t.Context(), bob.user.ID, "", store.NewID()); err != nil { // ends all sessions
		t.Fatal(err)
	}
	if code, _ := drain(t, ws); code != collab.CloseUnauthorized {
		t.Errorf("closed with %d", code)
	}
}

func TestHocuspocusUpgrade(t *testing.T) {
	h := newHarness(t, func(o *Options) {
		o.Attempts = AttemptLimits{AddressPerSecond: 0.001, AddressBurst: 1}
	})
	if _, status := h.openMany(http.Header{"Origin": {"https://evil.example.com"}}); status != http.StatusForbidden {
		t.Errorf("another site's page: status %d", status)
	}
	if _, status := h.openMany(http.Header{}); status != http.StatusSwitchingProtocols {
		t.Errorf("status %d", status)
	}
	ws, status := h.openMany(http.Header{})
	if status != http.StatusSwitchingProtocols {
		t.Fatalf("status %d", status)
	}
	if code, _ := drain(t, ws); code != collab.CloseTryAgain {
		t.Errorf("closed with %d", code)
	}
	h.server.BeginStop()
	if _, status := h.openMany(http.Header{}); status != http.StatusServiceUnavailable {
		t.Errorf("of a node that goes away: status %d", status)
	}
}
