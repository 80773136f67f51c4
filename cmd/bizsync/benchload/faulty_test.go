package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/wire"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// faultyServer passes on what comes, with faults that are known exactly, and keeps nothing but the large document that somebody brings.
type faultyServer struct {
	hocuspocus            bool
	echoes                bool // to the author, too
	loseEach, doubleEach  int  // delivery; 0: none
	merges                int  // so many updates of a room; 0: none
	dropsAfter            int  // so many updates it ends all connections; 0: never
	loseAwarenessFrom     int  // no more is passed on then; 0: never
	pieces                int  // in which newcomers get the document; 0: whole
	liesFirst, holdsBack  bool // newcomers get an empty step 2 first; they never get the last piece
	mu                    sync.Mutex
	rooms                 map[string][]*websocket.Conn
	held, document        map[string][][]byte
	updates, passed       int
	awareness             int
	lost, doubled, merged uint64
}

// run serves it until the test ends.
func (f *faultyServer) run(t *testing.T) *server {
	f.rooms, f.held, f.document = map[string][]*websocket.Conn{}, map[string][][]byte{}, map[string][][]byte{}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return &server{endpoint: endpoint{urls: []string{"ws" + strings.TrimPrefix(s.URL, "http") + "/{room}"}, hocuspocus: f.hocuspocus}, clock: clock{time.Now()}}
}

func (f *faultyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	ws.SetReadLimit(-1)
	defer ws.CloseNow()
	name := r.URL.Path
	for first := true; ; first = false {
		_, message, err := ws.Read(r.Context())
		if err != nil {
			return
		}
		var front []byte
		if f.hocuspocus {
			d := decoder{wire.Decoder{Rest: message}}
			d.Bytes()
			front, message = message[:len(message)-len(d.Rest):len(message)-len(d.Rest)], d.Rest
		}
		say := func(to *websocket.Conn, parts ...byte) {
			_ = to.Write(r.Context(), websocket.MessageBinary, append(front, parts...))
		}
		f.mu.Lock()
		if first {
			f.rooms[name] = append(f.rooms[name], ws)
		}
		switch {
		case f.hocuspocus && message[0] == wire.Auth:
			say(ws, lib0.AppendVarString([]byte{wire.Auth, authGranted}, "read-write")...)
		case message[0] == wire.Sync && message[1] == wire.Step1:
			f.welcome(name, func(message []byte) { say(ws, message...) })
		case message[0] == wire.Sync && message[1] == wire.StepUpdate:
			f.update(name, ws, message, func(to *websocket.Conn, message []byte) { say(to, message...) })
		case message[0] == wire.Awareness:
			if f.awareness++; f.loseAwarenessFrom > 0 && f.awareness >= f.loseAwarenessFrom {
				break
			}
			for _, other := range f.rooms[name] {
				if other != ws {
					say(other, message...)
				}
			}
		}
		f.mu.Unlock()
	}
}

// welcome tells a newcomer the document.
func (f *faultyServer) welcome(name string, say func([]byte)) {
	empty := []byte{0, 0}
	pieces := f.document[name]
	if f.liesFirst {
		say(lib0.AppendVarBytes([]byte{wire.Sync, wire.Step2}, empty))
	}
	if len(pieces) == 0 {
		say(lib0.AppendVarBytes([]byte{wire.Sync, wire.Step2}, empty))
		return
	}
	if f.holdsBack {
		pieces = pieces[:len(pieces)-1]
	}
	for i, piece := range pieces {
		step := byte(wire.StepUpdate)
		if i == len(pieces)-1 {
			step = wire.Step2
		}
		say(lib0.AppendVarBytes([]byte{wire.Sync, step}, piece))
	}
}

func (f *faultyServer) update(name string, from *websocket.Conn, message []byte, say func(*websocket.Conn, []byte)) {
	d := decoder{wire.Decoder{Rest: message[2:]}}
	update := d.Bytes()
	if len(update) > 1000 {
		f.document[name] = cutStructs(update, max(f.pieces, 1))
		return
	}
	if f.updates++; f.updates == f.dropsAfter {
		for _, room := range f.rooms {
			for _, ws := range room {
				_ = ws.CloseNow()
			}
		}
	}
	if f.merges > 0 {
		f.held[name] = append(f.held[name], update)
		if len(f.held[name]) < f.merges {
			return
		}
		message = lib0.AppendVarBytes([]byte{wire.Sync, wire.StepUpdate}, joinUpdates(f.held[name]))
		f.held[name] = nil
		f.merged++
	}
	for _, other := range f.rooms[name] {
		if other == from && !f.echoes && f.merges == 0 {
			continue
		}
		f.passed++
		switch {
		case f.loseEach > 0 && f.passed%f.loseEach == 0:
			f.lost++
			continue
		case f.doubleEach > 0 && f.passed%f.doubleEach == 0:
			f.doubled++
			say(other, message)
		}
		say(other, message)
	}
}

// typedUpdate is what a client's text is, behind its own last letter or at the beginning.
func typedUpdate(client, clock uint64, text string) []byte {
	b := lib0.AppendVarUint(lib0.AppendVarUint([]byte{1, 1}, client), clock)
	if clock == 0 {
		b = lib0.AppendVarString(append(b, wire.HoldsString, 1), "content")
	} else {
		b = lib0.AppendVarUint(lib0.AppendVarUint(append(b, wire.HoldsString|wire.HasOrigin), client), clock-1)
	}
	return append(lib0.AppendVarString(b, text), 0)
}

// joinUpdates makes one update of several of one struct each.
func joinUpdates(all [][]byte) []byte {
	b := lib0.AppendVarUint(nil, uint64(len(all)))
	for _, u := range all {
		b = append(b, u[1:len(u)-1]...)
	}
	return append(b, 0)
}

// largeDocument is an update of so many typed words.
func largeDocument(words int) []byte {
	var all [][]byte
	for i := range words {
		all = append(all, typedUpdate(uint64(1+i%7), uint64(i/7*4), "word"))
	}
	return joinUpdates(all)
}

// cutStructs is the inverse of joinUpdates, for so many pieces of a document of largeDocument.
func cutStructs(update []byte, pieces int) (all [][]byte) {
	d := decoder{wire.Decoder{Rest: update}}
	n := int(d.Number())
	var single [][]byte
	for range n {
		before := d.Rest
		d.Number()
		d.Number()
		d.Number()
		info := d.Byte()
		d.references(info)
		d.content(info & wire.HoldsMask)
		single = append(single, append(append([]byte{1}, before[:len(before)-len(d.Rest)]...), 0))
	}
	for i := range pieces {
		all = append(all, joinUpdates(single[i*n/pieces:(i+1)*n/pieces]))
	}
	return all
}

// testScripts are of words of one to three letters.
func testScripts(t testing.TB, authors, updates int) (all []*script) {
	t.Helper()
	for i := range authors {
		s := &script{client: uint64(1000 + i)}
		for j := range updates {
			if err := s.add(typedUpdate(s.client, uint64(len(s.number)), strings.Repeat("a", 1+j%3))); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, s)
	}
	return all
}
