package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

// event is one that arrived.
type event struct {
	name, id string
	data     []byte
	comment  bool
}

// following is an event stream as a client sees it.
type following struct {
	t      *testing.T
	cancel context.CancelFunc
	header http.Header
	closes bool       // the connection is for this stream only
	events chan event // closed at the end of the stream
}

// follow opens an event stream. The retry line, which comes first, is swallowed.
func (p *person) follow(path string) *following {
	p.h.t.Helper()
	f, r := p.tryFollow(path)
	if f == nil {
		p.h.t.Fatalf("no stream: %d %s", r.status, r.body)
	}
	return f
}

// tryFollow gives the stream, or else the reply that refused it.
func (p *person) tryFollow(path string) (*following, reply) {
	t := p.h.t
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.h.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.cookie != "" {
		req.AddCookie(&http.Cookie{Name: sessionCookie, Value: p.cookie})
	}
	for name, values := range p.header {
		req.Header[name] = values
	}
	res, err := http.DefaultClient.Do(req) //nolint:bodyclose // closed where it is read
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		defer cancel()
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return nil, reply{t: t, status: res.StatusCode, header: res.Header, body: raw}
	}
	f := &following{t: t, cancel: cancel, header: res.Header, closes: res.Close, events: make(chan event, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer res.Body.Close()
		f.read(res.Body)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return f, reply{}
}

// read passes events on until the stream ends.
func (f *following) read(body io.Reader) {
	defer close(f.events)
	var e event
	for lines := bufio.NewScanner(body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			if e.name != "" || e.comment {
				f.events <- e
			}
			e = event{}
		case name == "":
			e.comment = true
		case name == "event":
			e.name = value
		case name == "id":
			e.id = value
		case name == "data":
			e.data = []byte(value)
		}
	}
}

// next gives the next event, comments left out.
func (f *following) next() event {
	f.t.Helper()
	for {
		select {
		case e, ok := <-f.events:
			if !ok {
				f.t.Fatal("the stream has ended")
			}
			if e.comment {
				continue
			}
			return e
		case <-time.After(10 * time.Second):
			f.t.Fatal("no event")
		}
	}
}

// wants gives the data of the next event, which must be of that kind.
func wants[T any](f *following, name string) T {
	f.t.Helper()
	e := f.next()
	if e.name != name {
		f.t.Fatalf("event %q %s, want %q", e.name, e.data, name)
	}
	var v T
	if err := json.Unmarshal(e.data, &v); err != nil {
		f.t.Fatalf("event %q: %v", e.data, err)
	}
	return v
}

// ends waits until the server ends the stream, and says how long that took.
func (f *following) ends() time.Duration {
	f.t.Helper()
	began := time.Now()
	limit := time.After(10 * time.Second)
	for {
		select {
		case _, ok := <-f.events:
			if !ok {
				return time.Since(began)
			}
		case <-limit:
			f.t.Fatal("the stream doesn't end")
		}
	}
}

const noticeStream = "/api/v1/notifications/stream"

func TestStreamHeaders(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	f := ann.follow(noticeStream)
	for name, want := range map[string]string{"Content-Type": eventsType, "Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"} {
		if got := f.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !f.closes {
		t.Error("another request may come after the stream, under the limit of its last write")
	}
	if r := ann.call("HEAD", noticeStream, nil).wants(200, ""); r.header.Get("Content-Type") != eventsType {
		t.Errorf("HEAD: %v", r.header)
	}
}

// What is silent is heard all the same, and lives longer than the server lets requests live.
func TestStreamHeartbeat(t *testing.T) {
	h := newHarness(t, nil)
	h.server.streams.timing.beat = 20 * time.Millisecond
	ts := httptest.NewUnstartedServer(h.server)
	ts.Config.ReadTimeout, ts.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	ts.Start()
	t.Cleanup(ts.Close)
	ann := h.person("ann", store.RoleMember)
	h.url = ts.URL
	f := ann.follow(noticeStream)
	for began := time.Now(); time.Since(began) < 300*time.Millisecond; {
		if e, ok := <-f.events; !ok || !e.comment {
			t.Fatalf("%+v %v after %v, want a heartbeat", e, ok, time.Since(began))
		}
	}
}

// A stream ends with what let its caller in, wherever that was taken away: nothing tells this server but the database.
func TestStreamEndsWithTheLogin(t *testing.T) {
	off := true
	for _, tt := range []struct {
		name string
		end  func(h *harness, p *person) error
	}{
		{"logout", func(h *harness, p *person) error {
			sessions, _, err := h.store.Sessions(t.Context(), p.user.ID, store.Page{Limit: 10})
			if err != nil {
				return err
			}
			return h.store.DeleteSession(t.Context(), p.user.ID, sessions[0].ID)
		}},
		{"new password", func(h *harness, p *person) error {
			return h.store.SetPassword(t.Context(), p.user.ID, "hash", store.NewID())
		}},
		{"disabled", func(h *harness, p *person) error {
			_, err := h.store.ChangeUser(t.Context(), p.user.ID, store.UserChange{Disabled: &off})
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t, nil)
			ann, bob, eve := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember), h.person("eve", store.RoleMember)
			f, other := ann.follow(noticeStream), bob.follow(noticeStream)
			if err := tt.end(h, ann); err != nil {
				t.Fatal(err)
			}
			if took := f.ends(); took > 2*time.Second {
				t.Errorf("it took %v", took)
			}
			if _, r := ann.tryFollow(noticeStream); r.status != 401 {
				t.Errorf("again: %d %s", r.status, r.body)
			}
			// Others stay.
			d := eve.document("Plans", map[*person]string{bob: "viewer"})
			if n := wants[Notice](other, "notice"); n.Document.ID != d.ID {
				t.Errorf("%+v", n)
			}
		})
	}
}

