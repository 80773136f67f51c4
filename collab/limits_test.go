package collab

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// wireStruct is one struct of a client's block: its info byte, and what follows that.
type wireStruct struct {
	info byte
	rest []byte
}

// blocks is an update of one block a client, each from clock 0 on, and no deletions.
func blocks(first uint64, of ...[]wireStruct) []byte {
	b := lib0.AppendVarUint(nil, uint64(len(of)))
	for i, structs := range of {
		b = lib0.AppendVarUint(b, uint64(len(structs)))
		b = lib0.AppendVarUint(b, first+uint64(len(of)-i))
		b = lib0.AppendVarUint(b, 0)
		for _, s := range structs {
			b = append(append(b, s.info), s.rest...)
		}
	}
	return append(b, 0)
}

// inRoot is a struct in a root type.
func inRoot(kind byte, root string, content []byte) wireStruct {
	return wireStruct{kind, slices.Concat([]byte{1}, lib0.AppendVarString(nil, root), content)}
}

var (
	letter = lib0.AppendVarString(nil, "x")
	array  = []byte{0} // a Y.Array
)

// each makes n structs; structs that may not be joined to their neighbours in a root of their own kind.
func each(n int, make func(i int) wireStruct) (all []wireStruct) {
	for i := range n {
		all = append(all, make(i))
	}
	return all
}

func separate(n int) []byte {
	return blocks(100, each(n, func(int) wireStruct {
		return inRoot(6, "t", lib0.AppendVarString(lib0.AppendVarString(nil, "bold"), "true"))
	}))
}

func byClients(n int) []byte {
	var of [][]wireStruct
	for range n {
		of = append(of, []wireStruct{inRoot(4, "t", letter)})
	}
	return blocks(100, of...)
}

func inRoots(n int) []byte {
	return blocks(100, each(n, func(i int) wireStruct { return inRoot(4, fmt.Sprint("root ", i), letter) }))
}

// nestedTypes is an array in an array, and so on.
func nestedTypes(depth int) []byte {
	return blocks(100, each(depth, func(i int) wireStruct {
		if i == 0 {
			return inRoot(7, "t", array)
		}
		return wireStruct{7, slices.Concat([]byte{0}, lib0.AppendVarUint(nil, 101), lib0.AppendVarUint(nil, uint64(i-1)), array)}
	}))
}

// holes deletes every second letter of client 101, n of them.
func holes(n int) []byte {
	b := lib0.AppendVarUint([]byte{0, 1}, 101)
	b = lib0.AppendVarUint(b, uint64(n))
	for i := range n {
		b = lib0.AppendVarUint(lib0.AppendVarUint(b, uint64(2*i)), 1)
	}
	return b
}

func text(n int) []byte {
	return blocks(100, []wireStruct{inRoot(4, "t", lib0.AppendVarString(nil, strings.Repeat("x", n)))})
}

// What a frame adds is taken up to each limit, and refused above it as a whole: said so, and nothing of it stored; the socket stays.
func TestLimitsOfAFrame(t *testing.T) {
	const limit = 20
	tests := []struct {
		name   string
		limits Limits
		before []byte // the document
		frame  func(n int) []byte
		most   int // the largest n that is taken
	}{
		{"structs", Limits{FrameStructs: limit}, nil, separate, limit},
		{"client ids", Limits{FrameClients: limit}, nil, byClients, limit},
		{"delete ranges", Limits{FrameDeleteRanges: limit}, text(4 * limit), holes, limit},
		{"root types", Limits{FrameRoots: limit}, nil, inRoots, limit},
		{"depth of types", Limits{TypeDepth: limit}, nil, nestedTypes, limit},
		{"structs by default", Limits{}, nil, separate, 500_000},
		{"client ids by default", Limits{}, nil, byClients, 50_000},
		{"delete ranges by default", Limits{}, text(200_002), holes, 100_000},
		{"root types by default", Limits{}, nil, inRoots, 10_000},
		{"depth of types by default", Limits{}, nil, nestedTypes, 256},
	}
	for _, tt := range tests {
		sizes := []int{tt.most - 1, tt.most, tt.most + 1}
		if tt.limits == (Limits{}) {
			sizes = sizes[1:] // the large ones take their time
		}
		for _, n := range sizes {
			t.Run(fmt.Sprintf("%s/%d", tt.name, n), func(t *testing.T) {
				code := 0
				if n > tt.most {
					code = CloseTooLarge
				}
				inLab(t, 3, Options{Limits: tt.limits}, func(l *lab) { l.decided(tt.before, tt.frame(n), code) })
			})
		}
	}
	// The document has more than each limit by now, and still takes frames that add little.
	inLab(t, 3, Options{Limits: Limits{FrameStructs: limit, FrameRoots: limit}}, func(l *lab) {
		a := l.open(0)
		for i := range 3 {
			a.raw(syncUpdate, mustParse(blocks(uint64(200+i), each(limit, func(k int) wireStruct { return inRoot(4, fmt.Sprint("root ", i, " ", k), letter) }))))
			l.settle()
		}
		a.raw(syncStep2, l.fresh(l, l.doc).Encode()) // all that there is already counts as nothing
		l.settle()
		a.wantAcked(l, true)
		a.wantRefused(l)
	})
}

