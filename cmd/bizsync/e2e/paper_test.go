package e2e

import (
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
)

// oracle is the folder of the engine's programs that ask Yjs; one of them replays a trace and writes the updates that it emits.
const oracle = "../../../collab/crdt/testdata/oracle"

// paper is a person's writing of a whole paper, keystroke by keystroke.
type paper struct {
	updates [][]byte // as Yjs emits them, one for each keystroke
	text    string   // in the end
}

var readPaper = sync.OnceValues(func() (*paper, error) {
	trace, err := os.Open(filepath.Join(oracle, "../traces/automerge-paper.json.gz"))
	if err != nil {
		return nil, err
	}
	defer trace.Close()
	unzipped, err := gzip.NewReader(trace)
	if err != nil {
		return nil, err
	}
	var recorded struct{ EndContent string }
	if err := json.NewDecoder(unzipped).Decode(&recorded); err != nil {
		return nil, err
	}
	p := &paper{text: recorded.EndContent}

	made := filepath.Join("cache", "automerge-paper.updates")
	if _, err := os.Stat(filepath.Join(oracle, made)); err != nil {
		if err := os.MkdirAll(filepath.Join(oracle, "cache"), 0o755); err != nil {
			return nil, err
		}
		cmd := exec.Command("node", "trace.mjs", "../traces/automerge-paper.json.gz", made)
		cmd.Dir = oracle
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, errors.Join(err, errors.New(string(out)), errors.New("it needs Node.js, and: npm ci --prefix collab/crdt/testdata/oracle"))
		}
	}
	b, err := os.ReadFile(filepath.Join(oracle, made))
	if err != nil {
		return nil, err
	}
	for len(b) > 0 {
		if len(b) < 4 || uint64(len(b)-4) < uint64(binary.LittleEndian.Uint32(b)) {
			return nil, errors.New("the updates are cut off; remove " + made)
		}
		end := 4 + int(binary.LittleEndian.Uint32(b))
		p.updates = append(p.updates, b[4:end])
		b = b[end:]
	}
	return p, nil
})

// BenchmarkPaper sends the 259,778 updates of the trace automerge-paper from one client through the server and has each acknowledged, so committed to the
// disk. The limit on a connection's rate is lifted, except for typing.
//
//	go test -run '^$' -bench Paper -benchtime 1x ./cmd/bizsync/e2e
func BenchmarkPaper(b *testing.B) {
	paper, err := readPaper()
	if err != nil {
		b.Fatal(err)
	}
	unlimited := []string{"--limit-updates-per-second", "1e9", "--limit-update-burst", "1000000000"}
	for _, way := range []struct {
		name    string
		flags   []string
		window  int           // frames on their way
		updates int           // of the paper
		every   time.Duration // 0: as fast as the window allows
	}{
		{name: "whole,window=1000", flags: unlimited, window: 1000, updates: len(paper.updates)},
		{name: "whole,window=100", flags: unlimited, window: 100, updates: len(paper.updates)},
		{name: "one_at_a_time", flags: unlimited, window: 1, updates: 5000},
		{name: "typing,200_a_second", window: 1000, updates: 2000, every: 5 * time.Millisecond},
	} {
		b.Run(way.name, func(b *testing.B) {
			s := startServer(b, append([]string{"--log-level", "info"}, way.flags...)...)
			admin := s.Admin()
			for b.Loop() {
				doc := admin.Document("The paper")
				writer := newTypist(b, s, doc, admin.Token(doc), way.window)
				began := time.Now()
				took, err := writer.write(b.Context(), paper.updates[:way.updates], way.every)
				spent := time.Since(began)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(way.updates)/spent.Seconds(), "updates/s")
				b.ReportMetric(took.Percentile(50).Seconds()*1000, "ack-p50-ms")
				b.ReportMetric(took.Percentile(99).Seconds()*1000, "ack-p99-ms")
				writer.hangUp()
				if way.updates == len(paper.updates) && s.readFresh(b, doc, admin.Token(doc)).Text != paper.text {
					b.Error("a fresh client reads another text than the trace ends with")
				}
			}
		})
	}
}

// write sends updates, one at each tick or as fast as the window allows, and waits until all are acknowledged.
func (y *typist) write(ctx context.Context, updates [][]byte, every time.Duration) (timing.Sample, error) {
	var tick <-chan time.Time
	if every > 0 {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		tick = ticker.C
	}
	for _, u := range updates {
		if tick != nil {
			<-tick
		}
		if err := y.send(ctx, u); err != nil {
			return nil, err
		}
	}
	return y.settle(ctx)
}
