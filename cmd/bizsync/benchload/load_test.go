package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/wire"
)

// brief is a load of 5 rooms of 4 people, of whom 2 type 20 updates each.
var brief = typing{rooms: 5, clients: 4, writers: 2, rate: 100, measured: 200 * time.Millisecond, drain: 5 * time.Second, stall: 300 * time.Millisecond}

// The harness counts exactly what a server does wrong, and nothing when it does everything right.
func TestCountsFaults(t *testing.T) {
	for name, f := range map[string]*faultyServer{
		"none":             {},
		"none, Hocuspocus": {hocuspocus: true},
		"echoes":           {echoes: true},
		"loses":            {loseEach: 37},
		"doubles":          {doubleEach: 41},
		"loses, doubles":   {loseEach: 37, doubleEach: 41, hocuspocus: true},
		"merges":           {merges: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := f.run(t)
			r, err := brief.run(t.Context(), s, testScripts(t, 2, 100), profiler{})
			if err != nil {
				t.Fatal(err)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			// 5 rooms × 2 writers × 20 updates, each to the 3 others.
			if r.sent != 200 || r.expected != 600 || r.lost != f.lost || r.doubled != f.doubled || r.delivered != 600-f.lost || r.foreign+r.malformed+r.refused > 0 || len(r.failures) > 0 {
				t.Errorf("%+v; the server lost %d, doubled %d", r, f.lost, f.doubled)
			}
			if (f.echoes || f.merges > 0) != (r.echoed == 200) {
				t.Errorf("%d echoes", r.echoed)
			}
			if f.merges > 0 && (r.frames != f.merged*4 || r.frames*2 > r.delivered) {
				t.Errorf("%d frames came, %d were sent to 4 people each", r.frames, f.merged)
			}
			if r.latency.Count() != r.delivered || r.latency.Most() <= 0 || r.lag.Count() != 200 {
				t.Errorf("%d latencies, %v the most; %d times the own lag", r.latency.Count(), r.latency.Most(), r.lag.Count())
			}
		})
	}
}

// What is due before the warm-up has ended is delivered, and not measured.
func TestWarmUpIsNotMeasured(t *testing.T) {
	t.Parallel()
	load := brief
	load.warmUp = 100 * time.Millisecond
	r, err := load.run(t.Context(), (&faultyServer{}).run(t), testScripts(t, 2, 100), profiler{})
	if err != nil {
		t.Fatal(err)
	}
	// 10 updates of each of the 10 writers are due before.
	if r.delivered != 900 || r.counted != 600 || r.latency.Count() != r.counted {
		t.Errorf("%d delivered, %d of them counted, %d latencies", r.delivered, r.counted, r.latency.Count())
	}
}

// What was told and isn't committed is a failure.
func TestComparesWhatIsCommitted(t *testing.T) {
	t.Parallel()
	scripts := testScripts(t, 2, 20)
	whole := joinUpdates(append(slices.Clone(scripts[0].updates), scripts[1].updates...))
	s := (&faultyServer{}).run(t)
	s.committed = func(_ context.Context, room string) ([]byte, error) {
		if room == "room-3" {
			return cutStructs(whole, 40)[0], nil
		}
		return whole, nil
	}
	r, err := brief.run(t.Context(), s, scripts, profiler{})
	if err != nil {
		t.Fatal(err)
	}
	if r.compared != 5 || r.uncommitted != 1 || len(r.failures) != 1 {
		t.Errorf("%d compared, %d not committed, %q", r.compared, r.uncommitted, r.failures)
	}
}

