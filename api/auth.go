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
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/bizsync/bizsync/store"
)

// access is what an operation asks of who calls it.
type access int

const (
	public access = iota
	signedIn
	admin
)

// caller is the account that asks, and the login that it asks with.
type caller struct {
	user    store.User
	session store.Session
	login   [32]byte // hash of the session's cookie
}

// expires is when the login ends if it isn't used before.
func (c caller) expires() time.Time { return c.session.ExpiresAt }

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
	if need != public {
		op.Security = []map[string][]string{{cookieScheme: {}}}
		op.Errors = append(op.Errors, http.StatusUnauthorized)
	}
	if need == admin {
		op.Errors = append(op.Errors, http.StatusForbidden)
	}
	if op.Method != http.MethodGet {
		op.Errors = append(op.Errors, http.StatusForbidden)
	}
	// The operation itself must answer for every error that it names; these three can come from any.
	op.Errors = append(op.Errors, http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable)
	if op.Method == http.MethodPost || op.Method == http.MethodPut || op.Method == http.MethodPatch {
		op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	op.MaxBodyBytes = maxBodyBytes + 1
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		inner := context.WithValue(ctx.Context(), visitKey{}, visit{address: s.origins.address(r), base: s.origins.base(r), agent: r.UserAgent()})
		if need != public {
			c, err := s.authenticate(r)
			if err == nil && need == admin && c.user.Role != store.RoleAdmin {
				err = problem(http.StatusForbidden, codeForbidden, "only admins may do that")
			}
			if err != nil {
				s.writeProblem(w, r, err)
				return
			}
			inner = context.WithValue(inner, callerKey{}, c)
		}
		// A database that is away is told as such while the caller is still listening.
		inner, cancel := context.WithTimeout(inner, requestTime)
		defer cancel()
		next(huma.WithContext(ctx, inner))
	})
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.problemOf(ctx, err)
		}
		return out, nil
	})
}

// authenticate finds out who makes a REST request, from the session cookie. Beside an Authorization header the cookie doesn't count: bad credentials never fall back to it.
func (s *Server) authenticate(r *http.Request) (caller, error) {
	if r.Header.Get("Authorization") != "" {
		return caller{}, problem(http.StatusUnauthorized, codeUnauth, "these credentials are not accepted")
	}
	c, err := s.callerByCookie(r.Context(), r)
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
