package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/store"
)

func TestBadRequests(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleAdmin)
	d := ann.document("Plans", nil)
	doc := "/api/v1/documents/" + d.ID.String()
	long := strings.Repeat("x", maxTitleChars+1)
	tests := []struct {
		name, method, path string
		body               any
		status             int
		code               string
	}{
		{"unknown field", "POST", "/api/v1/documents", `{"title":"A","colour":"x"}`, 422, codeValidation},
		{"name in another case", "POST", "/api/v1/documents", `{"Title":"A"}`, 422, codeValidation},
		{"name twice, in two cases", "PUT", doc + "/members/" + ann.user.ID.String(), `{"role":"viewer","Role":"king"}`, 422, codeValidation},
		{"unknown field on change", "PATCH", doc, `{"title":"A","colour":"x"}`, 422, codeValidation},
		{"unknown query parameter", "GET", "/api/v1/documents?fromat=x", nil, 422, codeValidation},
		{"missing field", "POST", "/api/v1/documents", `{}`, 422, codeValidation},
		{"wrong type", "POST", "/api/v1/documents", `{"title":1}`, 422, codeValidation},
		{"no JSON", "POST", "/api/v1/documents", `{`, 400, codeBadRequest},
		{"no body", "POST", "/api/v1/documents", nil, 400, codeBadRequest},
		{"too large", "PATCH", doc, `{"title":"` + strings.Repeat("x", maxBodyBytes) + `"}`, 413, codeTooLarge},
		{"blank title", "POST", "/api/v1/documents", `{"title":"  "}`, 422, codeValidation},
		{"long title", "POST", "/api/v1/documents", `{"title":"` + long + `"}`, 422, codeValidation},
		{"title with a line break", "PATCH", doc, `{"title":"a\nb"}`, 422, codeValidation},
		{"title that turns text around", "PATCH", doc, `{"title":"a\u202eb"}`, 422, codeValidation},
		{"key with a slash", "POST", "/api/v1/documents", `{"title":"A","key":"a/b"}`, 422, codeValidation},
		{"key like an id", "POST", "/api/v1/documents", `{"title":"A","key":"` + d.ID.String() + `"}`, 422, codeValidation},
		{"key like an id without hyphens", "POST", "/api/v1/documents", `{"title":"A","key":"` + strings.ReplaceAll(d.ID.String(), "-", "") + `"}`, 422, codeValidation},
		{"limit too high", "GET", "/api/v1/documents?limit=201", nil, 422, codeValidation},
		{"limit zero", "GET", "/api/v1/documents?limit=0", nil, 422, codeValidation},
		{"cursor made up", "GET", "/api/v1/documents?cursor=zzz", nil, 422, codeValidation},
		{"cursor of users made up", "GET", "/api/v1/users?cursor=zzz", nil, 422, codeValidation},
		{"user id that is none", "GET", "/api/v1/users/me-or-not", nil, 422, codeValidation},
		{"document of no such id", "GET", "/api/v1/documents/" + store.NewID().String(), nil, 404, codeNotFound},
		{"document of no such key", "GET", "/api/v1/documents/nothing", nil, 404, codeNotFound},
		{"unknown role", "PUT", doc + "/members/" + ann.user.ID.String(), `{"role":"king"}`, 422, codeValidation},
		{"member that is no account", "PUT", doc + "/members/" + store.NewID().String(), `{"role":"viewer"}`, 404, codeNotFound},
		{"content format", "GET", doc + "/content?format=docx", nil, 422, codeValidation},
		{"token for too long", "POST", doc + "/tokens", `{"expiresIn":86401}`, 422, codeValidation},
		{"token for no time", "POST", doc + "/tokens", `{"expiresIn":0}`, 422, codeValidation},
		{"no email address", "POST", "/api/v1/users", `{"email":"ann","name":"Ann","role":"member"}`, 422, codeValidation},
		{"email address with a name", "POST", "/api/v1/users", `{"email":"Ann <ann@b.co>","name":"Ann","role":"member"}`, 422, codeValidation},
		{"short password", "POST", "/api/v1/users", `{"email":"b@b.co","name":"B","role":"member","password":"1234567"}`, 422, codeValidation},
		{"long password", "POST", "/api/v1/users", `{"email":"b@b.co","name":"B","role":"member","password":"` + strings.Repeat("x", 1025) + `"}`, 422, codeValidation},
		{"email that is taken", "POST", "/api/v1/users", `{"email":"ANN@example.com","name":"B","role":"member"}`, 409, codeConflict},
		{"name of an account that is blank", "PATCH", "/api/v1/users/me", `{"name":" "}`, 422, codeValidation},
		{"name of an account that turns text around", "PATCH", "/api/v1/users/" + ann.user.ID.String(), `{"name":"a\u202eb"}`, 422, codeValidation},
		{"role of an account that is none", "PATCH", "/api/v1/users/" + ann.user.ID.String(), `{"role":"king"}`, 422, codeValidation},
		{"email can't be changed", "PATCH", "/api/v1/users/" + ann.user.ID.String(), `{"email":"b@b.co"}`, 422, codeValidation},
		{"the last admin steps down", "PATCH", "/api/v1/users/" + ann.user.ID.String(), `{"role":"member"}`, 409, codeLastAdmin},
		{"the last admin leaves", "PATCH", "/api/v1/users/" + ann.user.ID.String(), `{"disabled":true}`, 409, codeLastAdmin},
		{"no such address", "GET", "/api/v1/nothing", nil, 404, codeNotFound},
		{"no such version", "GET", "/api/v2/documents", nil, 404, codeNotFound},
		{"no such method", "PUT", "/api/v1/documents", nil, 405, codeMethod},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ann.call(tt.method, tt.path, tt.body).wants(tt.status, tt.code)
		})
	}
}

