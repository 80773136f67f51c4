package postgres_test

import (
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bizsync/bizsync/store"
)

// measured gives the value of each metric, by its name and pool.
func measured(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			values[f.GetName()+" "+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values
}

func TestPoolMetrics(t *testing.T) {
	o := quiet()
	o.MaxConns, o.JournalConns = 1, 3
	f := newFixture(t, shared.database(t), o, 1)
	registry := prometheus.NewRegistry()
	registry.MustRegister(f.s.Collector())
	if _, err := f.s.Append(t.Context(), f.batch("1", f.heads[0])); err != nil {
		t.Fatal(err)
	}
	before := measured(t, registry)
	const prefix = "bizsync_database_pool_"
	for name, want := range map[string]float64{
		"max_connections shared": 1, "max_connections journal": 3, "total_connections shared": 1, "idle_connections shared": 1, "acquired_connections shared": 0,
		"total_connections journal": 1, "idle_connections journal": 1,
	} {
		if got, ok := before[prefix+name]; !ok || got != want {
			t.Errorf("%s is %v, want %v; all: %v", name, got, want, before)
		}
	}

	// Somebody holds the only connection; several at once have to wait.
	_, err := f.s.LoadDocument(t.Context(), f.heads[0].Document, store.Loader{
		Binding: func(store.Binding) error { return nil },
		Row: func(store.Row) error {
			if got := measured(t, registry)[prefix+"acquired_connections shared"]; got != 1 {
				t.Errorf("%v connections are at work", got)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for tries := 0; ; tries++ {
		var pings sync.WaitGroup
		for range 4 {
			pings.Go(func() {
				if err := f.s.Ping(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		pings.Wait()
		after := measured(t, registry)
		if after[prefix+"waits_total shared"] > before[prefix+"waits_total shared"] && after[prefix+"wait_seconds_total shared"] > before[prefix+"wait_seconds_total shared"] {
			return
		}
		if tries == 100 {
			t.Fatalf("nobody has waited: %v", after)
		}
	}
}
