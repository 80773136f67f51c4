package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

type contentInput struct {
	DocumentPath
	Format      string `query:"format" enum:"text,markdown,html,json,yjs" default:"text" doc:"text: the plain text. markdown, html: a rich document in that form; of a plain text the text as it stands, in html in a pre element. json: a rich document as ProseMirror's JSON, a plain text as its delta (a list of {insert, attributes}). yjs: the state as a Yjs update, v1."`
	Field       string `query:"field" maxLength:"256" doc:"Which root type, with any format but yjs; left out, the only one, or default."`
	IfNoneMatch string `header:"If-None-Match" maxLength:"1024" doc:"ETags that the caller has."`
}

type contentOutput struct {
	Status       int
	ContentType  string `header:"Content-Type"`
	ETag         string `header:"ETag" doc:"Changes with every change of the content."`
	CacheControl string `header:"Cache-Control"`
	Body         []byte
}

func (s *Server) contentRoutes() {
	register(s, huma.Operation{OperationID: "getContent", Method: http.MethodGet, Path: prefix + "/documents/{id}/content", Tags: []string{"Documents"}, Summary: "Read a document's content",
		Description: "The committed content of this moment. 409 `document_damaged` when what is stored can't be read to its end.", Errors: []int{http.StatusNotFound, http.StatusGone, http.StatusConflict, http.StatusUnprocessableEntity},
		Responses: map[string]*huma.Response{
			"200": {Description: "The content", Content: map[string]*huma.MediaType{
				"text/plain; charset=utf-8":    {Schema: &huma.Schema{Type: huma.TypeString}},
				"text/markdown; charset=utf-8": {Schema: &huma.Schema{Type: huma.TypeString}, Example: "# Plans\n"},
				"text/html; charset=utf-8":     {Schema: &huma.Schema{Type: huma.TypeString}, Example: "<h1>Plans</h1>"},
				"application/json":             {Schema: &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeObject}, {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject}}}}, Example: map[string]any{"type": "doc", "content": []any{}}},
				"application/octet-stream":     {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
			}},
			"304": {Description: "The caller has it already"},
		}}, signedIn, s.getContent)
}

func (s *Server) getContent(ctx context.Context, in *contentInput) (*contentOutput, error) {
	a, err := s.authorize(ctx, callerOf(ctx).user.ID, in.ID, toRead)
	if err != nil {
		return nil, err
	}
	c, err := s.committed(ctx, a.Document)
	if err != nil {
		return nil, err
	}
	out := &contentOutput{Status: http.StatusOK, ETag: fmt.Sprintf(`"%s.%d"`, c.Epoch, c.Seq), CacheControl: "private, no-cache"}
	if matchesETag(in.IfNoneMatch, out.ETag) {
		out.Status = http.StatusNotModified
		return out, nil
	}
	if in.Format == "yjs" {
		out.ContentType, out.Body = "application/octet-stream", c.Update
		return out, nil
	}
	switch in.Format {
	case formatMarkdown, formatHTML, formatJSON:
		var entry store.Document
		if entry, err = s.store.Document(ctx, a.Document, callerOf(ctx).user.ID); err != nil {
			return nil, fmt.Errorf("read document: %w", err)
		}
		out.ContentType, out.Body, err = render(c, entry.Kind, in.Field, in.Format)
	default:
		var text string
		text, err = c.Text(in.Field)
		out.ContentType, out.Body = "text/plain; charset=utf-8", []byte(text)
	}
	if errors.Is(err, crdt.ErrTangled) {
		return nil, problem(http.StatusUnprocessableEntity, codeTangled, "the document's text takes too long to put in order; its state can be had with format=yjs")
	}
	if err != nil {
		return nil, fmt.Errorf("read content as %s: %w", in.Format, err)
	}
	return out, nil
}

// committed gives the committed content of a document.
func (s *Server) committed(ctx context.Context, doc store.DocumentID) (collab.Content, error) {
	c, err := s.hub.Content(ctx, doc)
	if errors.Is(err, collab.ErrDamaged) {
		return collab.Content{}, problem(http.StatusConflict, codeDamaged, sentenceOf(codeDamaged))
	}
	if err != nil {
		return collab.Content{}, fmt.Errorf("read content: %w", err)
	}
	return c, nil
}

// matchesETag compares weakly, as If-None-Match asks for (RFC 9110, 13.1.2). Our tags hold no comma.
func matchesETag(header, etag string) bool {
	return anyTag(header, func(tag string) bool { return strings.TrimPrefix(tag, "W/") == etag })
}

// matchesStrongly compares as If-Match asks for (RFC 9110, 13.1.1): a weak tag matches nothing.
func matchesStrongly(header, etag string) bool {
	return anyTag(header, func(tag string) bool { return tag == etag })
}

// anyTag says whether one of a header's tags is the one, or "*", which stands for all.
func anyTag(header string, is func(tag string) bool) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || is(tag) {
			return true
		}
	}
	return false
}

// etagOf makes the strong tag of what is sent as JSON.
func etagOf(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("make an ETag: %w", err)
	}
	sum := sha256.Sum256(b)
	return `"` + hex.EncodeToString(sum[:16]) + `"`, nil
}
