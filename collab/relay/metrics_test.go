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
	m.drop(dropMAC, 2)
	m.heartbeat(time.Now().Add(-time.Minute), time.Second)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		first := f.GetMetric()[0]
		got[f.GetName()] = first.GetCounter().GetValue() + first.GetGauge().GetValue()
	}
	for name, want := range map[string]float64{
		"sent_total": 0, "received_total": 0, "own_total": 0, "unhosted_total": 0, "dropped_total": 2, "reconnects_total": 0, "gaps_total": 0,
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
