package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

const (
	// acksProtocol is the subprotocol of clients that want to be told what is committed.
	acksProtocol = "bizsync.v1"
	// admitTime bounds everything between the upgrade and a document.
	admitTime = 5 * time.Second
	// refusalTime bounds sending the reason of a refusal.
	refusalTime = 5 * time.Second
)

// serveSocket upgrades a request to a y-websocket connection and serves it for its life. Only what a browser's page can't be told any other way comes before
// the upgrade; all other refusals are close codes (CONTRACT section 4), since a page can't see an HTTP status.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	if origin != "" && !s.origins.admits(r, origin) {
		s.writeProblem(w, r, problem(http.StatusForbidden, codeCrossSite, "pages of this origin may not open sockets here"))
		return
	}
	if !s.enter() {
		s.writeProblem(w, r, problem(http.StatusServiceUnavailable, codeUnavailable, "this node is going away").retryAfter(time.Second))
		return
	}
	defer s.sockets.Done()
	tap := &wireTap{ResponseWriter: w, stall: s.timing.stall}
	ws, err := websocket.Accept(tap, r, &websocket.AcceptOptions{Subprotocols: []string{acksProtocol}, InsecureSkipVerify: true}) // the origin was checked above
	if err != nil {
		s.log.DebugContext(r.Context(), "upgrade failed", "error", err)
		return
	}
	c := newConn(ws, tap.wire, s.frameBytes, s.largeFrames, s.timing)
	defer c.end()

	admission, err := s.admit(r, documentName(r), origin != "")
	if err != nil {
		s.refuse(c, r, err)
		return
	}
	admission.peer.Acks = ws.Subprotocol() == acksProtocol
	log := s.log.With("document", admission.doc, "connection", admission.peer.Conn)
	ctx, cancel := context.WithCancel(r.Context())
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		s.keepLogin(ctx, admission, c)
	}()
	defer func() {
		cancel()
		<-kept
	}()
	log.DebugContext(ctx, "socket opened", "user", admission.peer.User, "acks", admission.peer.Acks)
	err = s.hub.Serve(ctx, admission.doc, admission.peer, c)
	// The hub has closed what it ended; this is for a connection that it couldn't serve at all.
	if err != nil {
		c.Close(collab.CloseTryAgain, "")
	}
	log.DebugContext(ctx, "socket ended", "reason", err)
}

// documentName is the last part of the socket's path. When the client escaped more of the path than it had to, the router leaves that to us.
func documentName(r *http.Request) string {
	name := chi.URLParam(r, "name")
	if r.URL.RawPath == "" {
		return name
	}
	plain, err := url.PathUnescape(name)
	if err != nil {
		return name // no document has such a name
	}
	return plain
}

// admission is what a socket was opened for and by whom.
type admission struct {
	doc   store.DocumentID
	peer  collab.Peer
	login [32]byte // hash of the session cookie, if that was used
}

// refusal says with which code a socket is closed, and whether the client is told the reason in the protocol's own message first.
type refusal struct {
	code   int
	reason string
	tell   bool
}

func (r *refusal) Error() string { return r.reason }

// admit finds out who is at the other end and what they may do in the document of that name. Its errors are *refusal, or mean "try again".
func (s *Server) admit(r *http.Request, name string, fromPage bool) (admission, error) {
	ctx, cancel := context.WithTimeout(r.Context(), admitTime)
	defer cancel()
	tooOften := &refusal{code: collab.CloseTryAgain, reason: "too many connections at once"}
	if ok, _ := s.socketAttemptsByAddr.take(addressKey(s.origins.address(r))); !ok {
		return admission{}, tooOften
	}
	a, doc, err := s.credentials(ctx, r, fromPage)
	if err != nil {
		return admission{}, err
	}
	if ok, _ := s.socketAttemptsByAccount.take(a.peer.User.String()); !ok {
		return admission{}, tooOften
	}
	access, err := s.authorize(ctx, a.peer.User, name, toRead)
	switch {
	case errors.Is(err, errNoDocument), errors.Is(err, errGone):
		return admission{}, &refusal{code: collab.CloseNotFound, reason: "no such document"}
	case errors.Is(err, errNoAccess), errors.Is(err, errRole):
		return admission{}, &refusal{code: collab.CloseForbidden, reason: "no access to this document", tell: true}
	case err != nil:
		return admission{}, err
	case doc != uuid.Nil && doc != access.Document:
		return admission{}, &refusal{code: collab.CloseUnauthorized, reason: "the token is for another document", tell: true}
	}
	a.doc = access.Document
	a.peer.Conn, a.peer.Role, a.peer.AccessVersion = store.NewID(), access.Role, access.Version
	return a, nil
}

