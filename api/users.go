package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

const (
	maxEmailBytes = 254
	maxNameChars  = 100
)

// CleanAccount trims and checks an email address and a name; an empty name becomes the part of the address before the @. The error is a *Problem.
func CleanAccount(email, name string) (trimmedEmail, trimmedName string, err error) {
	email = strings.TrimSpace(email)
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > maxEmailBytes || strings.ContainsFunc(email, unicode.IsSpace) {
		return "", "", invalid("body.email", "that is no email address")
	}
	if strings.TrimSpace(name) == "" {
		name = email[:strings.LastIndexByte(email, '@')]
	}
	if name, err = checkName(name); err != nil {
		return "", "", err
	}
	return email, name, nil
}

// checkName trims and checks a name.
func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if !plainText(name, maxNameChars) {
		return "", invalid("body.name", fmt.Sprintf("a name has 1 to %d characters, all of them printable", maxNameChars))
	}
	return name, nil
}

// plainText says whether text is not empty, of at most that many characters, and all of them printable. (Names and titles are shown to others: line
// breaks, terminal escapes and marks that turn the direction of text have no place in them.)
func plainText(text string, most int) bool {
	n := utf8.RuneCountInString(text)
	return n > 0 && n <= most && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
	})
}

// Invitation is a one-time link at which an account's owner sets a password.
type Invitation struct {
	URL       string    `json:"url" format:"uri"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// InvitedUser is a new account, with an invitation when it was created without a password.
type InvitedUser struct {
	User
	Invitation *Invitation `json:"invitation,omitempty"`
}

// PageInput asks for one page of a list.
type PageInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"At most so many."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"nextCursor of the page before."`
}

func (p PageInput) page() store.Page { return store.Page{Limit: p.Limit, Cursor: p.Cursor} }

// List is one page of a list.
type List[T any] struct {
	Data       []T    `json:"data" nullable:"false"`
	NextCursor string `json:"nextCursor" doc:"Asks for the next page; empty on the last one."`
}

type listOutput[T any] struct {
	Body List[T]
}

func listOf[S, T any](items []S, next string, convert func(S) T) *listOutput[T] {
	out := &listOutput[T]{Body: List[T]{Data: make([]T, len(items)), NextCursor: next}}
	for i, item := range items {
		out.Body.Data[i] = convert(item)
	}
	return out
}

type createUserInput struct {
	Body struct {
		Email    string         `json:"email"`
		Name     string         `json:"name" doc:"Shown to others."`
		Role     store.UserRole `json:"role" enum:"admin,member"`
		Password string         `json:"password,omitempty" doc:"Leave it out to get an invitation link."`
	}
}

type createUserOutput struct {
	Location string `header:"Location"`
	Body     InvitedUser
}

type changeUserInput struct {
	UserPath
	Body struct {
		Name     *string         `json:"name,omitempty" doc:"Shown to others."`
		Role     *store.UserRole `json:"role,omitempty" enum:"admin,member"`
		Disabled *bool           `json:"disabled,omitempty" doc:"A disabled account can't log in; its logins end."`
	}
}

type renameMeInput struct {
	Body struct {
		Name string `json:"name" doc:"Shown to others."`
	}
}

type deleteUserInput struct {
	UserPath
	Heir uuid.UUID `query:"heir" format:"uuid" doc:"The account that gets what would be nobody's; left out: yours."`
}

// UserPath names an account in a path.
type UserPath struct {
	ID uuid.UUID `path:"id" format:"uuid" doc:"Of the account."`
}

func (s *Server) userRoutes() {
	register(s, huma.Operation{OperationID: "listUsers", Method: http.MethodGet, Path: prefix + "/users", Tags: []string{"Users"}, Summary: "List accounts", Description: "Oldest first. Admins only."}, admin, s.listUsers)
	register(s, huma.Operation{OperationID: "createUser", Method: http.MethodPost, Path: prefix + "/users", Tags: []string{"Users"}, Summary: "Create an account",
		Description: "Admins only. Without a password the answer has a one-time invitation link.", DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict}}, admin, s.createUser)
	register(s, huma.Operation{OperationID: "getUser", Method: http.MethodGet, Path: prefix + "/users/{id}", Tags: []string{"Users"}, Summary: "Read an account",
		Description: "Admins read any, everyone their own.", Errors: []int{http.StatusNotFound, http.StatusForbidden}}, signedIn, s.getUser)
	register(s, huma.Operation{OperationID: "changeUser", Method: http.MethodPatch, Path: prefix + "/users/{id}", Tags: []string{"Users"}, Summary: "Change an account",
		Description: "Admins only. What is left out stays. Disabling ends the account's logins, and closes its sockets and streams on every server. 409 when no admin would be left.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict}}, admin, s.changeUser)
	register(s, huma.Operation{OperationID: "deleteUser", Method: http.MethodDelete, Path: prefix + "/users/{id}", Tags: []string{"Users"}, Summary: "Delete an account",
		Description: "Admins only, and not their own. For good: its logins, API keys and memberships end, its sockets and streams are closed on every server; what it has written stays, without a name. " +
			"`heir` becomes an owner of the documents that were its own or would be nobody's. 409 when no admin would be left.",
		DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusNotFound, http.StatusConflict}}, admin, s.deleteUser)
	register(s, huma.Operation{OperationID: "changeMe", Method: http.MethodPatch, Path: prefix + "/users/me", Tags: []string{"Users"}, Summary: "Change my name",
		Description: "Those who have a document open with me see it when I come back to it."}, signedIn, s.changeMe)
}