func TestBodyOfExactlyTheLimitIsRead(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	doc := "/api/v1/documents/" + ann.document("A", nil).ID.String()
	body := `{"title":"A"}`
	for _, tt := range []struct {
		method, path string
		most, status int
	}{{"PATCH", doc, maxBodyBytes, 200}, {"POST", "/api/v1/documents", maxDraftBody, 201}} {
		ann.call(tt.method, tt.path, body+strings.Repeat(" ", tt.most-len(body))).wants(tt.status, "")
		ann.call(tt.method, tt.path, body+strings.Repeat(" ", tt.most-len(body)+1)).wants(413, codeTooLarge)
	}
}

func TestOtherMediaTypesAreRefused(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	ann.header.Set("Content-Type", "text/plain")
	ann.call("POST", "/api/v1/documents", `{"title":"A"}`).wants(415, codeMediaType)
}

// What somebody sent must not come back in an error: it may be a password, and logs and screens keep errors.
func TestProblemsDoNotRepeatWhatWasSent(t *testing.T) {
	h := newHarness(t, nil)
	for _, body := range []string{`{"email":"a@b.co","password":"hunter2hunter2","x":1}`, `{"email":"a@b.co","password":"hunter2hunter2"`, `{"email":1,"password":["hunter2hunter2"]}`} {
		r := h.anonymous().call("POST", "/api/v1/session", body)
		if r.status != 422 && r.status != 400 {
			t.Fatalf("status %d", r.status)
		}
		if strings.Contains(string(r.body), "hunter2") {
			t.Errorf("%s", r.body)
		}
	}
}

// Errors that nobody thought of say nothing of the inside.
func TestUnknownErrorsStayInside(t *testing.T) {
	h := newHarness(t, nil)
	p := h.server.problemOf(t.Context(), fmt.Errorf("open /var/secret: %w", errors.New("disk on fire")))
	if p.Status != 500 || p.Code != codeInternal || strings.Contains(p.Detail, "secret") || strings.Contains(p.Detail, "fire") {
		t.Errorf("%+v", p)
	}
	for err, want := range map[error]int{store.ErrUnavailable: 503, errBusy: 503, store.ErrLastOwner: 409, store.ErrLastAdmin: 409, store.ErrSetupDone: 409, store.ErrDeleted: 410} {
		if p := h.server.problemOf(t.Context(), fmt.Errorf("wrapped: %w", err)); p.Status != want {
			t.Errorf("%v: %d, want %d", err, p.Status, want)
		}
	}
}

func TestPanicsBecomeProblems(t *testing.T) {
	h := newHarness(t, nil)
	w := httptest.NewRecorder()
	h.server.observe(h.server.recovered(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }))).ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
	if w.Code != 500 || !strings.Contains(w.Body.String(), codeInternal) || strings.Contains(w.Body.String(), "boom") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	// After half an answer the connection is cut instead.
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v", v)
		}
	}()
	h.server.observe(h.server.recovered(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half")
		panic("boom")
	}))).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil))
}

// RFC 9110, 15.5.6: who asks for what an address doesn't do is told what it does.
func TestMethodNotAllowedSaysWhatIs(t *testing.T) {
	h := newHarness(t, nil)
	for path, want := range map[string][]string{
		"/healthz":          {"GET", "HEAD"},
		"/api/v1/documents": {"GET", "HEAD", "POST"},
	} {
		r := h.anonymous().call("OPTIONS", path, nil).wants(405, codeMethod)
		if got := r.header.Values("Allow"); !slices.Equal(got, want) {
			t.Errorf("%s allows %v, want %v", path, got, want)
		}
	}
}
