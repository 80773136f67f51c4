package crdt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// askState lets Yjs answer many requests at once: see testdata/oracle/state.mjs.
func askState[Request, Answer any](t *testing.T, requests []Request) []Answer {
	t.Helper()
	if _, err := os.Stat("testdata/oracle/node_modules/yjs/package.json"); err != nil {
		t.Fatal("the oracle needs Yjs: run `npm ci` in collab/crdt/testdata/oracle (`make deps` does)")
	}
	var in bytes.Buffer
	for _, r := range requests {
		if err := json.NewEncoder(&in).Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("node", "state.mjs")
	cmd.Dir, cmd.Stdin, cmd.Stderr = "testdata/oracle", &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ask the oracle (needs Node.js): %v", err)
	}
	answers := make([]Answer, 0, len(requests))
	for line := range bytes.Lines(out) {
		var failure struct{ Error string }
		var answer Answer
		if err := errors.Join(json.Unmarshal(line, &failure), json.Unmarshal(line, &answer)); err != nil || failure.Error != "" {
			t.Fatalf("oracle: %v %s", err, failure.Error)
		}
		answers = append(answers, answer)
	}
	if len(answers) != len(requests) {
		t.Fatalf("the oracle gave %d answers to %d requests", len(answers), len(requests))
	}
	return answers
}

// seedRequest asks for something about a random history.
type seedRequest struct {
	Op   string `json:"op"`
	Seed int    `json:"seed"`
}

// askSeeds asks about an eighth of as many random histories as -histories says, from
// -seed on.
func askSeeds[Answer any](t *testing.T, op string) map[int]Answer {
	t.Helper()
	var requests []seedRequest
	for seed := *historySeed; seed < *historySeed+*historyCount/8; seed++ {
		requests = append(requests, seedRequest{op, seed})
	}
	answers := make(map[int]Answer)
	for i, a := range askState[seedRequest, Answer](t, requests) {
		answers[requests[i].Seed] = a
	}
	return answers
}

// describeRequest asks what Yjs reads of an update.
type describeRequest struct {
	Op     string `json:"op"`
	Update []byte `json:"update"`
}

// description is what Yjs says about a document.
type description struct {
	View, Loose             string
	Vector, Snapshot, State []byte
	Pending                 bool
}

// checkV2 reads an update in version 2, of which Yjs makes v1.
func checkV2(t *testing.T, what string, v2, v1 []byte) {
	t.Helper()
	u, err := crdt.ParseUpdateV2(v2)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !bytes.Equal(u.Bytes(), v1) {
		t.Fatalf("%s: in version 1 it is\n%x\nnot\n%x", what, clip(u.Bytes()), clip(v1))
	}
	checkEncoded(t, what, u)
}

// TestV2Histories reads what Yjs has written in version 2, to the same bytes in
// version 1 as Yjs does.
func TestV2Histories(t *testing.T) {
	for seed, a := range askSeeds[struct{ V1, V2 [][]byte }](t, "v2") {
		for i := range a.V2 {
			checkV2(t, fmt.Sprintf("seed %d, update %d", seed, i), a.V2[i], a.V1[i])
		}
	}
}

// TestV2Files reads the version 2 in the conformance data.
func TestV2Files(t *testing.T) {
	var read []describeRequest
	sameState := func(t *testing.T, v2 []byte, v1 ...[]byte) {
		u, err := crdt.ParseUpdateV2(v2)
		if err != nil {
			t.Fatal(err)
		}
		got, want := crdt.NewState(), applyAll(t, v1)
		got.Apply(u)
		if got.Hash() != want.Hash() {
			t.Errorf("state vector %v, want %v", got.StateVector(), want.StateVector())
		}
		read = append(read, describeRequest{"describe", u.Bytes()}, describeRequest{"describe", v1[0]})
	}
	var compat []struct {
		Name                     string
		ReencodedV1, ReencodedV2 []byte
	}
	readJSON(t, "conformance/yjs-compat.json", &compat)
	for _, c := range compat {
		t.Run(c.Name, func(t *testing.T) { sameState(t, c.ReencodedV2, c.ReencodedV1) })
	}
	var fixtures []struct {
		Name, Format string
		Updates      [][]byte
		ReencodedV1  []byte
	}
	readJSON(t, "conformance/ygo-fixtures.json", &fixtures)
	for _, c := range fixtures {
		if c.Format != "v2" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			if len(c.Updates) != 1 {
				t.Fatalf("%d updates", len(c.Updates))
			}
			sameState(t, c.Updates[0], c.ReencodedV1)
		})
	}
	var yrs []struct {
		Name    string
		Bytes   []byte
		V2      *struct{ ReencodedV1 []byte }
		V2Error string `json:"v2_error"`
	}
	readJSON(t, "conformance/yrs-bytes.json", &yrs)
	for _, c := range yrs {
		switch {
		case c.V2 != nil:
			t.Run(c.Name, func(t *testing.T) { sameState(t, c.Bytes, c.V2.ReencodedV1) })
		case c.V2Error != "":
			if _, err := crdt.ParseUpdateV2(c.Bytes); !errors.Is(err, crdt.ErrMalformed) {
				t.Errorf("%s: Yjs throws %q, ParseUpdateV2 says %v", c.Name, c.V2Error, err)
			}
		}
	}
	if len(read) < 2*20 {
		t.Errorf("only %d cases", len(read)/2)
	}
	// What Yjs has collected has fewer items; to read it is the same.
	answers := askState[describeRequest, description](t, read)
	for i := 0; i < len(answers); i += 2 {
		if got, want := answers[i], answers[i+1]; got.View != want.View || got.Pending != want.Pending {
			t.Errorf("Yjs reads\n%s\nwant\n%s", short(got.View), short(want.View))
		}
	}
}

