package attacks

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

const billion = 1_000_000_000

// updateAttacks are about the format of Yjs's updates, version 1: counts, clients, clocks, structs, references and delete sets.
func updateAttacks() []attack {
	return []attack{
		{name: "cut short at every byte", tries: "Ends an update with a bit of everything at each of its bytes, as a message and within one.", sends: cutShort, want: malformed},
		{name: "a billion of everything", tries: "Claims more clients, structs, ranges, values and bytes than there could be.", sends: each(
			update(numbers(billion)), update(numbers(billion, 1, 77, 0)), update(numbers(1, billion, 77, 0)), update(numbers(0, billion)), update(numbers(0, 1, 77, billion)),
			update(one(77, inText(refString, numbers(billion, 0)))), update(one(77, inText(refBinary, numbers(billion)))), update(one(77, inText(refJSON, numbers(billion, 0)))),
			update(one(77, inText(refAny, numbers(billion, 126)))), update(one(77, inText(refAny, joined([]byte{1, 117}, numbers(billion))))),
			update(one(77, inText(refAny, joined([]byte{1, 118}, numbers(billion))))), update(one(77, inText(refAny, joined([]byte{1, 116}, numbers(billion))))),
			update(one(77, joined([]byte{refString, 1}, numbers(billion)))), step2(numbers(billion)), step2(numbers(0, billion)),
		), want: malformed},
		{name: "counts of more than 53 bits", tries: "Overflows what counts.", sends: each(
			update(numbers(math.MaxUint64, math.MaxUint64)), update(numbers(1, 1<<53, 1, 0)), update(numbers(1, math.MaxUint64, 1, 0)), update(numbers(0, 1<<53)), update(numbers(0, 1, 1, 1<<63)),
		), want: malformed},
		{name: "fewer than announced", tries: "Has less in an update than its counts say.", sends: each(
			update(joined(numbers(2), block(77, 0, inText(refString, text("x"))), numbers(0))), update(joined(numbers(1, 2, 77, 0), inText(refString, text("x")), numbers(0))),
			update(numbers(0, 2, 77, 1, 0, 1)), update(numbers(0, 1, 77, 2, 0, 1)),
		), want: malformed},
		{name: "more than announced", tries: "Has more in an update than its counts say.", sends: each(
			update(joined(numbers(0), block(77, 0, inText(refString, text("x"))), numbers(0))), update(joined(numbers(1, 0, 77, 0), inText(refString, text("x")), numbers(0))),
			update(append(typed(77, 0, "x"), 1, 77)), update(append(typed(77, 0, "x"), typed(78, 0, "y")...)), update(numbers(0, 0, 1, 77)),
		), want: malformed},
		{name: "clients of more than 53 bits", tries: "Writes, deletes and refers under ids that no client can have.", sends: each(
			update(typed(1<<53, 0, "x")), update(typed(math.MaxUint64, 0, "x")), update(deleted(1<<53, 0, 1)), update(one(77, behind(1<<53, 0, refString, text("x")))),
			update(one(77, inside(1<<53, 0, refString, text("x")))),
		), want: malformed},
		{name: "clients of 53 bits", tries: "Writes under the largest ids that there are.", sends: func(*scene) []way {
			return []way{over(update(typed(lib0.MaxSafeInteger, 0, "x")), update(typed(1<<32, 0, "y")), update(typed(1<<52+1, 0, "z")))}
		}, want: acked},
		{name: "a client of the number zero", tries: "Writes under the id that programs take for none.", sends: each(update(typed(0, 0, "0"))), want: acked},
		{name: "clocks beyond 2^31", tries: "Begins, refers and ends where clocks overflow.", sends: each(
			update(written(block(77, 1<<31, gc(1)))), update(written(block(77, 1<<53, gc(1)))), update(written(block(77, 1<<31-1, gc(1)))), update(one(77, gc(1<<31))), update(one(77, skip(1<<31))),
			update(one(77, inText(refDeleted, numbers(1<<31)))), update(one(77, inText(refDeleted, numbers(lib0.MaxSafeInteger)))), update(one(77, behind(78, 1<<31, refString, text("x")))),
			update(written(block(77, 0, gc(1<<30), gc(1<<30), gc(1<<30)))), update(written(block(77, 1<<31-2, inText(refString, text("xyz"))))),
		), want: malformed},
		{name: "structs up to the last clock", tries: "Uses up all clocks of a client at once.", sends: as(
			func(id uint64) []byte { return one(id, gc(1<<31-1)) }, func(id uint64) []byte { return one(id, inText(refDeleted, numbers(1<<31-1))) },
			func(id uint64) []byte { return written(block(id, 0, gc(1<<30), gc(1<<30-1))) },
		), want: acked},
		{name: "structs of no length", tries: "Writes structs that take no clock, of every kind that has a length.", sends: each(
			update(one(77, gc(0))), update(one(77, skip(0))), update(one(77, inText(refDeleted, numbers(0)))), update(one(77, inText(refString, text("")))), update(one(77, inText(refJSON, numbers(0)))),
			update(one(77, inText(refAny, numbers(0)))),
		), want: malformed},
		{name: "unknown kinds", tries: "Writes structs of kinds that there are not, with all flags.", sends: func(*scene) (ways []way) {
			for ref := byte(11); ref < 32; ref += 5 {
				for _, flags := range []byte{0, withKey, withOrigin, withOrigin | withRightOrigin | withKey} {
					ways = append(ways, over(update(one(77, joined([]byte{ref | flags}, numbers(78, 0, 78, 1), text("x"))))))
				}
			}
			return ways
		}, want: malformed},
		{name: "flags on what has no place", tries: "Gives collected structs and skips neighbours and keys.", sends: func(*scene) (ways []way) {
			for _, ref := range []byte{refGC, refSkip} {
				for _, flags := range []byte{withKey, withRightOrigin, withOrigin} {
					ways = append(ways, over(update(one(77, []byte{ref | flags, 1}))))
				}
			}
			return ways
		}, want: malformed},
		{name: "a struct that follows itself", tries: "Refers to itself and to its own future, as origin, as right origin and as parent.", sends: each(
			update(one(77, behind(77, 0, refString, text("x")))), update(one(77, behind(77, 5, refString, text("x")))), update(one(77, between(78, 0, 77, 0, refString, text("x")))),
			update(one(77, inside(77, 0, refString, text("x")))), update(one(77, inside(77, 1<<31-1, refType, numbers(typeMap)))),
		), want: malformed},
		{name: "parents of no kind", tries: "Says neither that its parent has a name nor that it has an id.", sends: each(
			update(one(77, joined([]byte{refString, 2}, text("text")))), update(one(77, joined([]byte{refString}, numbers(lib0.MaxSafeInteger))))), want: malformed},
		{name: "a skip first", tries: "Begins a client's structs with a gap, alone and before a struct.", sends: func(s *scene) []way {
			return []way{over(step2(one(s.id(), skip(5)))), over(step2(written(block(s.id(), 0, skip(5), behind(s.client, 0, refString, text("x"))))))}
		}, want: acked},
		{name: "nothing but skips", tries: "Says in 100,000 ways that something is missing.", sends: func(s *scene) []way {
			return []way{over(update(joined(repeated(1, func(uint64) []byte { return numbers(100_000, s.id(), 0) }), slices.Repeat(skip(3), 100_000), numbers(0))))}
		}, want: acked},
		{name: "a client in many blocks", tries: "Repeats a client, in order, backwards and with other things at the same clock.", sends: func(s *scene) []way {
			a, b, c := s.id(), s.id(), s.id()
			letter := func(client, clock uint64) []byte {
				return block(client, clock, behind(client, clock-1, refString, text("r")))
			}
			begin := func(client uint64) []byte { return block(client, 0, inText(refString, text("r"))) }
			return []way{
				over(update(written(begin(a), letter(a, 1), letter(a, 2)))), over(update(written(letter(b, 2), letter(b, 1), begin(b)))),
				over(update(written(begin(c), begin(c), block(c, 0, inText(refAny, []byte{1, 126})), letter(c, 1), letter(c, 1)))),
			}
		}, want: acked},
		{name: "clients in ascending order", tries: "Writes clients in the order in which nobody writes them, each behind one that comes later.", sends: func(s *scene) []way {
			base := s.id()
			s.ids += 2000
			return []way{over(update(append(repeated(1000, func(i uint64) []byte {
				if i == 999 {
					return block(base+i, 0, inText(refString, text("o")))
				}
				return block(base+i, 0, behind(base+i+1, 0, refString, text("o")))
			}), 0)))}
		}, want: acked},
		{name: "delete ranges that are none", tries: "Deletes nothing, beyond 2^31, and further than there are numbers.", sends: each(
			update(deleted(77, 0, 0)), update(deleted(77, 1<<31, 1)), update(deleted(77, 1<<31-1, 1)), update(deleted(77, 1, 1<<31-1)), update(deleted(77, 1<<53, 1)),
			update(deleted(77, 5, lib0.MaxSafeInteger)), update(deleted(77, 5, math.MaxUint64)),
		), want: malformed},
		{name: "delete ranges over each other", tries: "Deletes the same again, overlapping, backwards, and under a client that comes twice.", sends: func(s *scene) (ways []way) {
			for _, dels := range [][]uint64{{0, 4, 0, 4, 2, 8, 9, 1}, {9, 1, 7, 3, 5, 5, 0, 10}, {0, 10, 1, 1, 3, 2}} {
				id := s.id()
				ways = append(ways, over(update(typed(id, 0, "0123456789")), update(deleted(id, dels...)),
					update(joined(numbers(0, 2, id, 1, 3, 4, id, 2, 0, 1, 3, 4)))))
			}
			return ways
		}, want: acked},
		{name: "a delete set with empty clients", tries: "Names 1,000 clients of which nothing is deleted, and again.", sends: each(
			update(append(numbers(0), repeated(1000, func(i uint64) []byte { return numbers(i%7, 0) })...)), step2(append(numbers(0), repeated(1000, func(i uint64) []byte { return numbers(1000-i, 0) })...)),
		), want: acked},
		{name: "blocks without structs", tries: "Names 100,000 clients that wrote nothing.", sends: each(
			update(append(repeated(100_000, func(i uint64) []byte { return numbers(0, i+1, 0) }), 0)), step2(append(repeated(100_000, func(i uint64) []byte { return numbers(0, 1<<30-i, 7) }), 0)),
		), want: acked},
		{name: "an update of version 2", tries: "Sends the other format under the name of this one.",
			sends: each(update([]byte{0, 0, 5, 0xd9, 0x98, 0xe6, 0x16, 0, 0, 0, 7, 't', 'e', 'x', 't', 'a', 'b', 'c', 2, 4, 3, 1, 1, 0, 0, 1, 1, 0})), want: malformed},
		{name: "structs, clients, ranges and roots over the limits", tries: "Adds more in one frame than anybody edits at once.", sends: func(s *scene) []way {
			id := s.id()
			many := func(n uint64, each func(i uint64) []byte) []byte { return append(repeated(n, each), 0) }
			return []way{
				over(update(joined(numbers(1, 500_001, id, 0), slices.Repeat(gc(1), 500_001), numbers(0)))),
				over(update(many(50_001, func(i uint64) []byte { return block(1<<40-i, 0, gc(1)) }))),
				over(step2(many(50_001, func(i uint64) []byte { return block(1<<40-i, 0, gc(1)) }))),
				over(update(joined(numbers(1, 10_001, id, 0), slices.Concat(roots(10_001)...), numbers(0)))),
				over(update(one(id, inText(refString, text(strings.Repeat("xy", 100_001))))), update(append(numbers(0, 1, id), repeated(100_001, func(i uint64) []byte { return numbers(i*2, 1) })...))),
			}
		}, want: verdict{refused: 4413}},
	}
}

