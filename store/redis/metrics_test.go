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
	// What has not happened is 0, which an increase can be seen from.
	fresh := gather(t, reg)
	for _, name := range []string{
		"pool_connections", "commands_failed_total renew_presence", "commands_failed_total list_nodes", "commands_failed_total list_leases",
		"commands_failed_total end_presence", "commands_failed_total find_session", "commands_failed_total cache_session",
		"commands_failed_total forget_session", "sessions_total hit", "sessions_total miss", "sessions_total forged", "sessions_total skipped",
	} {
		if v, ok := fresh["bizsync_redis_"+name]; !ok || v != 0 {
			t.Errorf("%s before there is a client: %v, there: %v; want 0", name, v, ok)
		}
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
		"commands_failed_total list_nodes": 1, "lease_writes_total": 2, "malformed_total": 0, "sessions_total miss": 1,
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
