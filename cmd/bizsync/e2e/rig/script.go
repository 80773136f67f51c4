package rig

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

// Script is a Node process with stock clients in it. It is asked things and tells things, a line of JSON each. Several goroutines may ask at the same time.
type Script struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	said Transcript // on standard error
	told func(Event)
	done chan struct{} // closed when its output has ended

	// Guarded by mu.
	mu      sync.Mutex
	last    int
	waiting map[int]chan answer // nil when it has ended
	wrong   error
}

// answer is what a script answered to one question.
type answer struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
}

// Event is what a script tells unasked.
type Event struct {
	Kind  string          `json:"event"`
	Value json.RawMessage `json:"value"`
}

// StartScript starts a script in a folder. told is called for each event, one after the other; it may be nil. The caller kills it.
func StartScript(dir, name string, told func(Event)) (*Script, error) {
	s := &Script{name: name, cmd: exec.Command("node", name), told: told, done: make(chan struct{}), waiting: map[int]chan answer{}}
	s.cmd.Dir, s.cmd.Stderr = dir, &s.said
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go s.listen(out)
	return s, nil
}

// RunScript starts a script that is killed when the test is over, and that fails the test when it can't be understood.
func RunScript(t testing.TB, dir, name string, told func(Event)) *Script {
	t.Helper()
	s, err := StartScript(dir, name, told)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		if err := s.Wrong(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", name, s.said.Tail())
		}
	})
	return s
}

func (s *Script) listen(out io.Reader) {
	defer close(s.done)
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break // a line that was cut by the kill was never said
		}
		s.hear(line)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.waiting {
		c <- answer{Error: "the script has ended"}
	}
	s.waiting = nil
}

func (s *Script) hear(line []byte) {
	var said struct {
		answer
		Event
	}
	err := json.Unmarshal(line, &said)
	if err == nil && said.Kind != "" {
		if s.told != nil {
			s.told(said.Event)
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.wrong = fmt.Errorf("%s: not a message: %q: %w", s.name, line, err)
	} else if c := s.waiting[said.ID]; c != nil {
		delete(s.waiting, said.ID)
		c <- said.answer
	}
}

// Wrong is what the script has said that can't be understood; nil: nothing.
func (s *Script) Wrong() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wrong
}

// Ask asks and doesn't wait for the answer. That is for await, which has to be called once and waits for so long at most; result may be nil.
func (s *Script) Ask(call string, args any) (await func(limit time.Duration, result any) error) {
	c, err := s.ask(call, args)
	return func(limit time.Duration, result any) error {
		if err != nil {
			return fmt.Errorf("%s: %s: %w", s.name, call, err)
		}
		select {
		case a := <-c:
			if a.Error != "" {
				return fmt.Errorf("%s: %s: %s", s.name, call, a.Error)
			}
			if result == nil {
				return nil
			}
			return json.Unmarshal(a.Result, result)
		case <-time.After(limit):
			return fmt.Errorf("%s: %s: no answer in %v", s.name, call, limit)
		}
	}
}

func (s *Script) ask(call string, args any) (<-chan answer, error) {
	c := make(chan answer, 1)
	s.mu.Lock()
	if s.waiting == nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("the script has ended: %s", s.said.Tail())
	}
	s.last++
	id := s.last
	s.waiting[id] = c
	s.mu.Unlock()
	line, err := json.Marshal(map[string]any{"id": id, "call": call, "args": args})
	if err != nil {
		return nil, err
	}
	_, err = s.in.Write(append(line, '\n'))
	return c, err
}

// Call asks and waits.
func (s *Script) Call(call string, args any, limit time.Duration, result any) error {
	return s.Ask(call, args)(limit, result)
}

// Kill ends the process at once, with all that its clients know. What it told before has been heard when Kill returns.
func (s *Script) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
	_ = s.cmd.Wait()
}
