package api

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
)

// repeating gives the person as one who names their requests.
func (p *person) repeating(word string) *person {
	header := p.header.Clone()
	header.Set(idempotencyHeader, word)
	return &person{h: p.h, user: p.user, cookie: p.cookie, header: header}
}

// A request that comes again is answered as the first time, secrets included, and not done again.
func TestIdempotency(t *testing.T) {
	h := newHarness(t, nil)
	root := h.person("root", store.RoleAdmin)
	d := root.document("Plans", nil)
	for name, c := range map[string]struct {
		path string
		body any
	}{
		"document": {"/api/v1/documents", map[string]any{"title": "Once"}},
		"user":     {"/api/v1/users", map[string]any{"email": "once@example.com", "name": "Once", "role": "member"}},
		"key":      {"/api/v1/api-keys", map[string]any{"name": "once", "scopes": []string{"documents:read"}}},
		"token":    {"/api/v1/documents/" + d.ID.String() + "/tokens", map[string]any{"role": "viewer"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := root.repeating("word-1")
			first := p.call("POST", c.path, c.body).wants(201, "")
			if first.header.Get(replayedHeader) != "" {
				t.Error("the first answer calls itself a repetition")
			}
			second := p.call("POST", c.path, c.body).wants(201, "")
			if !bytes.Equal(second.body, first.body) || second.header.Get(replayedHeader) != "true" {
				t.Errorf("repeated: %s %v, the first time %s", second.body, second.header, first.body)
			}
			for _, name := range []string{"Content-Type", "Location"} {
				if second.header.Get(name) != first.header.Get(name) {
					t.Errorf("%s is %q, was %q", name, second.header.Get(name), first.header.Get(name))
				}
			}
			p.call("POST", c.path, map[string]any{"something": "else"}).wants(422, codeOtherRequest)
		})
	}
	if docs := decode[List[Document]](root.call("GET", "/api/v1/documents", nil)); len(docs.Data) != 2 {
		t.Errorf("%d documents", len(docs.Data))
	}
	// The word is the caller's own.
	ann := h.person("ann", store.RoleMember)
	if r := ann.repeating("word-1").call("POST", "/api/v1/documents", map[string]any{"title": "Hers"}).wants(201, ""); r.header.Get(replayedHeader) != "" {
		t.Error("somebody else's reply was given")
	}
	// What was answered to one key isn't shown to another.
	scopes := []string{"tokens"}
	one, two := root.program(root.makeKey(map[string]any{"name": "one", "scopes": scopes}).Text), root.program(root.makeKey(map[string]any{"name": "two", "scopes": scopes}).Text)
	path := "/api/v1/documents/" + d.ID.String() + "/tokens"
	one.repeating("word-2").call("POST", path, nil).wants(201, "")
	two.repeating("word-2").call("POST", path, nil).wants(422, codeOtherRequest)
	// And who may not any more gets nothing.
	h.anonymous().repeating("word-1").call("POST", "/api/v1/documents", map[string]any{"title": "Once"}).wants(401, codeUnauth)
}

func TestIdempotencyKeys(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	body := map[string]any{"title": "Plans"}
	for word, status := range map[string]int{"x": 201, strings.Repeat("x", 255): 201, `"quoted, even"`: 422, strings.Repeat("x", 256): 422, "": 422, "a b": 422, "ü": 422} {
		if r := ann.repeating(word).call("POST", "/api/v1/documents", body); r.status != status {
			t.Errorf("%q: %d, want %d", word, r.status, status)
		}
	}
	two := ann.repeating("x")
	two.header[idempotencyHeader] = []string{"x", "y"}
	two.call("POST", "/api/v1/documents", body).wants(422, codeValidation)
	// Other operations take no notice.
	ann.repeating("a b").call("GET", "/api/v1/documents", nil).wants(200, "")
	ann.repeating("large").call("POST", "/api/v1/documents", `{"title":"`+strings.Repeat("x", maxDraftBody)+`"}`).wants(413, codeTooLarge)
	// A refusal is an answer like any other, as long as it isn't one to be tried again.
	ann.repeating("wrong").call("POST", "/api/v1/documents", map[string]any{"title": ""}).wants(422, codeValidation)
	if r := ann.repeating("wrong").call("POST", "/api/v1/documents", map[string]any{"title": ""}).wants(422, codeValidation); r.header.Get(replayedHeader) != "true" {
		t.Error("a refusal was not kept")
	}
}

