package collab

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
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
	reply bool     // to one that differs
}

const hashBytes = 16 + 8 + 8 + 32 + 1

func (m hashMessage) encode() []byte {
	b := append(make([]byte, 0, 2+hashBytes), relayVersion, relayHash)
	b = append(b, m.epoch[:]...)
	b = binary.BigEndian.AppendUint64(b, m.upTo)
	b = binary.BigEndian.AppendUint64(b, uint64(m.row))
	b = append(b, m.hash[:]...)
	if m.reply {
		return append(b, 1)
	}
	return append(b, 0)
}

func decodeHash(b []byte) (m hashMessage, err error) {
	if len(b) != hashBytes {
		return m, fmt.Errorf("%w: hash of %d bytes", errRelay, len(b))
	}
	copy(m.epoch[:], b)
	m.upTo = binary.BigEndian.Uint64(b[16:])
	m.row = store.RowID(binary.BigEndian.Uint64(b[24:]))
	copy(m.hash[:], b[32:])
	m.reply = b[64] == 1
	return m, nil
}

// resolveDoubt gives the room up when rows were applied out of order of which the order may have mattered: two nodes have committed different structs under one id, which
// an honest client never makes. Loaded anew, in the order of the log, it is what everybody else has.
func (r *room) resolveDoubt() {
	if r.doubtful && len(r.above) == 0 && r.failed == nil {
		r.log().Warn("structs came twice and differ in order; reloading", "seq", r.upTo)
		r.fail(&CloseError{Code: CloseGoingAway, Reason: "the document was reloaded"})
	}
}

// tellHash sends the hash of the room's state to the other nodes, every HashCheck, when nothing is applied above a hole.
func (r *room) tellHash(now time.Time) {
	if r.relay == nil || r.failed != nil || r.damaged {
		return
	}
	if r.hashNext.IsZero() {
		// What was loaded just now is right: whoever differs should know soon.
		r.hashNext = now.Add(r.hub.timing.HashCheck/10 + rand.N(r.hub.timing.HashCheck/10))
	}
	if now.Before(r.hashNext) {
		if len(r.sessions) > 0 {
			r.at(r.hashNext)
		}
		return
	}
	r.hashNext = now.Add(r.hub.timing.HashCheck)
	if len(r.above) == 0 && len(r.sessions) > 0 {
		r.send(r.ownHash().encode())
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

func (r *room) ownHash() hashMessage {
	return hashMessage{epoch: r.epoch, upTo: r.upTo, row: r.upToRow, hash: r.hash()}
}

// compareHash compares with another node that has applied the same rows. When they differ one of the two is wrong, and nobody can say which: both load the document
// anew, this one after an answer by which the other knows.
func (r *room) compareHash(m hashMessage) {
	outcome := "equal"
	switch {
	case m.epoch != r.epoch || m.upTo != r.upTo || m.row != r.upToRow || len(r.above) > 0:
		outcome = "elsewhere"
	case m.hash != r.hash():
		outcome = "different"
		if !m.reply {
			answer := r.ownHash()
			answer.reply = true
			r.send(answer.encode())
		}
		r.log().Error("another node has a different document after the same rows; reloading", "seq", r.upTo)
		r.fail(&CloseError{Code: CloseGoingAway, Reason: "the document was reloaded"})
	}
	r.hub.metrics.hashes.WithLabelValues(outcome).Inc()
}
