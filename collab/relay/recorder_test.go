package relay

import (
	"encoding/binary"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	LogClient(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// document makes a document id out of a number.
func document(n int) (doc Document) {
	binary.BigEndian.PutUint64(doc[8:], uint64(n))
	return doc
}

// documentChannel is the name of a document's channel.
func documentChannel(doc Document) string { return topic{toDocument, doc}.channel() }

// message is what a handler was told, of whichever kind: doc is a document, a person or, for control, zero.
type message struct {
	doc     Document
	payload string
	kind    kind
}

// recorder is a handler that remembers.
type recorder struct {
	changed chan struct{}

	mu       sync.Mutex
	messages []message
	gaps     int
}

func newRecorder() *recorder { return &recorder{changed: make(chan struct{}, 1)} }

func (r *recorder) handler() Handler {
	tell := func(about topic, payload []byte) {
		r.mu.Lock()
		r.messages = append(r.messages, message{about.id, string(payload), about.kind})
		r.mu.Unlock()
		r.notify()
	}
	return Handler{
		Message: func(doc Document, payload []byte) { tell(topic{toDocument, doc}, payload) },
		Notice:  func(user [16]byte, payload []byte) { tell(topic{toUser, user}, payload) },
		Control: func(payload []byte) { tell(topic{kind: toNodes}, payload) },
		Gap: func() {
			r.mu.Lock()
			r.gaps++
			r.mu.Unlock()
			r.notify()
		},
	}
}

func (r *recorder) notify() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// wait returns when the condition holds, judged after everything that the handler is told.
func (r *recorder) wait(t *testing.T, what string, within time.Duration, holds func(got []message, gaps int) bool) {
	t.Helper()
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		r.mu.Lock()
		ok := holds(r.messages, r.gaps)
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-r.changed:
		case <-late.C:
			r.mu.Lock()
			defer r.mu.Unlock()
			t.Fatalf("%s: not within %v; %d messages, %d gaps", what, within, len(r.messages), r.gaps)
		}
	}
}

func (r *recorder) gapCount() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gaps
}

func (r *recorder) all() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

func (r *recorder) waitGap(t *testing.T, more int) {
	t.Helper()
	r.wait(t, "gap", 10*time.Second, func(_ []message, gaps int) bool { return gaps >= more })
}

func (r *recorder) waitMessage(t *testing.T, want string) {
	t.Helper()
	r.wait(t, "message "+want, 10*time.Second, func(got []message, _ int) bool {
		return slices.ContainsFunc(got, func(m message) bool { return m.payload == want })
	})
}

// value reads a counter or gauge.
func value(tb testing.TB, c prometheus.Metric) float64 {
	tb.Helper()
	var out dto.Metric
	if err := c.Write(&out); err != nil {
		tb.Fatal(err)
	}
	return out.GetCounter().GetValue() + out.GetGauge().GetValue()
}

func droppedFor(tb testing.TB, m *Metrics, reason string) int {
	tb.Helper()
	return int(value(tb, m.dropped.WithLabelValues(reason)))
}

// poll waits for something that has no way to say that it has happened.
func poll(t *testing.T, what string, within time.Duration, holds func() bool) {
	t.Helper()
	late := time.NewTimer(within)
	defer late.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("%s: not within %v", what, within)
		}
	}
}
