package crdt_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

const frameLimit = 16 << 20

type hostileFrame struct {
	name  string
	frame func() []byte
}

// hostileFrames are frames made to cost as much as possible.
var hostileFrames = []hostileFrame{
	{"structs of two bytes", func() []byte {
		n := (frameLimit - 32) / 2
		b := lib0.AppendVarUint([]byte{1}, uint64(n))
		b = append(b, 1, 0)
		for range n {
			b = append(b, 0, 1)
		}
		return append(b, 0)
	}},
	{"blocks of one struct under one client", func() []byte {
		return blocks(frameLimit, func(i int) (uint64, uint32) { return 1, uint32(i) })
	}},
	{"blocks of one client, last first", func() []byte {
		return blocks(700_000, func(i int) (uint64, uint32) { return 1, uint32(1_000_000 - i) })
	}},
	{"a client for each block", func() []byte {
		return blocks(frameLimit, func(i int) (uint64, uint32) { return uint64(i + 1), 0 })
	}},
	{"100,000 clients", func() []byte {
		return blocks(700_000, func(i int) (uint64, uint32) { return uint64(1_000_000 - i), 0 })
	}},
	{"blocks without structs", func() []byte {
		n := (frameLimit - 32) / 3
		b := lib0.AppendVarUint(nil, uint64(n))
		for range n {
			b = append(b, 0, 1, 0)
		}
		return append(b, 0)
	}},
	{"clients that wait for each other in a chain", func() []byte { return manyClients(120_000) }},
	{"two clients that wait for each other at every struct", func() []byte { return zip(200_000) }},
	{"all wait for the last of one that waits often", waiters},
	{"overlapping delete ranges", func() []byte {
		n := frameLimit/5 - 32
		b := lib0.AppendVarUint([]byte{0, 1, 1}, uint64(n))
		for i := range n {
			b = lib0.AppendVarUint(b, uint64(i%100))
			b = lib0.AppendVarUint(b, uint64(300_000-i%1000))
		}
		return b
	}},
	{"delete ranges in descending order", func() []byte {
		const n = 1_500_000
		b := lib0.AppendVarUint([]byte{0, 1, 1}, uint64(n))
		for i := range uint64(n) {
			b = lib0.AppendVarUint(b, 2*(n-i))
			b = append(b, 1)
		}
		return b
	}},
	{"a delete set of a million clients in ascending order", func() []byte {
		const n = 1_000_000
		b := lib0.AppendVarUint([]byte{0}, n)
		for i := range uint64(n) {
			b = append(lib0.AppendVarUint(b, i), 1, 0, 1)
		}
		return b
	}},
	{"a delete set of a million clients", func() []byte {
		const n = 1_000_000
		b := lib0.AppendVarUint([]byte{0}, n)
		for i := range uint64(n) {
			b = lib0.AppendVarUint(b, n-i)
			b = append(b, 1, 0, 1)
		}
		return b
	}},
	{"a million roots", func() []byte {
		const n = 1_000_000
		b := lib0.AppendVarUint([]byte{1}, n)
		b = append(b, 1, 0)
		for i := range n {
			b = lib0.AppendVarString(append(b, 4, 1), fmt.Sprint(i))
			b = append(b, 1, 'x')
		}
		return append(b, 0)
	}},
	{"types in each other", func() []byte { return update(1, 0, nested(1, 1_500_000)...) }},
	{"types behind each other", func() []byte {
		structs := [][]byte{inRoot()}
		for i := range uint32(1_500_000) {
			structs = append(structs, beside(1, i))
		}
		return update(1, 0, structs...)
	}},
	{"types of two clients in each other by turns", func() []byte {
		b := []byte{2}
		for client := uint64(2); client > 0; client-- {
			b = append(lib0.AppendVarUint(b, 250_000), byte(client), 0)
			for i := range uint32(250_000) {
				switch {
				case client == 2:
					b = append(b, inside(1, i)...)
				case i == 0:
					b = append(b, inRoot()...)
				default:
					b = append(b, inside(2, i-1)...)
				}
			}
		}
		return append(b, 0)
	}},
	{"one long string of pairs", func() []byte {
		s := make([]byte, 0, frameLimit)
		for len(s) < frameLimit-64 {
			s = append(s, "😀"...)
		}
		return update(1, 0, first(string(s)))
	}},
	{"one long array", func() []byte {
		n := (frameLimit - 64)
		b := lib0.AppendVarString([]byte{8, 1}, "array")
		b = lib0.AppendVarUint(b, uint64(n))
		for range n {
			b = append(b, 126)
		}
		return update(1, 0, b)
	}},
}

// blocks makes as many blocks of one short GC struct as size allows.
func blocks(size int, block func(i int) (client uint64, clock uint32)) []byte {
	var body []byte
	n := 0
	for len(body) < size-32 {
		client, clock := block(n)
		body = lib0.AppendVarUint(append(body, 1), client)
		body = lib0.AppendVarUint(body, uint64(clock))
		body = append(body, 0, 1)
		n++
	}
	return append(append(lib0.AppendVarUint(nil, uint64(n)), body...), 0)
}

