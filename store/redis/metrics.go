package redis

import (
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	goredis "github.com/redis/go-redis/v9"
)

// call is what was asked of Redis, as the label of bizsync_redis_commands_failed_total has it.
type call string

const (
	callRenew  call = "renew_presence"
	callNodes  call = "list_nodes"
	callLeases call = "list_leases"
	callLeave  call = "end_presence"
	callFind   call = "find_session"
	callCache  call = "cache_session"
	callForget call = "forget_session"
)

// doing is the call in an error's words.
func (c call) doing() string { return strings.ReplaceAll(string(c), "_", " ") + " in Redis" }

// ofSession says that the call is about the session cache.
func (c call) ofSession() bool { return strings.HasSuffix(string(c), "_session") }

// What came of looking for a session in the cache, as the label of bizsync_redis_sessions_total has it.
const (
	sessionHit     = "hit"
	sessionMiss    = "miss"
	sessionForged  = "forged"  // a value that this cluster did not seal for this session; treated as absent
	sessionSkipped = "skipped" // not looked for, since Redis did not answer a moment ago
)

// Metrics are what a Shared counts. One value belongs to one.
type Metrics struct {
	failed    *prometheus.CounterVec
	leases    prometheus.Counter
	malformed prometheus.Counter
	sessions  *prometheus.CounterVec

	pool atomic.Pointer[goredis.UniversalClient]
}

// NewMetrics makes the metrics and registers them; reg may be nil. Like MustRegister it panics when reg has them already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: "bizsync_redis_" + name, Help: help}
	}
	m := &Metrics{
		failed:    prometheus.NewCounterVec(counter("commands_failed_total", "Exchanges with Redis that failed, by what was asked."), []string{"call"}),
		leases:    prometheus.NewCounter(counter("lease_writes_total", "Presence leases written.")),
		malformed: prometheus.NewCounter(counter("malformed_total", "Records and leases in Redis that no node can have written, and that were left alone.")),
		sessions:  prometheus.NewCounterVec(counter("sessions_total", "Sessions looked for in the cache, by what was found."), []string{"result"}),
	}
	// What has not happened yet is 0, not missing.
	for _, c := range []call{callRenew, callNodes, callLeases, callLeave, callFind, callCache, callForget} {
		m.failed.WithLabelValues(string(c))
	}
	for _, result := range []string{sessionHit, sessionMiss, sessionForged, sessionSkipped} {
		m.sessions.WithLabelValues(result)
	}
	if reg == nil {
		return m
	}
	reg.MustRegister(m.failed, m.leases, m.malformed, m.sessions)
	for _, g := range []struct {
		name, help string
		of         func(*goredis.PoolStats) uint32
	}{
		{"connections", "Connections of the pool.", func(s *goredis.PoolStats) uint32 { return s.TotalConns }},
		{"idle_connections", "Connections of the pool that nobody uses.", func(s *goredis.PoolStats) uint32 { return s.IdleConns }},
	} {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bizsync_redis_pool_" + g.name, Help: g.help}, m.poolStat(g.of)))
	}
	for _, c := range []struct {
		name, help string
		of         func(*goredis.PoolStats) uint32
	}{
		{"waits", "Times that a command had to wait for a connection.", func(s *goredis.PoolStats) uint32 { return s.WaitCount }},
		{"timeouts", "Times that a command waited for a connection in vain.", func(s *goredis.PoolStats) uint32 { return s.Timeouts }},
		{"stale", "Connections that were found dead.", func(s *goredis.PoolStats) uint32 { return s.StaleConns }},
	} {
		reg.MustRegister(prometheus.NewCounterFunc(counter("pool_"+c.name+"_total", c.help), m.poolStat(c.of)))
	}
	return m
}

// watch makes the pool's state that of client.
func (m *Metrics) watch(client goredis.UniversalClient) { m.pool.Store(&client) }

func (m *Metrics) poolStat(of func(*goredis.PoolStats) uint32) func() float64 {
	return func() float64 {
		client := m.pool.Load()
		if client == nil {
			return 0
		}
		return float64(of((*client).PoolStats()))
	}
}

func (m *Metrics) session(result string) { m.sessions.WithLabelValues(result).Inc() }
