package collab

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"github.com/bizsync/bizsync/store"
)

// wireConn is a Conn of which a test writes and reads every frame.
type wireConn struct {
	in  chan []byte
	cut chan struct{} // closed by Close

	mu     sync.Mutex
	got    [][]byte
	code   int
	reason string
	slow   chan struct{} // not nil: the network takes nothing until it is closed
}

func newWireConn() *wireConn { return &wireConn{in: make(chan []byte), cut: make(chan struct{})} }

func (c *wireConn) Read() ([]byte, error) {
	b, ok := <-c.in
	if !ok {
		return nil, errCut
	}
	return b, nil
}

func (c *wireConn) Send(msgs []Message) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range msgs {
		c.got = append(c.got, slices.Concat(m.Head, m.Body))
	}
	return c.slow == nil, nil
}

func (*wireConn) Limit(int64) {}

func (c *wireConn) Flush() error {
	c.mu.Lock()
	slow := c.slow
	c.mu.Unlock()
	if slow != nil {
		select {
		case <-slow:
		case <-c.cut:
			return errCut
		}
	}
	return nil
}

func (*wireConn) Heard() time.Time { return time.Now() }

func (c *wireConn) Close(code int, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code == 0 {
		c.code, c.reason = code, reason
		close(c.in)
		close(c.cut)
	}
}

func (c *wireConn) closed() (int, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code, c.reason
}

// passes is a Gate that knows tokens by heart: "name of the document/number of the user", and "" for nobody.
type passes struct {
	lab *lab
	err error
}

func (p *passes) Admit(ctx context.Context, document, token string) (store.DocumentID, Peer, error) {
	if p.err != nil {
		return store.DocumentID{}, Peer{}, p.err
	}
	name, user, _ := strings.Cut(token, "/")
	if name != document {
		return store.DocumentID{}, Peer{}, &CloseError{Code: CloseUnauthorized, Reason: "no such token"}
	}
	id := p.lab.users[int(user[0]-'0')]
	access, err := p.lab.Resolve(ctx, document, id)
	if err != nil {
		return store.DocumentID{}, Peer{}, err
	}
	return access.Document, Peer{Conn: store.NewID(), User: id, Name: "N", Role: access.Role, MaxRole: store.Owner, AccessVersion: access.Version}, nil
}

// provider plays a Hocuspocus provider frame by frame.
type provider struct {
	*wireConn
	lab  *lab
	gate *passes
	done chan error
}

func (l *lab) provide() *provider {
	p := &provider{wireConn: newWireConn(), lab: l, gate: &passes{lab: l}, done: make(chan error, 1)}
	l.wg.Go(func() { p.done <- l.hub.ServeMany(l.Context(), p, p.gate) })
	return p
}

// says sends a frame under a key and waits until all is quiet.
func (p *provider) says(key string, body ...[]byte) {
	p.lab.Helper()
	p.wireConn.mu.Lock()
	closed := p.code != 0
	p.wireConn.mu.Unlock()
	if closed {
		p.lab.Fatalf("said something on a connection closed with %d %q", p.code, p.reason)
	}
	p.in <- slices.Concat(append([][]byte{lib0.AppendVarString(nil, key)}, body...)...)
	synctest.Wait()
}

func (p *provider) leave() {
	if code, _ := p.closed(); code == 0 {
		p.Close(1, "")
	}
	<-p.done
}

// hears gives what came since the last time, in words; a frame under another key begins with that.
func (p *provider) hears(key string) string {
	p.wireConn.mu.Lock()
	defer p.wireConn.mu.Unlock()
	words := make([]string, 0, len(p.got))
	for _, b := range p.got {
		words = append(words, spelled(p.lab, key, b))
	}
	p.got = nil
	return strings.Join(words, " ")
}

func wordOfSync(d *lib0.Decoder) string {
	step, _ := d.ReadVarUint()
	body, _ := d.ReadVarBytes()
	if step == syncStep1 {
		return "step1"
	}
	u, err := crdt.ParseUpdate(body)
	if err != nil {
		return err.Error()
	}
	s := crdt.NewState()
	s.Apply(u)
	text, _ := s.Text("t")
	return fmt.Sprintf("%s(%s)", map[uint64]string{syncStep2: "step2", syncUpdate: "update"}[step], text)
}

