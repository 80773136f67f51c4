package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

// The stable codes of problems, part of the API.
const (
	codeBadRequest   = "bad_request"
	codeUnauth       = "unauthenticated"
	codeCredentials  = "invalid_credentials"
	codeForbidden    = "forbidden"
	codeScope        = "insufficient_scope"
	codeCrossSite    = "cross_site"
	codeNotFound     = "not_found"
	codeLinkInvalid  = "link_invalid"
	codeMethod       = "method_not_allowed"
	codeConflict     = "conflict"
	codeGuestLimited = "guest_limited"
	codeAboveLender  = "above_lender"
	codeManyGuests   = "too_many_guests"
	codeManyMembers  = "too_many_members"
	codeSetupDone    = "setup_done"
	codeLastOwner    = "last_owner"
	codeOtherRequest = "idempotency_mismatch"
	codeSameRequest  = "idempotency_busy"
	codeLastAdmin    = "last_admin"
	codeGone         = "gone"
	codePrecondition = "precondition_failed"
	codeTooLarge     = "too_large"
	codeMediaType    = "unsupported_media_type"
	codeValidation   = "validation"
	codeManyAttempts = "too_many_attempts"
	codeManyStreams  = "too_many_streams"
	codeInternal     = "internal"
	codeDamaged      = "document_damaged"
	codeTangled      = "document_tangled"
	codeUnavailable  = "unavailable"
)

// problemType is the media type of RFC 9457.
const problemType = "application/problem+json"

// Problem is the body of every error (RFC 9457), with a code that programs can rely on.
type Problem struct {
	Type   string         `json:"type" doc:"Always about:blank: the code says more." example:"about:blank"`
	Title  string         `json:"title" doc:"The status in words." example:"Not Found"`
	Status int            `json:"status" doc:"The HTTP status." example:"404"`
	Detail string         `json:"detail" doc:"What went wrong, for a person." example:"no such document"`
	Code   string         `json:"code" doc:"What went wrong, for a program; stable." example:"not_found"`
	Errors []ProblemField `json:"errors,omitempty" doc:"What is wrong with which part of the request."`

	header http.Header
}

// ProblemField names one part of a request that is not valid. The value itself is never repeated: it may be a password.
type ProblemField struct {
	Location string `json:"location" doc:"Where, such as body.title." example:"body.title"`
	Message  string `json:"message" doc:"What is wrong with it." example:"expected string"`
}

// Error gives the text for a person.
func (p *Problem) Error() string { return p.Detail }

// GetStatus tells huma the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders tells huma what headers belong to the answer.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType tells huma the media type.
func (p *Problem) ContentType(string) string { return problemType }

// problem makes a Problem of a status, a code and a text for a person.
func problem(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code}
}

// invalid is the answer to a field that says something that can't be.
func invalid(location, message string) *Problem {
	p := problem(http.StatusUnprocessableEntity, codeValidation, message)
	p.Errors = []ProblemField{{Location: location, Message: message}}
	return p
}

// retryAfter adds when to come back, in whole seconds, at least one.
func (p *Problem) retryAfter(d time.Duration) *Problem {
	p.header = http.Header{"Retry-After": {strconv.Itoa(max(1, int((d+time.Second-1)/time.Second)))}}
	return p
}

// problemOf is the one place that turns errors into answers. What it doesn't know is logged and answered with 500 and no detail.
func (s *Server) problemOf(ctx context.Context, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	switch {
	case errors.Is(err, errNoDocument), errors.Is(err, errNoAccess):
		return problem(http.StatusNotFound, codeNotFound, "no such document")
	case errors.Is(err, errGone), errors.Is(err, store.ErrDeleted):
		return problem(http.StatusGone, codeGone, "this document is in the trash")
	case errors.Is(err, errRole):
		return problem(http.StatusForbidden, codeForbidden, "your role in this document doesn't allow that")
	case errors.Is(err, store.ErrNotFound):
		return problem(http.StatusNotFound, codeNotFound, "not found")
	case errors.Is(err, store.ErrConflict):
		return problem(http.StatusConflict, codeConflict, "that exists already")
	case errors.Is(err, store.ErrSetupDone):
		return problem(http.StatusConflict, codeSetupDone, "the first account exists already: log in")
	case errors.Is(err, store.ErrLastOwner):
		return problem(http.StatusConflict, codeLastOwner, "a document needs an owner: make somebody else owner first")
	case errors.Is(err, store.ErrLastAdmin):
		return problem(http.StatusConflict, codeLastAdmin, "an installation needs an admin: make somebody else admin first")
	case errors.Is(err, store.ErrLimited):
		return problem(http.StatusForbidden, codeGuestLimited, sentenceOf(codeGuestLimited))
	case errors.Is(err, store.ErrAboveLender):
		return problem(http.StatusConflict, codeAboveLender, sentenceOf(codeAboveLender))
	case errors.Is(err, store.ErrTooMany): // of an API key's guests: see guest
		return problem(http.StatusConflict, codeManyMembers, sentenceOf(codeManyMembers))
	case errors.Is(err, store.ErrBadCursor):
		return invalid("query.cursor", "not a cursor of this list")
	case errors.Is(err, errBusy):
		return problem(http.StatusServiceUnavailable, codeUnavailable, "too busy at the moment").retryAfter(time.Second)
	case errors.Is(err, collab.ErrStopping):
		return problem(http.StatusServiceUnavailable, codeUnavailable, "this node is going away").retryAfter(time.Second)
	case errors.Is(err, store.ErrUnavailable):
		s.log.WarnContext(ctx, "the database does not answer", "error", err)
		return problem(http.StatusServiceUnavailable, codeUnavailable, "the database does not answer at the moment").retryAfter(time.Second)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return problem(http.StatusServiceUnavailable, codeUnavailable, "that took too long").retryAfter(time.Second)
	}
	s.log.ErrorContext(ctx, "request failed", "error", err)
	return problem(http.StatusInternalServerError, codeInternal, "something went wrong on our side")
}

// writeProblem answers outside huma.
func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := s.problemOf(r.Context(), err)
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		s.log.DebugContext(r.Context(), "write problem", "error", err)
	}
}

// ownProblems turns the errors of huma's own checks of requests into ours; it is a huma.Transformer.
func (s *Server) ownProblems(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	if p, refused := refusal(ctx); refused {
		return p, nil
	}
	codes := map[int]string{
		http.StatusRequestEntityTooLarge: codeTooLarge,
		http.StatusUnsupportedMediaType:  codeMediaType,
		http.StatusUnprocessableEntity:   codeValidation,
	}
	p := problem(m.Status, codes[m.Status], m.Detail)
	if m.Status >= http.StatusInternalServerError {
		s.log.LogAttrs(ctx.Context(), slog.LevelWarn, "request failed before it was handled", slog.String("error", fmt.Sprint(m.Detail, m.Errors)))
		p.Code, p.Detail = codeInternal, "something went wrong on our side"
		return p, nil
	}
	if p.Code == "" {
		p.Code = codeBadRequest
	}
	for _, e := range m.Errors {
		p.Errors = append(p.Errors, ProblemField{Location: e.Location, Message: e.Message})
	}
	return p, nil
}