// credentials reads who opens a socket: from a token, in the URL or as a bearer, or else, for a page of an admitted origin, from the session cookie.
// doc is the only document that a token is for.
func (s *Server) credentials(ctx context.Context, r *http.Request, fromPage bool) (a admission, doc store.DocumentID, err error) {
	unauthorized := func(reason string) error {
		return &refusal{code: collab.CloseUnauthorized, reason: reason, tell: true}
	}
	query := r.URL.Query()
	token, bearer := query.Get("token"), r.Header.Get("Authorization")
	switch {
	case query.Has("token") || bearer != "":
		if !query.Has("token") {
			scheme, value, _ := strings.Cut(bearer, " ")
			if !strings.EqualFold(scheme, "Bearer") {
				return a, doc, unauthorized("these credentials are not accepted")
			}
			token = strings.TrimSpace(value)
		}
		g, err := s.tokens.check(token)
		if err != nil {
			return a, doc, unauthorized("the token is not valid or has expired")
		}
		user, err := s.store.User(ctx, g.user)
		if errors.Is(err, store.ErrNotFound) || err == nil && user.Disabled {
			return a, doc, unauthorized("the token's account doesn't exist any more")
		}
		if err != nil {
			return a, doc, fmt.Errorf("read the token's account: %w", err)
		}
		holds, err := s.keyHolds(ctx, g.key)
		if err != nil {
			return a, doc, err
		}
		if !holds {
			return a, doc, unauthorized("the API key that the token was made with is gone")
		}
		a.peer = collab.Peer{User: user.ID, Name: user.Name, MaxRole: g.role, Key: g.key}
		return a, g.doc, nil
	case fromPage:
		c, err := s.callerByCookie(ctx, r)
		if errors.Is(err, store.ErrNotFound) {
			return a, doc, unauthorized("log in first")
		}
		if err != nil {
			return a, doc, err
		}
		a.login = c.login
		a.peer = collab.Peer{User: c.user.ID, Name: c.user.Name, MaxRole: store.Owner, Session: c.session.ID}
		return a, doc, nil
	}
	return a, doc, unauthorized("a token is needed")
}

// refuse closes a socket that was not admitted.
func (s *Server) refuse(c *conn, r *http.Request, err error) {
	no, ok := errors.AsType[*refusal](err)
	if !ok {
		s.log.WarnContext(r.Context(), "a socket's rights could not be checked", "error", err)
		no = &refusal{code: collab.CloseTryAgain, reason: "try again"}
	}
	s.log.DebugContext(r.Context(), "socket refused", "code", no.code, "reason", no.reason)
	if no.tell {
		ctx, cancel := context.WithTimeout(r.Context(), refusalTime)
		defer cancel()
		if err := c.Write(ctx, permissionDenied(no.reason)); err != nil {
			s.log.DebugContext(r.Context(), "tell the reason of a refusal", "error", err)
		}
	}
	c.Close(no.code, no.reason)
}

// permissionDenied is the message [2][0]reason of y-protocols (auth.js): message type auth, permission denied, a string with its length before it.
// Reasons are shorter than 128 bytes, so that the length is one byte.
func permissionDenied(reason string) []byte {
	reason = cutText(reason, 127)
	return append([]byte{2, 0, byte(len(reason))}, reason...)
}

// keepLogin keeps the login alive that a socket was opened with, as REST requests do, and closes the socket when the login has ended elsewhere.
func (s *Server) keepLogin(ctx context.Context, a admission, c *conn) {
	if a.peer.Session == uuid.Nil {
		return
	}
	tick := time.NewTicker(s.keepSession)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		look, cancel := context.WithTimeout(ctx, admitTime)
		_, _, err := s.store.SessionByToken(look, a.login, s.sessionIdle)
		cancel()
		if errors.Is(err, store.ErrNotFound) {
			c.Close(collab.CloseUnauthorized, "logged out")
			return
		}
	}
}
