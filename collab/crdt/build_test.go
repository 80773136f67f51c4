package crdt_test

import "github.com/bizsync/bizsync/collab/crdt/lib0"

// typist is the client of hand-made updates.
const typist = 2804165478

// update makes an update of one block of structs and delete ranges of its client.
func update(client uint64, clock uint32, structs ...[]byte) []byte {
	b := lib0.AppendVarUint([]byte{1}, uint64(len(structs)))
	b = lib0.AppendVarUint(b, client)
	b = lib0.AppendVarUint(b, uint64(clock))
	for _, s := range structs {
		b = append(b, s...)
	}
	return append(b, 0)
}

// deletion makes an update that only deletes ranges {clock, length} of a client.
func deletion(client uint64, ranges ...[2]uint32) []byte {
	b := lib0.AppendVarUint([]byte{0, 1}, client)
	b = lib0.AppendVarUint(b, uint64(len(ranges)))
	for _, r := range ranges {
		b = lib0.AppendVarUint(b, uint64(r[0]))
		b = lib0.AppendVarUint(b, uint64(r[1]))
	}
	return b
}

// after makes a string struct behind clock origin of a client.
func after(client uint64, origin uint32, s string) []byte {
	b := lib0.AppendVarUint([]byte{0x84}, client)
	b = lib0.AppendVarUint(b, uint64(origin))
	return lib0.AppendVarString(b, s)
}

// first makes a string struct at the start of root "text".
func first(s string) []byte {
	b := lib0.AppendVarString([]byte{0x04, 1}, "text")
	return lib0.AppendVarString(b, s)
}

// letter is the struct that a client types at clock, behind its letter before.
func letter(client uint64, clock uint32) []byte {
	s := string(rune('a' + clock%26))
	if clock == 0 {
		return first(s)
	}
	return after(client, clock-1, s)
}

// typing makes n updates of one letter each.
func typing(n uint32) [][]byte {
	frames := make([][]byte, n)
	for i := range n {
		frames[i] = update(typist, i, letter(typist, i))
	}
	return frames
}

// deleting makes n updates that delete one letter each, every second one first,
// so that ranges don't simply grow.
func deleting(n uint32) [][]byte {
	frames := make([][]byte, 0, n)
	for odd := range uint32(2) {
		for i := odd; i < n; i += 2 {
			frames = append(frames, deletion(typist, [2]uint32{i, 1}))
		}
	}
	return frames
}
