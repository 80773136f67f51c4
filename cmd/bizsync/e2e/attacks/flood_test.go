package attacks

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// floodAttacks are too much of what would be harmless.
func floodAttacks() []attack {
	return []attack{
		{name: "a flood of gaps", tries: "Has 5,000 updates held that never fit.", sends: func(s *scene) []way {
			id := s.id()
			var messages [][]byte
			for clock := range uint64(5000) {
				messages = append(messages, update(typed(id, 10+2*clock, "x")))
			}
			return []way{over(messages...)}
		}, want: held},
		{name: "a flood of large gaps", tries: "Has 64 MiB held that never fit.", sends: func(s *scene) []way {
			large := update(one(s.id(), behind(3_999_999_999, 1, refString, text(strings.Repeat("x", 4<<20)))))
			return []way{over(slices.Repeat([][]byte{large}, 16)...)}
		}, want: held},
		{name: "backwards", tries: "Sends 250 letters from the last to the first, each of which waits for the one before it.", sends: func(s *scene) []way {
			id := s.id()
			var messages [][]byte
			for clock := uint64(250); clock > 0; clock-- {
				messages = append(messages, update(typed(id, clock-1, "x")))
			}
			return []way{over(messages...)}
		}, want: acked},
		{name: "deletes of the future, 16 MiB of them", tries: "Has what can't be judged yet fill the memory.", sends: func(s *scene) (ways []way) {
			v := s.client
			for _, put := range []func([]byte) []byte{update, update} {
				ways = append(ways, over(put(append(numbers(0, 1, v), repeated(2_000_000, func(i uint64) []byte { return numbers(1<<20+i*2, 1) })...))))
			}
			return ways
		}, want: held},
		{name: "tiny frames at line speed", tries: "Types 21,000 letters as fast as the line takes them.", sends: func(s *scene) []way {
			id := s.id()
			w := way{updates: 21_000}
			var b []byte
			for clock := range w.updates {
				b = append(b, frame(final|opBinary, update(written(block(id, clock, fast(id, clock)))))...)
			}
			w.frames = [][]byte{b}
			return []way{w}
		}, want: acked},
		{name: "empty updates at line speed", tries: "Has 21,000 frames acknowledged that bring nothing.", sends: func(*scene) []way {
			return []way{{frames: [][]byte{bytes.Repeat(frame(final|opBinary, update(emptyUpdate())), 21_000)}, updates: 21_000}}
		}, want: acked},
		{name: "a flood of questions", tries: "Asks 25 times for everything, with vectors of 100,000 clients.", sends: func(*scene) []way {
			vector := step1(repeated(100_000, func(i uint64) []byte { return numbers(1<<30+i*7, 5) }))
			return []way{over(slices.Repeat([][]byte{vector}, 25)...)}
		}, want: ignored},
		{name: "a flood of questions about presence", tries: "Asks 25 times who is here.", sends: func(*scene) []way {
			return []way{over(slices.Repeat([][]byte{queryAwareness()}, 25)...)}
		}, want: ignored},
		{name: "16 MiB from four sockets, wrong at the end", sockets: 4, tries: "Has four large frames read and checked at once, to find them wrong at their last byte.", does: func(s *scene) (outcome, error) {
			large := bigUpdate(77, frameLimit-100)
			large[len(large)-1] = 1
			return s.atOnce(4, over(large), malformed)
		}, want: malformed},
		{name: "16 MiB from four sockets, for nobody", sockets: 4, tries: "Has large frames read that come from no one.", by: nobody, does: func(s *scene) (outcome, error) {
			return s.atOnce(4, over(bigUpdate(77, frameLimit-100)), verdict{closed: 4401, denied: true})
		}, want: verdict{closed: 4401, denied: true}},
		{name: "600,000 structs from four sockets", sockets: 4, tries: "Has much fitted at once that is refused.", does: func(s *scene) (outcome, error) {
			return s.atOnce(4, over(update(joined(numbers(1, 600_000, s.id(), 0), slices.Repeat(gc(1), 600_000), numbers(0)))), verdict{refused: 4413})
		}, want: verdict{refused: 4413}},
		{name: "more sockets than may be", tries: "Takes up all the places in a document.", does: crowding, want: verdict{closed: 1013}},
		{name: "coming and going", tries: "Joins and leaves 30 times, and shows itself each time.", sends: func(s *scene) (ways []way) {
			for range 30 {
				ways = append(ways, over(awareness(presence(s.id(), 1, `{}`))))
			}
			return ways
		}, want: ignored, also: nobodyElse},
		{name: "a storm from one address", tries: "Opens 1,200 connections without a token as fast as it can.", does: func(s *scene) (outcome, error) {
			return s.storm(1200, 4401, func(int) visitor { return visitor{path: "/" + s.doc, address: "192.0.2.1"} })
		}, want: verdict{closed: 1013}},
		{name: "a storm from one account", tries: "Opens 700 connections with one token, from everywhere.", does: func(s *scene) (outcome, error) {
			return s.storm(700, 0, func(i int) visitor {
				return visitor{path: "/" + s.doc, token: s.tokens[editor], address: fmt.Sprintf("192.0.2.%d", i%250)}
			})
		}, want: verdict{closed: 1013}},
	}
}

