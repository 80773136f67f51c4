package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

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
)

// serveSocket upgrades a request to a y-websocket connection and has it served for its life. Only what a browser's page can't be told any other way comes before
// the upgrade; all other refusals are close codes (CONTRACT section 4), since a page can't see an HTTP status.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	socket, ok := s.openSocket(w, r)
	if !ok {
		return
	}
	session := func() error { return errNotAdmitted }
	defer func() { s.serve(socket.conn, session) }() // also after a panic: the HTTP server knows nothing of the connection any more
	session = s.admitSocket(r, socket)
}

// errNotAdmitted: the connection's rights could not be looked at.
var errNotAdmitted = errors.New("not admitted")

// admitSocket gives what serves a y-websocket connection; nil when it was refused, and told so.
func (s *Server) admitSocket(r *http.Request, socket socket) func() error {
	c := socket.conn
	ctx, cancel := context.WithTimeout(s.life, admitTime)
	defer cancel()
	a, err := s.admitUpgrade(ctx, r, socket.visitor, documentName(r))
	if err != nil {
		s.tellRefusal(c, s.refusal(err))
		return nil
	}
	a.peer.Acks = socket.acks
	c.owner = a.peer.User.String()
	if a.cookied() {
		s.keeper.keep(a.login, c)
	}
	s.log.LogAttrs(s.life, slog.LevelDebug, "socket opened", a.attributes()...)
	visit, err := s.hub.Enter(s.life, a.doc, a.peer, c)
	if err != nil {
		return func() error { return err }
	}
	// Nothing but the visit goes with the goroutine: what it holds, each connection holds.
	return visit.Serve
}

// socket is an upgraded connection and what is left of its request.
type socket struct {
	conn    *conn
	acks    bool // the client asked for acksProtocol
	visitor visitor
}

// openSocket upgrades a request. When it says false, it has answered; else the connection must be served.
func (s *Server) openSocket(w http.ResponseWriter, r *http.Request) (socket, bool) {
	origin := r.Header.Get("Origin")
	if origin != "" && !s.origins.admits(r, origin) {
		s.writeProblem(w, r, problem(http.StatusForbidden, codeCrossSite, "pages of this origin may not open sockets here"))
		return socket{}, false
	}
	if !s.enter() {
		s.writeProblem(w, r, problem(http.StatusServiceUnavailable, codeUnavailable, "this node is going away").retryAfter(time.Second))
		return socket{}, false
	}
	up, err := upgrade(w, r)
	if err != nil {
		s.log.DebugContext(r.Context(), "upgrade failed", "error", err)
		s.work.Done()
		return socket{}, false
	}
	s.metrics.sockets.Inc()
	return socket{conn: s.sockets.add(up.conn, up.ahead), acks: up.subprotocol == acksProtocol, visitor: visitorOf(r, origin != "")}, true
}

// serve has a connection served by a goroutine of its own, which holds nothing of the request: so the HTTP server's, with its buffers, can end. session is called again when it has
// given collab.ErrQuiet and something has arrived.
func (s *Server) serve(c *conn, session func() error) {
	c.rests = true
	go s.attend(c, session)
}

// attend serves a connection until it ends or is quiet. Then another goroutine goes on, which has the smallest stack: this one's has grown, and Go never takes as much off it again.
func (s *Server) attend(c *conn, session func() error) {
	if s.attended(c, session) {
		go s.await(c, session)
	}
}

// await goes on when something has arrived.
func (s *Server) await(c *conn, session func() error) {
	c.await()
	s.attend(c, session)
}

// attended says whether the connection is quiet; if not, it has ended.
func (s *Server) attended(c *conn, session func() error) (quiet bool) {
	defer func() {
		if !quiet {
			s.part(c)
		}
	}()
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("panic", "panic", v, "stack", string(debug.Stack()))
			c.Close(collab.CloseTryAgain, "")
		}
	}()
	if session == nil {
		return false
	}
	err := session()
	if quiet = errors.Is(err, collab.ErrQuiet); !quiet && err != nil {
		// The hub has closed what it ended; this is for a connection that it couldn't serve at all.
		c.Close(collab.CloseTryAgain, "")
	}
	return quiet
}

