package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

const (
	// noticesAtOnce is how many notices a stream reads at once.
	noticesAtOnce = 100
	// noticesRetry is when a stream reads again after the database didn't answer.
	noticesRetry = time.Second
)

// Titled names a document for a person.
type Titled struct {
	ID    store.DocumentID `json:"id" format:"uuid"`
	Title string           `json:"title"`
}

// Notice tells a person what somebody else did to their access.
type Notice struct {
	ID        uuid.UUID        `json:"id" format:"uuid"`
	Kind      store.NoticeKind `json:"kind" enum:"document.shared,document.role,document.removed,document.deleted,document.restored"`
	Document  Titled           `json:"document" doc:"Its title is that of the moment."`
	Role      string           `json:"role,omitempty" enum:"viewer,commenter,editor,owner" doc:"Yours since then; left out when you have none any more."`
	Actor     *Person          `json:"actor,omitempty" doc:"Who did it; left out when it was nobody in particular."`
	CreatedAt time.Time        `json:"createdAt"`
	ReadAt    *time.Time       `json:"readAt,omitempty" doc:"Left out while it is unread."`
}

func noticeOf(n store.Notice) Notice {
	out := Notice{ID: n.ID, Kind: n.Kind, Document: Titled{ID: n.Document, Title: n.Title}, Role: n.Role.String(), CreatedAt: n.CreatedAt.UTC()}
	if n.Actor != uuid.Nil {
		out.Actor = &Person{ID: n.Actor, Name: n.ActorName}
	}
	if !n.ReadAt.IsZero() {
		at := n.ReadAt.UTC()
		out.ReadAt = &at
	}
	return out
}

type listNoticesInput struct {
	PageInput
	Unread bool `query:"unread" doc:"Only those that were not read."`
}

type listNoticesOutput struct {
	Body struct {
		List[Notice]
		Unread int `json:"unread" doc:"How many are unread, on whatever page."`
	}
}

type noticePath struct {
	ID uuid.UUID `path:"id" format:"uuid" doc:"Of the notice."`
}

type readNoticesInput struct {
	Body *struct{}
}

type noticeStreamInput struct {
	LastEventID string `header:"Last-Event-ID" pattern:"^[0-9]{1,19}$" patternDescription:"an event's id" doc:"Goes on after that event; without it, only what is new is sent."`
}

func (s *Server) noticeRoutes() {
	tags := []string{"Notices"}
	register(s, huma.Operation{OperationID: "listNotices", Method: http.MethodGet, Path: prefix + "/notifications", Tags: tags, Summary: "List my notices",
		Description: "Newest first. The newest thousand are kept."}, signedIn, s.listNotices)
	register(s, huma.Operation{OperationID: "readNotices", Method: http.MethodPost, Path: prefix + "/notifications/read", Tags: tags, Summary: "Mark all my notices as read",
		DefaultStatus: http.StatusNoContent}, signedIn, s.readNotices)
	register(s, huma.Operation{OperationID: "readNotice", Method: http.MethodPost, Path: prefix + "/notifications/{id}/read", Tags: tags, Summary: "Mark a notice as read",
		Description: "Doing it again changes nothing.", DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusNotFound}}, signedIn, s.readNotice)
	register(s, huma.Operation{OperationID: "streamNotices", Method: http.MethodGet, Path: prefix + "/notifications/stream", Tags: tags, Summary: "Follow my notices",
		Description: "Server-Sent Events: each new notice as event `notice`. It ends with the login; whoever comes back with `Last-Event-ID` misses none.",
		Errors:      []int{http.StatusTooManyRequests}, Responses: s.describeEvents("The notices as they come", eventOf{"notice", reflect.TypeFor[Notice]()})}, signedIn, s.streamNotices)
}

