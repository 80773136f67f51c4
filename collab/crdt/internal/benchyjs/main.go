// Command benchyjs measures the engine beside Yjs under Node.js, both on the updates of recorded editing sessions, interleaved in one run, and prints a table for each.
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

func main() {
	oracle := flag.String("oracle", "collab/crdt/testdata/oracle", "`folder` with Yjs installed by npm ci")
	traces := flag.String("traces", "automerge-paper,friendsforever", "`names` of traces in testdata/traces")
	rounds := flag.Int("rounds", 5, "rounds; medians are shown")
	flag.Parse()
	for _, trace := range strings.Split(*traces, ",") {
		if err := run(*oracle, trace, *rounds, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "benchyjs:", err)
			os.Exit(1)
		}
	}
}

func run(oracle, trace string, rounds int, out io.Writer) error {
	updates, err := readUpdates(oracle, trace)
	if err != nil {
		return fmt.Errorf("prepare the updates: %w", err)
	}
	ours, err := newBench(updates)
	if err != nil {
		return fmt.Errorf("prepare our side: %w", err)
	}
	yjs, err := startNode(oracle, trace)
	if err != nil {
		return fmt.Errorf("prepare Yjs: %w", err)
	}
	defer yjs.stop()
	mine, theirs := make(map[string][]float64), make(map[string][]float64)
	for range rounds {
		for _, op := range operations {
			// What both levels are compared with is measured beside each.
			n, err := yjs.measure(op.name)
			if err != nil {
				return fmt.Errorf("measure %s in Yjs: %w", op.name, err)
			}
			theirs[op.title] = append(theirs[op.title], n)
			n, err = op.run(ours)
			if err != nil {
				return fmt.Errorf("%s: %w", op.title, err)
			}
			mine[op.title] = append(mine[op.title], n)
		}
	}
	fmt.Fprintf(out, "%s: %d updates; medians of %d rounds, ours and Yjs by turns; %s\n\n", trace, len(updates), rounds, runtime.Version())
	fmt.Fprintln(out, "| | ours | Yjs | ours / Yjs | target | |")
	fmt.Fprintln(out, "| --- | ---: | ---: | ---: | ---: | --- |")
	for _, op := range operations {
		a, b := median(mine[op.title]), median(theirs[op.title])
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s |\n", op.title, op.format(a), op.format(b), ratio(a/b), op.target(), op.verdict(a/b))
	}
	fmt.Fprintln(out)
	return nil
}

// operation is a row of the table: bench.mjs has the same names.
type operation struct {
	name, title string
	most        float64 // of the ratio; 0: no target
	format      func(float64) string
	run         func(*bench) (float64, error)
}

var operations = []operation{
	{"apply", "state: check and apply all updates", 1. / 20, milliseconds, (*bench).apply},
	{"apply frames", "state: and build each one's broadcast frame", 0, milliseconds, (*bench).applyFrames},
	{"load", "state: check and load", 1. / 3, milliseconds, (*bench).load},
	{"encode", "state: encode", 0, milliseconds, (*bench).encode},
	{"diff", "state: diff for a peer who has half", 0, milliseconds, (*bench).diff},
	{"merge", "merge all updates (Yjs in chunks of 256)", 1. / 20, milliseconds, (*bench).merge},
	{"apply", "document: check and apply all updates", 1. / 4, milliseconds, (*bench).documentApply},
	{"load", "document: check and load", 1. / 2, milliseconds, (*bench).documentLoad},
	{"text", "document: load and read its text", 0, milliseconds, (*bench).text},
	{"bytes", "bytes of the state", 0.9, bytesOf, (*bench).bytes},
	{"heap", "heap of the state, loaded", 0.45, bytesOf, (*bench).heap},
	{"heap applied", "heap of the state, all updates applied", 0.45, bytesOf, (*bench).heapApplied},
	{"heap", "heap of the document, loaded", 1, bytesOf, (*bench).documentHeap},
	{"heap applied", "heap of the document, all updates applied", 1, bytesOf, (*bench).documentHeapApplied},
}

