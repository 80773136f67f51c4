package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// attack is messages that one connection sends, and what must become of it: a close code, or 0 when the socket stays and nothing is said.
type attack struct {
	name     string
	messages [][]byte
	code     int
}

// nested is a JSON text of arrays in arrays.
func nested(depth int) []byte {
	return lib0.AppendVarString(nil, strings.Repeat("[", depth)+strings.Repeat("]", depth))
}

// malformed are messages that must be answered with 4400, whatever they claim.
func malformed() []attack {
	const billion = 1_000_000_000
	whole := update(typedAt(77, 0, "a letter or two"))
	attacks := []attack{
		{name: "an empty message", messages: [][]byte{{}}},
		{name: "an unknown type", messages: [][]byte{{99}}},
		{name: "an unknown sync step", messages: [][]byte{{0, 3, 0}}},
		{name: "bytes behind the end", messages: [][]byte{append(slices.Clone(whole), 0)}},
		{name: "an any-value 200,000 arrays deep", messages: [][]byte{update(holding(8, slices.Concat(numbers(1), bytes.Repeat([]byte{117, 1}, 200_000), []byte{126})))}},
		{name: "an any-value 200,000 objects deep", messages: [][]byte{update(holding(8, slices.Concat(numbers(1), bytes.Repeat([]byte{118, 1, 1, 'k'}, 200_000), []byte{126})))}},
		{name: "an any-value 200,000 deep in a step 2", messages: [][]byte{step2(holding(8, slices.Concat(numbers(1), bytes.Repeat([]byte{117, 1}, 200_000), []byte{126})))}},
		{name: "an embed 5,000 arrays deep", messages: [][]byte{update(holding(5, nested(5000)))}}, // Yjs would read it, and then fail to write it
		{name: "a format mark 5,000 arrays deep", messages: [][]byte{update(holding(6, append(lib0.AppendVarString(nil, "bold"), nested(5000)...)))}},
		{name: "JSON 5,000 arrays deep", messages: [][]byte{update(holding(2, append(numbers(1), nested(5000)...)))}},
		{name: "a message of a billion bytes", messages: [][]byte{slices.Concat([]byte{0, 2}, numbers(billion), []byte("abc"))}},
		{name: "a billion clients", messages: [][]byte{update(numbers(billion, 1, 77, 0))}},
		{name: "a billion structs", messages: [][]byte{update(numbers(1, billion, 77, 0))}},
		{name: "a string of a billion bytes", messages: [][]byte{update(holding(4, slices.Concat(numbers(billion), []byte("abc"), numbers(0))))}},
		{name: "a billion JSON values", messages: [][]byte{update(holding(2, numbers(billion)))}},
		{name: "a billion any-values", messages: [][]byte{update(holding(8, numbers(billion, 126)))}},
		{name: "an array of a billion", messages: [][]byte{update(holding(8, slices.Concat(numbers(1), []byte{117}, numbers(billion))))}},
		{name: "a binary of a billion bytes", messages: [][]byte{update(holding(3, numbers(billion)))}},
		{name: "a billion deletions", messages: [][]byte{update(numbers(0, billion))}},
		{name: "a billion ranges", messages: [][]byte{update(numbers(0, 1, 77, billion))}},
		{name: "a struct beyond 2^31", messages: [][]byte{update(holding(1, numbers(1<<31)))}},
		{name: "a clock beyond 2^53", messages: [][]byte{update(slices.Concat(numbers(1, 1, 77, 1<<53), []byte{0}, numbers(1, 0)))}},
		{name: "a client beyond 2^53", messages: [][]byte{update(typedAt(1<<53, 0, "x"))}},
		{name: "the largest of numbers", messages: [][]byte{update(numbers(math.MaxUint64, math.MaxUint64))}},
		{name: "an endless number", messages: [][]byte{slices.Concat([]byte{0, 2}, bytes.Repeat([]byte{0xff}, 100))}},
		{name: "text that is not UTF-8", messages: [][]byte{update(typedAt(77, 0, "\xff\xfe"))}},
		{name: "a struct that follows itself", messages: [][]byte{update(slices.Concat(numbers(1, 1, 77, 0), []byte{4 | 0x80}, numbers(77, 0), numbers(1), []byte("x"), numbers(0)))}},
		{name: "a step 1 of a billion clients", messages: [][]byte{slices.Concat([]byte{0, 0}, numbers(5+1, billion), []byte{1})}},
		{name: "an awareness of a billion", messages: [][]byte{awareness(numbers(billion, 77, 1))}},
		{name: "an awareness state of a billion bytes", messages: [][]byte{awareness(numbers(1, 77, 1, billion))}},
	}
	for n := 1; n < len(whole); n++ {
		attacks = append(attacks, attack{name: fmt.Sprintf("%d bytes of %d", n, len(whole)), messages: [][]byte{whole[:n]}})
		if n > 3 { // cut inside: the length before it is right
			attacks = append(attacks, attack{name: fmt.Sprintf("an update cut to %d bytes", n-3), messages: [][]byte{update(whole[3:n])}})
		}
	}
	for i := range attacks {
		attacks[i].code = 4400
	}
	return attacks
}

