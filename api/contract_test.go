package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

// update has golden files written instead of compared.
var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// goldenDocument is the OpenAPI document from which the browser application's types are made.
const goldenDocument = "../web/src/api/openapi.json"

// The document that clients are made from is the one that is served.
func TestOpenAPIDocument(t *testing.T) {
	h := newHarness(t, nil)
	served := h.anonymous().call("GET", prefix+"/openapi.json", nil).wants(200, "").body
	served = append(bytes.TrimSpace(served), '\n')
	if *update {
		if err := os.WriteFile(filepath.FromSlash(goldenDocument), served, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(filepath.FromSlash(goldenDocument))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(golden, served) {
		t.Errorf("%s is out of date: go test ./api -run TestOpenAPIDocument -update", goldenDocument)
	}
}

// contract checks every answer of the REST interface against the document: tests see their answers through it.
type contract struct {
	t      *testing.T
	server *Server
}

func (c *contract) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, prefix+"/") {
		c.server.ServeHTTP(w, r)
		return
	}
	seen := &witness{ResponseWriter: w}
	c.server.ServeHTTP(seen, r)
	for _, wrong := range breaches(c.server.api.OpenAPI(), operationOf(c.server, r), seen) {
		c.t.Errorf("%s %s was answered %d %.200s: %s", r.Method, r.URL.Path, seen.status, seen.body.String(), wrong)
	}
}

// witness keeps the beginning of an answer, of a stream as much as was sent.
type witness struct {
	http.ResponseWriter
	status int
	whole  bool
	body   bytes.Buffer
}

// witnessBytes bounds how much of an answer is looked at.
const witnessBytes = 1 << 20

func (w *witness) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.whole = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *witness) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status, w.whole = http.StatusOK, true
	}
	n, err := w.ResponseWriter.Write(b)
	if w.body.Len()+n > witnessBytes || err != nil {
		w.whole = false
	} else if w.whole {
		w.body.Write(b[:n])
	}
	return n, err
}

func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// operationOf finds the operation that answers a request; nil for an address or method that is none's.
func operationOf(s *Server, r *http.Request) *huma.Operation {
	router, ok := s.handler.(chi.Routes)
	if !ok {
		return nil
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	found := chi.NewRouteContext()
	if !router.Match(found, method, r.URL.Path) {
		return nil
	}
	return operationsOf(s.api.OpenAPI())[method+" "+found.RoutePattern()]
}

// operationsOf gives all operations, by method and path.
func operationsOf(o *huma.OpenAPI) map[string]*huma.Operation {
	all := make(map[string]*huma.Operation)
	for path, item := range o.Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete} {
			if op != nil {
				all[method+" "+path] = op
			}
		}
	}
	return all
}

// breaches says what the document doesn't know of an answer.
func breaches(o *huma.OpenAPI, op *huma.Operation, seen *witness) (wrong []string) {
	kind := seen.Header().Get("Content-Type")
	if seen.status == http.StatusNotModified {
		kind = "" // net/http doesn't send it
	}
	if op == nil {
		return nil
	}
	response := op.Responses[strconv.Itoa(seen.status)]
	if response == nil {
		return []string{fmt.Sprintf("%s has no such status in the document", op.OperationID)}
	}
	if retry, may := seen.Header().Get("Retry-After"), response.Headers["Retry-After"] != nil; retry != "" && !may || retry == "" && may && seen.status != http.StatusConflict {
		wrong = append(wrong, fmt.Sprintf("Retry-After is %q", retry))
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
		if got := seen.Header().Get(name); got != want {
			wrong = append(wrong, fmt.Sprintf("%s is %q", name, got))
		}
	}
	if cache := seen.Header().Get("Cache-Control"); cache != "no-store" && !strings.HasPrefix(cache, "private, ") {
		wrong = append(wrong, fmt.Sprintf("others may keep it: Cache-Control is %q", cache))
	}
	if location := seen.Header().Get("Location"); location != "" && response.Headers["Location"] == nil {
		wrong = append(wrong, "Location isn't described")
	}
	if kind == "" && seen.body.Len() == 0 {
		return wrong
	}
	media := response.Content[kind]
	if media == nil {
		return append(wrong, fmt.Sprintf("the type %q isn't described", kind))
	}
	if !seen.whole || seen.body.Len() == 0 {
		return wrong // too long, broken off, or the answer to HEAD
	}
	switch kind {
	case "application/json", problemType:
		wrong = append(wrong, misfits(o.Components.Schemas, media.Schema, seen.body.Bytes())...)
	case eventsType:
		for _, event := range wholeEvents(seen.body.String()) {
			wrong = append(wrong, misfits(o.Components.Schemas, media.Schema.Items, event)...)
		}
	}
	if kind == problemType {
		var p Problem
		if err := json.Unmarshal(seen.body.Bytes(), &p); err != nil || media.Examples[p.Code] == nil {
			wrong = append(wrong, fmt.Sprintf("%s may not answer with the code %q: say so in codesOf", op.OperationID, p.Code))
		}
	}
	return wrong
}

