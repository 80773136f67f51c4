package attacks

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// awarenessAttacks are about who is here and what they show of themselves.
func awarenessAttacks() []attack {
	shows := func(states ...string) func(*scene) []way {
		return func(s *scene) (ways []way) {
			for _, state := range states {
				ways = append(ways, over(awareness(presence(s.id(), 1, state))))
			}
			return ways
		}
	}
	others := func(clock uint64, state string) func(*scene) []way {
		return func(s *scene) []way {
			return []way{over(awareness(presence(s.client, clock, state))), over(awareness(presence(s.witness, clock, state))),
				over(awareness(presence(s.id(), 1, `{}`)), awareness(presence(s.client, clock, state)))}
		}
	}
	return []attack{
		{name: "the presence of others", tries: "Moves the victim's caret, from a clock that leaves the victim behind.", sends: others(1<<31, `{"user":{"name":"hijacked"},"cursor":-1}`), want: ignored},
		{name: "the removal of others", tries: "Has the victim vanish for everybody.", sends: others(1<<31, `null`), want: ignored},
		{name: "the last clock of others", tries: "Has nothing that the victim says be heard again.", sends: others(lib0.MaxSafeInteger, `{"cursor":-1}`), want: ignored},
		{name: "all of it from a viewer", tries: "Does the same with the right to read only.", by: viewer, sends: func(s *scene) []way {
			return slices.Concat(others(1<<31, `{"cursor":-1}`)(s), others(1<<31, `null`)(s))
		}, want: ignored},
		{name: "all of it in one message", tries: "Hides others' presence behind its own, and a client many times.", sends: func(s *scene) []way {
			id := s.id()
			entry := func(client, clock uint64, state string) []byte { return append(numbers(client, clock), text(state)...) }
			return []way{over(awareness(joined(numbers(5), entry(id, 1, `{}`), entry(s.client, 1<<40, `null`), entry(id, 2, `{}`), entry(s.witness, 1<<40, `{"cursor":-1}`), entry(s.client, 1<<40, `{}`))))}
		}, want: ignored},
		{name: "somebody else's name", tries: "Shows itself as the victim.", does: impersonates, want: ignored},
		{name: "many names", tries: "Is known by one id after the other, so that each is bound and shown.", does: manyNames, want: ignored},
		{name: "clients and clocks of more than 53 bits", tries: "Shows itself where numbers end.", sends: each(awareness(presence(1<<53, 1, `{}`)), awareness(presence(77, 1<<53, `{}`)),
			awareness(append(numbers(1), bytes.Repeat([]byte{0xff}, 30)...))), want: malformed},
		{name: "presence of billions", tries: "Claims more entries, and longer ones, than there could be.", sends: each(awareness(numbers(billion)), awareness(numbers(billion, 77, 1)),
			awareness(numbers(1, 77, 1, billion)), awareness(numbers(lib0.MaxSafeInteger)), awareness(append(numbers(1, 77, 1), numbers(1<<53)...))), want: malformed},
		{name: "presence of 10,001", tries: "Shows more than there can be here.", sends: each(awareness(crowd(10_001))), want: malformed},
		{name: "presence of 10,000", tries: "Shows as many as may be shown, all of them others.", sends: each(awareness(crowd(10_000))), want: ignored},
		{name: "presence cut short", tries: "Ends within a client, a clock and a state.", sends: each(awareness([]byte{1}), awareness([]byte{1, 77}), awareness([]byte{1, 77, 1}), awareness([]byte{1, 77, 1, 2, '{'}),
			awareness([]byte{2, 77, 1, 2, '{', '}'})), want: malformed},
		{name: "presence that is no object", tries: "Shows what clients trip over that read a property of it.",
			sends: shows(`[1,2,3]`, `"user"`, `7`, `true`, `[]`, `""`, `1e999`), want: ignored, also: nobodyElse},
		{name: "presence that is no JSON", tries: "Shows what clients throw on.", sends: shows(``, `{`, `{"user":`, `undefined`, `{}{}`, `{"a":NaN}`, "{\"a\":\"\n\"}", strings.Repeat("[", 30_000),
			strings.Repeat(`{"k":`, 20_000)+`1`+strings.Repeat("}", 20_000)), want: ignored, also: nobodyElse},
		{name: "presence that is not UTF-8", tries: "Has bytes told to everybody as text.", sends: shows("\xff", `{"name":"`+"\xed\xa0\x80"+`"}`), want: malformed},
		{name: "presence with keys of prototypes", tries: "Pollutes the objects of whoever merges states.",
			sends: shows(`{"__proto__":{"polluted":true}}`, `{"user":{"__proto__":{"id":"x"}}}`, `{"constructor":{"prototype":{"polluted":true}}}`, `{"user":{"name":"a"},"user":"b"}`), want: ignored},
		{name: "presence of 64 KiB and a byte", tries: "Has everybody hold more than may be.", does: func(s *scene) (outcome, error) { return shownIf(s, 64<<10+1, false) }, want: ignored},
		{name: "presence of 64 KiB", tries: "Shows as much as may be.", does: func(s *scene) (outcome, error) { return shownIf(s, 64<<10, true) }, want: ignored},
		{name: "presence of 15 MiB", tries: "Shows a frame's worth.", sends: shows(`{"x":"` + strings.Repeat("x", 15<<20) + `"}`), want: ignored, also: nobodyElse},
		{name: "a caret that never rests", tries: "Moves 20,000 times as fast as it can.", sends: func(s *scene) []way {
			id := s.id()
			var moves []byte
			for clock := range uint64(20_000) {
				moves = append(moves, frame(final|opBinary, awareness(presence(id, clock+1, fmt.Sprintf(`{"cursor":%d}`, clock))))...)
			}
			return []way{wire(moves)}
		}, want: ignored},
		{name: "a large caret that never rests", tries: "Has 64 KiB told to everybody 200 times as fast as it can.", sends: func(s *scene) []way {
			id, large := s.id(), strings.Repeat("x", 65_000)
			var messages [][]byte
			for clock := range uint64(200) {
				messages = append(messages, awareness(presence(id, clock+1, fmt.Sprintf(`{"cursor":%d,"x":"%s"}`, clock, large))))
			}
			return []way{over(messages...)}
		}, want: ignored},
		{name: "a caret that comes and goes", tries: "Leaves and returns 2,000 times.", sends: func(s *scene) []way {
			id := s.id()
			var messages [][]byte
			for clock := range uint64(2000) {
				messages = append(messages, awareness(presence(id, 2*clock+1, `{"cursor":1}`)), awareness(presence(id, 2*clock+2, `null`)))
			}
			return []way{over(messages...)}
		}, want: ignored},
	}
}