func (s *Server) listUsers(ctx context.Context, in *PageInput) (*listOutput[User], error) {
	users, next, err := s.store.Users(ctx, in.page())
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return listOf(users, next, userOf), nil
}

func (s *Server) createUser(ctx context.Context, in *createUserInput) (*createUserOutput, error) {
	email, name, err := CleanAccount(in.Body.Email, in.Body.Name)
	if err != nil {
		return nil, err
	}
	user := store.User{Email: email, Name: name, Role: in.Body.Role}
	if in.Body.Password != "" {
		if err := CheckPassword(in.Body.Password); err != nil {
			return nil, err
		}
		if user.PasswordHash, err = s.passwords.Hash(ctx, in.Body.Password); err != nil {
			return nil, err
		}
	}
	var invitation *Invitation
	if in.Body.Password == "" {
		token, hash := newToken()
		invitation = linkOf(ctx, token, invitationLife)
		user, err = s.store.InviteUser(ctx, user, hash, invitationLife)
	} else {
		user, err = s.store.CreateUser(ctx, user)
	}
	if errors.Is(err, store.ErrConflict) {
		return nil, problem(http.StatusConflict, codeConflict, "there is an account with this email address already")
	}
	if err != nil {
		return nil, fmt.Errorf("create user: %w", err)
	}
	s.audit(ctx, didCreateUser, user.ID.String(), user.Name, string(user.Role))
	out := &createUserOutput{Location: prefix + "/users/" + user.ID.String(), Body: InvitedUser{User: userOf(user), Invitation: invitation}}
	if invitation != nil {
		s.audit(ctx, didInvite, user.ID.String(), user.Name, user.Email)
	}
	return out, nil
}

func (s *Server) getUser(ctx context.Context, in *UserPath) (*userOutput, error) {
	me := callerOf(ctx)
	if !me.isAdmin() && in.ID != me.user.ID {
		return nil, problem(http.StatusForbidden, codeForbidden, "only admins read the accounts of others")
	}
	user, err := s.account(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &userOutput{Body: userOf(user)}, nil
}

func (s *Server) changeUser(ctx context.Context, in *changeUserInput) (*userOutput, error) {
	change := store.UserChange{Role: in.Body.Role, Disabled: in.Body.Disabled}
	if in.Body.Name != nil {
		name, err := checkName(*in.Body.Name)
		if err != nil {
			return nil, err
		}
		change.Name = &name
	}
	return s.applyChange(ctx, in.ID, change)
}

func (s *Server) changeMe(ctx context.Context, in *renameMeInput) (*userOutput, error) {
	name, err := checkName(in.Body.Name)
	if err != nil {
		return nil, err
	}
	return s.applyChange(ctx, callerOf(ctx).user.ID, store.UserChange{Name: &name})
}

// applyChange changes an account, and has all nodes look at what it may still do.
func (s *Server) applyChange(ctx context.Context, id store.UserID, change store.UserChange) (*userOutput, error) {
	before, err := s.account(ctx, id)
	if err != nil {
		return nil, err
	}
	user, err := s.store.ChangeUser(ctx, id, change)
	if err != nil {
		return nil, fmt.Errorf("change user: %w", err)
	}
	s.credentialsChanged(ctx)
	s.auditUserChange(ctx, before, user)
	return &userOutput{Body: userOf(user)}, nil
}

func (s *Server) deleteUser(ctx context.Context, in *deleteUserInput) (*struct{}, error) {
	me := callerOf(ctx).user
	if in.ID == me.ID {
		return nil, problem(http.StatusConflict, codeConflict, "you can't delete your own account: another admin can")
	}
	user, err := s.account(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	heir := me
	if in.Heir != uuid.Nil {
		if heir, err = s.heir(ctx, "query.heir", in.Heir); err != nil {
			return nil, err
		}
	}
	if heir.ID == in.ID {
		return nil, invalid("query.heir", "nobody inherits from themself")
	}
	affected, err := s.store.DeleteUser(ctx, in.ID, heir.ID)
	if err != nil {
		return nil, fmt.Errorf("delete account: %w", err)
	}
	s.credentialsChanged(ctx)
	for _, doc := range affected {
		s.hub.AccessChanged(doc)
	}
	s.streams.look()
	s.audit(ctx, didDeleteUser, user.ID.String(), user.Name, fmt.Sprintf("heir %s (%s)", heir.Name, heir.ID))
	return nil, nil
}

// account reads one that exists. Guests are none: they belong to their API key.
func (s *Server) account(ctx context.Context, id store.UserID) (store.User, error) {
	user, err := s.store.User(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && user.Guest {
		return store.User{}, problem(http.StatusNotFound, codeNotFound, "no such account")
	}
	if err != nil {
		return store.User{}, fmt.Errorf("read account: %w", err)
	}
	return user, nil
}

// heir reads an account that is to own what another one did; location is where the request names it.
func (s *Server) heir(ctx context.Context, location string, id store.UserID) (store.User, error) {
	user, err := s.account(ctx, id)
	if p, ok := errors.AsType[*Problem](err); ok && p.Status == http.StatusNotFound {
		return store.User{}, invalid(location, "no such account")
	}
	if err == nil && user.Disabled {
		return store.User{}, invalid(location, "this account is disabled")
	}
	return user, err
}
