package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bizsync/bizsync/store"
)

func TestStaticFiles(t *testing.T) {
	web := fstest.MapFS{
		"index.html":         {Data: []byte("<!doctype html><title>App</title>")},
		"assets/app-1234.js": {Data: []byte("let x")},
		"favicon.svg":        {Data: []byte("<svg xmlns='http://www.w3.org/2000/svg'/>")},
	}
	h := newHarness(t, func(o *Options) { o.Web = web })
	nobody := h.anonymous()
	const immutable = "public, max-age=31536000, immutable"
	for _, tt := range []struct {
		method, path string
		status       int
		kind, cache  string
	}{
		{"GET", "/", 200, "text/html", "no-cache"},
		{"GET", "/index.html", 200, "text/html", "no-cache"},
		{"GET", "/login", 200, "text/html", "no-cache"},
		{"GET", "/d/some-document", 200, "text/html", "no-cache"},
		{"GET", "/d/report.v2", 200, "text/html", "no-cache"},
		{"HEAD", "/healthz", 200, "application/json", "no-store"},
		{"HEAD", "/people", 200, "text/html", "no-cache"},
		{"GET", "/assets/app-1234.js", 200, "text/javascript", immutable},
		{"GET", "/favicon.svg", 200, "image/svg+xml", "no-cache"},
		{"GET", "/assets/app-old.js", 404, problemType, "no-store"},
		{"GET", "/assets/", 404, problemType, "no-store"},
		{"GET", "/missing.png", 404, problemType, "no-store"},
		{"GET", "/api/nothing", 404, problemType, "no-store"},
		{"GET", "/metrics", 404, problemType, "no-store"},
		{"GET", "/collab/a/b", 404, problemType, "no-store"},
		{"POST", "/login", 404, problemType, "no-store"},
	} {
		r := nobody.call(tt.method, tt.path, nil)
		if r.status != tt.status || !strings.HasPrefix(r.header.Get("Content-Type"), tt.kind) || r.header.Get("Cache-Control") != tt.cache {
			t.Errorf("%s %s: %d %q %q", tt.method, tt.path, r.status, r.header.Get("Content-Type"), r.header.Get("Cache-Control"))
		}
	}
	if r := nobody.call("GET", "/d/../../etc/passwd", nil); r.status != 200 || !strings.Contains(string(r.body), "App") {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestNewWithoutApplication(t *testing.T) {
	h := newHarness(t, nil)
	h.anonymous().call("GET", "/", nil).wants(404, codeNotFound)
	if _, err := New(Options{Store: h.store, Hub: h.hub, Passwords: h.server.passwords, Secret: []byte(testSecret), Web: fstest.MapFS{}}); err == nil {
		t.Error("an application without index.html is taken")
	}
	if _, err := New(Options{Store: h.store, Hub: h.hub, Passwords: h.server.passwords, Secret: []byte("short")}); err == nil {
		t.Error("a short secret is taken")
	}
}

func TestHealth(t *testing.T) {
	reg := prometheus.NewRegistry()
	h := newHarness(t, func(o *Options) { o.Metrics = reg })
	if got := decode[health](h.anonymous().call("GET", "/readyz", nil).wants(200, "")); got.Status != "ok" || got.Checks["database"] != "ok" {
		t.Errorf("%+v", got)
	}
	h.person("ann", store.RoleMember).call("GET", "/api/v1/documents/secret-name", nil).wants(404, "")
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		text.WriteString(f.String())
	}
	if !strings.Contains(text.String(), "bizsync_http_request_seconds") || !strings.Contains(text.String(), "/api/v1/documents/{id}") || strings.Contains(text.String(), "secret-name") {
		t.Errorf("metrics: %.2000s", text.String())
	}
	// The admin address has metrics; the public one does not.
	h.anonymous().call("GET", "/metrics", nil).wants(404, codeNotFound)
	h.anonymous().call("GET", "/debug/pprof/", nil).wants(404, codeNotFound)
}

// The description is true: it has every route, each with a summary and its errors, and nothing from elsewhere.
func TestOpenAPI(t *testing.T) {
	h := newHarness(t, nil)
	r := h.anonymous().call("GET", "/api/v1/openapi.json", nil).wants(200, "")
	type operation struct {
		OperationID string                     `json:"operationId"`
		Summary     string                     `json:"summary"`
		Tags        []string                   `json:"tags"`
		Responses   map[string]json.RawMessage `json:"responses"`
	}
	var doc struct {
		OpenAPI    string                          `json:"openapi"`
		Tags       []struct{ Name string }         `json:"tags"`
		Paths      map[string]map[string]operation `json:"paths"`
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(r.body, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("version %q", doc.OpenAPI)
	}
	known := map[string]bool{}
	for _, tag := range doc.Tags {
		known[tag.Name] = true
	}
	described := map[string]bool{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			name := strings.ToUpper(method) + " " + path
			described[name] = true
			if op.Summary == "" || op.OperationID == "" || len(op.Tags) != 1 || !known[op.Tags[0]] {
				t.Errorf("%s: %+v", name, op)
			}
			if strings.Contains(path, "{id}") && op.Responses["404"] == nil {
				t.Errorf("%s doesn't say that it answers 404", name)
			}
			for status, response := range op.Responses {
				if status >= "400" && !strings.Contains(string(response), "#/components/schemas/Problem") {
					t.Errorf("%s: %s is no problem: %s", name, status, response)
				}
			}
		}
	}
	routes := map[string]bool{}
	router, ok := h.server.handler.(chi.Routes)
	if !ok {
		t.Fatal("no router")
	}
	err := chi.Walk(router, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if strings.HasPrefix(route, prefix) && route != prefix+"/openapi.json" {
			routes[method+" "+route] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(routes) < 20 || !maps.Equal(routes, described) {
		t.Errorf("routes %v, described %v", slices.Sorted(maps.Keys(routes)), slices.Sorted(maps.Keys(described)))
	}
	if doc.Components.Schemas["Problem"] == nil || doc.Components.Schemas["ErrorModel"] != nil {
		t.Errorf("schemas %v", slices.Sorted(maps.Keys(doc.Components.Schemas)))
	}
}

// The readable form is whole in the binary, and its policy keeps it from asking anybody else.
func TestDocsNeedNothingFromElsewhere(t *testing.T) {
	h := newHarness(t, nil)
	outside := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9]`)
	for path, kind := range map[string]string{"/docs": "text/html", "/docs/docs.js": "text/javascript", "/docs/docs.css": "text/css", "/docs/swagger-ui.css": "text/css", "/docs/swagger-ui-bundle.js": "text/javascript"} {
		r := h.anonymous().call("GET", path, nil).wants(200, "")
		if !strings.HasPrefix(r.header.Get("Content-Type"), kind) || len(r.body) < 200 {
			t.Errorf("%s: %q, %d bytes", path, r.header.Get("Content-Type"), len(r.body))
		}
		if found := outside.Find(r.body); found != nil && !strings.Contains(path, "swagger") { // which mentions what it knows of
			t.Errorf("%s mentions %q", path, found)
		}
		if policy := r.header.Get("Content-Security-Policy"); policy != docsPolicy || outside.MatchString(policy) || strings.Contains(policy, "https:") {
			t.Errorf("%s: policy %q", path, policy)
		}
		plain := &person{h: h, header: http.Header{"Accept-Encoding": {"identity"}}} // the client above unpacks by itself
		if p := plain.call("GET", path, nil).wants(200, ""); p.header.Get("Content-Encoding") != "" || !bytes.Equal(p.body, r.body) {
			t.Errorf("%s: %d bytes for who takes nothing packed, %d for others", path, len(p.body), len(r.body))
		}
	}
}
