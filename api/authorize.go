package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/bizsync/bizsync/store"
)

// Why an account can't do something with a document. REST answers the first two alike, so that nobody learns which documents exist; sockets tell them apart.
var (
	errNoDocument = errors.New("no such document")
	errNoAccess   = errors.New("no access to this document")
	errGone       = errors.New("document is in the trash")
	errRole       = errors.New("role too low")
)

// right is what somebody wants to do with a document.
type right struct {
	role  store.Role // at least this
	trash bool       // also when it is in the trash
}

// The rights that operations ask for.
var (
	toRead    = right{role: store.Viewer}
	toWrite   = right{role: store.Editor}
	toManage  = right{role: store.Owner}
	toRestore = right{role: store.Owner, trash: true}
)

// authorize is the one place where it is decided who may do what with which document, for REST and sockets alike. name is an id or a key.
// It fails with one of the errors above, or with the store's when the question could not be answered.
func (s *Server) authorize(ctx context.Context, user store.UserID, name string, need right) (store.Access, error) {
	if name == "" || len(name) > maxKeyBytes {
		return store.Access{}, errNoDocument
	}
	a, err := s.store.Resolve(ctx, name, user)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.Access{}, errNoDocument
	case err != nil:
		return store.Access{}, fmt.Errorf("look the document up: %w", err)
	case a.Role == store.NoRole && a.Deleted:
		return store.Access{}, errNoDocument
	case a.Role == store.NoRole:
		return store.Access{}, errNoAccess
	case a.Deleted && !need.trash:
		return store.Access{}, errGone
	case a.Role < need.role:
		return store.Access{}, errRole
	}
	return a, nil
}

// accessChanged has all nodes look at the rights in a document, and lets those know who may have a notice of it.
func (s *Server) accessChanged(doc store.DocumentID, told ...store.UserID) {
	s.hub.AccessChanged(doc)
	s.hub.Notify(told...)
	s.streams.look()
}