// roots are structs in as many root types.
func roots(n int) (structs [][]byte) {
	for i := range n {
		structs = append(structs, inRoot(fmt.Sprint("root", i), refAny, []byte{1, 126}))
	}
	return structs
}

// rich is an update with something of everything in it, which is well-formed. It is never sent whole.
func rich() []byte {
	const id = 4_000_000_001
	return append(joined(numbers(2),
		block(id, 0, inText(refString, text("a letter")), behind(id, 7, refFormat, append(text("bold"), text("true")...)), between(id, 8, id, 0, refEmbed, text(`{"image":"x"}`)),
			atKey("map", "key", refAny, joined([]byte{6, 118, 1}, text("k"), []byte{119}, text("value"), []byte{125, 5, 126, 127, 120, 117, 1, 121, 116, 2, 1, 2})),
			inRoot("xml", refType, append(numbers(typeXML), text("paragraph")...)), inside(id, 17, refType, numbers(typeText)), behind(id, 18, refBinary, []byte{2, 1, 2}),
			behind(id, 19, refJSON, append(numbers(1), text(`[1]`)...)), behind(id, 20, refDoc, joined(text("guid"), []byte{118, 0})), inText(refDeleted, numbers(3)), gc(4), skip(5)),
		block(77, 0, gc(1))),
		numbers(2, id, 2, 0, 1, 5, 2, 77, 1, 0, 1)...)
}

// cutShort sends all beginnings of a rich update: as messages that end too early, and as updates that do.
func cutShort(*scene) (ways []way) {
	whole := rich()
	message := update(whole)
	for n := range whole {
		if n%3 == 0 { // the update is cut in a message of the right length, so each cut of a message is much like its neighbour
			ways = append(ways, over(message[:len(message)-len(whole)+n]))
		}
		ways = append(ways, over(update(whole[:n])))
	}
	return ways
}

// deepArrays is an any-value of arrays in arrays, JSON the same as a text.
func deepArrays(depth int) []byte { return append([]byte(strings.Repeat("\x75\x01", depth)), 126) }
func deepJSON(depth int) []byte   { return text(strings.Repeat("[", depth) + strings.Repeat("]", depth)) }
func deepObjects(depth int) []byte {
	return append([]byte(strings.Repeat("\x76\x01\x01k", depth)), 126)
}
