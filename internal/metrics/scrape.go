package metrics

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Rings are the conductors and their hash rings at one moment.
type Rings struct {
	Conductors []Conductor
	Rings      []Ring // one for each conductor group and hardware type
	Changes    uint64 // since the process started
}

// Ring is a hash ring and how many active conductors share it.
type Ring struct {
	Group, HardwareType string
	Conductors          int
}

// Conductor is one that the database knows.
type Conductor struct {
	Host string
	// Online is whether it has not stopped in good order, Active whether its
	// last heartbeat is also young enough.
	Online, Active bool
	HeartbeatAge   time.Duration
}

// rings reads the conductors at each scrape. What cannot be read has no
// samples; /readyz says why.
type rings struct {
	read                                     func(ctx context.Context) (Rings, error)
	active, rings, size, changes, age, alive *prometheus.Desc
}

func newRings(read func(ctx context.Context) (Rings, error)) rings {
	return rings{
		read:   read,
		active: prometheus.NewDesc("usher_conductors_active", "Conductors that are active: online, with a young heartbeat.", nil, nil),
		rings:  prometheus.NewDesc("usher_hash_rings", "Hash rings: one for each conductor group and hardware type.", nil, nil),
		size: prometheus.NewDesc("usher_hash_ring_conductors", "Active conductors that share a hash ring, by conductor group and hardware type.",
			[]string{"conductor_group", "hardware_type"}, nil),
		changes: prometheus.NewDesc("usher_hash_ring_changes_total", "How often this process saw nodes get other conductors.", nil, nil),
		age: prometheus.NewDesc("usher_conductor_heartbeat_age_seconds",
			"Age of the last heartbeat of each conductor that has not stopped in good order.", []string{"conductor"}, nil),
		alive: prometheus.NewDesc("usher_conductor_active",
			"Whether a conductor that the database knows is active.", []string{"conductor"}, nil),
	}
}

func (r rings) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{r.active, r.rings, r.size, r.changes, r.age, r.alive} {
		to <- d
	}
}

func (r rings) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	now, err := r.read(ctx)
	if err != nil {
		return
	}
	active := 0
	for _, c := range now.Conductors {
		host := strings.ToValidUTF8(c.Host, "?") // or it would be no label
		if c.Active {
			active++
		}
		if c.Online {
			to <- prometheus.MustNewConstMetric(r.age, prometheus.GaugeValue, c.HeartbeatAge.Seconds(), host)
		}
		to <- prometheus.MustNewConstMetric(r.alive, prometheus.GaugeValue, truth(c.Active), host)
	}
	to <- prometheus.MustNewConstMetric(r.active, prometheus.GaugeValue, float64(active))
	to <- prometheus.MustNewConstMetric(r.rings, prometheus.GaugeValue, float64(len(now.Rings)))
	for _, ring := range now.Rings {
		to <- prometheus.MustNewConstMetric(r.size, prometheus.GaugeValue, float64(ring.Conductors),
			strings.ToValidUTF8(ring.Group, "?"), strings.ToValidUTF8(ring.HardwareType, "?"))
	}
	to <- prometheus.MustNewConstMetric(r.changes, prometheus.CounterValue, float64(now.Changes))
}

// connections reads the doors at each scrape.
type connections struct {
	read        func() []Connections
	open, limit *prometheus.Desc
}

func newConnections(read func() []Connections) connections {
	return connections{
		read: read,
		open: prometheus.NewDesc("usher_boot_connections_open", "Open connections of machines, by door.", []string{"door"}, nil),
		limit: prometheus.NewDesc("usher_boot_connections_limit",
			"[usher]max_connections, by door; connections beyond it wait.", []string{"door"}, nil),
	}
}

func (c connections) Describe(to chan<- *prometheus.Desc) {
	to <- c.open
	to <- c.limit
}

func (c connections) Collect(to chan<- prometheus.Metric) {
	for _, d := range c.read() {
		to <- prometheus.MustNewConstMetric(c.open, prometheus.GaugeValue, float64(d.Open), d.Door)
		to <- prometheus.MustNewConstMetric(c.limit, prometheus.GaugeValue, float64(d.Limit), d.Door)
	}
}
