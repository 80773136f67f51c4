package api

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/bizsync/bizsync/store"
)

const (
	idempotencyHeader = "Idempotency-Key"
	replayedHeader    = "Idempotency-Replayed"
	// maxIdempotencyKey bounds the caller's word for a request, in bytes.
	maxIdempotencyKey = 255
)

// idempotent says which operations may be repeated without being done twice: those that create something each time.
func idempotent(operation string) bool {
	switch operation {
	case "createDocument", "duplicateDocument", "createUser", "createKey", "createToken":
		return true
	}
	return false
}

// describeIdempotency adds the header to an operation.
func describeIdempotency(op *huma.Operation) {
	least, most := 1, maxIdempotencyKey
	op.Parameters = append(op.Parameters, &huma.Param{Name: idempotencyHeader, In: "header", Example: "7f1c0b52-order-17", Schema: &huma.Schema{Type: huma.TypeString, MinLength: &least, MaxLength: &most},
		Description: "Your own word for this request, in visible ASCII. For 24 hours the same request with the same word is answered as the first time, with `Idempotency-Replayed: true`, and not done again."})
	op.Errors = append(op.Errors, http.StatusConflict)
}

// sealer seals replies, which may hold secrets that are shown once, for the database, and hashes requests, which may hold a password: what the database has of either is worth
// nothing to who hasn't the installation's secret. It may be used concurrently.
type sealer struct {
	aead    cipher.AEAD
	hashKey []byte // of the MAC of requests
}

func newSealer(secret []byte) (*sealer, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "bizsync idempotent replies 1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key for replies: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key for replies: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("key for replies: %w", err)
	}
	hashKey, err := hkdf.Key(sha256.New, secret, nil, "bizsync idempotent requests 1", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key for requests: %w", err)
	}
	return &sealer{aead: aead, hashKey: hashKey}, nil
}

// place is what a sealed reply is bound to: it can't be put in another's place.
func place(k store.IdempotencyKey) []byte {
	return fmt.Appendf(nil, "%s %s %s", k.User, k.Operation, k.Key)
}

func (s *sealer) seal(k store.IdempotencyKey, body []byte) []byte {
	return s.aead.Seal(nil, nil, body, place(k))
}

func (s *sealer) open(k store.IdempotencyKey, sealed []byte) ([]byte, error) {
	body, err := s.aead.Open(nil, nil, sealed, place(k))
	if err != nil {
		return nil, fmt.Errorf("open a kept reply: %w", err)
	}
	return body, nil
}

// once gives a middleware that answers a request which names itself as it was answered before. Whoever has a request to do, and has neither ended nor renewed it when the lease is
// over, is taken to have died.
func (s *Server) once(lease time.Duration) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) { s.repeatable(ctx, next, lease) }
}

func (s *Server) repeatable(ctx huma.Context, next func(huma.Context), lease time.Duration) {
	r, w := humachi.Unwrap(ctx)
	words := r.Header.Values(idempotencyHeader)
	if len(words) == 0 {
		next(ctx)
		return
	}
	if len(words) > 1 || !visibleASCII(words[0]) {
		s.writeProblem(w, r, invalid("header."+idempotencyHeader, fmt.Sprintf("it is one word of 1 to %d visible ASCII characters", maxIdempotencyKey)))
		return
	}
	op := ctx.Operation()
	_ = ctx.SetReadDeadline(time.Now().Add(max(requestTime, op.BodyReadTimeout))) // fails in tests that record answers
	body, err := io.ReadAll(io.LimitReader(r.Body, op.MaxBodyBytes))
	again := r.WithContext(ctx.Context())
	again.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), r.Body))
	if err != nil || int64(len(body)) >= op.MaxBodyBytes {
		next(humachi.NewContext(ctx.Operation(), again, w)) // it will be refused
		return
	}
	k := store.IdempotencyKey{User: callerOf(ctx.Context()).user.ID, Operation: ctx.Operation().OperationID, Key: words[0]}
	kept, err := s.store.BeginRequest(ctx.Context(), k, s.sealer.requestHash(ctx.Context(), r, body), lease)
	switch {
	case errors.Is(err, store.ErrConflict):
		s.writeProblem(w, r, problem(http.StatusUnprocessableEntity, codeOtherRequest, "this Idempotency-Key was used for another request"))
	case errors.Is(err, store.ErrBusyRequest):
		s.writeProblem(w, r, problem(http.StatusConflict, codeSameRequest, "the same request is being done at this moment").retryAfter(time.Second))
	case err != nil:
		s.writeProblem(w, r, fmt.Errorf("claim the request: %w", err))
	case kept != nil:
		s.replay(w, r, k, *kept)
	default:
		s.doOnce(ctx.Context(), k, lease, func(w http.ResponseWriter) { next(humachi.NewContext(ctx.Operation(), again, w)) }, w)
	}
}

