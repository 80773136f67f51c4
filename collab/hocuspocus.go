package collab

import (
	"bytes"
	"fmt"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// Messages of Hocuspocus (@hocuspocus/provider 2 to 4: MessageType in its sources). Each begins with a key, the document's name or, where one connection opens it more than once,
// name NUL session; then come the types of y-websocket, and these.
const (
	messageSyncReply          = 4 // between Hocuspocus servers
	messageStateless          = 5
	messageBroadcastStateless = 6 // between Hocuspocus servers
	messageClose              = 7
	messageSyncStatus         = 8
	messagePing               = 9  // one byte without a key
	messagePong               = 10 // likewise

	authToken         = 0
	authDenied        = 1
	authAuthenticated = 2
)

// keyBytes bounds a document's key. Names are shorter; sessions have a dozen letters.
const keyBytes = 1 << 10

var (
	statusSaved   = []byte{messageSyncStatus, 1}
	statusRefused = []byte{messageSyncStatus, 0}
	pong          = []byte{messagePong}
	// emptyKey is a message for no document, which all providers hear and none looks at.
	emptyKey = []byte{0}
)

type keyedKind uint8

const (
	keyedFrame keyedKind = iota // one of those that go to the room
	keyedAuth                   // asks for the document, with a token
	keyedClose                  // gives it back
	keyedPing                   // of the connection
	keyedNoise                  // nothing to do
)

// keyed is one decoded and checked message of a Hocuspocus client.
type keyed struct {
	kind  keyedKind
	key   []byte // refers to the message
	token string
	frame frame
}

// parseKeyed decodes and checks one message of a Hocuspocus client completely. The result refers to b.
func parseKeyed(b []byte) (k keyed, err error) {
	if len(b) == 1 {
		switch b[0] {
		case messagePing:
			return keyed{kind: keyedPing}, nil
		case messagePong, 0:
			return keyed{kind: keyedNoise}, nil
		}
	}
	d := lib0.Over(b, 0)
	fail := func(err error) (keyed, error) { return keyed{}, fmt.Errorf("%w: %w", errMalformed, err) }
	if k.key, err = d.ReadVarText(); err != nil {
		return fail(fmt.Errorf("key: %w", err))
	}
	if len(k.key) > keyBytes {
		return fail(fmt.Errorf("a key of %d bytes", len(k.key)))
	}
	kind, err := d.ReadVarUint()
	if err != nil {
		return fail(fmt.Errorf("type: %w", err))
	}
	switch kind {
	case messageAuth:
		k.kind = keyedAuth
		k.token, err = parseAuth(&d)
	case messageStateless:
		k.frame.kind = frameStateless
		if k.frame.stateless, err = d.ReadVarText(); err == nil {
			err = d.End()
		}
	case messageClose:
		k.kind = keyedClose // a reason may follow
	case messagePing, messagePong:
		k.kind = keyedNoise
	case messageSyncReply, messageBroadcastStateless, messageSyncStatus:
		err = fmt.Errorf("type %d is not for clients", kind)
	default:
		k.frame, err = parseBody(kind, &d)
		return k, err
	}
	if err != nil {
		return fail(err)
	}
	return k, nil
}

// parseAuth gives the token of an auth message. Version 4 says its own version behind it.
func parseAuth(d *lib0.Decoder) (string, error) {
	step, err := d.ReadVarUint()
	if err != nil {
		return "", fmt.Errorf("auth: %w", err)
	}
	if step != authToken {
		return "", fmt.Errorf("auth message %d is not for clients", step)
	}
	token, err := d.ReadVarText()
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return string(token), nil
}

// documentOf is the document's name in a key.
func documentOf(key []byte) string {
	name, _, _ := bytes.Cut(key, []byte{0})
	return string(name)
}

// keyHead is what comes before each message under a key.
func keyHead(key []byte) []byte { return lib0.AppendVarBytes(nil, key) }

// deniedMessage says that a document can't be had, and why.
func deniedMessage(reason string) []byte {
	return lib0.AppendVarString([]byte{messageAuth, authDenied}, reason)
}

// authenticatedMessage says that a document is open to the client, and whether it may write.
func authenticatedMessage(write bool) []byte {
	scope := "readonly"
	if write {
		scope = "read-write"
	}
	return lib0.AppendVarString([]byte{messageAuth, authAuthenticated}, scope)
}

// statelessMessage passes a client's text on.
func statelessMessage(text []byte) []byte {
	return lib0.AppendVarBytes([]byte{messageStateless}, text)
}

// final says whether a code is a definite answer: the client is not to come back by itself (CONTRACT section 4).
func final(code int) bool {
	switch code {
	case CloseUnauthorized, CloseForbidden, CloseNotFound, CloseClientID:
		return true
	}
	return false
}

// denial tells a client why its session ends for good.
func (s *session) denial(reason string) []byte {
	if s.keyed {
		return deniedMessage(reason)
	}
	return PermissionDenied(reason)
}
