package redis

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// A sealed session is
//
//	version     1 byte
//	nonce      12 bytes, random
//	ciphertext, tag of 16 bytes
//
// under AES-256-GCM (NIST SP 800-38D) with a key of its own, HMAC-SHA-256 of the token hash under the cluster's key: what was sealed for one cookie can't be
// opened for another, and no key ever seals enough for its random nonces to meet.
const (
	sealVersion = 1
	// maxSealed bounds a sealed session in bytes. Names, agents and addresses have limits of their own far below.
	maxSealed = 16 << 10
)

// sessionRecord is what is sealed. It has no place for a password hash.
type sessionRecord struct {
	Session  sessionFields `json:"session"`
	User     userFields    `json:"user"`
	Revision uint64        `json:"revision"`
	Slid     time.Time     `json:"slid"`
}

type sessionFields struct {
	ID        uuid.UUID    `json:"id"`
	User      store.UserID `json:"user"`
	UserAgent string       `json:"userAgent"`
	Address   string       `json:"address"`
	CreatedAt time.Time    `json:"createdAt"`
	LastSeen  time.Time    `json:"lastSeen"`
	ExpiresAt time.Time    `json:"expiresAt"`
}

type userFields struct {
	ID        store.UserID   `json:"id"`
	Email     string         `json:"email"`
	Name      string         `json:"name"`
	Role      store.UserRole `json:"role"`
	Disabled  bool           `json:"disabled"`
	CreatedAt time.Time      `json:"createdAt"`
	UpdatedAt time.Time      `json:"updatedAt"`
	Guest     bool           `json:"guest,omitzero"` // never of whoever has logged in
	Key       uuid.UUID      `json:"key,omitzero"`
}

// sealing is the cipher for one session.
func sealing(key []byte, tokenHash [32]byte) (cipher.AEAD, error) {
	mac := hmac.New(sha256.New, key)
	mac.Write(tokenHash[:])
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func seal(key []byte, tokenHash [32]byte, c store.CachedSession) ([]byte, error) {
	u := c.User
	plain, err := json.Marshal(sessionRecord{
		Session: sessionFields(c.Session), Revision: c.Revision, Slid: c.Slid,
		User: userFields{u.ID, u.Email, u.Name, u.Role, u.Disabled, u.CreatedAt, u.UpdatedAt, u.Guest, u.Key},
	})
	if err != nil {
		return nil, err
	}
	aead, err := sealing(key, tokenHash)
	if err != nil {
		return nil, err
	}
	if n := 1 + len(plain) + aead.Overhead(); n > maxSealed {
		return nil, fmt.Errorf("session of %d bytes, above %d", n, maxSealed)
	}
	return aead.Seal([]byte{sealVersion}, nil, plain, []byte{sealVersion}), nil
}

// open is the inverse of seal; ok is false for what this cluster did not seal for this session.
func open(key []byte, tokenHash [32]byte, value []byte) (c store.CachedSession, ok bool) {
	if len(value) == 0 || len(value) > maxSealed || value[0] != sealVersion {
		return store.CachedSession{}, false
	}
	aead, err := sealing(key, tokenHash)
	if err != nil {
		return store.CachedSession{}, false
	}
	plain, err := aead.Open(nil, nil, value[1:], value[:1])
	if err != nil {
		return store.CachedSession{}, false
	}
	var r sessionRecord
	if err := json.Unmarshal(plain, &r); err != nil {
		return store.CachedSession{}, false
	}
	u := r.User
	return store.CachedSession{
		Session: store.Session(r.Session), Revision: r.Revision, Slid: r.Slid,
		User: store.User{ID: u.ID, Email: u.Email, Name: u.Name, Role: u.Role, Disabled: u.Disabled, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, Guest: u.Guest, Key: u.Key},
	}, true
}