// zip makes two clients of n structs, each behind the other's last one.
func zip(n uint32) []byte {
	b := []byte{2}
	for client := uint64(2); client > 0; client-- {
		b = lib0.AppendVarUint(b, uint64(n))
		b = append(b, byte(client), 0)
		for i := range n {
			switch {
			case client == 2:
				b = append(b, after(1, i, "x")...)
			case i == 0:
				b = append(b, first("x")...)
			default:
				b = append(b, after(2, i-1, "x")...)
			}
		}
	}
	return append(b, 0)
}

// waiters makes two clients as zip does, and 50,000 that wait for the last struct.
func waiters() []byte {
	const n, others = 100_000, 50_000
	z := zip(n)
	b := lib0.AppendVarUint(nil, others+2)
	for i := uint64(others); i > 0; i-- {
		b = lib0.AppendVarUint(append(b, 1), i+2)
		b = append(append(b, 0), after(2, n-1, "x")...)
	}
	return append(b, z[1:]...)
}

// TestHostileFrames holds time and memory of handling one frame: check it, fit it
// to a document, and stage it if it is within the limits on what a frame adds. All
// that is allocated on the way, garbage or not, must stay below 64 MiB with the
// frame itself. The times are logged; the bound only catches what isn't linear.
func TestHostileFrames(t *testing.T) {
	base := crdt.NewState()
	base.Apply(parse(t, update(1, 0, gc(400_000))))
	var holes [][2]uint32
	for i := range uint32(100_000) {
		holes = append(holes, [2]uint32{3 * i, 1})
	}
	sparse := crdt.NewState()
	sparse.Apply(parse(t, update(1, 0, first(string(make([]byte, 400_000))))))
	sparse.Apply(parse(t, deletion(1, holes...)))
	for _, c := range hostileFrames {
		t.Run(c.name, func(t *testing.T) {
			frame := c.frame()
			if len(frame) > frameLimit {
				t.Fatalf("%d bytes", len(frame))
			}
			for _, s := range []*crdt.State{crdt.NewState(), base, sparse} {
				took, took2, allocated := handle(t, frame, crdt.Known{s, crdt.NewState(), crdt.NewState()})
				t.Logf("%d bytes: %v to fit, %v to stage, %d MiB allocated", len(frame), took, took2, allocated>>20)
				if allocated > 64<<20-uint64(len(frame)) {
					t.Errorf("%d MiB allocated beside the frame", allocated>>20)
				}
				if took+took2 > 2*time.Minute {
					t.Errorf("took %v", took+took2)
				}
			}
		})
	}
}

// TestTooMany holds that an update which Fit gives up on looks like what it is:
// above the limits, and not like one that adds nothing or has to wait.
func TestTooMany(t *testing.T) {
	for _, c := range hostileFrames {
		if c.name != "a client for each block" && c.name != "delete ranges in descending order" {
			continue
		}
		base := crdt.NewState()
		base.Apply(parse(t, update(1, 0, gc(1), first(string(make([]byte, 1<<22))))))
		u := parse(t, c.frame())
		fit := crdt.Known{base, crdt.NewState()}.Fit(u, nil)
		if fit.Structs != crdt.TooMany || fit.Update.IsEmpty() || fit.Missing || fit.Foreign {
			t.Errorf("%s: %d structs, missing %v, foreign %v", c.name, fit.Structs, fit.Missing, fit.Foreign)
		}
	}
}

func TestHostileStateVector(t *testing.T) {
	for _, n := range []uint64{1 << 20, 3 << 20} {
		b := lib0.AppendVarUint(nil, n)
		for i := range n {
			b = append(lib0.AppendVarUint(b, i), 1)
		}
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		sv, err := crdt.ParseStateVector(b)
		runtime.ReadMemStats(&after)
		if (err == nil) != (n <= 1<<20) || err == nil && len(sv) != int(n) {
			t.Errorf("%d clients: %d, %v", n, len(sv), err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20-uint64(len(b)) {
			t.Errorf("%d clients: %d MiB allocated", n, got>>20)
		}
	}
}

func handle(t *testing.T, frame []byte, known crdt.Known) (fitted, staged time.Duration, allocated uint64) {
	t.Helper()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	u := parse(t, frame)
	fit := known.Fit(u, nil)
	fitted = time.Since(start)
	if fit.Structs <= 500_000 && fit.NewClients <= 50_000 && fit.DeleteRanges <= 100_000 && fit.NewRoots <= 10_000 {
		known[2].Apply(fit.Update)
	}
	staged = time.Since(start) - fitted
	runtime.ReadMemStats(&after)
	return fitted, staged, after.TotalAlloc - before.TotalAlloc
}

// gc makes a GC struct of a length.
func gc(length uint32) []byte { return lib0.AppendVarUint([]byte{0}, uint64(length)) }
