package collab

import (
	"errors"
	"fmt"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// Message types of y-websocket (its README, "Protocol"; y-protocols PROTOCOL.md for sync, awareness and auth), which Hocuspocus has, too. 120 and 121 are ours (bizsync.v1).
const (
	messageSync           = 0
	messageAwareness      = 1
	messageAuth           = 2
	messageQueryAwareness = 3
	messageAck            = 120
	messageRefused        = 121

	syncStep1  = 0
	syncStep2  = 1
	syncUpdate = 2

	authPermissionDenied = 0
)

type frameKind uint8

const (
	frameStep1 frameKind = iota
	frameStep2
	frameUpdate
	frameAwareness
	frameQueryAwareness
	frameStateless
	frameIgnored
)

// frame is one decoded and checked message of a client.
type frame struct {
	kind      frameKind
	number    uint64    // of the connection's update frames (step 2 or update), from 1
	silent    bool      // a Hocuspocus client doesn't wait for its status
	size      int       // of the message, in bytes
	cost      int64     // what it holds of its connection's credit
	at        time.Time // when it was read
	vector    crdt.StateVector
	update    crdt.Update
	awareness []byte // a checked awareness update
	stateless []byte // the text of a stateless message
}

// carriesEdits says whether the frame is one of those that are counted and acknowledged.
func (f frame) carriesEdits() bool { return f.kind == frameStep2 || f.kind == frameUpdate }

// errMalformed is wrapped by every error of parseFrame.
var errMalformed = errors.New("malformed message")

// parseFrame decodes and checks one message of a y-websocket client completely. The frame refers to b.
func parseFrame(b []byte) (frame, error) {
	d := lib0.Over(b, 0)
	kind, err := d.ReadVarUint()
	if err != nil {
		return frame{}, fmt.Errorf("%w: type: %w", errMalformed, err)
	}
	if kind == messageAuth {
		return frame{kind: frameIgnored}, nil // the permission-denied message goes from server to client only
	}
	return parseBody(kind, &d)
}

// parseBody decodes and checks what both families of clients send after the type.
func parseBody(kind uint64, d *lib0.Decoder) (f frame, err error) {
	switch kind {
	case messageSync:
		f, err = parseSync(d)
	case messageAwareness:
		f.kind = frameAwareness
		if f.awareness, err = d.ReadVarBytes(); err == nil {
			err = checkAwareness(f.awareness)
		}
	case messageQueryAwareness:
		f.kind = frameQueryAwareness
	default:
		err = fmt.Errorf("unknown type %d", kind)
	}
	if err == nil {
		err = d.End()
	}
	if err != nil {
		return frame{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return f, nil
}

func parseSync(d *lib0.Decoder) (frame, error) {
	step, err := d.ReadVarUint()
	if err != nil {
		return frame{}, fmt.Errorf("sync step: %w", err)
	}
	body, err := d.ReadVarBytes()
	if err != nil {
		return frame{}, fmt.Errorf("sync body: %w", err)
	}
	var f frame
	switch step {
	case syncStep1:
		f.kind = frameStep1
		f.vector, err = crdt.ParseStateVector(body)
	case syncStep2:
		f.kind = frameStep2
		f.update, err = crdt.ParseUpdate(body)
	case syncUpdate:
		f.kind = frameUpdate
		f.update, err = crdt.ParseUpdate(body)
	default:
		return frame{}, fmt.Errorf("unknown sync step %d", step)
	}
	return f, err
}

// syncMessage builds a sync message around body.
func syncMessage(step uint64, body []byte) []byte {
	b := make([]byte, 0, len(body)+8)
	b = append(b, messageSync, byte(step))
	return lib0.AppendVarBytes(b, body)
}

// PermissionDenied builds the auth message with which a y-websocket client is told why it was refused.
func PermissionDenied(reason string) []byte {
	return lib0.AppendVarString([]byte{messageAuth, authPermissionDenied}, reason)
}

// ackMessage says that the first n update frames of the connection are decided.
func ackMessage(n uint64) []byte {
	return lib0.AppendVarUint([]byte{messageAck}, n)
}

// refusedMessage says that update frame n was refused, with a code of CONTRACT section 4.
func refusedMessage(n uint64, code int, reason string) []byte {
	b := lib0.AppendVarUint([]byte{messageRefused}, n)
	b = lib0.AppendVarUint(b, uint64(code))
	return lib0.AppendVarString(b, reason)
}

// awarenessMessage builds an awareness message around an awareness update.
func awarenessMessage(update []byte) []byte {
	return lib0.AppendVarBytes([]byte{messageAwareness}, update)
}

// emptyAwareness is understood by all providers and changes nothing: it keeps a silent connection alive.
func emptyAwareness() []byte { return awarenessMessage([]byte{0}) }

// awarenessMost bounds the entries of an awareness update: ten times what a document has of sockets.
const awarenessMost = 10_000

// awarenessEntry is one client's presence in an awareness update. state is JSON, "null" for a client that left.
type awarenessEntry struct {
	client uint64
	clock  uint64
	state  []byte
}

func (e awarenessEntry) left() bool { return string(e.state) == "null" }

func appendAwarenessEntry(dst []byte, e awarenessEntry) []byte {
	dst = lib0.AppendVarUint(dst, e.client)
	dst = lib0.AppendVarUint(dst, e.clock)
	return lib0.AppendVarBytes(dst, e.state)
}

// eachAwarenessEntry reads an awareness update without copying; it stops when visit returns false.
func eachAwarenessEntry(update []byte, visit func(awarenessEntry) bool) error {
	d := lib0.Over(update, 0)
	n, err := d.ReadVarUint()
	if err != nil {
		return fmt.Errorf("awareness count: %w", err)
	}
	if n > awarenessMost {
		return fmt.Errorf("awareness of %d clients", n)
	}
	for range n {
		var e awarenessEntry
		if e.client, err = d.ReadVarUint(); err != nil {
			return fmt.Errorf("awareness client: %w", err)
		}
		if e.clock, err = d.ReadVarUint(); err != nil {
			return fmt.Errorf("awareness clock: %w", err)
		}
		if e.state, err = d.ReadVarText(); err != nil {
			return fmt.Errorf("awareness state: %w", err)
		}
		if !visit(e) {
			return nil
		}
	}
	return d.End()
}

func checkAwareness(update []byte) error {
	return eachAwarenessEntry(update, func(awarenessEntry) bool { return true })
}

// syncUpdateOf gives the update in an update message of ours.
func syncUpdateOf(body []byte) (crdt.Update, error) {
	d := lib0.Over(body[2:], 0)
	b, err := d.ReadVarBytes()
	if err != nil {
		return crdt.Update{}, err
	}
	return crdt.ParseUpdate(b)
}
