package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// hashing sees the hashes of requests that a store is to keep.
type hashing struct {
	store.Store
	kept [][32]byte // by one request at a time
}

func (h *hashing) BeginRequest(ctx context.Context, k store.IdempotencyKey, request [32]byte, lease time.Duration) (*store.Reply, error) {
	h.kept = append(h.kept, request)
	return h.Store.BeginRequest(ctx, k, request, lease)
}

// What is kept of a request is no hash that whoever reads the database could try passwords against: it takes the installation's secret.
func TestRequestsAreHashedWithTheSecret(t *testing.T) {
	body := `{"email":"x@example.com","name":"X","role":"member","password":"horse 4711"}`
	var plain [32]byte
	w := sha256.New()
	for _, part := range []string{"POST", "/api/v1/users", "application/json", uuid.Nil.String(), body} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		w.Write(size[:])
		w.Write([]byte(part))
	}
	w.Sum(plain[:0])
	seen := make(map[[32]byte]bool)
	for _, secret := range []string{testSecret, "another secret of enough bytes"} {
		var st *hashing
		h := newHarness(t, func(o *Options) {
			st = &hashing{Store: o.Store}
			o.Store, o.Secret = st, []byte(secret)
		})
		root := h.person("root", store.RoleAdmin).repeating("word")
		first := root.call("POST", "/api/v1/users", body).wants(201, "")
		if again := root.call("POST", "/api/v1/users", body).wants(201, ""); !bytes.Equal(again.body, first.body) {
			t.Error("done twice")
		}
		if len(st.kept) != 2 || st.kept[0] != st.kept[1] {
			t.Fatalf("kept %x", st.kept)
		}
		if st.kept[0] == plain || seen[st.kept[0]] {
			t.Error("the hash of a request takes no secret")
		}
		seen[st.kept[0]] = true
	}
}
