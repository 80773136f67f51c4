package collab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

// Gate lets the people of one Hocuspocus connection into documents.
type Gate interface {
	// Admit judges an auth frame: the document's id or key, and the token of the frame ("" when the client has none). A *CloseError is a definite refusal, with a code of
	// CONTRACT section 4 and a reason for the client; any other error means "try again". The peer's Conn is new at each call.
	Admit(ctx context.Context, document, token string) (store.DocumentID, Peer, error)
}

// lateClose is how long a CLOSE before a document's first step 2 waits for that to show that it is a late one.
const lateClose = time.Second

// many is a Hocuspocus connection: any number of documents, each under a key of the client's. All of it is owned by the connection's reader.
type many struct {
	hub  *Hub
	ctx  context.Context // of the connection
	gate Gate
	out  *outbox
	pace *rate.Limiter // of all frames: a connection is one typist, whatever it has open

	docs     map[string]*attached
	admitted bool        // one of the documents was opened
	bytes    int         // read before that
	deadline *time.Timer // for that
}

// attached is what a Hocuspocus connection has to do with one document.
type attached struct {
	session *session // nil: not open to the client
	former  *session // the one before, whose client may wait for statuses yet
	user    store.UserID
	judged  bool // an auth message, or what stands for one, was answered

	// What the client's counter of unsaved changes waits for (see acks).
	asked    bool // a step 1 came
	vector   crdt.StateVector
	flushing bool // and no step 2 since: updates that vector covers were made before it, and sent late
	counted  bool // the frame before was one that the client waits for
	owed     bool // the step 1 has not got its status
	missed   int  // frames that the client waits for, come while the document was not open to it
}

// ServeMany is EnterMany and ManyVisits.Serve.
func (h *Hub) ServeMany(ctx context.Context, conn Conn, gate Gate) error {
	v, err := h.EnterMany(ctx, conn, gate)
	if err != nil {
		return err
	}
	return serve(v.Serve)
}

// ManyVisits is a Hocuspocus connection at the beginning of its life.
type ManyVisits struct{ many *many }

// EnterMany takes on one Hocuspocus connection, with any number of documents; ctx is the connection's. The caller calls Serve of what it gets. After an error the connection is closed with the
// fitting code.
func (h *Hub) EnterMany(ctx context.Context, conn Conn, gate Gate) (*ManyVisits, error) {
	m := &many{hub: h, ctx: ctx, gate: gate, out: h.newOutbox(conn), pace: h.newPace(), docs: make(map[string]*attached)}
	if !h.begin() {
		return nil, h.finish(m.out, closeFor(ErrStopping))
	}
	h.keepAlive(m.out, Message{Body: emptyKey})
	m.deadline = time.AfterFunc(h.limits.UnauthenticatedTime, func() {
		m.out.finish(CloseTryAgain, "no document was opened in time")
		m.out.flush()
	})
	conn.Limit(int64(h.limits.UnauthenticatedBytes))
	return &ManyVisits{m}, nil
}

// Serve is for a Hocuspocus connection what Visit.Serve is for another.
func (v *ManyVisits) Serve() (err error) {
	end, quiet := &CloseError{Code: CloseTryAgain}, false
	defer func() { // after a panic, too
		if !quiet {
			err = v.many.leave(end)
		}
	}()
	if end, quiet = v.many.read(); quiet {
		return ErrQuiet
	}
	return nil
}

// leave takes the connection out of all its documents.
func (m *many) leave(why *CloseError) error {
	defer m.hub.visits.Done()
	m.deadline.Stop()
	for _, d := range m.docs {
		m.detach(d)
	}
	m.hub.letDie(m.out)
	return m.hub.finish(m.out, why)
}