// harmless are messages that are strange, but not malformed: they change nothing, and the socket stays.
func harmless() []attack {
	state := func(json string) [][]byte {
		return [][]byte{awareness(slices.Concat(numbers(1, 78, 1, uint64(len(json))), []byte(json)))}
	}
	return []attack{
		{name: "awareness that is no object", messages: state(`[1,2,3]`)},
		{name: "awareness that is no JSON", messages: state(`{"user":`)},
		{name: "awareness 30,000 arrays deep", messages: state(strings.Repeat("[", 30_000))},
		{name: "awareness over its limit", messages: state(`{"x":"` + strings.Repeat("x", 100_000) + `"}`)},
		{name: "a permission denied from the client", messages: [][]byte{{2, 0, 3, 'n', 'o', '!'}}},
		{name: "an empty update and an empty step 2", messages: [][]byte{update(numbers(0, 0)), step2(numbers(0, 0))}},
	}
}

// Whatever a client sends is answered as the contract says, by a process that goes on, while people in another document notice nothing.
func TestHostileInput(t *testing.T) {
	g := newGround(t)
	pid := g.PID()
	elsewhere := standBy(t, g.server, g.quiet, [2]*rig.Person{g.admin, g.victim})
	g.undisturbed(t, elsewhere, func() { g.malformedAndOdd(t) })
	t.Run("a delete of the future", g.deleteOfTheFuture)
	t.Run("another's client id", g.othersClientID)
	t.Run("a viewer who writes", g.viewerWrites)
	t.Run("who may not come in", g.refusedAtTheDoor)

	g.survives(t, elsewhere, pid)
}

// malformedAndOdd sends everything that can be taken in at a glance.
func (g *ground) malformedAndOdd(t *testing.T) {
	before := g.memory(t)
	pace := time.NewTicker(attackEvery)
	defer pace.Stop()
	for _, a := range slices.Concat(malformed(), harmless()) {
		<-pace.C
		t.Run(a.name, func(t *testing.T) { g.attackWith(t, a) })
	}
	if grown := (g.memory(t) - before) / (1 << 20); grown > 64 {
		t.Errorf("claims of billions made the process grow by %.1f MiB, which is more than 64", grown)
	}
	t.Run("random frames", g.randomFrames)
	t.Run("an oversized frame", g.oversizedFrame)
}

func (g *ground) attackWith(t *testing.T, a attack) {
	k := g.dial(t, g.doc, g.attackerToken, "bizsync.v1").joined()
	for _, m := range a.messages {
		k.send(m)
	}
	o := k.settled()
	if o.code != a.code || len(o.refusals) > 0 {
		t.Errorf("closed with %d, refusals %v; want %d and none", o.code, o.refusals, a.code)
	}
}

