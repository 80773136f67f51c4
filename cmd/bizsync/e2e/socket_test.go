package e2e

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/coder/websocket"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// socket is a client of our own, which can say what no stock client would.
type socket struct {
	t  testing.TB
	ws *websocket.Conn
}

// dial opens a document's socket. protocols may name bizsync.v1.
func (s *server) dial(t testing.TB, doc, token string, protocols ...string) *socket {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, s.Collab()+"/"+doc+"?token="+token, &websocket.DialOptions{Subprotocols: protocols})
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(-1)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return &socket{t: t, ws: ws}
}

// send sends a message. An error is no failure: the server may have hung up, and then says why.
func (k *socket) send(message []byte) {
	ctx, cancel := context.WithTimeout(k.t.Context(), rig.Patience)
	defer cancel()
	_ = k.ws.Write(ctx, websocket.MessageBinary, message)
}

// read gives the next message, or the code with which the server closed the socket.
func (k *socket) read() (message []byte, code int, err error) {
	ctx, cancel := context.WithTimeout(k.t.Context(), rig.Patience)
	defer cancel()
	_, message, err = k.ws.Read(ctx)
	if closing, ok := errors.AsType[websocket.CloseError](err); ok {
		return nil, int(closing.Code), nil
	}
	return message, 0, err
}

// outcome is what became of a connection.
type outcome struct {
	code     int    // with which it was closed; 0: it is open
	denied   string // the reason of a [2][0]
	acked    uint64 // update frames
	refusals []refusal
	steps1   int // how often the server asked for what it lacks
}

// refusal is a message 121.
type refusal struct {
	frame, code uint64
	reason      string
}

// until reads until enough says so or the server closes the connection.
func (k *socket) until(what string, enough func(o outcome, message []byte) bool) outcome {
	k.t.Helper()
	var o outcome
	for {
		message, code, err := k.read()
		if err != nil {
			k.t.Fatalf("wait for %s: %v", what, err)
		}
		o.code = code
		if code != 0 {
			return o
		}
		switch rest := message[1:]; {
		case message[0] == 0 && message[1] == 0:
			o.steps1++
		case message[0] == 2 && message[1] == 0:
			o.denied = string(varBytes(k.t, message[2:]))
		case message[0] == 120:
			o.acked, _ = varUint(k.t, rest)
		case message[0] == 121:
			var r refusal
			r.frame, rest = varUint(k.t, rest)
			r.code, rest = varUint(k.t, rest)
			r.reason = string(varBytes(k.t, rest))
			o.refusals = append(o.refusals, r)
		}
		if enough(o, message) {
			return o
		}
	}
}

// settled asks for the document and reads until that is answered: by then everything has been judged that was sent before and can be judged at once.
func (k *socket) settled() outcome {
	k.t.Helper()
	k.send(emptyStep1())
	return k.until("an answer to step 1", func(_ outcome, m []byte) bool { return m[0] == 0 && m[1] == 1 })
}

// joined waits for the first message, which is the server's step 1.
func (k *socket) joined() *socket {
	k.t.Helper()
	if o := k.until("step 1", func(o outcome, _ []byte) bool { return o.steps1 > 0 }); o.code != 0 {
		k.t.Fatalf("closed with %d", o.code)
	}
	return k
}

// uvarint reads a lib0 number, which is written as the standard library writes it.
func uvarint(b []byte) (n uint64, width int) { return binary.Uvarint(b) }

func varUint(t testing.TB, b []byte) (n uint64, rest []byte) {
	t.Helper()
	n, width := uvarint(b)
	if width <= 0 {
		t.Fatalf("no number: % x", b)
	}
	return n, b[width:]
}

func varBytes(t testing.TB, b []byte) []byte {
	t.Helper()
	n, rest := varUint(t, b)
	if n != uint64(len(rest)) {
		t.Fatalf("%d bytes announced, %d there", n, len(rest))
	}
	return rest
}

// The messages of y-websocket.
func emptyStep1() []byte         { return []byte{0, 0, 1, 0} }
func step2(update []byte) []byte { return lib0.AppendVarBytes([]byte{0, 1}, update) }
func update(body []byte) []byte  { return lib0.AppendVarBytes([]byte{0, 2}, body) }
func awareness(b []byte) []byte  { return lib0.AppendVarBytes([]byte{1}, b) }

// numbers are lib0 numbers one after the other.
func numbers(ns ...uint64) (b []byte) {
	for _, n := range ns {
		b = lib0.AppendVarUint(b, n)
	}
	return b
}

// typedAt is the update of a client who types: at the beginning of the root "text" for clock 0, else behind its own previous letter.
func typedAt(client, clock uint64, text string) []byte {
	content := lib0.AppendVarString(nil, text)
	if clock == 0 {
		return slices.Concat(numbers(1, 1, client, 0, 4, 1), lib0.AppendVarString(nil, "text"), content, numbers(0))
	}
	return slices.Concat(numbers(1, 1, client, clock), []byte{4 | 0x80}, numbers(client, clock-1), content, numbers(0))
}

// holding is an update with one struct, of a client's first clock, with that content.
func holding(kind byte, content []byte) []byte {
	return slices.Concat(numbers(1, 1, 77, 0), []byte{kind, 1}, lib0.AppendVarString(nil, "text"), content, numbers(0))
}

// deleted is an update that deletes a range.
func deleted(client, clock, length uint64) []byte { return numbers(0, 1, client, 1, clock, length) }