// read takes the connection's messages until it ends, and says with which code to close; or until it is quiet.
func (m *many) read() (end *CloseError, quiet bool) {
	for {
		b, err := m.out.conn.Read()
		if errors.Is(err, ErrQuiet) {
			return nil, true
		}
		if err != nil {
			return closing(err), false
		}
		if !m.admitted {
			if m.bytes += len(b); m.bytes > m.hub.limits.UnauthenticatedBytes {
				return &CloseError{Code: CloseTryAgain, Reason: "too much before a document was opened"}, false
			}
		}
		k, err := parseKeyed(b)
		if err == nil {
			err = m.take(k, len(b))
		}
		if err != nil {
			return m.hub.fault(err), false
		}
	}
}

// take does what a message asks for. Its errors end the connection.
func (m *many) take(k keyed, size int) error {
	switch k.kind {
	case keyedPing:
		m.say(nil, pong)
		return nil
	case keyedNoise:
		return nil
	}
	d := m.docs[string(k.key)]
	if d == nil {
		// Version 2 without a token sends no auth message: its first question stands for one.
		if k.kind != keyedAuth && !(k.kind == keyedFrame && k.frame.kind == frameStep1) {
			return nil
		}
		if err := m.makeRoom(); err != nil {
			return err
		}
		d = &attached{}
		m.docs[string(k.key)] = d
	}
	if d.session != nil && d.session.life.Err() != nil {
		m.detach(d) // its room has ended it, and said so
	}
	if s := d.session; s != nil && k.kind == keyedClose && d.flushing {
		// Perhaps sent for an earlier life of the document's provider, and late: then a step 2 follows.
		s.closing.Store(true)
		time.AfterFunc(lateClose, func() {
			if s.closing.Load() {
				s.leaveRoom()
			}
		})
		return nil
	} else if s != nil && (k.kind == keyedAuth || k.frame.carriesEdits()) {
		s.closing.Store(false)
	}
	switch k.kind {
	case keyedAuth:
		return m.auth(d, k.key, k.token)
	case keyedClose:
		m.detach(d)
		delete(m.docs, string(k.key))
		return nil
	}
	if !d.judged {
		if err := m.auth(d, k.key, ""); err != nil {
			return err
		}
	}
	f := k.frame
	d.note(&f)
	if d.session == nil {
		d.miss(f)
		return nil
	}
	switch err := d.session.take(f, size); {
	case errors.Is(err, errSkipped):
		if f.carriesEdits() && !f.silent {
			d.session.skipped.Add(1)
		}
	case err != nil:
		d.miss(f)
	}
	return nil
}

// makeRoom holds the limits on documents.
func (m *many) makeRoom() error {
	l := &m.hub.limits
	if len(m.docs) >= l.SocketDocuments {
		maps.DeleteFunc(m.docs, func(_ string, d *attached) bool {
			return d.session == nil && d.missed == 0 || d.session != nil && d.session.life.Err() != nil
		})
	}
	if n := len(m.docs); n >= l.SocketDocuments || !m.admitted && n >= l.UnauthenticatedDocuments {
		return &CloseError{Code: CloseTryAgain, Reason: "too many documents on one connection"}
	}
	return nil
}

// note finds out whether the client waits for the status of a frame: its counter begins anew with each step 1 that it sends, and what it had sent before, or had only queued, is
// no longer in it.
func (d *attached) note(f *frame) {
	switch f.kind {
	case frameStep1:
		d.asked, d.vector, d.flushing, d.counted, d.owed, d.missed = true, f.vector, true, false, true, 0
	case frameStep2:
		f.silent = !d.owed
	case frameUpdate:
		if d.flushing && f.update.HasStructs() {
			d.counted = f.update.Exceeds(d.vector)
		}
		f.silent = !d.asked || d.flushing && !d.counted
		return
	default:
		return
	}
	if f.kind == frameStep2 && d.session != nil {
		d.owed, d.flushing, d.vector = false, false, nil
	}
}

// miss counts a frame that is not kept: the client's next step 2 contains it.
func (d *attached) miss(f frame) {
	if f.kind == frameUpdate && !f.silent {
		d.missed++
	}
}

