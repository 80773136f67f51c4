package api

import (
	"context"
	"fmt"
	"net/http"

	"golang.org/x/time/rate"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

// What one connection may ask for with auth frames, beside its attempt: all documents that it may have at once, and then so many a second.
const (
	authsPerSecond = 50
	authsBurst     = 1000
)

// serveHocuspocus upgrades a request to a Hocuspocus connection and has it served for its life. Who may do what is decided for each document, in the protocol.
func (s *Server) serveHocuspocus(w http.ResponseWriter, r *http.Request) {
	socket, ok := s.openSocket(w, r)
	if !ok {
		return
	}
	c := socket.conn
	session := func() error { return errNotAdmitted }
	defer func() { s.serve(c, session) }() // also after a panic
	if err := s.admitAddress(r); err != nil {
		no := s.refusal(err)
		c.Close(no.Code, no.Reason)
		session = nil
		return
	}
	c.owner = addressKey(s.origins.address(r))
	g := newGate(s, c, socket.visitor)
	visits, err := s.hub.EnterMany(s.life, c, g)
	if err != nil {
		session = func() error { return err }
		return
	}
	session = visits.Serve
}

// gate lets whoever opened a Hocuspocus connection into documents (collab.Gate).
type gate struct {
	server  *Server
	conn    *conn
	visitor visitor
	pace    *rate.Limiter // of auth frames: each asks the database
}

var _ collab.Gate = (*gate)(nil)

func newGate(s *Server, c *conn, v visitor) *gate {
	return &gate{server: s, conn: c, visitor: v, pace: rate.NewLimiter(authsPerSecond, authsBurst)}
}

// Admit judges an auth frame, for the connection's reader. A token in it counts before what the upgrade had; without one, the upgrade's token counts, or else, for a page
// of an admitted origin, the session cookie, whose login must be there still. A token that is not good is refused, whatever else there is.
func (g *gate) Admit(ctx context.Context, document, token string) (store.DocumentID, collab.Peer, error) {
	// Whoever asks without end is read more slowly.
	if err := g.pace.Wait(ctx); err != nil {
		return store.DocumentID{}, collab.Peer{}, fmt.Errorf("wait for one's turn: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, admitTime)
	defer cancel()
	v := g.visitor
	if token != "" {
		v.given, v.token = true, token
	}
	a, err := g.server.admit(ctx, &v, document)
	g.visitor.account = v.account
	if err != nil {
		return store.DocumentID{}, collab.Peer{}, err
	}
	if a.cookied() {
		g.server.keeper.keep(a.login, g.conn)
	}
	g.conn.owner = a.peer.User.String()
	return a.doc, a.peer, nil
}
