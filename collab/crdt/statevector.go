package crdt

import (
	"slices"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// Bounds of ids: JavaScript holds a client exactly, and Yjs computes with clocks
// as 32-bit integers here and there.
const (
	maxClient = 1<<53 - 1
	maxClock  = 1<<31 - 1
)

// maxVectorClients bounds a state vector that is read, and so the memory for it
// to about 40 MiB.
const maxVectorClients = 1 << 20

// ID names one element of a document: the clock-th that a client made.
// Client is below 2^53 and Clock below 2^31.
type ID struct {
	Client uint64
	Clock  uint32
}

// StateVector says for each client the next clock that is not known yet.
type StateVector map[uint64]uint32

// ParseStateVector reads an encoded state vector of at most 2^20 clients. Trailing
// bytes, a client above 2^53-1, a clock above 2^31-1 and a client that is named
// twice are malformed.
func ParseStateVector(b []byte) (StateVector, error) {
	d := lib0.NewDecoder(b)
	n, err := d.ReadVarUint()
	if err != nil {
		return nil, malformed(d.Pos(), "state vector size", err)
	}
	if n > uint64(d.Remaining())/2 {
		return nil, malformed(d.Pos(), "state vector claims more entries than bytes", nil)
	}
	if n > maxVectorClients {
		return nil, malformed(d.Pos(), "state vector of too many clients", nil)
	}
	sv := make(StateVector, n)
	for range n {
		client, err := d.ReadVarUint()
		if err != nil {
			return nil, malformed(d.Pos(), "state vector client", err)
		}
		clock, err := d.ReadVarUint()
		if err != nil {
			return nil, malformed(d.Pos(), "state vector clock", err)
		}
		if clock > maxClock {
			return nil, malformed(d.Pos(), "clock out of range", nil)
		}
		if _, twice := sv[client]; twice {
			return nil, malformed(d.Pos(), "client named twice", nil)
		}
		sv[client] = uint32(clock)
	}
	if err := d.End(); err != nil {
		return nil, malformed(d.Pos(), "state vector", err)
	}
	return sv, nil
}

// Encode gives the wire form, clients in descending order as Yjs writes them.
func (sv StateVector) Encode() []byte {
	clients := make([]uint64, 0, len(sv))
	for c := range sv {
		clients = append(clients, c)
	}
	slices.Sort(clients)
	slices.Reverse(clients)
	b := lib0.AppendVarUint(make([]byte, 0, 1+10*len(sv)), uint64(len(sv)))
	for _, c := range clients {
		b = lib0.AppendVarUint(b, c)
		b = lib0.AppendVarUint(b, uint64(sv[c]))
	}
	return b
}

// EncodeStateVector gives the wire form of the state vector, for less than making
// and encoding one.
func (s *State) EncodeStateVector() []byte {
	n := 0
	for c := range s.clients.all {
		if c.contiguous() > 0 {
			n++
		}
	}
	b := lib0.AppendVarUint(make([]byte, 0, hole+13*n), uint64(n))
	for c := range s.clients.sorted {
		if end := c.contiguous(); end > 0 {
			b = lib0.AppendVarUint(b, c.id)
			b = lib0.AppendVarUint(b, uint64(end))
		}
	}
	return b
}
