package collab

import (
	"bytes"
	"errors"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

func TestParseFrame(t *testing.T) {
	u := insertion(crdt.ID{Client: 1}, nil, "hi")
	tests := []struct {
		name string
		msg  []byte
		kind frameKind
		ok   bool
	}{
		{"step 1", syncMessage(syncStep1, crdt.StateVector{1: 2}.Encode()), frameStep1, true},
		{"step 2", syncMessage(syncStep2, u.Bytes()), frameStep2, true},
		{"update", syncMessage(syncUpdate, u.Bytes()), frameUpdate, true},
		{"empty update", syncMessage(syncUpdate, []byte{0, 0}), frameUpdate, true},
		{"awareness", awarenessMessage(appendAwarenessEntry([]byte{1}, awarenessEntry{client: 1, clock: 1, state: []byte("{}")})), frameAwareness, true},
		{"nobody's awareness", emptyAwareness(), frameAwareness, true},
		{"query awareness", []byte{messageQueryAwareness}, frameQueryAwareness, true},
		{"auth", PermissionDenied("no"), frameIgnored, true},
		{"nothing", nil, 0, false},
		{"a type of no protocol", []byte{77}, 0, false},
		{"our own ack", ackMessage(1), 0, false},
		{"a sync step of no protocol", syncMessage(3, []byte{0, 0}), 0, false},
		{"a sync message cut short", syncMessage(syncUpdate, u.Bytes())[:6], 0, false},
		{"bytes behind the message", append(syncMessage(syncUpdate, u.Bytes()), 0), 0, false},
		{"bytes behind the query", []byte{messageQueryAwareness, 1}, 0, false},
		{"an update cut short", syncMessage(syncUpdate, u.Bytes()[:5]), 0, false},
		{"a length of a billion", append([]byte{messageSync, syncUpdate}, lib0.AppendVarUint(nil, 1e9)...), 0, false},
		{"a billion awareness entries", awarenessMessage(lib0.AppendVarUint(nil, 1e9)), 0, false},
		{"an awareness entry cut short", awarenessMessage([]byte{1, 1, 1}), 0, false},
		{"awareness that isn't UTF-8", awarenessMessage([]byte{1, 1, 1, 2, 0xff, 0xfe}), 0, false},
		{"an overlong type", bytes.Repeat([]byte{0x80}, 20), 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := parseFrame(tt.msg)
			if (err == nil) != tt.ok {
				t.Fatalf("error %v", err)
			}
			if err != nil && !errors.Is(err, errMalformed) {
				t.Errorf("error %v is not errMalformed", err)
			}
			if err == nil && f.kind != tt.kind {
				t.Errorf("kind %d, want %d", f.kind, tt.kind)
			}
		})
	}
}

func FuzzParseFrame(f *testing.F) {
	f.Add(syncMessage(syncUpdate, insertion(crdt.ID{Client: 1}, nil, "hi").Bytes()))
	f.Add(awarenessMessage(appendAwarenessEntry([]byte{1}, awarenessEntry{client: 1, clock: 1, state: []byte("{}")})))
	f.Add(PermissionDenied("no"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, err := parseFrame(b)
		if err != nil && !errors.Is(err, errMalformed) {
			t.Errorf("error %v is not errMalformed", err)
		}
		if err == nil && fr.kind == frameAwareness {
			n := 0
			if err := eachAwarenessEntry(fr.awareness, func(awarenessEntry) bool { n++; return true }); err != nil {
				t.Errorf("a checked awareness update can't be read: %v", err)
			}
		}
	})
}

func FuzzSignState(f *testing.F) {
	f.Add([]byte(`{"user":{"name":"x"},"name":"y"}`))
	f.Add([]byte(`{"user":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		out, err := signState(raw, Peer{Name: "Real"})
		if err == nil && !bytes.Contains(out, []byte(`"name":"Real"`)) {
			t.Errorf("%s does not say who it is", out)
		}
	})
}
