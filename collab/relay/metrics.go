package relay

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Reasons for which a message is dropped, as the label of bizsync_relay_dropped_total has them.
const (
	dropChannel   = "channel"    // not the name of a channel of ours
	dropTruncated = "truncated"  // shorter than an envelope
	dropSize      = "size"       // larger than an envelope may be
	dropVersion   = "version"    // an envelope of another version
	dropMAC       = "mac"        // forged or damaged
	dropHeartbeat = "heartbeat"  // a heartbeat that is not the next one
	dropQueue     = "queue_full" // never sent: too much was waiting
	dropPublish   = "publish"    // never sent, or perhaps sent: Redis did not answer
	dropOverflow  = "overflow"   // in process: a receiver had too much waiting
)

// Metrics are what a relay counts, all without naming a document. One value belongs to one relay.
type Metrics struct {
	sent       prometheus.Counter
	received   prometheus.Counter
	own        prometheus.Counter
	unhosted   prometheus.Counter
	dropped    *prometheus.CounterVec
	reconnects prometheus.Counter
	gaps       prometheus.Counter
	roundTrip  prometheus.Gauge
	queueBytes prometheus.Gauge

	lastHeartbeat atomic.Int64 // Unix nanoseconds; before the first the start of a Redis relay; 0 without one
}

// NewMetrics makes a relay's metrics and registers them; reg may be nil. Like MustRegister it panics when reg has them already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "bizsync_relay_" + name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "bizsync_relay_" + name, Help: help})
	}
	m := &Metrics{
		sent:     counter("sent_total", "Messages sent to other nodes."),
		received: counter("received_total", "Messages of other nodes that concern this one."),
		own:      counter("own_total", "This node's own messages that came back, and were left alone."),
		unhosted: counter("unhosted_total", "Messages for documents that this node does not host, or of a kind that it has no use for."),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bizsync_relay_dropped_total",
			Help: "Messages that were not sent, or not believed, by reason."}, []string{"reason"}),
		reconnects: counter("reconnects_total", "Subscriptions that ended and had to be made again, and attempts that failed."),
		gaps:       counter("gaps_total", "Times that messages may have been missed and the log had to be read."),
		roundTrip:  gauge("heartbeat_round_trip_seconds", "How long the last heartbeat took through Redis and back."),
		queueBytes: gauge("queue_bytes", "Bytes that wait to be sent."),
	}
	for _, reason := range []string{
		dropChannel, dropTruncated, dropSize, dropVersion, dropMAC, dropHeartbeat, dropQueue, dropPublish, dropOverflow,
	} {
		m.dropped.WithLabelValues(reason) // what has not happened yet is 0, not missing
	}
	if reg != nil {
		age := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bizsync_relay_heartbeat_age_seconds",
			Help: "Time since a heartbeat last came back; before the first, since the start."}, func() float64 { return m.heartbeatAge().Seconds() })
		reg.MustRegister(m.sent, m.received, m.own, m.unhosted, m.dropped, m.reconnects, m.gaps, m.roundTrip, m.queueBytes, age)
	}
	return m
}

func (m *Metrics) drop(reason string, n int) { m.dropped.WithLabelValues(reason).Add(float64(n)) }

// start is when a relay began, from which on a heartbeat is waited for.
func (m *Metrics) start(now time.Time) { m.lastHeartbeat.Store(now.UnixNano()) }

func (m *Metrics) heartbeat(now time.Time, roundTrip time.Duration) {
	m.lastHeartbeat.Store(now.UnixNano())
	m.roundTrip.Set(roundTrip.Seconds())
}

func (m *Metrics) heartbeatAge() time.Duration {
	last := m.lastHeartbeat.Load()
	if last == 0 {
		return 0
	}
	return max(0, time.Since(time.Unix(0, last)))
}
