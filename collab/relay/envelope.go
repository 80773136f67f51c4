package relay

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
)

// What travels through Redis is an envelope:
//
//	version  1 byte
//	run     16 bytes  of the node that sent it
//	MAC     16 bytes  HMAC-SHA-256 over version, run, length of the channel's name (1 byte), channel and body, truncated (RFC 2104, section 5)
//	body
//
// The MAC covers the channel, so that a message can't be moved to another document, and the run, so that no node can be made to take another's message for
// its own, unless someone only wants it dropped.
const (
	envelopeVersion = 1
	runSize         = 16
	macSize         = 16
	macAt           = 1 + runSize
	headerSize      = macAt + macSize
)

// deriveKey makes the key of the MAC from a secret that serves other purposes too.
func deriveKey(secret []byte) ([]byte, error) {
	if len(secret) == 0 {
		return nil, errors.New("relay: no secret")
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "bizsync relay envelope 1", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive relay key: %w", err)
	}
	return key, nil
}

// sealer makes and checks envelopes. It keeps the state of its hash from one to the next: one goroutine only.
type sealer struct {
	mac hash.Hash
	sum [sha256.Size]byte
	in  []byte
}

func newSealer(key []byte) *sealer { return &sealer{mac: hmac.New(sha256.New, key)} }

// blank is an unsealed envelope that holds a copy of the body.
func blank(run [runSize]byte, body []byte) []byte {
	env := make([]byte, headerSize+len(body))
	env[0] = envelopeVersion
	copy(env[1:], run[:])
	copy(env[headerSize:], body)
	return env
}

// seal puts the MAC into an envelope for this channel.
func (s *sealer) seal(channel string, env []byte) {
	copy(env[macAt:headerSize], s.sign(channel, env))
}

// genuine says whether the envelope, at least a header long, was sealed for this channel.
func (s *sealer) genuine(channel string, env []byte) bool {
	return hmac.Equal(env[macAt:headerSize], s.sign(channel, env))
}

func (s *sealer) sign(channel string, env []byte) []byte {
	s.in = append(s.in[:0], env[:macAt]...)
	s.in = append(s.in, byte(len(channel)))
	s.in = append(s.in, channel...)
	s.mac.Reset()
	s.mac.Write(s.in)
	s.mac.Write(env[headerSize:])
	return s.mac.Sum(s.sum[:0])[:macSize]
}

// inspect checks what can be checked of an envelope without a key, cheapest first, and returns the reason to drop it, or "".
func inspect(env string) string {
	switch {
	case len(env) < headerSize:
		return dropTruncated
	case len(env) > headerSize+MaxPayload:
		return dropSize
	case env[0] != envelopeVersion:
		return dropVersion
	}
	return ""
}

const (
	documentPrefix  = "document:"
	documentPattern = documentPrefix + "*"
	heartbeatPrefix = "bizsync:heartbeat:"
	uuidText        = 36
)

// documentChannel is the name of a document's channel: the id in the text form of RFC 9562, in lower case.
func documentChannel(doc Document) string {
	var b [len(documentPrefix) + uuidText]byte
	copy(b[:], documentPrefix)
	t := b[len(documentPrefix):]
	hex.Encode(t[0:8], doc[0:4])
	hex.Encode(t[9:13], doc[4:6])
	hex.Encode(t[14:18], doc[6:8])
	hex.Encode(t[19:23], doc[8:10])
	hex.Encode(t[24:36], doc[10:16])
	t[8], t[13], t[18], t[23] = '-', '-', '-', '-'
	return string(b[:])
}

// parseChannel is the inverse of documentChannel. It takes no other spelling, so that a document has one channel only.
func parseChannel(name string) (doc Document, ok bool) {
	if len(name) != len(documentPrefix)+uuidText || name[:len(documentPrefix)] != documentPrefix {
		return doc, false
	}
	text, n := name[len(documentPrefix):], 0
	for i := 0; i < uuidText; i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if text[i] != '-' {
				return Document{}, false
			}
			continue
		}
		var digit byte
		switch c := text[i]; {
		case '0' <= c && c <= '9':
			digit = c - '0'
		case 'a' <= c && c <= 'f':
			digit = c - 'a' + 10
		default:
			return Document{}, false
		}
		doc[n/2] = doc[n/2]<<4 | digit
		n++
	}
	return doc, true
}
