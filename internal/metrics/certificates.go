package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Certificate is that of one listener with TLS.
type Certificate struct {
	Listener string
	Expires  time.Time // of the one that is served
	// Usable says that the file on disk can be used; otherwise the one before
	// it is still served.
	Usable bool
}

// certificates reads them at each scrape. A process without TLS has no samples.
type certificates struct {
	read            func() []Certificate
	expires, usable *prometheus.Desc
}

func newCertificates(read func() []Certificate) certificates {
	return certificates{
		read: read,
		expires: prometheus.NewDesc("usher_tls_certificate_expiry_timestamp_seconds",
			"When the TLS certificate that a listener serves expires.", []string{"listener"}, nil),
		usable: prometheus.NewDesc("usher_tls_certificate_usable",
			"Whether the listener's certificate on disk can be used; 0: the one before it is still served.", []string{"listener"}, nil),
	}
}

func (c certificates) Describe(to chan<- *prometheus.Desc) { to <- c.expires; to <- c.usable }

func (c certificates) Collect(to chan<- prometheus.Metric) {
	for _, one := range c.read() {
		if !one.Expires.IsZero() {
			to <- prometheus.MustNewConstMetric(c.expires, prometheus.GaugeValue, float64(one.Expires.Unix()), one.Listener)
		}
		to <- prometheus.MustNewConstMetric(c.usable, prometheus.GaugeValue, truth(one.Usable), one.Listener)
	}
}