func spelled(l *lab, key string, b []byte) string {
	if len(b) == 1 {
		return fmt.Sprintf("byte%d", b[0])
	}
	d := lib0.Over(b, 0)
	name, err := d.ReadVarText()
	if err != nil {
		l.Fatalf("a frame without a key: %x", b)
	}
	prefix := ""
	if string(name) != key {
		prefix = string(name[len(name)-1:]) + ":"
	}
	kind, _ := d.ReadVarUint()
	switch kind {
	case messageSync:
		return prefix + wordOfSync(&d)
	case messageAwareness:
		return prefix + "awareness"
	case messageAuth:
		step, _ := d.ReadVarUint()
		text, _ := d.ReadVarText()
		return prefix + map[uint64]string{authDenied: "denied: ", authAuthenticated: ""}[step] + string(text)
	case messageStateless:
		text, _ := d.ReadVarText()
		return prefix + "text(" + string(text) + ")"
	case messageSyncStatus:
		n, _ := d.ReadVarUint()
		return prefix + map[uint64]string{0: "refused", 1: "saved"}[n]
	}
	return fmt.Sprintf("%stype%d", prefix, kind)
}

func auth(token string) []byte {
	return lib0.AppendVarString([]byte{messageAuth, authToken}, token)
}

func asks(v crdt.StateVector) []byte { return syncMessage(syncStep1, v.Encode()) }

func typing(client uint64, clock uint32, text string) crdt.Update {
	var origin *crdt.ID
	if clock > 0 {
		origin = &crdt.ID{Client: client, Clock: clock - 1}
	}
	return insertion(crdt.ID{Client: client, Clock: clock}, origin, text)
}

// inMany runs a test with one provider and the name and token of the first document.
func inMany(t *testing.T, o Options, f func(l *lab, p *provider, doc string)) {
	t.Helper()
	inLab(t, 3, o, func(l *lab) {
		p := l.provide()
		f(l, p, l.doc.String())
		p.leave()
	})
}

func (p *provider) want(key, want string) {
	p.lab.Helper()
	if got := p.hears(key); got != want {
		p.lab.Errorf("heard %q, want %q", got, want)
	}
}

// The conversation of a stock provider: auth and step 1 together, our step 2 and step 1, its step 2; then an edit. A y-websocket client is in the same document.
func TestProviderMeetsYWebsocket(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		tb := l.openSilent(0)
		tb.typed(nil, "hello")
		l.settle()
		p.says(doc, auth(doc+"/1"))
		p.want(doc, "read-write")
		p.says(doc, asks(nil))
		p.want(doc, "step2(hello) step1")
		p.says(doc, syncMessage(syncStep2, []byte{0, 0}))
		p.want(doc, "saved")
		u := typing(900, 0, "there")
		p.says(doc, syncMessage(syncUpdate, u.Bytes()))
		l.settle()
		p.want(doc, "saved")
		wantHas(l, u, true, tb)
		tb.typed(&crdt.ID{Client: tb.id, Clock: 4}, "!")
		l.settle()
		p.want(doc, "update()") // it begins in the middle
		p.says(doc, []byte{messageQueryAwareness})
		p.in <- []byte{messagePing}
		synctest.Wait()
		p.want(doc, "byte10")
	})
}

// A status is for what the client's counter waits for, which begins at 1 with its step 1: not for what it typed offline and had queued, which its step 1 covers.
func TestStatusesFollowTheCounter(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		p.says(doc, auth(doc+"/0"))
		p.says(doc, asks(crdt.StateVector{900: 5}))                       // counter: 1
		p.says(doc, syncMessage(syncUpdate, typing(900, 5, "f").Bytes())) // typed since: 2
		for clock := range uint32(5) {
			p.says(doc, syncMessage(syncUpdate, typing(900, clock, "x").Bytes())) // queued before
		}
		l.settle()
		p.want(doc, "read-write step2() step1")
		p.says(doc, syncMessage(syncStep2, typing(900, 0, "xxxxxf").Bytes()))
		l.settle()
		p.want(doc, "saved saved")
		p.says(doc, asks(crdt.StateVector{900: 6}))
		p.want(doc, "step2() step1")
		p.says(doc, syncMessage(syncStep2, []byte{0, 0}))
		p.says(doc, syncMessage(syncStep2, []byte{0, 0})) // to a question that we didn't ask
		p.want(doc, "saved")
	})
}

