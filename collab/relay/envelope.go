package relay

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
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
// The MAC covers the channel, so that a message can't be moved to another document or person, and the run, so that no node can be made to take another's message for
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
