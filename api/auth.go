package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// access is what an operation asks of who calls it.
type access int

const (
	public access = iota
	signedIn
	admin
)

// caller is the account that asks, and the login or the API key that it asks with: the other one is zero.
type caller struct {
	user    store.User
	session store.Session
	login   [32]byte // hash of the session's cookie
	key     store.APIKey
}

// expires is when the login ends if it isn't used before, or when the key does; zero: never.
func (c caller) expires() time.Time {
	if c.key.ID != uuid.Nil {
		return c.key.ExpiresAt
	}
	return c.session.ExpiresAt
}

// may says whether the caller's credentials are good for a scope; those of people are good for all.
func (c caller) may(scope string) bool {
	return c.key.ID == uuid.Nil || scope != "" && slices.Contains(c.key.Scopes, scope)
}

// isAdmin says whether the caller may do what admins do.
func (c caller) isAdmin() bool { return c.user.Role == store.RoleAdmin && c.may(scopeAdmin) }

// visit is what the handlers need to know of the HTTP request.
type visit struct {
	address netip.Addr
	base    *url.URL // at which the person sees this server
	agent   string
}

type (
	callerKey struct{}
	visitKey  struct{}
)

// callerOf gives who asks; only for operations that need somebody signed in.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

func visitOf(ctx context.Context) visit {
	v, _ := ctx.Value(visitKey{}).(visit)
	return v
}

// register adds an operation: who may call it is checked before anything of its body is read, and its errors become problems.
func register[I, O any](s *Server, op huma.Operation, need access, handle func(context.Context, *I) (*O, error)) {
	scope := scopeOf(op.OperationID)
	op.Metadata = make(map[string]any)
	if need == admin || slices.Contains(op.Errors, http.StatusForbidden) {
		op.Metadata[forbids] = true
	}
	if slices.Contains(op.Errors, http.StatusConflict) {
		op.Metadata[conflicts] = true
	}
	if need != public {
		op.Security = []map[string][]string{{cookieScheme: {}}}
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
		if scope != "" {
			op.Security = append(op.Security, map[string][]string{keyScheme: {scope}})
			op.Description = strings.TrimSpace(op.Description + " Scope of API keys: `" + scope + "`.")
		}
	}
	if op.Method != http.MethodGet {
		op.Errors = append(op.Errors, http.StatusForbidden)
	}
	if idempotent(op.OperationID) {
		describeIdempotency(&op)
	}
	// The operation itself must answer for every error that it names; these three can come from any.
	op.Errors = append(op.Errors, http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable)
	hasBody := op.Method == http.MethodPost || op.Method == http.MethodPut || op.Method == http.MethodPatch
	if hasBody {
		op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	limit := requestTime + op.BodyReadTimeout
	if hashes(op.OperationID) {
		limit += passwordWait
	}
	op.Middlewares = append(op.Middlewares, s.guard(need, scope, limit))
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = maxBodyBytes + 1
	} else {
		op.Middlewares = append(op.Middlewares, s.bounded)
	}
	if idempotent(op.OperationID) {
		op.Middlewares = append(op.Middlewares, s.once(limit+2*requestTime))
	}
	if hasBody {
		op.Middlewares = append(op.Middlewares, gauging)
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.problemOf(ctx, err)
		}
		return out, nil
	})
}

// hashes says which operations hash a password, for which they may have to wait for others to have done so.
func hashes(operation string) bool {
	switch operation {
	case "login", "setup", "acceptInvitation", "createUser", "changePassword":
		return true
	}
	return false
}

// guard lets those through who may call an operation, and bounds the time in which it must be answered.
func (s *Server) guard(need access, scope string, limit time.Duration) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		inner := context.WithValue(ctx.Context(), visitKey{}, visit{address: s.origins.address(r), base: s.origins.base(r), agent: r.UserAgent()})
		// A database that is away is told as such while the caller is still listening.
		inner, cancel := context.WithTimeout(inner, limit)
		defer cancel()
		if need != public {
			quick, cancel := context.WithTimeout(inner, requestTime)
			c, err := s.authenticate(quick, r)
			cancel()
			if err == nil {
				err = c.allowed(need, scope)
			}
			if err != nil {
				s.writeProblem(w, r, err)
				return
			}
			inner = context.WithValue(inner, callerKey{}, c)
		}
		next(huma.WithContext(ctx, inner))
	}
}

// allowed says whether the caller may call operations that need this.
func (c caller) allowed(need access, scope string) error {
	switch {
	case !c.may(scope) && scope == "":
		return problem(http.StatusForbidden, codeScope, "API keys can't do that")
	case !c.may(scope):
		return problem(http.StatusForbidden, codeScope, "this API key hasn't the scope "+scope)
	case need == admin && !c.isAdmin():
		return problem(http.StatusForbidden, codeForbidden, "only admins may do that")
	}
	return nil
}

// authenticate finds out who makes a REST request, from an API key or the session cookie. Beside an Authorization header the cookie doesn't count: bad credentials
// never fall back to it.
func (s *Server) authenticate(ctx context.Context, r *http.Request) (caller, error) {
	if authorization := r.Header.Get("Authorization"); authorization != "" {
		return s.callerByKey(ctx, authorization)
	}
	c, err := s.callerByCookie(ctx, r)
	if errors.Is(err, store.ErrNotFound) {
		return caller{}, problem(http.StatusUnauthorized, codeUnauth, "log in first")
	}
	return c, err
}

// callerByCookie gives store.ErrNotFound for a missing, unknown or expired session.
func (s *Server) callerByCookie(ctx context.Context, r *http.Request) (caller, error) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return caller{}, fmt.Errorf("session cookie: %w", store.ErrNotFound)
	}
	hash, ok := hashToken(cookie.Value)
	if !ok {
		return caller{}, fmt.Errorf("session cookie: %w", store.ErrNotFound)
	}
	session, user, err := s.sessionByToken(ctx, hash)
	if err != nil {
		return caller{}, err
	}
	return caller{user: user, session: session, login: hash}, nil
}

// tokenBytes is the size of what sessions and one-time links are proved with.
const tokenBytes = 32

// newToken makes a secret for a cookie or a link, and the hash under which it is stored.
func newToken() (token string, hash [32]byte) {
	b := make([]byte, tokenBytes)
	rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b), sha256.Sum256(b)
}

// hashToken gives the hash of a presented token; ok is false for what newToken can't have made.
func hashToken(token string) (hash [32]byte, ok bool) {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return hash, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return hash, false
	}
	return sha256.Sum256(b), true
}