// crowd is the presence of so many.
func crowd(n uint64) []byte {
	return repeated(n, func(i uint64) []byte { return append(numbers(1<<30+i, 7), text(`{}`)...) })
}

// present opens a connection that shows something and stays.
func (s *scene) present(messages ...[]byte) (*socket, error) {
	k, err := s.dial(s.visitor(editor, false))
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		k.write(frame(final|opBinary, m))
	}
	return k, nil
}

// sees waits until others see a client, and gives what they see.
func (s *scene) sees(client uint64) (who seen, err error) {
	err = s.friends.ask("see", map[string]any{"room": s.doc, "client": client}, &who)
	return who, err
}

// impersonates shows the victim's id and name, in all places where clients keep them, which others must not see.
func impersonates(s *scene) (outcome, error) {
	for _, claim := range []string{`{"user":{"id":%q,"name":%q},"name":%[2]q}`, `{"user":{"name":%[2]q,"id":%[1]q,"name":%[2]q},"user":{"id":%[1]q,"name":%[2]q},"cursor":1}`, `{"user":[%q,%q],"name":%[2]q}`} {
		id := s.id()
		k, err := s.present(awareness(presence(id, 1, fmt.Sprintf(claim, s.victim.ID, s.victim.Name))))
		if err != nil {
			return outcome{}, err
		}
		defer k.hangUp()
		who, err := s.sees(id)
		if err != nil {
			return outcome{}, err
		}
		if u := who.State.User; u.ID == "" || u.ID == s.victim.ID || u.Name != s.attacker.Name || who.State.Name == s.victim.Name {
			return outcome{}, fmt.Errorf("others see %+v", who)
		}
	}
	return outcome{answered: true}, s.unharmed()
}

// manyNames announces 300 ids over one connection: others must see one client, and few others before it.
func manyNames(s *scene) (outcome, error) {
	var messages [][]byte
	for range 300 {
		messages = append(messages, awareness(presence(s.id(), 1, `{}`)))
	}
	k, err := s.present(messages...)
	if err != nil {
		return outcome{}, err
	}
	defer k.hangUp()
	o, err := k.settled()
	if err != nil {
		return o, err
	}
	if err := s.unharmed(); err != nil {
		return o, err
	}
	if len(s.seen) > 3 {
		err = fmt.Errorf("others see %+v", s.seen)
	}
	return o, err
}

// shownIf shows a state of so many bytes, that others must see or not.
func shownIf(s *scene, size int, shown bool) (outcome, error) {
	id, small := s.id(), `{"x":""}`
	k, err := s.present(awareness(presence(id, 1, `{"x":"`+strings.Repeat("x", size-len(small))+`"}`)))
	if err != nil {
		return outcome{}, err
	}
	defer k.hangUp()
	if shown {
		if _, err := s.sees(id); err != nil {
			return outcome{}, err
		}
	}
	o, err := k.settled()
	if err != nil {
		return o, err
	}
	if err := s.unharmed(); err != nil {
		return o, err
	}
	if visible := slices.ContainsFunc(s.seen, func(who seen) bool { return who.Client == id }); visible != shown {
		err = fmt.Errorf("others see it: %v", visible)
	}
	return o, err
}

// nobodyElse says that others see nobody but the victim and each other.
func nobodyElse(s *scene) error {
	if err := s.unharmed(); err != nil {
		return err
	}
	if len(s.seen) != 2 {
		return fmt.Errorf("others see %+v", s.seen)
	}
	return nil
}

// settled asks for the document and reads until that is answered.
func (k *socket) settled() (o outcome, err error) {
	k.write(frame(final|opBinary, step1([]byte{0})))
	for !o.answered {
		m, code, err := k.read()
		if err != nil || code != 0 {
			o.code = code
			return o, err
		}
		o.hear(m)
	}
	return o, nil
}