// Random bytes are mostly malformed. What is not must leave a socket that still answers.
func (g *ground) randomFrames(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 6))
	pace := time.NewTicker(attackEvery)
	defer pace.Stop()
	closed, stayed := 0, 0
	for n := range 200 {
		body := make([]byte, random.IntN(200))
		for i := range body {
			body[i] = byte(random.Uint32())
			if random.IntN(2) == 0 {
				body[i] &= 7 // small numbers come further
			}
		}
		message := [][]byte{body, update(body), step2(body), awareness(body), append([]byte{0, 0}, body...)}[n%5]
		k := g.dial(t, g.doc, g.attackerToken, "bizsync.v1").joined()
		k.send(message)
		switch o := k.settled(); o.code {
		case 4400:
			closed++
		case 0:
			stayed++
		default:
			t.Errorf("% x was answered with %d", message, o.code)
		}
		_ = k.ws.CloseNow()
		<-pace.C
	}
	if t.Logf("%d were malformed, %d were not", closed, stayed); closed < 100 {
		t.Errorf("too few were found malformed")
	}
}

func (g *ground) oversizedFrame(t *testing.T) {
	k := g.dial(t, g.doc, g.attackerToken, "bizsync.v1").joined()
	k.send(make([]byte, 16<<20+1))
	if o := k.settled(); o.code != 4413 {
		t.Errorf("closed with %d, want 4413", o.code)
	}
}

// A delete of what a victim will type next would silence it, if it were stored.
func (g *ground) deleteOfTheFuture(t *testing.T) {
	const client = 5001
	victim := newTypist(t, g.server, g.doc, g.victim.Token(g.doc), 16)
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(victim.send(ctx, typedAt(client, 0, "hello")))
	if _, err := victim.settle(ctx); err != nil {
		t.Fatal(err)
	}

	// As an update it is held, and not acknowledged; then its client is asked for what is missing.
	held := g.dial(t, g.doc, g.attackerToken, "bizsync.v1").joined()
	held.send(update(deleted(client, 5, 1000)))
	if o := held.until("another step 1", func(o outcome, _ []byte) bool { return o.steps1 > 0 }); o.acked != 0 || len(o.refusals) > 0 || o.code != 0 {
		t.Errorf("the update was answered with %+v", o)
	}
	// In a step 2 it is cut off, and the remainder goes on: here nothing.
	cut := g.dial(t, g.doc, g.attackerToken, "bizsync.v1").joined()
	cut.send(step2(deleted(client, 5, 1000)))
	if o := cut.until("an acknowledgement", func(o outcome, _ []byte) bool { return o.acked > 0 }); len(o.refusals) > 0 || o.code != 0 {
		t.Errorf("the step 2 was answered with %+v", o)
	}

	victim = newTypist(t, g.server, g.doc, g.victim.Token(g.doc), 16)
	must(victim.send(ctx, typedAt(client, 5, " world")))
	if _, err := victim.settle(ctx); err != nil {
		t.Fatal(err)
	}
	if text := g.readFresh(t, g.doc, g.victim.Token(g.doc)).Text; !strings.Contains(text, "hello world") {
		t.Errorf("the victim typed hello world, a fresh client reads %q", text)
	}
}

// Nobody writes under the client id of somebody else.
func (g *ground) othersClientID(t *testing.T) {
	const client = 5002
	victim := newTypist(t, g.server, g.doc, g.victim.Token(g.doc), 16)
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	if err := victim.send(ctx, typedAt(client, 0, "mine")); err != nil {
		t.Fatal(err)
	}
	if _, err := victim.settle(ctx); err != nil {
		t.Fatal(err)
	}
	k := g.dial(t, g.doc, g.attackerToken, "bizsync.v1").joined()
	k.send(update(typedAt(client, 4, "forged")))
	if o := k.until("the close", func(outcome, []byte) bool { return false }); o.code != 4409 || o.acked > 0 {
		t.Errorf("an update: %+v, want it closed with 4409", o)
	}
	k = g.dial(t, g.doc, g.attackerToken, "bizsync.v1").joined()
	k.send(step2(typedAt(client, 4, "forged")))
	o := k.until("an acknowledgement", func(o outcome, _ []byte) bool { return o.acked > 0 })
	if o.code != 0 || len(o.refusals) != 1 || o.refusals[0].frame != 1 || o.refusals[0].code != 4409 {
		t.Errorf("a step 2: %+v, want it refused with 4409", o)
	}
	if o := k.settled(); o.code != 0 {
		t.Errorf("the socket was closed with %d", o.code)
	}
	if text := g.readFresh(t, g.doc, g.victim.Token(g.doc)).Text; !strings.Contains(text, "mine") || strings.Contains(text, "forged") {
		t.Errorf("a fresh client reads %q", text)
	}
}