// auth judges who asks for a document. While that is found out nothing else is read.
func (m *many) auth(d *attached, key []byte, token string) error {
	d.judged = true
	doc, peer, err := m.gate.Admit(m.ctx, documentOf(key), token)
	if err == nil {
		err = m.attach(d, key, doc, peer)
	}
	var no *CloseError
	switch {
	case err == nil:
		if !m.admitted {
			m.admitted = true
			m.deadline.Stop()
			m.out.conn.Limit(0)
		}
		return nil
	case errors.As(err, &no) && final(no.Code):
		m.detach(d)
		m.hub.metrics.closed(no.Code)
		m.say(keyHead(key), deniedMessage(no.Reason))
		return nil
	case errors.As(err, &no):
		return no
	}
	return &CloseError{Code: CloseTryAgain, Reason: "try again"}
}

// attach opens a document to the client, or, when it is open, notes the newer credentials.
func (m *many) attach(d *attached, key []byte, doc store.DocumentID, peer Peer) error {
	if s := d.session; s != nil {
		if s.room.doc == doc && d.user == peer.User {
			s.room.enter(event{do: func() { s.room.renew(s, peer) }})
			return nil
		}
		m.detach(d)
	}
	r, err := m.hub.admit(m.ctx, doc, peer)
	if err != nil {
		return err
	}
	s := newSession(m.ctx, peer, r, m.out)
	s.head, s.keyed, s.limit = keyHead(key), true, m.pace
	s.acks.statuses, s.acks.due = true, d.missed
	unasked := d.asked
	if f := d.former; f != nil && f.room == r {
		s.former = f
	}
	d.missed, d.former, d.user = 0, nil, peer.User
	if no := s.enterRoom(unasked); no != nil {
		s.life.end()
		m.hub.release(r)
		return no
	}
	d.session = s
	return nil
}

// detach ends the session of a document, if there is one.
func (m *many) detach(d *attached) {
	if s := d.session; s != nil {
		d.session, d.former = nil, s
		s.leaveRoom()
	}
}

// say sends a message that comes from no room.
func (m *many) say(head, body []byte) {
	m.out.put(Message{Head: head, Body: body})
	m.out.flush()
}

// renew takes newer credentials of a session's client.
func (r *room) renew(s *session, peer Peer) {
	if !s.joined {
		return
	}
	could := s.canWrite()
	peer.Conn = s.peer.Conn
	s.peer = peer
	s.role, s.roleVersion = peer.Role, peer.AccessVersion
	r.hub.roster.renew(s)
	s.put(authenticatedMessage(s.canWrite()))
	if s.canWrite() && !could {
		r.sendStep1(s) // for what was refused meanwhile
	}
	if s.roleVersion != r.accessVersion {
		r.askRights()
	}
}

// stateless passes a client's text on to the other Hocuspocus clients of the document, on all nodes, if that is wanted.
func (r *room) stateless(s *session, text []byte) {
	if !r.hub.stateless || len(text) > r.hub.limits.AwarenessBytes {
		return
	}
	r.tellStateless(text, s)
	if r.relay != nil {
		r.send(encodeStateless(text))
	}
}

func (r *room) tellStateless(text []byte, except *session) {
	msg := statelessMessage(text)
	for _, s := range r.sessions {
		switch {
		case !s.keyed || s == except:
		case s.debt != nil || s.out.crowded():
			r.hub.metrics.statelessDropped.Inc() // it is for the moment, and not waited for
		default:
			s.put(msg)
		}
	}
}

// encodeStateless gives a message for other nodes: version, kind, text.
func encodeStateless(text []byte) []byte {
	return append([]byte{relayVersion, relayStateless}, text...)
}

func decodeStateless(body []byte) ([]byte, error) {
	if !utf8.Valid(body) {
		return nil, fmt.Errorf("%w: a text that is none", errRelay)
	}
	return body, nil
}