// Before a document is open to it, and after it was denied, a client's frames are counted and not kept: what it sends when it is let in contains them.
func TestDeniedAndJudgedAnew(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		p.says(doc, auth("wrong/0"))
		p.says(doc, asks(nil))
		p.want(doc, "denied: no such token")
		for clock := range uint32(2) {
			p.says(doc, syncMessage(syncUpdate, typing(900, clock, "x").Bytes()))
		}
		p.want(doc, "")
		p.says(doc, auth(doc+"/0"))
		p.want(doc, "read-write step2() step1")
		p.says(doc, syncMessage(syncStep2, typing(900, 0, "xx").Bytes()))
		l.settle()
		p.want(doc, "saved saved saved") // for the step and both edits
		if c, err := l.hub.Content(l.Context(), l.doc); err != nil || !bytes.Contains(c.Update, []byte("xx")) {
			l.Errorf("content %q, %v", c.Update, err)
		}
	})
}

// A refused edit stays unsaved in the client's counter; when its author may write after all, the step 2 that brings it settles it.
func TestRoleChangesOnALivingProvider(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		viewer := l.users[2]
		p.says(doc, auth(doc+"/2"))
		p.says(doc, asks(nil))
		p.want(doc, "readonly step2() step1")
		p.says(doc, syncMessage(syncStep2, []byte{0, 0}))
		p.want(doc, "saved")
		p.says(doc, syncMessage(syncUpdate, typing(900, 0, "x").Bytes()))
		time.Sleep(time.Second)
		p.want(doc, "refused")
		l.setRole(l.T, l.doc, viewer, store.Editor)
		l.hub.AccessChanged(l.doc)
		time.Sleep(2 * time.Second)
		p.want(doc, "read-write step1")
		p.says(doc, syncMessage(syncStep2, typing(900, 0, "x").Bytes()))
		l.settle()
		p.want(doc, "saved")
		l.setRole(l.T, l.doc, viewer, store.Viewer)
		l.hub.AccessChanged(l.doc)
		time.Sleep(2 * time.Second)
		p.want(doc, "readonly")
		if _, err := l.RemoveMember(l.Context(), l.doc, viewer, uuid.Nil); err != nil {
			l.Fatal(err)
		}
		l.hub.AccessChanged(l.doc)
		time.Sleep(2 * time.Second)
		p.want(doc, "denied: you have no access to this document any more")
		if code, _ := p.closed(); code != 0 {
			l.Errorf("closed with %d", code)
		}
	})
}

// One connection carries several documents, and one of them twice. What concerns one touches no other.
func TestManyDocumentsOnOneConnection(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		other := l.docs[1].String()
		twin := doc + "\x00b"
		p.says(doc, auth(doc+"/0"))
		p.says(doc, asks(nil))
		p.says(twin, auth(doc+"/0"))
		p.says(twin, asks(nil))
		p.says(other, auth("wrong/0"))
		p.says("nothing", syncMessage(syncUpdate, []byte{0, 0}))
		p.hears(doc)
		p.says(doc, syncMessage(syncStep2, typing(900, 0, "x").Bytes()))
		l.settle()
		p.want(doc, "b:update(x) saved")
		p.says(doc, []byte{messageAwareness, 1, 0})
		p.says(twin, syncMessage(syncStep2, []byte{0, 0}))
		p.says(twin, []byte{messageClose})
		p.says(twin, syncMessage(syncUpdate, typing(901, 0, "y").Bytes()))
		p.says(doc, syncMessage(syncUpdate, typing(900, 1, "z").Bytes()))
		l.settle()
		p.want(doc, "b:saved saved")
		p.says(twin, auth(doc+"/0"))
		p.says(twin, asks(nil))
		p.want(twin, "read-write step2(xz) step1")
		if got := len(l.hub.all()); got != 1 {
			l.Errorf("%d rooms are open", got)
		}
	})
}

// A client may renew its token on a living connection; with one of another account it becomes another person.
func TestTokenIsRenewed(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		p.says(doc, auth(doc+"/0"))
		p.says(doc, asks(nil))
		p.says(doc, syncMessage(syncStep2, []byte{0, 0}))
		p.hears(doc)
		p.says(doc, auth(doc+"/0"))
		p.want(doc, "read-write")
		p.says(doc, auth(doc+"/2"))
		p.want(doc, "readonly step2() step1")
		list, _ := l.hub.Editors(l.doc)
		if len(list) != 1 || list[0].User != l.users[2] {
			l.Errorf("editors %v", list)
		}
		p.says(doc, auth("wrong/0"))
		p.want(doc, "denied: no such token")
		if list, _ := l.hub.Editors(l.doc); len(list) != 0 {
			l.Errorf("editors %v after a denial", list)
		}
	})
}

