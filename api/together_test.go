package api

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

// Of a change of several fields all is done, or nothing.
func TestChangeOfSeveral(t *testing.T) {
	h := newHarness(t, nil)
	root, ann, bob := h.person("root", store.RoleAdmin), h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	bob.call("POST", "/api/v1/documents", map[string]any{"title": "His", "key": "taken"}).wants(201, "")
	d := ann.document("Plans", nil)
	path := "/api/v1/documents/" + d.ID.String()
	recorded := len(root.auditLog(nil))
	ann.call("PATCH", path, map[string]any{"title": "New", "owner": bob.user.ID, "key": "taken"}).wants(409, codeConflict)
	if got := decode[Document](ann.call("GET", path, nil).wants(200, "")); got != d {
		t.Errorf("%+v, before %+v", got, d)
	}
	bob.call("GET", path, nil).wants(404, codeNotFound)
	if n := len(root.auditLog(nil)); n != recorded {
		t.Errorf("%d acts are on record that weren't done", n-recorded)
	}
	got := decode[Document](ann.call("PATCH", path, map[string]any{"title": "New", "owner": bob.user.ID, "key": "free"}).wants(200, ""))
	if got.Title != "New" || got.Key != "free" || got.Owner.ID != bob.user.ID {
		t.Errorf("%+v", got)
	}
	if n := len(root.auditLog(nil)); n != recorded+3 {
		t.Errorf("%d acts are on record of three", n-recorded)
	}
}

// A document is renamed on condition that it is as one knows it, however much is typed meanwhile.
func TestTagWhileTyping(t *testing.T) {
	h := startServer(t, openStore(t), "node-1", 20*time.Millisecond, nil)
	ann := h.person("ann", store.RoleMember)
	d := decode[Document](ann.begins(map[string]any{"title": "Plans", "kind": "text", "content": "one"}).wants(201, ""))
	path := "/api/v1/documents/" + d.ID.String()
	first := ann.call("GET", path, nil).wants(200, "")
	content := ann.call("GET", path+"/content", nil).wants(200, "").header.Get("ETag")
	draft := collab.TextDraft("another", "typed")
	eventually(t, "an edit has moved the time of the last change", func() bool {
		heads, err := h.store.Heads(t.Context(), []store.DocumentID{d.ID})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.store.Append(t.Context(), store.Batch{Key: store.Key{Run: store.NewID(), Number: 1}, Documents: []store.DocumentAppend{{
			Document: d.ID, Epoch: heads[0].Epoch, UpTo: heads[0].Seq, UpToRow: heads[0].Row, AccessVersion: heads[0].AccessVersion,
			Rows: []store.NewRow{{Author: ann.user.ID, Update: draft}}}}})
		if err != nil {
			t.Fatal(err)
		}
		return decode[Document](ann.call("GET", path, nil)).UpdatedAt.After(decode[Document](first).UpdatedAt)
	})
	tag := first.header.Get("ETag")
	if got := ann.call("GET", path, nil).header.Get("ETag"); got != tag {
		t.Errorf("tag %s, before %s", got, tag)
	}
	eventually(t, "the content has another tag", func() bool {
		return ann.call("GET", path+"/content", nil).wants(200, "").header.Get("ETag") != content
	})
	ann.header.Set("If-Match", tag)
	ann.call("PATCH", path, map[string]any{"title": "Better plans"}).wants(200, "")
	ann.call("PATCH", path, map[string]any{"title": "Best plans"}).wants(412, codePrecondition)
}

// A key doesn't become the person: it gets no link for its own account.
func TestKeyMakesNoLinkForItself(t *testing.T) {
	h := newHarness(t, nil)
	root, ann := h.person("root", store.RoleAdmin), h.person("ann", store.RoleMember)
	robot := root.program(root.makeKey(map[string]any{"name": "robot", "scopes": []string{"admin"}}).Text)
	robot.call("POST", "/api/v1/users/"+root.user.ID.String()+"/reset", nil).wants(403, codeForbidden)
	robot.call("POST", "/api/v1/users/"+ann.user.ID.String()+"/reset", nil).wants(200, "")
	root.call("POST", "/api/v1/users/"+root.user.ID.String()+"/reset", nil).wants(200, "")
}

// halting is a store that fails where it is told to.
type halting struct {
	store.Store
	mu             sync.Mutex
	record, invite error // guarded by mu, like what follows
	renewals       int
	damaged        store.DocumentID
	damagedFrom    uint64 // its rows from that number on can't be read
}

func (s *halting) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *halting) RecordAudit(ctx context.Context, entries ...store.AuditEntry) error {
	s.mu.Lock()
	err := s.record
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.Store.RecordAudit(ctx, entries...)
}

func (s *halting) InviteUser(ctx context.Context, u store.User, hash [32]byte, ttl time.Duration) (store.User, error) {
	s.mu.Lock()
	err := s.invite
	s.mu.Unlock()
	if err != nil {
		return store.User{}, err
	}
	return s.Store.InviteUser(ctx, u, hash, ttl)
}

func (s *halting) RenewRequest(ctx context.Context, k store.IdempotencyKey, lease time.Duration) error {
	err := s.Store.RenewRequest(ctx, k, lease)
	s.set(func() { s.renewals++ })
	return err
}

