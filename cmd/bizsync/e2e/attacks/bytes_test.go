package attacks

import (
	"encoding/binary"
	"slices"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// The messages of y-websocket.

func step1(vector []byte) []byte  { return lib0.AppendVarBytes([]byte{0, 0}, vector) }
func step2(update []byte) []byte  { return lib0.AppendVarBytes([]byte{0, 1}, update) }
func update(body []byte) []byte   { return lib0.AppendVarBytes([]byte{0, 2}, body) }
func awareness(b []byte) []byte   { return lib0.AppendVarBytes([]byte{1}, b) }
func queryAwareness() []byte      { return []byte{3} }
func emptyUpdate() []byte         { return []byte{0, 0} }
func varUint(b []byte) (n uint64) { n, _ = binary.Uvarint(b); return n } // written as the standard library writes it

// carriesEdits says whether a message is one of those that the server counts and acknowledges.
func carriesEdits(message []byte) bool {
	return len(message) > 1 && message[0] == 0 && (message[1] == 1 || message[1] == 2)
}

// numbers are lib0 numbers one after the other.
func numbers(ns ...uint64) (b []byte) {
	for _, n := range ns {
		b = lib0.AppendVarUint(b, n)
	}
	return b
}

// text is a string with its length before it.
func text(s string) []byte { return lib0.AppendVarString(nil, s) }

// joined puts parts one behind the other.
func joined(parts ...[]byte) []byte { return slices.Concat(parts...) }

// repeated is a number and as many things, each written by one call.
func repeated(n uint64, write func(i uint64) []byte) []byte {
	b := numbers(n)
	for i := range n {
		b = append(b, write(i)...)
	}
	return b
}

// The numbers of contents, the low five bits of a struct's info byte (Yjs: contentRefs), and the flags above them.
const (
	refGC      = 0
	refDeleted = 1
	refJSON    = 2
	refBinary  = 3
	refString  = 4
	refEmbed   = 5
	refFormat  = 6
	refType    = 7
	refAny     = 8
	refDoc     = 9
	refSkip    = 10

	withKey         = 0x20
	withRightOrigin = 0x40
	withOrigin      = 0x80
)

// The types that a content may make (Yjs: typeRefs).
const (
	typeArray = 0
	typeMap   = 1
	typeText  = 2
	typeXML   = 3
)

// block is what one client wrote in an update: structs from a clock on.
func block(client, clock uint64, structs ...[]byte) []byte {
	return append(numbers(uint64(len(structs)), client, clock), slices.Concat(structs...)...)
}

// written is an update of blocks that deletes nothing.
func written(blocks ...[]byte) []byte {
	return append(append(numbers(uint64(len(blocks))), slices.Concat(blocks...)...), 0)
}

// deleted is an update that only deletes ranges of one client: clock, length, clock, length ...
func deleted(client uint64, ranges ...uint64) []byte {
	return append(numbers(0, 1, client, uint64(len(ranges)/2)), numbers(ranges...)...)
}

// inRoot is a struct in a root type.
func inRoot(root string, ref byte, content []byte) []byte {
	return joined([]byte{ref, 1}, text(root), content)
}

// inText is a struct at the beginning of the root "text", where the victim types.
func inText(ref byte, content []byte) []byte { return inRoot("text", ref, content) }

// atKey is a struct under a key of a root type.
func atKey(root, key string, ref byte, content []byte) []byte {
	return joined([]byte{ref | withKey, 1}, text(root), text(key), content)
}

// inside is a struct in the type that another struct made.
func inside(client, clock uint64, ref byte, content []byte) []byte {
	return joined([]byte{ref, 0}, numbers(client, clock), content)
}

// behind is a struct after another one.
func behind(client, clock uint64, ref byte, content []byte) []byte {
	return joined([]byte{ref | withOrigin}, numbers(client, clock), content)
}

// between is a struct after one and before another one.
func between(leftClient, left, rightClient, right uint64, ref byte, content []byte) []byte {
	return joined([]byte{ref | withOrigin | withRightOrigin}, numbers(leftClient, left, rightClient, right), content)
}

func gc(length uint64) []byte   { return append([]byte{refGC}, numbers(length)...) }
func skip(length uint64) []byte { return append([]byte{refSkip}, numbers(length)...) }

// one is an update of one struct, of a client's first clock.
func one(client uint64, s []byte) []byte { return written(block(client, 0, s)) }

// typed is a letter or more of a client, at the beginning of the text for clock 0, else behind its own last one.
func typed(client, clock uint64, s string) []byte {
	if clock == 0 {
		return one(client, inText(refString, text(s)))
	}
	return written(block(client, clock, behind(client, clock-1, refString, text(s))))
}

// presence is an awareness update of one client.
func presence(client, clock uint64, state string) []byte {
	return append(numbers(1, client, clock), text(state)...)
}

// cutNumber gives what is behind a number.
func cutNumber(b []byte) (n uint64, rest []byte) {
	n, width := binary.Uvarint(b)
	return n, b[max(width, 0):]
}
