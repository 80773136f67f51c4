package collab

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// Anti-entropy: nodes that have applied the same rows must have the same state. Now and then they compare, and who differs loads the document anew.

// hashMessage says what a node has after exactly the rows up to a number.
type hashMessage struct {
	epoch uuid.UUID
	upTo  uint64
	row   store.RowID
	hash  [32]byte // of state vector and delete set
}

const hashBytes = 16 + 8 + 8 + 32

func (m hashMessage) encode() []byte {
	b := append(make([]byte, 0, 2+hashBytes), relayVersion, relayHash)
	b = append(b, m.epoch[:]...)
	b = binary.BigEndian.AppendUint64(b, m.upTo)
	b = binary.BigEndian.AppendUint64(b, uint64(m.row))
	return append(b, m.hash[:]...)
}

func decodeHash(b []byte) (m hashMessage, err error) {
	if len(b) != hashBytes {
		return m, fmt.Errorf("%w: hash of %d bytes", errRelay, len(b))
	}
	copy(m.epoch[:], b)
	m.upTo = binary.BigEndian.Uint64(b[16:])
	m.row = store.RowID(binary.BigEndian.Uint64(b[24:]))
	copy(m.hash[:], b[32:])
	return m, nil
}

// tellHash sends the hash of the room's state to the other nodes, every HashCheck, when nothing is applied above a hole.
func (r *room) tellHash(now time.Time) {
	if r.relay == nil || r.failed != nil {
		return
	}
	if r.hashNext.IsZero() {
		r.hashNext = now.Add(r.hub.timing.HashCheck)
	}
	if now.Before(r.hashNext) {
		if len(r.sessions) > 0 {
			r.at(r.hashNext)
		}
		return
	}
	r.hashNext = now.Add(r.hub.timing.HashCheck)
	if len(r.above) == 0 && len(r.sessions) > 0 {
		r.send(hashMessage{epoch: r.epoch, upTo: r.upTo, row: r.upToRow, hash: r.hash()}.encode())
		r.at(r.hashNext)
	}
}

// hash gives the hash of the state, computed once for all who ask before it changes.
func (r *room) hash() [32]byte {
	if !r.hashed || r.hashedAt != r.upTo {
		r.hashOf, r.hashedAt, r.hashed = r.state.Hash(), r.upTo, true
	}
	return r.hashOf
}

// compareHash compares with another node that has applied the same rows. One of the two is wrong, and nobody can say which: this one loads the document
// anew, and the other hears of the difference when this one tells its hash.
func (r *room) compareHash(m hashMessage) {
	outcome := "equal"
	switch {
	case m.epoch != r.epoch || m.upTo != r.upTo || m.row != r.upToRow || len(r.above) > 0:
		outcome = "elsewhere"
	case m.hash != r.hash():
		outcome = "different"
		r.logger.Error("another node has a different document after the same rows; reloading", "seq", r.upTo)
		r.fail(&CloseError{Code: CloseGoingAway, Reason: "the document was reloaded"})
	}
	r.hub.metrics.hashes.WithLabelValues(outcome).Inc()
}
