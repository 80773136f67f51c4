package collab

import "github.com/prometheus/client_golang/prometheus"

// Metrics are what a hub counts. Nothing in it names a document or a person.
type Metrics struct {
}

// NewMetrics makes the hub's metrics and registers them; reg may be nil.
func NewMetrics(reg prometheus.Registerer) *Metrics { return &Metrics{} }
