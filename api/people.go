package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bizsync/bizsync/store"
)

const (
	// searchesPerSecond and searchBurst bound how often an account looks for people: enough for somebody who types, too little to read the whole list that way.
	searchesPerSecond = 2
	searchBurst       = 30
)

// FoundPerson is somebody with whom one may share.
type FoundPerson struct {
	ID    store.UserID `json:"id" format:"uuid"`
	Name  string       `json:"name"`
	Email string       `json:"email" format:"email"`
}

type findPeopleInput struct {
	Query string `query:"q" maxLength:"200" doc:"The beginning of a name, of another word of it, or of an email address. Without it nobody is found." example:"ad"`
	Limit int    `query:"limit" minimum:"1" maximum:"20" default:"10" doc:"At most so many."`
}

type findPeopleOutput struct {
	Body struct {
		Data []FoundPerson `json:"data" nullable:"false" doc:"Best match first."`
	}
}

func (s *Server) peopleRoutes() {
	register(s, huma.Operation{OperationID: "findPeople", Method: http.MethodGet, Path: prefix + "/people", Tags: []string{"Users"}, Summary: "Find people to share with",
		Description: "Accounts whose email address begins with `q`, or of whose name a word does, without regard to case; an address that is equal comes first. Disabled accounts are left out.",
		Errors:      []int{http.StatusTooManyRequests}}, signedIn, s.findPeople)
}

func (s *Server) findPeople(ctx context.Context, in *findPeopleInput) (*findPeopleOutput, error) {
	if ok, wait := s.searches.take(callerOf(ctx).user.ID.String()); !ok {
		return nil, problem(http.StatusTooManyRequests, codeManyAttempts, "too many searches: wait a little").retryAfter(wait)
	}
	users, err := s.store.FindPeople(ctx, in.Query, in.Limit)
	if err != nil {
		return nil, fmt.Errorf("find people: %w", err)
	}
	out := &findPeopleOutput{}
	out.Body.Data = make([]FoundPerson, len(users))
	for i, u := range users {
		out.Body.Data[i] = FoundPerson{ID: u.ID, Name: u.Name, Email: u.Email}
	}
	return out, nil
}
