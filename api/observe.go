package api

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// httpMetrics counts requests by route. Nothing in it names a document or a person.
type httpMetrics struct {
	seconds *prometheus.HistogramVec
	sockets prometheus.Gauge
	streams prometheus.Gauge
}

func newHTTPMetrics(reg prometheus.Registerer) *httpMetrics {
	m := &httpMetrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "bizsync_http_request_seconds", Help: "Time to answer HTTP requests, sockets and event streams left out.",
			Buckets: []float64{.001, .005, .025, .1, .5, 2.5}}, []string{"route", "method", "status"}),
		sockets: prometheus.NewGauge(prometheus.GaugeOpts{Name: "bizsync_http_sockets", Help: "Upgraded sockets, those included that are being admitted or closed."}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "bizsync_http_event_streams", Help: "Server-Sent Events streams that are open."}),
	}
	if reg != nil {
		reg.MustRegister(m.seconds, m.sockets, m.streams)
	}
	return m
}

// answer notes what was answered. http.ResponseController finds the writer below through Unwrap.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap gives the writer below.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// observe counts and logs requests: the path, never the query, which may hold a token.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		a := &answer{ResponseWriter: w}
		defer func() {
			took := time.Since(began)
			route := "other"
			if c := chi.RouteContext(r.Context()); c != nil && c.RoutePattern() != "" {
				route = c.RoutePattern()
			}
			if a.status != http.StatusSwitchingProtocols && a.Header().Get("Content-Type") != eventsType {
				s.metrics.seconds.WithLabelValues(route, knownMethod(r.Method), strconv.Itoa(a.status)).Observe(took.Seconds())
			}
			level := slog.LevelDebug
			if r.Method != http.MethodGet && r.Method != http.MethodHead || a.status >= http.StatusInternalServerError {
				level = slog.LevelInfo
			}
			s.log.LogAttrs(r.Context(), level, "request", slog.String("method", knownMethod(r.Method)), slog.String("path", r.URL.Path), slog.Int("status", a.status),
				slog.Duration("took", took), slog.String("address", s.origins.address(r).String()))
		}()
		next.ServeHTTP(a, r)
	})
}

// knownMethod keeps clients from making label values up.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// recovered turns a panic of a handler into a problem, and logs where it happened.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			s.log.ErrorContext(r.Context(), "panic", "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
			if a, ok := w.(*answer); ok && a.status != 0 {
				panic(http.ErrAbortHandler) // too late for an answer: cut the connection, so that nobody takes half of one for whole
			}
			s.writeProblem(w, r, problem(http.StatusInternalServerError, codeInternal, "something went wrong on our side"))
		}()
		next.ServeHTTP(w, r)
	})
}

// securityHeaders go with every answer.
func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; connect-src 'self' ws: wss:; "+
			"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}
