package collab

import (
	"bytes"
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

	relayVersion   = 2 // version 1 had no predecessor in rows
	relayRows      = 1
	relayPresence  = 2
	relayAsk       = 3
	relayHash      = 4
	relayStateless = 5
)

// relayed is a decoded message of another node.
type relayed struct {
	kind     byte
	rows     rowsMessage
	presence presenceMessage
	hash     hashMessage
	text     []byte // of a Hocuspocus client's stateless message
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
	case relayStateless:
		m.text, err = decodeStateless(body)
	default:
		err = fmt.Errorf("%w: kind %d", errRelay, m.kind)
	}
	return m, err
}

// rowsMessage tells other nodes of the rows of one commit.
type rowsMessage struct {
	epoch  uuid.UUID
	first  uint64        // number of the first row; the others follow it
	prev   store.RowID   // id of the row before the first
	ids    []store.RowID // of all rows
	inline bool          // the rows' merged update is here
	update crdt.Update
}

var errRelay = errors.New("malformed message of another node")

// encode gives: version, kind, epoch, first number, id of the row before, how many, their ids, and, when it is not too large, the update.
func (m rowsMessage) encode() []byte {
	update := m.update.Bytes()
	b := make([]byte, 0, 64+8*len(m.ids)+len(update))
	b = append(b, relayVersion, relayRows)
	b = append(b, m.epoch[:]...)
	b = lib0.AppendVarUint(b, m.first)
	b = binary.BigEndian.AppendUint64(b, uint64(m.prev))
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
	prev, err := d.ReadBytes(8)
	if err != nil {
		return fail(err)
	}
	m.prev = store.RowID(binary.BigEndian.Uint64(prev))
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
	if r.foreign.Add(1) > relayWaiting {
		r.foreign.Add(-1)
		h.metrics.relayed.WithLabelValues("overflow").Inc()
		return
	}
	r.tell(event{do: func() {
		r.foreign.Add(-1)
		r.takeRelayed(m)
	}}, len(payload))
}

// Missed says that messages of other nodes may have been lost: all open documents are compared with the database now, and with the other nodes' presence.
// It never blocks.
func (h *Hub) Missed() {
	h.callRolls()
	signal(h.headsNow)
}

// callRolls has all rooms compare with the other nodes who is in them.
func (h *Hub) callRolls() {
	for _, r := range h.all() {
		r.note(func(w *word) { w.missed = true })
	}
}

// signal wakes whoever waits for a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// publish tells the other nodes what was committed.
func (r *room) publish(res *store.DocumentResult, merged crdt.Update) {
	if r.relay == nil {
		return
	}
	m := rowsMessage{epoch: r.epoch, update: merged}
	for _, row := range res.Rows {
		if row.Refused == store.Accepted {
			if m.first == 0 {
				m.first, m.prev = row.Seq, row.Prev
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
	if r.failed != nil || r.damaged && (m.kind == relayRows || m.kind == relayHash) {
		return
	}
	switch m.kind {
	case relayRows:
		r.takeRelayedRows(m.rows)
	case relayPresence:
		r.presence.takeRelayed(r, m.presence)
	case relayAsk:
		r.presence.tellAll()
	case relayHash:
		r.compareHash(m.hash)
	case relayStateless:
		if r.hub.stateless {
			r.tellStateless(m.text, nil)
		}
	}
}

// takeRelayedRows applies rows that another node has committed, in whatever order they come, and tells them at once.
func (r *room) takeRelayedRows(m rowsMessage) {
	var outcome string
	last := m.first + uint64(len(m.ids)) - 1
	switch {
	case m.epoch != r.epoch:
		outcome = "epoch"
		r.catchUp(outcome) // the database tells which is the document's
	case m.contradicts(r):
		// Of another history. The log, or the next commit, tells which is the database's.
		outcome = "strange"
		r.catchUp(outcome)
	case last <= r.upTo:
		outcome = "duplicate"
	case !m.inline:
		outcome = "large"
		r.catchUp(outcome)
	default:
		outcome = r.applyRelayed(m)
	}
	r.hub.metrics.relayed.WithLabelValues(outcome).Inc()
}

// contradicts says whether the room has applied another row under one of the numbers.
func (m rowsMessage) contradicts(r *room) bool {
	if m.first == r.upTo+1 && m.prev != r.upToRow {
		return true
	}
	for i, id := range m.ids {
		seq := m.first + uint64(i)
		if have, ok := r.above[seq]; ok && have.ID != id || seq == r.upTo && id != r.upToRow {
			return true
		}
	}
	return false
}

func (r *room) applyRelayed(m rowsMessage) (outcome string) {
	fresh, prev := 0, m.prev
	filling := len(r.above) > 0
	for i, id := range m.ids {
		seq := m.first + uint64(i)
		if _, have := r.above[seq]; seq > r.upTo && !have {
			fresh++
			r.applied(store.Row{Seq: seq, ID: id, Prev: prev})
		}
		prev = id
	}
	if fresh == 0 {
		return "duplicate"
	}
	r.tail.rows += fresh
	r.tail.bytes += len(m.update.Bytes())
	if fresh < len(m.ids) {
		// Some of it is known and told: only the others are told.
		r.applyPart(m.update)
		return "partial"
	}
	r.applyRows(m.update, filling)
	r.tellUpdate(m.update, nil)
	return "applied"
}

// applyRows applies an update of rows that were not applied before. filling: others were that come after them. Then what it has in common with them must be the same: for
// whoever says two things under one id and clock at two nodes, the order of rows decides.
func (r *room) applyRows(u crdt.Update, filling bool) {
	known := r.state.Repeats()
	r.state.Apply(u)
	if filling && r.state.Repeats() != known {
		first := crdt.NewState()
		first.Apply(u)
		first.Apply(r.state.Encode())
		r.doubtful = r.doubtful || !bytes.Equal(first.Encode().Bytes(), r.state.Encode().Bytes())
	}
	r.encoded, r.welcome = nil, nil
	r.rejudge = true
}

// applyPart applies an update of which the state may have some already, and tells the sessions what it brings.
func (r *room) applyPart(u crdt.Update) {
	fit := crdt.Known{r.state}.Fit(u, nil)
	r.applyRows(u, false)
	if !fit.Update.IsEmpty() {
		r.tellUpdate(fit.Update, nil)
	}
}

// pollSpacing is the least time between two polls, however often somebody asks for one.
const pollSpacing = 20 * time.Millisecond

// nextPoll waits for the next look at the database, which now hastens; false when the hub ends.
func (h *Hub) nextPoll(done, now <-chan struct{}) bool {
	t := time.NewTimer(h.timing.HeadPoll)
	defer t.Stop()
	select {
	case <-t.C:
	case <-now:
		t.Reset(pollSpacing)
		select {
		case <-t.C:
		case <-done:
			return false
		}
	case <-done:
		return false
	}
	return true
}