// stumbling is a store in which documents can't be created for a while, or take until they may go on.
type stumbling struct {
	store.Store
	mu   sync.Mutex
	err  error // guarded by mu
	wait chan struct{}
	in   chan struct{}
}

func (s *stumbling) CreateDocument(ctx context.Context, d store.Document, initial []byte) (store.Document, bool, error) {
	s.mu.Lock()
	err := s.err
	s.mu.Unlock()
	if err != nil {
		return store.Document{}, false, err
	}
	if d.Title == "slow" {
		s.in <- struct{}{}
		<-s.wait
	}
	if d.Title == "panic" {
		panic("boom")
	}
	return s.Store.CreateDocument(ctx, d, initial)
}

// While a request is being done, its repetition is told to wait; what failed on our side may be tried again.
func TestIdempotencyUnderWay(t *testing.T) {
	var st *stumbling
	h := newHarness(t, func(o *Options) {
		st = &stumbling{Store: o.Store, wait: make(chan struct{}), in: make(chan struct{})}
		o.Store = st
	})
	ann := h.person("ann", store.RoleMember).repeating("word")
	slow := map[string]any{"title": "slow"}
	first := make(chan reply)
	go func() { first <- ann.call("POST", "/api/v1/documents", slow) }()
	<-st.in
	r := ann.call("POST", "/api/v1/documents", slow).wants(409, codeSameRequest)
	if r.header.Get("Retry-After") == "" {
		t.Error("not told when to come back")
	}
	close(st.wait)
	(<-first).wants(201, "")
	if r := ann.call("POST", "/api/v1/documents", slow).wants(201, ""); r.header.Get(replayedHeader) != "true" {
		t.Error("not kept")
	}

	again := ann.repeating("word2")
	body := map[string]any{"title": "Plans"}
	st.mu.Lock()
	st.err = store.ErrUnavailable
	st.mu.Unlock()
	again.call("POST", "/api/v1/documents", body).wants(503, codeUnavailable)
	st.mu.Lock()
	st.err = nil
	st.mu.Unlock()
	if r := again.call("POST", "/api/v1/documents", body).wants(201, ""); r.header.Get(replayedHeader) != "" {
		t.Error("a failure was kept")
	}
	for range 2 { // the claim of one that panicked is given up
		ann.repeating("panic").call("POST", "/api/v1/documents", map[string]any{"title": "panic"}).wants(500, codeInternal)
	}
}

// Replies hold secrets: the database has them sealed, each in its place.
func TestKeptRepliesAreSealed(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	body := map[string]any{"name": "once", "scopes": []string{"documents:read"}}
	r := ann.repeating("word").call("POST", "/api/v1/api-keys", body).wants(201, "")
	k := store.IdempotencyKey{User: ann.user.ID, Operation: "createKey", Key: "word"}
	sealed := h.server.sealer.seal(k, r.body)
	if bytes.Contains(sealed, r.body[:20]) {
		t.Error("not sealed")
	}
	if got, err := h.server.sealer.open(k, sealed); err != nil || !bytes.Equal(got, r.body) {
		t.Errorf("%s %v", got, err)
	}
	other := k
	other.Key = "word2"
	if _, err := h.server.sealer.open(other, sealed); err == nil {
		t.Error("a reply was opened in another's place")
	}
	bent := slices.Clone(sealed)
	bent[len(bent)-1] ^= 1
	if _, err := h.server.sealer.open(k, bent); err == nil {
		t.Error("an altered reply was opened")
	}
	// What the database has is the sealed form, and nothing is done twice when it can't be read.
	kept := &peeking{Store: h.store}
	h.server.store = kept
	ann.repeating("word").call("POST", "/api/v1/api-keys", body).wants(201, "")
	if kept.reply == nil || bytes.Contains(kept.reply.Body, []byte(keyPrefix)) || kept.reply.Status != http.StatusCreated {
		t.Errorf("kept %+v", kept.reply)
	}
	later, err := newSealer([]byte("another secret of enough bytes"))
	if err != nil {
		t.Fatal(err)
	}
	h.server.sealer.aead = later.aead
	ann.repeating("word").call("POST", "/api/v1/api-keys", body).wants(422, codeOtherRequest)
}

// peeking sees the replies that a store gives.
type peeking struct {
	store.Store
	reply *store.Reply
}

func (p *peeking) BeginRequest(ctx context.Context, k store.IdempotencyKey, request [32]byte, lease time.Duration) (*store.Reply, error) {
	r, err := p.Store.BeginRequest(ctx, k, request, lease)
	p.reply = r
	return r, err
}
