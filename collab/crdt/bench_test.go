package crdt_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// traceUpdates gives the updates that Yjs emits for an editing trace, made by the
// oracle once and kept in its cache. The trace automerge-paper is "B4" of the
// public crdt-benchmarks.
func traceUpdates(t testing.TB, name string) [][]byte {
	t.Helper()
	cached := "testdata/oracle/cache/" + name + ".updates"
	if _, err := os.Stat(cached); err != nil {
		if err := os.MkdirAll(filepath.Dir(cached), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("node", "trace.mjs", "../traces/"+name+".json.gz", "cache/"+name+".updates")
		cmd.Dir = "testdata/oracle"
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("make the updates of the trace (needs Node.js and `npm ci` in collab/crdt/testdata/oracle): %v", err)
		}
	}
	b, err := os.ReadFile(cached)
	if err != nil {
		t.Fatal(err)
	}
	var updates [][]byte
	for len(b) > 0 {
		n := binary.LittleEndian.Uint32(b)
		updates = append(updates, b[4:4+n:4+n])
		b = b[4+n:]
	}
	return updates
}

func paperUpdates(t testing.TB) [][]byte {
	t.Helper()
	return traceUpdates(t, "automerge-paper")
}

func applyAll(t testing.TB, updates [][]byte) *crdt.State {
	s := crdt.NewState()
	for _, b := range updates {
		u, err := crdt.ParseUpdate(b)
		if err != nil {
			t.Fatal(err)
		}
		s.Apply(u)
	}
	return s
}

// BenchmarkPaperApply checks and applies all updates of the trace.
func BenchmarkPaperApply(b *testing.B) {
	updates := paperUpdates(b)
	b.ReportAllocs()
	for b.Loop() {
		applyAll(b, updates)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(updates)), "ns/update")
}

// BenchmarkPaperFit does what a room does: check, fit to three layers, apply.
func BenchmarkPaperFit(b *testing.B) {
	updates := paperUpdates(b)
	b.ReportAllocs()
	for b.Loop() {
		known := crdt.Known{crdt.NewState(), crdt.NewState(), crdt.NewState()}
		for i, raw := range updates {
			u, err := crdt.ParseUpdate(raw)
			if err != nil {
				b.Fatal(err)
			}
			fit := known.Fit(u, nil)
			if fit.Missing || fit.Update.IsEmpty() {
				b.Fatalf("update %d: %+v", i, fit)
			}
			known[2].Apply(fit.Update)
			if i%16 == 15 {
				known[0].Apply(known[1].Encode())
				known[1].Reset()
				known[1], known[2] = known[2], known[1]
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(updates)), "ns/update")
}

func BenchmarkPaperEncode(b *testing.B) {
	s := applyAll(b, paperUpdates(b))
	b.ReportAllocs()
	var u crdt.Update
	for b.Loop() {
		u = s.Encode()
	}
	b.ReportMetric(float64(len(u.Bytes())), "bytes")
}

func BenchmarkPaperDiff(b *testing.B) {
	updates := paperUpdates(b)
	sv := applyAll(b, updates[:len(updates)/2]).StateVector()
	s := applyAll(b, updates)
	b.ReportAllocs()
	for b.Loop() {
		s.Diff(sv)
	}
}

func BenchmarkPaperLoad(b *testing.B) {
	state := applyAll(b, paperUpdates(b)).Encode().Bytes()
	b.ReportAllocs()
	for b.Loop() {
		applyAll(b, [][]byte{state})
	}
}

func BenchmarkPaperMerge(b *testing.B) {
	raw := paperUpdates(b)
	b.ReportAllocs()
	for b.Loop() {
		updates := make([]crdt.Update, len(raw))
		for i, r := range raw {
			updates[i] = parse(b, r)
		}
		crdt.MergeUpdates(updates...)
	}
}

func BenchmarkPaperText(b *testing.B) {
	s := applyAll(b, paperUpdates(b))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Text("text"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPaperHash(b *testing.B) {
	s := applyAll(b, paperUpdates(b))
	b.ReportAllocs()
	for b.Loop() {
		s.Hash()
	}
}

// BenchmarkLetter is a typed letter in a room: check, fit to the layers, apply.
func BenchmarkLetter(b *testing.B) {
	typed := typing(1 << 16)
	benchmarkFrames(b, typed)
}

// BenchmarkDeletion is a deleted letter in a room.
func BenchmarkDeletion(b *testing.B) {
	const n = 1 << 16
	typed := typing(n)
	benchmarkFrames(b, deleting(n), typed...)
}

func benchmarkFrames(b *testing.B, frames [][]byte, before ...[]byte) {
	base := applyAll(b, append([][]byte{update(1, 0, letter(1, 0))}, before...))
	known := crdt.Known{base, crdt.NewState(), crdt.NewState()}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i == len(frames) {
			b.StopTimer()
			known[2].Reset()
			i = 0
			b.StartTimer()
		}
		u, err := crdt.ParseUpdate(frames[i])
		if err != nil {
			b.Fatal(err)
		}
		fit := known.Fit(u, everyone)
		if fit.Missing || fit.Update.IsEmpty() {
			b.Fatalf("frame %d: %+v", i, fit)
		}
		known[2].Apply(fit.Update)
		i++
	}
}

func everyone(uint64) bool { return true }

// BenchmarkLetterParse is the part of BenchmarkLetter that checks the frame.
func BenchmarkLetterParse(b *testing.B) {
	frame := typing(1 << 10)[1<<9]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := crdt.ParseUpdate(frame); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLetterFit is the part of BenchmarkLetter that fits it to the layers.
func BenchmarkLetterFit(b *testing.B) {
	frames := typing(1 << 10)
	known := crdt.Known{applyAll(b, frames[:300]), crdt.NewState(), applyAll(b, frames[300:512])}
	u := parse(b, frames[512])
	b.ReportAllocs()
	for b.Loop() {
		if fit := known.Fit(u, everyone); fit.Structs != 1 {
			b.Fatal(fit)
		}
	}
}

// BenchmarkClients loads, fits and encodes documents of many clients: the time for
// each must not grow with their number.
func BenchmarkClients(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 50_000} {
		state := applyAll(b, [][]byte{manyClients(n)}).Encode()
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				u := parse(b, state.Bytes())
				known := crdt.Known{crdt.NewState()}
				if fit := known.Fit(u, everyone); fit.Missing || fit.NewClients != n {
					b.Fatalf("%d clients", fit.NewClients)
				}
				known[0].Apply(u)
				known[0].Encode()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/client")
		})
	}
}

// manyClients makes an update of n clients with one letter each, each behind the
// letter of the client before.
func manyClients(n int) []byte {
	b := lib0.AppendVarUint(nil, uint64(n))
	for i := uint64(n); i > 0; i-- {
		b = append(lib0.AppendVarUint(append(b, 1), i), 0)
		if i == 1 {
			b = append(b, first("x")...)
		} else {
			b = append(b, after(i-1, 0, "x")...)
		}
	}
	return append(b, 0)
}
