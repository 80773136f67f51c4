package crdt_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
)

// oracle is Yjs itself, in a Node process that answers one line for each line.
type oracle struct {
	mu  sync.Mutex
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

var yjs oracle

func TestMain(m *testing.M) {
	code := m.Run()
	yjs.stop()
	os.Exit(code)
}

func (o *oracle) start() error {
	if o.cmd != nil {
		return nil
	}
	if _, err := os.Stat("testdata/oracle/node_modules/yjs/package.json"); err != nil {
		return errors.New("the oracle needs Yjs: run `npm ci` in collab/crdt/testdata/oracle (`make deps` does)")
	}
	cmd := exec.Command("node", "oracle.mjs")
	cmd.Dir = "testdata/oracle"
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("the oracle needs Node.js 20 or later (package nodejs): %w", err)
	}
	o.cmd, o.in, o.out = cmd, in, bufio.NewReaderSize(out, 1<<20)
	return nil
}

func (o *oracle) stop() {
	if o.cmd == nil {
		return
	}
	o.in.Close()
	_ = o.cmd.Wait()
}

// ask sends a request and reads the answer into answer; it fails the test.
func (o *oracle) ask(t testing.TB, request, answer any) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.start(); err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.in.Write(append(line, '\n')); err != nil {
		t.Fatalf("ask the oracle: %v", err)
	}
	reply, err := o.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("read the oracle's answer: %v", err)
	}
	var failure struct{ Error string }
	if err := json.Unmarshal(reply, &failure); err != nil {
		t.Fatalf("oracle: %v", err)
	}
	if failure.Error != "" {
		t.Fatalf("oracle: %s", failure.Error)
	}
	if err := json.Unmarshal(reply, answer); err != nil {
		t.Fatalf("oracle: %v", err)
	}
}

type loadRequest struct {
	Op      string   `json:"op"`
	Updates [][]byte `json:"updates"`
	Text    []string `json:"text,omitempty"`
	Lines   []string `json:"lines,omitempty"`
	Read    bool     `json:"read,omitempty"`
	State   bool     `json:"state,omitempty"`
}

// document is what Yjs says about a document.
type document struct {
	Pending bool
	// PendingAfter are the updates after which something was pending, by index.
	PendingAfter []int
	SV           []byte
	Clocks       map[string]uint32
	Deletes      map[string][][2]uint32
	View         string
	Text         map[string]string
	Lines        map[string]string
	// Read is what Yjs's types give when they are read, by root: see views.mjs.
	Read  map[string]string
	State []byte
}

// load lets Yjs apply updates to a fresh document.
func load(t testing.TB, updates ...[]byte) document {
	t.Helper()
	var d document
	yjs.ask(t, loadRequest{Op: "load", Updates: updates, Text: []string{"text"}, Lines: []string{"xml"}, State: true}, &d)
	return d
}

type history struct {
	Updates, States, Vectors [][]byte
	Whole                    document // all updates, if asked for
}

// randomHistory lets Yjs clients make a history together.
func randomHistory(t testing.TB, seed int) history {
	t.Helper()
	var h history
	yjs.ask(t, map[string]any{"op": "history", "seed": seed}, &h)
	return h
}

// questions are documents that an oracle is to load, all of them in one line.
type questions struct {
	loads []loadRequest
	known map[string]int // those in loads, by what is loaded
	then  []question
}

type question struct {
	load  int
	check func(document)
}

// load asks what Yjs makes of updates, and check to be called with the answer.
func (q *questions) load(check func(document), updates ...[]byte) {
	var key strings.Builder
	for _, u := range updates {
		fmt.Fprintf(&key, "%d ", len(u))
		key.Write(u)
	}
	i, ok := q.known[key.String()]
	if !ok {
		if q.known == nil {
			q.known = make(map[string]int)
		}
		i = len(q.loads)
		q.known[key.String()] = i
		q.loads = append(q.loads, loadRequest{Op: "load", Updates: updates, Read: true})
	}
	q.then = append(q.then, question{i, check})
}

// ask gets the answers.
func (q *questions) ask(t testing.TB, o *oracle) {
	t.Helper()
	var answer struct{ Documents []document }
	o.ask(t, map[string]any{"op": "loads", "loads": q.loads}, &answer)
	if len(answer.Documents) != len(q.loads) {
		t.Fatalf("%d answers to %d questions", len(answer.Documents), len(q.loads))
	}
	for _, c := range q.then {
		c.check(answer.Documents[c.load])
	}
}

func parse(t testing.TB, b []byte) crdt.Update {
	t.Helper()
	u, err := crdt.ParseUpdate(b)
	if err != nil {
		t.Fatalf("ParseUpdate(%x): %v", clip(b), err)
	}
	return u
}

func clip(b []byte) []byte { return b[:min(len(b), 200)] }

// checkEncoded checks that what we made passes our own check, with the same counts.
func checkEncoded(t testing.TB, what string, u crdt.Update) {
	t.Helper()
	again := parse(t, u.Bytes())
	if got, want := fmt.Sprintf("%+v", again.Facts()), fmt.Sprintf("%+v", u.Facts()); got != want {
		t.Fatalf("%s: parsed again it is %s, not %s", what, got, want)
	}
}

func sameClocks(sv crdt.StateVector, clocks map[string]uint32) bool {
	if len(sv) != len(clocks) {
		return false
	}
	for c, n := range sv {
		if clocks[fmt.Sprint(c)] != n {
			return false
		}
	}
	return true
}

func short(s string) string {
	if len(s) > 600 {
		s = s[:600] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}