// What ends the connection, and with which code.
func TestProvidersThatBreakTheRules(t *testing.T) {
	l64 := lib0.AppendVarString([]byte{messageStateless}, strings.Repeat("x", 40<<10))
	for name, c := range map[string]struct {
		frames func(doc string) [][]byte // whole ones; nil waits
		code   int
	}{
		"an internal opcode, sync reply":     {func(doc string) [][]byte { return [][]byte{keyedBody(doc, syncMessageOf(messageSyncReply))} }, CloseMalformed},
		"an internal opcode, broadcast":      {func(doc string) [][]byte { return [][]byte{keyedBody(doc, []byte{messageBroadcastStateless, 0})} }, CloseMalformed},
		"a status from a client":             {func(doc string) [][]byte { return [][]byte{keyedBody(doc, statusSaved)} }, CloseMalformed},
		"a denial from a client":             {func(doc string) [][]byte { return [][]byte{keyedBody(doc, deniedMessage("no"))} }, CloseMalformed},
		"a key that ends early":              {func(string) [][]byte { return [][]byte{{9, 'a'}} }, CloseMalformed},
		"a key of many bytes":                {func(string) [][]byte { return [][]byte{keyedBody(strings.Repeat("k", keyBytes+1), auth(""))} }, CloseMalformed},
		"a key that is no text":              {func(string) [][]byte { return [][]byte{{1, 0xff, messageQueryAwareness}} }, CloseMalformed},
		"an unknown type":                    {func(doc string) [][]byte { return [][]byte{keyedBody(doc, []byte{11})} }, CloseMalformed},
		"no document for five seconds":       {func(string) [][]byte { return [][]byte{nil} }, CloseTryAgain},
		"much before the first document":     {func(doc string) [][]byte { return [][]byte{keyedBody(doc, l64), keyedBody(doc, l64)} }, CloseTryAgain},
		"many documents before the first":    {func(string) [][]byte { return authsFor(101) }, CloseTryAgain},
		"nothing wrong, a hundred documents": {func(string) [][]byte { return authsFor(100) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inMany(t, Options{}, func(l *lab, p *provider, doc string) {
				for _, b := range c.frames(doc) {
					if b == nil {
						time.Sleep(6 * time.Second)
						continue
					}
					p.in <- b
					synctest.Wait()
				}
				if code, reason := p.closed(); code != c.code {
					l.Errorf("closed with %d %q, want %d", code, reason, c.code)
				}
			})
		})
	}
}

func keyedBody(key string, body []byte) []byte {
	return append(lib0.AppendVarString(nil, key), body...)
}

func syncMessageOf(kind byte) []byte { return append([]byte{kind}, 1, 2, 0, 0) }

func authsFor(n int) (frames [][]byte) {
	for i := range n {
		frames = append(frames, keyedBody(fmt.Sprint("doc", i), auth("wrong/0")))
	}
	return frames
}

// When a check can't be made, the client is to come back.
func TestGateIsOutOfOrder(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		p.gate.err = store.ErrUnavailable
		p.says(doc, auth(doc+"/0"))
		if code, _ := p.closed(); code != CloseTryAgain {
			l.Errorf("closed with %d", code)
		}
	})
}

// Version 2 without a token asks without saying who it is.
func TestQuestionWithoutAuth(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		p.says(doc, asks(nil))
		p.want(doc, "denied: no such token")
	})
}

// A connection hears something every 20 s, with and without a document.
func TestProviderIsKeptFromSilence(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		p.says(doc, auth(doc+"/0"))
		p.says(doc, asks(nil))
		p.hears(doc)
		for range 5 {
			time.Sleep(20 * time.Second)
			if got := p.hears(doc); got == "" {
				l.Error("heard nothing for 20 s")
			}
		}
	})
}

// Stateless messages reach the other Hocuspocus clients of the document, and nobody unless the setting says so.
func TestStateless(t *testing.T) {
	for _, on := range []bool{false, true} {
		inMany(t, Options{Stateless: on}, func(l *lab, p *provider, doc string) {
			q := l.provide()
			defer q.leave()
			tb := l.openSilent(0)
			for _, x := range []*provider{p, q} {
				x.says(doc, auth(doc+"/0"))
				x.hears(doc)
			}
			p.says(doc, lib0.AppendVarString([]byte{messageStateless}, "hi"))
			p.want(doc, "")
			want := ""
			if on {
				want = "text(hi)"
			}
			q.want(doc, want)
			tb.wantClosed(l, 0)
		})
	}
}