func (s *Server) listNotices(ctx context.Context, in *listNoticesInput) (*listNoticesOutput, error) {
	me := callerOf(ctx).user.ID
	notices, next, err := s.store.Notices(ctx, me, in.Unread, in.page())
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	unread, err := s.store.UnreadNotices(ctx, me)
	if err != nil {
		return nil, fmt.Errorf("count unread notices: %w", err)
	}
	out := &listNoticesOutput{}
	out.Body.List, out.Body.Unread = listOf(notices, next, noticeOf).Body, unread
	return out, nil
}

func (s *Server) readNotice(ctx context.Context, in *noticePath) (*struct{}, error) {
	if err := s.store.ReadNotice(ctx, callerOf(ctx).user.ID, in.ID); err != nil {
		return nil, fmt.Errorf("mark notice as read: %w", err)
	}
	return nil, nil
}

func (s *Server) readNotices(ctx context.Context, _ *readNoticesInput) (*struct{}, error) {
	me := callerOf(ctx).user.ID
	head, err := s.noticeHead(ctx, me)
	if err != nil {
		return nil, err
	}
	if err := s.store.ReadNotices(ctx, me, head); err != nil {
		return nil, fmt.Errorf("mark notices as read: %w", err)
	}
	return nil, nil
}

// noticeHead gives the number of a person's newest notice, 0 when there has been none.
func (s *Server) noticeHead(ctx context.Context, user store.UserID) (uint64, error) {
	heads, err := s.store.NoticeHeads(ctx, []store.UserID{user})
	if err != nil {
		return 0, fmt.Errorf("newest notice: %w", err)
	}
	return heads[user], nil
}

func (s *Server) streamNotices(ctx context.Context, in *noticeStreamInput) (*huma.StreamResponse, error) {
	me := callerOf(ctx)
	// Before anything is sent, so that a new stream misses nothing from now on.
	after, err := s.noticeHead(ctx, me.user.ID)
	if err != nil {
		return nil, err
	}
	if in.LastEventID != "" {
		last, err := strconv.ParseUint(in.LastEventID, 10, 64)
		if err != nil {
			return nil, invalid("header.Last-Event-ID", "that is no event's id")
		}
		after = min(after, last) // it is beyond the newest only when the database was restored to an earlier time
	}
	return s.streaming(&stream{who: me}, func(ctx context.Context, out *events) error {
		return s.sendNotices(ctx, out, me.user.ID, after)
	}), nil
}

// sendNotices sends a person's notices after that number, as they come.
func (s *Server) sendNotices(ctx context.Context, out *events, user store.UserID, after uint64) error {
	bell := s.hub.Listen(user)
	defer bell.Close()
	beat := time.NewTimer(s.streams.timing.beat)
	defer beat.Stop()
	for {
		retry, err := s.newNotices(ctx, out, user, &after)
		if err != nil {
			return err
		}
		beat.Reset(s.streams.timing.beat)
		select {
		case <-ctx.Done():
			return nil
		case <-retry:
		case <-bell.Rings:
		case <-beat.C:
			if err := out.beat(); err != nil {
				return err
			}
		}
	}
}

// newNotices sends what there is after a number, which it moves. retry says when to try again, since the database doesn't answer.
func (s *Server) newNotices(ctx context.Context, out *events, user store.UserID, after *uint64) (retry <-chan time.Time, err error) {
	for {
		limited, cancel := context.WithTimeout(ctx, requestTime)
		notices, err := s.store.NoticesAfter(limited, user, *after, noticesAtOnce)
		head := *after
		if err == nil && len(notices) == 0 {
			head, err = s.noticeHead(limited, user)
		}
		cancel()
		if err != nil {
			s.log.DebugContext(ctx, "notices can't be read; trying again", "error", err)
			return time.After(noticesRetry), nil
		}
		*after = min(*after, head) // the database was restored to an earlier time: numbers come a second time
		for _, n := range notices {
			if err := out.add("notice", n.Seq, noticeOf(n)); err != nil {
				return nil, err
			}
			*after = n.Seq
		}
		if err := out.flush(); err != nil {
			return nil, err
		}
		if len(notices) < noticesAtOnce {
			return nil, nil
		}
	}
}