// v2Columns are the columns of an update in version 2, in their order, and the rest.
type v2Columns struct {
	keyClocks, clients, leftClocks, rightClocks, infos, strings, isRoot, typeRefs, lengths, rest []byte
}

func (c v2Columns) bytes() []byte {
	b := []byte{0}
	if c.strings == nil {
		c.strings = []byte{0}
	}
	for _, column := range [][]byte{c.keyClocks, c.clients, c.leftClocks, c.rightClocks, c.infos, c.strings, c.isRoot, c.typeRefs, c.lengths} {
		b = lib0.AppendVarBytes(b, column)
	}
	return append(b, c.rest...)
}

// v2Strings makes the column of strings.
func v2Strings(all string, lengths ...uint64) []byte {
	b := lib0.AppendVarString(nil, all)
	for _, n := range lengths {
		b = lib0.AppendVarInt(b, n, false)
	}
	return b
}

// uints makes a column of integers that don't repeat.
func uints(values ...uint64) []byte { return v2Strings("", values...)[1:] }

// TestV2Columns reads what Yjs reads but doesn't write.
func TestV2Columns(t *testing.T) {
	root := first("")[1:7] // that it is a root, and its name
	for _, c := range []struct {
		name string
		v2   v2Columns
		want []byte
	}{
		{"nothing", v2Columns{rest: []byte{0, 0}}, []byte{0, 0}},
		{"a pair that was cut", v2Columns{
			clients: uints(1, 1), leftClocks: []byte{0}, infos: []byte{4, 0, 0x84}, isRoot: []byte{1},
			strings: v2Strings("text😀", 4, 1, 1), rest: []byte{1, 2, 0, 0},
		}, update(1, 0, first("\uFFFD"), after(1, 0, "\uFFFD"))},
		{"a key that came before", v2Columns{
			keyClocks: []byte{0, 0}, clients: uints(1, 1), leftClocks: []byte{0}, infos: []byte{6, 0, 0x86}, isRoot: []byte{1},
			strings: v2Strings("textbold", 4, 4), rest: []byte{1, 2, 0, 120, 126, 0},
		}, update(1, 0, append(append([]byte{6}, root...), "\x04bold\x04true"...), []byte("\x86\x01\x00\x04bold\x04null"))},
		{"values that JSON lacks", v2Columns{
			clients: uints(1), infos: []byte{5}, isRoot: []byte{1}, strings: v2Strings("text", 4),
			rest: []byte{1, 1, 0, 117, 5, 127, 123, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0, 116, 2, 7, 8, 118, 2, 1, 'a', 127, 1, 'b', 125, 0x40, 119, 1, '"', 0},
		}, update(1, 0, lib0.AppendVarString(append([]byte{5}, root...), `[null,null,{"0":7,"1":8},{"b":0},"\""]`))},
		{"bytes behind the end", v2Columns{rest: []byte{0, 0, 7, 7}}, []byte{0, 0}},
		{"a delete set", v2Columns{rest: []byte{0, 2, 9, 2, 1, 0, 1, 2, 3, 1, 4, 0}},
			[]byte{0, 2, 9, 2, 1, 1, 3, 3, 3, 1, 4, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := parse(t, c.want)
			u, err := crdt.ParseUpdateV2(c.v2.bytes())
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(u.Bytes(), want.Bytes()) {
				t.Errorf("%x, want %x", u.Bytes(), want.Bytes())
			}
		})
	}
}