func (s *halting) LoadDocument(ctx context.Context, id store.DocumentID, l store.Loader) (store.Head, error) {
	row := l.Row
	l.Row = func(r store.Row) error {
		s.mu.Lock()
		broken := id == s.damaged && r.Seq >= s.damagedFrom
		s.mu.Unlock()
		if broken {
			r.Update = []byte{1, 2, 3}
		}
		return row(r)
	}
	return s.Store.LoadDocument(ctx, id, l)
}

func newHalting(t *testing.T) (*harness, *halting) {
	t.Helper()
	st := &halting{Store: openStore(t)}
	return startServer(t, st, "node-1", time.Hour, nil), st
}

// An account whose invitation failed is none: whoever tries again gets the link.
func TestInvitationTriedAgain(t *testing.T) {
	h, st := newHalting(t)
	root := h.person("root", store.RoleAdmin).repeating("word")
	body := map[string]any{"email": "ann@example.com", "name": "Ann", "role": "member"}
	st.set(func() { st.invite = store.ErrUnavailable })
	root.call("POST", "/api/v1/users", body).wants(503, codeUnavailable)
	st.set(func() { st.invite = nil })
	u := decode[InvitedUser](root.call("POST", "/api/v1/users", body).wants(201, ""))
	if u.Invitation == nil {
		t.Fatal("there is no link")
	}
	h.accept(tokenOfLink(t, u.Invitation.URL, h.url+"/invite"), "correct horse").wants(200, "")
}

// A use of a key that could not be recorded isn't taken for recorded.
func TestUseOfKeyRecordedLater(t *testing.T) {
	h, st := newHalting(t)
	root := h.person("root", store.RoleAdmin)
	robot := root.program(root.makeKey(map[string]any{"name": "robot", "scopes": []string{"documents:read"}}).Text)
	st.set(func() { st.record = store.ErrUnavailable })
	robot.call("GET", "/api/v1/documents", nil).wants(200, "")
	st.set(func() { st.record = nil })
	for range 2 {
		robot.call("GET", "/api/v1/documents", nil).wants(200, "")
	}
	uses := 0
	for _, e := range root.auditLog(nil) {
		if e.Action == didUseKey {
			uses++
		}
	}
	if uses != 1 {
		t.Errorf("%d uses are on record", uses)
	}
}

// A request that outlasts its lease is still being done.
func TestRequestOutlastsLease(t *testing.T) {
	h, st := newHalting(t)
	k := store.IdempotencyKey{User: store.NewID(), Operation: "createDocument", Key: "word"}
	const lease = 300 * time.Millisecond
	if _, err := st.BeginRequest(t.Context(), k, [32]byte{}, lease); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	done := h.server.renewing(t.Context(), k, lease)
	eventually(t, "the lease would be over twice", func() bool {
		st.mu.Lock()
		defer st.mu.Unlock()
		return st.renewals >= 3 && time.Since(began) > 2*lease
	})
	if _, err := st.BeginRequest(t.Context(), k, [32]byte{}, lease); !errors.Is(err, store.ErrBusyRequest) {
		t.Errorf("somebody else has it: %v", err)
	}
	done()
	eventually(t, "it is over when nobody renews it", func() bool {
		_, err := st.BeginRequest(t.Context(), k, [32]byte{}, time.Minute)
		return err == nil
	})
}

// What can't be read to its end is told as such, with a code of its own, and nobody else's document with it.
func TestDamagedContent(t *testing.T) {
	for _, from := range []uint64{1, 2} {
		h, st := newHalting(t)
		ann := h.person("ann", store.RoleMember)
		begun := func(title string) (Document, string) {
			d := decode[Document](ann.begins(map[string]any{"title": title, "kind": "text", "content": "whole"}).wants(201, ""))
			heads, err := h.store.Heads(t.Context(), []store.DocumentID{d.ID})
			if err != nil {
				t.Fatal(err)
			}
			_, err = h.store.Append(t.Context(), store.Batch{Key: store.Key{Run: store.NewID(), Number: 1}, Documents: []store.DocumentAppend{{
				Document: d.ID, Epoch: heads[0].Epoch, UpTo: heads[0].Seq, UpToRow: heads[0].Row, AccessVersion: heads[0].AccessVersion,
				Rows: []store.NewRow{{Author: ann.user.ID, Update: collab.TextDraft("another", "more")}}}}})
			if err != nil {
				t.Fatal(err)
			}
			return d, "/api/v1/documents/" + d.ID.String()
		}
		d, path := begun("Plans")
		_, other := begun("Others")
		st.set(func() { st.damaged, st.damagedFrom = d.ID, from })
		for _, query := range []string{"", "?format=text", "?format=yjs"} {
			ann.call("GET", path+"/content"+query, nil).wants(http.StatusConflict, codeDamaged)
		}
		ann.call("POST", path+"/duplicate", nil).wants(http.StatusConflict, codeDamaged)
		ann.call("GET", path, nil).wants(200, "")
		ann.call("GET", other+"/content?format=yjs", nil).wants(200, "")
	}
}
