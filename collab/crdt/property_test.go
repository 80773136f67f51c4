package crdt

import (
	"fmt"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"pgregory.net/rapid"
)

// modelStruct is a struct as a model sees it: whose, from where to where, and the
// elements that it refers to.
type modelStruct struct {
	client          uint64
	clock, length   uint32
	gc              bool
	origin, right   *ID
	parent          *ID
	skip            bool
	firstOfNewBlock bool
}

// model is what a room knows, clock by clock.
type model struct {
	known, deleted map[ID]bool
}

func newModel() *model { return &model{make(map[ID]bool), make(map[ID]bool)} }

func (m *model) end(client uint64) uint32 {
	for n := uint32(0); ; n++ {
		if !m.known[ID{client, n}] {
			return n
		}
	}
}

func (m *model) has(id *ID) bool { return id == nil || id.Clock < m.end(id.Client) }

func (m *model) knows(s modelStruct) bool {
	for n := range s.length {
		if !m.known[ID{s.client, s.clock + n}] {
			return false
		}
	}
	return true
}

func (m *model) add(s modelStruct) {
	for n := range s.length {
		id := ID{s.client, s.clock + n}
		if s.gc && !m.known[id] {
			m.deleted[id] = true
		}
		m.known[id] = true
	}
}

// fit keeps structs in rounds until nothing changes: slow and plain.
func (m *model) fit(structs []modelStruct, dels []idSpan, refused uint64) (missing, foreign bool) {
	before := newModel()
	for id := range m.known {
		before.known[id] = true
	}
	for changed := true; changed; {
		changed = false
		for _, s := range structs {
			if s.skip || m.knows(s) || s.client == refused || s.clock > m.end(s.client) {
				continue
			}
			if m.has(s.origin) && m.has(s.right) && m.has(s.parent) {
				m.add(s)
				changed = true
			}
		}
	}
	for _, s := range structs {
		switch {
		case s.skip:
		case s.client == refused:
			foreign = foreign || !before.knows(s)
		case !m.knows(s):
			missing = true
		}
	}
	ends := make(map[uint64]uint32)
	for _, d := range dels {
		ends[d.client] = m.end(d.client)
	}
	for _, d := range dels {
		for n := d.start; n < d.end; n++ {
			id := ID{d.client, n}
			switch {
			case m.deleted[id]:
			case n < ends[d.client]:
				m.deleted[id] = true
			default:
				missing = true
			}
		}
	}
	return missing, foreign
}

const modelClients, modelClocks = 4, 24

func drawID(t *rapid.T, below *modelStruct) *ID {
	id := ID{rapid.Uint64Range(1, modelClients).Draw(t, "client"), rapid.Uint32Range(0, modelClocks).Draw(t, "clock")}
	if id.Client == below.client && id.Clock >= below.clock {
		if below.clock == 0 {
			return nil
		}
		id.Clock = below.clock - 1
	}
	return &id
}

func drawUpdate(t *rapid.T, maxBlocks int) (structs []modelStruct, dels []idSpan) {
	// Within one update a client has either GC structs or items.
	collected := rapid.SliceOfN(rapid.Bool(), modelClients, modelClients).Draw(t, "collected")
	blocks := rapid.IntRange(0, maxBlocks).Draw(t, "blocks")
	for range blocks {
		client := rapid.Uint64Range(1, modelClients).Draw(t, "client")
		clock := rapid.Uint32Range(0, 8).Draw(t, "clock")
		for i := range rapid.IntRange(1, 5).Draw(t, "structs") {
			s := modelStruct{client: client, clock: clock, length: rapid.Uint32Range(1, 4).Draw(t, "length"), firstOfNewBlock: i == 0}
			s.gc = collected[client-1]
			switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
			case kind == 0:
				s.skip, s.gc = true, false
			case s.gc:
			case kind == 3:
				s.origin, s.right = drawID(t, &s), drawID(t, &s)
			case kind == 4:
				s.right = drawID(t, &s)
			case kind == 5:
				s.parent = drawID(t, &s)
			default:
				s.origin = drawID(t, &s)
			}
			s = consistent(structs, s)
			clock += s.length
			structs = append(structs, s)
		}
	}
	for range rapid.IntRange(0, 4).Draw(t, "ranges") {
		client := rapid.Uint64Range(1, modelClients).Draw(t, "client")
		start := rapid.Uint32Range(0, modelClocks).Draw(t, "start")
		dels = append(dels, idSpan{client, span{start, start + rapid.Uint32Range(1, 6).Draw(t, "length")}})
	}
	return structs, dels
}

