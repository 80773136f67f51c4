package attacks

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// friends is a Node process with the stock clients, and Yjs itself.
type friends struct {
	*rig.Script

	mu     sync.Mutex
	broken []string // guarded by mu: what went wrong in a client while it took what the server sent
}

func startFriends(t testing.TB) *friends {
	t.Helper()
	f := &friends{}
	f.Script = rig.RunScript(t, ".", "testdata/friends.mjs", func(e rig.Event) {
		var what string
		if err := json.Unmarshal(e.Value, &what); err != nil {
			what = string(e.Value)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.broken = append(f.broken, what)
	})
	return f
}

// ask calls a function of the process. result may be nil.
func (f *friends) ask(call string, args, result any) error {
	return f.Call(call, args, 2*patience, result)
}

// hurt gives what went wrong in the clients since the last call.
func (f *friends) hurt() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	broken := f.broken
	f.broken = nil
	return broken
}
