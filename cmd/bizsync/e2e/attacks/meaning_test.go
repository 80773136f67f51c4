package attacks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// meaningAttacks are well-formed updates that mean harm: under others' names, without a right, of what isn't there yet, or of a shape that breaks who takes it in.
func meaningAttacks() []attack {
	const deep = 3000
	others := verdict{closed: 4409, denied: true}
	forged := func(refused bool) func(s *scene) []way {
		put := update
		if refused {
			put = step2
		}
		return func(s *scene) []way {
			v, at := s.client, s.clock
			return []way{
				over(put(typed(v, at, "forged"))), over(put(written(block(v, at, gc(1))))), over(put(written(block(v, at, inText(refDeleted, numbers(5)))))),
				over(put(written(block(v, at, gc(1<<30))))), over(put(written(block(v, at-1, inText(refString, text("xy")))))), over(put(written(block(v, 0, gc(at+1))))),
				over(put(written(block(s.id(), 0, inRoot("own", refString, text("x"))), block(v, at, gc(1))))),
			}
		}
	}
	return []attack{
		{name: "another's client id", tries: "Writes what the victim will write next, as text, as what was collected, as what was deleted, and over its end.", sends: forged(false), want: others},
		{name: "another's client id in a step 2", tries: "Does the same where only a part is refused.", sends: forged(true), want: verdict{refused: 4409}},
		{name: "another's client id beside one's own", tries: "Has its own part of a step 2 lost, or the other part stored.", sends: func(s *scene) []way {
			return []way{over(step2(written(block(s.client, s.clock, gc(7)), block(s.id(), 0, inText(refString, text("the remainder "))))))}
		}, want: verdict{refused: 4409}, also: func(s *scene) error { return s.holds("the remainder ") }},
		{name: "a client id that was only announced", tries: "Is the first to write under the id by which somebody else is known, who has not written yet.", sends: func(s *scene) []way {
			return []way{over(update(typed(s.witness, 0, "forged"))), over(update(one(s.witness, gc(1<<31-1)))), over(update(one(s.witness, inText(refDeleted, numbers(1)))))}
		}, want: others},
		{name: "a client id that was only announced, in a step 2", tries: "Does the same where only a part is refused.",
			sends: func(s *scene) []way { return []way{over(step2(one(s.witness, gc(1))))} }, want: verdict{refused: 4409}},
		{name: "a gap before another's future", tries: "Leaves a gap and writes behind it, where the victim will come to later.", sends: func(s *scene) []way {
			later := written(block(s.client, s.clock+100, gc(5)))
			skipping := written(block(s.client, s.clock, skip(100), gc(5)))
			return []way{over(update(later)), over(update(skipping))}
		}, want: others},
		{name: "history written again", tries: "Writes other things at clocks that the victim has used already.", sends: func(s *scene) []way {
			again := one(s.client, inText(refString, text(strings.Repeat("z", int(s.clock)))))
			return []way{over(update(again)), over(step2(again)), over(update(one(s.client, gc(s.clock)))), over(step2(one(s.client, inText(refDeleted, numbers(s.clock)))))}
		}, want: acked, also: func(s *scene) error { return s.lacks("zz") }},
		{name: "one's own history written again", tries: "Says two things at one clock, so that some have the one and some the other.", sends: func(s *scene) []way {
			id := s.id()
			return []way{over(update(typed(id, 0, "ends so ")), update(typed(id, 0, "or so")), step2(typed(id, 0, "not so so")))}
		}, want: acked, also: func(s *scene) error { return errors.Join(s.holds("ends so "), s.lacks("or so"), s.lacks("not so")) }},

		{name: "a delete of the future", tries: "Deletes what the victim has not typed yet.", sends: func(s *scene) []way {
			return []way{over(update(deleted(s.client, s.clock, 1000))), over(update(deleted(s.client, s.clock+1, 1<<31-1-s.clock-1))), over(update(deleted(s.witness, 0, 10)))}
		}, want: held},
		{name: "a delete of the future in a step 2", tries: "Does the same where it is cut out.", sends: func(s *scene) []way {
			return []way{over(step2(deleted(s.client, s.clock, 1000))), over(step2(deleted(s.client, s.clock, 1<<31-1-s.clock))), over(step2(deleted(s.witness, 0, 10)))}
		}, want: acked},
		{name: "behind the future", tries: "Refers to what the victim has not typed yet, as origin, right origin and parent.", sends: func(s *scene) []way {
			v, at := s.client, s.clock
			return []way{over(update(one(s.id(), behind(v, at, refString, text("x"))))), over(update(one(s.id(), inside(v, at+5, refString, text("x"))))),
				over(update(one(s.id(), between(v, 0, v, at, refString, text("x"))))), over(update(one(s.id(), behind(3_999_999_999, 7, refString, text("x")))))}
		}, want: held},
		{name: "behind the future in a step 2", tries: "Does the same where it is cut out.", sends: func(s *scene) []way {
			return []way{over(step2(one(s.id(), behind(s.client, s.clock, refString, text("x"))))), over(step2(one(s.id(), inside(s.client, s.clock, refString, text("x")))))}
		}, want: acked},
		{name: "gaps of one's own", tries: "Begins in the middle, and leaves holes behind.", sends: func(s *scene) []way {
			a, b := s.id(), s.id()
			return []way{over(update(typed(a, 5, "x"))), over(update(written(block(b, 0, inRoot("own", refString, text("x")), skip(9), behind(b, 0, refString, text("y"))))))}
		}, want: held},
		{name: "circles", tries: "Has structs wait for each other: as origins, as parents, through a third.", sends: func(s *scene) []way {
			a, b, c := s.id(), s.id(), s.id()
			x := text("x")
			return []way{
				over(update(written(block(b, 0, behind(a, 0, refString, x)), block(a, 0, behind(b, 0, refString, x))))),
				over(update(written(block(b, 0, inside(a, 0, refType, numbers(typeMap))), block(a, 0, inside(b, 0, refType, numbers(typeMap)))))),
				over(update(written(block(c, 0, behind(b, 0, refString, x)), block(b, 0, inside(a, 0, refString, x)), block(a, 0, between(c, 0, c, 0, refString, x))))),
			}
		}, want: held},
		{name: "circles in a step 2", tries: "Does the same where it is cut out.", sends: func(s *scene) []way {
			a, b := s.id(), s.id()
			return []way{over(step2(written(block(b, 0, behind(a, 0, refString, text("x"))), block(a, 0, behind(b, 0, refString, text("x"))))))}
		}, want: acked},

		{name: "a viewer who writes", tries: "Writes, deletes and pads a document with no right to.", by: viewer, sends: func(s *scene) []way {
			id := s.id()
			return []way{over(update(typed(id, 0, "scrawl"))), over(step2(typed(id, 0, "scrawl"))), over(update(one(id, gc(5)))), over(update(typed(id, 0, strings.Repeat("scrawl", 1<<18))))}
		}, want: verdict{refused: 4403}, also: func(s *scene) error { return s.lacks("scrawl") }},
		{name: "a viewer who deletes everything", tries: "Deletes all that the victim typed, with no right to.", by: viewer, sends: func(s *scene) []way {
			all := deleted(s.client, 0, s.clock)
			return []way{over(update(all)), over(step2(all)), over(update(deleted(s.client, s.clock-1, 1)))}
		}, want: verdict{refused: 4403}},
		{name: "a viewer under another's client id", tries: "Writes as the victim, with no right to write at all.", by: viewer,
			sends: func(s *scene) []way {
				return []way{over(update(typed(s.client, s.clock, "scrawl"))), over(step2(typed(s.client, s.clock, "scrawl")))}
			}, want: verdict{refused: 4403}},
		{name: "an editor with a token for reading", tries: "Writes by the account's right, which is more than the token's.", by: lesser,
			sends: func(s *scene) []way {
				return []way{over(update(typed(s.id(), 0, "scrawl"))), over(step2(deleted(s.client, 0, s.clock)))}
			}, want: verdict{refused: 4403}, also: func(s *scene) error { return s.lacks("scrawl") }},
		{name: "a viewer with a stock client", tries: "Writes with no right to, and doesn't listen to codes.", by: viewer, sends: func(s *scene) []way {
			a, b := over(update(typed(s.id(), 0, "scrawl"))), over(step2(deleted(s.client, 0, s.clock)))
			a.stock, b.stock = true, true
			return []way{a, b}
		}, want: verdict{denied: true}, also: func(s *scene) error { return s.lacks("scrawl") }},
		{name: "a viewer who adds nothing", tries: "Is refused although there is nothing to refuse.", by: viewer, sends: func(s *scene) []way {
			return []way{over(step2(emptyUpdate()), update(emptyUpdate()), step2(one(s.client, inText(refString, text("w")))))}
		}, want: acked},
		{name: "a stranger", tries: "Writes with a token that is for another document.", by: stranger, sends: func(s *scene) []way {
			return []way{over(update(typed(s.id(), 0, "scrawl"))), over(step2(deleted(s.client, 0, s.clock))), over(awareness(presence(s.id(), 1, `{}`))), over(bigUpdate(s.id(), frameLimit-100))}
		}, want: verdict{closed: 4401, denied: true}, also: func(s *scene) error { return s.lacks("scrawl") }},
		{name: "nobody", tries: "Writes with no token at all.", by: nobody, sends: func(s *scene) []way {
			return []way{over(update(typed(s.id(), 0, "scrawl"))), over(step2(deleted(s.client, 0, s.clock))), over(queryAwareness())}
		}, want: verdict{closed: 4401, denied: true}, also: func(s *scene) error { return s.lacks("scrawl") }},

		{name: "neighbours in the wrong order", tries: "Puts a struct between one and another that is left of it, or elsewhere.", sends: func(s *scene) []way {
			a, b, c := s.id(), s.id(), s.id()
			return []way{over(
				update(one(a, inRoot("crossed", refString, text("0123456789")))), update(one(b, inRoot("elsewhere", refString, text("abcdef")))),
				update(one(c, between(a, 7, a, 2, refString, text("<>")))), update(one(s.id(), between(a, 5, b, 3, refString, text("<>")))), update(one(s.id(), between(b, 5, a, 0, refString, text("<>")))),
				update(one(s.id(), between(a, 3, a, 3, refString, text("<>")))),
			)}
		}, want: acked},
		{name: "parents that are none", tries: "Puts structs into text, into what was collected, and into what was deleted.", sends: func(s *scene) []way {
			a := s.id()
			return []way{over(
				update(written(block(a, 0, inText(refString, text("text")), gc(2), inRoot("map", refType, numbers(typeMap)), inText(refBinary, []byte{1, 7})))),
				update(one(s.id(), inside(a, 1, refString, text("in text")))), update(one(s.id(), inside(a, 4, refAny, []byte{1, 126}))), update(one(s.id(), inside(a, 7, refType, numbers(typeText)))),
				update(deleted(a, 6, 1)), update(one(s.id(), inside(a, 6, refString, text("in the deleted")))),
				update(one(s.id(), joined([]byte{refAny | withKey, 0}, numbers(a, 6), text("key"), []byte{1, 126}))), update(one(s.id(), behind(a, 4, refString, text("behind the collected")))),
			)}
		}, want: acked},
		{name: "keys in lists and lists in maps", tries: "Uses a root as a list and as a map, and a key for what has many values.", sends: func(s *scene) []way {
			a := s.id()
			return []way{over(
				update(one(a, atKey("text", "key", refString, text("many letters")))), update(one(s.id(), atKey("text", "key", refFormat, append(text("bold"), text("true")...)))),
				update(one(s.id(), behind(a, 3, refString, text("between two values")))), update(one(s.id(), atKey("map", "key", refType, append(numbers(typeXML), text("p")...)))),
				update(one(s.id(), inRoot("map", refString, text("no key")))),
			)}
		}, want: acked},
		{name: "types 3,000 deep", tries: "Makes a document that overflows the stack of every client that deletes it.", sends: func(s *scene) []way {
			return []way{over(update(written(nest(s.id(), deep)))), over(step2(written(nest(s.id(), deep)))), over(update(written(nest(s.id(), 100_000)))), over(update(written(nest(s.id(), 257))))}
		}, want: verdict{refused: 4413}},
		{name: "types 256 deep", tries: "Nests as deep as may be.", sends: func(s *scene) []way { return []way{over(update(written(nest(s.id(), 256))))} }, want: acked},
		{name: "types 300 deep, piece by piece", tries: "Does the same in frames of which each is shallow, and under many ids.", sends: func(s *scene) []way {
			first := s.id()
			messages := [][]byte{update(written(nest(first, 50)))}
			for range 5 {
				id := s.id()
				structs := [][]byte{inside(id-1, 49, refType, numbers(typeArray))}
				for clock := range uint64(49) {
					structs = append(structs, inside(id, clock, refType, numbers(typeArray)))
				}
				messages = append(messages, update(written(block(id, 0, structs...))))
			}
			return []way{over(messages...)}
		}, want: verdict{refused: 4413}},
		{name: "a format explosion", tries: "Has 30,000 marks around 3,000 letters.", sends: func(s *scene) []way {
			id := s.id()
			structs := [][]byte{inRoot("formatted", refString, text("x"))}
			for clock := uint64(1); clock < 33_000; clock++ {
				content := append(text(fmt.Sprint("mark", clock%7)), text([]string{"true", "null"}[clock%2])...)
				ref := byte(refFormat)
				if clock%11 == 0 {
					content, ref = text("x"), refString
				}
				structs = append(structs, behind(id, clock-1, ref, content))
			}
			return []way{over(update(written(block(id, 0, structs...))))}
		}, want: acked},
		{name: "all at one place", tries: "Has 3,000 clients write at the beginning at once, in the order that costs most.", sends: func(s *scene) []way {
			base := s.id()
			s.ids += 3000
			return []way{over(update(append(repeated(3000, func(i uint64) []byte { return block(base+3000-i, 0, inRoot("crowd", refString, text("x"))) }), 0)))}
		}, want: acked},
		{name: "every second letter deleted", tries: "Has a delete set of 10,000 ranges stored.", sends: func(s *scene) []way {
			id := s.id()
			return []way{over(update(one(id, inRoot("sieve", refString, text(strings.Repeat("xy", 10_000))))), update(append(numbers(0, 1, id), repeated(10_000, func(i uint64) []byte { return numbers(2*i, 1) })...)))}
		}, want: acked},
	}
}

// nested is a type in the type that its client made last; the first one is in a root.
func nested(client, clock uint64) []byte {
	if clock == 0 {
		return inRoot("deep", refType, numbers(typeArray))
	}
	return inside(client, clock-1, refType, numbers(typeArray))
}

// nest is types in types.
func nest(client, depth uint64) []byte {
	structs := make([][]byte, depth)
	for clock := range depth {
		structs[clock] = nested(client, clock)
	}
	return block(client, 0, structs...)
}

// bigUpdate is an update of so many bytes, of a client that types one long word.
func bigUpdate(client uint64, size int) []byte {
	return update(typed(client, 0, string(slices.Repeat([]byte("x"), size))))
}

// holds looks for something in the text as committed, lacks that it isn't there.
func (s *scene) holds(part string) error {
	if text := string(s.admin.Content(s.doc, "format=text&field=text")); !strings.Contains(text, part) {
		return fmt.Errorf("%q is missing in %.300q", part, text)
	}
	return nil
}

func (s *scene) lacks(part string) error {
	if text := string(s.admin.Content(s.doc, "format=text&field=text")); strings.Contains(text, part) {
		return fmt.Errorf("%q is there in %.300q", part, text)
	}
	return nil
}
