package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// MemberUser is the account of a member.
type MemberUser struct {
	ID    store.UserID `json:"id" format:"uuid"`
	Name  string       `json:"name"`
	Email string       `json:"email,omitempty" doc:"A guest has none."`
	Guest bool         `json:"guest" doc:"A person of another system, for whom a program made a token: without an account of their own."`
}

// Member is an account's membership of a document.
type Member struct {
	User      MemberUser `json:"user"`
	Role      string     `json:"role" enum:"viewer,commenter,editor,owner"`
	CreatedAt time.Time  `json:"createdAt"`
}

func memberOf(m store.Member) Member {
	return Member{User: MemberUser{ID: m.User, Name: m.Name, Email: m.Email, Guest: m.Guest}, Role: m.Role.String(), CreatedAt: m.CreatedAt.UTC()}
}

type listMembersInput struct {
	DocumentPath
	PageInput
}

// MemberPath names a member in a path.
type MemberPath struct {
	DocumentPath
	User uuid.UUID `path:"userId" format:"uuid" doc:"Of the account."`
}

type setMemberInput struct {
	MemberPath
	Body struct {
		Role string `json:"role" enum:"viewer,commenter,editor,owner"`
	}
}

type memberOutput struct {
	Body Member
}

func (s *Server) memberRoutes() {
	tags := []string{"Members"}
	one := []int{http.StatusNotFound, http.StatusGone}
	change := []int{http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusConflict}
	register(s, huma.Operation{OperationID: "listMembers", Method: http.MethodGet, Path: prefix + "/documents/{id}/members", Tags: tags, Summary: "List a document's members", Errors: one}, signedIn, s.listMembers)
	register(s, huma.Operation{OperationID: "setMember", Method: http.MethodPut, Path: prefix + "/documents/{id}/members/{userId}", Tags: tags, Summary: "Add a member or change a role",
		Description: "Owners. Takes effect on open sockets. A person of another system can't get more than the member whose API key let them in: 409 `above_lender`. What an owner has said of them stays when a program asks for a token for them.", Errors: change}, signedIn, s.setMember)
	register(s, huma.Operation{OperationID: "removeMember", Method: http.MethodDelete, Path: prefix + "/documents/{id}/members/{userId}", Tags: tags, Summary: "Remove a member",
		Description: "Owners; everyone may leave, but for the last owner: 409 `last_owner`. Closes their sockets with 4403. Whom their API keys have let in goes with them.", DefaultStatus: http.StatusNoContent, Errors: change}, signedIn, s.removeMember)
}

func (s *Server) listMembers(ctx context.Context, in *listMembersInput) (*listOutput[Member], error) {
	a, err := s.authorize(ctx, callerOf(ctx).user.ID, in.ID, toRead)
	if err != nil {
		return nil, err
	}
	members, next, err := s.store.Members(ctx, a.Document, in.page())
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return listOf(members, next, memberOf), nil
}

func (s *Server) setMember(ctx context.Context, in *setMemberInput) (*memberOutput, error) {
	a, err := s.authorize(ctx, callerOf(ctx).user.ID, in.ID, toManage)
	if err != nil {
		return nil, err
	}
	role, ok := store.ParseRole(in.Body.Role)
	if !ok {
		return nil, invalid("body.role", "a role is one of viewer, commenter, editor, owner")
	}
	if role == store.Owner {
		if user, err := s.store.User(ctx, in.User); err == nil && user.Guest {
			return nil, invalid("body.role", "people of other systems can't be owners")
		}
	}
	change, err := s.store.SetMember(ctx, a.Document, in.User, role, callerOf(ctx).user.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, problem(http.StatusNotFound, codeNotFound, "no such account")
	}
	if err != nil {
		return nil, fmt.Errorf("set member: %w", err)
	}
	s.accessChanged(a.Document, in.User)
	if change.Before != role {
		s.auditMember(ctx, a.Document, s.titleOf(ctx, a.Document), change, role)
	}
	return &memberOutput{Body: memberOf(change.Member)}, nil
}

func (s *Server) removeMember(ctx context.Context, in *MemberPath) (*struct{}, error) {
	me := callerOf(ctx).user.ID
	need := toManage
	if in.User == me {
		need = toRead
	}
	a, err := s.authorize(ctx, me, in.ID, need)
	if err != nil {
		return nil, err
	}
	title := s.titleOf(ctx, a.Document)
	change, err := s.store.RemoveMember(ctx, a.Document, in.User, me)
	if errors.Is(err, store.ErrNotFound) {
		return nil, problem(http.StatusNotFound, codeNotFound, "no such member")
	}
	if err != nil {
		return nil, fmt.Errorf("remove member: %w", err)
	}
	s.accessChanged(a.Document, in.User)
	s.auditMember(ctx, a.Document, title, change, store.NoRole)
	return nil, nil
}
