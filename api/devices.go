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

// Device is a browser in which an account is logged in.
type Device struct {
	ID        uuid.UUID `json:"id" format:"uuid"`
	Current   bool      `json:"current" doc:"It is the login that asks."`
	UserAgent string    `json:"userAgent" doc:"As the browser called itself when it logged in."`
	Address   string    `json:"address" doc:"From where it logged in."`
	CreatedAt time.Time `json:"createdAt"`
	LastSeen  time.Time `json:"lastSeen" doc:"Exact to a minute."`
	ExpiresAt time.Time `json:"expiresAt" doc:"If it isn't used before."`
}

type devicePath struct {
	ID uuid.UUID `path:"id" format:"uuid" doc:"Of the login."`
}

func (s *Server) deviceRoutes() {
	tags := []string{"Session"}
	register(s, huma.Operation{OperationID: "listSessions", Method: http.MethodGet, Path: prefix + "/sessions", Tags: tags, Summary: "Where I am logged in", Description: "Newest login first."}, signedIn, s.listSessions)
	register(s, huma.Operation{OperationID: "deleteSession", Method: http.MethodDelete, Path: prefix + "/sessions/{id}", Tags: tags, Summary: "Log a device of mine out",
		Description: "Closes the sockets and streams that were opened with its cookie, on every server.", DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusNotFound}}, signedIn, s.deleteSession)
}

func (s *Server) listSessions(ctx context.Context, in *PageInput) (*listOutput[Device], error) {
	me := callerOf(ctx)
	sessions, next, err := s.store.Sessions(ctx, me.user.ID, in.page())
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return listOf(sessions, next, func(l store.Session) Device {
		return Device{ID: l.ID, Current: l.ID == me.session.ID, UserAgent: l.UserAgent, Address: l.Address,
			CreatedAt: l.CreatedAt.UTC(), LastSeen: l.LastSeen.UTC(), ExpiresAt: l.ExpiresAt.UTC()}
	}), nil
}

func (s *Server) deleteSession(ctx context.Context, in *devicePath) (*struct{}, error) {
	me := callerOf(ctx)
	if err := s.store.DeleteSession(ctx, me.user.ID, in.ID); errors.Is(err, store.ErrNotFound) {
		return nil, problem(http.StatusNotFound, codeNotFound, "no such login of yours")
	} else if err != nil {
		return nil, fmt.Errorf("end session: %w", err)
	}
	if in.ID == me.session.ID {
		s.forgetSession(ctx, me.login)
	}
	s.sessionEnded(ctx, in.ID)
	s.audit(ctx, didEndSession, me.user.ID.String(), me.user.Name, "session "+in.ID.String())
	return nil, nil
}
