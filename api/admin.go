package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab"
)

// AdminEditor is one connection to any document, as admins see it.
type AdminEditor struct {
	Editor
	Document Titled `json:"document"`
}

// adminEditorsOf gives editors as admins see them.
func (s *Server) adminEditorsOf(ctx context.Context, list []collab.Editor) []AdminEditor {
	titles := s.titles.of(ctx, list)
	out := make([]AdminEditor, len(list))
	for i, e := range list {
		out[i] = AdminEditor{Editor: editorOf(e), Document: Titled{ID: e.Document, Title: titles[e.Document]}}
	}
	return out
}

// Node is a running server.
type Node struct {
	ID          uuid.UUID `json:"id" format:"uuid" doc:"Of this run; new at every start."`
	Name        string    `json:"name"`
	Version     string    `json:"version"`
	StartedAt   time.Time `json:"startedAt"`
	Connections int       `json:"connections" doc:"Collaboration sockets in documents."`
	Documents   int       `json:"documents" doc:"Documents that somebody has open there."`
	Self        bool      `json:"self" doc:"It is the one that answers."`
}

// DatabaseState is how the database is, seen from the node that answers.
type DatabaseState struct {
	Kind   string `json:"kind" enum:"sqlite,postgres"`
	Status string `json:"status" enum:"ok,unavailable"`
}

// RedisState is how Redis is, seen from the node that answers.
type RedisState struct {
	Status string `json:"status" enum:"ok,unavailable,none"`
}

type nodesOutput struct {
	Body struct {
		Data     []Node        `json:"data" nullable:"false" doc:"Oldest first."`
		Complete bool          `json:"complete" doc:"False while the other servers can't be known, since Redis is away."`
		Database DatabaseState `json:"database"`
		Redis    RedisState    `json:"redis"`
	}
}

type connectionPath struct {
	ID uuid.UUID `path:"id" format:"uuid" doc:"Of the connection."`
}

func (s *Server) adminRoutes() {
	tags := []string{"Administration"}
	register(s, huma.Operation{OperationID: "listEveryone", Method: http.MethodGet, Path: prefix + "/admin/editors", Tags: tags, Summary: "Who is online",
		Description: "Every connection to every document on every server, oldest first. Admins only."}, admin, s.listEveryone)
	register(s, huma.Operation{OperationID: "followEveryone", Method: http.MethodGet, Path: prefix + "/admin/events", Tags: tags, Summary: "Follow who is online",
		Description: followText + " Admins only.", Errors: []int{http.StatusTooManyRequests}, Responses: describeEditorEvents[AdminEditor](s)}, admin, s.followEveryone)
	register(s, huma.Operation{OperationID: "listNodes", Method: http.MethodGet, Path: prefix + "/admin/nodes", Tags: tags, Summary: "Which servers run",
		Description: "And whether the database and Redis answer. Admins only."}, admin, s.listNodes)
	register(s, huma.Operation{OperationID: "endConnection", Method: http.MethodDelete, Path: prefix + "/admin/connections/{id}", Tags: tags, Summary: "End a connection",
		Description: "On whichever server it is, with close code 4403. Admins only. 503 when it isn't on the server that answers and the others can't be known.", DefaultStatus: http.StatusNoContent,
		Errors: []int{http.StatusNotFound}}, admin, s.endConnection)
}

func (s *Server) listEveryone(ctx context.Context, _ *struct{}) (*editorsOutput[AdminEditor], error) {
	list, whole := s.hub.Everyone()
	return &editorsOutput[AdminEditor]{Body: EditorList[AdminEditor]{Data: s.adminEditorsOf(ctx, list), Complete: whole}}, nil
}

func (s *Server) followEveryone(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	return s.streaming(&stream{who: callerOf(ctx), admin: true}, func(ctx context.Context, out *events) error {
		return sendEditors(ctx, s, out, uuid.Nil, s.adminEditorsOf)
	}), nil
}

func (s *Server) listNodes(ctx context.Context, _ *struct{}) (*nodesOutput, error) {
	out := &nodesOutput{}
	list, whole := s.hub.Nodes()
	out.Body.Data, out.Body.Complete = make([]Node, len(list)), whole
	for i, n := range list {
		out.Body.Data[i] = Node{ID: n.Run, Name: n.Name, Version: n.Version, StartedAt: n.StartedAt.UTC(), Connections: n.Connections, Documents: n.Documents, Self: n.Run == s.hub.Run()}
	}
	out.Body.Database = DatabaseState{Kind: s.database, Status: "ok"}
	limited, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	if err := s.store.Ping(limited); err != nil {
		s.log.WarnContext(ctx, "the database does not answer", "error", err)
		out.Body.Database.Status = "unavailable"
	}
	out.Body.Redis.Status = s.redisStatus()
	return out, nil
}

// redisStatus is ok, unavailable, or none.
func (s *Server) redisStatus() string {
	switch {
	case s.redis == nil:
		return "none"
	case s.redis():
		return "ok"
	}
	return "unavailable"
}

func (s *Server) endConnection(ctx context.Context, in *connectionPath) (*struct{}, error) {
	_, whole := s.hub.Nodes()
	switch {
	case s.hub.Disconnect(in.ID):
		s.audit(ctx, didEndConnection, in.ID.String(), "", "")
		return nil, nil
	case !whole:
		return nil, problem(http.StatusServiceUnavailable, codeUnavailable, "it isn't on this server, and the others can't be asked while Redis is away").retryAfter(time.Second)
	}
	return nil, problem(http.StatusNotFound, codeNotFound, "no such connection")
}