// misfits validates JSON. Beside what the schema says, objects have no fields that it doesn't name.
func misfits(registry huma.Registry, schema *huma.Schema, raw []byte) (wrong []string) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return []string{err.Error()}
	}
	res := &huma.ValidateResult{}
	huma.Validate(registry, schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, res)
	for _, err := range res.Errors {
		wrong = append(wrong, err.Error())
	}
	return wrong
}

// wholeEvents gives the events of a stream as the document describes them.
func wholeEvents(stream string) (events [][]byte) {
	blocks := strings.Split(stream, "\n\n")
	for _, block := range blocks[:len(blocks)-1] {
		var name, data string
		for line := range strings.SplitSeq(block, "\n") {
			field, value, _ := strings.Cut(line, ": ")
			switch field {
			case "event":
				name = value
			case "data":
				data = value
			}
		}
		if data != "" {
			events = append(events, fmt.Appendf(nil, `{"event":%q,"data":%s}`, name, data))
		}
	}
	return events
}

// The document tells who reads it what to send, what comes back, and what can go wrong; its examples are true to its own schemas.
func TestOperationsAreDescribed(t *testing.T) {
	o := newHarness(t, nil).server.api.OpenAPI()
	for name, op := range operationsOf(o) {
		if len(op.Summary) < 4 || strings.HasSuffix(op.Summary, ".") {
			t.Errorf("%s: summary %q", name, op.Summary)
		}
		if op.RequestBody != nil {
			checkExamples(t, o, name+" request", op.RequestBody.Content)
		}
		good, bad := 0, 0
		for status, response := range op.Responses {
			checkExamples(t, o, name+" "+status, response.Content)
			if response.Description == "" {
				t.Errorf("%s: %s isn't described", name, status)
			}
			if status < "400" {
				good++
				continue
			}
			bad++
			media := response.Content[problemType]
			if media == nil || len(media.Examples) == 0 {
				t.Errorf("%s: %s has no codes", name, status)
			}
		}
		if good == 0 || bad < 3 {
			t.Errorf("%s: %d good answers, %d errors", name, good, bad)
		}
	}
}

func checkExamples(t *testing.T, o *huma.OpenAPI, where string, content map[string]*huma.MediaType) {
	t.Helper()
	for kind, media := range content {
		examples := []any{media.Example}
		for code, example := range media.Examples {
			p, ok := example.Value.(Problem)
			if !ok || p.Code != code || p.Detail == "" || example.Summary == "" {
				t.Errorf("%s, %s: example %+v", where, code, example.Value)
			}
			examples = append(examples, example.Value)
		}
		if kind == "application/octet-stream" {
			continue
		}
		for i, example := range examples {
			if example == nil {
				if i == 0 && len(examples) == 1 {
					t.Errorf("%s: no example of %s", where, kind)
				}
				continue
			}
			raw, err := json.Marshal(example)
			if err != nil {
				t.Fatal(err)
			}
			for _, wrong := range misfits(o.Components.Schemas, media.Schema, raw) {
				t.Errorf("%s: the example %s: %s", where, raw, wrong)
			}
		}
	}
}

// What checks answers finds what is wrong with them.
func TestContractFindsBreaches(t *testing.T) {
	h := newHarness(t, nil)
	o := h.server.api.OpenAPI()
	op := operationsOf(o)["GET "+prefix+"/documents/{id}"]
	good, err := json.Marshal(op.Responses["200"].Content["application/json"].Example)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		status int
		kind   string
		body   string
		cache  string
		right  bool
	}{
		{"the example", 200, "application/json", string(good), "no-store", true},
		{"a status that isn't described", 418, "application/json", "{}", "no-store", false},
		{"another type", 200, "text/html", string(good), "no-store", false},
		{"a field missing", 200, "application/json", `{}`, "no-store", false},
		{"a field too many", 200, "application/json", strings.Replace(string(good), "{", `{"secret":1,`, 1), "no-store", false},
		{"a field of another type", 200, "application/json", strings.Replace(string(good), `"Plans for spring"`, "7", 1), "no-store", false},
		{"an error", 404, problemType, `{"type":"about:blank","title":"Not Found","status":404,"detail":"no","code":"not_found"}`, "no-store", true},
		{"an error of another code", 404, problemType, `{"type":"about:blank","title":"Not Found","status":404,"detail":"no","code":"last_owner"}`, "no-store", false},
		{"an answer that others may keep", 200, "application/json", string(good), "public, max-age=60", false},
	} {
		rec := httptest.NewRecorder()
		for name, value := range map[string]string{"Content-Type": tt.kind, "Cache-Control": tt.cache, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
			rec.Header().Set(name, value)
		}
		seen := &witness{ResponseWriter: rec}
		seen.WriteHeader(tt.status)
		if _, err := seen.Write([]byte(tt.body)); err != nil {
			t.Fatal(err)
		}
		if wrong := breaches(o, op, seen); (len(wrong) == 0) != tt.right {
			t.Errorf("%s: %q", tt.name, wrong)
		}
	}
}
