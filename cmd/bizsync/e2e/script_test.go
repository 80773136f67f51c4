package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// script is a Node process with Yjs clients in it. It is asked things and tells things, a line of JSON each.
type script struct {
	t    testing.TB
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	said transcript // on standard error
	told func(event)
	done chan struct{} // closed when its output has ended

	// Guarded by mu.
	mu      sync.Mutex
	last    int
	waiting map[int]chan answer
}

// answer is what a script answered to one question.
type answer struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
}

// event is what a script tells unasked.
type event struct {
	Event string          `json:"event"`
	Value json.RawMessage `json:"value"`
}

// runScript starts node/NAME. told is called for each event, one after the other; it may be nil.
func runScript(t testing.TB, name string, told func(event)) *script {
	t.Helper()
	s := &script{t: t, name: name, told: told, done: make(chan struct{}), waiting: map[int]chan answer{}, cmd: exec.Command("node", name)}
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
			t.Logf("%s said:\n%s", name, s.said.tail())
		}
	})
	return s
}

func (s *script) listen(out io.Reader) {
	defer close(s.done)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break // a line that was cut by the kill was never said
		}
		var said struct {
			answer
			event
		}
		if err := json.Unmarshal(line, &said); err != nil {
			s.t.Errorf("%s: not a message: %q: %v", s.name, line, err)
			continue
		}
		if said.Event != "" {
			if s.told != nil {
				s.told(said.event)
			}
			continue
		}
		s.mu.Lock()
		c := s.waiting[said.ID]
		delete(s.waiting, said.ID)
		s.mu.Unlock()
		if c != nil {
			c <- said.answer
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.waiting {
		c <- answer{Error: "the script has ended"}
	}
	s.waiting = nil
}

// ask asks and doesn't wait for the answer.
func (s *script) ask(call string, args any) <-chan answer {
	s.t.Helper()
	c := make(chan answer, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		c <- answer{Error: "the script has ended"}
		return c
	}
	s.last++
	line, err := json.Marshal(map[string]any{"id": s.last, "call": call, "args": args})
	if err != nil {
		s.t.Fatal(err)
	}
	s.waiting[s.last] = c
	if _, err := s.in.Write(append(line, '\n')); err != nil {
		s.t.Errorf("%s: %s: %v", s.name, call, err)
	}
	return c
}

// await waits for an answer, which must be no error; result may be nil.
func (s *script) await(c <-chan answer, limit time.Duration, result any) {
	s.t.Helper()
	if err := s.awaitError(c, limit, result); err != nil {
		s.t.Fatal(err)
	}
}

func (s *script) awaitError(c <-chan answer, limit time.Duration, result any) error {
	select {
	case a := <-c:
		if a.Error != "" {
			return fmt.Errorf("%s: %s", s.name, a.Error)
		}
		if result != nil {
			return json.Unmarshal(a.Result, result)
		}
		return nil
	case <-time.After(limit):
		return fmt.Errorf("%s: no answer in %v", s.name, limit)
	}
}

// call asks and waits.
func (s *script) call(call string, args, result any) {
	s.t.Helper()
	s.await(s.ask(call, args), patience, result)
}

// kill ends the process at once, with all that its clients know. What it told before has been heard when kill returns.
func (s *script) kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
	_ = s.cmd.Wait()
}

// fresh is what a client sees that knew nothing of the document.
type fresh struct {
	Text string `json:"text"`
}

// readFresh opens a document with a stock client in a new process and reads the root "text".
func (s *server) readFresh(t testing.TB, doc, token string) fresh {
	t.Helper()
	reader := runScript(t, "reader.mjs", nil)
	var f fresh
	reader.call("read", map[string]any{"url": s.collab(), "room": doc, "token": token}, &f)
	reader.kill()
	return f
}

// collab is the base URL of the sockets.
func (s *server) collab() string { return "ws://" + s.addr + "/collab" }
