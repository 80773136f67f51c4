package main

import (
	"fmt"
	"math/bits"
)

// receipt is which letters of one writer have come to one connection.
type receipt struct {
	letters []uint64 // a bit for each
	doubled uint64   // letters that came when they were there already
}

// mostLetters is more than a writer types in any run.
const mostLetters = 1 << 24

// take notes letters and says how many of them are new.
func (r *receipt) take(got letters) (fresh uint64, err error) {
	if got.clock > mostLetters || uint64(len(got.text)) > mostLetters-got.clock {
		return 0, fmt.Errorf("letter %d of client %d", got.clock, got.client)
	}
	for i, letter := range got.text {
		n := got.clock + uint64(i)
		if letter != letterAt(n) {
			return fresh, fmt.Errorf("letter %d of client %d is %q, not %q", n, got.client, letter, letterAt(n))
		}
		word, bit := n/64, uint64(1)<<(n%64)
		for word >= uint64(len(r.letters)) {
			r.letters = append(r.letters, 0)
		}
		if r.letters[word]&bit != 0 {
			r.doubled++
			continue
		}
		r.letters[word] |= bit
		fresh++
	}
	return fresh, nil
}

// missing is how many of the first n letters have not come, strange how many have come that are none of those.
func (r *receipt) missing(n uint64) (missing, strange uint64) {
	there := uint64(0)
	for i, word := range r.letters {
		all := uint64(bits.OnesCount64(word))
		switch first := uint64(i) * 64; {
		case n >= first+64:
		case n <= first:
			word = 0
		default:
			word &= 1<<(n-first) - 1
		}
		within := uint64(bits.OnesCount64(word))
		there += within
		strange += all - within
	}
	return n - there, strange
}
