package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
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

func editorOf(e collab.Editor) Editor {
	return Editor{ConnectionID: e.Conn, User: Person{ID: e.User, Name: e.Name}, Role: e.Role.String(), Node: e.Node, Since: e.Since.UTC(), LastActive: e.LastActive.UTC()}
}

// EditorList is who is online now.
type EditorList[E any] struct {
	Data     []E  `json:"data" nullable:"false"`
	Complete bool `json:"complete" doc:"False while the people of other servers can't be known, since Redis is away: then only those of the server that answers are listed."`
}

type editorsOutput[E any] struct {
	Body EditorList[E]
}

// EditorSnapshot is who is online when a stream begins.
type EditorSnapshot[E any] struct {
	Editors  []E  `json:"editors" nullable:"false"`
	Complete bool `json:"complete" doc:"Whether the people of all servers are known."`
}

// EditorScope says how far the stream sees from now on.
type EditorScope struct {
	Complete bool `json:"complete" doc:"Whether the people of all servers are known."`
}

// followText describes both streams of editors.
const followText = "Server-Sent Events: first a `snapshot`, then `join`, `leave` and `change`, each with one editor, and `scope` when the people of other servers become known or " +
	"unknown. A stream that breaks off begins with a new snapshot."

func (s *Server) editorRoutes() {
	tags := []string{"Documents"}
	one := []int{http.StatusNotFound, http.StatusGone}
	register(s, huma.Operation{OperationID: "listEditors", Method: http.MethodGet, Path: prefix + "/documents/{id}/editors", Tags: tags, Summary: "Who has a document open",
		Description: "One entry a connection, oldest first, the same on every server.", Errors: one}, signedIn, s.listEditors)
	register(s, huma.Operation{OperationID: "followEditors", Method: http.MethodGet, Path: prefix + "/documents/{id}/events", Tags: tags, Summary: "Follow who has a document open",
		Description: followText + " It ends with the right to read the document.", Errors: append([]int{http.StatusTooManyRequests}, one...),
		Responses: describeEditorEvents[Editor](s)}, signedIn, s.followEditors)
}

func (s *Server) listEditors(ctx context.Context, in *DocumentPath) (*editorsOutput[Editor], error) {
	a, err := s.authorize(ctx, callerOf(ctx).user.ID, in.ID, toRead)
	if err != nil {
		return nil, err
	}
	list, whole := s.hub.Editors(a.Document)
	return &editorsOutput[Editor]{Body: EditorList[Editor]{Data: editorsOf(ctx, list), Complete: whole}}, nil
}

func (s *Server) followEditors(ctx context.Context, in *DocumentPath) (*huma.StreamResponse, error) {
	me := callerOf(ctx)
	a, err := s.authorize(ctx, me.user.ID, in.ID, toRead)
	if err != nil {
		return nil, err
	}
	return s.streaming(&stream{who: me, doc: a.Document, version: a.Version}, func(ctx context.Context, out *events) error {
		return sendEditors(ctx, s, out, a.Document, editorsOf)
	}), nil
}

// editorsOf gives editors as the members of their document see them.
func editorsOf(_ context.Context, list []collab.Editor) []Editor {
	out := make([]Editor, len(list))
	for i, e := range list {
		out[i] = editorOf(e)
	}
	return out
}

// editorEvent is the name of an event about one editor.
func editorEvent(kind collab.ChangeKind) string {
	switch kind {
	case collab.Joined:
		return "join"
	case collab.Left:
		return "leave"
	default:
		return "change"
	}
}

func describeEditorEvents[E any](s *Server) map[string]*huma.Response {
	editor := reflect.TypeFor[E]()
	return s.describeEvents("Who is online, and what changes", eventOf{"snapshot", reflect.TypeFor[EditorSnapshot[E]]()}, eventOf{"join", editor}, eventOf{"leave", editor},
		eventOf{"change", editor}, eventOf{"scope", reflect.TypeFor[EditorScope]()})
}

// sendEditors sends who is online, in one document or with uuid.Nil in all, and what changes, in the form that convert gives.
func sendEditors[E any](ctx context.Context, s *Server, out *events, doc store.DocumentID, convert func(context.Context, []collab.Editor) []E) error {
	w := s.hub.Watch(doc)
	defer w.Close()
	list, whole := w.Snapshot()
	if err := out.add("snapshot", 0, EditorSnapshot[E]{Editors: convert(ctx, list), Complete: whole}); err != nil {
		return err
	}
	for {
		if err := out.flush(); err != nil {
			return err
		}
		wait, cancel := context.WithTimeout(ctx, s.streams.timing.beat)
		changes, err := w.Next(wait)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			if err := out.beat(); err != nil {
				return err
			}
			continue
		}
		editors := make([]collab.Editor, len(changes))
		for i, c := range changes {
			editors[i] = c.Editor
		}
		shown := convert(ctx, editors)
		for i, c := range changes {
			var err error
			if c.Kind == collab.Scope {
				err = out.add("scope", 0, EditorScope{Complete: c.Whole})
			} else {
				err = out.add(editorEvent(c.Kind), 0, shown[i])
			}
			if err != nil {
				return err
			}
		}
	}
}
