package e2e

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// busy is the code that tells a client to come back later.
const busy = 1013

// many opens a Hocuspocus socket.
func (s *server) many(t testing.TB) *socket {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, s.Collab(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(-1)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return &socket{t: t, ws: ws}
}

// auth is the message that asks for a document.
func auth(doc, token string) []byte {
	return lib0.AppendVarString(append(lib0.AppendVarString(nil, doc), 2, 0), token)
}

// heard reads until a message contains something or the socket is closed.
func (k *socket) heard(what []byte) (code int) {
	k.t.Helper()
	for {
		m, code, err := k.read()
		if err != nil {
			k.t.Fatalf("wait for % x: %v", what, err)
		}
		if code != 0 || bytes.Contains(m, what) {
			return code
		}
	}
}

// alive asks for a pong; it gives the code of a socket that was closed.
func (k *socket) alive() (code int) {
	k.t.Helper()
	k.send([]byte{9})
	for {
		m, code, err := k.read()
		if err != nil {
			k.t.Fatalf("wait for a pong: %v", err)
		}
		if code != 0 || len(m) == 1 && m[0] == 10 {
			return code
		}
	}
}

func denied(doc string) []byte   { return append(lib0.AppendVarString(nil, doc), 2, 1) }
func admitted(doc string) []byte { return append(lib0.AppendVarString(nil, doc), 2, 2) }

// Until its first document is open to it, a Hocuspocus socket gets little: so much time, so many bytes, so many documents, and each as it was set.
func TestLimitsBeforeTheFirstDocument(t *testing.T) {
	const wait, most, documents, open = time.Second, 2000, 5, 3
	s := startServer(t, "--limit-unauthenticated-time", wait.String(), "--limit-unauthenticated-bytes", fmt.Sprint(most),
		"--limit-unauthenticated-documents", fmt.Sprint(documents), "--limit-documents-per-socket", fmt.Sprint(open+documents))
	admin := s.Admin()
	doc := admin.Document("Plans")
	token := admin.Token(doc)

	t.Run("time", func(t *testing.T) {
		for name, first := range map[string][]byte{"silent": nil, "denied": auth(doc, "no token"), "without a token": auth(doc, ""), "pinging": {9}} {
			k, began := s.many(t), time.Now()
			if first != nil {
				k.send(first)
			}
			code := k.heard([]byte("never said"))
			if took := time.Since(began); code != busy || took < wait-100*time.Millisecond {
				t.Errorf("%s: closed with %d after %v", name, code, took)
			}
		}
		k := s.many(t)
		k.send(auth(doc, token))
		if code := k.heard(admitted(doc)); code != 0 {
			t.Fatalf("closed with %d", code)
		}
		<-time.After(2 * wait) // that much time has to pass
		if code := k.alive(); code != 0 {
			t.Errorf("with an open document: closed with %d", code)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		for _, n := range []int{most - 1, most, most + 1, 100 * most} {
			k := s.many(t)
			m := auth(doc, strings.Repeat("x", n-len(auth(doc, ""))-2)) // its length takes some bytes, too
			m = auth(doc, strings.Repeat("x", n-len(auth(doc, ""))-2+n-len(m)))
			if len(m) != n {
				t.Fatalf("the message has %d bytes, want %d", len(m), n)
			}
			k.send(m)
			want := 0
			if n > most {
				want = 4413 // a message over what is read
			}
			if code := k.heard(denied(doc)); code != want {
				t.Errorf("%d bytes: code %d, want %d", n, code, want)
			}
		}
		// In many small messages that is 1013; and with a document open nobody counts any more.
		k := s.many(t)
		for range most + 1 {
			k.send([]byte{10})
		}
		if code := k.heard([]byte("never said")); code != busy {
			t.Errorf("%d messages of a byte: code %d", most+1, code)
		}
		k = s.many(t)
		k.send(auth(doc, token))
		if code := k.heard(admitted(doc)); code != 0 {
			t.Fatalf("closed with %d", code)
		}
		k.send(auth(doc, strings.Repeat("x", 10*most)))
		if code := k.heard(denied(doc)); code != 0 {
			t.Errorf("a long bad token later: code %d", code)
		}
	})
	t.Run("documents", func(t *testing.T) {
		for n := documents - 1; n <= documents+1; n++ {
			k := s.many(t)
			code := 0
			for i := range n {
				name := fmt.Sprint("no document ", i)
				k.send(auth(name, "no token"))
				if code = k.heard(denied(name)); code != 0 && i < documents {
					t.Fatalf("document %d: code %d", i+1, code)
				}
			}
			if want := map[bool]int{true: busy}[n > documents]; code != want {
				t.Errorf("%d documents: code %d, want %d", n, code, want)
			}
		}
	})
	t.Run("documents of a socket", func(t *testing.T) {
		var docs []string
		for i := range open + documents + 1 {
			docs = append(docs, admin.Document(fmt.Sprint("Document ", i)))
		}
		for n := len(docs) - 2; n <= len(docs); n++ {
			k := s.many(t)
			code := 0
			for i, d := range docs[:n] {
				k.send(auth(d, admin.Token(d)))
				if code = k.heard(admitted(d)); code != 0 && i < open+documents {
					t.Fatalf("document %d: code %d", i+1, code)
				}
			}
			if want := map[bool]int{true: busy}[n > open+documents]; code != want {
				t.Errorf("%d documents: code %d, want %d", n, code, want)
			}
			if code == 0 {
				// One that is open already is no further one.
				k.send(slices.Concat(lib0.AppendVarString(nil, docs[0]), emptyStep1()))
				if code := k.heard(append(lib0.AppendVarString(nil, docs[0]), 0, 1)); code != 0 {
					t.Errorf("with %d documents open: code %d", n, code)
				}
			}
		}
	})
}

// An account's attempts are sockets that it opens, not documents: one that may hold a thousand documents opens them all at once, and again after each reconnect.
func TestDocumentsAreNoAttempts(t *testing.T) {
	s := startServer(t, "--limit-account-attempts-per-second", "0.001", "--limit-account-attempts-burst", "3")
	admin := s.Admin()
	var docs []string
	for i := range 8 {
		docs = append(docs, admin.Document(fmt.Sprint("Document ", i)))
	}
	for n := range 4 {
		k, want := s.many(t), 0
		if n == 3 {
			want = busy
		}
		for _, d := range docs {
			k.send(auth(d, admin.Token(d)))
			code := k.heard(admitted(d))
			if code != want {
				t.Fatalf("socket %d, document %s: code %d, want %d", n+1, d, code, want)
			}
			if code != 0 {
				break
			}
		}
	}
}
