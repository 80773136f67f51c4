package collab

import (
	"context"

	"github.com/bizsync/bizsync/store"
)

// RoleReader says what users may do in a document (see store.Documents).
type RoleReader interface {
	Roles(ctx context.Context, id store.DocumentID, users []store.UserID) (map[store.UserID]store.Role, store.Head, error)
}
