package relay

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestMetricsAreServed holds the names, on which dashboards depend.
func TestMetricsAreServed(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg)
	// What has not happened is 0, which an increase can be seen from.
	fresh := gather(t, reg)
	for _, reason := range []string{"channel", "truncated", "size", "version", "mac", "heartbeat", "queue_full", "publish", "overflow"} {
		if v, ok := fresh["bizsync_relay_dropped_total "+reason]; !ok || v != 0 {
			t.Errorf("dropped for %s: %v, there: %v; want 0", reason, v, ok)
		}
	}
	m.drop(dropMAC, 2)
	m.heartbeat(time.Now().Add(-time.Minute), time.Second)
	got := gather(t, reg)
	for name, want := range map[string]float64{
		"sent_total": 0, "received_total": 0, "own_total": 0, "unhosted_total": 0, "dropped_total mac": 2, "reconnects_total": 0, "gaps_total": 0,
		"heartbeat_round_trip_seconds": 1, "queue_bytes": 0,
	} {
		if v, ok := got["bizsync_relay_"+name]; !ok || v != want {
			t.Errorf("%s: %v, there: %v; want %v", name, v, ok, want)
		}
	}
	if age := got["bizsync_relay_heartbeat_age_seconds"]; age < 60 || age > 70 {
		t.Errorf("heartbeat age %v, want a minute", age)
	}
}

// TestHeartbeatAgeWithoutRedis: who never heard anything is no better off than who heard it long ago.
func TestHeartbeatAgeWithoutRedis(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg)
	age := func() float64 { return gather(t, reg)["bizsync_relay_heartbeat_age_seconds"] }
	if got := age(); got != 0 {
		t.Errorf("heartbeat age %v before there is a relay, want 0", got)
	}
	began := time.Now()
	r, err := NewRedis(t.Context(), Options{URL: "redis://" + freeAddr(t), Secret: []byte(testSecret), Metrics: m, Handler: Handler{Message: func(Document, []byte) {}}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	poll(t, "the age to grow", 5*time.Second, func() bool { return age() > 0.1 })
	if got, most := age(), time.Since(began); got > most.Seconds() {
		t.Errorf("heartbeat age %v, and the relay began %v ago", got, most)
	}
	if h := r.Health(); h.Connected || h.Heartbeat < 100*time.Millisecond {
		t.Errorf("health %+v", h)
	}
}

// gather reads a registry's counters and gauges; a label's value stands behind the name.
func gather(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return got
}

func TestClientLog(t *testing.T) {
	var out bytes.Buffer
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		l := clientLog{slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))}
		l.Printf(context.Background(), "attempt %d", level)
	}
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "attempt -4") {
		t.Errorf("logged %q, want only the one at debug level", got)
	}
}