// TestV2Refused holds what is not read: what ends too early, what Yjs can't write in
// version 1, and what a few bytes would make large.
func TestV2Refused(t *testing.T) {
	ever := lib0.AppendVarUint([]byte{0x40}, 1<<40) // zeros without end
	lots := lib0.AppendVarUint(nil, 1<<40)
	for _, c := range []struct {
		name string
		v2   []byte
	}{
		{"nothing", nil},
		{"no strings", make([]byte, 12)},
		{"no client", v2Columns{rest: []byte{1, 1, 0, 0}}.bytes()},
		{"a struct without an info", v2Columns{clients: uints(1), rest: []byte{1, 1, 0, 0}}.bytes()},
		{"an unknown content", v2Columns{clients: uints(1), infos: []byte{11}, isRoot: []byte{1}, strings: v2Strings("text", 4), rest: []byte{1, 1, 0, 0}}.bytes()},
		{"an unknown type", v2Columns{clients: uints(1), infos: []byte{7}, isRoot: []byte{1}, strings: v2Strings("text", 4), typeRefs: uints(7), rest: []byte{1, 1, 0, 0}}.bytes()},
		{"a BigInt in an embed", v2Columns{clients: uints(1), infos: []byte{5}, isRoot: []byte{1}, strings: v2Strings("text", 4), rest: append([]byte{1, 1, 0, 122}, make([]byte, 9)...)}.bytes()},
		{"more text than there is", v2Columns{clients: uints(1), infos: []byte{4}, isRoot: []byte{1}, strings: v2Strings("text😀", 4, 3), rest: []byte{1, 1, 0, 0}}.bytes()},
		{"a clock below zero", v2Columns{clients: uints(1, 1), leftClocks: []byte{0x42}, infos: []byte{0x84}, strings: v2Strings("x", 1), rest: []byte{1, 1, 5, 0}}.bytes()},
		{"an origin of its own future", v2Columns{clients: uints(1, 1), leftClocks: []byte{12}, infos: []byte{0x84}, strings: v2Strings("x", 1), rest: []byte{1, 1, 5, 0}}.bytes()},
		{"a range beyond all clocks", v2Columns{rest: append(append([]byte{0, 1, 1, 2, 5, 0}, lib0.AppendVarUint(nil, 1<<52)...), 0)}.bytes()},
		{"deep values", v2Columns{clients: uints(1), infos: []byte{5}, isRoot: []byte{1}, strings: v2Strings("text", 4), rest: append([]byte{1, 1, 0}, bytes.Repeat([]byte{117, 1}, 1000)...)}.bytes()},
		{"a million million GC structs", v2Columns{clients: uints(1), infos: []byte{0}, lengths: append([]byte{0x41}, lots...), rest: append(append([]byte{1}, lots...), 0, 0)}.bytes()},
		{"a million million empty strings", v2Columns{clients: ever, leftClocks: append([]byte{1}, lots...), infos: []byte{0x84}, strings: append([]byte{0}, ever...), rest: append(append([]byte{1}, lots...), 0, 0)}.bytes()},
		{"a million million texts of JSON", v2Columns{clients: uints(1), infos: []byte{2}, isRoot: []byte{1}, lengths: uints(1 << 40), strings: append([]byte{0}, ever...), rest: []byte{1, 1, 0, 0}}.bytes()},
		{"a million million keys", v2Columns{clients: ever, keyClocks: append([]byte{3}, lots...), leftClocks: append([]byte{1}, lots...), infos: []byte{0x86}, strings: append([]byte{0}, ever...), rest: append(append([]byte{1}, lots...), bytes.Repeat([]byte{126}, 1<<20)...)}.bytes()},
		{"bytes as JSON", v2Columns{clients: uints(1), infos: []byte{5}, isRoot: []byte{1}, strings: v2Strings("text", 4), rest: append(lib0.AppendVarBytes([]byte{1, 1, 0, 116}, make([]byte, 1<<20)), 0)}.bytes()},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := crdt.ParseUpdateV2(c.v2); !errors.Is(err, crdt.ErrMalformed) {
				t.Errorf("%v", err)
			} else {
				t.Log(strings.TrimPrefix(err.Error(), "malformed update: "))
			}
		})
	}
}