// An expired login ends its streams though nothing has changed; one that is used elsewhere meanwhile doesn't.
func TestStreamEndsWhenTheLoginExpires(t *testing.T) {
	h := newHarness(t, nil)
	h.server.streams.timing.look = 20 * time.Millisecond
	user := h.person("ann", store.RoleMember).user
	token, hash := newToken()
	now := time.Now()
	if err := h.store.CreateSession(t.Context(), store.Session{ID: store.NewID(), User: user.ID, CreatedAt: now, LastSeen: now, ExpiresAt: now.Add(time.Second)}, hash); err != nil {
		t.Fatal(err)
	}
	f := (&person{h: h, user: user, cookie: token}).follow(noticeStream)
	if took := f.ends(); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestStreamsOfAnAccountAreLimited(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	first := ann.follow(noticeStream)
	for range streamsPerAccount - 1 {
		ann.follow(noticeStream)
	}
	_, r := ann.tryFollow(noticeStream)
	if r.wants(429, codeManyStreams).header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	bob.follow(noticeStream)
	first.cancel()
	first.ends()
	deadline := time.Now().Add(5 * time.Second)
	for {
		if f, r := ann.tryFollow(noticeStream); f != nil {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("the place of a stream that has ended stays taken: %s", r.body)
		}
	}
}

// A node that goes away ends its streams at once and opens no others.
func TestStreamsEndWhenTheNodeStops(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	f := ann.follow(noticeStream)
	h.server.BeginStop()
	if took := f.ends(); took > time.Second {
		t.Errorf("it took %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := h.server.Wait(ctx); err != nil {
		t.Error(err)
	}
	_, r := ann.tryFollow(noticeStream)
	r.wants(503, codeUnavailable)
}

// stuckWriter is a client that takes nothing.
type stuckWriter struct {
	header   http.Header
	deadline time.Time
}

func (w *stuckWriter) Header() http.Header                { return w.header }
func (w *stuckWriter) WriteHeader(int)                    {}
func (w *stuckWriter) Flush()                             {}
func (w *stuckWriter) SetReadDeadline(time.Time) error    { return nil }
func (w *stuckWriter) SetWriteDeadline(t time.Time) error { w.deadline = t; return nil }
func (w *stuckWriter) Write([]byte) (int, error) {
	if w.deadline.IsZero() {
		return 0, errors.New("a write without a limit in time")
	}
	time.Sleep(time.Until(w.deadline))
	return 0, context.DeadlineExceeded
}

func TestStreamGivesUpSlowClients(t *testing.T) {
	w := &stuckWriter{header: http.Header{}}
	out := &events{w: w, control: http.NewResponseController(w), stall: 20 * time.Millisecond}
	if err := out.begin(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// awayStore is a database that can be away.
type awayStore struct {
	store.Store

	mu   sync.RWMutex // held for reading by calls, so that none is under way when the database goes
	away bool
}

func (s *awayStore) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

// unlessAway asks the database, or doesn't.
func unlessAway[T any](s *awayStore, ask func() (T, error)) (answer T, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.away {
		return answer, store.ErrUnavailable
	}
	return ask()
}

func (s *awayStore) Lapsed(ctx context.Context, c store.Credentials) (store.Credentials, error) {
	return unlessAway(s, func() (store.Credentials, error) { return s.Store.Lapsed(ctx, c) })
}

func (s *awayStore) Heads(ctx context.Context, ids []store.DocumentID) ([]store.Head, error) {
	return unlessAway(s, func() ([]store.Head, error) { return s.Store.Heads(ctx, ids) })
}

func (s *awayStore) NoticesAfter(ctx context.Context, user store.UserID, after uint64, limit int) ([]store.Notice, error) {
	return unlessAway(s, func() ([]store.Notice, error) { return s.Store.NoticesAfter(ctx, user, after, limit) })
}

func (s *awayStore) Document(ctx context.Context, id store.DocumentID, user store.UserID) (store.Document, error) {
	return unlessAway(s, func() (store.Document, error) { return s.Store.Document(ctx, id, user) })
}

// While the database is away streams go on, as sockets do; what ended meanwhile ends them when it is back, and what came meanwhile is told.
func TestStreamsWhileTheDatabaseIsAway(t *testing.T) {
	st := &awayStore{Store: openStore(t)}
	h := startServer(t, st, "node-1", time.Hour, nil)
	h.server.streams.timing.look = 20 * time.Millisecond
	root, ann, bob := h.person("root", store.RoleAdmin), h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	d := ann.document("Plans", map[*person]string{bob: "viewer"})
	all, about, notices, gone := root.follow("/api/v1/admin/events"), ann.follow("/api/v1/documents/"+d.ID.String()+"/events"), ann.follow(noticeStream), bob.follow(noticeStream)
	wants[EditorSnapshot[AdminEditor]](all, "snapshot")
	wants[EditorSnapshot[Editor]](about, "snapshot")

	socket := ann.opened(d)
	wants[AdminEditor](all, "join")
	wants[Editor](about, "join")
	st.setAway(true)
	off := true
	if _, err := st.ChangeUser(t.Context(), bob.user.ID, store.UserChange{Disabled: &off}); err != nil {
		t.Fatal(err)
	}
	other, _, err := st.CreateDocument(t.Context(), store.Document{Title: "Other", Owner: root.user.ID}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.SetMember(t.Context(), other.ID, ann.user.ID, store.Viewer, root.user.ID); err != nil {
		t.Fatal(err)
	}
	h.hub.Notify(ann.user.ID)
	socket.leaves()
	wants[AdminEditor](all, "leave")
	wants[Editor](about, "leave")
	for range 20 { // twenty looks that come to nothing
		h.server.streams.look()
		select {
		case e, ok := <-gone.events:
			t.Fatalf("%+v %v", e, ok)
		case e, ok := <-notices.events:
			t.Fatalf("%+v %v", e, ok)
		case <-time.After(h.server.streams.timing.look):
		}
	}
	st.setAway(false)
	gone.ends()
	if n := wants[Notice](notices, "notice"); n.Document.ID != other.ID {
		t.Errorf("%+v", n)
	}
}

// Titles are remembered for a while, as many as there is room for, and those that can't be read are as they were.
func TestTitles(t *testing.T) {
	st := &awayStore{Store: openStore(t)}
	h := startServer(t, st, "node-1", time.Hour, nil)
	ann := h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	open := []collab.Editor{{Document: d.ID, User: ann.user.ID}, {Document: d.ID, User: ann.user.ID}, {Document: store.NewID(), User: ann.user.ID}}
	titles := newTitles(st)
	is := func(want string) {
		t.Helper()
		got := titles.of(t.Context(), open)
		if got[d.ID] != want || got[open[2].Document] != "" {
			t.Errorf("%v, want %q", got, want)
		}
	}
	is("Plans")
	other := "Other"
	if _, err := st.ChangeDocument(t.Context(), d.ID, store.DocumentChange{Title: &other}, store.UserID{}); err != nil {
		t.Fatal(err)
	}
	is("Plans")
	titles.known[d.ID] = titleEntry{"Plans", time.Now().Add(-titleLife)}
	st.setAway(true)
	is("Plans")
	st.setAway(false)
	is("Other")
	for range 2 * maxTitles {
		titles.set(store.NewID(), "x")
	}
	if n := len(titles.known); n > maxTitles {
		t.Errorf("%d titles are remembered", n)
	}
}
