package crdt

// ID names one element of a document: the clock-th that a client made.
// Client is below 2^53 and Clock below 2^31.
type ID struct {
	Client uint64
	Clock  uint32
}

// StateVector says for each client the next clock that is not known yet.
type StateVector map[uint64]uint32

// ParseStateVector reads an encoded state vector. The result is bounded by
// len(b). Trailing bytes and a client that is named twice are malformed.
func ParseStateVector(b []byte) (StateVector, error) { return nil, nil }

// Encode gives the wire form, clients in descending order as Yjs writes them.
func (sv StateVector) Encode() []byte { return nil }
