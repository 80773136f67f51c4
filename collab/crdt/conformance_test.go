package crdt_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
)

// readJSON reads a file of testdata/conformance or testdata/traces.
func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	}
	if err := json.NewDecoder(r).Decode(v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// checkSequence applies updates to a state and lets Yjs read both.
func checkSequence(t *testing.T, updates [][]byte) document {
	t.Helper()
	want := load(t, updates...)
	s := crdt.NewState()
	for _, b := range updates {
		s.Apply(parse(t, b))
	}
	u := s.Encode()
	checkEncoded(t, "state", u)
	got := load(t, u.Bytes())
	if got.View != want.View || got.Pending != want.Pending || fmt.Sprint(got.Clocks) != fmt.Sprint(want.Clocks) ||
		!want.Pending && fmt.Sprint(got.Deletes) != fmt.Sprint(want.Deletes) {
		t.Fatalf("Yjs reads our state as\n%s\nwant\n%s", short(fmt.Sprint(got)), short(fmt.Sprint(want)))
	}
	if !want.Pending {
		if !sameClocks(s.StateVector(), want.Clocks) {
			t.Fatalf("state vector %v, want %v", s.StateVector(), want.Clocks)
		}
		if text, err := s.Text("text"); err != nil || text != want.Text["text"] {
			t.Fatalf("text %q (%v), want %q", short(text), err, short(want.Text["text"]))
		}
	}
	sv, err := crdt.ParseStateVector(want.SV)
	if err != nil {
		t.Fatal(err)
	}
	if !want.Pending && string(s.StateVector().Encode()) != string(sv.Encode()) {
		t.Fatal("state vectors differ in their encoding")
	}
	if string(s.EncodeStateVector()) != string(s.StateVector().Encode()) {
		t.Fatal("a state encodes its vector in two ways")
	}
	return want
}

func TestYjsCompatibility(t *testing.T) {
	var cases []struct {
		Name        string
		Updates     [][]byte
		StateVector map[string]uint32
	}
	readJSON(t, "conformance/yjs-compat.json", &cases)
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			if want := checkSequence(t, c.Updates); fmt.Sprint(want.Clocks) != fmt.Sprint(c.StateVector) {
				t.Errorf("the oracle disagrees with the file: %v and %v", want.Clocks, c.StateVector)
			}
		})
	}
}

func TestYrsBytes(t *testing.T) {
	var cases []struct {
		Name, Format string
		Bytes        []byte
		V1           *struct {
			StateVector map[string]uint32
			Pending     bool
		}
		V1Error string `json:"v1_error"`
	}
	readJSON(t, "conformance/yrs-bytes.json", &cases)
	sequences := make(map[string][][]byte)
	read := 0
	for _, c := range cases {
		if c.V1Error != "" {
			if _, err := crdt.ParseUpdate(c.Bytes); !errors.Is(err, crdt.ErrMalformed) {
				t.Errorf("%s: Yjs throws %q, ParseUpdate says %v", c.Name, c.V1Error, err)
			}
			continue
		}
		if c.V1 == nil || c.Format != "v1" {
			continue
		}
		read++
		t.Run(c.Name, func(t *testing.T) {
			want := checkSequence(t, [][]byte{c.Bytes})
			if want.Pending != c.V1.Pending || fmt.Sprint(want.Clocks) != fmt.Sprint(c.V1.StateVector) {
				t.Errorf("the oracle disagrees with the file")
			}
		})
		name, _, _ := strings.Cut(strings.TrimPrefix(c.Name, "yrs:"), ":")
		sequences[name] = append(sequences[name], c.Bytes)
	}
	if read < 90 {
		t.Fatalf("only %d cases", read)
	}
	for _, name := range []string{"pending_update_integration", "ypy_issue_32", "yrb_issue_45", "apply_update_filling_partial_skip", "apply_updates"} {
		t.Run(name, func(t *testing.T) {
			if len(sequences[name]) < 2 {
				t.Fatal("no such sequence")
			}
			checkSequence(t, sequences[name])
		})
	}
}

func TestYrsSmallDataset(t *testing.T) {
	var data struct {
		Cases []struct {
			Name        string
			Updates     [][]byte
			Text        string
			StateVector map[string]uint32
		}
	}
	readJSON(t, "conformance/yrs-small-dataset.json.gz", &data)
	if len(data.Cases) < 5000 {
		t.Fatalf("only %d cases", len(data.Cases))
	}
	for _, c := range data.Cases {
		want := checkSequence(t, c.Updates)
		if want.Text["text"] != c.Text || fmt.Sprint(want.Clocks) != fmt.Sprint(c.StateVector) {
			t.Fatalf("%s: the oracle disagrees with the file", c.Name)
		}
		if t.Failed() {
			t.Fatal(c.Name)
		}
	}
}

func TestYgoFixtures(t *testing.T) {
	var cases []struct {
		Name, Format string
		Updates      [][]byte
		StateVector  map[string]uint32
	}
	readJSON(t, "conformance/ygo-fixtures.json", &cases)
	for _, c := range cases {
		if c.Format != "v1" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			if want := checkSequence(t, c.Updates); fmt.Sprint(want.Clocks) != fmt.Sprint(c.StateVector) {
				t.Error("the oracle disagrees with the file")
			}
		})
	}
}

// TestYgoCrashers reads inputs that once crashed a decoder, whatever they were
// meant for, as everything that comes from outside.
func TestYgoCrashers(t *testing.T) {
	var cases []struct {
		Name   string
		Inputs [][]byte
	}
	readJSON(t, "conformance/ygo-crashers.json", &cases)
	if len(cases) != 10 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		for _, in := range c.Inputs {
			if u, err := crdt.ParseUpdate(in); err == nil {
				s := crdt.NewState()
				s.Apply(u)
				checkEncoded(t, c.Name, s.Encode())
			} else if !errors.Is(err, crdt.ErrMalformed) {
				t.Errorf("%s: %v", c.Name, err)
			}
			if _, err := crdt.ParseStateVector(in); err != nil && !errors.Is(err, crdt.ErrMalformed) {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
	}
}

// TestTraces applies two recorded editing sessions, of one person and of two.
func TestTraces(t *testing.T) {
	for _, name := range []string{"automerge-paper", "friendsforever"} {
		t.Run(name, func(t *testing.T) {
			var trace struct{ EndContent string }
			readJSON(t, "traces/"+name+".json.gz", &trace)
			s := applyAll(t, traceUpdates(t, name))
			checkText(t, s, trace.EndContent)
			u := s.Encode()
			checkEncoded(t, "state", u)
			if got := load(t, u.Bytes()); got.Pending || got.Text["text"] != trace.EndContent {
				t.Fatal("Yjs reads another text")
			}
			again := crdt.NewState()
			again.Apply(u)
			if again.Hash() != s.Hash() {
				t.Error("another hash after encoding")
			}
			checkText(t, again, trace.EndContent)
		})
	}
}

func checkText(t *testing.T, s *crdt.State, want string) {
	t.Helper()
	if text, err := s.Text("text"); err != nil || text != want {
		t.Fatalf("the text differs (%v): %q, want %q", err, short(text), short(want))
	}
}
