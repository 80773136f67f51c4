package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

const (
	// keyPrefix is how the text of every API key begins, so that people and scanners of secrets know one when they see it.
	keyPrefix = "bsk_"
	// maxKeys bounds the API keys of an account.
	maxKeys = 100
)

// The scopes of API keys. A key has its user's rights, within its scopes.
const (
	scopeRead   = "documents:read"
	scopeWrite  = "documents:write"
	scopeTokens = "tokens"
	scopeAdmin  = "admin"
)

// scopeOf is the table of which scope an operation asks of an API key. What is not in it is for people only: logins, passwords, and the keys themselves.
func scopeOf(operation string) string {
	switch operation {
	case "listDocuments", "getDocument", "getContent", "listEditors", "followEditors", "listMembers", "getPresence", "findPeople", "listNotices", "streamNotices":
		return scopeRead
	case "createDocument", "duplicateDocument", "changeDocument", "deleteDocument", "restoreDocument", "setMember", "removeMember", "readNotice", "readNotices":
		return scopeWrite
	case "createToken":
		return scopeTokens
	case "listUsers", "createUser", "getUser", "changeUser", "deleteUser", "resetPassword", "listEveryone", "followEveryone", "listNodes", "listAudit", "readStatistics", "endConnection":
		return scopeAdmin
	}
	return ""
}

// Key lets a program in as its user.
type Key struct {
	ID        uuid.UUID  `json:"id" format:"uuid"`
	Name      string     `json:"name"`
	Scopes    []string   `json:"scopes" nullable:"false" enum:"documents:read,documents:write,tokens,admin"`
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"Left out when it never does."`
	LastUsed  *time.Time `json:"lastUsed,omitempty" doc:"Exact to a minute; left out when it was never used."`
}

// NewKey is a key with its text, which is shown this once.
type NewKey struct {
	Key
	Text string `json:"key" doc:"For the header Authorization: Bearer. It is stored as a hash only: keep it, it can't be shown again."`
}

func keyOf(k store.APIKey) Key {
	out := Key{ID: k.ID, Name: k.Name, Scopes: k.Scopes, CreatedAt: k.CreatedAt.UTC()}
	if out.Scopes == nil {
		out.Scopes = []string{}
	}
	if !k.ExpiresAt.IsZero() {
		at := k.ExpiresAt.UTC()
		out.ExpiresAt = &at
	}
	if !k.LastUsed.IsZero() {
		at := k.LastUsed.UTC()
		out.LastUsed = &at
	}
	return out
}

type createKeyInput struct {
	Body struct {
		Name      string     `json:"name" doc:"What it is for."`
		Scopes    []string   `json:"scopes" minItems:"1" maxItems:"4" uniqueItems:"true" nullable:"false" enum:"documents:read,documents:write,tokens,admin"`
		ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"Never, when left out."`
	}
}

type createKeyOutput struct {
	Body NewKey
}

type keyPath struct {
	ID uuid.UUID `path:"id" format:"uuid" doc:"Of the key."`
}

