package collab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// protocols asks y-protocols, in a Node process of its own.
func protocols(t *testing.T, request, answer any) {
	t.Helper()
	in, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "frames.mjs")
	cmd.Dir = "crdt/testdata/oracle"
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node frames.mjs (needs Node.js, and `npm ci` in collab/crdt/testdata/oracle): %v\n%s", err, stderr.Bytes())
	}
	if err := json.Unmarshal(out, answer); err != nil {
		t.Fatal(err)
	}
}

// person is [client, clock, state] in an awareness update.
type person [3]any

var framePeople = [][]person{
	{},
	{{1, 0, nil}},
	{{7, 1, map[string]any{"user": map[string]any{"color": "#0a1", "name": "Zoë"}}}, {4294967295, 127, nil}},
	{{9007199254740991, 128, map[string]any{"cursor": nil, "n": 1.5, "s": "\U0001F600\u2028<&>\u0000"}}, {2, 3000000000, []any{}}, {3, 1, "a"}},
}

var frameTexts = []string{"", "a", "hello", "日本語 \U0001F600", strings.Repeat("a longer text ", 2000)}

var frameReasons = []string{"", "permission-denied", "nicht erlaubt: für Sie \U0001F600"}

// TestFramesOfYProtocols makes every message that y-protocols makes, byte for byte.
func TestFramesOfYProtocols(t *testing.T) {
	var want struct {
		Texts []struct {
			Updates, Update                 [][]byte
			Vector, Step1, Step2, Step2Half []byte
		}
		People []struct {
			Frame  []byte
			States []string
		}
		Denied [][]byte
		Query  []byte
	}
	protocols(t, map[string]any{"texts": frameTexts, "people": framePeople, "reasons": frameReasons}, &want)
	if len(want.Texts) != len(frameTexts) || len(want.People) != len(framePeople) || len(want.Denied) != len(frameReasons) {
		t.Fatalf("%d, %d and %d answers", len(want.Texts), len(want.People), len(want.Denied))
	}
	same := func(what string, got, want []byte, kind frameKind) {
		t.Helper()
		if !bytes.Equal(got, want) {
			t.Errorf("%s is\n%x, and of y-protocols\n%x", what, got[:min(len(got), 300)], want[:min(len(want), 300)])
		}
		if f, err := parseFrame(want); err != nil || f.kind != kind {
			t.Errorf("%s of y-protocols is read as %d: %v", what, f.kind, err)
		}
	}
	for i, w := range want.Texts {
		text := fmt.Sprintf("of text %d", i)
		s := crdt.NewState()
		for n, b := range w.Updates {
			u, err := crdt.ParseUpdate(b)
			if err != nil {
				t.Fatal(err)
			}
			s.Apply(u)
			same("an update "+text, syncMessage(syncUpdate, b), w.Update[n], frameUpdate)
		}
		have, err := crdt.ParseStateVector(w.Vector)
		if err != nil {
			t.Fatal(err)
		}
		same("step 1 "+text, syncMessage(syncStep1, s.EncodeStateVector()), w.Step1, frameStep1)
		same("step 2 "+text, syncMessage(syncStep2, s.Encode().Bytes()), w.Step2, frameStep2)
		same("step 2 for half "+text, syncMessage(syncStep2, s.Diff(have).Bytes()), w.Step2Half, frameStep2)
	}
	for i, w := range want.People {
		var update []byte
		update = lib0.AppendVarUint(update, uint64(len(framePeople[i])))
		for n, p := range framePeople[i] {
			update = appendAwarenessEntry(update, awarenessEntry{client: uint64(p[0].(int)), clock: uint64(p[1].(int)), state: []byte(w.States[n])})
		}
		same(fmt.Sprintf("awareness of people %d", i), awarenessMessage(update), w.Frame, frameAwareness)
	}
	for i, w := range want.Denied {
		same("permission denied", PermissionDenied(frameReasons[i]), w, frameIgnored)
	}
	same("a query", []byte{messageQueryAwareness}, want.Query, frameQueryAwareness)
	same("nobody's awareness", emptyAwareness(), want.People[0].Frame, frameAwareness)
}

// TestYProtocolsReadsFrames lets y-protocols read what we send.
func TestYProtocolsReadsFrames(t *testing.T) {
	u := insertion(crdt.ID{Client: 1}, nil, "hi")
	s := crdt.NewState()
	s.Apply(u)
	entry := func(client, clock uint64, state string) []byte {
		return awarenessMessage(appendAwarenessEntry([]byte{1}, awarenessEntry{client: client, clock: clock, state: []byte(state)}))
	}
	request := map[string]any{"read": map[string]any{
		"sync": [][]byte{
			syncMessage(syncStep1, crdt.StateVector{}.Encode()),
			syncMessage(syncStep2, s.Encode().Bytes()),
			syncMessage(syncUpdate, insertion(crdt.ID{Client: 2}, nil, "ho").Bytes()),
			syncMessage(syncStep1, s.EncodeStateVector()),
		},
		"awareness": [][]byte{emptyAwareness(), entry(5, 1, `{"user":"a"}`), entry(6, 2, `{"n":1}`), entry(5, 2, "null"), entry(6, 1, `{"old":true}`)},
		"auth":      [][]byte{PermissionDenied("not for you")},
	}}
	var got struct {
		Read struct {
			Sync struct {
				Text    string
				Replies [][]byte
			}
			Awareness map[string]string
			Auth      []string
		}
	}
	protocols(t, request, &got)
	text := crdt.NewState()
	for i, reply := range got.Read.Sync.Replies {
		if asked := i == 0 || i == 3; asked != (len(reply) > 0) {
			t.Fatalf("reply %d: %x", i, reply)
		}
		if len(reply) == 0 {
			continue
		}
		f, err := parseFrame(reply)
		if err != nil || f.kind != frameStep2 {
			t.Fatalf("reply %d is read as %d: %v", i, f.kind, err)
		}
		text.Apply(f.update)
	}
	// The last reply lacks what the vector said to be known.
	text.Apply(u)
	if own, err := text.Text("t"); err != nil || own != got.Read.Sync.Text || len(own) != 4 {
		t.Errorf("Yjs reads %q, and we of its replies %q (%v)", got.Read.Sync.Text, own, err)
	}
	if fmt.Sprint(got.Read.Awareness) != `map[6:{"n":1}]` {
		t.Errorf("y-protocols knows of %v", got.Read.Awareness)
	}
	if fmt.Sprint(got.Read.Auth) != "[not for you]" {
		t.Errorf("y-protocols was told %q", got.Read.Auth)
	}
}