// consistent makes s the same as an earlier struct at its clock, and a Skip if it
// overlaps one otherwise: one update doesn't contradict itself.
func consistent(structs []modelStruct, s modelStruct) modelStruct {
	for _, x := range structs {
		switch {
		case s.skip || x.skip || x.client != s.client || x.clock >= s.clock+s.length || s.clock >= x.clock+x.length:
		case x.clock == s.clock:
			x.firstOfNewBlock = s.firstOfNewBlock
			return x
		default:
			return modelStruct{client: s.client, clock: s.clock, length: s.length, skip: true, firstOfNewBlock: s.firstOfNewBlock}
		}
	}
	return s
}

func appendID(b []byte, id *ID) []byte {
	return lib0.AppendVarUint(lib0.AppendVarUint(b, id.Client), uint64(id.Clock))
}

// encodeModel writes the update; strings are pairs of letters that name their clocks.
func encodeModel(t *rapid.T, structs []modelStruct, dels []idSpan) Update {
	var b []byte
	blocks := 0
	for i := 0; i < len(structs); {
		n := 1
		for i+n < len(structs) && !structs[i+n].firstOfNewBlock {
			n++
		}
		blocks++
		b = lib0.AppendVarUint(b, uint64(n))
		b = appendID(b, &ID{structs[i].client, structs[i].clock})
		for _, s := range structs[i : i+n] {
			b = s.append(b)
		}
		i += n
	}
	b = append(lib0.AppendVarUint(nil, uint64(blocks)), b...)
	b = lib0.AppendVarUint(b, uint64(len(dels)))
	for _, d := range dels {
		b = append(lib0.AppendVarUint(b, d.client), 1)
		b = lib0.AppendVarUint(lib0.AppendVarUint(b, uint64(d.start)), uint64(d.end-d.start))
	}
	u, err := ParseUpdate(b)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	return u
}

func (s modelStruct) append(b []byte) []byte {
	switch {
	case s.skip:
		return lib0.AppendVarUint(append(b, contentSkip), uint64(s.length))
	case s.gc:
		return lib0.AppendVarUint(append(b, contentGC), uint64(s.length))
	}
	info := byte(contentString)
	if s.origin != nil {
		info |= hasOrigin
	}
	if s.right != nil {
		info |= hasRightOrigin
	}
	b = append(b, info)
	if s.origin != nil {
		b = appendID(b, s.origin)
	}
	if s.right != nil {
		b = appendID(b, s.right)
	}
	if s.origin == nil && s.right == nil {
		if s.parent != nil {
			b = appendID(append(b, 0), s.parent)
		} else {
			b = append(b, 1, 1, 'r')
		}
	}
	text := make([]byte, s.length)
	for i := range text {
		text[i] = 'a' + byte(s.clock) + byte(i)
	}
	return lib0.AppendVarBytes(b, text)
}

// checkModel compares what layers hold together with the model.
func checkModel(t *rapid.T, what string, k Known, m *model) {
	known, deleted := newModel().known, newModel().known
	for _, s := range k {
		for c := range s.clients.all {
			for n := range uint32(2 * modelClocks) {
				if c.covers(n, n+1) {
					known[ID{c.id, n}] = true
				}
				if c.dels.covers(n, n+1) {
					deleted[ID{c.id, n}] = true
				}
			}
		}
	}
	if fmt.Sprint(known) != fmt.Sprint(m.known) || fmt.Sprint(deleted) != fmt.Sprint(m.deleted) {
		t.Fatalf("%s: known %v, deleted %v, want %v and %v", what, known, deleted, m.known, m.deleted)
	}
}

