package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// sessionCookie is the name of the cookie that browsers are logged in with.
const sessionCookie = "bizsync_session"

// User is an account in the API.
type User struct {
	ID        store.UserID   `json:"id" format:"uuid"`
	Email     string         `json:"email" format:"email"`
	Name      string         `json:"name" doc:"Shown to others."`
	Role      store.UserRole `json:"role" enum:"admin,member"`
	Disabled  bool           `json:"disabled" doc:"A disabled account can't log in."`
	CreatedAt time.Time      `json:"createdAt"`
	UpdatedAt time.Time      `json:"updatedAt"`
}

func userOf(u store.User) User {
	return User{ID: u.ID, Email: u.Email, Name: u.Name, Role: u.Role, Disabled: u.Disabled, CreatedAt: u.CreatedAt.UTC(), UpdatedAt: u.UpdatedAt.UTC()}
}

type userOutput struct {
	Body User
}

// loginOutput is a user with the cookie that logs them in.
type loginOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      User
}

type loginInput struct {
	Body struct {
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" maxLength:"1024"`
	}
}

type logoutOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (s *Server) sessionRoutes() {
	register(s, huma.Operation{OperationID: "login", Method: http.MethodPost, Path: prefix + "/session", Tags: []string{"Session"}, Summary: "Log in",
		Description: "Sets the session cookie. Five failed attempts a minute for one account and address.", DefaultStatus: http.StatusOK,
		Errors: []int{http.StatusUnauthorized, http.StatusTooManyRequests}}, public, s.login)
	register(s, huma.Operation{OperationID: "whoami", Method: http.MethodGet, Path: prefix + "/session", Tags: []string{"Session"}, Summary: "Who am I"}, signedIn, s.whoami)
	register(s, huma.Operation{OperationID: "logout", Method: http.MethodDelete, Path: prefix + "/session", Tags: []string{"Session"}, Summary: "Log out",
		Description: "Ends this login and closes the sockets that were opened with its cookie.", DefaultStatus: http.StatusNoContent}, signedIn, s.logout)
}

func (s *Server) login(ctx context.Context, in *loginInput) (*loginOutput, error) {
	email := strings.TrimSpace(in.Body.Email)
	address := addressKey(visitOf(ctx).address)
	sum := sha256.Sum256([]byte(strings.ToLower(email)))
	pair := address + " " + hex.EncodeToString(sum[:])
	for _, limit := range []struct {
		by  *throttle
		key string
	}{{s.loginsByAddress, address}, {s.logins, pair}} {
		if ok, wait := limit.by.take(limit.key); !ok {
			return nil, problem(http.StatusTooManyRequests, codeManyAttempts, "too many attempts: wait a little").retryAfter(wait)
		}
	}
	user, err := s.store.UserByEmail(ctx, email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("log in: %w", err)
	}
	// An unknown account has an empty hash, with which comparing takes as long as with a real one.
	ok, err := s.passwords.matches(ctx, in.Body.Password, user.PasswordHash)
	if err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	if !ok || user.Disabled {
		s.auditFailedLogin(ctx, user, email)
		return nil, problem(http.StatusUnauthorized, codeCredentials, "email or password is wrong")
	}
	s.logins.give(pair)
	s.loginsByAddress.give(address)
	return s.openSession(ctx, user)
}

// openSession logs a user in under a new id.
func (s *Server) openSession(ctx context.Context, user store.User) (*loginOutput, error) {
	v := visitOf(ctx)
	token, hash := newToken()
	now := time.Now().UTC()
	session := store.Session{ID: store.NewID(), User: user.ID, UserAgent: cutText(v.agent, 256), Address: v.address.String(),
		CreatedAt: now, LastSeen: now, ExpiresAt: now.Add(s.sessionIdle)}
	if err := s.store.CreateSession(ctx, session, hash); err != nil {
		return nil, fmt.Errorf("open session: %w", err)
	}
	s.audit(as(ctx, user), didLogin, user.ID.String(), user.Name, cutText(v.agent, 256))
	return &loginOutput{SetCookie: s.cookie(v, token), Body: userOf(user)}, nil
}

// cookie has no lifetime of its own: the session's sliding expiry, in the database, is the only one.
func (s *Server) cookie(v visit, token string) http.Cookie {
	return http.Cookie{Name: sessionCookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: v.base.Scheme == "https"}
}

func (s *Server) whoami(ctx context.Context, _ *struct{}) (*userOutput, error) {
	return &userOutput{Body: userOf(callerOf(ctx).user)}, nil
}

func (s *Server) logout(ctx context.Context, _ *struct{}) (*logoutOutput, error) {
	c := callerOf(ctx)
	if err := s.store.DeleteSession(ctx, c.user.ID, c.session.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("log out: %w", err)
	}
	s.forgetSession(ctx, c.login)
	s.sessionEnded(ctx, c.session.ID)
	s.audit(ctx, didLogout, c.user.ID.String(), c.user.Name, "")
	gone := s.cookie(visitOf(ctx), "")
	gone.MaxAge = -1
	return &logoutOutput{SetCookie: gone}, nil
}

// sessionEnded closes what was opened with a login, on all nodes.
func (s *Server) sessionEnded(ctx context.Context, session uuid.UUID) {
	s.hub.EndSession(session)
	s.credentialsChanged(ctx)
}

// cutText shortens text to at most n bytes of valid UTF-8.
func cutText(text string, n int) string {
	text = strings.ToValidUTF8(text, "")
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
