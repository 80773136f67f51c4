package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

const (
	// eventsType is the media type of Server-Sent Events (HTML Living Standard, 9.2).
	eventsType = "text/event-stream"
	// eventsChunk is how much of a long message goes out under one deadline.
	eventsChunk = 64 << 10
)

// streamTiming are the periods of event streams; tests shorten them.
type streamTiming struct {
	beat  time.Duration // the longest silence
	stall time.Duration // without progress of a write: the client is too slow, and comes back for a new snapshot
	look  time.Duration // between looks at whether the streams' callers may still read them
}

func defaultStreamTiming() streamTiming {
	return streamTiming{beat: 15 * time.Second, stall: 10 * time.Second, look: 750 * time.Millisecond}
}

// events writes Server-Sent Events. What is added goes out together with flush. It is used by one goroutine.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
	waiting bytes.Buffer
}

// begin sends the header, and when clients are to come back after the stream has ended: not all at once.
func (e *events) begin() error {
	// The server's limit in time is for whole requests; this one has a limit for each write.
	if err := e.control.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("begin event stream: %w", err)
	}
	h := e.w.Header()
	h.Set("Content-Type", eventsType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // for proxies that would gather the answer first
	h.Set("Connection", "close")     // the limit of the last write would be one for the next request, too
	e.w.WriteHeader(http.StatusOK)
	fmt.Fprintf(&e.waiting, "retry: %d\n\n", 1000+rand.IntN(2000))
	return e.flush()
}

// add puts an event in the queue; number 0: it has no id.
func (e *events) add(name string, number uint64, data any) error {
	raw, err := json.Marshal(data) // without line breaks
	if err != nil {
		return fmt.Errorf("encode event %s: %w", name, err)
	}
	e.waiting.WriteString("event: " + name + "\n")
	if number > 0 {
		e.waiting.WriteString("id: " + strconv.FormatUint(number, 10) + "\n")
	}
	e.waiting.WriteString("data: ")
	e.waiting.Write(raw)
	e.waiting.WriteString("\n\n")
	return nil
}

// beat sends a comment, so that proxies and clients hear something.
func (e *events) beat() error {
	e.waiting.WriteString(":\n\n")
	return e.flush()
}

// flush sends what was added. It fails when the client takes nothing for a while.
func (e *events) flush() error {
	for e.waiting.Len() > 0 {
		if err := e.control.SetWriteDeadline(time.Now().Add(e.stall)); err != nil {
			return fmt.Errorf("write events: %w", err)
		}
		if _, err := e.w.Write(e.waiting.Next(eventsChunk)); err != nil {
			return fmt.Errorf("write events: %w", err)
		}
		if err := e.control.Flush(); err != nil {
			return fmt.Errorf("write events: %w", err)
		}
	}
	e.waiting.Reset()
	return nil
}

// streaming is the answer of an operation that sends events: run sends them until it fails or its context is done. It isn't bound to the time for requests.
func (s *Server) streaming(st *stream, run func(ctx context.Context, out *events) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(c huma.Context) {
		r, w := humachi.Unwrap(c)
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		st.end = cancel
		if err := s.streams.enter(st); err != nil {
			s.writeProblem(w, r, err)
			return
		}
		defer s.streams.leave(st)
		s.metrics.streams.Inc()
		defer s.metrics.streams.Dec()
		out := &events{w: w, control: http.NewResponseController(w), stall: s.streams.timing.stall}
		err := out.begin()
		if err == nil && r.Method != http.MethodHead {
			err = run(ctx, out)
		}
		s.log.DebugContext(ctx, "event stream ended", "user", st.who.user.ID, "error", err)
	}}
}

// eventOf describes one kind of event.
type eventOf struct {
	name string
	data reflect.Type
}

// describeEvents is the response of an operation that sends events, for the OpenAPI document.
func (s *Server) describeEvents(description string, kinds ...eventOf) map[string]*huma.Response {
	registry := s.api.OpenAPI().Components.Schemas
	var each []*huma.Schema
	for _, k := range kinds {
		event := &huma.Schema{Type: huma.TypeObject, Title: k.name, Required: []string{"event", "data"}, AdditionalProperties: false, Properties: map[string]*huma.Schema{
			"event": {Type: huma.TypeString, Enum: []any{k.name}}, "data": registry.Schema(k.data, true, k.name),
		}}
		event.PrecomputeMessages() // else the library doesn't validate by it
		each = append(each, event)
	}
	return map[string]*huma.Response{"200": {Description: description, Content: map[string]*huma.MediaType{
		eventsType: {Schema: &huma.Schema{Type: huma.TypeArray, Description: "Each entry is one event; its data is one line of JSON.", Items: &huma.Schema{OneOf: each}}},
	}}}
}
