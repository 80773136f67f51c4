package e2e

import (
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// script is a Node process with Yjs clients in it. What goes wrong in it fails the test.
type script struct {
	*rig.Script
	t testing.TB
}

// runScript starts node/NAME. told is called for each event, one after the other; it may be nil.
func runScript(t testing.TB, name string, told func(rig.Event)) *script {
	t.Helper()
	return &script{rig.RunScript(t, "node", name, told), t}
}

// await waits for an answer that was asked for; result may be nil.
func (s *script) await(answer func(time.Duration, any) error, limit time.Duration, result any) {
	s.t.Helper()
	if err := answer(limit, result); err != nil {
		s.t.Fatal(err)
	}
}

// call asks and waits.
func (s *script) call(call string, args, result any) {
	s.t.Helper()
	s.await(s.Ask(call, args), rig.Patience, result)
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
	reader.call("read", map[string]any{"url": s.Collab(), "room": doc, "token": token}, &f)
	reader.Kill()
	return f
}