func (g *ground) viewerWrites(t *testing.T) {
	token := g.viewer.Token(g.doc)
	frames := map[string][]byte{"an update": update(typedAt(5003, 0, "scrawl")), "a step 2": step2(typedAt(5003, 0, "scrawl")), "a deletion": update(deleted(5002, 0, 1))}
	for name, frame := range frames {
		k := g.dial(t, g.doc, token, "bizsync.v1").joined()
		k.send(frame)
		o := k.until("an acknowledgement", func(o outcome, _ []byte) bool { return o.acked > 0 })
		if o.code != 0 || o.acked != 1 || len(o.refusals) != 1 || o.refusals[0].code != 4403 || o.refusals[0].frame != 1 || o.refusals[0].reason == "" {
			t.Errorf("%s: %+v, want it refused with 4403", name, o)
		}
		k.send(step2(numbers(0, 0)))
		if o := k.until("an acknowledgement", func(o outcome, _ []byte) bool { return o.acked > 0 }); o.code != 0 || o.acked != 2 || len(o.refusals) > 0 {
			t.Errorf("a step 2 that brings nothing after %s: %+v", name, o)
		}

		stock := g.dial(t, g.doc, token).joined()
		stock.send(frame)
		if o := stock.until("a refusal", func(o outcome, _ []byte) bool { return o.denied != "" }); o.code != 0 || o.acked > 0 || len(o.refusals) > 0 {
			t.Errorf("%s of a stock client: %+v", name, o)
		}
		if o := stock.settled(); o.code != 0 {
			t.Errorf("%s of a stock client: closed with %d", name, o.code)
		}
	}
	if text := g.readFresh(t, g.doc, token).Text; strings.Contains(text, "scrawl") || !strings.Contains(text, "mine") {
		t.Errorf("a fresh client reads %q", text)
	}
}

func (g *ground) refusedAtTheDoor(t *testing.T) {
	elsewhere := g.admin.Document("Not shared")
	other := g.admin.Token(elsewhere)
	gone := g.admin.Document("Thrown away")
	goneToken := g.admin.Token(gone)
	g.admin.Call("DELETE", "/documents/"+gone, nil, http.StatusNoContent, nil)
	good := g.attackerToken
	tests := []struct {
		name, doc, token string
		code             int
		told             bool
	}{
		{"no token", g.doc, "", 4401, true},
		{"a bad token", g.doc, "abc", 4401, true},
		{"a token with another signature", g.doc, good[:len(good)-6] + "AAAAAA", 4401, true},
		{"a token for another document", g.doc, other, 4401, true},
		{"a token for a document, used for one without access", elsewhere, good, 4403, true},
		{"a document that never was", "01890000-0000-7000-8000-000000000000", good, 4404, false},
		{"a name that never was", "no-such-document", good, 4404, false},
		{"a document in the trash", gone, goneToken, 4404, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k := g.dial(t, test.doc, test.token, "bizsync.v1")
			o := k.until("the close", func(o outcome, _ []byte) bool { return o.steps1 > 0 })
			if o.code != test.code || (o.denied != "") != test.told {
				t.Errorf("%+v, want %d", o, test.code)
			}
		})
	}
	for _, origin := range []string{"https://evil.example", "null", "http://127.0.0.1:1"} {
		ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
		defer cancel()
		ws, res, err := websocket.Dial(ctx, g.Collab()+"/"+g.doc+"?token="+good, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
		if err == nil {
			_ = ws.CloseNow()
			t.Errorf("origin %s was let in", origin)
			continue
		}
		if res == nil || res.StatusCode != http.StatusForbidden {
			t.Errorf("origin %s: %v, want 403", origin, err)
		}
		if res != nil {
			_, _ = io.Copy(io.Discard, res.Body)
		}
	}
}