func (s *Server) keyRoutes() {
	tags := []string{"API keys"}
	register(s, huma.Operation{OperationID: "listKeys", Method: http.MethodGet, Path: prefix + "/api-keys", Tags: tags, Summary: "List my API keys", Description: "Newest first, expired ones included."}, signedIn, s.listKeys)
	register(s, huma.Operation{OperationID: "createKey", Method: http.MethodPost, Path: prefix + "/api-keys", Tags: tags, Summary: "Make an API key",
		Description: "A key lets a program do, within its scopes, what I may do. `documents:read` is for reading documents and who is there, `documents:write` for creating and changing them and their members " +
			"(it doesn't include reading), `tokens` for collaboration tokens, `admin` for what admins do. No key can log in, change its own account's password or make keys.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusForbidden, http.StatusConflict}}, signedIn, s.createKey)
	register(s, huma.Operation{OperationID: "deleteKey", Method: http.MethodDelete, Path: prefix + "/api-keys/{id}", Tags: tags, Summary: "Delete an API key",
		Description: "It is refused from then on, and so are the collaboration tokens that were made with it; their sockets are closed on every server.", DefaultStatus: http.StatusNoContent,
		Errors: []int{http.StatusNotFound}}, signedIn, s.deleteKey)
}

func (s *Server) listKeys(ctx context.Context, in *PageInput) (*listOutput[Key], error) {
	keys, next, err := s.store.APIKeys(ctx, callerOf(ctx).user.ID, in.page())
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return listOf(keys, next, keyOf), nil
}

func (s *Server) createKey(ctx context.Context, in *createKeyInput) (*createKeyOutput, error) {
	me := callerOf(ctx).user
	name, err := checkName(in.Body.Name)
	if err != nil {
		return nil, err
	}
	if slices.Contains(in.Body.Scopes, scopeAdmin) && me.Role != store.RoleAdmin {
		return nil, problem(http.StatusForbidden, codeForbidden, "only admins make keys with the scope admin")
	}
	key := store.APIKey{User: me.ID, Name: name, Scopes: in.Body.Scopes}
	if at := in.Body.ExpiresAt; at != nil {
		if !at.After(time.Now()) {
			return nil, invalid("body.expiresAt", "a key must expire in the future")
		}
		key.ExpiresAt = *at
	}
	has, _, err := s.store.APIKeys(ctx, me.ID, store.Page{Limit: maxKeys})
	if err != nil {
		return nil, fmt.Errorf("count API keys: %w", err)
	}
	if len(has) >= maxKeys {
		return nil, problem(http.StatusConflict, codeConflict, fmt.Sprintf("an account has at most %d API keys: delete one first", maxKeys))
	}
	token, hash := newToken()
	if key, err = s.store.CreateAPIKey(ctx, key, hash); err != nil {
		return nil, fmt.Errorf("make API key: %w", err)
	}
	s.audit(ctx, didCreateKey, key.ID.String(), key.Name, strings.Join(key.Scopes, " ")+expiryText(key.ExpiresAt))
	return &createKeyOutput{Body: NewKey{Key: keyOf(key), Text: keyPrefix + token}}, nil
}

func (s *Server) deleteKey(ctx context.Context, in *keyPath) (*struct{}, error) {
	if err := s.store.DeleteAPIKey(ctx, callerOf(ctx).user.ID, in.ID); errors.Is(err, store.ErrNotFound) {
		return nil, problem(http.StatusNotFound, codeNotFound, "no such API key of yours")
	} else if err != nil {
		return nil, fmt.Errorf("delete API key: %w", err)
	}
	s.credentialsChanged(ctx)
	s.audit(ctx, didDeleteKey, in.ID.String(), "", "")
	return nil, nil
}

// callerByKey finds out whose API key an Authorization header has.
func (s *Server) callerByKey(ctx context.Context, authorization string) (caller, error) {
	refused := problem(http.StatusUnauthorized, codeUnauth, "these credentials are not accepted")
	scheme, key, _ := strings.Cut(authorization, " ")
	token, ok := strings.CutPrefix(strings.TrimSpace(key), keyPrefix)
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return caller{}, refused
	}
	hash, ok := hashToken(token)
	if !ok {
		return caller{}, refused
	}
	found, user, err := s.store.APIKeyByToken(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		return caller{}, refused
	}
	if err != nil {
		return caller{}, fmt.Errorf("API key: %w", err)
	}
	who := caller{user: user, key: found}
	s.auditUse(ctx, who)
	return who, nil
}

// keyHolds says whether the key that a collaboration token was made with still holds; true for a token that was made without one.
func (s *Server) keyHolds(ctx context.Context, key uuid.UUID) (bool, error) {
	if key == uuid.Nil {
		return true, nil
	}
	lapsed, err := s.store.Lapsed(ctx, store.Credentials{Keys: []uuid.UUID{key}})
	if err != nil {
		return false, fmt.Errorf("look at the token's API key: %w", err)
	}
	return len(lapsed.Keys) == 0, nil
}
