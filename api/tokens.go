package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

const (
	defaultTokenLife = time.Hour
	maxTokenLife     = 24 * time.Hour
	// maxTokenBytes bounds what is looked at as a collaboration token.
	maxTokenBytes = 4 << 10
)

// errToken: a collaboration token that can't be accepted.
var errToken = errors.New("bad collaboration token")

// tokenClaims are what a collaboration token says (RFC 7519).
type tokenClaims struct {
	Name string `json:"name"`
	Doc  string `json:"doc"`
	Role string `json:"role"`
	Key  string `json:"key,omitempty"` // id of the API key that it was made with
	jwt.RegisteredClaims
}

// grant is what an accepted token allows its bearer.
type grant struct {
	user store.UserID
	doc  store.DocumentID
	role store.Role // at most
	key  uuid.UUID  // with which the token was made; Nil: none
}

// tokens signs and checks collaboration tokens: JWT, HS256, with the installation's secret.
type tokens struct {
	secret []byte
	parser *jwt.Parser
}

func newTokens(secret []byte) *tokens {
	return &tokens{secret: secret, parser: jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired(), jwt.WithIssuedAt())}
}

// sign makes a token.
func (t *tokens) sign(g grant, name string, issued, expires time.Time) (string, error) {
	claims := tokenClaims{Name: name, Doc: g.doc.String(), Role: g.role.String(), RegisteredClaims: jwt.RegisteredClaims{
		Subject: g.user.String(), IssuedAt: jwt.NewNumericDate(issued), ExpiresAt: jwt.NewNumericDate(expires), ID: store.NewID().String()}}
	if g.key != uuid.Nil {
		claims.Key = g.key.String()
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(t.secret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return token, nil
}

// check verifies signature, algorithm and expiry and reads the claims. Its errors wrap errToken.
func (t *tokens) check(token string) (grant, error) {
	if len(token) > maxTokenBytes {
		return grant{}, fmt.Errorf("%w: too long", errToken)
	}
	var claims tokenClaims
	if _, err := t.parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return t.secret, nil }); err != nil {
		return grant{}, fmt.Errorf("%w: %w", errToken, err)
	}
	user, err := uuid.Parse(claims.Subject)
	if err != nil {
		return grant{}, fmt.Errorf("%w: sub: %w", errToken, err)
	}
	doc, err := uuid.Parse(claims.Doc)
	if err != nil {
		return grant{}, fmt.Errorf("%w: doc: %w", errToken, err)
	}
	role, ok := store.ParseRole(claims.Role)
	if !ok {
		return grant{}, fmt.Errorf("%w: role %q", errToken, claims.Role)
	}
	var key uuid.UUID
	if claims.Key != "" {
		if key, err = uuid.Parse(claims.Key); err != nil {
			return grant{}, fmt.Errorf("%w: key: %w", errToken, err)
		}
	}
	return grant{user: user, doc: doc, role: role, key: key}, nil
}

type createTokenInput struct {
	DocumentPath
	Body *struct {
		Role      string `json:"role,omitempty" enum:"viewer,commenter,editor,owner" doc:"At most your own, which is the default."`
		ExpiresIn *int64 `json:"expiresIn,omitempty" minimum:"1" maximum:"86400" doc:"Seconds; an hour when left out."`
		User      *struct {
			ID   string `json:"id" minLength:"1" maxLength:"200" doc:"Your own word for the person." example:"customer-17"`
			Name string `json:"name" doc:"Shown to others."`
		} `json:"user,omitempty" doc:"A person of your own system, with an API key: they need no account here."`
	}
}

