package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

// begins creates a document.
func (p *person) begins(body map[string]any) reply {
	p.h.t.Helper()
	return p.call("POST", "/api/v1/documents", body)
}

// textOf gives a document's committed text, and whether an update of it can be read.
func (p *person) textOf(d Document) string {
	p.h.t.Helper()
	path := "/api/v1/documents/" + d.ID.String() + "/content"
	if _, err := crdt.ParseUpdate(p.call("GET", path+"?format=yjs", nil).wants(200, "").body); err != nil {
		p.h.t.Fatal(err)
	}
	return string(p.call("GET", path, nil).wants(200, "").body)
}

func TestCreateDocumentWithContent(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	yjs := func(update []byte) string { return base64.StdEncoding.EncodeToString(update) }
	for name, tt := range map[string]struct {
		body map[string]any
		kind string
		text string
	}{
		"nothing":             {map[string]any{}, "rich", ""},
		"empty":               {map[string]any{"content": ""}, "rich", ""},
		"an empty update":     {map[string]any{"content": yjs([]byte{0, 0})}, "rich", ""},
		"an update":           {map[string]any{"content": yjs(helloUpdate(7, "default", "Grüße 🙂"))}, "rich", "Grüße 🙂"},
		"with its format":     {map[string]any{"content": yjs(helloUpdate(7, "default", "x")), "format": "yjs", "kind": "rich"}, "rich", "x"},
		"a text":              {map[string]any{"content": "fn main() {}\n", "kind": "text"}, "text", "fn main() {}\n"},
		"breaks of Windows":   {map[string]any{"content": "a\r\nb\rc\r\n\r\n", "kind": "text", "format": "text"}, "text", "a\nb\nc\n\n"},
		"outside the BMP":     {map[string]any{"content": "🙂" + strings.Repeat("한글", 1000), "kind": "text"}, "text", "🙂" + strings.Repeat("한글", 1000)},
		"script stays a text": {map[string]any{"content": "<script>alert(1)</script>", "kind": "text"}, "text", "<script>alert(1)</script>"},
		"a text as an update": {map[string]any{"content": yjs(helloUpdate(7, "codemirror", "x")), "kind": "text", "format": "yjs"}, "text", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.body["title"] = name
			d := decode[Document](ann.begins(tt.body).wants(201, ""))
			if d.Kind != tt.kind {
				t.Errorf("kind %q", d.Kind)
			}
			if got := ann.textOf(d); got != tt.text {
				t.Errorf("text %q, want %q", got, tt.text)
			}
		})
	}
}

// What is wrong with first content is said, and nothing is created.
func TestCreateDocumentWithBadContent(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	yjs := func(update ...byte) string { return base64.StdEncoding.EncodeToString(update) }
	origin := yjs(1, 1, 7, 0, 0x84, 9, 3, 1, 'x', 0)               // behind clock 3 of client 9
	gap := yjs(1, 1, 7, 5, 4, 1, 1, 'r', 1, 'x', 0)                // from clock 5 on
	future := yjs(1, 1, 7, 0, 4, 1, 1, 'r', 1, 'x', 1, 7, 1, 0, 9) // deletes more than there is
	for name, tt := range map[string]struct {
		body   map[string]any
		status int
		code   string
		where  string
	}{
		"no base64":             {map[string]any{"content": "ÿ"}, 422, codeValidation, "body.content"},
		"of URLs":               {map[string]any{"content": "_-_-"}, 422, codeValidation, "body.content"},
		"no update":             {map[string]any{"content": yjs(1, 2, 3)}, 422, codeValidation, "body.content"},
		"bytes behind it":       {map[string]any{"content": yjs(0, 0, 0)}, 422, codeValidation, "body.content"},
		"an origin elsewhere":   {map[string]any{"content": origin}, 422, codeValidation, "body.content"},
		"a gap":                 {map[string]any{"content": gap}, 422, codeValidation, "body.content"},
		"deletes of the future": {map[string]any{"content": future}, 422, codeValidation, "body.content"},
		"text for rich":         {map[string]any{"content": "x", "format": "text"}, 422, codeValidation, "body.format"},
		"an unknown format":     {map[string]any{"content": "x", "format": "markdown"}, 422, codeValidation, "body.format"},
		"an unknown kind":       {map[string]any{"kind": "sheet"}, 422, codeValidation, "body.kind"},
		"a body too large":      {map[string]any{"content": strings.Repeat("x", maxDraftBody), "kind": "text"}, 413, codeTooLarge, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tt.body["title"] = "Plans"
			p := decode[Problem](ann.begins(tt.body).wants(tt.status, tt.code))
			if tt.where != "" && (len(p.Errors) == 0 || p.Errors[0].Location != tt.where) {
				t.Errorf("%+v", p)
			}
		})
	}
	if list := decode[List[Document]](ann.call("GET", "/api/v1/documents", nil).wants(200, "")).Data; len(list) != 0 {
		t.Errorf("created: %+v", list)
	}
}

