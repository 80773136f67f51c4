// Package relay carries messages between the nodes of a cluster, in one process or through Redis: about documents, for persons, and among the nodes themselves.
//
// Delivery is at most once and may fail in every way: a message may be lost, repeated, delayed or overtaken, and whoever can publish in Redis may
// repeat a genuine one (what was not made by a node of this cluster is told by its MAC, and dropped). So what is sent has to be harmless when it
// comes twice or late, and has to be found elsewhere when it doesn't come. The package promises three things: publishing never waits for anybody, memory is
// bounded, and a receiver is told when it may have missed something.
package relay

import (
	"errors"
	"time"
)

// MaxPayload is the largest payload in bytes that a message takes.
const MaxPayload = 256 << 10

// maxQueue bounds in bytes what waits to be sent, and in process what waits for one receiver.
const maxQueue = 8 << 20

var (
	// ErrTooLarge is returned for a payload above MaxPayload.
	ErrTooLarge = errors.New("relay: payload above 256 KiB")
	// ErrClosed is returned by what sends after Close.
	ErrClosed = errors.New("relay: closed")
)

// Document is a document's id, a UUID's 16 bytes.
type Document = [16]byte

// Handler is told what arrives. All its functions are called from one goroutine of the relay, one at a time: while one runs nothing else is
// received, so none may block for long (more than three seconds behind is a Gap), and none may call the relay's Close.
type Handler struct {
	// Message is told a payload that another node published; the node's own are not told. The payload is the handler's to keep and to change.
	Message func(doc Document, payload []byte)
	// Notice and Control are told what other nodes sent with Notify and Control, likewise. Each may be nil.
	Notice  func(user [16]byte, payload []byte)
	Control func(payload []byte)
	// Gap says that messages may have been missed: at every subscription, the first one included, when a heartbeat did not come back, and when
	// a receiver was too slow for what had been queued for it. What is published from now on will be told, or there will be another Gap, so this is the
	// moment to read the log, and whatever else Notice and Control hasten. May be nil.
	Gap func()
	// Interested is asked before a message about a document is checked and copied, so that a node pays little for the documents that it doesn't host. May be nil: all.
	// It may also be called from the goroutines that publish on the same Bus, concurrently.
	Interested func(doc Document) bool
}

// interested says whether a message of that topic would be told to anybody.
func (h *Handler) interested(about topic) bool {
	switch about.kind {
	case toDocument:
		return h.Interested == nil || h.Interested(about.id)
	case toUser:
		return h.Notice != nil
	default:
		return h.Control != nil
	}
}

func (h *Handler) tell(about topic, payload []byte) {
	switch about.kind {
	case toDocument:
		h.Message(about.id, payload)
	case toUser:
		h.Notice(about.id, payload)
	default:
		h.Control(payload)
	}
}

// Relay sends to the other nodes and tells a Handler what they send. Its methods may be called from any goroutine.
type Relay interface {
	// Publish queues a copy of the payload, of at most MaxPayload bytes, for all other nodes. It never blocks. When 8 MiB are queued the message is dropped
	// and counted, without an error: the receivers will find the hole. Errors: ErrTooLarge, ErrClosed.
	Publish(doc Document, payload []byte) error
	// Notify and Control send to the other nodes what their Handler.Notice and Handler.Control are told: on behalf of a person, and to the nodes themselves.
	// All that Publish promises holds for them.
	Notify(user [16]byte, payload []byte) error
	Control(payload []byte) error
	// Health is how the relay is right now.
	Health() Health
	// Close sends what is queued, for at most a second, and returns when every goroutine has ended. No function of the handler is running or will be
	// called after it. Closing twice is harmless.
	Close() error
}

// Health is a relay's state at one moment.
type Health struct {
	// Connected: a heartbeat has come back through the present subscription, which has not been found deaf since. While a handler function runs nothing is found: see Heartbeat.
	Connected bool
	// Since is when Connected became what it is.
	Since time.Time
	// Heartbeat is the age of the last heartbeat that came back, or of the relay before the first; 0 in process.
	Heartbeat time.Duration
	// RoundTrip is how long that heartbeat was under way, waiting behind unread messages included; 0 in process.
	RoundTrip time.Duration
	// QueuedBytes is what waits to be sent, or in process to be received.
	QueuedBytes int
}
