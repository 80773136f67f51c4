package api

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Keys of an operation's metadata: what it itself answers.
const (
	forbids   = "forbids"   // 403 to some who are signed in
	conflicts = "conflicts" // 409
)

// codesOf gives the codes with which an operation answers a status, each with a sentence for an example. What isn't special about an operation follows from the status.
func codesOf(op *huma.Operation, status int) []Problem {
	var codes []string
	switch op.OperationID + " " + http.StatusText(status) {
	case "login Unauthorized":
		codes = []string{codeCredentials}
	case "changePassword Forbidden":
		codes = append(usualCodes(op, status), codeCredentials)
	case "setup Not Found", "acceptInvitation Not Found":
		codes = []string{codeLinkInvalid}
	case "setup Conflict":
		codes = []string{codeSetupDone}
	case "changeUser Conflict":
		codes = []string{codeLastAdmin}
	case "deleteUser Conflict":
		codes = []string{codeConflict, codeLastAdmin}
	case "setMember Conflict":
		codes = []string{codeLastOwner, codeAboveLender, codeManyMembers}
	case "removeMember Conflict":
		codes = []string{codeLastOwner}
	case "changeDocument Conflict":
		codes = []string{codeConflict, codeManyMembers}
	case "createToken Forbidden":
		codes = append(usualCodes(op, status), codeGuestLimited)
	case "createToken Conflict":
		codes = []string{codeSameRequest, codeManyGuests, codeManyMembers}
	case "getContent Conflict":
		codes = []string{codeDamaged}
	case "duplicateDocument Conflict":
		codes = []string{codeSameRequest, codeDamaged}
	case "followEditors Too Many Requests", "followEveryone Too Many Requests", "streamNotices Too Many Requests":
		codes = []string{codeManyStreams}
	case "getContent Unprocessable Entity":
		codes = []string{codeValidation, codeTangled}
	default:
		codes = usualCodes(op, status)
	}
	problems := make([]Problem, len(codes))
	for i, code := range codes {
		problems[i] = *problem(status, code, sentenceOf(code))
	}
	return problems
}

// usualCodes gives the codes of a status that need no saying.
func usualCodes(op *huma.Operation, status int) (codes []string) {
	if status == http.StatusForbidden {
		if op.Metadata[forbids] != nil {
			codes = append(codes, codeForbidden)
		}
		if len(op.Security) > 0 {
			codes = append(codes, codeScope)
		}
		if op.Method != http.MethodGet {
			codes = append(codes, codeCrossSite)
		}
		return codes
	}
	usual := map[int]string{
		http.StatusBadRequest: codeBadRequest, http.StatusUnauthorized: codeUnauth, http.StatusNotFound: codeNotFound, http.StatusConflict: codeConflict, http.StatusGone: codeGone, http.StatusPreconditionFailed: codePrecondition,
		http.StatusRequestEntityTooLarge: codeTooLarge, http.StatusUnsupportedMediaType: codeMediaType, http.StatusUnprocessableEntity: codeValidation,
		http.StatusTooManyRequests: codeManyAttempts, http.StatusInternalServerError: codeInternal, http.StatusServiceUnavailable: codeUnavailable,
	}
	code, ok := usual[status]
	if ok && !(status == http.StatusConflict && op.Metadata[conflicts] == nil) {
		codes = append(codes, code)
	}
	if idempotent(op.OperationID) {
		switch status {
		case http.StatusConflict:
			codes = append(codes, codeSameRequest)
		case http.StatusUnprocessableEntity:
			codes = append(codes, codeOtherRequest)
		}
	}
	return codes
}

// sentenceOf is what a problem of a code may say to a person, for the description.
func sentenceOf(code string) string {
	switch code {
	case codeBadRequest:
		return "the request can't be read"
	case codeUnauth:
		return "log in first"
	case codeCredentials:
		return "email or password is wrong"
	case codeForbidden:
		return "you may not do that"
	case codeScope:
		return "this API key hasn't the scope that it takes"
	case codeCrossSite:
		return "another site may not change anything here in your name"
	case codeNotFound:
		return "there is nothing of that name, or you may not see it"
	case codeLinkInvalid:
		return "this link was used already, is too old, or was never made"
	case codeConflict:
		return "that exists already"
	case codeGuestLimited:
		return "an owner of the document has removed this person, or left them a lower role"
	case codeAboveLender:
		return "a person of another system can't have more rights here than the member whose API key let them in"
	case codeManyGuests:
		return "this API key has as many people of another system as it may"
	case codeManyMembers:
		return "this document has as many members as it may"
	case codeSetupDone:
		return "the first account exists already: log in"
	case codeLastOwner:
		return "a document needs an owner: make somebody else owner first"
	case codeLastAdmin:
		return "an installation needs an admin: make somebody else admin first"
	case codeOtherRequest:
		return "this Idempotency-Key was used for another request"
	case codeSameRequest:
		return "the same request is being done at this moment"
	case codeGone:
		return "this document is in the trash"
	case codePrecondition:
		return "the document has changed since: read it again"
	case codeTooLarge:
		return "request body is too large"
	case codeMediaType:
		return "unknown content type"
	case codeValidation:
		return "validation failed"
	case codeManyAttempts:
		return "too many attempts: wait a little"
	case codeManyStreams:
		return "too many event streams of this account are open"
	case codeInternal:
		return "something went wrong on our side"
	case codeDamaged:
		return "the document is damaged: it can't be read to its end, and an administrator has to repair it"
	case codeTangled:
		return "the document's text takes too long to put in order; its state can be had with format=yjs"
	case codeUnavailable:
		return "the database does not answer at the moment"
	}
	return ""
}

// describeErrors puts our Problem where huma described its own error model, and says with which codes an operation answers a status.
func describeErrors(op *huma.Operation, status int, response *huma.Response, schema *huma.Schema) {
	media := response.Content[problemType]
	if media == nil {
		return
	}
	media.Schema = schema
	media.Examples = make(map[string]*huma.Example)
	var names []string
	for _, p := range codesOf(op, status) {
		if p.Code == codeValidation {
			p.Errors = []ProblemField{{Location: "body.title", Message: "expected string"}}
		}
		names = append(names, "`"+p.Code+"`")
		media.Examples[p.Code] = &huma.Example{Summary: p.Detail, Value: p}
	}
	response.Description = http.StatusText(status) + ": " + strings.Join(names, ", ")
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || media.Examples[codeSameRequest] != nil {
		response.Headers = map[string]*huma.Param{"Retry-After": {Description: "Try again after so many seconds.", Schema: &huma.Schema{Type: huma.TypeInteger}}}
	}
}
