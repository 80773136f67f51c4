package crdt_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// bound is what may be allocated for n bytes from outside.
func bound(n int) uint64 { return 16*uint64(n) + 1<<20 }

// gapsAllocated is how many times its size an update of many clients may allocate
// each of which has some gaps: each then has three lists of a few entries, and a
// short list takes as much again as what is in it. All else is within bound.
const gapsAllocated = 40

// TestMemory holds what is allocated for updates that were made to cost as much as
// possible: the result and what is garbage by then, except where it says kept.
func TestMemory(t *testing.T) {
	for _, c := range slices.Concat(hostileFrames, crowds) {
		bound := bound
		if c.name == gapsOfEach {
			bound = func(n int) uint64 { return gapsAllocated * uint64(n) }
		}
		t.Run(c.name, func(t *testing.T) {
			b := c.frame()
			var u crdt.Update
			check := func(what string, most uint64, f func()) {
				t.Helper()
				if got := allocated(f); got > most {
					t.Errorf("%s: %d bytes for an update of %d (%d times as much), more than %d", what, got, len(b), got/uint64(len(b)), most)
				}
			}
			check("parse", 1<<16, func() { u = parse(t, b) })
			check("ids", bound(len(b)), func() { u.Inserts().Union(u.Deletes()) })

			before := heap()
			s := crdt.NewState()
			spent := allocated(func() { s.Apply(u) })
			kept := heap() - before
			t.Logf("%d bytes of %d clients: %.1f times as much kept, %.1f allocated", len(b), s.Clients(), float64(kept)/float64(len(b)), float64(spent)/float64(len(b)))
			if kept > bound(len(b)) {
				t.Errorf("a state keeps %d bytes of %d, with %d clients", kept, len(b), s.Clients())
			}
			if spent > bound(len(b)) {
				t.Errorf("apply: %d bytes for %d, with %d clients", spent, len(b), s.Clients())
			}
			check("merge", bound(2*len(b)), func() { crdt.MergeUpdates(u, u) })
			check("encode", bound(len(b)), func() { s.Encode() })
			check("diff", bound(len(b)), func() { s.Diff(crdt.StateVector{1: 10}) })
			var snap crdt.Snapshot
			check("snapshot", bound(len(b)), func() { snap = s.Snapshot() })
			encoded := snap.Encode()
			check("read a snapshot", bound(len(encoded)), func() {
				if _, err := crdt.ParseSnapshot(encoded); err != nil && s.Clients() <= 1<<20 {
					t.Error(err)
				}
			})
			check("state at a snapshot", bound(len(b)+len(encoded)), func() {
				if _, err := s.At(snap); err != nil {
					t.Error(err)
				}
			})
			runtime.KeepAlive(b)
		})
	}
}

const gapsOfEach = "gaps of each client"

// crowds are updates of many clients with as little in each as can be.
var crowds = []hostileFrame{
	{"a GC struct of each client", func() []byte { return crowd(0, []byte{0, 1}) }},
	{"a GC struct of each client, ascending", func() []byte {
		return blocks(600_000, func(i int) (uint64, uint32) { return uint64(i), 0 })
	}},
	{"a delete range of each client", func() []byte {
		const n = 80_000
		b := lib0.AppendVarUint([]byte{0}, n)
		for i := uint64(n); i > 0; i-- {
			b = append(lib0.AppendVarUint(b, i), 1, 0, 1)
		}
		return b
	}},
	{"a letter of each client", func() []byte { return crowd(0, []byte{4, 1, 1, 't', 1, 'a'}) }},
	{"a letter of each client, in a root of its own", func() []byte {
		const n = 80_000
		b := lib0.AppendVarUint(nil, n)
		for i := uint64(n); i > 0; i-- {
			b = append(lib0.AppendVarUint(append(b, 1), i), 0, 4, 1)
			b = append(lib0.AppendVarString(b, fmt.Sprint(i)), 1, 'a')
		}
		return append(b, 0)
	}},
	{"a letter of each client, behind a gap", func() []byte { return crowd(5, []byte{4, 1, 1, 't', 1, 'a'}) }},
	{"a key, set by each client", func() []byte { return crowd(0, []byte{0x28, 1, 1, 'm', 1, 'k', 1, 126}) }},
	{"two letters of each client, apart", func() []byte {
		return crowd(0, []byte{4, 1, 1, 't', 1, 'a'}, []byte{4, 1, 1, 't', 1, 'b'})
	}},
	{gapsOfEach, func() []byte {
		gc, skip := []byte{0, 1}, []byte{10, 1}
		return crowd(0, gc, skip, gc, skip, gc)
	}},
}