// The limits of a frame and of a document hold for first content, too.
func TestCreateDocumentOverLimits(t *testing.T) {
	st := openStore(t)
	hub := collab.NewHub(collab.Options{Node: "small", Store: st, Limits: collab.Limits{DocumentBytes: 2000}})
	t.Cleanup(func() {
		if err := hub.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	h := startServer(t, st, "node-1", time.Hour, func(o *Options) { o.Hub = hub })
	ann := h.person("ann", store.RoleMember)
	ann.begins(map[string]any{"title": "fits", "kind": "text", "content": strings.Repeat("x", 1000)}).wants(201, "")
	ann.begins(map[string]any{"title": "doesn't", "kind": "text", "content": strings.Repeat("x", 3000)}).wants(413, codeTooLarge)
}

// Whose content it is: nobody else writes on under the client ids that it was made with.
func TestClientIDsOfContent(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	content := base64.StdEncoding.EncodeToString(helloUpdate(7, "default", "ab"))
	d := decode[Document](ann.begins(map[string]any{"title": "Plans", "content": content}).wants(201, ""))
	ann.call("PUT", "/api/v1/documents/"+d.ID.String()+"/members/"+bob.user.ID.String(), map[string]any{"role": "editor"}).wants(200, "")
	more := []byte{0, 2, 11, 1, 1, 7, 2, 0x84, 7, 1, 1, 'c', 0} // an update: client 7, clock 2, behind its clock 1; nothing deleted
	more[2] = byte(len(more) - 3)
	try := func(p *person) int {
		ws, _ := h.dial(dialing{name: d.ID.String(), header: p.page(), acks: true})
		if code, _ := fate(t, ws); code != 0 {
			t.Fatal(code)
		}
		if err := ws.Write(t.Context(), websocket.MessageBinary, more); err != nil {
			t.Fatal(err)
		}
		for {
			_, b, err := ws.Read(t.Context())
			if err != nil {
				return int(websocket.CloseStatus(err))
			}
			if b[0] == 120 {
				return 0
			}
		}
	}
	if code := try(bob); code != 4409 {
		t.Errorf("another account: %d, want 4409", code)
	}
	if code := try(ann); code != 0 {
		t.Errorf("who brought it: %d", code)
	}
	if got := ann.textOf(d); got != "abc" {
		t.Errorf("text %q", got)
	}
}

// One large request of an account at a time, a few of a node; small ones are none of that.
func TestLargeRequestsAreBounded(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	slow := func(p *person) (finish func() int) {
		r, w := io.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, "POST", h.url+"/api/v1/documents", r) // of unknown length
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.AddCookie(&http.Cookie{Name: sessionCookie, Value: p.cookie})
		status := make(chan int, 1)
		go func() {
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				status <- 0
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			status <- res.StatusCode
		}()
		if _, err := w.Write([]byte(`{"title":`)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cancel)
		return func() int {
			if _, err := io.WriteString(w, `"Plans"}`); err != nil {
				t.Fatal(err)
			}
			w.Close()
			return <-status
		}
	}
	running := func(n int) {
		eventually(t, fmt.Sprintf("%d large requests are on their way", n), func() bool {
			h.server.uploads.mu.Lock()
			defer h.server.uploads.mu.Unlock()
			return len(h.server.uploads.by) == n
		})
	}
	large := map[string]any{"title": "Large", "kind": "text", "content": string(bytes.Repeat([]byte("x"), maxBodyBytes))}
	finish := []func() int{slow(ann)}
	running(1)
	if r := ann.begins(large).wants(429, codeManyAttempts); r.header.Get("Retry-After") == "" {
		t.Error("it isn't said when to try again")
	}
	ann.begins(map[string]any{"title": "Small"}).wants(201, "")
	for i := 1; i < draftsAtOnce; i++ {
		finish = append(finish, slow(h.person(fmt.Sprintf("p%d", i), store.RoleMember)))
		running(i + 1)
	}
	late := h.person("late", store.RoleMember)
	late.begins(large).wants(503, codeUnavailable)
	for _, f := range finish {
		if status := f(); status != 201 {
			t.Errorf("a slow one is answered %d", status)
		}
	}
	running(0)
	late.begins(large).wants(201, "")
}

// A copy is the caller's, of this moment, and nothing that happens to it happens to the other one.
func TestDuplicateDocument(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob, eve := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember), h.person("eve", store.RoleMember)
	d := decode[Document](ann.begins(map[string]any{"title": "Plans", "key": "plans", "kind": "text", "content": "one"}).wants(201, ""))
	path := "/api/v1/documents/" + d.ID.String()
	ann.call("PUT", path+"/members/"+bob.user.ID.String(), map[string]any{"role": "viewer"}).wants(200, "")

	r := bob.call("POST", path+"/duplicate", nil).wants(201, "")
	c := decode[Document](r)
	if c.ID == d.ID || c.Title != "Plans (copy)" || c.Kind != "text" || c.Key != "" || c.Role != "owner" || c.Owner.ID != bob.user.ID || r.header.Get("Location") != "/api/v1/documents/"+c.ID.String() {
		t.Errorf("%+v %v", c, r.header)
	}
	if members := decode[List[Member]](bob.call("GET", "/api/v1/documents/"+c.ID.String()+"/members", nil).wants(200, "")).Data; len(members) != 1 || members[0].Role != "owner" {
		t.Errorf("%+v", members)
	}
	bob.type_(c, helloUpdate(9, "codemirror", "two "))
	if a, b := ann.textOf(d), bob.textOf(c); a != "one" || (b != "two one" && b != "onetwo ") {
		t.Errorf("the first %q, the copy %q", a, b)
	}
	if named := decode[Document](ann.call("POST", path+"/duplicate", map[string]any{"title": " For Bo "}).wants(201, "")); named.Title != "For Bo" {
		t.Errorf("%+v", named)
	}
	empty := ann.document("Empty", nil)
	if again := decode[Document](ann.call("POST", "/api/v1/documents/"+empty.ID.String()+"/duplicate", nil).wants(201, "")); ann.textOf(again) != "" || again.Kind != "rich" {
		t.Errorf("%+v", again)
	}
	long := ann.document(strings.Repeat("한", maxTitleChars), nil)
	if again := decode[Document](ann.call("POST", "/api/v1/documents/"+long.ID.String()+"/duplicate", nil).wants(201, "")); !strings.HasSuffix(again.Title, "한 (copy)") {
		t.Errorf("%q", again.Title)
	}
	eve.call("POST", path+"/duplicate", nil).wants(404, codeNotFound)
	ann.call("POST", path+"/duplicate", map[string]any{"title": "a\nb"}).wants(422, codeValidation)
	ann.call("DELETE", path, nil).wants(204, "")
	ann.call("POST", path+"/duplicate", nil).wants(410, codeGone)

	refused := false
	for range duplicateBurst + 5 {
		if r := bob.call("POST", "/api/v1/documents/"+c.ID.String()+"/duplicate", nil); r.status == 429 {
			refused = r.wants(429, codeManyAttempts).header.Get("Retry-After") != ""
		}
	}
	if !refused {
		t.Error("duplicates without end")
	}
}

// A large request that names itself is done once, too.
func TestLargeRequestsAreDoneOnce(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember).repeating("import-1")
	large := map[string]any{"title": "Large", "kind": "text", "content": strings.Repeat("x", maxBodyBytes)}
	first := decode[Document](ann.begins(large).wants(201, ""))
	if again := decode[Document](ann.begins(large).wants(201, "")); again.ID != first.ID {
		t.Error("done twice")
	}
	large["content"] = strings.Repeat("y", maxBodyBytes)
	ann.begins(large).wants(422, codeOtherRequest)
}
