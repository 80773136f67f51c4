package collab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"github.com/bizsync/bizsync/store"
)

const (
	// relayInline is the size in bytes up to which an update travels in the message; a larger one is read from the database.
	relayInline = 200 << 10
	// relayWaiting is how many messages of other nodes wait for a room. One that finds no place is dropped: the hole it leaves is found.
	relayWaiting = 256

	relayVersion  = 1
	relayRows     = 1
	relayPresence = 2
	relayAsk      = 3
	relayHash     = 4
)

// relayed is a decoded message of another node.
type relayed struct {
	kind     byte
	rows     rowsMessage
	presence presenceMessage
	hash     hashMessage
}

// decodeRelayed checks a message completely.
func decodeRelayed(b []byte) (m relayed, err error) {
	if len(b) < 2 || b[0] != relayVersion {
		return m, fmt.Errorf("%w: of another version", errRelay)
	}
	m.kind = b[1]
	switch body := b[2:]; m.kind {
	case relayRows:
		m.rows, err = decodeRows(b)
	case relayPresence:
		m.presence, err = decodePresence(body)
	case relayAsk:
	case relayHash:
		m.hash, err = decodeHash(body)
	default:
		err = fmt.Errorf("%w: kind %d", errRelay, m.kind)
	}
	return m, err
}

// rowsMessage tells other nodes of the rows of one commit.
type rowsMessage struct {
	epoch  uuid.UUID
	first  uint64        // number of the first row; the others follow it
	ids    []store.RowID // of all rows
	inline bool          // the rows' merged update is here
	update crdt.Update
}

var errRelay = errors.New("malformed message of another node")

// encode gives: version, kind, epoch, first number, how many, their ids, and, when it is not too large, the update.
func (m rowsMessage) encode() []byte {
	update := m.update.Bytes()
	b := make([]byte, 0, 64+8*len(m.ids)+len(update))
	b = append(b, relayVersion, relayRows)
	b = append(b, m.epoch[:]...)
	b = lib0.AppendVarUint(b, m.first)
	b = lib0.AppendVarUint(b, uint64(len(m.ids)))
	for _, id := range m.ids {
		b = binary.BigEndian.AppendUint64(b, uint64(id))
	}
	if len(update) <= relayInline {
		b = append(b, update...)
	}
	return b
}

// decodeRows checks a message completely.
func decodeRows(b []byte) (m rowsMessage, err error) {
	fail := func(err error) (rowsMessage, error) { return rowsMessage{}, fmt.Errorf("%w: %w", errRelay, err) }
	d := lib0.Over(b, 0)
	head, err := d.ReadBytes(2 + uint64(len(m.epoch)))
	if err != nil {
		return fail(err)
	}
	if head[0] != relayVersion || head[1] != relayRows {
		return rowsMessage{}, fmt.Errorf("%w: version %d, kind %d", errRelay, head[0], head[1])
	}
	copy(m.epoch[:], head[2:])
	if m.first, err = d.ReadVarUint(); err != nil {
		return fail(err)
	}
	n, err := d.ReadVarUint()
	if err != nil {
		return fail(err)
	}
	if n == 0 || n > uint64(d.Remaining())/8 || m.first == 0 {
		return rowsMessage{}, fmt.Errorf("%w: %d rows from %d on", errRelay, n, m.first)
	}
	ids, err := d.ReadBytes(8 * n)
	if err != nil {
		return fail(err)
	}
	for ; len(ids) > 0; ids = ids[8:] {
		m.ids = append(m.ids, store.RowID(binary.BigEndian.Uint64(ids)))
	}
	if d.Remaining() > 0 {
		m.inline = true
		if m.update, err = crdt.ParseUpdate(b[d.Pos():]); err != nil {
			return fail(err)
		}
	}
	return m, nil
}

// Hosts says whether a document is open on this node.
func (h *Hub) Hosts(doc [16]byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open[doc] != nil
}

// Relayed takes a message of another node. It never blocks.
func (h *Hub) Relayed(doc [16]byte, payload []byte) {
	h.mu.Lock()
	r := h.open[doc]
	h.mu.Unlock()
	if r == nil {
		return
	}
	m, err := decodeRelayed(payload)
	if err != nil {
		h.metrics.relayed.WithLabelValues("malformed").Inc()
		return
	}
	select {
	case r.relayed <- m:
	default:
		h.metrics.relayed.WithLabelValues("overflow").Inc()
	}
}

// Missed says that messages of other nodes may have been lost: all open documents are compared with the database now, and with the other nodes' presence.
// It never blocks.
func (h *Hub) Missed() {
	for _, r := range h.all() {
		r.note(func(w *word) { w.missed = true })
	}
	h.pollSoon()
}

// pollSoon makes the next comparison with the database come at once.
func (h *Hub) pollSoon() {
	select {
	case h.pollNow <- struct{}{}:
	default:
	}
}

// publish tells the other nodes what was committed.
func (r *room) publish(res commitResult, merged crdt.Update) {
	if r.relay == nil {
		return
	}
	m := rowsMessage{epoch: r.epoch, update: merged}
	for _, row := range res.Rows {
		if row.Refused == store.Accepted {
			if m.first == 0 {
				m.first = row.Seq
			}
			m.ids = append(m.ids, row.ID)
		}
	}
	if len(m.ids) == 0 {
		return
	}
	r.send(m.encode())
}

// send publishes a message to the other nodes that have the document open.
func (r *room) send(b []byte) {
	if err := r.relay.Publish(r.doc, b); err != nil {
		r.hub.metrics.relayed.WithLabelValues("unsent").Inc()
	}
}

// takeRelayed takes a message of another node.
func (r *room) takeRelayed(m relayed) {
	if r.failed != nil {
		return
	}
	switch m.kind {
	case relayRows:
		r.takeRelayedRows(m.rows)
	case relayPresence:
		r.presence.takeRelayed(r, m.presence)
	case relayAsk:
		r.presence.tellAll(r)
	case relayHash:
		r.compareHash(m.hash)
	}
}

// takeRelayedRows applies rows that another node has committed, in whatever order they come, and tells them at once.
func (r *room) takeRelayedRows(m rowsMessage) {
	outcome := "applied"
	last := m.first + uint64(len(m.ids)) - 1
	switch {
	case m.epoch != r.epoch:
		outcome = "epoch"
		r.catchUp(outcome) // the database tells which is the document's
	case last <= r.upTo:
		outcome = "duplicate"
	case !m.inline:
		outcome = "large"
		r.catchUp(outcome)
	default:
		fresh := false
		for i, id := range m.ids {
			seq := m.first + uint64(i)
			if _, have := r.above[seq]; seq > r.upTo && !have {
				fresh = true
				r.applied(store.Row{Seq: seq, ID: id})
			}
		}
		if !fresh {
			outcome = "duplicate"
			break
		}
		r.state.Apply(m.update)
		r.encoded, r.welcome = nil, nil
		r.rejudge = true
		r.tail.rows += len(m.ids)
		r.tail.bytes += len(m.update.Bytes())
		r.broadcast(syncMessage(syncUpdate, m.update.Bytes()), nil)
	}
	r.hub.metrics.relayed.WithLabelValues(outcome).Inc()
}

// nextPoll waits until heads are to be compared again; false when the hub ends.
func (h *Hub) nextPoll(done <-chan struct{}) bool {
	t := time.NewTimer(h.timing.HeadPoll)
	defer t.Stop()
	select {
	case <-t.C:
	case <-h.pollNow:
	case <-done:
		return false
	}
	return true
}