// TestFitAgainstModel compares Fit with a plain one that works in rounds, on top
// of layers of which the first has gaps, as foreign rows may leave them.
func TestFitAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel()
		k := Known{NewState(), NewState(), NewState()}
		base, dels := drawUpdate(t, 4)
		for _, s := range base {
			if !s.skip {
				m.add(s)
			}
		}
		k[0].Apply(encodeModel(t, base, dels))
		for _, d := range dels {
			for n := d.start; n < d.end; n++ {
				m.deleted[ID{d.client, n}] = true
			}
		}
		checkModel(t, "base", k, m)
		for round := range 4 {
			structs, dels := drawUpdate(t, 6)
			refused := rapid.Uint64Range(0, modelClients).Draw(t, "refused")
			u := encodeModel(t, structs, dels)
			fit := k.Fit(u, func(c uint64) bool { return c != refused })
			missing, foreign := m.fit(structs, dels, refused)
			top := k[1+round%2]
			top.Apply(fit.Update)
			checkModel(t, "fitted", k, m)
			if fit.Missing != missing || fit.Foreign != foreign {
				t.Fatalf("missing %v, foreign %v, want %v and %v", fit.Missing, fit.Foreign, missing, foreign)
			}
			if fit.Structs != fit.Update.structs || fit.DeleteRanges != fit.Update.ranges || fit.Bytes != len(fit.Update.b) {
				t.Fatalf("%+v of %+v", fit, fit.Update)
			}
			if rapid.Bool().Draw(t, "commit") {
				k[0].Apply(MergeUpdates(k[1].Encode(), k[2].Encode()))
				k[1].Reset()
				k[2].Reset()
				checkModel(t, "committed", k, m)
			}
		}
	})
}

// TestApplyAgainstModel compares State with sets of clocks: any pieces in any order.
func TestApplyAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, s := newModel(), NewState()
		var all []Update
		for range rapid.IntRange(1, 5).Draw(t, "updates") {
			structs, dels := drawUpdate(t, 4)
			u := encodeModel(t, structs, dels)
			all = append(all, u)
			s.Apply(u)
			for _, x := range structs {
				if !x.skip {
					m.add(x)
				}
			}
			for _, d := range dels {
				for n := d.start; n < d.end; n++ {
					m.deleted[ID{d.client, n}] = true
				}
			}
		}
		checkModel(t, "applied", Known{s}, m)
		merged := NewState()
		merged.Apply(MergeUpdates(all...))
		checkModel(t, "merged", Known{merged}, m)
		if merged.Hash() != s.Hash() {
			t.Fatal("another hash after merging")
		}
		sv := StateVector{}
		for c := uint64(1); c <= modelClients; c++ {
			if n := m.end(c); n > 0 {
				sv[c] = n
			}
		}
		if got := s.StateVector(); fmt.Sprint(got) != fmt.Sprint(sv) {
			t.Fatalf("state vector %v, want %v", got, sv)
		}
		// A peer with any state vector and the diff for it have everything.
		for c := range sv {
			sv[c] = rapid.Uint32Range(0, sv[c]+3).Draw(t, "peer")
		}
		peer := NewState()
		for id := range m.known {
			if id.Clock < sv[id.Client] {
				peer.Apply(encodeModel(t, []modelStruct{{client: id.Client, clock: id.Clock, length: 1, firstOfNewBlock: true}}, nil))
			}
		}
		peer.Apply(s.Diff(sv))
		checkModel(t, "diff", Known{peer}, m)
	})
}

// TestOrdered compares the chunked list of ranges with a set of clocks.
func TestOrdered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 4000
		var s spans
		var set [size + 1]bool
		for range rapid.IntRange(1, 1500).Draw(t, "adds") {
			start := rapid.Uint32Range(0, size-1).Draw(t, "start")
			end := min(size, start+rapid.Uint32Range(0, 3).Draw(t, "length"))
			s.add(start, end)
			for i := start; i < end; i++ {
				set[i] = true
			}
		}
		var want []span
		for i := range uint32(size) {
			if set[i] && (i == 0 || !set[i-1]) {
				want = append(want, span{i, i})
			}
			if set[i] {
				want[len(want)-1].end = i + 1
			}
		}
		var got []span
		for c := range s.chunks {
			if len(c) == 0 || len(c) > chunkSize {
				t.Fatalf("a chunk of %d", len(c))
			}
			for _, e := range c {
				got = append(got, span{e.key, e.val})
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || s.len() != len(want) {
			t.Fatalf("%v, want %v", got, want)
		}
		start := rapid.Uint32Range(0, size-1).Draw(t, "from")
		end := rapid.Uint32Range(start+1, size).Draw(t, "to")
		rest := uint32(0)
		for _, g := range s.gaps(start, end, nil) {
			rest += g.end - g.start
		}
		free := uint32(0)
		for i := start; i < end; i++ {
			if !set[i] {
				free++
			}
		}
		if rest != free || s.covers(start, end) != (free == 0) || s.meets(start, end) != (free < end-start) {
			t.Fatalf("[%d, %d): %d free, gaps have %d", start, end, free, rest)
		}
	})
}