// doOnce does a claimed request, and keeps its reply unless that says to try again. Only then is it answered: whoever has the answer and repeats the request finds it kept.
func (s *Server) doOnce(ctx context.Context, k store.IdempotencyKey, lease time.Duration, do func(http.ResponseWriter), w http.ResponseWriter) {
	held := &heldAnswer{ResponseWriter: w}
	final := false
	renewed := s.renewing(ctx, k, lease)
	defer func() { // also after a panic
		renewed()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime)
		defer cancel()
		if err := s.endRequest(limited, k, held, final); err != nil {
			s.log.ErrorContext(ctx, "a request can't be ended: whoever repeats it waits, and may have it done twice", "operation", k.Operation, "error", err)
		}
		held.send()
	}()
	do(held)
	final = held.status < http.StatusInternalServerError && held.status != http.StatusTooManyRequests
}

// renewing keeps a claim for who takes longer than its lease, though all that waits has its time: a large document that is packed, a disk that is full of work. It goes on until
// done is called.
func (s *Server) renewing(ctx context.Context, k store.IdempotencyKey, lease time.Duration) (done func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var renewer sync.WaitGroup
	renewer.Go(func() {
		tick := time.NewTicker(lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			limited, cancel := context.WithTimeout(ctx, lease/3)
			if err := s.store.RenewRequest(limited, k, lease); err != nil && ctx.Err() == nil {
				s.log.WarnContext(ctx, "the claim of a request that lasts can't be renewed", "operation", k.Operation, "error", err)
			}
			cancel()
		}
	})
	return func() { cancel(); renewer.Wait() }
}

// endRequest keeps a final reply, and gives the claim up for any other.
func (s *Server) endRequest(ctx context.Context, k store.IdempotencyKey, held *heldAnswer, final bool) error {
	if !final {
		return s.store.ForgetRequest(ctx, k)
	}
	reply := store.Reply{Status: held.status, Header: make(map[string]string), Body: s.sealer.seal(k, held.body.Bytes())}
	for _, name := range []string{"Content-Type", "Location", "Etag"} {
		if v := held.Header().Get(name); v != "" {
			reply.Header[name] = v
		}
	}
	return s.store.FinishRequest(ctx, k, reply)
}

// replay answers as the first time.
func (s *Server) replay(w http.ResponseWriter, r *http.Request, k store.IdempotencyKey, kept store.Reply) {
	body, err := s.sealer.open(k, kept.Body)
	if err != nil {
		s.log.WarnContext(r.Context(), "a kept reply can't be read: was the secret changed?", "operation", k.Operation, "error", err)
		s.writeProblem(w, r, problem(http.StatusUnprocessableEntity, codeOtherRequest, "the request was done, but its answer can't be read any more: use another Idempotency-Key"))
		return
	}
	for name, value := range kept.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set(replayedHeader, "true")
	w.WriteHeader(kept.Status)
	if _, err := w.Write(body); err != nil {
		s.log.DebugContext(r.Context(), "write a kept reply", "error", err)
	}
}

// requestHash is of all that a request says, and of which of the caller's credentials it says it with: what was answered to one API key isn't shown to another.
// It takes a key, for otherwise whoever reads the database could try passwords against a body's fast hash.
func (s *sealer) requestHash(ctx context.Context, r *http.Request, body []byte) [32]byte {
	h := hmac.New(sha256.New, s.hashKey)
	for _, part := range [][]byte{[]byte(r.Method), []byte(r.URL.RequestURI()), []byte(r.Header.Get("Content-Type")), []byte(callerOf(ctx).key.ID.String()), body} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	return [32]byte(h.Sum(nil))
}

// visibleASCII says whether an Idempotency-Key is one.
func visibleASCII(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxIdempotencyKey
}

// heldAnswer is an answer that waits to be sent.
type heldAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (h *heldAnswer) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}

func (h *heldAnswer) Write(b []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	return h.body.Write(b)
}

// send sends what there is: nothing after a panic, which is answered by others.
func (h *heldAnswer) send() {
	if h.status == 0 {
		return
	}
	h.ResponseWriter.WriteHeader(h.status)
	_, _ = h.ResponseWriter.Write(h.body.Bytes()) // the client went away, if anything
}
