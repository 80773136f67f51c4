package postgres

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// poolCollector reads the state of both pools when metrics are asked for.
type poolCollector struct {
	pools                                        map[string]*pgxpool.Pool
	acquired, idle, total, most, waits, waitTime *prometheus.Desc
}

// Collector gives metrics of the connections: label pool is "journal" for those of Append and Abandon, "watch" for those of what rooms ask all the time, "shared" for those of everything else.
func (s *Store) Collector() prometheus.Collector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("bizsync_database_pool_"+name, help, []string{"pool"}, nil)
	}
	return &poolCollector{
		pools:    map[string]*pgxpool.Pool{"shared": s.pool, "journal": s.journal, "watch": s.watch},
		acquired: desc("acquired_connections", "Database connections at work."),
		idle:     desc("idle_connections", "Database connections that wait for work."),
		total:    desc("total_connections", "Database connections, those being made included."),
		most:     desc("max_connections", "The most database connections that this node opens."),
		waits:    desc("waits_total", "How often somebody had to wait for a database connection."),
		waitTime: desc("wait_seconds_total", "How long all of them have waited for a database connection."),
	}
}

// Describe is for the registry.
func (c *poolCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.acquired, c.idle, c.total, c.most, c.waits, c.waitTime} {
		ch <- d
	}
}

// Collect is for the registry. It waits for nothing.
func (c *poolCollector) Collect(ch chan<- prometheus.Metric) {
	for name, pool := range c.pools {
		s := pool.Stat()
		for _, m := range []struct {
			desc  *prometheus.Desc
			kind  prometheus.ValueType
			value float64
		}{
			{c.acquired, prometheus.GaugeValue, float64(s.AcquiredConns())},
			{c.idle, prometheus.GaugeValue, float64(s.IdleConns())},
			{c.total, prometheus.GaugeValue, float64(s.TotalConns())},
			{c.most, prometheus.GaugeValue, float64(s.MaxConns())},
			{c.waits, prometheus.CounterValue, float64(s.EmptyAcquireCount())},
			{c.waitTime, prometheus.CounterValue, s.EmptyAcquireWaitTime().Seconds()},
		} {
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value, name)
		}
	}
}
