package api

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"phaseout/internal/store"
)

// upkeepMetrics tells Prometheus how backups, restore drills and checks are. It
// asks the database when it is asked; what never happened has no value.
type upkeepMetrics struct{ s *Server }

var (
	backupAge = prometheus.NewDesc("phaseout_backup_age_seconds", "Age of the last good backup.", nil, nil)
	drillAge  = prometheus.NewDesc("phaseout_drill_age_seconds", "Age of the last good restore drill.", nil, nil)
	backupOK  = prometheus.NewDesc("phaseout_backup_ok", "1 if the last backup was made and verified.", nil, nil)
	drillOK   = prometheus.NewDesc("phaseout_drill_ok", "1 if the last restore drill succeeded.", nil, nil)
	checkOK   = prometheus.NewDesc("phaseout_check_ok", "1 if the last check found the audit chain and all else intact.", nil, nil)
	alarmsNow = prometheus.NewDesc("phaseout_alarms", "What an administrator has to see to, as on the page of the system's state.", nil, nil)
)

// Describe is the hook of prometheus.Collector.
func (upkeepMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{backupAge, drillAge, backupOK, drillOK, checkOK, alarmsNow} {
		to <- d
	}
}

// Collect is the hook of prometheus.Collector.
func (m upkeepMetrics) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	state, err := m.s.app.UpkeepState(ctx)
	if err != nil {
		m.s.Log.Error("metrics of upkeep", "error", err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64) { to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	ok := func(d *prometheus.Desc, h store.UpkeepHistory) {
		switch {
		case h.Last == nil:
		case h.Last.State == "done":
			gauge(d, 1)
		default:
			gauge(d, 0)
		}
	}
	age := func(d *prometheus.Desc, h store.UpkeepHistory) {
		if h.Good != nil {
			gauge(d, m.s.db.Now().Sub(h.Good.CreatedAt).Seconds())
		}
	}
	age(backupAge, state.Backup)
	age(drillAge, state.Drill)
	ok(backupOK, state.Backup)
	ok(drillOK, state.Drill)
	ok(checkOK, state.Check)
	gauge(alarmsNow, float64(len(state.Alarms)))
}