// crowd makes an update in which each of 80,000 clients has the same structs.
func crowd(clock byte, structs ...[]byte) []byte {
	const n = 80_000
	b := lib0.AppendVarUint(nil, n)
	for i := uint64(n); i > 0; i-- {
		b = append(lib0.AppendVarUint(append(b, byte(len(structs))), i), clock)
		b = append(b, bytes.Join(structs, nil)...)
	}
	return append(b, 0)
}

// heap is what is allocated and can be reached.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemoryV2 holds what reading version 2 allocates, for updates whose version 1 is
// as large as it may be, and for those that are refused.
func TestMemoryV2(t *testing.T) {
	times := func(n uint64) []byte { return lib0.AppendVarUint(nil, n-2) }
	for _, c := range []struct {
		name   string
		column func(n uint64) v2Columns
	}{
		{"letters that come out of runs", func(n uint64) v2Columns {
			return v2Columns{
				clients:    append(lib0.AppendVarInt(nil, 1<<40, true), times(n+1)...),
				leftClocks: append([]byte{3}, times(n)...), infos: []byte{0x84},
				strings: append(lib0.AppendVarBytes(nil, bytes.Repeat([]byte("x"), int(n))), append([]byte{0x41}, times(n)...)...),
				rest:    append(append(lib0.AppendVarUint([]byte{1}, n), 5), 0),
			}
		}},
		{"GC structs that come out of runs", func(n uint64) v2Columns {
			return v2Columns{clients: uints(1), infos: []byte{0}, lengths: append([]byte{0x41}, times(n)...), rest: append(append(lib0.AppendVarUint([]byte{1}, n), 0), 0)}
		}},
		{"formats, each with a key", func(n uint64) v2Columns {
			return v2Columns{
				keyClocks: append([]byte{3}, times(n)...), clients: append([]byte{0x41}, times(n+1)...), leftClocks: append([]byte{3}, times(n)...),
				infos: []byte{0x86}, strings: append([]byte{0, 0x40}, times(n)...),
				rest: append(append(append(lib0.AppendVarUint([]byte{1}, n), 5), bytes.Repeat([]byte{120}, int(n))...), 0),
			}
		}},
		{"an embed with a long list", func(n uint64) v2Columns {
			rest := append(lib0.AppendVarUint([]byte{1, 1, 0, 117}, n), bytes.Repeat([]byte{126}, int(n))...)
			return v2Columns{clients: uints(1), infos: []byte{5}, isRoot: []byte{1}, strings: v2Strings("text", 4), rest: append(rest, 0)}
		}},
		{"an embed with a long text", func(n uint64) v2Columns {
			rest := lib0.AppendVarBytes([]byte{1, 1, 0, 119}, bytes.Repeat([]byte("\x01"), int(n)))
			return v2Columns{clients: uints(1), infos: []byte{5}, isRoot: []byte{1}, strings: v2Strings("text", 4), rest: append(rest, 0)}
		}},
		{"a delete set", func(n uint64) v2Columns {
			return v2Columns{rest: append(lib0.AppendVarUint([]byte{0, 1, 1}, n), bytes.Repeat([]byte{1, 0}, int(n))...)}
		}},
	} {
		for _, n := range []uint64{10, 1_000, 100_000, 1_000_000} {
			b := c.column(n).bytes()
			var u crdt.Update
			var err error
			spent := allocated(func() { u, err = crdt.ParseUpdateV2(b) })
			if spent > bound(len(b)) {
				t.Errorf("%s, %d: %d bytes allocated for %d", c.name, n, spent, len(b))
			}
			if n <= 1_000 && err != nil {
				t.Errorf("%s, %d: %v", c.name, n, err)
			}
			t.Logf("%s, %d: %d bytes, %d in version 1, %d allocated, %v", c.name, n, len(b), len(u.Bytes()), spent, err)
		}
	}
}
