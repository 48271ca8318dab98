package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/repaird/repaird/internal/intake"
)

// metrics counts what arrives; its labels come from small fixed sets.
type metrics struct {
	deliveries *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
}

var _ intake.Metrics = (*metrics)(nil)

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "repaird_deliveries_total", Help: "Requests to the intake, by outcome."}, []string{"endpoint", "project", "outcome"}),
		seconds:    prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "repaird_delivery_seconds", Help: "Time until the response.", Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 5}}, []string{"endpoint"}),
	}
	r.MustRegister(m.deliveries, m.seconds)
	return m
}

// Delivery implements intake.Metrics.
func (m *metrics) Delivery(endpoint, project, outcome string, took time.Duration) {
	m.deliveries.WithLabelValues(endpoint, project, outcome).Inc()
	m.seconds.WithLabelValues(endpoint).Observe(took.Seconds())
}
