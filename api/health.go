package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readyTime bounds asking the database whether it answers.
const readyTime = 2 * time.Second

// health is the body of /healthz and /readyz.
type health struct {
	Status string            `json:"status"` // ok, degraded, stopping or unavailable
	Checks map[string]string `json:"checks,omitempty"`
}

// healthz says that the process lives.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) {
	s.writeHealth(w, r, http.StatusOK, health{Status: "ok"})
}

// readyz says whether requests should be sent here, and what doesn't answer.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.isStopping() {
		s.writeHealth(w, r, http.StatusServiceUnavailable, health{Status: "stopping"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	h := health{Status: "ok", Checks: map[string]string{"database": "ok"}}
	if redis := s.redisStatus(); redis != "none" {
		h.Checks["redis"] = redis
		if redis != "ok" {
			// Everything goes on without Redis, only slower from node to node: no reason to send people elsewhere.
			h.Status = "degraded"
		}
	}
	if err := s.store.Ping(ctx); err != nil {
		s.log.WarnContext(ctx, "the database does not answer", "error", err)
		h.Status, h.Checks["database"] = "unavailable", "unavailable"
		s.writeHealth(w, r, http.StatusServiceUnavailable, h)
		return
	}
	s.writeHealth(w, r, http.StatusOK, h)
}

func (s *Server) writeHealth(w http.ResponseWriter, r *http.Request, status int, h health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(h); err != nil {
		s.log.DebugContext(r.Context(), "write health", "error", err)
	}
}

// NewAdmin is the handler of the admin address: /metrics and /debug/pprof. It asks nobody who they are: the address must not be public.
func NewAdmin(metrics prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
