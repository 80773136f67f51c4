package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// resetLife is how long the link is good that an admin hands to somebody who has forgotten their password.
const resetLife = 24 * time.Hour

type resetOutput struct {
	Body Invitation
}

type changePasswordInput struct {
	Body struct {
		Current string `json:"current" maxLength:"1024" doc:"The password until now." example:"correct horse battery"`
		New     string `json:"new" doc:"At least 8 characters." example:"staple correct horse"`
	}
}

func (s *Server) resetRoutes() {
	register(s, huma.Operation{OperationID: "resetPassword", Method: http.MethodPost, Path: prefix + "/users/{id}/reset", Tags: []string{"Users"}, Summary: "Make a link for a new password",
		Description: "Admins only. The one-time link is good for a day; it is to be handed to the account's owner, who chooses a password there (`POST /invitations`). Until then the password so far holds. 409 for a disabled account; 403 for the own account of an API key.",
		// The answer is the link, not a thing that has an address.
		DefaultStatus: http.StatusOK, Errors: []int{http.StatusNotFound, http.StatusConflict}}, admin, s.resetPassword)
	register(s, huma.Operation{OperationID: "changePassword", Method: http.MethodPut, Path: prefix + "/users/me/password", Tags: []string{"Users"}, Summary: "Change my password",
		Description:   "Ends all my other logins, and closes their sockets and streams on every server. Five failed attempts a minute. 403 `invalid_credentials` when the current password is wrong.",
		DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusTooManyRequests}}, signedIn, s.changePassword)
}

// linkOf is the one-time link of a token at which an account's owner sets a password.
func linkOf(ctx context.Context, token string, life time.Duration) *Invitation {
	url := visitOf(ctx).base.JoinPath("invite").String() + "#token=" + token
	return &Invitation{URL: url, ExpiresAt: time.Now().Add(life).UTC().Truncate(time.Second)}
}

func (s *Server) resetPassword(ctx context.Context, in *UserPath) (*resetOutput, error) {
	// Whoever has found the key would log in with the link, and have more than the key.
	if me := callerOf(ctx); me.key.ID != uuid.Nil && in.ID == me.user.ID {
		return nil, problem(http.StatusForbidden, codeForbidden, "an API key makes no link for its own account")
	}
	user, err := s.account(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if user.Disabled {
		return nil, problem(http.StatusConflict, codeConflict, "this account is disabled: enable it first")
	}
	token, hash := newToken()
	if err := s.store.CreateLink(ctx, store.LinkPassword, user.ID, hash, resetLife); err != nil {
		return nil, fmt.Errorf("make a link for a password: %w", err)
	}
	s.audit(ctx, didReset, user.ID.String(), user.Name, "")
	return &resetOutput{Body: *linkOf(ctx, token, resetLife)}, nil
}

func (s *Server) changePassword(ctx context.Context, in *changePasswordInput) (*struct{}, error) {
	me := callerOf(ctx)
	// A login that somebody left behind, or lost, is not to be a way of guessing the password.
	attempts := "password of " + me.user.ID.String()
	if ok, wait := s.logins.take(attempts); !ok {
		return nil, problem(http.StatusTooManyRequests, codeManyAttempts, "too many attempts: wait a little").retryAfter(wait)
	}
	if err := checkPassword("body.new", in.Body.New); err != nil {
		return nil, err
	}
	// The cache of logins has no hashes.
	user, err := s.store.User(ctx, me.user.ID)
	if err != nil {
		return nil, fmt.Errorf("change password: %w", err)
	}
	ok, err := s.passwords.matches(ctx, in.Body.Current, user.PasswordHash)
	if err != nil {
		return nil, fmt.Errorf("change password: %w", err)
	}
	if !ok {
		return nil, problem(http.StatusForbidden, codeCredentials, "the current password is wrong")
	}
	s.logins.give(attempts)
	hash, err := s.passwords.Hash(ctx, in.Body.New)
	if err != nil {
		return nil, err
	}
	if err := s.store.SetPassword(ctx, user.ID, hash, me.session.ID); err != nil {
		return nil, fmt.Errorf("change password: %w", err)
	}
	s.credentialsChanged(ctx)
	s.audit(ctx, didPassword, user.ID.String(), user.Name, "")
	return nil, nil
}