// decided sends an update into the document and checks that it is stored (code 0), or refused with a code and not stored.
func (l *lab) decided(before, frame []byte, code int) {
	l.Helper()
	a := l.openSilent(0)
	if before != nil {
		a.raw(syncUpdate, mustParse(before))
		l.settle()
	}
	hash := l.fresh(l, l.doc).Hash()
	a.raw(syncUpdate, mustParse(frame))
	l.settle()
	a.wantAcked(l, true)
	if code == 0 {
		a.wantRefused(l)
	} else {
		a.wantRefused(l, code)
	}
	if stored := l.fresh(l, l.doc).Hash() != hash; stored != (code == 0) {
		l.Errorf("stored: %v", stored)
	}
	a.wantClosed(l, 0)
}

// A document grows up to its limit, its client ids counted as what they take in memory; at that it can still be emptied.
func TestLimitOfADocument(t *testing.T) {
	before, frame := text(500), blocks(300, []wireStruct{inRoot(4, "t", lib0.AppendVarString(nil, strings.Repeat("y", 100)))})
	s := crdt.NewState()
	s.Apply(mustParse(before))
	needed := s.Size() + clientBytes*s.Clients() + len(frame)
	for _, tt := range []struct{ limit, code int }{{needed + 1, 0}, {needed, 0}, {needed - 1, CloseTooLarge}} {
		inLab(t, 3, Options{Limits: Limits{DocumentBytes: tt.limit}}, func(l *lab) {
			l.decided(before, frame, tt.code)
			b := l.openSilent(0)
			b.raw(syncUpdate, deletion(crdt.ID{Client: 101}, 500))
			l.settle()
			b.wantAcked(l, true)
			b.wantRefused(l)
		})
	}
}

// The format's own bounds are no settings: what was stored under one value would be malformed under another. Beyond them nothing is Yjs's any more: malformed.
func TestBoundsOfTheFormat(t *testing.T) {
	const ids, clocks, depth = 1 << 53, 1 << 31, lib0.MaxAnyDepth
	values := func(tag []byte) func(n uint64) []byte {
		return func(n uint64) []byte {
			return blocks(100, []wireStruct{inRoot(8, "t", slices.Concat([]byte{1}, bytes.Repeat(tag, int(n)), []byte{126}))})
		}
	}
	number := func(n uint64) []byte { return lib0.AppendVarUint(nil, n) }
	for _, tt := range []struct {
		name   string
		most   uint64 // the largest value that is well formed
		before []byte
		frame  func(n uint64) []byte
	}{
		{"client ids below 2^53", ids - 1, nil, func(n uint64) []byte { return blocks(n-1, []wireStruct{inRoot(4, "t", letter)}) }},
		{"ends of structs below 2^31", clocks - 1, nil, func(n uint64) []byte { return blocks(100, []wireStruct{inRoot(1, "t", number(n))}) }},
		{"ends of GC structs below 2^31", clocks - 1, nil, func(n uint64) []byte { return blocks(100, []wireStruct{{0, number(n)}}) }},
		{"ends of delete ranges below 2^31", clocks - 1, blocks(100, []wireStruct{inRoot(1, "t", number(clocks-1))}),
			func(n uint64) []byte { return slices.Concat([]byte{0, 1, 101, 1, 7}, number(n-7)) }},
		{"arrays in any-values 64 deep", depth, nil, values([]byte{117, 1})},
		{"objects in any-values 64 deep", depth, nil, values([]byte{118, 1, 1, 'k'})},
		{"JSON 64 deep", depth, nil, func(n uint64) []byte {
			return blocks(100, []wireStruct{inRoot(5, "t", lib0.AppendVarString(nil, strings.Repeat("[", int(n))+strings.Repeat("]", int(n))))})
		}},
	} {
		for _, n := range []uint64{tt.most - 1, tt.most, tt.most + 1} {
			t.Run(fmt.Sprintf("%s/%d", tt.name, n), func(t *testing.T) {
				inLab(t, 3, Options{}, func(l *lab) {
					if n <= tt.most && tt.before == nil {
						l.decided(nil, tt.frame(n), 0)
						return
					}
					if n <= tt.most { // it is well formed, and refers to what is there, but adds nothing
						a := l.openSilent(0)
						a.raw(syncUpdate, mustParse(tt.before))
						a.raw(syncUpdate, mustParse(tt.frame(n)))
						l.settle()
						a.wantAcked(l, true)
						a.wantRefused(l)
						a.wantClosed(l, 0)
						return
					}
					for _, step := range []byte{syncStep2, syncUpdate} {
						a := l.openSilent(0)
						hash := l.fresh(l, l.doc).Hash()
						a.mu.Lock()
						a.send(lib0.AppendVarBytes([]byte{0, step}, tt.frame(n)))
						a.mu.Unlock()
						l.settle()
						a.wantClosed(l, CloseMalformed)
						if l.fresh(l, l.doc).Hash() != hash {
							l.Error("something of it is stored")
						}
					}
				})
			})
		}
	}
}