// A server that ends connections in the middle fails, and doesn't hang the harness.
func TestDroppedConnections(t *testing.T) {
	t.Parallel()
	r, err := brief.run(t.Context(), (&faultyServer{dropsAfter: 50}).run(t), testScripts(t, 2, 100), profiler{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.failures) == 0 || r.clean(time.Minute) {
		t.Errorf("nothing failed: %+v", r)
	}
}

// The most is looked for between what is clean and what isn't.
func TestSaturation(t *testing.T) {
	const scripted = 5000
	for _, c := range []struct {
		name             string
		most             float64 // rate that the server stands
		tried            int
		lowest, highest  float64 // what is found
		limitless, fails bool
	}{
		{"between two steps", 700, 9, 650, 700, false, false},
		{"below the first rate", 30, 7, 27, 30, false, false},
		{"more than there is to type", 1e9, 6, 2560, 2560, true, false},
		{"nothing", 0, 4, 0, 0, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tried []float64
			search := saturation{typing: typing{rate: 80, measured: time.Second}, factor: 2, steps: 12}
			r, err := search.search(scripted, func(rate float64) (*step, error) {
				tried = append(tried, rate)
				return &step{result: &result{counted: uint64(rate), span: time.Second}, rate: rate, ok: rate <= c.most}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(tried) != c.tried || r.highest() < c.lowest || r.highest() > c.highest || strings.HasPrefix(r.limit(), "no rate failed") != c.limitless || (len(r.failures) > 0) != c.fails {
				t.Errorf("%v were tried, %v found, %q, failures %q", tried, r.highest(), r.limit(), r.failures)
			}
			if uint64(r.highest()) != r.counted {
				t.Errorf("%d deliveries are told of the rate %v", r.counted, r.highest())
			}
		})
	}
}

// Noise is given a second chance, and no third one.
func TestSaturationRepeatsDisturbedSteps(t *testing.T) {
	var tried []float64
	search := saturation{typing: typing{rate: 80, measured: time.Second}, factor: 2, steps: 6}
	r, err := search.search(5000, func(rate float64) (*step, error) {
		tried = append(tried, rate)
		one := &step{result: &result{counted: uint64(rate), span: time.Second}, rate: rate, ok: rate < 160 || len(tried) == 3}
		if !one.ok {
			one.use = use{wall: time.Second, machine: time.Second}
		}
		return one, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float64{80, 160, 160, 320, 320, 240}; !slices.Equal(tried, want) || r.highest() != 160 {
		t.Errorf("%v were tried, not %v; %v found", tried, want, r.highest())
	}
}

func TestSaturationAtAServer(t *testing.T) {
	t.Parallel()
	f := &faultyServer{loseEach: 5}
	search := saturation{typing: brief, factor: 4, steps: 3, latency: time.Minute}
	r, err := search.run(t.Context(), f.run(t), testScripts(t, 2, 100), profiler{}, io.Discard)
	if err != nil || r.highest() != 0 || len(r.failures) == 0 || len(r.steps) < 2 {
		t.Errorf("a server that loses is clean at %v in %d steps (%v)", r.highest(), len(r.steps), err)
	}
}

func TestClean(t *testing.T) {
	good := func() *result {
		r := &result{counted: 100, sent: 96, offered: 100, sendSpan: time.Second}
		r.latency.Add(time.Second)
		return r
	}
	for name, spoil := range map[string]func(*result){
		"lost": func(r *result) { r.lost = 1 }, "failed": func(r *result) { r.fail("", 1, nil) }, "nothing came": func(r *result) { r.counted = 0 },
		"late": func(r *result) { r.latency.Add(3 * time.Second) }, "not sent": func(r *result) { r.sent = 94 },
	} {
		r := good()
		if !r.clean(2 * time.Second) {
			t.Fatal("a good result isn't clean")
		}
		if spoil(r); r.clean(2 * time.Second) {
			t.Errorf("%s, and it is clean", name)
		}
	}
}

// A document is there when all of it has come, in however many messages; an empty step 2 of somebody else's doesn't count.
func TestJoining(t *testing.T) {
	for name, f := range map[string]*faultyServer{
		"whole":             {},
		"whole, Hocuspocus": {hocuspocus: true},
		"in pieces":         {pieces: 5},
		"after a lie":       {pieces: 3, liesFirst: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := joining{document: largeDocument(700), alone: 2, together: 5, rounds: 1}.run(t.Context(), f.run(t), profiler{})
			if err != nil {
				t.Fatal(err)
			}
			if r.latency.Count() != 2 || r.together.Count() != 5 || r.connections != 7 || len(r.failures) > 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestJoiningNeedsEverything(t *testing.T) {
	t.Parallel()
	all := coverage{}
	if err := all.add(largeDocument(70)); err != nil {
		t.Fatal(err)
	}
	n := &newcomer{maybe: make(chan struct{}), enough: 1}
	pieces := cutStructs(largeDocument(70), 3)
	for i, piece := range [][]byte{{0, 0}, pieces[2], pieces[0], pieces[0], pieces[1]} {
		if _, ok, err := n.took(all); ok || err != nil {
			t.Fatalf("after %d messages: complete %v (%v)", i, ok, err)
		}
		step := uint64(wire.StepUpdate)
		if i == 0 {
			step = wire.Step2
		}
		if err := n.hear(step, piece, time.Duration(i+1)*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if took, ok, err := n.took(all); !ok || err != nil || took != 5*time.Second {
		t.Errorf("complete %v after %v (%v)", ok, took, err)
	}
}

func TestCursors(t *testing.T) {
	load := cursors{clients: 6, every: 50 * time.Millisecond, warmUp: 100 * time.Millisecond, measured: 300 * time.Millisecond, settle: 500 * time.Millisecond}
	for name, f := range map[string]*faultyServer{"none": {}, "loses": {loseAwarenessFrom: 150}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := load.run(t.Context(), f.run(t), profiler{})
			if err != nil {
				t.Fatal(err)
			}
			if r.connections != 6 || len(r.failures) > 0 || r.malformed > 0 || r.latency.Count() == 0 || r.sent == 0 {
				t.Errorf("%+v", r)
			}
			if (r.lost > 0) != (f.loseAwarenessFrom > 0) {
				t.Errorf("%d last positions are unknown", r.lost)
			}
			// Everybody moves 8 times, and 5 others send each move on.
			if f.loseAwarenessFrom == 0 && r.sent != 6*8*5 {
				t.Errorf("%d moves were sent on", r.sent)
			}
		})
	}
}

func TestIdling(t *testing.T) {
	t.Parallel()
	f := &faultyServer{}
	r, err := idling{connections: 6}.run(t.Context(), f.run(t), profiler{})
	if err != nil || r.connections != 6 || len(r.failures) > 0 {
		t.Errorf("%+v (%v)", r, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.rooms) != 3 || f.awareness != 6 {
		t.Errorf("%d rooms, %d awareness states", len(f.rooms), f.awareness)
	}
}

func TestTable(t *testing.T) {
	columns := []column{{"a", "A", false}, {"b", "B", false}, {"ours", "Ours", true}}
	all := []scenario{
		{name: "most", title: "the most", figures: []figure{deliveries(atLeast("1.5 times the better", 1.5))}},
		{name: "least", title: "the least", figures: []figure{perMillion(atMost("1/2 of the better", 0.5)), latency(under(time.Second))}},
		{name: "never"},
	}
	measured := results{}
	for column, counted := range map[string]uint64{"a": 1000, "b": 2000, "ours": 3000} {
		for _, factor := range []uint64{1, 1, 9} { // a disturbed run
			r := &result{counted: counted * factor, span: time.Second, use: use{wall: time.Second, parts: []spent{{cpu: time.Second}}, machine: time.Second}}
			if factor > 1 {
				r.use.machine, r.lost = 2*time.Second, 7
			}
			r.latency.Add(2 * time.Second)
			measured.add("most", column, r)
			measured.add("least", column, r)
		}
	}
	var b strings.Builder
	table(&b, all, columns, measured)
	for _, row := range []string{
		"| the most | deliveries/s | 1000 | 2000 | 3000 | ≥ 1.5 times the better | 1.50, met |\n",
		"| the least | CPU s per 1M deliveries | 1000.0 | 500.0 | 333.3 | ≤ 1/2 of the better | 0.67, NOT met |\n",
		"| p99 | 2000 ms | 2000 ms | 2000 ms | ≤ 1s | 2.00, NOT met |\n",
		"| lost, doubled; failures (of all runs) | 7, 0; 0 | 7, 0; 0 | 7, 0; 0 |  |  |\n",
		"| runs that count | 2 of 3 | 2 of 3 | 2 of 3 |  |  |\n",
	} {
		if !strings.Contains(b.String(), row) {
			t.Errorf("no row %q in\n%s", row, b.String())
		}
	}
	b.Reset()
	table(&b, all[:1], columns[2:], measured)
	if !strings.Contains(b.String(), "nothing to compare with") {
		t.Errorf("alone, ours is compared with something:\n%s", b.String())
	}
}