// guest makes the caller's API key's guest a member of the document, with a token's role.
func (s *Server) guest(ctx context.Context, a store.Access, role store.Role, id, name string) (store.User, error) {
	me := callerOf(ctx)
	if me.key.ID == uuid.Nil {
		return store.User{}, problem(http.StatusForbidden, codeForbidden, "only programs, with an API key, make tokens for people of other systems")
	}
	if role == store.Owner {
		return store.User{}, problem(http.StatusForbidden, codeForbidden, "people of other systems can't be owners")
	}
	if !store.ValidExternal(id) {
		return store.User{}, invalid("body.user.id", fmt.Sprintf("an id has 1 to %d bytes", store.MaxExternal))
	}
	name = strings.TrimSpace(name)
	if !plainText(name, maxNameChars) {
		return store.User{}, invalid("body.user.name", fmt.Sprintf("a name has 1 to %d characters, all of them printable", maxNameChars))
	}
	guest, err := s.store.Guest(ctx, me.key.ID, id, name)
	if errors.Is(err, store.ErrTooMany) {
		return store.User{}, problem(http.StatusConflict, codeManyGuests, sentenceOf(codeManyGuests))
	}
	if err != nil {
		return store.User{}, fmt.Errorf("make a guest: %w", err)
	}
	change, err := s.store.AdmitGuest(ctx, a.Document, guest.ID, role)
	if errors.Is(err, store.ErrAboveLender) { // the caller's role was another one a moment ago
		return store.User{}, aboveOwn()
	}
	if err != nil {
		return store.User{}, fmt.Errorf("let the guest in: %w", err)
	}
	if change.Before != role {
		s.accessChanged(a.Document)
		s.auditMember(ctx, a.Document, s.titleOf(ctx, a.Document), change, role)
	}
	return guest, nil
}

func aboveOwn() error {
	return problem(http.StatusForbidden, codeForbidden, "a token can't allow more than your own role")
}

// CollaborationToken opens a document's socket.
type CollaborationToken struct {
	Token     string    `json:"token" doc:"JWT, HS256; put it in the parameter token of the socket's URL."`
	ExpiresAt time.Time `json:"expiresAt" doc:"It opens sockets until then; open ones stay."`
	URL       string    `json:"url" format:"uri" doc:"Base URL of the sockets."`
}

type createTokenOutput struct {
	Body CollaborationToken
}

func (s *Server) tokenRoutes() {
	register(s, huma.Operation{OperationID: "createToken", Method: http.MethodPost, Path: prefix + "/documents/{id}/tokens", Tags: []string{"Tokens"}, Summary: "Make a collaboration token",
		Description: "For opening this document's socket as oneself, never with more than one's own role. With an API key, `user` names a person of your own system instead, a guest of that key, who becomes a member with the token's role " +
			"(editor at most; the last token says which), and stays one until they are removed or the key ends; where your own role is lowered or taken away, so is theirs. " +
			"Whom an owner has removed, or left a lower role, gets no more by the token of somebody who is no owner: 403 `guest_limited`. A key has at most 10,000 such people, and a document 1,000 members, unless the server is set otherwise: 409. One that is made with an API key ends with it, and so do its sockets.", DefaultStatus: http.StatusCreated,
		Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusConflict}}, signedIn, s.createToken)
}

func (s *Server) createToken(ctx context.Context, in *createTokenInput) (*createTokenOutput, error) {
	me := callerOf(ctx).user
	a, err := s.authorize(ctx, me.ID, in.ID, toRead)
	if err != nil {
		return nil, err
	}
	role, life := a.Role, defaultTokenLife
	if in.Body != nil && in.Body.Role != "" {
		asked, ok := store.ParseRole(in.Body.Role)
		if !ok {
			return nil, invalid("body.role", "a role is one of viewer, commenter, editor, owner")
		}
		if asked > a.Role {
			return nil, aboveOwn()
		}
		role = asked
	}
	if in.Body != nil && in.Body.ExpiresIn != nil {
		life = min(time.Duration(*in.Body.ExpiresIn)*time.Second, maxTokenLife)
	}
	who, detail := me, role.String()
	if in.Body != nil && in.Body.User != nil {
		if in.Body.Role == "" {
			role = min(role, store.Editor)
		}
		if who, err = s.guest(ctx, a, role, in.Body.User.ID, in.Body.User.Name); err != nil {
			return nil, err
		}
		detail = fmt.Sprintf("%s (%s): %s", who.Name, who.ID, role)
	}
	// The claims have whole seconds; so has what we say of them.
	now := time.Now().UTC().Truncate(time.Second)
	token, err := s.tokens.sign(grant{user: who.ID, doc: a.Document, role: role, key: callerOf(ctx).key.ID}, who.Name, now, now.Add(life))
	if err != nil {
		return nil, err
	}
	s.audit(ctx, didCreateToken, a.Document.String(), s.titleOf(ctx, a.Document), detail)
	return &createTokenOutput{Body: CollaborationToken{Token: token, ExpiresAt: now.Add(life), URL: socketBase(visitOf(ctx).base)}}, nil
}

// socketBase is the base URL of the sockets of a server that is seen at base.
func socketBase(base *url.URL) string {
	u := base.JoinPath("collab")
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[base.Scheme]
	return u.String()
}
