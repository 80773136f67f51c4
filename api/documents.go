package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

const (
	maxTitleChars = 500
	maxKeyBytes   = 128
	maxQueryChars = 200
)

// keyPattern is what a document's key may look like: it is put into URLs as it is.
var keyPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~:@-]{0,127}$`)

// Person is how an account appears to others.
type Person struct {
	ID   store.UserID `json:"id" format:"uuid"`
	Name string       `json:"name"`
}

// Document is a document's entry in the catalogue.
type Document struct {
	ID        store.DocumentID `json:"id" format:"uuid"`
	Key       string           `json:"key,omitempty" doc:"A unique name of your own."`
	Title     string           `json:"title"`
	Kind      string           `json:"kind" enum:"rich,text" doc:"rich: formatted text, in the XML fragment default. text: plain text or code, in the Y.Text codemirror."`
	Role      string           `json:"role" enum:"viewer,commenter,editor,owner" doc:"Yours."`
	Owner     Person           `json:"owner" doc:"Who created it, or to whom it was transferred."`
	CreatedAt time.Time        `json:"createdAt"`
	UpdatedAt time.Time        `json:"updatedAt" doc:"Of title, members or content."`
	DeletedAt *time.Time       `json:"deletedAt,omitempty" doc:"When it was moved to the trash."`
	ExpiresAt *time.Time       `json:"expiresAt,omitempty" doc:"When it is deleted for good if it stays there."`
}

func documentOf(d store.Document) Document {
	out := Document{ID: d.ID, Key: d.Key, Title: d.Title, Kind: string(d.Kind), Role: d.Role.String(), Owner: Person{ID: d.Owner, Name: d.OwnerName},
		CreatedAt: d.CreatedAt.UTC(), UpdatedAt: d.UpdatedAt.UTC()}
	if !d.DeletedAt.IsZero() {
		at := d.DeletedAt.UTC()
		end := at.Add(store.TrashTime)
		out.DeletedAt, out.ExpiresAt = &at, &end
	}
	return out
}

// DocumentPath names a document in a path.
type DocumentPath struct {
	ID string `path:"id" maxLength:"128" doc:"The document's id or key."`
}

// documentOutput is a document's entry; in the answer 304 without a body.
type documentOutput struct {
	Status int
	ETag   string `header:"ETag" doc:"Changes with everything that the entry says, but for updatedAt, which moves with each edit."`
	Body   *Document
}

// documentAnswer gives an entry with its tag.
func documentAnswer(d store.Document) (*documentOutput, error) {
	out := documentOf(d)
	// While people type, updatedAt moves all the time: with it in the tag nobody could rename the document on condition.
	said := out
	said.UpdatedAt = time.Time{}
	tag, err := etagOf(said)
	if err != nil {
		return nil, err
	}
	return &documentOutput{Status: http.StatusOK, ETag: tag, Body: &out}, nil
}

type listDocumentsInput struct {
	PageInput
	Query  string `query:"q" maxLength:"200" doc:"Only titles that contain this."`
	Filter string `query:"filter" enum:"owned,shared,trash" doc:"owned: of which I am an owner. shared: in which I have a lower role. trash: mine in the trash. Left out: all but the trash."`
	Sort   string `query:"sort" enum:"changed,title,created" default:"changed" doc:"changed, created: newest first; the trash by deletion with changed. title: without regard to case."`
}

type getDocumentInput struct {
	DocumentPath
	IfNoneMatch string `header:"If-None-Match" maxLength:"1024" doc:"ETags that the caller has."`
}

// ChangeCondition is on what a change depends.
type ChangeCondition struct {
	IfMatch string `header:"If-Match" maxLength:"1024" doc:"ETags of the entry: 412 when it has none of them any more."`
}

type deleteDocumentInput struct {
	DocumentPath
	ChangeCondition
	Forever bool `query:"forever" doc:"Delete it for good. It must be in the trash."`
}

type changeDocumentInput struct {
	DocumentPath
	ChangeCondition
	Body struct {
		Title *string       `json:"title,omitempty"`
		Key   *string       `json:"key,omitempty" doc:"Another unique name of your own; empty: none. Owners only."`
		Owner *store.UserID `json:"owner,omitempty" format:"uuid" doc:"The account to which the document is transferred: it becomes an owner, and its documents' list says that it is its own. Owners only; they stay members."`
	}
}

func (s *Server) documentRoutes() {
	tags := []string{"Documents"}
	one := []int{http.StatusNotFound, http.StatusGone}
	manage := append([]int{http.StatusForbidden}, one...)
	change := append([]int{http.StatusPreconditionFailed}, manage...)
	register(s, huma.Operation{OperationID: "listDocuments", Method: http.MethodGet, Path: prefix + "/documents", Tags: tags, Summary: "List my documents",
		Description: "`cursor` goes on with the `filter` and `sort` that it was made for."}, signedIn, s.listDocuments)
	register(s, huma.Operation{OperationID: "createDocument", Method: http.MethodPost, Path: prefix + "/documents", Tags: tags, Summary: "Create a document",
		Description: "201, or 200 with the existing document, as it is, when the key is one of yours. With `content` it begins with that: a Yjs update of a whole document (format `yjs`, base64 of v1), " +
			"which is checked as a client's is, or a plain text (format `text`, for the kind `text`). The request has at most 8 MiB; what is larger comes through the socket.",
		DefaultStatus: http.StatusCreated, MaxBodyBytes: maxDraftBody + 1, BodyReadTimeout: draftTime,
		Responses: map[string]*huma.Response{"200": {Description: "The document that has this key already", Content: map[string]*huma.MediaType{
			"application/json": {Schema: s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Document](), true, "Document")},
		}, Headers: map[string]*huma.Param{
			"Location": {Schema: &huma.Schema{Type: huma.TypeString}}, "ETag": {Schema: &huma.Schema{Type: huma.TypeString}, Description: "Changes with everything that the entry says, but for updatedAt, which moves with each edit."},
		}}},
		Errors: []int{http.StatusConflict, http.StatusGone, http.StatusTooManyRequests}}, signedIn, s.createDocument)
	register(s, huma.Operation{OperationID: "getDocument", Method: http.MethodGet, Path: prefix + "/documents/{id}", Tags: tags, Summary: "Read a document's entry",
		Responses: map[string]*huma.Response{"304": {Description: "The caller has it already"}}, Errors: one}, signedIn, s.getDocument)
	register(s, huma.Operation{OperationID: "duplicateDocument", Method: http.MethodPost, Path: prefix + "/documents/{id}/duplicate", Tags: tags, Summary: "Duplicate a document",
		Description:   "The copy is the caller's alone, and has the committed content of this moment.",
		DefaultStatus: http.StatusCreated, Errors: append([]int{http.StatusTooManyRequests}, one...)}, signedIn, s.duplicateDocument)
	register(s, huma.Operation{OperationID: "changeDocument", Method: http.MethodPatch, Path: prefix + "/documents/{id}", Tags: tags, Summary: "Rename or transfer a document",
		Description: "Editors and owners rename it; owners change its key and transfer it. What is left out stays; all else is changed, or nothing.", Errors: append([]int{http.StatusConflict}, change...)}, signedIn, s.changeDocument)
	register(s, huma.Operation{OperationID: "deleteDocument", Method: http.MethodDelete, Path: prefix + "/documents/{id}", Tags: tags, Summary: "Move a document to the trash",
		Description:   "Owners. Closes its sockets with 4404. It is deleted for good after 30 days, or with `forever`, which takes it from the trash at once: nobody can bring it back then.",
		DefaultStatus: http.StatusNoContent, Errors: append([]int{http.StatusConflict}, change...)}, signedIn, s.deleteDocument)
	register(s, huma.Operation{OperationID: "restoreDocument", Method: http.MethodPost, Path: prefix + "/documents/{id}/restore", Tags: tags, Summary: "Bring a document back from the trash",
		Description: "Owners.", DefaultStatus: http.StatusOK, Errors: []int{http.StatusForbidden, http.StatusNotFound}}, signedIn, s.restoreDocument)
}

func cleanTitle(title string) (string, error) {
	title = strings.TrimSpace(title)
	if !plainText(title, maxTitleChars) {
		return "", invalid("body.title", fmt.Sprintf("a title has 1 to %d characters, all of them printable", maxTitleChars))
	}
	return title, nil
}

// checkKey refuses keys that could be taken for an id: names are tried as a key first, so such a key would stand in front of somebody's document.
func checkKey(key string) error {
	if _, err := uuid.Parse(key); err == nil || key != "" && !keyPattern.MatchString(key) {
		return invalid("body.key", fmt.Sprintf("a key has up to %d letters, digits and . _ ~ : @ -, begins with a letter or digit, and doesn't look like an id", maxKeyBytes))
	}
	return nil
}

func (s *Server) listDocuments(ctx context.Context, in *listDocumentsInput) (*listOutput[Document], error) {
	q := store.DocumentQuery{Text: strings.TrimSpace(in.Query), Filter: store.DocumentFilter(in.Filter)}
	if in.Sort != "changed" {
		q.Sort = store.DocumentSort(in.Sort)
	}
	docs, next, err := s.store.FindDocuments(ctx, callerOf(ctx).user.ID, q, in.page())
	if err != nil {
		return nil, fmt.Errorf("list documents: %w", err)
	}
	return listOf(docs, next, documentOf), nil
}

// readDocument gives the entry as the caller sees it, after authorize said yes.
func (s *Server) readDocument(ctx context.Context, id store.DocumentID) (*documentOutput, error) {
	d, err := s.store.Document(ctx, id, callerOf(ctx).user.ID)
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	return documentAnswer(d)
}

func (s *Server) getDocument(ctx context.Context, in *getDocumentInput) (*documentOutput, error) {
	a, err := s.authorize(ctx, callerOf(ctx).user.ID, in.ID, toRead)
	if err != nil {
		return nil, err
	}
	out, err := s.readDocument(ctx, a.Document)
	if err != nil {
		return nil, err
	}
	if matchesETag(in.IfNoneMatch, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

// change begins a change of a document's entry, and compares it with what the caller thinks that it is. done must be called when it is changed: until then nobody else
// changes it at this node. (At another one somebody may, between the comparison and the change.)
func (s *Server) change(ctx context.Context, doc store.DocumentID, condition ChangeCondition) (before store.Document, done func(), err error) {
	lock := &s.changing[doc[len(doc)-1]]
	lock.Lock()
	if before, err = s.store.Document(ctx, doc, callerOf(ctx).user.ID); err != nil {
		lock.Unlock()
		return before, nil, fmt.Errorf("read document: %w", err)
	}
	now, err := documentAnswer(before)
	if err == nil && condition.IfMatch != "" && !matchesStrongly(condition.IfMatch, now.ETag) {
		err = problem(http.StatusPreconditionFailed, codePrecondition, "the document has changed since: read it again")
	}
	if err != nil {
		lock.Unlock()
		return before, nil, err
	}
	return before, lock.Unlock, nil
}

func (s *Server) changeDocument(ctx context.Context, in *changeDocumentInput) (*documentOutput, error) {
	need := toWrite
	if in.Body.Key != nil || in.Body.Owner != nil {
		need = toManage
	}
	a, err := s.authorize(ctx, callerOf(ctx).user.ID, in.ID, need)
	if err != nil {
		return nil, err
	}
	// All of it is checked before any of it is done.
	var owner store.User
	if id := in.Body.Owner; id != nil {
		if owner, err = s.heir(ctx, "body.owner", *id); err != nil {
			return nil, err
		}
	}
	if in.Body.Key != nil {
		if err := checkKey(*in.Body.Key); err != nil {
			return nil, err
		}
	}
	if in.Body.Title != nil {
		if *in.Body.Title, err = cleanTitle(*in.Body.Title); err != nil {
			return nil, err
		}
	}
	before, done, err := s.change(ctx, a.Document, in.ChangeCondition)
	if err != nil {
		return nil, err
	}
	defer done()
	change := store.DocumentChange{Title: in.Body.Title, Key: in.Body.Key, Owner: in.Body.Owner}
	told, err := s.store.ChangeDocument(ctx, a.Document, change, callerOf(ctx).user.ID)
	if errors.Is(err, store.ErrConflict) {
		return nil, problem(http.StatusConflict, codeConflict, "this key belongs to another document")
	}
	if err != nil {
		return nil, fmt.Errorf("change document: %w", err)
	}
	var entries []store.AuditEntry
	note := func(action, name, detail string) {
		entries = append(entries, store.AuditEntry{Action: action, Subject: a.Document.String(), Name: name, Detail: detail})
	}
	if key := change.Key; key != nil && *key != before.Key {
		note(didSetKey, before.Title, *key)
	}
	if change.Title != nil {
		s.titles.set(a.Document, *change.Title)
		note(didRename, *change.Title, "")
	}
	if change.Owner != nil {
		s.accessChanged(a.Document, told...)
		note(didTransfer, before.Title, fmt.Sprintf("to %s (%s)", owner.Name, owner.ID))
	}
	if len(entries) > 0 {
		s.record(ctx, entries...)
	}
	return s.readDocument(ctx, a.Document)
}

func (s *Server) deleteDocument(ctx context.Context, in *deleteDocumentInput) (*struct{}, error) {
	need := toManage
	if in.Forever {
		need = toRestore
	}
	a, err := s.authorize(ctx, callerOf(ctx).user.ID, in.ID, need)
	if err != nil {
		return nil, err
	}
	before, done, err := s.change(ctx, a.Document, in.ChangeCondition)
	if err != nil {
		return nil, err
	}
	defer done()
	if in.Forever {
		return nil, s.purge(ctx, before)
	}
	told, err := s.store.TrashDocument(ctx, a.Document, callerOf(ctx).user.ID)
	if err != nil {
		return nil, fmt.Errorf("move document to the trash: %w", err)
	}
	s.accessChanged(a.Document, told...)
	s.audit(ctx, didDelete, a.Document.String(), before.Title, "")
	return nil, nil
}

// purge deletes a document for good.
func (s *Server) purge(ctx context.Context, d store.Document) error {
	err := s.store.PurgeDocument(ctx, d.ID)
	if errors.Is(err, store.ErrConflict) {
		return problem(http.StatusConflict, codeConflict, "only what is in the trash is deleted for good: move it there first")
	}
	if err != nil {
		return fmt.Errorf("delete document for good: %w", err)
	}
	s.accessChanged(d.ID) // for a node that hasn't heard yet that it went into the trash
	s.audit(ctx, didPurge, d.ID.String(), d.Title, "")
	return nil
}

func (s *Server) restoreDocument(ctx context.Context, in *DocumentPath) (*documentOutput, error) {
	a, err := s.authorize(ctx, callerOf(ctx).user.ID, in.ID, toRestore)
	if err != nil {
		return nil, err
	}
	told, err := s.store.RestoreDocument(ctx, a.Document, callerOf(ctx).user.ID)
	if err != nil {
		return nil, fmt.Errorf("restore document: %w", err)
	}
	s.accessChanged(a.Document, told...)
	s.audit(ctx, didRestore, a.Document.String(), s.titleOf(ctx, a.Document), "")
	return s.readDocument(ctx, a.Document)
}
