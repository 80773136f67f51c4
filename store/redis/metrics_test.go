package redis

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/bizsync/bizsync/collab/relay"
	"github.com/bizsync/bizsync/store"
)

// valueOf reads a counter or gauge.
func valueOf(tb testing.TB, c prometheus.Metric) float64 {
	tb.Helper()
	var out dto.Metric
	if err := c.Write(&out); err != nil {
		tb.Fatal(err)
	}
	return out.GetCounter().GetValue() + out.GetGauge().GetValue()
}

// TestMetricsAreServed holds the names, on which dashboards depend.
func TestMetricsAreServed(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	opt, err := relay.ParseURL(srv.url())
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg)
	if got := gather(t, reg)["bizsync_redis_pool_connections"]; got != 0 {
		t.Errorf("%v connections before there is a client", got)
	}
	s, err := Open(Options{Client: opt, Secret: []byte("s"), Metrics: m})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := world{T: t, a: s, b: s}
	a := newNode("a")
	w.renew(s, a, []store.Lease{newLease(a, "Ann"), newLease(a, "Bob")}, nil, false)
	w.noSession(s, [32]byte{})
	srv.kill(t)
	if _, err := s.Nodes(t.Context()); err == nil {
		t.Error("no error without Redis")
	}
	got := gather(t, reg)
	for name, want := range map[string]float64{
		"commands_failed_total": 1, "lease_writes_total": 2, "malformed_total": 0, "sessions_total": 1,
		"pool_waits_total": 0, "pool_timeouts_total": 0,
	} {
		if v, ok := got["bizsync_redis_"+name]; !ok || v != want {
			t.Errorf("%s: %v, there: %v; want %v", name, v, ok, want)
		}
	}
	for _, name := range []string{"pool_connections", "pool_idle_connections", "pool_stale_total"} {
		if _, ok := got["bizsync_redis_"+name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
}

func gather(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetCounter().GetValue() + f.GetMetric()[0].GetGauge().GetValue()
	}
	return got
}
