package crdt

import (
	"cmp"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// clientTable holds what a State has of each client. A record never moves, and a
// client with little in it costs little more than its record: an update can bring
// one with six bytes.
type clientTable struct {
	// Records in the order of arrival, in blocks of 1, 1, 2, 4, ... 512 and then
	// always 1,024.
	blocks [][]clientState
	n      int
	// Open addressing: one more than the number of the record, 0 if the slot is free.
	slots []uint32
	seed  uint64 // so that nobody can choose ids that meet in a slot
	// The records by descending id, if they didn't arrive so.
	order    []*clientState
	unsorted bool // order is behind
}

// The most records of a block.
const (
	// So that a block is some whole pages: one of a size class wastes a tenth.
	maxTableBits  = 10
	maxTableBlock = 1 << maxTableBits
)

// blockOf gives the block of the i-th record and its place there.
func blockOf(i int) (block, at int) {
	if i >= maxTableBlock {
		return i/maxTableBlock + maxTableBits, i % maxTableBlock
	}
	block = bits.Len(uint(i))
	return block, i - 1<<block>>1
}

// record gives the i-th record in the order of arrival.
func (t *clientTable) record(i int) *clientState {
	block, at := blockOf(i)
	return &t.blocks[block][at]
}

// at gives the i-th record by descending id. sort must have been called since the
// last one was added.
func (t *clientTable) at(i int) *clientState {
	if t.order != nil {
		return t.order[i]
	}
	return t.record(i)
}

// slot gives the slot at which the search for a client begins: two rounds of
// multiplying by what is secret or odd, scaled to the number of slots.
func (t *clientTable) slot(id uint64) int {
	const golden = 0x9e3779b97f4a7c15
	h := (id ^ t.seed>>11) * (t.seed | 1)
	h = (h ^ h>>32) * golden
	hi, _ := bits.Mul64(h, uint64(len(t.slots)))
	return int(hi)
}

// find gives a client's record, or nil.
func (t *clientTable) find(id uint64) *clientState {
	if t.n == 0 {
		return nil
	}
	for i := t.slot(id); ; {
		n := t.slots[i]
		if n == 0 {
			return nil
		}
		if c := t.record(int(n - 1)); c.id == id {
			return c
		}
		if i++; i == len(t.slots) {
			i = 0
		}
	}
}

// add gives a new record to a client that has none.
func (t *clientTable) add(id uint64) *clientState {
	if t.n+t.n/4 >= len(t.slots) {
		t.rehash(max(8, 2*len(t.slots)))
	}
	block, at := blockOf(t.n)
	if block == len(t.blocks) {
		t.blocks = append(t.blocks, make([]clientState, 1<<min(max(block-1, 0), maxTableBits)))
	}
	c := &t.blocks[block][at]
	c.id = id
	switch {
	case t.unsorted:
	case t.n > 0 && t.at(t.n-1).id < id:
		t.unsorted = true
	case t.order != nil:
		t.order = append(t.order, c)
	}
	t.n++
	t.place(id, uint32(t.n))
	return c
}

// place puts the number of a record into a free slot.
func (t *clientTable) place(id uint64, number uint32) {
	i := t.slot(id)
	for t.slots[i] != 0 {
		if i++; i == len(t.slots) {
			i = 0
		}
	}
	t.slots[i] = number
}

// reserve makes the slots for n more clients at once, if they are many.
func (t *clientTable) reserve(n int) {
	if need := t.n + n; n > maxTableBlock && need+need/4 >= len(t.slots) {
		t.rehash(need + need/4 + 1)
	}
}

func (t *clientTable) rehash(size int) {
	if t.seed == 0 {
		t.seed = rand.Uint64()
	}
	t.slots = nil // before there are others
	t.slots = make([]uint32, size)
	for i := range t.n {
		t.place(t.record(i).id, uint32(i+1))
	}
}

// all goes over the records in the order of arrival.
func (t *clientTable) all(yield func(*clientState) bool) {
	left := t.n
	for _, block := range t.blocks {
		for i := range block[:min(left, len(block))] {
			if !yield(&block[i]) {
				return
			}
		}
		left -= min(left, len(block))
	}
}

// sorted goes over the records by descending id, the order in which Yjs writes
// clients.
func (t *clientTable) sorted(yield func(*clientState) bool) {
	t.sort()
	if t.order == nil {
		t.all(yield)
		return
	}
	for _, c := range t.order {
		if !yield(c) {
			return
		}
	}
}

// sort makes at give the records by descending id.
func (t *clientTable) sort() {
	if !t.unsorted {
		return
	}
	if t.order = t.order[:0]; cap(t.order) < t.n {
		t.order = make([]*clientState, 0, t.n)
	}
	for c := range t.all {
		t.order = append(t.order, c)
	}
	slices.SortFunc(t.order, func(a, b *clientState) int { return cmp.Compare(b.id, a.id) })
	t.unsorted = false
}

// reset empties the table. It keeps what few clients of little content need.
func (t *clientTable) reset() {
	if t.n > maxKeptClients || len(t.slots) > 4*maxKeptClients {
		*t = clientTable{}
		return
	}
	for i := range t.n {
		c := t.record(i)
		if cap(c.data) > maxKeptBytes {
			*c = clientState{}
			continue
		}
		c.runs.reset()
		c.dels.reset()
		*c = clientState{runs: c.runs, dels: c.dels, data: c.data[:0]}
	}
	clear(t.slots)
	t.n, t.order, t.unsorted = 0, nil, false
}
