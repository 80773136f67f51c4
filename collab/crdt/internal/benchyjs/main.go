// Command benchyjs measures the engine beside Yjs under Node.js, both on the updates of one recorded editing session, interleaved in one run, and prints a table.
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
)

func main() {
	oracle := flag.String("oracle", "collab/crdt/testdata/oracle", "`folder` with Yjs installed by npm ci")
	trace := flag.String("trace", "automerge-paper", "`name` of a trace in testdata/traces")
	rounds := flag.Int("rounds", 5, "rounds; medians are shown")
	flag.Parse()
	if err := run(*oracle, *trace, *rounds, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "benchyjs:", err)
		os.Exit(1)
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
	results := make(map[string][2][]float64)
	for range rounds {
		for _, op := range operations {
			theirs, err := yjs.measure(op.name)
			if err != nil {
				return fmt.Errorf("measure %s in Yjs: %w", op.name, err)
			}
			r := results[op.name]
			r[0] = append(r[0], op.run(ours))
			r[1] = append(r[1], theirs)
			results[op.name] = r
		}
	}
	fmt.Fprintf(out, "%s: %d updates; medians of %d rounds, ours and Yjs by turns; %s\n\n", trace, len(updates), rounds, runtime.Version())
	fmt.Fprintln(out, "| | ours | Yjs | ours / Yjs | target |")
	fmt.Fprintln(out, "| --- | ---: | ---: | ---: | ---: |")
	for _, op := range operations {
		a, b := median(results[op.name][0]), median(results[op.name][1])
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s |\n", op.title, op.format(a), op.format(b), ratio(a/b), op.target)
	}
	return nil
}

// operation is a row of the table: bench.mjs has the same names.
type operation struct {
	name, title, target string
	format              func(float64) string
	run                 func(*bench) float64
}

var operations = []operation{
	{"apply", "check and apply all updates", "<= 1/20", milliseconds, (*bench).apply},
	{"encode", "encode the state", "", milliseconds, (*bench).encode},
	{"diff", "diff for a peer who has half", "", milliseconds, (*bench).diff},
	{"load", "check and load the state", "<= 1/3", milliseconds, (*bench).load},
	{"merge", "merge all updates (Yjs in chunks of 256)", "<= 1/20", milliseconds, (*bench).merge},
	{"text", "load the state, integrate, read its text", "<= 1/2", milliseconds, (*bench).text},
	{"bytes", "bytes of the state", "<= 0.9", bytesOf, (*bench).bytes},
	{"heap", "heap of the state, loaded", "<= 0.45", bytesOf, (*bench).heap},
	{"heap applied", "heap of the state, all updates applied", "<= 0.45", bytesOf, (*bench).heapApplied},
}

func milliseconds(ms float64) string { return fmt.Sprintf("%.2f ms", ms) }

func bytesOf(n float64) string { return fmt.Sprintf("%.0f kB", n/1000) }

func ratio(r float64) string {
	if r > 0 && r < 0.1 {
		return fmt.Sprintf("1/%.0f", 1/r)
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
	b.whole = applyAll(updates)
	b.half = applyAll(updates[:len(updates)/2]).StateVector()
	b.encoded = b.whole.Encode().Bytes()
	return b, nil
}

// applyAll checks and applies updates that newBench has found sound.
func applyAll(updates [][]byte) *crdt.State {
	s := crdt.NewState()
	for _, raw := range updates {
		u, err := crdt.ParseUpdate(raw)
		if err != nil {
			panic(err)
		}
		s.Apply(u)
	}
	return s
}

// atLeast is how long an operation is repeated for one measurement, in bench.mjs
// as well: on a busy machine a short one says little.
const atLeast = 300 * time.Millisecond

// timed gives the mean milliseconds that f takes.
func timed(f func()) float64 {
	runtime.GC()
	start := time.Now()
	for n := 1; ; n++ {
		f()
		if took := time.Since(start); took >= atLeast {
			return float64(took.Nanoseconds()) / 1e6 / float64(n)
		}
	}
}

func (b *bench) apply() float64  { return timed(func() { applyAll(b.updates) }) }
func (b *bench) encode() float64 { return timed(func() { b.whole.Encode() }) }
func (b *bench) diff() float64   { return timed(func() { b.whole.Diff(b.half) }) }
func (b *bench) load() float64   { return timed(func() { applyAll([][]byte{b.encoded}) }) }
func (b *bench) bytes() float64  { return float64(len(b.encoded)) }

func (b *bench) merge() float64 {
	return timed(func() {
		list := make([]crdt.Update, len(b.updates))
		for i, raw := range b.updates {
			u, err := crdt.ParseUpdate(raw)
			if err != nil {
				panic(err)
			}
			list[i] = u
		}
		crdt.MergeUpdates(list...)
	})
}

func (b *bench) text() float64 {
	return timed(func() {
		if _, err := applyAll([][]byte{b.encoded}).Text("text"); err != nil {
			panic(err)
		}
	})
}

func (b *bench) heap() float64 {
	return heapOf(func() *crdt.State { return applyAll([][]byte{b.encoded}) })
}

func (b *bench) heapApplied() float64 {
	return heapOf(func() *crdt.State { return applyAll(b.updates) })
}

// heapOf measures what stays allocated of a state.
func heapOf(build func() *crdt.State) float64 {
	used := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := used()
	s := build()
	n := float64(used()) - float64(before)
	runtime.KeepAlive(s)
	return n
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
