package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
	"github.com/bizsync/bizsync/cmd/bizsync/lab/wire"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// faultyServer passes updates on, with faults that are known exactly.
type faultyServer struct {
	loseEvery, doubleEvery, keepAckEvery int // 0: never

	mu                      sync.Mutex
	rooms                   map[string][]*websocket.Conn
	updates, passed         int
	lost, doubled, keptBack uint64
}

func (s *faultyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"bizsync.v1"}})
	if err != nil {
		return
	}
	defer ws.CloseNow()
	say := func(to *websocket.Conn, message []byte) { _ = to.Write(r.Context(), websocket.MessageBinary, message) }
	say(ws, []byte{wire.Sync, wire.Step1, 1, 0})
	decided := uint64(0)
	for {
		_, message, err := ws.Read(r.Context())
		if err != nil {
			return
		}
		s.mu.Lock()
		switch message[1] {
		case wire.Step1:
			s.rooms[r.URL.Path] = append(s.rooms[r.URL.Path], ws)
			say(ws, []byte{wire.Sync, wire.Step2, 2, 0, 0})
		case wire.Step2:
			decided++
			say(ws, lib0.AppendVarUint([]byte{messageAck}, decided))
		case wire.StepUpdate:
			s.updates++
			for _, other := range s.rooms[r.URL.Path] {
				if other == ws {
					continue
				}
				s.passed++
				switch {
				case s.loseEvery > 0 && s.passed%s.loseEvery == 0:
					s.lost++
					continue
				case s.doubleEvery > 0 && s.passed%s.doubleEvery == 0:
					s.doubled++
					say(other, message)
				}
				say(other, message)
			}
			if s.keepAckEvery > 0 && s.updates%s.keepAckEvery == 0 {
				s.keptBack++
			} else {
				decided++
				say(ws, lib0.AppendVarUint([]byte{messageAck}, decided))
			}
		}
		s.mu.Unlock()
	}
}

// play has two rooms of three people type at a server, and counts.
func (s *faultyServer) play(t *testing.T) *result {
	t.Helper()
	s.rooms = map[string][]*websocket.Conn{}
	server := httptest.NewServer(s)
	defer server.Close()
	at := &lab.Node{Addr: strings.TrimPrefix(server.URL, "http://")}
	l := &load{
		cluster: &cluster{nodes: [2]*lab.Node{at, at}}, quiet: 300 * time.Millisecond,
		scenario: scenario{rooms: 2, seats: []seat{{node: 0, writes: true}, {node: 1, writes: true}, {node: 1}}, every: 5 * time.Millisecond},
		table:    &timetable{zero: time.Now(), every: 5 * time.Millisecond, warmUp: 100 * time.Millisecond, measured: 400 * time.Millisecond},
	}
	defer l.leave()
	l.seat()
	l.rooms[0].doc, l.rooms[1].doc = "one", "two"
	ctx, cancel := context.WithTimeout(t.Context(), lab.Patience)
	defer cancel()
	if err := l.connect(ctx, [][]string{{"", "", ""}, {"", "", ""}}); err != nil {
		t.Fatal(err)
	}
	errs := l.write(ctx)()
	if err := l.settle(ctx); err != nil {
		t.Fatal(err)
	}
	l.leave()
	r := &result{load: l}
	r.evaluate(errs)
	return r
}

// The harness counts exactly what a server does wrong, and nothing when it does everything right.
func TestCountsFaults(t *testing.T) {
	for name, s := range map[string]*faultyServer{
		"none":         {},
		"loses":        {loseEvery: 37},
		"doubles":      {doubleEvery: 41},
		"keeps acks":   {keepAckEvery: 53},
		"all together": {loseEvery: 37, doubleEvery: 41, keepAckEvery: 53},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.play(t)
			// 100 letters in the half second of each of four writers; each is to come to two others.
			if r.typed != 400 || r.lost != s.lost || r.doubled != s.doubled || r.unacked != s.keptBack || len(r.failures) > 0 {
				t.Errorf("typed %d, lost %d, doubled %d, not acknowledged %d, %q; the server lost %d, doubled %d, kept %d back",
					r.typed, r.lost, r.doubled, r.unacked, r.failures, s.lost, s.doubled, s.keptBack)
			}
			if faulty := s.lost+s.doubled+s.keptBack > 0; (r.wrong() != "") != faulty {
				t.Errorf("it says %q", r.wrong())
			}
			// 80 of each hundred letters are measured; three of four ways lead to the other node.
			if name == "none" && (r.elsewhere.Count() != 480 || r.here.Count() != 160 || r.acks.Count() != 320 || r.lag.Count() != 320) {
				t.Errorf("measured: %d to the other node, %d on the same, %d acknowledgements, %d times the lag", r.elsewhere.Count(), r.here.Count(), r.acks.Count(), r.lag.Count())
			}
		})
	}
}
