package api

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/bizsync/bizsync/store"
)

// opened opens a document's socket in this person's browser and reads on, so that it lives.
func (p *person) opened(d Document) *opened {
	p.h.t.Helper()
	ws, _ := p.h.dial(dialing{name: d.ID.String(), header: p.page()})
	if code, told := fate(p.h.t, ws); code != 0 {
		p.h.t.Fatalf("closed with %d, %s", code, told)
	}
	return keepOpen(p.h.t, ws)
}

// opened is a socket that lives, and how it ended.
type opened struct {
	t    *testing.T
	ws   *websocket.Conn
	code chan int // of the close; closed after it
}

func keepOpen(t *testing.T, ws *websocket.Conn) *opened {
	o := &opened{t: t, ws: ws, code: make(chan int, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(o.code)
		for {
			_, _, err := ws.Read(ctx)
			var closing websocket.CloseError
			if errors.As(err, &closing) {
				o.code <- int(closing.Code)
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return o
}

// closes waits until the server closes the socket, with that code and within that time.
func (o *opened) closes(code int, within time.Duration) {
	o.t.Helper()
	began := time.Now()
	select {
	case got := <-o.code:
		if took := time.Since(began); got != code || took > within {
			o.t.Errorf("closed with %d after %v, want %d within %v", got, took, code, within)
		}
	case <-time.After(10 * time.Second):
		o.t.Fatal("the socket stays open")
	}
}

// leaves closes the socket.
func (o *opened) leaves() { _ = o.ws.Close(websocket.StatusNormalClosure, "") }

// Who is online is the same whichever node is asked, as list and as stream.
func TestEditorsOfAllNodes(t *testing.T) {
	one, two := newPair(t, nil)
	ann, bob, root := one.person("ann", store.RoleMember), one.person("bob", store.RoleMember), one.person("root", store.RoleAdmin)
	d, secret := ann.document("Plans", map[*person]string{bob: "viewer"}), ann.document("Secret", nil)
	doc := "/api/v1/documents/" + d.ID.String()

	here := bob.follow(doc + "/events")
	all := root.on(two).follow("/api/v1/admin/events")
	for _, f := range []*following{here, all} {
		if s := wants[EditorSnapshot[Editor]](f, "snapshot"); len(s.Editors) != 0 || !s.Complete {
			t.Fatalf("%+v", s)
		}
	}
	socket := ann.on(two).opened(d)
	joined := wants[Editor](here, "join")
	if joined.User != (Person{ann.user.ID, "ann"}) || joined.Role != "owner" || joined.Node != "node-2" || joined.Since.IsZero() || joined.LastActive.IsZero() {
		t.Errorf("%+v", joined)
	}
	if e := wants[AdminEditor](all, "join"); e.ConnectionID != joined.ConnectionID || e.Document != (Titled{d.ID, "Plans"}) {
		t.Errorf("%+v", e)
	}
	hidden := ann.opened(secret)
	if e := wants[AdminEditor](all, "join"); e.Document != (Titled{secret.ID, "Secret"}) || e.Node != "node-1" {
		t.Errorf("%+v", e)
	}
	for _, h := range []*harness{one, two} {
		list := decode[EditorList[Editor]](bob.on(h).call("GET", doc+"/editors", nil).wants(200, ""))
		if len(list.Data) != 1 || list.Data[0].ConnectionID != joined.ConnectionID || !list.Data[0].Since.Equal(joined.Since) || !list.Complete {
			t.Errorf("%+v", list)
		}
		everyone := decode[EditorList[AdminEditor]](root.on(h).call("GET", "/api/v1/admin/editors", nil).wants(200, ""))
		if len(everyone.Data) != 2 || everyone.Data[0].Document.Title != "Plans" || everyone.Data[1].Document.Title != "Secret" || everyone.Data[1].Node != "node-1" || !everyone.Complete {
			t.Errorf("%+v", everyone)
		}
	}
	// The title as it is now, on the node where it was changed at once.
	ann.call("PATCH", doc, map[string]any{"title": "Other plans"}).wants(200, "")
	if e := decode[EditorList[AdminEditor]](root.call("GET", "/api/v1/admin/editors", nil)).Data[0]; e.Document.Title != "Other plans" {
		t.Errorf("%+v", e)
	}

	// A role that falls is shown; somebody who has gone leaves.
	ann.call("PUT", doc+"/members/"+bob.user.ID.String(), map[string]any{"role": "owner"}).wants(200, "")
	bob.call("PUT", doc+"/members/"+ann.user.ID.String(), map[string]any{"role": "viewer"}).wants(200, "")
	if e := wants[Editor](here, "change"); e.Role != "viewer" || e.ConnectionID != joined.ConnectionID {
		t.Errorf("%+v", e)
	}
	socket.leaves()
	if e := wants[Editor](here, "leave"); e.ConnectionID != joined.ConnectionID {
		t.Errorf("%+v", e)
	}
	hidden.leaves()
}

func TestNodes(t *testing.T) {
	connected := true
	one, two := newPair(t, func(o *Options) { o.Database, o.Redis = "postgres", func() bool { return connected } })
	root := one.person("root", store.RoleAdmin)
	d := root.document("Plans", nil)
	root.opened(d)
	root.on(two).opened(d)
	type answer struct {
		Data     []Node
		Complete bool
		Database DatabaseState
		Redis    RedisState
	}
	for i, h := range []*harness{one, two} {
		var got answer
		eventually(t, "both connections are counted", func() bool {
			got = decode[answer](root.on(h).call("GET", "/api/v1/admin/nodes", nil).wants(200, ""))
			return len(got.Data) == 2 && got.Data[0].Connections == 1 && got.Data[1].Connections == 1
		})
		if !got.Complete || got.Database != (DatabaseState{"postgres", "ok"}) || got.Redis.Status != "ok" {
			t.Errorf("%+v", got)
		}
		for j, n := range got.Data {
			if n.Self != (i == j) || n.Name != []string{"node-1", "node-2"}[j] || n.Version != "test" || n.Documents != 1 || n.StartedAt.IsZero() {
				t.Errorf("%+v", n)
			}
		}
	}
	connected = false
	if got := decode[answer](root.call("GET", "/api/v1/admin/nodes", nil)); got.Redis.Status != "unavailable" {
		t.Errorf("%+v", got)
	}
	alone := newHarness(t, nil)
	if got := decode[answer](alone.person("root", store.RoleAdmin).call("GET", "/api/v1/admin/nodes", nil)); got.Redis.Status != "none" || got.Database.Kind != "sqlite" || !got.Complete || len(got.Data) != 1 {
		t.Errorf("%+v", got)
	}
}

// An admin ends a connection on any node, from any node.
func TestEndConnection(t *testing.T) {
	one, two := newPair(t, nil)
	root := one.person("root", store.RoleAdmin)
	d := root.document("Plans", nil)
	for _, h := range []*harness{one, two} {
		socket := root.on(two).opened(d)
		var list EditorList[AdminEditor]
		eventually(t, "the connection is known", func() bool {
			list = decode[EditorList[AdminEditor]](root.on(h).call("GET", "/api/v1/admin/editors", nil))
			return len(list.Data) == 1
		})
		path := "/api/v1/admin/connections/" + list.Data[0].ConnectionID.String()
		root.on(h).call("DELETE", path, nil).wants(204, "")
		socket.closes(4403, 2*time.Second)
		eventually(t, "the connection is unknown again", func() bool { return root.on(h).call("DELETE", path, nil).status == 404 })
	}
}

// While the other nodes can't be known, nobody says that a connection doesn't exist.
func TestEndConnectionWithoutTheOthers(t *testing.T) {
	h := newHarness(t, nil)
	root := h.person("root", store.RoleAdmin)
	root.call("DELETE", "/api/v1/admin/connections/"+store.NewID().String(), nil).wants(404, codeNotFound)
	h.hub.Join(mute{}, awayShared{})
	root.call("DELETE", "/api/v1/admin/connections/"+store.NewID().String(), nil).wants(503, codeUnavailable)
	f := root.follow("/api/v1/admin/events")
	if s := wants[EditorSnapshot[AdminEditor]](f, "snapshot"); s.Complete {
		t.Errorf("%+v", s)
	}
}

// mute is a relay that carries nothing, awayShared what nodes share when it is away.
type (
	mute       struct{}
	awayShared struct{}
)

func (mute) Publish([16]byte, []byte) error { return nil }
func (mute) Notify([16]byte, []byte) error  { return nil }
func (mute) Control([]byte) error           { return nil }

var errAway = errors.New("away")

func (awayShared) Renew(context.Context, store.Node, []store.Lease, []store.UserID) (bool, error) {
	return false, errAway
}
func (awayShared) Nodes(context.Context) ([]store.Node, error)                 { return nil, errAway }
func (awayShared) Leases(context.Context, store.UserID) ([]store.Lease, error) { return nil, errAway }
func (awayShared) Leave(context.Context, store.UserID) error                   { return errAway }

// Presence is for those who share a document, and shows them the shared ones only.
func TestPresence(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob, eve, root := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember), h.person("eve", store.RoleMember), h.person("root", store.RoleAdmin)
	shared, secret := ann.document("Shared", map[*person]string{bob: "viewer"}), ann.document("Secret", nil)
	type presence struct {
		Online    bool
		Documents []OpenDocument
		Complete  bool
	}
	path := "/api/v1/users/" + ann.user.ID.String() + "/presence"
	of := func(p *person) presence {
		t.Helper()
		return decode[presence](p.call("GET", path, nil).wants(200, ""))
	}
	for _, p := range []*person{ann, bob, root} {
		if got := of(p); got.Online || got.Documents == nil || len(got.Documents) != 0 || !got.Complete {
			t.Errorf("offline, for %s: %+v", p.user.Name, got)
		}
	}
	eve.call("GET", path, nil).wants(404, codeNotFound)

	ann.opened(secret)
	first := ann.opened(shared)
	second := ann.opened(shared)
	for _, p := range []*person{ann, root} {
		if got := of(p); !got.Online || len(got.Documents) != 2 || got.Documents[0].Title != "Secret" || got.Documents[1].Title != "Shared" {
			t.Errorf("online, for %s: %+v", p.user.Name, got)
		}
	}
	got := of(bob)
	if !got.Online || len(got.Documents) != 1 || got.Documents[0].Titled != (Titled{shared.ID, "Shared"}) || got.Documents[0].Role != "owner" || got.Documents[0].Since.IsZero() || got.Documents[0].LastActive.Before(got.Documents[0].Since) {
		t.Errorf("online, for bob: %+v", got)
	}
	eve.call("GET", path, nil).wants(404, codeNotFound)
	first.leaves()
	second.leaves()
	eventually(t, "bob sees nothing open any more", func() bool {
		got := of(bob)
		return got.Online && len(got.Documents) == 0 // she is still there, elsewhere
	})
	// What is in the trash is shared by nobody.
	ann.call("DELETE", "/api/v1/documents/"+shared.ID.String(), nil).wants(204, "")
	bob.call("GET", path, nil).wants(404, codeNotFound)
}

// A shared document is found however many others there are.
func TestPresenceAmongManyDocuments(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	create := func(p *person, n int) (id store.DocumentID) {
		for range n {
			d, _, err := h.store.CreateDocument(t.Context(), store.Document{Title: "One of many", Owner: p.user.ID}, nil)
			if err != nil {
				t.Fatal(err)
			}
			id = d.ID
		}
		return id
	}
	shared := create(ann, 1)
	create(ann, sharedPage+20)
	path := "/api/v1/users/" + ann.user.ID.String() + "/presence"
	bob.call("GET", path, nil).wants(404, codeNotFound)
	create(bob, 30)
	bob.call("GET", path, nil).wants(404, codeNotFound)
	if _, err := h.store.SetMember(t.Context(), shared, bob.user.ID, store.Viewer, ann.user.ID); err != nil {
		t.Fatal(err)
	}
	bob.call("GET", path, nil).wants(200, "")
	create(bob, sharedPage+20)
	bob.call("GET", path, nil).wants(200, "")
}

// A stream about a document ends with the right to read it, a stream for admins with being one, and with nothing less.
func TestStreamEndsWithTheRight(t *testing.T) {
	member := store.RoleMember
	h := newHarness(t, nil)
	for _, tt := range []struct {
		name  string
		admin bool
		end   func(ann, bob *person, doc store.DocumentID) error
		code  int
	}{
		{"removed", false, func(ann, bob *person, doc store.DocumentID) error {
			_, err := h.store.RemoveMember(t.Context(), doc, bob.user.ID, ann.user.ID)
			return err
		}, http.StatusNotFound},
		{"deleted", false, func(ann, _ *person, doc store.DocumentID) error {
			_, err := h.store.TrashDocument(t.Context(), doc, ann.user.ID)
			return err
		}, http.StatusGone},
		{"no admin any more", true, func(_, bob *person, _ store.DocumentID) error {
			_, err := h.store.ChangeUser(t.Context(), bob.user.ID, store.UserChange{Role: &member})
			return err
		}, http.StatusForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ann := h.person("ann-"+tt.name, store.RoleAdmin)
			bob := h.person("bob-"+tt.name, map[bool]store.UserRole{true: store.RoleAdmin, false: store.RoleMember}[tt.admin])
			d := ann.document("Plans", map[*person]string{bob: "editor"})
			path := "/api/v1/documents/" + d.ID.String() + "/events"
			if tt.admin {
				path = "/api/v1/admin/events"
			}
			f, stays := bob.follow(path), bob.follow(noticeStream)
			// Less right than before is right enough for those who read.
			if _, err := h.store.SetMember(t.Context(), d.ID, bob.user.ID, store.Viewer, ann.user.ID); err != nil {
				t.Fatal(err)
			}
			h.server.streams.look()
			h.hub.Notify(bob.user.ID)
			wants[Notice](stays, "notice")
			wants[EditorSnapshot[Editor]](f, "snapshot")
			select {
			case e, ok := <-f.events:
				t.Fatalf("event %+v, %v", e, ok)
			case <-time.After(2 * h.server.streams.timing.look): // the keeper has looked
			}
			if err := tt.end(ann, bob, d.ID); err != nil {
				t.Fatal(err)
			}
			if took := f.ends(); took > 2*time.Second {
				t.Errorf("it took %v", took)
			}
			if _, r := bob.tryFollow(path); r.status != tt.code {
				t.Errorf("again: %d %s", r.status, r.body)
			}
			// What else he follows goes on.
			for other := ann.document("Other", map[*person]string{bob: "viewer"}); wants[Notice](stays, "notice").Document.ID != other.ID; {
			}
		})
	}
}
