package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab"
)

// Editor is one connection that has a document open.
type Editor struct {
	ConnectionID uuid.UUID `json:"connectionId" format:"uuid"`
	User         Person    `json:"user"`
	Role         string    `json:"role" enum:"viewer,commenter,editor,owner"`
	Node         string    `json:"node" doc:"The server that holds the connection."`
	Since        time.Time `json:"since"`
	LastActive   time.Time `json:"lastActive" doc:"Last edit or change of presence."`
}

type editorsOutput struct {
	Body struct {
		Data     []Editor `json:"data" nullable:"false"`
		Complete bool     `json:"complete" doc:"False while the people of other servers can't be known, since Redis is away: then only those of the server that answers are listed."`
	}
}

func (s *Server) editorRoutes() {
	register(s, huma.Operation{OperationID: "listEditors", Method: http.MethodGet, Path: prefix + "/documents/{id}/editors", Tags: []string{"Documents"}, Summary: "Who has a document open",
		Description: "One entry a connection, oldest first.", Errors: []int{http.StatusNotFound, http.StatusGone}}, signedIn, s.listEditors)
}

func (s *Server) listEditors(ctx context.Context, in *DocumentPath) (*editorsOutput, error) {
	a, err := s.authorize(ctx, callerOf(ctx).user.ID, in.ID, toRead)
	if err != nil {
		return nil, err
	}
	out := &editorsOutput{}
	out.Body.Data = []Editor{}
	list, whole := s.hub.Editors(a.Document)
	out.Body.Complete = whole
	for _, e := range list {
		out.Body.Data = append(out.Body.Data, editorOf(e))
	}
	return out, nil
}

func editorOf(e collab.Editor) Editor {
	return Editor{ConnectionID: e.Conn, User: Person{ID: e.User, Name: e.Name}, Role: e.Role.String(), Node: e.Node, Since: e.Since.UTC(), LastActive: e.LastActive.UTC()}
}
