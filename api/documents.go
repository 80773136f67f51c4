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
	Role      string           `json:"role" enum:"viewer,commenter,editor,owner" doc:"Yours."`
	Owner     Person           `json:"owner" doc:"Who created it."`
	CreatedAt time.Time        `json:"createdAt"`
	UpdatedAt time.Time        `json:"updatedAt" doc:"Of title, members or content."`
	DeletedAt *time.Time       `json:"deletedAt,omitempty" doc:"When it was moved to the trash."`
}

func documentOf(d store.Document) Document {
	out := Document{ID: d.ID, Key: d.Key, Title: d.Title, Role: d.Role.String(), Owner: Person{ID: d.Owner, Name: d.OwnerName},
		CreatedAt: d.CreatedAt.UTC(), UpdatedAt: d.UpdatedAt.UTC()}
	if !d.DeletedAt.IsZero() {
		at := d.DeletedAt.UTC()
		out.DeletedAt = &at
	}
	return out
}

// DocumentPath names a document in a path.
type DocumentPath struct {
	ID string `path:"id" maxLength:"128" doc:"The document's id or key."`
}

type documentOutput struct {
	Body Document
}

type createDocumentInput struct {
	Body struct {
		Title string `json:"title"`
		Key   string `json:"key,omitempty" doc:"A unique name of your own: an existing one that is yours answers 200. Letters, digits and . _ ~ : @ -"`
	}
}

type createDocumentOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     Document
}

type listDocumentsInput struct {
	PageInput
	Query string `query:"q" maxLength:"200" doc:"Only titles that contain this."`
}

type renameDocumentInput struct {
	DocumentPath
	Body struct {
		Title string `json:"title"`
	}
}

func (s *Server) documentRoutes() {
	tags := []string{"Documents"}
	one := []int{http.StatusNotFound, http.StatusGone}
	manage := append([]int{http.StatusForbidden}, one...)
	register(s, huma.Operation{OperationID: "listDocuments", Method: http.MethodGet, Path: prefix + "/documents", Tags: tags, Summary: "List my documents", Description: "Newest change first."}, signedIn, s.listDocuments)
	register(s, huma.Operation{OperationID: "createDocument", Method: http.MethodPost, Path: prefix + "/documents", Tags: tags, Summary: "Create a document",
		Description: "201, or 200 with the existing document when the key is one of yours.", DefaultStatus: http.StatusCreated,
		Responses: map[string]*huma.Response{"200": {Description: "The document that has this key already", Content: map[string]*huma.MediaType{
			"application/json": {Schema: s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Document](), true, "Document")},
		}}},
		Errors: []int{http.StatusConflict, http.StatusGone}}, signedIn, s.createDocument)
	register(s, huma.Operation{OperationID: "getDocument", Method: http.MethodGet, Path: prefix + "/documents/{id}", Tags: tags, Summary: "Read a document's entry", Errors: one}, signedIn, s.getDocument)
	register(s, huma.Operation{OperationID: "renameDocument", Method: http.MethodPatch, Path: prefix + "/documents/{id}", Tags: tags, Summary: "Rename a document", Description: "Editors and owners.", Errors: manage}, signedIn, s.renameDocument)
	register(s, huma.Operation{OperationID: "deleteDocument", Method: http.MethodDelete, Path: prefix + "/documents/{id}", Tags: tags, Summary: "Move a document to the trash",
		Description: "Owners. Closes its sockets with 4404.", DefaultStatus: http.StatusNoContent, Errors: manage}, signedIn, s.deleteDocument)
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
	docs, next, err := s.store.Documents(ctx, callerOf(ctx).user.ID, strings.TrimSpace(in.Query), in.page())
	if err != nil {
		return nil, fmt.Errorf("list documents: %w", err)
	}
	return listOf(docs, next, documentOf), nil
}

func (s *Server) createDocument(ctx context.Context, in *createDocumentInput) (*createDocumentOutput, error) {
	title, err := cleanTitle(in.Body.Title)
	if err != nil {
		return nil, err
	}
	if err := checkKey(in.Body.Key); err != nil {
		return nil, err
	}
	d, created, err := s.store.CreateDocument(ctx, store.Document{Key: in.Body.Key, Title: title, Owner: callerOf(ctx).user.ID}, nil)
	if errors.Is(err, store.ErrConflict) {
		return nil, problem(http.StatusConflict, codeConflict, "this key belongs to somebody else's document")
	}
	if err != nil {
		return nil, fmt.Errorf("create document: %w", err)
	}
	if created {
		s.audit(ctx, didCreate, d.ID.String(), d.Title, d.Key)
	}
	out := &createDocumentOutput{Status: http.StatusOK, Location: prefix + "/documents/" + d.ID.String(), Body: documentOf(d)}
	if created {
		out.Status = http.StatusCreated
	}
	return out, nil
}

// readDocument gives the entry as the caller sees it, after authorize said yes.
func (s *Server) readDocument(ctx context.Context, id store.DocumentID) (*documentOutput, error) {
	d, err := s.store.Document(ctx, id, callerOf(ctx).user.ID)
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	return &documentOutput{Body: documentOf(d)}, nil
}

func (s *Server) getDocument(ctx context.Context, in *DocumentPath) (*documentOutput, error) {
	a, err := s.authorize(ctx, callerOf(ctx).user.ID, in.ID, toRead)
	if err != nil {
		return nil, err
	}
	return s.readDocument(ctx, a.Document)
}

func (s *Server) renameDocument(ctx context.Context, in *renameDocumentInput) (*documentOutput, error) {
	a, err := s.authorize(ctx, callerOf(ctx).user.ID, in.ID, toWrite)
	if err != nil {
		return nil, err
	}
	title, err := cleanTitle(in.Body.Title)
	if err != nil {
		return nil, err
	}
	if err := s.store.RenameDocument(ctx, a.Document, title); err != nil {
		return nil, fmt.Errorf("rename document: %w", err)
	}
	s.titles.set(a.Document, title)
	s.audit(ctx, didRename, a.Document.String(), title, "")
	return s.readDocument(ctx, a.Document)
}

func (s *Server) deleteDocument(ctx context.Context, in *DocumentPath) (*struct{}, error) {
	a, err := s.authorize(ctx, callerOf(ctx).user.ID, in.ID, toManage)
	if err != nil {
		return nil, err
	}
	title := s.titleOf(ctx, a.Document)
	told, err := s.store.TrashDocument(ctx, a.Document, callerOf(ctx).user.ID)
	if err != nil {
		return nil, fmt.Errorf("move document to the trash: %w", err)
	}
	s.accessChanged(a.Document, told...)
	s.audit(ctx, didDelete, a.Document.String(), title, "")
	return nil, nil
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
