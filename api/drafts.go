package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

const (
	// maxDraftBody bounds a request that brings a document's first content.
	maxDraftBody = 8 << 20
	// draftTime is how long such a request may take to arrive.
	draftTime = 30 * time.Second
	// draftsAtOnce is how many bodies of more than maxBodyBytes are read and checked at once on a node: each takes several times its size in memory.
	draftsAtOnce = 4
	// duplicatesPerSecond and duplicateBurst bound how often an account duplicates: a small request that can take much room in the database.
	duplicatesPerSecond = 0.5
	duplicateBurst      = 30
	// textRoot is where documents of the kind text have their text.
	textRoot = "codemirror"
)

// The formats in which first content comes.
const (
	formatYjs  = "yjs"
	formatText = "text"
)

type createDocumentInput struct {
	Body struct {
		Title   string `json:"title"`
		Key     string `json:"key,omitempty" doc:"A unique name of your own: an existing one that is yours answers 200. Letters, digits and . _ ~ : @ -"`
		Kind    string `json:"kind,omitempty" enum:"rich,text" default:"rich" doc:"rich: formatted text. text: plain text or code."`
		Content string `json:"content,omitempty" doc:"What it begins with." example:"AQHr+7WICQAEAQpjb2RlbWlycm9yBUhlbGxvAA=="`
		Format  string `json:"format,omitempty" enum:"yjs,text" doc:"Of content. yjs: a Yjs update, v1, of a whole document, in base64. text: the text itself, for the kind text. Left out: text for the kind text, yjs for others."`
	}
}

type createDocumentOutput struct {
	Status   int
	Location string `header:"Location"`
	ETag     string `header:"ETag" doc:"Changes with everything that the entry says, but for updatedAt, which moves with each edit."`
	Body     Document
}

// createdAnswer is the answer to who created a document, or asked for one that there was.
func createdAnswer(d store.Document, created bool) (*createDocumentOutput, error) {
	entry, err := documentAnswer(d)
	if err != nil {
		return nil, err
	}
	out := &createDocumentOutput{Status: http.StatusOK, Location: prefix + "/documents/" + d.ID.String(), ETag: entry.ETag, Body: *entry.Body}
	if created {
		out.Status = http.StatusCreated
	}
	return out, nil
}

func (s *Server) createDocument(ctx context.Context, in *createDocumentInput) (*createDocumentOutput, error) {
	// What took long to arrive has the time of any other request from here on.
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	title, err := cleanTitle(in.Body.Title)
	if err != nil {
		return nil, err
	}
	if err := checkKey(in.Body.Key); err != nil {
		return nil, err
	}
	kind := store.DocumentKind(in.Body.Kind)
	draft, err := s.draftOf(kind, in.Body.Format, in.Body.Content)
	if err != nil {
		return nil, err
	}
	me := callerOf(ctx).user.ID
	d, created, err := s.store.CreateDocument(ctx, store.Document{Key: in.Body.Key, Title: title, Kind: kind, Owner: me}, draft.Update)
	if errors.Is(err, store.ErrConflict) {
		return nil, problem(http.StatusConflict, codeConflict, "this key belongs to somebody else's document")
	}
	if err != nil {
		return nil, fmt.Errorf("create document: %w", err)
	}
	if created {
		s.audit(ctx, didCreate, d.ID.String(), d.Title, d.Key)
		// Without it the document is as good; only, others could go on under the client ids with which it was made.
		if err := s.hub.Claim(ctx, d.ID, me, draft.Clients); err != nil {
			s.log.WarnContext(ctx, "the client ids of a new document's content stay unbound", "document", d.ID, "error", err)
		}
	}
	return createdAnswer(d, created)
}

