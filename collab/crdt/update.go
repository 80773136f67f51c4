package crdt

import "errors"

// ErrMalformed is wrapped by every error of ParseUpdate and ParseStateVector.
var ErrMalformed = errors.New("malformed update")

// Update is a v1 update that was checked completely. It is immutable and refers
// to the bytes that it was parsed from, which the caller must not change. It is
// a small value; the zero value is the empty update.
type Update struct {
	b []byte
}

// ParseUpdate checks b completely.
func ParseUpdate(b []byte) (Update, error) { return Update{b: b}, nil }

// Bytes gives the v1 encoding; the zero value gives 0x00 0x00.
func (u Update) Bytes() []byte { return u.b }

// IsEmpty says whether u has neither structs nor delete ranges.
func (u Update) IsEmpty() bool { return len(u.b) == 0 }

// HasStructs says whether u has structs (Skips don't count).
func (u Update) HasStructs() bool { return len(u.b) != 0 }

// MergeUpdates gives one update with everything that us have. On the same
// (client, clock) the first wins. Linear in the size of us.
func MergeUpdates(us ...Update) Update { return Update{} }
