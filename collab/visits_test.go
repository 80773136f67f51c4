package collab

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"github.com/bizsync/bizsync/store"
)

// A Hocuspocus connection none of whose documents is open any more keeps no room, and is closed when the node stops.
func TestStopClosesConnectionsWithoutDocuments(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		t.Run(fmt.Sprint("deleted ", deleted), func(t *testing.T) {
			inLab(t, 3, Options{}, func(l *lab) {
				p := l.provide()
				doc := l.doc.String()
				p.says(doc, auth(doc+"/0"))
				p.says(doc, asks(nil))
				p.says(doc, syncMessage(syncStep2, []byte{0, 0}))
				if deleted {
					for _, r := range l.hub.all() {
						r.post(event{do: func() { r.fail(&CloseError{Code: CloseNotFound, Reason: "the document was deleted"}) }})
					}
				} else {
					p.says(doc, []byte{messageClose})
				}
				l.settle()
				l.Logf("heard %q", p.hears(doc))
				began := time.Now()
				ctx, cancel := context.WithTimeout(l.Context(), 20*time.Second)
				defer cancel()
				err := l.hub.Stop(ctx)
				synctest.Wait()
				code, reason := p.closed()
				if err != nil || code != CloseGoingAway {
					l.Errorf("Stop took %v: %v; the connection was closed with %d %q", time.Since(began), err, code, reason)
				}
				p.leave()
			})
		})
	}
}

// A room whose last session was ended by the room goes when it is idle.
func TestDeniedSessionsKeepNoRoom(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		p.says(doc, auth(doc+"/1"))
		p.says(doc, asks(nil))
		p.says(doc, syncMessage(syncStep2, []byte{0, 0}))
		if _, err := l.RemoveMember(l.Context(), l.doc, l.users[1], uuid.Nil); err != nil {
			l.Fatal(err)
		}
		l.hub.AccessChanged(l.doc)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		l.Logf("heard %.200q", p.hears(doc))
		if n := len(l.hub.all()); n != 0 {
			l.Errorf("%d rooms are open ten minutes after their last session", n)
		}
	})
}

// 1,000 documents at once, not in the life of a connection.
func TestDocumentsOneAfterTheOther(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		for i := range 1100 {
			key := fmt.Sprintf("%s\x00s%d", doc, i)
			p.says(key, auth(doc+"/0"))
			p.says(key, asks(nil))
			p.says(key, syncMessage(syncStep2, []byte{0, 0}))
			p.says(key, []byte{messageClose})
			p.hears(key)
			if code, reason := p.closed(); code != 0 {
				l.Fatalf("document %d: closed with %d %q", i, code, reason)
			}
			time.Sleep(5 * time.Second)
		}
	})
}

// Who opens a document and leaves it before the first exchange is over has left it.
func TestClosedBeforeTheFirstStep2(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		for i := range 25 {
			key := fmt.Sprintf("%s\x00s%d", doc, i)
			p.says(key, auth(doc+"/0"))
			p.says(key, asks(nil))
			p.says(key, []byte{messageClose})
			p.hears(key)
			time.Sleep(time.Minute)
			synctest.Wait()
			list, _ := l.hub.Editors(l.doc)
			if code, reason := p.closed(); code != 0 {
				l.Fatalf("after opening and closing %d times: closed with %d %q", i, code, reason)
			}
			if len(list) != 0 && (i == 0 || i == 19) {
				l.Errorf("a minute after CLOSE %d editors are listed", len(list))
			}
		}
	})
}

type roleGate struct {
	lab *lab
	max store.Role
}

func (g *roleGate) Admit(ctx context.Context, document, token string) (store.DocumentID, Peer, error) {
	id := g.lab.users[0]
	access, err := g.lab.Resolve(ctx, document, id)
	return access.Document, Peer{Conn: store.NewID(), User: id, Name: "N", Role: access.Role, MaxRole: g.max, AccessVersion: access.Version}, err
}

// A refresh with a token that allows more: what was refused is asked for, as after any change of role.
func TestRefreshToEditorAsksForRefusedEdits(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		p := &provider{wireConn: newWireConn(), lab: l, done: make(chan error, 1)}
		g := &roleGate{l, store.Viewer}
		l.wg.Go(func() { p.done <- l.hub.ServeMany(l.Context(), p, g) })
		doc := l.doc.String()
		p.says(doc, auth(""))
		p.says(doc, asks(nil))
		p.says(doc, syncMessage(syncStep2, []byte{0, 0}))
		p.says(doc, syncMessage(syncUpdate, typing(900, 0, "x").Bytes()))
		time.Sleep(time.Second)
		p.want(doc, "readonly step2() step1 saved refused")
		g.max = store.Owner
		p.says(doc, auth(""))
		time.Sleep(time.Second)
		p.want(doc, "read-write step1")
		p.leave()
	})
}

