package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

// sharedPage is how many documents are compared at once.
const sharedPage = 200

// OpenDocument is a document that somebody has open.
type OpenDocument struct {
	Titled
	Role       string    `json:"role" enum:"viewer,commenter,editor,owner" doc:"Theirs."`
	Since      time.Time `json:"since"`
	LastActive time.Time `json:"lastActive" doc:"Last edit or change of presence."`
}

type presenceOutput struct {
	Body struct {
		Online    bool           `json:"online"`
		Documents []OpenDocument `json:"documents" nullable:"false" doc:"Those that they have open and that you may see; longest open first."`
		Complete  bool           `json:"complete" doc:"False while the people of other servers can't be known, since Redis is away."`
	}
}

func (s *Server) presenceRoutes() {
	register(s, huma.Operation{OperationID: "getPresence", Method: http.MethodGet, Path: prefix + "/users/{id}/presence", Tags: []string{"Users"}, Summary: "Whether somebody is online, and where",
		Description: "For oneself, for admins, and for whoever shares a document with them, who sees the shared documents only.", Errors: []int{http.StatusNotFound}}, signedIn, s.getPresence)
}

func (s *Server) getPresence(ctx context.Context, in *UserPath) (*presenceOutput, error) {
	who := callerOf(ctx)
	me := who.user
	list, whole := s.hub.EditorsOf(in.ID)
	online := len(list) > 0
	if who.isAdmin() || in.ID == me.ID {
		if _, err := s.store.User(ctx, in.ID); err != nil {
			return nil, fmt.Errorf("read user: %w", err)
		}
	} else {
		var err error
		if list, err = s.visibleTo(ctx, me.ID, list); err != nil {
			return nil, err
		}
		shared := len(list) > 0
		if !shared {
			if shared, err = s.shareDocument(ctx, me.ID, in.ID); err != nil {
				return nil, err
			}
		}
		if !shared {
			return nil, problem(http.StatusNotFound, codeNotFound, "there is nobody of that id with whom you share a document")
		}
	}
	out := &presenceOutput{}
	out.Body.Online, out.Body.Documents, out.Body.Complete = online, openDocuments(list, s.titles.of(ctx, list)), whole
	return out, nil
}

// openDocuments sums up connections by document.
func openDocuments(list []collab.Editor, titles map[store.DocumentID]string) []OpenDocument {
	docs := []OpenDocument{}
	place := make(map[store.DocumentID]int)
	roles := make(map[store.DocumentID]store.Role)
	for _, e := range list { // oldest first
		i, ok := place[e.Document]
		if !ok {
			i = len(docs)
			place[e.Document] = i
			docs = append(docs, OpenDocument{Titled: Titled{ID: e.Document, Title: titles[e.Document]}, Since: e.Since.UTC()})
		}
		roles[e.Document] = max(roles[e.Document], e.Role)
		docs[i].Role = roles[e.Document].String()
		if at := e.LastActive.UTC(); at.After(docs[i].LastActive) {
			docs[i].LastActive = at
		}
	}
	return docs
}

// visibleTo leaves the connections to documents that a user may read.
func (s *Server) visibleTo(ctx context.Context, user store.UserID, list []collab.Editor) (visible []collab.Editor, err error) {
	may := make(map[store.DocumentID]bool)
	for _, e := range list {
		if _, known := may[e.Document]; !known {
			_, err := s.authorize(ctx, user, e.Document.String(), toRead)
			if err != nil && !errors.Is(err, errNoDocument) && !errors.Is(err, errNoAccess) && !errors.Is(err, errGone) {
				return nil, err
			}
			may[e.Document] = err == nil
		}
		if may[e.Document] {
			visible = append(visible, e)
		}
	}
	return visible, nil
}

// shareDocument says whether there is a document that both may see. It compares their lists page by page.
func (s *Server) shareDocument(ctx context.Context, a, b store.UserID) (bool, error) {
	type side struct {
		user store.UserID
		page store.Page
		done bool
		docs map[store.DocumentID]struct{}
	}
	sides := [2]*side{}
	for i, user := range [2]store.UserID{a, b} {
		sides[i] = &side{user: user, page: store.Page{Limit: sharedPage}, docs: make(map[store.DocumentID]struct{})}
	}
	for i := 0; !sides[0].done || !sides[1].done; i = 1 - i {
		one, other := sides[i], sides[1-i]
		if one.done {
			if len(one.docs) == 0 {
				return false, nil // nothing to share
			}
			continue
		}
		docs, next, err := s.store.FindDocuments(ctx, one.user, store.DocumentQuery{}, one.page)
		if err != nil {
			return false, fmt.Errorf("look for a shared document: %w", err)
		}
		for _, d := range docs {
			if _, ok := other.docs[d.ID]; ok {
				return true, nil
			}
			one.docs[d.ID] = struct{}{}
		}
		one.page.Cursor, one.done = next, next == ""
	}
	return false, nil
}
