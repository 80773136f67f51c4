package crdt

import (
	"errors"
	"fmt"
)

// ErrMalformed is wrapped by every error of ParseUpdate and ParseStateVector,
// with the reason and the offset near which it was found.
var ErrMalformed = errors.New("malformed update")

func malformed(offset int, what string, cause error) error {
	if cause != nil {
		return fmt.Errorf("%w: %s at byte %d: %w", ErrMalformed, what, offset, cause)
	}
	return fmt.Errorf("%w: %s at byte %d", ErrMalformed, what, offset)
}

// Update is a v1 update that was checked completely. It is immutable and refers
// to the bytes that it was parsed from, which the caller must not change. It
// keeps no memory per struct: whoever needs the structs decodes them again, one
// at a time. It is a small value; the zero value is the empty update.
type Update struct {
	b       []byte
	dels    int // offset in b of the delete set
	structs int // structs other than Skips
	types   int // those of them that hold a type
	ranges  int // delete ranges

	// What Yjs itself writes is tidy: blocks of structs in strictly descending
	// order of client, none empty, no Skips.
	tidy bool
	// And so is its delete set: clients in strictly descending order, each with
	// ascending ranges that don't touch. Other engines write the clients in any
	// order: then only the ranges ascend.
	tidyDels, ascendingDels bool
}

var emptyUpdate = []byte{0, 0}

// Bytes gives the v1 encoding, which must not be changed; the zero value gives
// 0x00 0x00.
func (u Update) Bytes() []byte {
	if u.b == nil {
		return emptyUpdate
	}
	return u.b
}

// IsEmpty says whether u has neither structs nor delete ranges.
func (u Update) IsEmpty() bool { return u.structs == 0 && u.ranges == 0 }

// HasStructs says whether u has structs. Skips, which only say that something
// is missing, don't count.
func (u Update) HasStructs() bool { return u.structs != 0 }

// MergeUpdates gives one update with everything that us have: on the same
// (client, clock) the first wins, gaps become Skips, delete sets are united.
// It takes time linear in the size of us (times the logarithm of the number of
// gaps) and may drop content that us delete. The result doesn't refer to us.
func MergeUpdates(us ...Update) Update {
	s := NewState()
	for _, u := range us {
		s.Apply(u)
	}
	return s.Encode()
}
