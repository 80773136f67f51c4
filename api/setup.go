package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

const (
	// setupLinkLife is how long the printed link is good for; each start prints a new one until somebody used one.
	setupLinkLife = 24 * time.Hour
	// invitationLife is how long an invitation link is good for.
	invitationLife = 7 * 24 * time.Hour
)

// SetupLink makes the one-time link at which the first admin is created, beside those of other nodes. It is "" when there are accounts already.
// The token is in the link's fragment, which browsers keep to themselves: it appears in no log of requests.
func SetupLink(ctx context.Context, st store.Store, base string) (string, error) {
	has, err := st.HasUsers(ctx)
	if err != nil {
		return "", fmt.Errorf("look for accounts: %w", err)
	}
	if has {
		return "", nil
	}
	token, hash := newToken()
	if err := st.CreateLink(ctx, store.LinkSetup, uuid.Nil, hash, setupLinkLife); err != nil {
		return "", fmt.Errorf("make the set-up link: %w", err)
	}
	return strings.TrimSuffix(base, "/") + "/setup#token=" + token, nil
}

type setupNeeded struct {
	Body struct {
		Needed bool `json:"needed" doc:"No account exists yet."`
	}
}

type setupInput struct {
	Body struct {
		Token    string `json:"token" doc:"From the fragment of the printed link." maxLength:"128"`
		Email    string `json:"email"`
		Name     string `json:"name"`
		Password string `json:"password"`
	}
}

type invitationInput struct {
	Body struct {
		Token    string `json:"token" doc:"From the fragment of the invitation link." maxLength:"128"`
		Password string `json:"password"`
	}
}

func (s *Server) setupRoutes() {
	register(s, huma.Operation{OperationID: "getSetup", Method: http.MethodGet, Path: prefix + "/setup", Tags: []string{"Set-up"}, Summary: "Does the first account have to be created?"}, public, s.getSetup)
	register(s, huma.Operation{OperationID: "setup", Method: http.MethodPost, Path: prefix + "/setup", Tags: []string{"Set-up"}, Summary: "Create the first admin",
		Description: "With the token of the link that the server prints when it starts without accounts. Logs in.", DefaultStatus: http.StatusCreated,
		Errors: []int{http.StatusNotFound, http.StatusConflict}}, public, s.setup)
	register(s, huma.Operation{OperationID: "acceptInvitation", Method: http.MethodPost, Path: prefix + "/invitations", Tags: []string{"Set-up"}, Summary: "Accept an invitation",
		Description: "Sets the password of the account that the one-time link is for (an invitation, or one for a new password), ends its other logins, and logs in.", DefaultStatus: http.StatusOK, Errors: []int{http.StatusNotFound}}, public, s.acceptInvitation)
}

func (s *Server) getSetup(ctx context.Context, _ *struct{}) (*setupNeeded, error) {
	has, err := s.store.HasUsers(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for accounts: %w", err)
	}
	out := &setupNeeded{}
	out.Body.Needed = !has
	return out, nil
}

func (s *Server) setup(ctx context.Context, in *setupInput) (*loginOutput, error) {
	has, err := s.store.HasUsers(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for accounts: %w", err)
	}
	if has {
		return nil, store.ErrSetupDone
	}
	// The link comes before the password, which is costly to hash.
	if _, err := s.checkLink(ctx, store.LinkSetup, in.Body.Token); err != nil {
		return nil, err
	}
	email, name, err := CleanAccount(in.Body.Email, in.Body.Name)
	if err != nil {
		return nil, err
	}
	if err := CheckPassword(in.Body.Password); err != nil {
		return nil, err
	}
	hash, err := s.passwords.Hash(ctx, in.Body.Password)
	if err != nil {
		return nil, err
	}
	user, err := s.store.CreateFirstAdmin(ctx, store.User{Email: email, Name: name, Role: store.RoleAdmin, PasswordHash: hash})
	if err != nil {
		return nil, fmt.Errorf("create the first admin: %w", err)
	}
	s.audit(as(ctx, user), didCreateUser, user.ID.String(), user.Name, "first admin")
	return s.openSession(ctx, user)
}

func (s *Server) acceptInvitation(ctx context.Context, in *invitationInput) (*loginOutput, error) {
	link, err := s.checkLink(ctx, store.LinkPassword, in.Body.Token)
	if err != nil {
		return nil, err
	}
	if err := CheckPassword(in.Body.Password); err != nil {
		return nil, err
	}
	hash, err := s.passwords.Hash(ctx, in.Body.Password)
	if err != nil {
		return nil, err
	}
	user, err := s.store.UseLink(ctx, link, hash)
	if errors.Is(err, store.ErrNotFound) || err == nil && user.Disabled {
		return nil, linkInvalid()
	}
	if err != nil {
		return nil, fmt.Errorf("accept invitation: %w", err)
	}
	s.credentialsChanged(ctx)
	s.audit(as(ctx, user), didPassword, user.ID.String(), user.Name, "by a one-time link")
	return s.openSession(ctx, user)
}

// checkLink gives the hash of a one-time link that is still good.
func (s *Server) checkLink(ctx context.Context, kind store.LinkKind, token string) ([32]byte, error) {
	hash, ok := hashToken(token)
	if !ok {
		return hash, linkInvalid()
	}
	if _, err := s.store.Link(ctx, kind, hash); errors.Is(err, store.ErrNotFound) {
		return hash, linkInvalid()
	} else if err != nil {
		return hash, fmt.Errorf("check the link: %w", err)
	}
	return hash, nil
}

func linkInvalid() *Problem {
	return problem(http.StatusNotFound, codeLinkInvalid, "this link was used already, is too old, or was never made")
}
