package providers

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"testing"
	"time"
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
	t    testing.TB
	cmd  *exec.Cmd
	in   io.WriteCloser
	said transcript // on standard error
	done chan struct{}

	// Guarded by mu.
	mu      sync.Mutex
	last    int
	waiting map[int]chan answer
	saved   map[string][]string // the words of which each client's provider has said that they are saved
}

type answer struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
}

// newStage starts the process, which is killed when the test is over.
func newStage(t testing.TB) *stage {
	t.Helper()
	s := &stage{t: t, done: make(chan struct{}), waiting: map[int]chan answer{}, saved: map[string][]string{}, cmd: exec.Command("node", "play.mjs")}
	s.cmd.Dir = "node"
	s.cmd.Stderr = &s.said
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.in = in
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.listen(out)
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the clients said:\n%s", s.said.tail())
		}
	})
	return s
}

func (s *stage) listen(out io.Reader) {
	defer close(s.done)
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break // a line that was cut by the kill was never said
		}
		var said struct {
			answer
			Event string
			Value struct {
				ID    string
				Words []string
			}
		}
		if err := json.Unmarshal(line, &said); err != nil {
			s.t.Errorf("not a message: %q: %v", line, err)
			continue
		}
		s.mu.Lock()
		if said.Event == "saved" {
			s.saved[said.Value.ID] = append(s.saved[said.Value.ID], said.Value.Words...)
		} else if c := s.waiting[said.ID]; c != nil {
			c <- said.answer
			delete(s.waiting, said.ID)
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.waiting {
		c <- answer{Error: "the clients' process has ended"}
	}
	s.waiting = nil
}

// ask has something done and gives the function that waits for the end of it.
func (s *stage) ask(call string, args args) (await func(result any) error) {
	s.t.Helper()
	c := make(chan answer, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		return func(any) error { return errors.New("the clients' process has ended") }
	}
	s.last++
	line, err := json.Marshal(map[string]any{"id": s.last, "call": call, "args": args})
	if err != nil {
		s.t.Fatal(err)
	}
	s.waiting[s.last] = c
	if _, err := s.in.Write(append(line, '\n')); err != nil {
		s.t.Errorf("%s: %v", call, err)
	}
	return func(result any) error {
		select {
		case a := <-c:
			if a.Error != "" || result == nil {
				return errorOf(a.Error)
			}
			return json.Unmarshal(a.Result, result)
		case <-time.After(patience):
			return fmt.Errorf("%s: no answer in %v", call, patience)
		}
	}
}

func errorOf(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// call has something done and waits for the end of it.
func (s *stage) call(call string, args args, result any) {
	s.t.Helper()
	if err := s.ask(call, args)(result); err != nil {
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

// kill ends the process at once, with all that its clients know. What it said before has been heard when kill returns.
func (s *stage) kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
	_ = s.cmd.Wait()
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
func (s *server) read(t testing.TB, doc, token string) contents {
	t.Helper()
	reader := newStage(t)
	defer reader.kill()
	reader.call("open", args{"id": "reader", "provider": yWebsocket, "url": s.collab(), "name": doc, "token": token}, nil)
	reader.until("synced", nil, "reader")
	var c contents
	reader.call("contents", args{"id": "reader"}, &c)
	return c
}
