package attacks

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

// friends is a Node process with the stock clients, and Yjs itself. It is asked things, a line of JSON each; one goroutine asks.
type friends struct {
	t    testing.TB
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  chan reply
	said transcript // on standard error
	last int

	mu     sync.Mutex
	broken []string // guarded by mu: what went wrong in a client while it took what the server sent
}

// reply is a line from the process: an answer to a question, or the news that something is broken.
type reply struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
	Event  string          `json:"event"`
	Value  string          `json:"value"`
}

func startFriends(t testing.TB) *friends {
	t.Helper()
	f := &friends{t: t, cmd: exec.Command("node", "testdata/friends.mjs"), out: make(chan reply, 16)}
	f.cmd.Stderr = &f.said
	in, err := f.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	f.in = in
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		f.listen(out)
	}()
	t.Cleanup(func() {
		_ = f.cmd.Process.Kill()
		<-listening
		_ = f.cmd.Wait()
		if t.Failed() {
			t.Logf("the stock clients said:\n%s", f.said.tail())
		}
	})
	return f
}

func (f *friends) listen(out io.Reader) {
	defer close(f.out)
	for lines := json.NewDecoder(bufio.NewReader(out)); ; {
		var r reply
		if err := lines.Decode(&r); err != nil {
			return
		}
		if r.Event != "" {
			f.mu.Lock()
			f.broken = append(f.broken, r.Value)
			f.mu.Unlock()
			continue
		}
		f.out <- r
	}
}

// ask calls a function of the process. result may be nil.
func (f *friends) ask(call string, args, result any) error {
	f.last++
	line, err := json.Marshal(map[string]any{"id": f.last, "call": call, "args": args})
	if err != nil {
		return err
	}
	if _, err := f.in.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("ask to %s: %w", call, err)
	}
	late := time.NewTimer(2 * patience)
	defer late.Stop()
	for {
		select {
		case r, ok := <-f.out:
			switch {
			case !ok:
				return fmt.Errorf("%s: the stock clients' process has ended", call)
			case r.ID != f.last:
				continue // of a question that was given up
			case r.Error != "":
				return errors.New(r.Error)
			case result == nil:
				return nil
			}
			return json.Unmarshal(r.Result, result)
		case <-late.C:
			return fmt.Errorf("%s: no answer in %v", call, 2*patience)
		}
	}
}

// hurt gives what went wrong in the clients since the last call.
func (f *friends) hurt() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	broken := f.broken
	f.broken = nil
	return broken
}