// part ends a connection that is not served any more.
func (s *Server) part(c *conn) {
	defer s.work.Done()
	defer s.metrics.sockets.Dec()
	defer s.keeper.forget(c)
	c.finish()
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

// visitor is whoever opens a socket, as far as the request says. It holds nothing of the request.
type visitor struct {
	given   bool   // a token, in the URL or as a bearer
	token   string // it; "" for credentials of another kind
	page    bool   // of an admitted origin, so that the cookie counts
	login   [32]byte
	cookied bool         // login is the hash of a session cookie
	account store.UserID // whose attempt was counted for this connection
}

func visitorOf(r *http.Request, page bool) visitor {
	v := visitor{page: page}
	query, bearer := r.URL.Query(), r.Header.Get("Authorization")
	if v.given = query.Has("token") || bearer != ""; v.given {
		token := query.Get("token")
		if scheme, value, _ := strings.Cut(bearer, " "); !query.Has("token") && strings.EqualFold(scheme, "Bearer") {
			token = strings.TrimSpace(value)
		}
		v.token = strings.Clone(token)
	}
	if cookie, err := r.Cookie(sessionCookie); err == nil && page && !v.given {
		v.login, v.cookied = hashToken(cookie.Value)
	}
	return v
}

// admission is what a socket, or a part of one, was opened for and by whom.
type admission struct {
	doc   store.DocumentID
	peer  collab.Peer
	login [32]byte // hash of the session cookie, if that was used
}

// cookied says that the session cookie was used.
func (a admission) cookied() bool { return a.peer.Session != uuid.Nil }

func (a admission) attributes() []slog.Attr {
	return []slog.Attr{slog.String("document", a.doc.String()), slog.String("connection", a.peer.Conn.String()), slog.String("user", a.peer.User.String()), slog.Bool("acks", a.peer.Acks)}
}

var errTooOften = &collab.CloseError{Code: collab.CloseTryAgain, Reason: "too many connections at once"}

// admitUpgrade is admit for the one document of a y-websocket connection.
func (s *Server) admitUpgrade(ctx context.Context, r *http.Request, v visitor, name string) (admission, error) {
	if err := s.admitAddress(r); err != nil {
		return admission{}, err
	}
	return s.admit(ctx, &v, name)
}

// admitAddress bounds how often sockets are opened from one address.
func (s *Server) admitAddress(r *http.Request) error {
	if ok, _ := s.socketAttemptsByAddr.take(addressKey(s.origins.address(r))); !ok {
		return errTooOften
	}
	return nil
}

// admit finds out who a visitor is and what they may do in the document of that name. Its errors are *collab.CloseError, or mean "try again".
func (s *Server) admit(ctx context.Context, v *visitor, name string) (admission, error) {
	a, doc, err := s.credentials(ctx, *v)
	if err != nil {
		return admission{}, err
	}
	if v.account != a.peer.User {
		if ok, _ := s.socketAttemptsByAccount.take(a.peer.User.String()); !ok {
			return admission{}, errTooOften
		}
		v.account = a.peer.User
	}
	access, err := s.authorize(ctx, a.peer.User, name, toRead)
	switch {
	case errors.Is(err, errNoDocument), errors.Is(err, errGone):
		return admission{}, &collab.CloseError{Code: collab.CloseNotFound, Reason: "no such document"}
	case errors.Is(err, errNoAccess), errors.Is(err, errRole):
		return admission{}, &collab.CloseError{Code: collab.CloseForbidden, Reason: "no access to this document"}
	case err != nil:
		return admission{}, err
	case doc != uuid.Nil && doc != access.Document:
		return admission{}, unauthorized("the token is for another document")
	}
	a.doc = access.Document
	a.peer.Conn, a.peer.Role, a.peer.AccessVersion = store.NewID(), access.Role, access.Version
	return a, nil
}

func unauthorized(reason string) error {
	return &collab.CloseError{Code: collab.CloseUnauthorized, Reason: reason}
}

// credentials finds who a visitor is: by a token, or else, for a page of an admitted origin, by the session cookie. doc is the only document that a token is for.
func (s *Server) credentials(ctx context.Context, v visitor) (a admission, doc store.DocumentID, err error) {
	switch {
	case v.given:
		g, err := s.tokens.check(v.token)
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
	case v.cookied:
		session, user, err := s.sessionByToken(ctx, v.login)
		if errors.Is(err, store.ErrNotFound) {
			return a, doc, unauthorized("log in first")
		}
		if err != nil {
			return a, doc, err
		}
		a.login = v.login
		a.peer = collab.Peer{User: user.ID, Name: user.Name, MaxRole: store.Owner, Session: session.ID}
		return a, doc, nil
	case v.page:
		return a, doc, unauthorized("log in first")
	}
	return a, doc, unauthorized("a token is needed")
}

// refusal makes an error of admit one with a code.
func (s *Server) refusal(err error) *collab.CloseError {
	no, ok := errors.AsType[*collab.CloseError](err)
	if !ok {
		s.log.Warn("a socket's rights could not be checked", "error", err)
		no = &collab.CloseError{Code: collab.CloseTryAgain, Reason: "try again"}
	}
	s.log.Debug("socket refused", "code", no.Code, "reason", no.Reason)
	return no
}

// tellRefusal closes a y-websocket connection that was not admitted. What is wrong with the person's rights is told in the protocol's own message before.
func (s *Server) tellRefusal(c *conn, no *collab.CloseError) {
	if no.Code == collab.CloseUnauthorized || no.Code == collab.CloseForbidden {
		if _, err := c.Send([]collab.Message{{Body: permissionDenied(no.Reason)}}); err != nil {
			s.log.Debug("tell the reason of a refusal", "error", err)
		}
	}
	c.Close(no.Code, no.Reason)
}

// permissionDenied is the message [2][0]reason of y-protocols (auth.js): message type auth, permission denied, a string with its length before it.
// Reasons are shorter than 128 bytes, so that the length is one byte.
func permissionDenied(reason string) []byte {
	reason = cutText(reason, 127)
	return append([]byte{2, 0, byte(len(reason))}, reason...)
}
