package api

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

// cookieScheme is the name of the session cookie's security scheme in the description.
const cookieScheme = "session"

// keyScheme is the name of the API keys' security scheme in the description.
const keyScheme = "apiKey"

// Swagger UI 5.35.0 is the distribution's bundle and style, packed, with its licences.
//
//go:embed docs/index.html docs/docs.js docs/docs.css docs/swagger-ui
var docsFiles embed.FS

// describe begins the OpenAPI document; the operations add themselves.
func describe() *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: "BizSync", Version: "1", Description: "Documents that several people edit at once. " +
			"Errors are problems (RFC 9457) with a stable `code`. Lists take `limit` and `cursor`. " +
			"The collaboration sockets are at `/collab/{documentId or key}`, where they speak y-websocket, and at `/collab`, where they speak the Hocuspocus protocol; " +
			"they are opened with the session cookie or a collaboration token."},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{cookieScheme: {Type: "apiKey", In: "cookie", Name: sessionCookie,
				Description: "Set by logging in. HttpOnly; state changes from other sites are refused."},
				keyScheme: {Type: "http", Scheme: "bearer", BearerFormat: "bsk_...", Description: "An API key, within its scopes. Beside it the cookie doesn't count."}},
		},
		Tags: []*huma.Tag{{Name: "Set-up", Description: "The first account, and invitations."}, {Name: "Session", Description: "Logging in and out."},
			{Name: "Users", Description: "Accounts."}, {Name: "Documents", Description: "The catalogue, the content, and who is there."},
			{Name: "Members", Description: "Who may do what in a document."}, {Name: "Tokens", Description: "For opening sockets."},
			{Name: "API keys", Description: "For programs."}, {Name: "Notices", Description: "What others did to my access."}, {Name: "Administration", Description: "The whole installation, for admins."}},
	}
}

// finishDescription adds what is said of all operations alike, errors and examples, and gives the handler of the finished document.
func finishDescription(o *huma.OpenAPI) (http.HandlerFunc, error) {
	schema := o.Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	for _, item := range o.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			for text, response := range op.Responses {
				status, err := strconv.Atoi(text)
				if err != nil {
					return nil, fmt.Errorf("describe %s: %w", op.OperationID, err)
				}
				describeErrors(op, status, response, schema)
			}
			if created, existing := op.Responses["201"], op.Responses["200"]; created != nil && existing != nil {
				existing.Headers = created.Headers // what was made before is told as what is made now
			}
			if err := describeExamples(o.Components.Schemas, op); err != nil {
				return nil, err
			}
		}
	}
	delete(o.Components.Schemas.Map(), "ErrorModel")
	delete(o.Components.Schemas.Map(), "ErrorDetail")
	document, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write OpenAPI document: %w", err)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(document) // the client went away, if anything
	}, nil
}

// docsPolicy is the content security policy of the readable form: unlike the application it shows no pictures from elsewhere.
const docsPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docsRoutes serves the readable form of the document, with nothing from elsewhere.
func docsRoutes(r chi.Router) {
	for path, file := range map[string]struct{ name, kind string }{
		"/docs": {"index.html", "text/html; charset=utf-8"}, "/docs/docs.js": {"docs.js", "text/javascript; charset=utf-8"}, "/docs/docs.css": {"docs.css", "text/css; charset=utf-8"},
		"/docs/swagger-ui.css":       {"swagger-ui/swagger-ui.css.gz", "text/css; charset=utf-8"},
		"/docs/swagger-ui-bundle.js": {"swagger-ui/swagger-ui-bundle.js.gz", "text/javascript; charset=utf-8"},
		"/docs/licenses":             {"swagger-ui/LICENSES.txt", "text/plain; charset=utf-8"},
	} {
		r.Get(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", file.kind)
			w.Header().Set("Cache-Control", "no-cache")
			w.Header().Set("Content-Security-Policy", docsPolicy)
			if err := serveDocs(w, r, "docs/"+file.name); err != nil {
				panic(err) // it is part of the binary
			}
		})
	}
}

// serveDocs sends a file of the readable form. Those that are packed are unpacked for who doesn't take them so.
func serveDocs(w http.ResponseWriter, r *http.Request, name string) error {
	b, err := docsFiles.ReadFile(name)
	if err != nil {
		return err
	}
	if !strings.HasSuffix(name, ".gz") {
		_, _ = w.Write(b) // the client went away, if anything
		return nil
	}
	w.Header().Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(b)
		return nil
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	_, _ = io.Copy(w, unpacked)
	return nil
}
