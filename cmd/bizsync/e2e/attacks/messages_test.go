package attacks

import (
	"bytes"
	"math"
	"slices"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// messageAttacks are about the framing of y-protocols: types, steps, lengths, state vectors.
func messageAttacks() []attack {
	return []attack{
		{name: "an empty message", tries: "Sends a message without a type.", sends: each([]byte{}), want: malformed},
		{name: "unknown types", tries: "Sends messages of types that there are not, or that only servers send.",
			sends: each([]byte{4, 0}, []byte{8}, []byte{99}, numbers(120, 1), append(numbers(121, 1, 4403), text("no")...), numbers(math.MaxUint32), numbers(lib0.MaxSafeInteger)), want: malformed},
		{name: "types that are not numbers", tries: "Sends numbers of more than 53 bits, and endless ones, for a type.",
			sends: each(numbers(1<<53), numbers(math.MaxUint64), bytes.Repeat([]byte{0xff}, 100), []byte{0x80}, bytes.Repeat([]byte{0x80}, 1<<20)), want: malformed},
		{name: "unknown sync steps", tries: "Sends steps that there are not, or none.",
			sends: each([]byte{0}, []byte{0, 3, 0}, []byte{0, 99, 2, 0, 0}, append([]byte{0}, numbers(1<<53, 0)...), append([]byte{0}, numbers(lib0.MaxSafeInteger, 0)...)), want: malformed},
		{name: "bodies that are longer than they are", tries: "Claims more than there is, from a byte to all the memory that there is.", sends: func(*scene) (ways []way) {
			for _, step := range []byte{0, 1, 2} {
				for _, length := range []uint64{3, 1 << 20, 1 << 31, 1<<32 - 1, lib0.MaxSafeInteger, 1 << 53, math.MaxUint64} {
					ways = append(ways, over(joined([]byte{0, step}, numbers(length), []byte{0, 0})))
				}
			}
			return ways
		}, want: malformed},
		{name: "bodies without a length", tries: "Ends a message before its body.", sends: each([]byte{0, 0}, []byte{0, 1}, []byte{0, 2}, []byte{1}), want: malformed},
		{name: "bytes behind the end", tries: "Hides something behind a message.",
			sends: each(append(update(emptyUpdate()), 0), append(step2(emptyUpdate()), 1, 2, 3), append(step1([]byte{0}), 0), append(awareness([]byte{0}), 0), []byte{3, 0}), want: malformed},
		{name: "bytes behind the end of a body", tries: "Hides something behind an update, a vector or presence.",
			sends: each(update([]byte{0, 0, 0}), step2([]byte{0, 0, 0}), step1([]byte{0, 0}), awareness([]byte{0, 0})), want: malformed},
		{name: "empty bodies", tries: "Sends updates, a vector and presence of no bytes.", sends: each(update(nil), step2(nil), step1(nil), awareness(nil)), want: malformed},
		{name: "a permission denied from a client", tries: "Tells the server what only servers say, truthfully written or not.",
			sends: each([]byte{2, 0, 3, 'n', 'o', '!'}, []byte{2}, []byte{2, 9, 9, 9}), want: ignored},
		{name: "numbers that are longer than they must be", tries: "Writes an empty update in as many bytes as there may be.", sends: func(*scene) []way {
			w := over([]byte{0x80, 0x00, 0x82, 0x80, 0x00, 0x02, 0, 0}, update([]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x80, 0x00}))
			w.updates = 2
			return []way{w}
		}, want: acked},
		{name: "a vector of a billion clients", tries: "Has memory taken for a state vector that is only claimed.",
			sends: each(step1(numbers(1_000_000_000)), step1(numbers(1_000_000_000, 1, 1)), step1(numbers(lib0.MaxSafeInteger)), step1(numbers(math.MaxUint64))), want: malformed},
		{name: "a vector cut short", tries: "Ends a state vector within a client or a clock.", sends: each(step1([]byte{1}), step1([]byte{1, 5}), step1([]byte{1, 0x85}), step1([]byte{2, 1, 1})), want: malformed},
		{name: "a vector of what can't be", tries: "Names clients and clocks of more than 53 bits, clocks beyond 2^31, and a client twice.",
			sends: each(step1(numbers(1, 1<<53, 1)), step1(numbers(1, 1, 1<<53)), step1(numbers(1, math.MaxUint64, math.MaxUint64)), step1(numbers(1, 1, 1<<31)), step1(numbers(2, 1, 1, 1, 2))), want: malformed},
		{name: "a vector of the future", tries: "Claims to have everything of everybody, so as to be told nothing, or to make the server ask.", sends: func(s *scene) []way {
			return []way{over(step1(numbers(3, s.client, 1<<31-1, s.witness, 1<<31-1, lib0.MaxSafeInteger, 7)))}
		}, want: ignored},
		{name: "twenty vectors of 10,000 clients", tries: "Has much compared for little.", sends: func(*scene) []way {
			vector := step1(repeated(10_000, func(i uint64) []byte { return numbers(1<<30+i*7, 5) }))
			return []way{over(slices.Repeat([][]byte{vector}, 20)...)}
		}, want: ignored},
		{name: "messages of another language", tries: "Sends JSON, HTML, gzip and a WebSocket handshake as messages.",
			sends: each([]byte(`{"type":"sync"}`), []byte("<script>"), []byte("\x1f\x8b\x08\x00"), []byte("GET / HTTP/1.1\r\n\r\n")), want: malformed},
	}
}