// Refreshes race with the room.
func TestRefreshRace(t *testing.T) {
	w := newWorld(t, 3, 3)
	hub := NewHub(Options{Store: w})
	l := &lab{T: t, world: w, hub: hub, doc: w.docs[0]}
	p := l.provide()
	doc := l.doc.String()
	for range 200 {
		p.in <- append(lib0.AppendVarString(nil, doc), auth(doc+"/0")...)
		for _, r := range hub.all() {
			r.post(event{do: func() { time.Sleep(time.Millisecond) }})
		}
	}
	p.leave()
	if err := hub.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Edits that are undecided when their document is denied are committed and in the client's counter: let in again, it is told of them.
func TestStatusesSurviveADenial(t *testing.T) {
	inMany(t, Options{}, func(l *lab, p *provider, doc string) {
		p.says(doc, auth(doc+"/0"))
		p.says(doc, asks(nil))
		p.says(doc, syncMessage(syncStep2, []byte{0, 0}))
		l.settle()
		p.want(doc, "read-write step2() step1 saved") // counter: 0
		release := l.hold()
		p.says(doc, syncMessage(syncUpdate, typing(900, 0, "x").Bytes())) // 1
		l.settle()
		p.says(doc, auth("wrong/0"))
		l.settle()
		p.want(doc, "denied: no such token")
		release()
		l.settle()
		p.says(doc, auth(doc+"/0"))
		l.settle()
		p.want(doc, "read-write step2(x) step1")
		p.says(doc, syncMessage(syncStep2, typing(900, 0, "x").Bytes()))
		l.settle()
		p.want(doc, "saved")
	})
}

// A flood of stateless messages cuts nobody off.
func TestStatelessFlood(t *testing.T) {
	inMany(t, Options{Stateless: true}, func(l *lab, p *provider, doc string) {
		q := l.provide()
		q.says(doc, auth(doc+"/0"))
		p.says(doc, auth(doc+"/1"))
		slow := make(chan struct{})
		q.wireConn.mu.Lock()
		q.slow = slow
		q.wireConn.mu.Unlock()
		text := lib0.AppendVarString([]byte{messageStateless}, strings.Repeat("x", 64<<10))
		for range 600 {
			p.says(doc, text)
		}
		l.Logf("%d bytes wait", l.hub.outboxBytes.Load())
		q.wireConn.mu.Lock()
		q.slow = nil
		q.wireConn.mu.Unlock()
		close(slow)
		l.settle()
		if code, reason := q.closed(); code != 0 {
			l.Errorf("closed with %d %q", code, reason)
		}
		q.leave()
	})
}

// goneConn is a wireConn whose peer can vanish: then writes fail.
type goneConn struct {
	*wireConn
	gone chan struct{}
}

func (c *goneConn) Send(msgs []Message) (bool, error) {
	select {
	case <-c.gone:
		return false, errCut
	default:
		return c.wireConn.Send(msgs)
	}
}

// A client that vanishes while its frames wait for the database is gone all the same.
func TestVanishedWhileTheDatabaseIsAway(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		c := &goneConn{newWireConn(), make(chan struct{})}
		done := make(chan error, 1)
		m := newModel(900, l.users[0], nil)
		l.wg.Go(func() { done <- l.hub.Serve(l.Context(), l.doc, peerOf(m, "N", 3, 1), c) })
		synctest.Wait()
		release := l.hold()
		c.in <- syncMessage(syncUpdate, typing(900, 0, strings.Repeat("x", 100_000)).Bytes())
		synctest.Wait()
		close(c.gone) // conn has found out: closed, and all of Read, Send, Flush fail from here on
		c.Close(1, "")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if list, _ := l.hub.Editors(l.doc); len(list) != 0 {
			l.Errorf("five minutes later %d editors are listed", len(list))
		}
		release()
		<-done
	})
}

// A goroutine whom all rooms need never waits for one of them: not for what is heavy, nor for what others bring while it is there.
func TestCommonGoroutinesWaitForNoRoom(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(0)
		room := l.hub.all()[0]
		gate := make(chan struct{})
		block := event{do: func() { <-gate }}
		for name, c := range map[string]struct {
			before func()
			ev     event
			size   int
		}{
			"somebody else runs the room":         {func() { room.post(block) }, event{do: func() {}}, 0},
			"a heavy letter":                      {func() {}, block, lightLetter + 1},
			"a room with much to judge":           {func() { room.busy.Store(true) }, block, 0},
			"letters that come while it is there": {func() {}, event{do: func() { room.post(block) }}, 0},
		} {
			c.before()
			room.tell(c.ev, c.size) // a bubble in which all are blocked would end the test
			gate <- struct{}{}
			synctest.Wait()
			if !room.empty() {
				l.Errorf("%s: letters are left", name)
			}
		}
		u := a.typed(nil, "hello")
		l.settle()
		wantHas(l, u, true, a)
		a.wantAcked(l, true)
	})
}

// What a connection has ended with unsent words holds, and how many such there are, is bounded. (A peer that takes a byte every few seconds never stalls a Flush.)
func TestEndedConnectionsHoldLittle(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		// A document of many client ids, so that a step 1 of ours is long.
		const clients = 5_000
		b := lib0.AppendVarUint(nil, clients)
		for i := range uint64(clients) {
			b = append(b, 1)
			b = lib0.AppendVarUint(b, 1<<40-i)
			b = append(b, 0, 4, 1, 1, 't', 1, 'a')
		}
		a := l.openSilent(0)
		a.mu.Lock()
		a.sendUpdate(syncUpdate, mustParse(append(b, 0)))
		a.mu.Unlock()
		l.settle()
		time.Sleep(5 * time.Second)
		a.wantAcked(l, true)
		doc := l.doc.String()
		trickle := make(chan struct{})
		var all []*provider
		for range 3 {
			p := l.provide()
			p.slow = trickle
			p.says(doc, auth(doc+"/1"))
			for range 130 {
				p.says(doc, asks(nil))
			}
			p.in <- []byte{0xff} // malformed: 4400
			synctest.Wait()
			all = append(all, p)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		list, _ := l.hub.EditorsOf(l.users[1])
		open := 0
		for _, p := range all {
			if code, _ := p.closed(); code == 0 {
				open++
			}
		}
		if got := l.hub.outboxBytes.Load(); got > 1<<20 || open > 0 {
			l.Errorf("an hour after three connections of one account were ended with 4400 (editors listed: %d) %d are open and hold %d bytes", len(list), open, got)
		}
		close(trickle)
		for _, p := range all {
			p.wireConn.mu.Lock()
			p.slow = nil
			p.wireConn.mu.Unlock()
			<-p.done
		}
	})
}
