package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// script is what one author types: updates that Yjs has made, in order, and where their clocks end.
type script struct {
	client  uint64
	updates [][]byte
	number  []uint32 // of the update that brings a clock
	ends    []uint64 // the clock behind each update
}

var errScript = errors.New("a script is not what gen.mjs writes")

// readScripts reads what gen.mjs has written: numbers are little-endian and of 32 bits; how many scripts, and of each its client, how many updates, and of each its length and bytes.
func readScripts(file string) ([]*script, error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read what to type: %w", err)
	}
	number := func() uint32 {
		if len(rest) < 4 {
			rest, err = nil, errScript
			return 0
		}
		n := binary.LittleEndian.Uint32(rest)
		rest = rest[4:]
		return n
	}
	var all []*script
	for n := number(); n > 0 && err == nil; n-- {
		s := &script{client: uint64(number())}
		for n := number(); n > 0 && err == nil; n-- {
			length := number()
			if uint64(length) > uint64(len(rest)) {
				return nil, errScript
			}
			if err := s.add(rest[:length:length]); err != nil {
				return nil, err
			}
			rest = rest[length:]
		}
		all = append(all, s)
	}
	return all, err
}

// add appends an update, which has to bring the client's next clocks and nothing else.
func (s *script) add(update []byte) error {
	next := uint64(len(s.number))
	strange := false
	err := visitStructs(update, func(got structs) {
		if strange = strange || got.client != s.client || got.first != uint64(len(s.number)); strange {
			return
		}
		for range got.end - got.first {
			s.number = append(s.number, uint32(len(s.updates)))
		}
	})
	if err != nil || strange || uint64(len(s.number)) == next {
		return fmt.Errorf("%w: update %d of client %d", errScript, len(s.updates), s.client)
	}
	s.updates, s.ends = append(s.updates, update), append(s.ends, uint64(len(s.number)))
	return nil
}

// delivered says which updates a run of clocks completes, from first up to and without end. One that ends in the middle of an update (seen of no server so far) completes
// it with the next. ok is false for clocks that were never typed.
func (s *script) delivered(got structs) (first, end int, ok bool) {
	if got.end > uint64(len(s.number)) || got.first >= got.end {
		return 0, 0, false
	}
	first, last := int(s.number[got.first]), int(s.number[got.end-1])
	if s.ends[last] != got.end {
		last--
	}
	return first, last + 1, true
}
