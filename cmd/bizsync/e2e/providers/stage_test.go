package providers

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// The providers, by the names that node/clients.mjs has for them.
const (
	yWebsocket  = "y-websocket"
	hocuspocus2 = "hocuspocus-2"
	hocuspocus3 = "hocuspocus-3"
	hocuspocus4 = "hocuspocus-4"
)

var (
	hocuspocus = []string{hocuspocus2, hocuspocus3, hocuspocus4}
	providers  = append([]string{yWebsocket}, hocuspocus...)
	editors    = []string{"tiptap", "codemirror"}
)

// args are those of a call to node/play.mjs.
type args map[string]any

// stage is a Node process with clients in it, which do what they are told: node/play.mjs.
type stage struct {
	*rig.Script
	t testing.TB

	mu    sync.Mutex
	saved map[string][]string // guarded by mu: the words of which each client's provider has said that they are saved
}

// newStage starts the process, which is killed when the test is over.
func newStage(t testing.TB) *stage {
	t.Helper()
	s := &stage{t: t, saved: map[string][]string{}}
	s.Script = rig.RunScript(t, "node", "play.mjs", s.told)
	return s
}

// told takes the news that words are saved.
func (s *stage) told(e rig.Event) {
	var news struct {
		ID    string
		Words []string
	}
	if err := json.Unmarshal(e.Value, &news); err != nil || e.Kind != "saved" {
		s.t.Errorf("the clients tell of %q: %s (%v)", e.Kind, e.Value, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved[news.ID] = append(s.saved[news.ID], news.Words...)
}

// call has something done and waits for the end of it.
func (s *stage) call(call string, args args, result any) {
	s.t.Helper()
	if err := s.Call(call, args, rig.Patience, result); err != nil {
		s.t.Fatal(err)
	}
}

// until waits for a condition of each of the clients.
func (s *stage) until(what string, value any, ids ...string) {
	s.t.Helper()
	s.call("until", args{"ids": ids, "what": what, "value": value}, nil)
}

// typed has somebody type words.
func (s *stage) typed(id string, words ...string) {
	s.t.Helper()
	s.call("type", args{"id": id, "words": words}, nil)
}

// contents are what a client has. Vector, Deleted and State together are the whole document, the others are to be read.
type contents struct {
	Vector  map[string]int
	Deleted json.RawMessage
	State   string
	Rich    string // the field that TipTap edits
	Code    string // the field that CodeMirror edits
}

// agree waits until all have the same, and all the words, and gives it.
func (s *stage) agree(words []string, ids ...string) contents {
	s.t.Helper()
	var c contents
	s.call("agree", args{"ids": ids, "words": words}, &c)
	return c
}

// status is what can be asked of a client at any time.
type status struct {
	Synced, Saved   bool
	Unsynced        int
	Scopes, Denials []string
	Stateless       []string
	Codes           []int
	Present         []string
}

func (s *stage) status(id string) status {
	s.t.Helper()
	var st status
	s.call("status", args{"id": id}, &st)
	return st
}

// saves are the words that were said to be saved, of all clients.
func (s *stage) saves() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, words := range s.saved {
		all = append(all, words...)
	}
	return all
}

// read opens a document anew, in another process, and gives what is in it.
func read(t testing.TB, s *rig.Server, doc, token string) contents {
	t.Helper()
	reader := newStage(t)
	defer reader.Kill()
	reader.call("open", args{"id": "reader", "provider": yWebsocket, "url": s.Collab(), "name": doc, "token": token}, nil)
	reader.until("synced", nil, "reader")
	var c contents
	reader.call("contents", args{"id": "reader"}, &c)
	return c
}