func (o operation) target() string {
	if o.most == 0 {
		return ""
	}
	if o.most <= 0.5 && 1/o.most == float64(int(1/o.most)) {
		return fmt.Sprintf("<= 1/%.0f", 1/o.most)
	}
	return fmt.Sprintf("<= %.2f", o.most)
}

func (o operation) verdict(ratio float64) string {
	switch {
	case o.most == 0:
		return ""
	case ratio <= o.most:
		return "ok"
	}
	return "missed"
}

func milliseconds(ms float64) string { return fmt.Sprintf("%.2f ms", ms) }

func bytesOf(n float64) string { return fmt.Sprintf("%.0f kB", n/1000) }

func ratio(r float64) string {
	if r > 0 && r < 0.1 {
		return fmt.Sprintf("1/%.1f", 1/r)
	}
	return fmt.Sprintf("%.2f", r)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// bench is our side.
type bench struct {
	updates [][]byte
	whole   *crdt.State
	half    crdt.StateVector
	encoded []byte
}

func newBench(updates [][]byte) (*bench, error) {
	b := &bench{updates: updates}
	for _, raw := range updates {
		if _, err := crdt.ParseUpdate(raw); err != nil {
			return nil, err
		}
	}
	var err error
	if b.whole, err = applyAll(updates); err != nil {
		return nil, err
	}
	half, err := applyAll(updates[:len(updates)/2])
	if err != nil {
		return nil, err
	}
	b.half = half.StateVector()
	b.encoded = b.whole.Encode().Bytes()
	return b, nil
}

// applyAll checks and applies updates.
func applyAll(updates [][]byte) (*crdt.State, error) {
	s := crdt.NewState()
	for _, raw := range updates {
		u, err := crdt.ParseUpdate(raw)
		if err != nil {
			return nil, err
		}
		s.Apply(u)
	}
	return s, nil
}

// integrateAll checks updates and applies them to a document, one by one.
func integrateAll(updates [][]byte) (*crdt.Doc, error) {
	d, err := crdt.NewDoc(crdt.NewState())
	if err != nil {
		return nil, err
	}
	for _, raw := range updates {
		u, err := crdt.ParseUpdate(raw)
		if err != nil {
			return nil, err
		}
		if err := d.Apply(u); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// loadDocument checks a state, loads it and makes a document of it.
func loadDocument(state []byte) (*crdt.Doc, error) {
	s, err := applyAll([][]byte{state})
	if err != nil {
		return nil, err
	}
	return crdt.NewDoc(s)
}

// atLeast is how long an operation is repeated for one measurement, in bench.mjs
// as well: on a busy machine a short one says little.
const atLeast = 300 * time.Millisecond

// timed gives the mean milliseconds that f takes.
func timed[T any](f func() (T, error)) (float64, error) {
	runtime.GC()
	start := time.Now()
	for n := 1; ; n++ {
		if _, err := f(); err != nil {
			return 0, err
		}
		if took := time.Since(start); took >= atLeast {
			return float64(took.Nanoseconds()) / 1e6 / float64(n), nil
		}
	}
}

func (b *bench) apply() (float64, error) {
	return timed(func() (*crdt.State, error) { return applyAll(b.updates) })
}

// applyFrames builds for each update the message that the other clients are sent:
// that of y-protocols, a type, a step and the update.
func (b *bench) applyFrames() (float64, error) {
	return timed(func() (int, error) {
		s, sent := crdt.NewState(), 0
		for _, raw := range b.updates {
			u, err := crdt.ParseUpdate(raw)
			if err != nil {
				return 0, err
			}
			s.Apply(u)
			frame := make([]byte, 0, len(raw)+8)
			frame = lib0.AppendVarBytes(append(frame, 0, 2), u.Bytes())
			sent += len(frame)
		}
		return sent, nil
	})
}

func (b *bench) encode() (float64, error) {
	return timed(func() (crdt.Update, error) { return b.whole.Encode(), nil })
}

func (b *bench) diff() (float64, error) {
	return timed(func() (crdt.Update, error) { return b.whole.Diff(b.half), nil })
}

func (b *bench) load() (float64, error) {
	return timed(func() (*crdt.State, error) { return applyAll([][]byte{b.encoded}) })
}

func (b *bench) documentApply() (float64, error) {
	return timed(func() (*crdt.Doc, error) { return integrateAll(b.updates) })
}

func (b *bench) documentLoad() (float64, error) {
	return timed(func() (*crdt.Doc, error) { return loadDocument(b.encoded) })
}

func (b *bench) text() (float64, error) {
	return timed(func() (string, error) {
		d, err := loadDocument(b.encoded)
		if err != nil {
			return "", err
		}
		return d.Text("text"), nil
	})
}

func (b *bench) bytes() (float64, error) { return float64(len(b.encoded)), nil }

func (b *bench) merge() (float64, error) {
	return timed(func() (crdt.Update, error) {
		list := make([]crdt.Update, len(b.updates))
		for i, raw := range b.updates {
			u, err := crdt.ParseUpdate(raw)
			if err != nil {
				return crdt.Update{}, err
			}
			list[i] = u
		}
		return crdt.MergeUpdates(list...), nil
	})
}

func (b *bench) heap() (float64, error) {
	return heapOf(func() (*crdt.State, error) { return applyAll([][]byte{b.encoded}) })
}

func (b *bench) heapApplied() (float64, error) {
	return heapOf(func() (*crdt.State, error) { return applyAll(b.updates) })
}

// The document's heap is that of its state, too.
func (b *bench) documentHeap() (float64, error) {
	return heapOf(func() (*crdt.Doc, error) { return loadDocument(b.encoded) })
}

func (b *bench) documentHeapApplied() (float64, error) {
	return heapOf(func() (*crdt.Doc, error) { return integrateAll(b.updates) })
}

// heapOf measures what stays allocated of what build makes.
func heapOf[T any](build func() (T, error)) (float64, error) {
	used := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := used()
	made, err := build()
	n := float64(used()) - float64(before)
	runtime.KeepAlive(made)
	return n, err
}

// readUpdates reads the updates of a trace, which the oracle makes if need be.
func readUpdates(oracle, trace string) ([][]byte, error) {
	cached := filepath.Join("cache", trace+".updates")
	if _, err := os.Stat(filepath.Join(oracle, cached)); err != nil {
		if err := os.MkdirAll(filepath.Join(oracle, "cache"), 0o755); err != nil {
			return nil, err
		}
		cmd := exec.Command("node", "trace.mjs", "../traces/"+trace+".json.gz", cached)
		cmd.Dir, cmd.Stderr = oracle, os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("node trace.mjs (needs Node.js, and `npm ci` in %s): %w", oracle, err)
		}
	}
	b, err := os.ReadFile(filepath.Join(oracle, cached))
	if err != nil {
		return nil, err
	}
	var updates [][]byte
	for len(b) >= 4 {
		n := int(binary.LittleEndian.Uint32(b))
		if len(b)-4 < n {
			return nil, errors.New("the cached updates are truncated")
		}
		updates = append(updates, b[4:4+n:4+n])
		b = b[4+n:]
	}
	return updates, nil
}

// node is Yjs's side.
type node struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startNode(oracle, trace string) (*node, error) {
	cmd := exec.Command("node", "--expose-gc", "bench.mjs", filepath.Join("cache", trace+".updates"))
	cmd.Dir, cmd.Stderr = oracle, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	n := &node{cmd: cmd, in: in, out: bufio.NewScanner(out)}
	if !n.out.Scan() || n.out.Text() != "ready" {
		n.stop()
		return nil, errors.New("bench.mjs didn't get ready")
	}
	return n, nil
}

func (n *node) measure(op string) (float64, error) {
	if _, err := fmt.Fprintln(n.in, op); err != nil {
		return 0, err
	}
	if !n.out.Scan() {
		return 0, errors.Join(io.ErrUnexpectedEOF, n.out.Err())
	}
	return strconv.ParseFloat(strings.TrimSpace(n.out.Text()), 64)
}

func (n *node) stop() {
	n.in.Close()
	_ = n.cmd.Wait()
}
