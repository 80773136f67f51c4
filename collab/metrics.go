package collab

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bizsync/bizsync/store"
)

// Metrics are what a hub counts. Nothing in it names a document or a person.
type Metrics struct {
	reg prometheus.Registerer

	connections      prometheus.Gauge
	rooms            prometheus.Gauge
	updatesIn        prometheus.Counter
	updatesOut       prometheus.Counter
	acked            prometheus.Counter
	malformed        prometheus.Counter
	held             *prometheus.CounterVec
	heldDropped      prometheus.Counter
	relayed          *prometheus.CounterVec
	refusals         *prometheus.CounterVec
	closes           *prometheus.CounterVec
	awarenessDropped prometheus.Counter
	commitSeconds    *latency
	commitRows       prometheus.Histogram
	commitDocuments  prometheus.Histogram
	commitFailures   prometheus.Counter
	failures         atomic.Uint64 // the same, for Figures
	commitBusy       prometheus.Counter
	quarantined      prometheus.Counter
	loadFailures     prometheus.Counter
	badRows          prometheus.Counter
	compactions      prometheus.Counter
	hashes           *prometheus.CounterVec
	catchUps         *prometheus.CounterVec
	ackSeconds       *latency
	collapsed        prometheus.Counter
	panics           prometheus.Counter
	statelessDropped prometheus.Counter
}

// NewMetrics makes the hub's metrics and registers them; reg may be nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "bizsync_" + name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "bizsync_" + name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bizsync_" + name, Help: help}, []string{label})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "bizsync_" + name, Help: help, Buckets: buckets})
	}
	m := &Metrics{
		reg:              reg,
		connections:      gauge("connections", "Open connections to documents."),
		rooms:            gauge("rooms", "Documents that are loaded."),
		statelessDropped: counter("stateless_dropped_total", "Stateless messages that a slow reader was not told."),
		panics:           counter("room_panics_total", "Rooms that were given up because of a fault of the program."),
		updatesIn:        counter("updates_in_total", "Update frames received from clients."),
		updatesOut:       counter("updates_out_total", "Update frames queued for clients."),
		acked:            counter("updates_committed_total", "Update frames whose content is committed."),
		malformed:        counter("frames_malformed_total", "Frames that could not be decoded."),
		held:             vec("frames_held_total", "Update frames that had to wait: for what they refer to, or for the log to be read to its head before they are refused.", "reason"),
		heldDropped:      counter("frames_held_dropped_total", "Times that held frames were given up and asked for again."),
		relayed:          vec("relayed_total", "Messages of other nodes, by what became of them.", "outcome"),
		refusals:         vec("refusals_total", "Update frames and rows that were refused.", "reason"),
		closes:           vec("closes_total", "Connections that the server closed.", "code"),
		awarenessDropped: counter("awareness_dropped_total", "Presence states that were not relayed: too large, or not a JSON object."),
		commitSeconds: &latency{Histogram: histogram("commit_seconds", "Duration of a commit.",
			[]float64{.0002, .0005, .001, .002, .003, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5})},
		commitRows:      histogram("commit_rows", "Rows in a commit.", []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000}),
		commitDocuments: histogram("commit_documents", "Documents in a commit.", []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}),
		commitFailures:  counter("commit_failures_total", "Commits that failed or whose outcome was unknown."),
		commitBusy:      counter("commit_busy_total", "Times that a document waited by itself, since another transaction held its head."),
		quarantined:     counter("commit_quarantined_total", "Times that one document's part could not be committed by itself."),
		collapsed:       counter("backlogs_collapsed_total", "Times that what waited for a slow reader was taken back, to be sent as one diff."),
		loadFailures:    counter("load_failures_total", "Documents that could not be loaded."),
		badRows:         counter("bad_rows_total", "Rows of the log that could not be decoded."),
		compactions:     counter("compactions_total", "Snapshots that this node has made."),
		hashes:          vec("hash_comparisons_total", "Comparisons of a document's content with another node's.", "outcome"),
		catchUps:        vec("catch_ups_total", "Times that a document's log was read on, by why.", "reason"),
		ackSeconds: &latency{Histogram: histogram("ack_seconds", "Time from receiving an update frame to its being committed.",
			[]float64{.0005, .001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10})},
	}
	// What has not happened yet is 0, not missing.
	for v, values := range map[*prometheus.CounterVec][]string{
		m.held:     {"reference", "head"},
		m.relayed:  {"applied", "partial", "duplicate", "large", "epoch", "strange", "malformed", "overflow", "unsent"},
		m.catchUps: {"hole", "head", "commit", "refusal", "large", "epoch", "strange"},
		m.hashes:   {"equal", "elsewhere", "different"},
		m.refusals: {"4403", "4409", "4413"},
	} {
		for _, value := range values {
			v.WithLabelValues(value)
		}
	}
	m.register(m.connections, m.rooms, m.updatesIn, m.updatesOut, m.acked, m.malformed, m.held, m.heldDropped, m.relayed, m.refusals, m.closes, m.awarenessDropped,
		m.commitSeconds, m.commitRows, m.commitDocuments, m.commitFailures, m.commitBusy, m.quarantined, m.loadFailures, m.badRows, m.compactions, m.hashes, m.catchUps, m.ackSeconds, m.collapsed, m.panics, m.statelessDropped)
	return m
}

func (m *Metrics) register(cs ...prometheus.Collector) {
	if m.reg != nil {
		m.reg.MustRegister(cs...)
	}
}

// watch adds the gauges that are read off a hub.
func (m *Metrics) watch(h *Hub) {
	m.register(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bizsync_documents_damaged", Help: "Documents that could not be read to their end when they were last opened: nobody may edit them."},
			func() float64 {
				h.mu.Lock()
				defer h.mu.Unlock()
				return float64(len(h.damaged))
			}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bizsync_outbox_bytes", Help: "Bytes that wait for slow readers."},
			func() float64 { return float64(h.outboxBytes.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bizsync_staged_bytes", Help: "Bytes accepted and not yet committed."},
			func() float64 { return float64(h.staged.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bizsync_presence_leases", Help: "Connections of this node that it tells the other nodes of."},
			func() float64 { here, _ := h.roster.count(); return float64(here) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bizsync_presence_elsewhere", Help: "Connections of other nodes that this one knows of."},
			func() float64 { _, there := h.roster.count(); return float64(there) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bizsync_presence_whole", Help: "1 while the people of other nodes are known."},
			func() float64 {
				if _, whole := h.roster.nodes(); whole {
					return 1
				}
				return 0
			}),
	)
}

func (m *Metrics) committed(took time.Duration, b store.Batch) {
	rows := 0
	for _, d := range b.Documents {
		rows += len(d.Rows)
	}
	m.commitSeconds.observe(took, time.Now())
	m.commitDocuments.Observe(float64(len(b.Documents)))
	m.commitRows.Observe(float64(rows))
}

// commitFailed counts a try that failed, or whose outcome is unknown.
func (m *Metrics) commitFailed() {
	m.commitFailures.Inc()
	m.failures.Add(1)
}

func (m *Metrics) refused(code int) { m.refusals.WithLabelValues(strconv.Itoa(code)).Inc() }

// refusedRow counts what the transaction refused, by the code that its author is told.
func (m *Metrics) refusedRow(why store.Refusal) {
	switch why {
	case store.NoRight:
		m.refused(CloseForbidden)
	case store.ClientOfOther:
		m.refused(CloseClientID)
	default:
		m.refusals.WithLabelValues(why.String()).Inc()
	}
}

func (m *Metrics) closed(code int) { m.closes.WithLabelValues(strconv.Itoa(code)).Inc() }