// States up to the limit are shown, larger ones not; their connection stays, and what it showed before.
func TestLimitOfAwareness(t *testing.T) {
	for _, limit := range []int{0, 300} {
		most := limit
		if most == 0 {
			most = 64 << 10
		}
		for _, n := range []int{most - 1, most, most + 1} {
			inLab(t, 3, Options{Limits: Limits{AwarenessBytes: limit}}, func(l *lab) {
				watcher, a := l.open(1), l.open(0)
				l.settle()
				const around = len(`{"x":""}`)
				a.announce(a.id, 9, `{"x":"`+strings.Repeat("x", n-around)+`"}`)
				l.settle()
				if shown := strings.Contains(watcher.sees(a.id), "xxx"); shown != (n <= most) {
					l.Errorf("a state of %d bytes is shown: %v", n, shown)
				}
				if watcher.sees(a.id) == "" {
					l.Errorf("with a state of %d bytes nothing is seen of its connection any more", n)
				}
				a.wantClosed(l, 0)
				a.typed(nil, "still here")
				l.settle()
				a.wantAcked(l, true)
			})
		}
	}
}

// Frames up to the burst are taken at once; those above it at the rate, however long that takes, and nobody is closed for it.
func TestLimitOfUpdates(t *testing.T) {
	const burst, rate = 20, 2
	for _, tt := range []struct {
		frames int
		late   time.Duration // until all are taken; 0: at once
	}{{burst - 1, 0}, {burst, 0}, {burst + 1, time.Second / rate}, {2 * burst, burst * time.Second / rate}} {
		inLab(t, 3, Options{Limits: Limits{UpdatesPerSecond: rate, UpdateBurst: burst}}, func(l *lab) {
			a, other := l.open(0), l.open(1)
			time.Sleep(burst * time.Second) // what joining took is filled up again
			var at *crdt.ID
			began := time.Now()
			for i := range tt.frames {
				a.typed(at, "x")
				at = &crdt.ID{Client: a.id, Clock: uint32(i)}
			}
			l.settle()
			a.wantAcked(l, tt.late == 0)
			u := other.typed(nil, "nobody else is slowed")
			l.settle()
			other.wantAcked(l, true)
			if tt.late > 0 {
				time.Sleep(time.Until(began.Add(tt.late - 50*time.Millisecond)))
				l.settle()
				wantHas(l, u, true, a)
				time.Sleep(time.Until(began.Add(tt.late + 500*time.Millisecond)))
				l.settle()
				a.wantAcked(l, true)
			}
			a.wantRefused(l)
			a.wantClosed(l, 0)
		})
	}
}

// Sockets up to each limit are let in, the next is told to come back later; when one has left, there is room for it.
func TestLimitsOfSockets(t *testing.T) {
	const limit = 3
	for _, tt := range []struct {
		name   string
		limits Limits
		user   func(i int) int // of the i-th socket
	}{
		{"of a user", Limits{SocketsPerUser: limit}, func(int) int { return 0 }},
		{"of a document", Limits{SocketsPerDoc: limit}, func(i int) int { return i }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inLab(t, limit+3, Options{Limits: tt.limits}, func(l *lab) {
				var tabs []*tab
				for i := range limit + 1 {
					tabs = append(tabs, l.open(tt.user(i)))
					want := 0
					if i >= limit {
						want = CloseTryAgain
					}
					tabs[i].wantClosed(l, want)
				}
				if tt.limits.SocketsPerUser > 0 {
					l.open(1).wantClosed(l, 0)
				}
				tabs[0].leave(l)
				l.settle()
				l.open(tt.user(limit)).wantClosed(l, 0)
				l.open(tt.user(limit)).wantClosed(l, CloseTryAgain)
				for _, tb := range tabs[1:limit] {
					tb.wantClosed(l, 0)
				}
			})
		})
	}
}