// draftOf checks what a document is to begin with.
func (s *Server) draftOf(kind store.DocumentKind, format, content string) (collab.Draft, error) {
	if format == "" {
		format = formatYjs
		if kind == store.KindText {
			format = formatText
		}
	}
	if content == "" {
		return collab.Draft{}, nil
	}
	var update []byte
	switch {
	case format == formatText && kind != store.KindText:
		return collab.Draft{}, invalid("body.format", "only documents of the kind text begin with a text")
	case format == formatText && !utf8.ValidString(content):
		return collab.Draft{}, invalid("body.content", "that is no text in UTF-8")
	case format == formatText:
		update = collab.TextDraft(textRoot, content)
	default:
		var err error
		if update, err = base64.StdEncoding.DecodeString(content); err != nil {
			return collab.Draft{}, invalid("body.content", "that is no base64")
		}
	}
	draft, err := s.hub.CheckDraft(update)
	switch {
	case errors.Is(err, collab.ErrTooLarge):
		return collab.Draft{}, problem(http.StatusRequestEntityTooLarge, codeTooLarge, err.Error())
	case errors.Is(err, collab.ErrIncomplete):
		return collab.Draft{}, invalid("body.content", "the update isn't a whole document: it refers to what it doesn't have")
	case errors.Is(err, collab.ErrMalformed):
		return collab.Draft{}, invalid("body.content", "that is no Yjs update (v1)")
	case err != nil:
		return collab.Draft{}, fmt.Errorf("check content: %w", err)
	}
	return draft, nil
}

type duplicateDocumentInput struct {
	DocumentPath
	Body *struct {
		Title string `json:"title,omitempty" doc:"Of the copy; left out: that of the document, with (copy) behind it."`
	}
}

func (s *Server) duplicateDocument(ctx context.Context, in *duplicateDocumentInput) (*createDocumentOutput, error) {
	me := callerOf(ctx).user.ID
	a, err := s.authorize(ctx, me, in.ID, toRead)
	if err != nil {
		return nil, err
	}
	if ok, wait := s.duplicates.take(me.String()); !ok {
		return nil, problem(http.StatusTooManyRequests, codeManyAttempts, "too many duplicates: wait a little").retryAfter(wait)
	}
	if err := s.copies.begin(ctx, me); err != nil {
		return nil, err
	}
	defer s.copies.end(me)
	of, err := s.store.Document(ctx, a.Document, me)
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	title := copyTitle(of.Title)
	if in.Body != nil && in.Body.Title != "" {
		if title, err = cleanTitle(in.Body.Title); err != nil {
			return nil, err
		}
	}
	c, err := s.committed(ctx, a.Document)
	if err != nil {
		return nil, err
	}
	var content []byte
	if c.Seq > 0 {
		content = c.Update
	}
	// The client ids in it stay unbound: no editing session goes on under them in the copy.
	d, _, err := s.store.CreateDocument(ctx, store.Document{Title: title, Kind: of.Kind, Owner: me}, content)
	if err != nil {
		return nil, fmt.Errorf("create the copy: %w", err)
	}
	s.audit(ctx, didDuplicate, d.ID.String(), d.Title, "of "+of.ID.String())
	return createdAnswer(d, true)
}

// copyTitle is the title of a copy, cut where it would be too long.
func copyTitle(title string) string {
	const mark = " (copy)"
	if chars := []rune(title); len(chars) > maxTitleChars-len(mark) {
		title = string(chars[:maxTitleChars-len(mark)])
	}
	return title + mark
}

// uploads are the large bodies that are on their way. It may be used concurrently.
type uploads struct {
	mu sync.Mutex
	by map[store.UserID]struct{} // guarded by mu: one of an account at a time
}

func newUploads() *uploads { return &uploads{by: make(map[store.UserID]struct{})} }

func (u *uploads) begin(user store.UserID) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, busy := u.by[user]; busy {
		return problem(http.StatusTooManyRequests, codeManyAttempts, "one large request of an account at a time").retryAfter(time.Second)
	}
	if len(u.by) >= draftsAtOnce {
		return errBusy
	}
	u.by[user] = struct{}{}
	return nil
}

func (u *uploads) end(user store.UserID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.by, user)
}

// bounded is a middleware that bounds how many large bodies are read at once.
func (s *Server) bounded(ctx huma.Context, next func(huma.Context)) {
	r, w := humachi.Unwrap(ctx)
	if r.ContentLength >= 0 && r.ContentLength <= maxBodyBytes {
		next(ctx)
		return
	}
	user := callerOf(ctx.Context()).user.ID
	if err := s.uploads.begin(user); err != nil {
		s.writeProblem(w, r, err)
		return
	}
	defer s.uploads.end(user)
	next(ctx)
}