// fast is the letter that a client types at a clock.
func fast(client, clock uint64) []byte {
	if clock == 0 {
		return inRoot("fast", refString, text("x"))
	}
	return behind(client, clock-1, refString, text("x"))
}

// atOnce sends the same over several connections at once. All must come to the same end.
func (s *scene) atOnce(n int, w way, want verdict) (outcome, error) {
	by := editor
	if want.closed == 4401 {
		by = nobody
	}
	outcomes, errs := make([]outcome, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			outcomes[i], errs[i] = s.send(attack{by: by, want: want}, w)
			if errs[i] == nil && !outcomes[i].is(want) {
				errs[i] = fmt.Errorf("connection %d: %+v; want it %v", i, outcomes[i], want)
			}
		})
	}
	all.Wait()
	return outcomes[0], errors.Join(errs...)
}

// crowding opens sockets until no more are let in, and gives what became of the one too many.
func crowding(s *scene) (o outcome, err error) {
	for i := range 100 {
		k, err := s.dial(s.visitor(editor, false))
		if err != nil {
			return o, err
		}
		defer k.hangUp()
		if o, err = k.settled(); err != nil || o.code != 0 {
			if i < 20 {
				err = errors.Join(err, fmt.Errorf("the socket number %d was not let in", i))
			}
			return outcome{code: o.code}, err
		}
	}
	return o, nil
}

// storm opens connections as fast as it can, each of which closes at once: with the usual code, or 0 when we do, until the server has enough of it.
func (s *scene) storm(n, usual int, visit func(i int) visitor) (o outcome, err error) {
	next := make(chan int)
	codes := make([]int, n)
	errs := make([]error, 4)
	var all sync.WaitGroup
	for w := range errs {
		all.Go(func() {
			for i := range next {
				k, err := s.dial(visit(i))
				if err != nil {
					errs[w] = errors.Join(errs[w], err)
					continue
				}
				_, code, err := k.read()
				for err == nil && code == 0 && usual != 0 { // the reason is told first
					_, code, err = k.read()
				}
				codes[i] = code
				if errs[w] = errors.Join(errs[w], err); code == 0 {
					k.leave()
				}
				k.hangUp()
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
	count := map[int]int{}
	for _, code := range codes {
		count[code]++
	}
	if err := errors.Join(errs...); err != nil {
		return o, err
	}
	if count[usual] < n/3 || count[1013] == 0 || count[usual]+count[1013] != n {
		return o, fmt.Errorf("closed with: %v", count)
	}
	return outcome{code: 1013}, nil
}
